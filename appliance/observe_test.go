package appliance

import (
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"huisclos/appliance/metrics"
	"huisclos/appliance/metrics/series"
	"huisclos/audit"
	"huisclos/meetings"
)

// sampleLine is a line of the exposition format.
var sampleLine = regexp.MustCompile(`^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$`)

// exposition reads a page into values by name and labels, and fails the test for lines that are none.
func exposition(t *testing.T, page string) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for line := range strings.Lines(page) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "# HELP ") || strings.HasPrefix(line, "# TYPE ") {
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("no line of the format: %q", line)
		}
		v, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		name := m[1]
		if m[2] != "" {
			name += "{" + m[2] + "}"
		}
		if _, twice := out[name]; twice {
			t.Fatalf("%s stands twice", name)
		}
		out[name] = v
	}
	return out
}

// pageOf is what a collector with the token gets from the main port.
func pageOf(t *testing.T, a *Appliance, token string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "https://"+a.at()+"/metrics", nil)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := browser(t, a).Do(req)
	must(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(t, err)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%d: %s", res.StatusCode, body)
	}
	return string(body)
}

// A call of two people is in every figure that is about it, and neither of them is in any. Nor are they in the log, at any level.
func TestACallIsCountedAndNobodyIsNamed(t *testing.T) {
	h := newHousehold(t, 2)
	a := h.Appliance
	token, err := a.watched.Make(audit.ActorOperator, time.Now())
	must(t, err)
	ada, bob := h.join(t, 0, nil), h.join(t, 1, nil)
	eventually(t, "both are in the figures", func() bool {
		v := exposition(t, pageOf(t, a, token))
		return v[`huisclos_people{transport="udp"}`] == 2 && v["huisclos_join_duration_seconds_count"] >= 2 && v["huisclos_media_forwarded_packets_total"] > 20
	})
	page := pageOf(t, a, token)
	v := exposition(t, page)
	for name, least := range map[string]float64{"huisclos_calls": 1, "huisclos_rooms": 1, "huisclos_accounts": 2, "huisclos_calls_started_total": 1, "huisclos_epochs_total": 1,
		"huisclos_joins_total": 2, "huisclos_media_sent_bytes_total": 1000, "huisclos_media_received_bytes_total": 1000, "huisclos_media_received_packets_total": 20,
		"huisclos_websocket_connections": 2, `huisclos_sign_ins_total{result="ok"}`: 2, "huisclos_database_size_bytes": 1000, "huisclos_database_commit_duration_seconds_count": 5,
		"huisclos_audit_sequence": 5, "huisclos_certificate_expiry_seconds": float64(time.Now().Unix()), "huisclos_disk_size_bytes": 1 << 20, "go_goroutines": 10,
		"process_cpu_seconds_total": 0.01, "process_resident_memory_bytes": 1 << 20, `huisclos_ready{part="database"}`: 1, `huisclos_ready{part="rooms"}`: 1,
		`huisclos_ready{part="listeners"}`: 1, `huisclos_ready{part="running"}`: 1} {
		if v[name] < least {
			t.Errorf("%s is %v", name, v[name])
		}
	}
	// Another minute, and the series and the usage have it.
	must(t, a.watched.note(time.Now().Add(time.Minute)))
	list, err := a.watched.Series(series.Minutes, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	must(t, err)
	if last := list[len(list)-1]; last.Mean[0] != 1 || last.Mean[1] != 2 || last.Mean[2] <= 0 {
		t.Errorf("the minute: %+v", last)
	}
	ada.Leave()
	bob.Leave()
	eventually(t, "the call has ended", func() bool { return exposition(t, pageOf(t, a, token))["huisclos_calls"] == 0 })
	must(t, a.watched.note(time.Now().Add(2*time.Minute)))
	today := time.Now().Add(2 * time.Minute).UTC().Format(time.DateOnly)
	days, err := a.watched.Usage(today, today)
	must(t, err)
	if len(days) != 1 || days[0].Calls != 1 || days[0].Sizes[1] != 1 || days[0].People != 2 || days[0].Minutes != 2 {
		t.Errorf("usage: %+v", days)
	}
	// The counters go on when the call is gone.
	after := exposition(t, pageOf(t, a, token))
	if after["huisclos_media_forwarded_packets_total"] < v["huisclos_media_forwarded_packets_total"] {
		t.Error("the packets of a call that ended are counted no more")
	}
	a.Stop()
	planted := []string{token, "Ada", "Membre 1", "Salle", h.link.Room.String()}
	for _, m := range h.people {
		planted = append(planted, m.email, m.passphrase)
	}
	for _, p := range planted {
		if p == "" {
			continue
		}
		if strings.Contains(page, p) {
			t.Errorf("%q is in the metrics", p)
		}
		if strings.Contains(h.log.String(), p) && p != h.link.Room.String() {
			t.Errorf("%q is in the log", p)
		}
	}
	known := regexp.MustCompile(`^[a-z_0-9]+(\{(transport|matter|reason|line|loss|class|result|part|protection|le|status|version)="[a-z0-9_.+-]*"(,status="[1-5]xx")?\})?$`)
	for name := range v {
		if !known.MatchString(strings.ReplaceAll(name, "+Inf", "+inf")) {
			t.Errorf("the labels of %s are none of those that name nobody", name)
		}
	}
}

// The series outlive a restart, and the stop writes the last of them.
func TestSeriesSurviveARestart(t *testing.T) {
	s := testSettings(t)
	a, _ := start(t, s)
	a.Stop()
	a, _ = start(t, s)
	list, err := a.watched.Series(series.Minutes, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	must(t, err)
	if len(list) == 0 || list[len(list)-1].Mean[0] != 0 {
		t.Errorf("%v", list)
	}
}

func TestTheTestCallIsNoUse(t *testing.T) {
	o := newObserver()
	o.calls["test"] = &tally{most: 2, test: true}
	o.calls["call"] = &tally{most: 3, sampled: 2}
	o.calls["alone"] = &tally{most: 1}
	for _, call := range []meetings.CallID{"test", "call", "alone", "unknown"} {
		o.closed(call)
	}
	if got := o.looked(nil); len(got) != 2 || got[0] != 2 || got[1] != 1 {
		t.Errorf("%v", got)
	}
}

func TestClockJumps(t *testing.T) {
	var c clocks
	noon := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for i, step := range []struct{ wall, steady, jump time.Duration }{
		{0, 0, 0}, {10 * time.Second, 10 * time.Second, 0}, {35 * time.Second, 20 * time.Second, 0}, // a time service corrects
		{24*time.Hour + 45*time.Second, 30 * time.Second, 24 * time.Hour}, {24*time.Hour + 55*time.Second, 40 * time.Second, 0}, {65 * time.Second, 50 * time.Second, -24 * time.Hour},
	} {
		if got := c.compare(noon.Add(step.wall), step.steady); got != step.jump {
			t.Errorf("step %d: %v, want %v", i, got, step.jump)
		}
	}
	if by, at := c.jumped(noon.Add(time.Hour)); by != -24*time.Hour || !at.Equal(noon.Add(65*time.Second)) {
		t.Errorf("told: %v %v", by, at)
	}
	if by, _ := c.jumped(noon.Add(48 * time.Hour)); by != 0 {
		t.Errorf("two days later it is still told: %v", by)
	}
}

func TestDiskState(t *testing.T) {
	const gib = 1 << 30
	for _, tt := range []struct {
		disk        metrics.Disk
		short, last bool
	}{
		{metrics.Disk{}, false, false}, {metrics.Disk{Size: 20 * gib, Free: 5 * gib}, false, false}, {metrics.Disk{Size: 100 * gib, Free: 9 * gib}, true, false},
		{metrics.Disk{Size: 2000 * gib, Free: 100 * gib}, false, false}, {metrics.Disk{Size: 4 * gib, Free: gib - 1}, true, false}, {metrics.Disk{Size: 4 * gib, Free: 100 << 20}, true, true},
	} {
		if short, last := diskState(tt.disk); short != tt.short || last != tt.last {
			t.Errorf("%+v: %v %v", tt.disk, short, last)
		}
	}
}

// The listener of its own has what a collector asks for and no page more; the token is needed there too.
func TestOwnListener(t *testing.T) {
	s := testSettings(t)
	web, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	udp, err := net.ListenPacket("udp", web.Addr().String())
	must(t, err)
	own, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s.given = given{web: web, media: []net.PacketConn{udp}, metrics: own}
	s.MediaPort = 0
	a, _ := start(t, s)
	get := func(path, token string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, "http://"+own.Addr().String()+path, nil)
		must(t, err)
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := http.DefaultClient.Do(req)
		must(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		must(t, err)
		return res.StatusCode, string(body)
	}
	token, err := a.watched.Make(audit.ActorOperator, time.Now())
	must(t, err)
	if status, body := get("/metrics", token); status != http.StatusOK || !strings.Contains(body, "huisclos_calls 0\n") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := get("/metrics", ""); status != http.StatusUnauthorized {
		t.Errorf("without the token: %d", status)
	}
	if status, body := get("/readyz", ""); status != http.StatusOK || body != "ready\n" {
		t.Errorf("ready: %d %q", status, body)
	}
	for _, path := range []string{"/", "/console/", "/api/me", "/api/login"} {
		if status, _ := get(path, token); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}

package appliance

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"huisclos/appliance/logs"
	"huisclos/audit"
)

// What the console is given of the service's log: the latest messages, without what was typed or who sits where; and the level, which
// holds for a time, is recorded, and goes back by itself.
func TestLogbook(t *testing.T) {
	s := testSettings(t)
	s.ring, s.level = new(logs.Ring), new(slog.LevelVar)
	var out bytes.Buffer
	a, err := Start(s, slog.New(logs.New(logs.Options{Out: &out, Level: s.level, Ring: s.ring})))
	must(t, err)
	t.Cleanup(a.Stop)
	book := a.logbook()
	admin := func() audit.Event {
		return audit.Event{Time: time.Now(), Actor: "AAAAAAAAAAAAAAAAAAAAAA", Client: netip.MustParseAddr("192.0.2.1"), Action: audit.LogLevelSet}
	}
	if now, settled, until := book.Level(); now != slog.LevelInfo || settled != slog.LevelInfo || !until.IsZero() {
		t.Error(now, settled, until)
	}
	until := time.Now().Add(300 * time.Millisecond)
	must(t, book.SetLevel(slog.LevelDebug, until, admin()))
	if now, _, at := book.Level(); now != slog.LevelDebug || !at.Equal(until) {
		t.Error(now, at)
	}
	// At this level everything is said that can be; what people type is not.
	c := browser(t, a)
	const typed = "quinze lapins sous la lune"
	for _, body := range []string{`{"email":"ada@example.org","passphrase":"` + typed + `"}`, `{"token":"` + strings.Repeat("Ab1_", 11) + `"}`} {
		for _, path := range []string{"/api/login", "/api/activation", "/api/setup"} {
			req, err := http.NewRequest("POST", "https://"+a.at()+path, strings.NewReader(body))
			must(t, err)
			req.Header.Set("Origin", "https://"+a.at())
			req.Header.Set("Content-Type", "application/json")
			res, err := c.Do(req)
			must(t, err)
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
	}
	a.log.Warn("a broken part says too much", "passphrase", typed, "error", "of ada@example.org: "+strings.Repeat("Ab1_", 11))
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if now, _, at := book.Level(); now == slog.LevelInfo && at.IsZero() {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the level of the settings does not come back")
		}
	}
	lines, _ := book.Find(logs.Query{Level: slog.LevelDebug})
	if len(lines) < 3 {
		t.Errorf("%d lines", len(lines))
	}
	for _, l := range lines {
		for _, secret := range []string{typed, "ada@example.org", "Ab1_Ab1_", "127.0.0.1:"} {
			if strings.Contains(l.Message+l.Detail, secret) {
				t.Errorf("%q stands in %+v", secret, l)
			}
		}
	}
	list, err := a.trail.List(0, 50)
	must(t, err)
	var set []audit.Entry
	for _, e := range list {
		if e.Action == audit.LogLevelSet {
			set = append(set, e)
		}
	}
	if len(set) != 2 || set[1].Actor != "AAAAAAAAAAAAAAAAAAAAAA" || set[1].Detail["to"] != "debug" || set[1].Detail["until"] == "" || set[0].Actor != audit.ActorSystem || set[0].Detail["to"] != "info" {
		t.Errorf("%+v", set)
	}
	// Back by hand, at once; a reading of the settings does the same.
	must(t, book.SetLevel(slog.LevelError, time.Now().Add(time.Hour), admin()))
	must(t, book.SetLevel(slog.LevelInfo, time.Time{}, admin()))
	if now, _, at := book.Level(); now != slog.LevelInfo || !at.IsZero() || a.held.timer != nil {
		t.Error(now, at)
	}
}

// Addresses in the log are the policy's.
func TestAddressesByPolicy(t *testing.T) {
	for address, want := range map[string][2]string{
		"192.0.2.77": {"192.0.2.0/24", "192.0.2.77"}, "::ffff:192.0.2.77": {"192.0.2.0/24", "192.0.2.77"}, "2001:db8:1:2::3": {"2001:db8:1::/48", "2001:db8:1:2::3"},
	} {
		a := netip.MustParseAddr(address)
		if got := [2]string{maskOf(false)(a), maskOf(true)(a)}; got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	if got := maskOf(true)(netip.Addr{}); got != "-" {
		t.Error(got)
	}
	for _, full := range []bool{false, true} {
		var out bytes.Buffer
		l := httpLog{slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})), func() bool { return full }}
		_, _ = l.Write([]byte("http: TLS handshake error from 192.0.2.77:4711: EOF\n"))
		if strings.Contains(out.String(), "192.0.2.77") != full {
			t.Error(full, out.String())
		}
	}
}

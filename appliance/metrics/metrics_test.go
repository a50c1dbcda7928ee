package metrics

import (
	"strings"
	"testing"
	"time"
)

func text(t *testing.T, p Page) string {
	t.Helper()
	var b strings.Builder
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPage(t *testing.T) {
	noon := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	got := text(t, State{
		Version: `1.0 "x"` + "\n", People: map[string]int{"udp": 2, "carrier pigeon": 1}, Requests: map[Request]uint64{{"api", 200}: 3, {"api", 204}: 1, {"api", 404}: 5},
		JoinTime: Distribution{Bounds: []float64{0.5, 1}, Counts: []uint64{2, 1, 4}, Sum: 9.5}, Media: Media{Refused: map[string]uint64{"old-epoch": 7, "a new one": 2}},
		Backup: noon.Add(-90 * time.Minute), BackupEvery: 6 * time.Hour, BackupFailing: true, Mail: Failing, Closed: map[string]bool{"landlock": false, "somebody's": true},
	}.Page(noon))
	for _, want := range []string{
		"# HELP huisclos_calls Calls in progress, each in a room of its own.\n# TYPE huisclos_calls gauge\nhuisclos_calls 0\n",
		`huisclos_build_info{version="1.0 \"x\"\n"} 1`,
		`huisclos_people{transport="udp"} 2`, `huisclos_people{transport="other"} 1`, `huisclos_people{transport="relay"} 0`,
		`huisclos_http_requests_total{class="api",status="2xx"} 4`, `huisclos_http_requests_total{class="api",status="4xx"} 5`,
		`huisclos_join_duration_seconds_bucket{le="0.5"} 2`, `huisclos_join_duration_seconds_bucket{le="1"} 3`, `huisclos_join_duration_seconds_bucket{le="+Inf"} 7`,
		"huisclos_join_duration_seconds_sum 9.5\nhuisclos_join_duration_seconds_count 7\n",
		`huisclos_gate_refused_packets_total{reason="old-epoch"} 7`, `huisclos_gate_refused_packets_total{reason="other"} 2`,
		"huisclos_backup_age_seconds 5400\n", "huisclos_backup_period_seconds 21600\n", "huisclos_backup_failing 1\n", "huisclos_mail_up 0\n", `huisclos_protection{protection="landlock"} 0`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("without %q:\n%s", want, got)
		}
	}
	for _, never := range []string{"carrier", "a new one", "somebody", "huisclos_directory_up", "NaN"} {
		if strings.Contains(got, never) {
			t.Errorf("with %q", never)
		}
	}
}

func TestTimes(t *testing.T) {
	times := NewTimes(0.1, 1)
	for _, took := range []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond, time.Minute} {
		times.Add(took)
	}
	d := times.Read()
	if d.Counts[0] != 2 || d.Counts[1] != 1 || d.Counts[2] != 1 || d.Sum != 60.45 {
		t.Errorf("%+v", d)
	}
}

func TestCountsAreBounded(t *testing.T) {
	var c Counts
	for i := range maxValues + 10 {
		c.Add(strings.Repeat("x", i+1))
	}
	if n := len(c.Values()); n != maxValues {
		t.Errorf("%d values", n)
	}
}

func TestClasses(t *testing.T) {
	for bits, want := range map[int64]string{0: "unlimited", 100_000: "under_300k", 300_000: "under_300k", 500_000: "300k_to_1m", 2_000_000: "1m_to_3m", 5_000_000: "over_3m"} {
		if got := LineClass(bits); got != want {
			t.Errorf("%d: %s", bits, got)
		}
	}
	for loss, want := range map[float64]string{0: "under_1_percent", 0.01: "1_to_5_percent", 0.05: "1_to_5_percent", 0.2: "over_5_percent"} {
		if got := LossClass(loss); got != want {
			t.Errorf("%v: %s", loss, got)
		}
	}
}

func TestProcess(t *testing.T) {
	p := ReadProcess("/proc")
	if p.CPU <= 0 || p.Cores < 1 || p.Memory < 1<<20 || p.Heap == 0 || p.Goroutines < 1 || p.Files < 3 {
		t.Errorf("%+v", p)
	}
	if p := ReadProcess(t.TempDir()); p.Memory == 0 {
		t.Error("without /proc there is no memory")
	}
	if n, err := resident("1234 567 89 1 0 100 0\n", 4096); err != nil || n != 567*4096 {
		t.Errorf("%d, %v", n, err)
	}
	for _, bad := range []string{"", "1", "1 x"} {
		if _, err := resident(bad, 4096); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
	d, err := ReadDisk(t.TempDir())
	if err != nil || d.Size == 0 || d.Free > d.Size {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := ReadDisk("/nowhere"); err == nil {
		t.Error("nowhere has room")
	}
}

package posture

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"huisclos/hardening"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// good are facts of which every line is green.
func good() Facts {
	self := hardening.Report{{Name: "clock-steady", State: hardening.OK}, {Name: "clock-kept", State: hardening.OK}, {Name: "random", State: hardening.OK}, {Name: "kernel.kptr_restrict", State: hardening.OK, Advice: true}}
	for _, name := range process {
		self = append(self, hardening.Line{Name: name, State: hardening.OK})
	}
	for i := range self {
		self[i].Detail, self[i].Why, self[i].Do = hardening.Text{FR: "Oui.", EN: "Yes."}, hardening.Text{FR: "Parce.", EN: "Because."}, hardening.Text{FR: "Faites.", EN: "Do."}
	}
	return Facts{Now: noon, Self: self,
		TLS:  []Handshakes{{tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, tls.X25519MLKEM768, 7}},
		DTLS: []Count{{"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 · AEAD_AES_256_GCM", 3}},
		Gate: Gate{Received: 100, Forwarded: 90, Refused: map[string]uint64{"old-epoch": 2, "replayed": 0}},
		Keys: Keys{Suite: "MLS", Calls: 2, Now: 1, Epochs: 5}, Pepper: Given, Certificate: Certificate{Expires: noon.Add(60 * 24 * time.Hour)},
		Audit:   Audit{Known: true, Entries: 20, Verified: noon.Add(-time.Hour), Size: 18, Signed: noon.Add(-2 * time.Minute), Waiting: noon.Add(-time.Minute)},
		Devices: Devices{Known: true, Size: 4, Last: noon.Add(-time.Hour)},
		Backup:  Backup{Known: true, On: true, Every: 24 * time.Hour, Good: noon.Add(-5 * time.Hour)},
		Program: Program{Version: "1", Go: "go1.26", Platform: "linux/amd64", Trimmed: true, Modules: 50, Packages: 8}}
}

func line(t *testing.T, r Report, name string) Line {
	t.Helper()
	for _, l := range r {
		if l.Name == name {
			return l
		}
	}
	t.Fatalf("no line %s", name)
	return Line{}
}

// Nothing is green that was not measured: of an appliance of which nothing is known, no line is.
func TestNothingIsGreenUnmeasured(t *testing.T) {
	for _, l := range (Facts{Now: noon}).Report() {
		if l.Level != Unknown {
			t.Errorf("%s is %s of no facts", l.Name, l.Level)
		}
	}
	for _, state := range []hardening.State{hardening.Unknown, "", "else"} {
		if l := Of(Kernel, hardening.Line{State: state}); l.Level != Unknown {
			t.Errorf("%q is %s", state, l.Level)
		}
	}
	if got := good().Report().Worst(); got != Green {
		t.Errorf("of good facts the worst is %s", got)
	}
}

// TestEachLine changes one fact at a time, and only the line that is about it changes.
func TestEachLine(t *testing.T) {
	self := func(name string, state hardening.State, advice bool) func(*Facts) {
		return func(f *Facts) {
			for i := range f.Self {
				if f.Self[i].Name == name {
					f.Self[i].State, f.Self[i].Advice = state, advice
				}
			}
		}
	}
	type test struct {
		line   string
		change func(*Facts)
		want   Level
	}
	cases := []test{
		{"tls", func(f *Facts) { f.TLS = nil }, Unknown},
		{"tls", func(f *Facts) {
			f.TLS = append(f.TLS, Handshakes{tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, tls.CurveP256, 1})
		}, Attention},
		{"tls", func(f *Facts) {
			f.TLS = append(f.TLS, Handshakes{tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.X25519, 1})
		}, Red},
		{"dtls-srtp", func(f *Facts) { f.DTLS = nil }, Unknown},
		{"dtls-srtp", func(f *Facts) { f.DTLS = append(f.DTLS, Count{"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA · x", 1}) }, Red},
		{"gate", func(f *Facts) { f.Gate = Gate{} }, Unknown},
		{"gate", func(f *Facts) { f.Gate.Refused["no-header"] = 1 }, Attention},
		{"gate", func(f *Facts) { f.Gate = Gate{Refused: map[string]uint64{"no-header": 4}} }, Attention}, // clear media, and nothing else
		{"mls", func(f *Facts) { f.Keys.Calls = 0 }, Unknown},
		{"mls", func(f *Facts) { f.Keys.Suite = "" }, Unknown},
		{"pepper", func(f *Facts) { f.Pepper = File }, Attention},
		{"pepper", func(f *Facts) { f.Pepper = "" }, Unknown},
		{"certificate", func(f *Facts) { f.Certificate.Expires = noon }, Red},
		{"certificate", func(f *Facts) { f.Certificate.Soon = true }, Attention},
		{"certificate", func(f *Facts) { f.Certificate.SelfSigned = true }, Attention},
		{"certificate", func(f *Facts) { f.Certificate = Certificate{} }, Unknown},
		{"audit-verified", func(f *Facts) { f.Audit.Verified = time.Time{} }, Attention},
		{"audit-verified", func(f *Facts) { f.Audit.Verified = noon.Add(-32 * 24 * time.Hour) }, Attention},
		{"audit-verified", func(f *Facts) { f.Audit.Fault = true }, Red},
		{"audit-signed", func(f *Facts) { f.Audit.Waiting = noon.Add(-11 * time.Minute) }, Red},
		{"audit-signed", func(f *Facts) { f.Audit.Size = 21 }, Red},
		{"audit-signed", func(f *Facts) { f.Audit.Size = 0 }, Unknown},
		{"device-log", func(f *Facts) { f.Devices.Known = false }, Unknown},
		{"device-log", func(f *Facts) { f.Devices.Size = 0 }, Unknown},
		{"device-log", func(f *Facts) { f.Devices.Fault = true }, Red},
		{"device-log", func(f *Facts) { f.Devices = Devices{Fault: true} }, Red},
		{"backup", func(f *Facts) { f.Backup.Known = false }, Unknown},
		{"backup", func(f *Facts) { f.Backup.Good = noon.Add(-73 * time.Hour) }, Red},
		{"backup", func(f *Facts) { f.Backup.Failed = true }, Attention},
		{"backup", func(f *Facts) { f.Backup.On = false }, Attention},
		{"backup", func(f *Facts) { f.Backup.Good = time.Time{} }, Attention},
		{"backup", func(f *Facts) { f.Backup.Good, f.Backup.Failed = time.Time{}, true }, Red},
		{"backup", func(f *Facts) { f.Backup = Backup{Known: true} }, Attention},
		{"program", func(f *Facts) { f.Program.Go = "" }, Unknown},
		{"program", func(f *Facts) { f.Program.Test = true }, Red},
		{"program", func(f *Facts) { f.Program.Altered = true }, Attention},
		{"program", func(f *Facts) { f.Program.CGO = true }, Attention},
		{"program", func(f *Facts) { f.Program.Trimmed = false }, Attention},
		{"components", func(f *Facts) { f.Program.Packages = 0 }, Unknown},
	}
	for _, l := range good().Self {
		cases = append(cases, test{l.Name, self(l.Name, hardening.Missing, false), Red}, test{l.Name, self(l.Name, hardening.Missing, true), Attention}, test{l.Name, self(l.Name, hardening.Unknown, false), Unknown})
	}
	for _, c := range cases {
		f := good()
		c.change(&f)
		r := f.Report()
		if got := line(t, r, c.line); got.Level != c.want {
			t.Errorf("%s is %s (%s), want %s", got.Name, got.Level, got.Detail.EN, c.want)
		}
		for _, l := range r {
			if l.Name != c.line && l.Level != Green && (c.line != "audit-verified" && c.line != "audit-signed" || l.Name[:5] != "audit") {
				t.Errorf("with another %s, %s is %s", c.line, l.Name, l.Level)
			}
			for which, s := range map[string]hardening.Text{"detail": l.Detail, "why": l.Why, "do": l.Do} {
				if !strings.HasSuffix(s.FR, ".") || !strings.HasSuffix(s.EN, ".") || s.FR == "" {
					t.Errorf("%s: %s is %+v", l.Name, which, s)
				}
			}
		}
	}
}

// Lines of the self-check about other servers are none of a protection, and what was read outside fills only what was not read inside.
func TestFill(t *testing.T) {
	f := good()
	f.Self = append(f.Self, hardening.Line{Name: "directory", State: hardening.Missing})
	f.Self[0].State, f.Self[3].State = hardening.Unknown, hardening.Unknown
	r := f.Report()
	for _, l := range r {
		if l.Name == "directory" {
			t.Error("the directory is among the protections")
		}
	}
	filled := r.Fill(hardening.Report{{Name: "clock-steady", State: hardening.OK}, {Name: "kernel.kptr_restrict", State: hardening.Missing, Advice: true}, {Name: "random", State: hardening.Missing}})
	for name, want := range map[string]Level{"clock-steady": Green, "kernel.kptr_restrict": Attention, "random": Green} {
		if got := line(t, filled, name); got.Level != want || got.Area == "" {
			t.Errorf("%s is %s, want %s", name, got.Level, want)
		}
	}
	if line(t, r, "clock-steady").Level != Unknown || filled.Worst() != Attention || filled.Counted()[Attention] != 1 {
		t.Errorf("%v, %s", filled.Counted(), filled.Worst())
	}
	areas := Areas()
	for i, at := 0, 0; i < len(filled); i++ {
		for areas[at] != filled[i].Area {
			at++ // out of range: not ordered
		}
	}
}

// TestNumbersHaveTheirNouns: 0, 1 and more, as each language counts them.
func TestNumbersHaveTheirNouns(t *testing.T) {
	for n, want := range map[uint64][2]string{0: {"0 changement", "0 changes"}, 1: {"1 changement", "1 change"}, 2: {"2 changements", "2 changes"}} {
		if got := several(n, "changement", "changements", "change", "changes"); got.FR != want[0] || got.EN != want[1] {
			t.Errorf("%d: %v", n, got)
		}
	}
	for d, want := range map[time.Duration][2]string{0: {"moins d'une heure", "less than an hour"}, 59 * time.Minute: {"moins d'une heure", "less than an hour"}, 119 * time.Minute: {"une heure", "one hour"}, 7 * time.Hour: {"7 heures", "7 hours"}} {
		if got := hoursOf(d); got.FR != want[0] || got.EN != want[1] {
			t.Errorf("%v: %v", d, got)
		}
	}
}

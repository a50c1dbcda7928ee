package appliance

import (
	"net/http"
	"testing"
	"time"

	"huisclos/appliance/reach"
)

func TestProbes(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := newProbes(func() time.Time { return now })
	first := p.issue()
	if first.Ufrag == "" || len(first.Password) < 22 || first.Until != now.Add(probeFor) { // RFC 8445 §5.3: 128 bits
		t.Errorf("%v", first)
	}
	if got, ok := p.password([]byte(first.Ufrag)); !ok || got != first.Password {
		t.Error("a fresh probe is not known")
	}
	if p.proof(first.Ufrag) != first.Proof() || p.proof("another") != "" || p.proof("") != "" {
		t.Error("proofs")
	}
	for range probeAnswers {
		p.password([]byte(first.Ufrag))
	}
	if _, ok := p.password([]byte(first.Ufrag)); ok {
		t.Error("it is answered for ever")
	}
	for range maxProbes {
		p.issue()
	}
	if got := p.issue(); got.Ufrag != "" {
		t.Error("there is no limit")
	}
	now = now.Add(probeFor)
	second := p.issue()
	if second.Ufrag == "" || len(p.list) != 1 {
		t.Error("those of a minute ago still count")
	}
	now = now.Add(probeFor)
	if _, ok := p.password([]byte(second.Ufrag)); ok {
		t.Error("it lasts longer than it says")
	}
}

// TestHealthSaysWhoItIs to a probe of its own, and to nobody else.
func TestHealthSaysWhoItIs(t *testing.T) {
	a, _ := start(t, testSettings(t))
	c := browser(t, a)
	probe := a.network().Probe
	for named, want := range map[string]string{"": "", "x": "", probe.Password: "", probe.Ufrag: probe.Proof()} {
		req, err := http.NewRequest(http.MethodGet, "https://"+a.at()+"/healthz", nil)
		must(t, err)
		req.Header.Set(reach.ProbeHeader, named)
		res, err := c.Do(req)
		must(t, err)
		_ = res.Body.Close()
		if got := res.Header.Get(reach.ProbeHeader); got != want {
			t.Errorf("%q is answered %q", named, got)
		}
	}
}

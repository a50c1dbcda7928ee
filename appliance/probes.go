package appliance

import (
	"crypto/rand"
	"encoding/base64"
	"maps"
	"sync"
	"time"

	"huisclos/appliance/reach"
)

const (
	probeFor = time.Minute
	// maxProbes bounds how many are known at once; the control socket makes them for root and the appliance's user only.
	maxProbes = 16
	// probeAnswers bounds what somebody who watches the line could have repeated with a probe that they saw.
	probeAnswers = 512
)

// probes are the credentials with which "huisclos check network" asks the ports for an answer. Each lasts a minute; without one
// nothing answers that did not answer before.
type probes struct {
	now func() time.Time

	mu   sync.Mutex
	list map[string]*heldProbe
}

type heldProbe struct {
	reach.Probe
	left int
}

func newProbes(now func() time.Time) *probes { return &probes{now: now, list: map[string]*heldProbe{}} }

// issue makes a probe, or none (the zero value) while there are too many.
func (p *probes) issue() reach.Probe {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.list, func(_ string, h *heldProbe) bool { return !now.Before(h.Until) })
	if len(p.list) >= maxProbes {
		return reach.Probe{}
	}
	made := reach.Probe{Ufrag: iceText(9), Password: iceText(24), Until: now.Add(probeFor)}
	p.list[made.Ufrag] = &heldProbe{made, probeAnswers}
	return made
}

// password gives that of a probe which still counts. Most who ask are strangers: nothing is allocated for them.
func (p *probes) password(ufrag []byte) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.list[string(ufrag)]
	if h == nil || h.left == 0 || !p.now().Before(h.Until) {
		return "", false
	}
	h.left--
	return h.Password, true
}

// proof is what the health page says to who names a probe, empty for all others.
func (p *probes) proof(ufrag string) string {
	password, ok := p.password([]byte(ufrag))
	if !ok {
		return ""
	}
	return reach.Probe{Password: password}.Proof()
}

// iceText makes ICE characters (RFC 8839 §5.4) of n random octets, n a multiple of three.
func iceText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.StdEncoding.EncodeToString(b)
}

// network is what the control socket says to "huisclos check network".
func (a *Appliance) network() reach.Service {
	return reach.Service{Port: a.port, MediaPort: a.second, Fingerprint: a.keeper.Fingerprint(), Names: a.inForce().Hostnames, Public: a.inForce().PublicAddresses,
		Named: a.inForce().Named(), Probe: a.probes.issue()}
}

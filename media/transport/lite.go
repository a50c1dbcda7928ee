package transport

import (
	"crypto/rand"
	"encoding/base64"
	"net/netip"
	"time"
)

type credential struct{ ufrag, password string }

// renew gives the link new ICE credentials: at its birth and for each restart
// (RFC 8445 §9).
func (l *link) renew() {
	c := credential{ufrag: randomText(9), password: randomText(24)}
	l.mu.Lock()
	var retired string
	l.credentials = append(l.credentials, c)
	if len(l.credentials) > 2 {
		retired = l.credentials[0].ufrag
		l.credentials = l.credentials[1:]
	}
	l.heard = l.now()
	l.mu.Unlock()
	l.port.register(c.ufrag, l)
	if retired != "" {
		l.port.unregister(retired, l)
	}
}

func (l *link) credential() credential {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.credentials[len(l.credentials)-1]
}

// randomText makes ICE characters (RFC 8839 §5.4) of n random bytes, n a
// multiple of three.
func randomText(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand)
	return base64.StdEncoding.EncodeToString(b)
}

// route is an authenticated path and what the far end's checks said about it.
type route struct {
	path
	priority  uint64 // of the pair, RFC 8445 §6.1.2.3
	nominated time.Time
	by        string    // the ufrag of ours under which it was nominated last
	insisted  time.Time // its first nomination after the last one of the selected route
}

const (
	// holdNomination is how long a nominated route resists one of lower priority.
	// Firefox nominates whatever it checks, so that the last check would win
	// instead of the best route; a route that died is not nominated again.
	holdNomination = 3 * time.Second
	// insistFor is how long one of lower priority must be nominated, and the
	// selected one not, to win sooner: Firefox nominates a pair of its first
	// checks once, while a client whose network changed repeats itself.
	insistFor = 400 * time.Millisecond
)

// nominate notes a nomination of a route and says whether packets leave by it
// from now on. An ICE restart (RFC 8445 §9) begins anew: what was nominated
// before it holds nothing back, because the far end restarts when its network
// has changed.
func (l *link) nominate(r *route, ufrag string, now time.Time) bool {
	s := l.selected
	if s != nil && s != r && (r.insisted.IsZero() || !r.insisted.After(s.nominated)) {
		r.insisted = now
	}
	r.nominated, r.by = now, ufrag
	switch {
	case s == nil, s == r, s.nominated.IsZero(), s.by != ufrag, r.priority >= s.priority:
		return true
	}
	return now.Sub(s.nominated) > holdNomination || now.Sub(r.insisted) >= insistFor
}

// authenticate says whether a STUN message knows the password of one of the
// link's credentials, and gives the password back.
func (l *link) authenticate(m *binding) (password string, newest, ok bool) {
	ufrag := m.ufrag()
	l.mu.Lock()
	for i, c := range l.credentials {
		if c.ufrag == string(ufrag) {
			password, newest = c.password, i == len(l.credentials)-1
		}
	}
	l.mu.Unlock()
	return password, newest, password != "" && m.verify(password)
}

// checked notes an authenticated check that came over a path and answers it.
func (l *link) checked(m *binding, password string, newest bool, over path) bool {
	if !m.request {
		return true // an indication keeps NAT bindings alive, nothing else
	}
	now := l.now()
	l.mu.Lock()
	if l.isDone() {
		l.mu.Unlock()
		return false
	}
	l.heard = now
	r, evicted := l.remember(over)
	r.priority = pairPriority(m.priority, r.network())
	// RFC 8445 §7.3.1.5: the controlling end nominates. Until it has, its first
	// valid pair will do, so that DTLS need not wait.
	if m.useCandidate && newest && l.nominate(r, l.credentials[len(l.credentials)-1].ufrag, now) || l.selected == nil {
		l.selected = r
	}
	l.mu.Unlock()
	if evicted != nil {
		l.port.forget(evicted.path)
		evicted.close()
	}
	r.write(m.success(r.remote(), password))
	return true
}

// pairPriority is RFC 8445 §6.1.2.3 with the far end controlling.
func pairPriority(far uint32, network string) uint64 {
	g, d := uint64(far), uint64(preferUDP)
	if network == "tcp" {
		d = uint64(preferTCP)
	}
	priority := min(g, d)<<32 + 2*max(g, d)
	if g > d {
		priority++
	}
	return priority
}

// remember adds a path, or finds the one to the same far end that is known already. Where that one had another socket of
// ours, what is sent from now on takes the new one.
func (l *link) remember(p path) (known, evicted *route) {
	for i, k := range l.paths {
		if k.network() == p.network() && k.remote() == p.remote() && localOf(k.path) == localOf(p) {
			if k.path != p {
				r := &route{path: p, priority: k.priority, nominated: k.nominated, by: k.by, insisted: k.insisted}
				if l.selected == k {
					l.selected = r
				}
				l.port.learn(p)
				k = r
			}
			l.paths = append(append(l.paths[:i:i], l.paths[i+1:]...), k)
			return k, nil
		}
	}
	if len(l.paths) == maxPaths {
		for i, k := range l.paths {
			if k != l.selected {
				evicted = k
				l.paths = append(l.paths[:i:i], l.paths[i+1:]...)
				break
			}
		}
	}
	r := &route{path: p}
	l.paths = append(l.paths, r)
	l.port.learn(p)
	return r, evicted
}

// localOf is our end of a path. A client checks each of our addresses (RFC 8445
// §6.1.2.2), from one of its own: these are several pairs, and the one that it
// nominates is one of them.
func localOf(p path) netip.AddrPort {
	if u, ok := p.(*udpPath); ok {
		return u.flow().to
	}
	return netip.AddrPort{}
}

// drop forgets a path that broke.
func (l *link) drop(p path) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, k := range l.paths {
		if k.path == p {
			l.paths = append(l.paths[:i:i], l.paths[i+1:]...)
			break
		}
	}
	if l.selected != nil && l.selected.path == p {
		l.selected = nil
		if len(l.paths) > 0 {
			l.selected = l.paths[len(l.paths)-1]
		}
	}
}

package transport

import (
	"net/netip"
	"time"

	"huisclos/media/transport/batch"
)

const (
	// floodAt is how many datagrams a second that only a known address may send, from addresses that are not known, make a flood.
	// What comes by mistake (a path that was forgotten, a scan of the network) stays far below.
	floodAt = 5000
	// defendFor is how long strangers are kept out before the port looks again whether they are still there, which takes as long
	// as the clock's tick.
	defendFor = 2 * time.Second
	// defendQuiet is how long there must have been no flood before the next one is told.
	defendQuiet = 10 * time.Minute
)

// defence is what the port knows of floods. During one, the kernel keeps from the sockets what [port.datagram] would only drop:
// nobody loses anything by it, and a packet that is not read costs this process nothing. Checks still come in, and the address
// that one of them proves is heard at once. A source that floods with wrong checks is heard with one in 64 only: who is
// known from there stays known, and somebody new from behind the same address gets through by repeating, which ICE and TURN do, or
// by TCP. What remains is a flood of checks, of TURN's requests and of its ChannelData from many forged sources, which is read and
// judged: the relay bounds what it answers to strangers.
type defence struct {
	looked time.Time
	until  time.Time // strangers are kept out; guarded by port.mu
	seen   time.Time // the last flood
}

// defend is called at every tick.
func (p *port) defend(now time.Time) {
	elapsed := now.Sub(p.defence.looked)
	p.defence.looked = now
	var most uint64
	for _, s := range p.udp {
		most = max(most, s.strangers.Swap(0))
	}
	var barred []netip.Addr
	for _, t := range p.turns {
		t.mu.Lock()
		barred = t.wrong.take(barred, floodAt*elapsed.Seconds())
		t.mu.Unlock()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.defence.until.IsZero() {
		if now.After(p.defence.until) {
			p.admitAll()
		}
		return
	}
	if elapsed <= 0 || elapsed > time.Second || float64(most) < floodAt*elapsed.Seconds() && len(barred) == 0 {
		return
	}
	if now.Sub(p.defence.seen) > defendQuiet {
		p.log.Warn("media: a flood from strangers is kept out by the kernel", "packets a second", int(float64(most)/elapsed.Seconds()), "sources of wrong checks", len(barred))
	}
	p.defence.seen, p.defence.until = now, now.Add(defendFor)
	known := make([]netip.AddrPort, 0, len(p.addresses))
	for at := range p.addresses {
		known = append(known, at.from)
	}
	if p.relay != nil {
		known = append(known, p.relay.Clients()...)
	}
	for _, s := range p.udp {
		if s.batch == nil {
			continue // not the kernel's
		}
		if s.batch.Admit(known, barred[:min(len(barred), batch.MaxBarred)], p.relay != nil) != nil { // too many addresses, or a kernel that has no filters
			p.admitAll()
			return
		}
	}
}

// admitAll hears everybody. The caller holds mu.
func (p *port) admitAll() {
	p.defence.until = time.Time{}
	for _, s := range p.udp {
		if s.batch != nil {
			_ = s.batch.AdmitAll() // the end of the socket
		}
	}
}

// offenders counts wrong checks by source, of those sources that send most of them (Misra and Gries, 1982: whoever sends more than
// a ninth of all is among eight). It allocates nothing.
type offenders struct {
	sources [8]netip.Addr
	counts  [8]uint32
}

func (o *offenders) add(source netip.Addr) {
	if source.Is6() {
		p, _ := source.Prefix(64) // what one far end has; it cannot fail for 64 bits of 128
		source = p.Addr()
	}
	free := -1
	for i := range o.sources {
		if o.counts[i] == 0 {
			free = i
		} else if o.sources[i] == source {
			o.counts[i]++
			return
		}
	}
	if free >= 0 {
		o.sources[free], o.counts[free] = source, 1
		return
	}
	for i := range o.counts {
		o.counts[i]--
	}
}

// take appends the sources that sent at least so many, and begins anew.
func (o *offenders) take(to []netip.Addr, least float64) []netip.Addr {
	for i, n := range o.counts {
		if n > 0 && float64(n) >= least {
			to = append(to, o.sources[i])
		}
	}
	o.counts = [8]uint32{}
	return to
}

package transport

import (
	"net/netip"
	"slices"
	"time"

	"huisclos/media/transport/batch"
)

const (
	// floodAt is how many datagrams a second that only a known address may send, from addresses that are not known, make a flood.
	// What comes by mistake (a path that was forgotten, a scan of the network) stays far below.
	floodAt = 5000
	// defendFor is how long strangers are kept out before the port looks whether they are still there.
	defendFor = 2 * time.Second
	// defendQuiet is how long there must have been no flood before the next one is told.
	defendQuiet = 10 * time.Minute
)

// defence is what the port knows of floods. During one, the kernel keeps from the sockets what [port.datagram] would only drop:
// nobody loses anything by it, and a packet that is not read costs this process nothing. Checks still come in, and the address
// that one of them proves is heard at once. A source that floods with wrong checks is heard with one in [batch.BarredOf] only: who is
// known from there stays known, and somebody new from behind the same address gets through by repeating, which ICE and TURN do, or
// by TCP. What remains is a flood of checks, of TURN's requests and of its ChannelData from many forged sources, which is read and
// judged: the relay bounds what it answers to strangers.
//
// Whether a flood is over is seen without letting it in: by what the kernel dropped, and by the few wrong checks that are heard.
type defence struct {
	looked time.Time
	until  time.Time // strangers are kept out; guarded by port.mu, like all that follows
	since  time.Time // they were
	seen   time.Time // the last flood
	// dropped is what each socket had dropped then, barred whose checks are kept out.
	dropped []uint32
	barred  []netip.Addr
}

// defend is called at every tick.
func (p *port) defend(now time.Time) {
	elapsed := now.Sub(p.defence.looked)
	p.defence.looked = now
	var most uint64
	for _, s := range p.udp {
		most = max(most, s.strangers.Swap(0))
	}
	p.mu.RLock()
	was := p.defence
	p.mu.RUnlock()
	switch {
	case now.Before(was.until):
		return
	case !was.until.IsZero():
		elapsed = now.Sub(was.since)
	case elapsed <= 0 || elapsed > time.Second:
		return
	}
	flood := floodAt * elapsed.Seconds()
	least := func(source netip.Addr) float64 {
		if slices.Contains(was.barred, source) {
			return flood / 2 / batch.BarredOf
		}
		return flood
	}
	var barred []netip.Addr
	for _, t := range p.turns {
		t.mu.Lock()
		barred = t.wrong.take(barred, least)
		t.mu.Unlock()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	goesOn := float64(most) >= flood || len(barred) > 0
	for i, s := range p.udp {
		if s.batch != nil && !was.until.IsZero() {
			goesOn = goesOn || float64(s.batch.Dropped()-was.dropped[i]) >= flood/2
		}
	}
	switch {
	case goesOn:
		p.keepOut(now, barred, most, elapsed)
	case !p.defence.until.IsZero():
		p.admitAll()
	}
}

// keepOut has the kernel drop what strangers send. The caller holds mu.
func (p *port) keepOut(now time.Time, barred []netip.Addr, strangers uint64, elapsed time.Duration) {
	d := &p.defence
	if now.Sub(d.seen) > defendQuiet {
		p.log.Warn("media: a flood from strangers is kept out by the kernel", "packets a second", int(float64(strangers)/elapsed.Seconds()), "sources of wrong checks", len(barred))
	}
	d.seen, d.since, d.until = now, now, now.Add(defendFor)
	d.barred = barred[:min(len(barred), batch.MaxBarred)]
	d.dropped = make([]uint32, len(p.udp))
	known := make([]netip.AddrPort, 0, len(p.addresses))
	for at := range p.addresses {
		known = append(known, at.from)
	}
	if p.relay != nil {
		known = append(known, p.relay.Clients()...)
	}
	for i, s := range p.udp {
		if s.batch == nil {
			continue // not the kernel's
		}
		if s.batch.Admit(known, d.barred, p.relay != nil) != nil { // too many addresses, or a kernel that has no filters
			p.admitAll()
			return
		}
		d.dropped[i] = s.batch.Dropped()
	}
}

// admitAll hears everybody. The caller holds mu.
func (p *port) admitAll() {
	p.defence.until, p.defence.barred = time.Time{}, nil
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

// take appends the sources that sent at least so many, each by its own measure, and begins anew.
func (o *offenders) take(to []netip.Addr, least func(netip.Addr) float64) []netip.Addr {
	for i, n := range o.counts {
		if n > 0 && float64(n) >= least(o.sources[i]) {
			to = append(to, o.sources[i])
		}
	}
	o.counts = [8]uint32{}
	return to
}

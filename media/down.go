package media

import (
	"time"

	"huisclos/media/forward"
	"huisclos/media/pace"
)

// Down is one track on its way to one receiver.
type Down struct {
	router   *Router
	source   *Source
	receiver *peer
	key      trackKey
	outlet   Outlet
	detached bool // guarded by router.mu

	// Guarded by source.mu.
	numbers   *forward.Down
	forwarded uint64
}

// Detach ends forwarding. When it returns, the outlet is not called any more.
func (d *Down) Detach() {
	d.router.mu.Lock()
	defer d.router.mu.Unlock()
	d.router.detach(d)
}

// Attached says whether packets may still come to the outlet.
func (d *Down) Attached() bool {
	d.router.mu.RLock()
	defer d.router.mu.RUnlock()
	return !d.detached
}

// Sent counts packets that were forwarded.
func (d *Down) Sent() uint32 {
	d.source.mu.Lock()
	defer d.source.mu.Unlock()
	return uint32(d.forwarded)
}

// target sets the layer and asks for the key frame that it needs. Callers hold
// router.mu.
func (d *Down) target(l forward.Layer, now time.Time) {
	if d.source.stream.Kind == Audio {
		return
	}
	d.source.mu.Lock()
	defer d.source.mu.Unlock()
	if d.numbers.Wanted() != l {
		d.numbers.Target(l)
	}
	if d.numbers.Waiting() {
		d.source.wantKeyFrame(l, now)
	}
}

// Lost answers a receiver's NACK.
func (d *Down) Lost(sequences []uint16, t Turn, now time.Time) {
	d.router.mu.RLock()
	defer d.router.mu.RUnlock()
	d.source.mu.Lock()
	defer d.source.mu.Unlock()
	if d.detached {
		return
	}
	for _, sequence := range sequences {
		if p, n, ok := d.numbers.Lost(sequence, &d.source.rings, now); ok {
			d.outlet.Resend(t, n, p)
		}
	}
}

// KeyFrame passes a receiver's request on, at the pace of one.
func (d *Down) KeyFrame(now time.Time) {
	d.router.mu.RLock()
	defer d.router.mu.RUnlock()
	d.source.mu.Lock()
	defer d.source.mu.Unlock()
	if l := d.numbers.Current(); !d.detached && l != forward.None {
		d.source.wantKeyFrame(l, now)
	}
}

// lossWindow sums what a receiver reports for its streams, because one report
// of a stream with ten packets says nothing.
type lossWindow struct {
	lost, expected float64
	since          time.Time
}

const lossInterval = time.Second

// Loss notes a receiver report's fraction for one track; the packets that were
// sent since the last one weigh it. Reports are many: they take mu for reading.
func (d *Down) Loss(fraction uint8, packets uint32, now time.Time) {
	d.router.mu.RLock()
	defer d.router.mu.RUnlock()
	if d.detached || packets == 0 {
		return
	}
	p := d.receiver
	lost, whole := p.lost(fraction, packets, now)
	if !whole {
		return
	}
	sent := d.router.sent(p)
	p.lossMu.Lock()
	changed := p.budget.Report(lost, sent, now)
	p.lossMu.Unlock()
	if changed {
		d.router.allocate(p, now)
	}
}

// lost adds a report to the peer's window and, when the window is whole, gives
// the fraction lost in it.
func (p *peer) lost(fraction uint8, packets uint32, now time.Time) (lost float64, whole bool) {
	p.lossMu.Lock()
	defer p.lossMu.Unlock()
	if p.loss.since.IsZero() {
		p.loss.since = now
	}
	p.loss.lost += float64(fraction) / 256 * float64(packets)
	p.loss.expected += float64(packets)
	if now.Sub(p.loss.since) < lossInterval {
		return 0, false
	}
	lost = p.loss.lost / p.loss.expected
	p.loss = lossWindow{since: now}
	return lost, true
}

// sent is what a peer is being sent. Callers hold mu.
func (r *Router) sent(p *peer) (rate pace.Bitrate) {
	for _, d := range p.downs {
		d.source.mu.Lock()
		if l := d.numbers.Current(); l != forward.None {
			rate += d.source.layers[l].rate
		}
		d.source.mu.Unlock()
	}
	return rate
}

// TickEvery is how often Tick wants to be called.
const TickEvery = 200 * time.Millisecond

// Tick measures rates, chooses layers anew, repeats key frame requests that
// were not answered, and drops what waited too long at the gates.
func (r *Router) Tick(interval time.Duration, now time.Time) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, p := range r.peers {
		for _, s := range p.sources {
			s.mu.Lock()
			s.measure(interval, now)
			if s.gate != nil {
				s.gate.Sweep(now)
			}
			s.mu.Unlock()
		}
	}
	for _, p := range r.leaves {
		r.allocate(p, now)
	}
	for _, p := range r.leaves {
		for _, s := range p.sources {
			s.mu.Lock()
			s.askAgain(now)
			s.mu.Unlock()
		}
	}
}

// askAgain repeats requests for as long as somebody needs the key frame.
func (s *Source) askAgain(now time.Time) {
	for l := range s.layers {
		ly := &s.layers[l]
		if s.peer.uplink != nil && ly.known && ly.keyFrames.Tick(now) {
			s.peer.uplink.RequestKeyFrame(ly.ssrc)
		}
	}
}

// Report sends the sender reports of all tracks.
func (r *Router) Report(now time.Time) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, p := range r.leaves {
		for _, d := range p.downs {
			d.source.mu.Lock()
			if report, ok := d.numbers.Report(&d.source.clocks, now); ok {
				d.outlet.Report(report)
			}
			d.source.mu.Unlock()
		}
	}
}

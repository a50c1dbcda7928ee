package media

import (
	"sync/atomic"
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

	choice pace.Choice  // guarded by receiver.choosing
	class  atomic.Int32 // of choice
	run    atomic.Uint32

	// Guarded by source.mu.
	numbers   *forward.Down
	forwarded uint64
	octets    uint64 // on the network, since the last tick
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

// Class is what the stream is to its receiver.
func (d *Down) Class() pace.Class { return pace.Class(d.class.Load()) }

// Run counts how often the stream was stopped until a key frame: what was sent
// before is of no use to the receiver any more.
func (d *Down) Run() uint32 { return d.run.Load() }

func (d *Down) pause() {
	d.numbers.Pause()
	d.run.Add(1)
}

// Stalled is called when packets of the stream could not be sent: nothing more
// goes out until a key frame, which is asked for.
func (d *Down) Stalled(now time.Time) {
	d.router.mu.RLock()
	defer d.router.mu.RUnlock()
	d.source.mu.Lock()
	defer d.source.mu.Unlock()
	if l := d.numbers.Wanted(); !d.detached && l != forward.None {
		d.pause()
		d.source.wantKeyFrame(l, now)
	}
}

// target sets what is to be sent and asks for the key frame that it needs. On a
// line that is congested, what is too much stops at once. Callers hold router.mu
// and receiver.choosing.
func (d *Down) target(c pace.Choice, congested bool, now time.Time) {
	d.choice = c
	d.class.Store(int32(c.Class))
	if d.source.stream.Kind == Audio {
		return
	}
	l := c.Layer
	d.source.mu.Lock()
	defer d.source.mu.Unlock()
	d.numbers.Temporal(uint8(c.Temporal))
	if d.numbers.Wanted() != l {
		d.numbers.Target(l)
		if steps := d.numbers.Current() - l; congested && steps > 0 {
			// Of spatial layers one less needs no key picture, which all receivers get, unless something of it was lost.
			if d.numbers.Shed(true); !d.numbers.Spatial() || steps > 1 {
				d.pause()
			}
		} else {
			d.numbers.Shed(false)
		}
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
			d.octets += uint64(len(p.Payload)) + around
			d.outlet.Resend(t, d, n, &p)
		}
	}
	if d.numbers.Torn() {
		d.pause()
		d.source.wantKeyFrame(d.numbers.Wanted(), now)
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

// Rate is what a peer is being sent.
func (r *Router) Rate(id PeerID) (rate pace.Bitrate) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	p := r.peers[id]
	if p == nil {
		return 0
	}
	for _, d := range p.downs {
		d.source.mu.Lock()
		if l := d.numbers.Current(); l != forward.None {
			rate += d.source.cost(l)
		}
		d.source.mu.Unlock()
	}
	return rate
}

// RoundTrip notes how far away a peer is and which part of what it is sent is lost: its
// sources keep packets for as long as it may ask for them. A line that gets shorter
// is believed little by little.
func (r *Router) RoundTrip(id PeerID, d time.Duration, lost float64) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if p := r.peers[id]; p != nil {
		before := time.Duration(p.needs.Load())
		p.needs.Store(int64(max(forward.Worth(d, lost), before-before/4)))
	}
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
	r.agree(now)
	r.count(interval)
	r.divide()
	for _, p := range r.leaves {
		r.allocate(p, now)
	}
	for _, p := range r.leaves {
		for _, s := range p.sources {
			s.mu.Lock()
			s.need(now)
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

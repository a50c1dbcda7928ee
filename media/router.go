package media

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"huisclos/media/forward"
	"huisclos/media/gate"
	"huisclos/media/pace"
)

// Uplink is what the router asks of a publisher's connection. Calls come while
// the router holds locks: they must not call back or wait.
type Uplink interface {
	RequestKeyFrame(ssrc uint32)
	// Layers says which layers of a stream anybody receives.
	Layers(s StreamLayers)
}

// Turn is the transport's: where it gathers what leaves because of a batch of
// arriving packets. Media hands it from a source to the outlets and never looks
// at it.
type Turn any

// Outlet is one m-line of a receiver's connection, under the same rule. A packet
// is as it came: the outlet writes the numbers into its own copy
// ([forward.Numbers.Write]), because all receivers share this one.
type Outlet interface {
	// Send takes a packet whose payload stays as it is until the turn ends.
	Send(t Turn, d *Down, n forward.Numbers, p *gate.Packet)
	// Resend repeats a packet. The payload, which has not been wrapped, is the
	// outlet's only during the call.
	Resend(t Turn, d *Down, n forward.Numbers, p *gate.Packet)
	Report(r forward.SenderReport)
}

// Router is one call's media. It is safe for concurrent use.
//
// Packets take mu for reading and their source's own lock; whatever changes who
// may hear whom takes mu for writing. So when a change returns, no packet that
// it forbids is under way inside the router.
type Router struct {
	mu      sync.RWMutex
	epochs  gate.Epochs
	peers   map[PeerID]*peer
	leaves  map[uint32]*peer
	refused map[RefusedReason]uint64 // of sources that are gone
	// forwarded counts packets to peers that are gone.
	forwarded uint64
	closed    bool

	stale atomic.Bool // Tracks changed by itself

	agreeing  sync.Mutex
	agreement pace.Agreement // guarded by agreeing
	vp9       atomic.Bool    // the agreement stands

	budget Budget
	shares atomic.Int64 // the payload that one receiver may be sent (a pace.Bitrate), zero is no bound

	sharing sync.Mutex
	over    float64 // how much more than its payload the network carries; guarded by sharing
}

type peer struct {
	id       PeerID
	admitted bool
	leaf     uint32
	since    time.Time
	uplink   Uplink
	sources  map[uint8]*Source        // by context
	downs    map[trackKey]*Down       // what it receives
	wants    map[trackKey]int         // heights
	refused  map[RefusedReason]uint64 // of its sources that are gone
	// receives says that it has, or had, a connection to receive on, and takesVP9
	// that it takes VP9 in spatial layers there.
	receives, takesVP9 bool
	// forwardedGone and receivedGone count over ways that are gone.
	forwardedGone, receivedGone uint64

	needs atomic.Int64 // for how long it may ask for a packet (a time.Duration), 0 while its line is not known

	// choosing guards what is chosen for the peer; it comes before the sources'
	// locks.
	choosing  sync.Mutex
	limit     pace.Bitrate
	congested bool
	full      pace.Bitrate // what it would get without a limit
	chosen    pace.Bitrate // what it gets
	// What the network carries to it and what was chosen for it, both over the
	// last seconds.
	sending, meant pace.Bitrate
}

type trackKey struct {
	leaf    uint32
	context uint8
}

// NewRouter makes the media of a call whose senders use epoch.
func NewRouter(epoch uint64, now time.Time) *Router {
	r := &Router{
		peers:   make(map[PeerID]*peer),
		leaves:  make(map[uint32]*peer),
		refused: make(map[RefusedReason]uint64),
		over:    usualOver,
	}
	r.epochs.Set(epoch, now)
	return r
}

// SetEpoch makes epoch the current one; the gate lets the one before it pass
// for a short time.
func (r *Router) SetEpoch(epoch uint64, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epochs.Set(epoch, now)
}

// Join makes a peer known, without any right.
func (r *Router) Join(id PeerID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err := r.join(id)
	return err
}

func (r *Router) join(id PeerID) (*peer, error) {
	if p := r.peers[id]; p != nil {
		return p, nil
	}
	if r.closed {
		return nil, ErrUnknown
	}
	if len(r.peers) >= MaxPeers {
		return nil, ErrFull
	}
	p := &peer{
		id:      id,
		sources: make(map[uint8]*Source),
		downs:   make(map[trackKey]*Down),
		wants:   make(map[trackKey]int),
		refused: make(map[RefusedReason]uint64),
	}
	r.peers[id] = p
	return p, nil
}

// Admit lets a peer send and receive as a leaf. A leaf has one peer: whoever
// had it before sends and receives nothing any more.
func (r *Router) Admit(id PeerID, leaf uint32, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.join(id)
	if err != nil {
		return err
	}
	if p.admitted && p.leaf == leaf {
		return nil
	}
	r.dismiss(p)
	if before := r.leaves[leaf]; before != nil {
		r.dismiss(before)
	}
	p.admitted, p.leaf, p.since = true, leaf, now
	r.leaves[leaf] = p
	for _, s := range p.sources {
		s.open(leaf)
	}
	return nil
}

// Remove forgets a peer. When it returns, no packet goes to or from it.
func (r *Router) Remove(id PeerID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[id]
	if p == nil {
		return
	}
	r.dismiss(p)
	for context := range p.sources {
		r.unpublish(p, context)
	}
	for reason, n := range p.refused {
		r.refused[reason] += n
	}
	r.forwarded += p.forwardedGone
	delete(r.peers, id)
}

// Close removes everybody, and gives back what is kept for them. Nobody joins a router that is closed.
func (r *Router) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, p := range r.peers {
		r.dismiss(p)
		for context := range p.sources {
			r.unpublish(p, context)
		}
	}
}

// dismiss takes away the right to send and receive.
func (r *Router) dismiss(p *peer) {
	if !p.admitted {
		return
	}
	p.admitted = false
	if r.leaves[p.leaf] == p {
		delete(r.leaves, p.leaf)
	}
	for _, s := range p.sources {
		for _, d := range slices.Clone(s.downs) {
			r.detach(d)
		}
		s.close()
	}
	for _, d := range p.downs {
		r.detach(d)
	}
}

// Publish makes streams the whole list of what a peer sends. Streams that stay
// keep their source; the new list's sources come back by m-line.
func (r *Router) Publish(id PeerID, uplink Uplink, streams []Stream) (map[string]*Source, error) {
	if err := CheckStreams(streams); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.join(id)
	if err != nil {
		return nil, err
	}
	anew := p.uplink != uplink
	p.uplink = uplink
	for context, s := range p.sources {
		if !slices.Contains(streams, s.stream) {
			r.unpublish(p, context)
		} else if anew {
			s.anew()
		}
	}
	sources := make(map[string]*Source, len(streams))
	for _, stream := range streams {
		s := p.sources[stream.Context]
		if s == nil {
			s = newSource(r, p, stream)
			p.sources[stream.Context] = s
			if p.admitted {
				s.open(p.leaf)
			}
		}
		sources[stream.MID] = s
	}
	return sources, nil
}

// unpublish ends a source. Its owner may still hold it: it forwards nothing.
func (r *Router) unpublish(p *peer, context uint8) {
	s := p.sources[context]
	for _, d := range slices.Clone(s.downs) {
		r.detach(d)
	}
	s.close()
	for reason, n := range s.refusedBefore {
		p.refused[reason] += n
	}
	p.receivedGone += s.received
	s.gone = true
	for l := range s.rings {
		s.rings[l].Clear()
	}
	delete(p.sources, context)
}

// Tracks is what a peer receives, in a fixed order. MIDs are the transport's.
func (r *Router) Tracks(id PeerID) []Track {
	r.mu.RLock()
	defer r.mu.RUnlock()
	p := r.peers[id]
	if p == nil || !p.admitted {
		return nil
	}
	var tracks []Track
	for _, other := range r.leaves {
		if other == p {
			continue
		}
		for _, s := range other.sources {
			if !s.offered() {
				continue
			}
			tracks = append(tracks, Track{Leaf: other.leaf, Context: s.stream.Context, Kind: s.stream.Kind})
		}
	}
	slices.SortFunc(tracks, func(a, b Track) int {
		return cmp.Or(cmp.Compare(a.Leaf, b.Leaf), cmp.Compare(a.Context, b.Context))
	})
	return tracks
}

// Stale says, once, that a stream was heard for the first time, so that Tracks
// gives more than before. Other changes of Tracks follow from calls.
func (r *Router) Stale() bool { return r.stale.Swap(false) }

// Attach begins to forward a track to a peer through an outlet. It returns nil
// when the track is not the peer's to receive any more.
func (r *Router) Attach(id PeerID, leaf uint32, context uint8, outlet Outlet, now time.Time) *Down {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, from := r.peers[id], r.leaves[leaf]
	if p == nil || !p.admitted || from == nil || from == p || from.sources[context] == nil {
		return nil
	}
	key := trackKey{leaf, context}
	if before := p.downs[key]; before != nil {
		r.detach(before)
	}
	s := from.sources[context]
	d := &Down{router: r, source: s, receiver: p, key: key, outlet: outlet,
		numbers: forward.NewDown(s.stream.Kind == Video, s.rate)}
	d.numbers.TakesVP9(p.takesVP9)
	p.downs[key] = d
	s.downs = append(s.downs, d)
	r.allocate(p, now)
	r.need(p, now)
	return d
}

func (r *Router) detach(d *Down) {
	if d.detached {
		return
	}
	d.detached = true
	d.source.downs = slices.DeleteFunc(d.source.downs, func(o *Down) bool { return o == d })
	delete(d.receiver.downs, d.key)
	d.receiver.forwardedGone += d.forwarded
}

// Receives notes that a peer begins to receive, and whether it takes VP9 in
// spatial layers. Where one doesn't, publishers are told at once to send VP8.
func (r *Router) Receives(id PeerID, vp9 bool, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.join(id)
	if err != nil {
		return err
	}
	p.receives, p.takesVP9 = true, vp9
	for _, d := range p.downs {
		d.numbers.TakesVP9(vp9)
	}
	if was := r.vp9.Load(); r.agree(now) == was {
		return nil
	}
	for _, other := range r.leaves {
		for _, s := range other.sources {
			s.mu.Lock()
			s.need(now)
			s.mu.Unlock()
		}
	}
	return nil
}

// agree says whether all who receive take VP9, and have for a while. Callers hold
// mu, for reading at least.
func (r *Router) agree(now time.Time) bool {
	all := true
	for _, p := range r.leaves {
		all = all && (p.takesVP9 || !p.receives)
	}
	r.agreeing.Lock()
	defer r.agreeing.Unlock()
	stands := r.agreement.Update(all, now)
	r.vp9.Store(stands)
	return stands
}

// Wants replaces what a receiver said about its tiles.
func (r *Router) Wants(id PeerID, wants []Want, now time.Time) error {
	if len(wants) > MaxWants {
		return ErrTooManyWants
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.join(id)
	if err != nil {
		return err
	}
	clear(p.wants)
	for _, w := range wants {
		p.wants[trackKey{w.Leaf, w.Context}] = w.Height
	}
	r.allocate(p, now)
	r.need(p, now)
	return nil
}

// Limit notes what a receiver's line carries (zero is no limit) and whether
// packets are queueing or being lost on it now. It gives what the receiver would
// be sent if the line had none.
func (r *Router) Limit(id PeerID, limit pace.Bitrate, congested bool, now time.Time) (full pace.Bitrate) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	p := r.peers[id]
	if p == nil {
		return 0
	}
	p.choosing.Lock()
	before := p.limit
	p.limit, p.congested = limit, congested
	if full = p.full; r.share() > 0 {
		full = min(full, r.share()) // the line is not searched for what the budget would not let go
	}
	p.choosing.Unlock()
	// A limit that narrows is acted on at once; one that widens can wait for the tick.
	if limit > 0 && (before == 0 || limit < before-before/10) {
		r.allocate(p, now)
	}
	return full
}

// need looks at once after the layers that a peer has begun to receive: they may
// have been stopped. Callers hold mu.
func (r *Router) need(p *peer, now time.Time) {
	for _, d := range p.downs {
		d.source.mu.Lock()
		d.source.need(now)
		d.source.mu.Unlock()
	}
}

// allocate chooses layers for all that a peer receives. Callers hold mu, for
// reading at least; sources are locked one at a time.
func (r *Router) allocate(p *peer, now time.Time) {
	p.choosing.Lock()
	defer p.choosing.Unlock()
	in := choosers.Get().(*chooser)
	defer in.putBack()
	for _, d := range p.downs {
		height, said := p.wants[d.key]
		if !said {
			height = pace.DefaultHeight
		}
		d.source.mu.Lock()
		in.streams = append(in.streams, pace.Stream{Class: d.source.class(), Height: height, Rates: d.source.rates(now), Was: d.choice})
		d.source.mu.Unlock()
		in.downs = append(in.downs, d)
	}
	a := in.room.Allocate(in.streams, lesser(p.limit, r.share()), now)
	p.full, p.chosen = a.Full, a.Sum
	for i, c := range a.Choices {
		in.downs[i].target(c, p.congested && p.limit > 0, now)
	}
}

// chooser is the memory that allocate works in: it is called for everybody five times a second.
type chooser struct {
	downs   []*Down
	streams []pace.Stream
	room    pace.Room
}

var choosers = sync.Pool{New: func() any { return new(chooser) }}

func (c *chooser) putBack() {
	clear(c.downs)
	c.downs, c.streams = c.downs[:0], c.streams[:0]
	choosers.Put(c)
}

// CallStats counts packets of a call.
type CallStats struct {
	Forwarded uint64
	Refused   map[RefusedReason]uint64
	Peers     []PeerStats
}

// PeerStats of one admitted or connected peer: packets forwarded to it and
// received from it, and what was refused of the latter. Sending is what the
// network carries to it, over the last seconds.
type PeerStats struct {
	Peer      PeerID
	Admitted  bool
	Leaf      uint32
	Since     time.Time
	Forwarded uint64
	Received  uint64
	Sending   pace.Bitrate
	Refused   map[RefusedReason]uint64
	Transport string // "udp", "tcp" or "relay", of the publisher connection, else of the other
}

// Stats counts since the call was opened.
func (r *Router) Stats() CallStats {
	r.mu.RLock()
	defer r.mu.RUnlock()
	stats := CallStats{Forwarded: r.forwarded, Refused: maps.Clone(r.refused)}
	for _, p := range r.peers {
		ps := PeerStats{Peer: p.id, Admitted: p.admitted, Leaf: p.leaf, Since: p.since,
			Forwarded: p.forwardedGone, Received: p.receivedGone, Refused: p.refusedNow()}
		for _, s := range p.sources {
			s.mu.Lock()
			ps.Received += s.received
			s.mu.Unlock()
		}
		for _, d := range p.downs {
			d.source.mu.Lock()
			ps.Forwarded += d.forwarded
			d.source.mu.Unlock()
		}
		p.choosing.Lock()
		ps.Sending = p.sending
		p.choosing.Unlock()
		for reason, n := range ps.Refused {
			stats.Refused[reason] += n
		}
		stats.Forwarded += ps.Forwarded
		stats.Peers = append(stats.Peers, ps)
	}
	slices.SortFunc(stats.Peers, func(a, b PeerStats) int { return cmp.Compare(a.Peer, b.Peer) })
	return stats
}

// refusedNow sums over the peer's sources. Callers hold mu.
func (p *peer) refusedNow() map[RefusedReason]uint64 {
	counts := maps.Clone(p.refused)
	for _, s := range p.sources {
		s.mu.Lock()
		for reason, n := range s.refused() {
			counts[reason] += n
		}
		s.mu.Unlock()
	}
	return counts
}

// Refused gives a peer's counts and whether there are any.
func (r *Router) Refused(id PeerID) (map[RefusedReason]uint64, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	p := r.peers[id]
	if p == nil {
		return nil, false
	}
	counts := p.refusedNow()
	return counts, len(counts) > 0
}

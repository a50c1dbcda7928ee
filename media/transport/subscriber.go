package transport

import (
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/pion/rtcp"

	"huisclos/media"
	"huisclos/media/forward"
	"huisclos/media/gate"
)

const (
	// answerWithin is how long an offer may stay unanswered.
	answerWithin = 15 * time.Second
	// midPackets is how many packets of a track say which m-line they are for.
	// The SSRC is declared, so that is only for receivers that look there first.
	midPackets = 50
	// maxNACKs bounds the numbers that are looked up for one RTCP packet.
	maxNACKs = 256
)

// subscriber is the connection that a client receives all other peers' tracks
// on. The server offers; one offer is outstanding at a time, and what changes
// meanwhile goes into the next.
type subscriber struct {
	server  *Server
	call    *call
	peer    media.PeerID
	via     netip.Addr // at which the peer's signalling arrived
	vp9     bool       // the client says that it takes VP9 in spatial layers
	link    *link
	session uint64

	mu          sync.Mutex
	replaced    bool
	lines       []*subscribed
	version     uint64
	dirty       bool
	outstanding bool
	offeredAt   time.Time
	offered     []line // as they were in the outstanding offer
	keyed       bool
	assumed     bool

	lookedAt, limitedAt time.Time // the clock's

	// The link's reader's.
	missing []uint16 // room for the numbers of a NACK
	again   []flight // and for what feedback found missing
	losses  losses
}

// subscribed is a line with what it carries now.
type subscribed struct {
	line
	// idle says that the client agreed to the line being inactive: only then
	// may another track take it, so that the client sees one go and one come.
	idle   bool
	agreed agreed
	outlet *outlet
}

func newSubscriber(s *Server, c *call, peer media.PeerID, via netip.Addr, vp9 bool) (*subscriber, error) {
	sub := &subscriber{server: s, call: c, peer: peer, via: via, vp9: vp9, session: uint64(randomUint32()) >> 1}
	l, err := newLink(s.port, sub, s.cfg.Now)
	if err != nil {
		return nil, err
	}
	l.pacing = newPacing(l)
	l.pacing.trace = s.hook.trace()
	sub.link = l
	return sub, nil
}

// update brings the lines in line with what the peer is to receive.
func (s *subscriber) update() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.replaced {
		return
	}
	type key struct {
		leaf    uint32
		context uint8
	}
	wanted := make(map[key]media.Kind)
	tracks := s.call.router.Tracks(s.peer)
	for _, t := range tracks {
		wanted[key{t.Leaf, t.Context}] = t.Kind
	}
	for _, l := range s.lines {
		if !l.used {
			continue
		}
		at := key{l.leaf, l.context}
		if kind, ok := wanted[at]; ok && kind == l.kind {
			delete(wanted, at)
			if l.outlet != nil && !l.outlet.down.Attached() {
				// It went and came back. Numbers begin anew, so the SSRC must:
				// an SRTP index is never used twice (RFC 7714 §8.4).
				s.identify(l)
			}
			continue
		}
		s.silence(l)
		l.used, l.idle, s.dirty = false, false, true
	}
	for _, t := range tracks { // in their order, for lines that mean the same each time
		if _, ok := wanted[key{t.Leaf, t.Context}]; !ok {
			continue
		}
		l := s.free(t.Kind)
		if l == nil {
			continue // no room; the client shows who has no picture
		}
		l.used, l.idle, l.leaf, l.context = true, false, t.Leaf, t.Context
		s.identify(l)
	}
	s.reattach()
	s.offer()
}

// identify gives a line SSRCs that the connection never had.
func (s *subscriber) identify(l *subscribed) {
	l.outlet, l.agreed = nil, agreed{}
	l.ssrc, l.rtx = s.newSSRC(), 0
	if l.kind == media.Video {
		l.rtx = s.newSSRC()
	}
	s.dirty = true
}

func (s *subscriber) newSSRC() uint32 {
	for {
		ssrc := randomUint32()
		taken := ssrc == 0
		for _, l := range s.lines {
			taken = taken || l.ssrc == ssrc || l.rtx == ssrc
		}
		if !taken {
			return ssrc
		}
	}
}

// free finds a line for a new track.
func (s *subscriber) free(kind media.Kind) *subscribed {
	for _, l := range s.lines {
		if !l.used && l.idle && l.kind == kind {
			return l
		}
	}
	if len(s.lines) >= MaxTracks {
		return nil
	}
	l := &subscribed{line: line{mid: strconv.Itoa(len(s.lines)), kind: kind}}
	s.lines = append(s.lines, l)
	return l
}

func (s *subscriber) silence(l *subscribed) {
	if l.outlet != nil {
		l.outlet.down.Detach()
		l.outlet = nil
	}
}

// offer sends an offer if something changed and none is outstanding.
func (s *subscriber) offer() {
	if !s.dirty || s.outstanding || len(s.lines) == 0 {
		return
	}
	s.dirty, s.outstanding, s.offeredAt = false, true, s.server.cfg.Now()
	s.version++
	lines := make([]*line, len(s.lines))
	s.offered = make([]line, len(s.lines))
	tracks := []media.Track{} // not nil: it is written as JSON
	for i, l := range s.lines {
		lines[i], s.offered[i] = &l.line, l.line
		if l.used {
			tracks = append(tracks, media.Track{MID: l.mid, Leaf: l.leaf, Context: l.context, Kind: l.kind})
		}
	}
	text := writeOffer(lines, s.vp9, s.server.ours(s.link, s.via, s.session, s.version))
	s.server.events.add(func(e media.Events) {
		// An offer of a connection that was replaced meanwhile would be taken
		// for one of the new connection.
		if !s.link.isDone() && !s.gone() {
			e.Offer(s.call.id, s.peer, text, tracks)
		}
	})
}

// answered takes the client's answer to the outstanding offer.
func (s *subscriber) answered(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.outstanding || s.replaced {
		return fmt.Errorf("%w: no offer is outstanding", errSDP)
	}
	offered := make([]*line, len(s.offered))
	for i := range s.offered {
		offered[i] = &s.offered[i]
	}
	far, agreements, err := readAnswer(text, offered)
	if err != nil {
		return err
	}
	if err := s.link.start(far); err != nil {
		return err
	}
	s.outstanding = false
	for i, was := range s.offered {
		l := s.lines[i]
		switch {
		case !was.used:
			l.idle = !l.used
		case l.used && l.ssrc == was.ssrc:
			l.agreed = agreements[i]
			if s.vp9 && l.kind == media.Video && l.agreed.receives && l.agreed.codecs.vp9.payloadType == 0 {
				s.vp9 = false // it says so, and takes none after all
				if err := s.call.router.Receives(s.peer, false, s.server.cfg.Now()); err != nil {
					return err
				}
			}
		}
	}
	s.offered = nil
	s.reattach()
	s.offer()
	return nil
}

// reattach lets flow what the client has agreed to receive, once for each SSRC.
func (s *subscriber) reattach() {
	if !s.keyed {
		return
	}
	for _, l := range s.lines {
		if !l.used || !l.agreed.receives || l.outlet != nil {
			continue
		}
		if l.agreed.twcc != 0 && !s.assumed {
			s.assumed = true
			s.link.pacing.assume()
			s.limited(s.server.cfg.Now())
		}
		o := &outlet{link: s.link, mid: l.mid, ssrc: l.ssrc, rtx: l.rtx, agreed: l.agreed}
		if o.down = s.call.router.Attach(s.peer, l.leaf, l.context, o, s.server.cfg.Now()); o.down != nil {
			l.outlet = o
		}
	}
}

func (s *subscriber) connected(network string) {
	s.mu.Lock()
	s.keyed = true
	s.reattach()
	s.mu.Unlock()
	s.server.events.add(func(e media.Events) { e.Connected(s.call.id, s.peer, false, network) })
}

func (s *subscriber) failed() { s.server.subscriberFailed(s) }

// restart makes the next offer an ICE restart.
func (s *subscriber) restart() {
	s.link.renew()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty = true
	s.offer()
}

func (s *subscriber) gone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replaced
}

// end silences all lines.
func (s *subscriber) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replaced = true
	for _, l := range s.lines {
		s.silence(l)
	}
}

func (s *subscriber) rtp([]byte, *turn, time.Time) {} // nobody sends here

func (s *subscriber) rtcp(b []byte, t *turn, now time.Time) {
	for c, rest, ok := nextControl(b); ok; c, rest, ok = nextControl(rest) {
		switch {
		case c.feedback(rtcpTransport, formatNACK):
			if o := s.outletOf(c.media()); o != nil {
				s.missing = c.lost(s.missing[:0])
				o.down.Lost(s.missing, t, now)
			}
		case c.feedback(rtcpPayload, formatPLI):
			if o := s.outletOf(c.media()); o != nil {
				o.down.KeyFrame(now)
			}
		case c.feedback(rtcpPayload, formatFIR):
			c.keyFrames(func(ssrc uint32) {
				if o := s.outletOf(ssrc); o != nil {
					o.down.KeyFrame(now)
				}
			})
		case c.feedback(rtcpTransport, formatTWCC):
			if s.link.pacing.feedback(c.whole[feedbackHead:], now) {
				s.limited(now)
			}
			s.again = s.link.pacing.lost(s.again[:0])
			for _, f := range s.again {
				s.missing = append(s.missing[:0], f.sequence)
				f.outlet.down.Lost(s.missing, t, now)
			}
		default:
			c.reports(func(block rtcp.ReceptionReport) { s.loss(block, now) })
		}
	}
}

func (s *subscriber) outletOf(ssrc uint32) *outlet {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if l.used && l.ssrc == ssrc && l.outlet != nil {
			return l.outlet
		}
	}
	return nil
}

func (s *subscriber) loss(block rtcp.ReceptionReport, now time.Time) {
	o := s.outletOf(block.SSRC)
	if o == nil {
		return
	}
	sent := o.down.Sent()
	s.losses.away(block, now)
	away := s.losses.farthest
	lost, whole := s.losses.add(block.FractionLost, sent-o.reported, now)
	o.reported = sent
	if whole && away > 0 {
		s.call.router.RoundTrip(s.peer, away, lost)
	}
	if whole && s.link.pacing.report(lost, s.call.router.Rate(s.peer), now) {
		s.limited(now)
	}
}

// limited tells the router what the line carries, and the line what there is to
// carry.
func (s *subscriber) limited(now time.Time) {
	limit, congested := s.link.pacing.state()
	s.link.pacing.wanted(s.call.router.Limit(s.peer, limit, congested, now))
}

// lookEvery is how often the clock looks after a subscriber: nothing there is due sooner, and there are many of them.
const lookEvery = 5 * tickEvery

func (s *subscriber) tick(now time.Time) {
	if now.Sub(s.lookedAt) < lookEvery {
		return
	}
	s.lookedAt = now
	defer s.server.port.guard("subscriber")
	s.mu.Lock()
	late := s.outstanding && now.Sub(s.offeredAt) > answerWithin
	s.mu.Unlock()
	switch {
	case late:
		s.link.close(errNoAnswer)
	case s.link.expired(now):
		s.link.close(errSilent)
	default:
		s.link.settle(now)
		if network, moved := s.link.moved(); moved {
			s.connected(network)
		}
		if s.link.pacing.limited() && now.Sub(s.limitedAt) >= media.TickEvery {
			s.limitedAt = now
			s.limited(now)
		}
	}
}

// outlet is where a track leaves. The router calls it under the source's lock.
type outlet struct {
	link      *link
	mid       string
	ssrc, rtx uint32
	agreed    agreed
	down      *media.Down

	reported uint32 // packets at the last loss report; the link's reader's

	sent int

	// Guarded by the link's sendMu.
	sequence uint16 // of the RTX stream
	stalled  bool   // until a key frame
	again    []byte // the last packet of sound, sealed, if it is to be sent once more
}

func (o *outlet) Send(t media.Turn, d *media.Down, n forward.Numbers, p *gate.Packet) {
	id := uint8(0)
	if o.sent < midPackets {
		o.sent++
		id = o.agreed.mid
	}
	in := t.(*turn)
	in.add(o.link, job{outlet: o, down: d, packet: in.share(p), numbers: n, mid: id, class: d.Class(), run: d.Run()})
}

// Resend repeats a packet on the RTX stream (RFC 4588 §4). A client that has
// none gets nothing: SRTP never sends a packet index twice (RFC 3711 §3.3.1).
func (o *outlet) Resend(t media.Turn, d *media.Down, n forward.Numbers, p *gate.Packet) {
	if o.rtx == 0 || o.agreed.codecs.rtx == 0 {
		return
	}
	in := t.(*turn)
	in.add(o.link, job{outlet: o, down: d, packet: in.repeat(p), numbers: n, mid: o.agreed.mid, repeats: true, class: d.Class(), run: d.Run()})
}

func (o *outlet) Report(r forward.SenderReport) {
	o.link.report(o.ssrc, r)
}

package transport

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtcp"

	"huisclos/media"
	"huisclos/media/forward"
	"huisclos/media/gate"
)

const (
	tickEvery = 20 * time.Millisecond
	// twccEvery is the interval that receivers of WebRTC use where nothing says another.
	twccEvery   = 100 * time.Millisecond
	reportEvery = time.Second
	// clockSlack is how far a publisher's wall clock may leave the line from its
	// first report before it is tied to ours anew.
	clockSlack = 5 * time.Second
)

// publisher is the connection that a client sends its streams on. It finds out
// which stream and layer an SSRC belongs to, unwraps RTX, and gives the client
// the feedback that its encoders need.
type publisher struct {
	server *Server
	call   *call
	peer   media.PeerID
	link   *link
	ssrc   uint32 // ours, in RTCP
	// session and version of the answers' origin line.
	session, version uint64

	mu         sync.Mutex
	ids        extensionIDs
	byMID      map[string]*incoming
	bySSRC     map[uint32]bound
	arrivals   arrivals
	twccAt     time.Time
	reportAt   time.Time
	wallOffset time.Duration
	walled     bool
}

// incoming is one m-section in which the client sends.
type incoming struct {
	accepted
	source *media.Source
	layers [forward.Layers]*stream
}

// sendsAgain says whether the client sends again what is asked for: of pictures
// by RTX, of sound as it was (RFC 4585 §6.2.1), if its description says so.
func (in *incoming) sendsAgain() bool {
	return in.codecs.feedback.has(feedbackNACK)
}

// stream is the media SSRC of one layer.
type stream struct {
	ssrc      uint32
	layer     forward.Layer
	missing   forward.Missing
	reception *forward.Reception
}

type bound struct {
	in    *incoming
	layer forward.Layer
	rtx   bool
}

func newPublisher(s *Server, c *call, peer media.PeerID) (*publisher, error) {
	p := &publisher{server: s, call: c, peer: peer, ssrc: randomUint32(), session: uint64(randomUint32()) >> 1,
		byMID: make(map[string]*incoming), bySSRC: make(map[uint32]bound)}
	l, err := newLink(s.port, p, s.cfg.Now)
	if err != nil {
		return nil, err
	}
	p.link = l
	return p, nil
}

func randomUint32() uint32 {
	var b [4]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return binary.BigEndian.Uint32(b[:])
}

// accept makes sections the whole of what the client sends.
func (p *publisher) accept(sections []accepted, sources map[string]*media.Source) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.byMID
	p.byMID = make(map[string]*incoming, len(sections))
	p.ids = extensionIDs{}
	for _, a := range sections {
		in := before[a.stream.MID]
		source := sources[a.stream.MID]
		if in == nil || in.source != source {
			in = &incoming{source: source}
		}
		in.accepted = a
		in.rids = nil
		for _, rid := range a.rids {
			in.rids = append(in.rids, strings.Clone(rid)) // not the whole offer
		}
		if source != nil {
			source.Offers(len(a.rids), a.codecs.vp9.payloadType != 0)
		}
		p.byMID[a.stream.MID] = in
		// RFC 8843 §9: ids mean the same in the whole bundle.
		p.ids.mid = max(p.ids.mid, a.extensions.mid)
		p.ids.rid = max(p.ids.rid, a.extensions.rid)
		p.ids.repaired = max(p.ids.repaired, a.extensions.repaired)
		p.ids.twcc = max(p.ids.twcc, a.extensions.twcc)
	}
	for ssrc, b := range p.bySSRC {
		if p.byMID[b.in.stream.MID] != b.in {
			delete(p.bySSRC, ssrc)
		}
	}
}

// connected is told again when the network changes.
func (p *publisher) connected(network string) {
	p.server.events.add(func(e media.Events) { e.Connected(p.call.id, p.peer, true, network) })
}

func (p *publisher) failed() { p.server.publisherFailed(p) }

// RequestKeyFrame is asked by the router.
func (p *publisher) RequestKeyFrame(ssrc uint32) {
	p.send(&rtcp.PictureLossIndication{SenderSSRC: p.ssrc, MediaSSRC: ssrc})
}

// Layers is told by the router.
func (p *publisher) Layers(s media.StreamLayers) {
	p.server.events.add(func(e media.Events) {
		// What was for a connection that was replaced meanwhile is not for its successor.
		if !p.link.isDone() && p.server.isPublisher(p) {
			e.Layers(p.call.id, p.peer, []media.StreamLayers{s})
		}
	})
}

func (p *publisher) send(packet rtcp.Packet) {
	if b, err := packet.Marshal(); err == nil {
		p.link.sendRTCP(b)
	}
}

func (p *publisher) rtp(b []byte, t *turn, now time.Time) {
	p.mu.Lock()
	in, l, packet, padding, ok := p.sort(b, now)
	p.mu.Unlock()
	switch {
	case !ok:
	case padding:
		in.source.Padding(l, packet.SSRC, packet.Sequence)
	default:
		p.server.record(packet.Payload)
		in.source.Receive(l, packet, t, now)
	}
}

// sort says which stream and layer a packet belongs to, and unwraps it.
func (p *publisher) sort(b []byte, now time.Time) (in *incoming, l forward.Layer, packet gate.Packet, padding, ok bool) {
	r, err := parseRTP(b, p.ids)
	if err != nil {
		return nil, 0, packet, false, false
	}
	if r.hasTWCC {
		p.arrivals.record(r.SSRC, r.twcc, now)
	}
	to, known := p.bySSRC[r.SSRC]
	if !known {
		if to, known = p.bind(r); !known {
			return nil, 0, packet, false, false
		}
	}
	packet = r.Packet
	s := to.in.layers[to.layer]
	vp9, rtx, ok := to.in.codecs.medium(r.payloadType)
	packet.VP9 = vp9
	if !ok || rtx != to.rtx {
		return nil, 0, packet, false, false
	} else if rtx {
		// A repair of what was never seen has nowhere to go.
		osn, payload, whole := forward.UnwrapRTX(r.Payload)
		if !whole || s == nil {
			return nil, 0, packet, false, false
		}
		packet.SSRC, packet.Sequence, packet.Payload = s.ssrc, osn, payload
	} else {
		s.reception.Received(r.Sequence, r.Timestamp, now)
	}
	s.missing.Received(packet.Sequence, now)
	return to.in, to.layer, packet, len(packet.Payload) == 0, true
}

// bind finds the place of a new SSRC: by the header extensions that the first
// packets carry (RFC 8843 §9.2, RFC 8852), else by what the offer declared.
func (p *publisher) bind(r received) (bound, bool) {
	in, repairs := p.byMID[string(r.mid)], uint32(0)
	if in == nil && len(r.mid) == 0 {
		in, repairs = p.declared(r.SSRC)
	}
	if in == nil || len(p.bySSRC) >= maxSSRCs {
		return bound{}, false
	}
	b := bound{in: in, layer: forward.Low}
	_, rtx, ok := in.codecs.medium(r.payloadType)
	if !ok {
		return bound{}, false
	}
	b.rtx = rtx
	if len(in.rids) > 0 {
		rid := r.rid
		if b.rtx && len(r.repaired) > 0 {
			rid = r.repaired
		}
		l, ok := layerOfRID(string(rid))
		if !ok {
			if l, ok = p.layerOfSSRC(in, repairs); !ok {
				return bound{}, false
			}
		}
		b.layer = l
	}
	for ssrc, other := range p.bySSRC {
		if other == b {
			delete(p.bySSRC, ssrc) // replaced
		}
	}
	if !b.rtx {
		rate := uint32(90000)
		if in.stream.Kind == media.Audio {
			rate = 48000
		}
		in.layers[b.layer] = &stream{ssrc: r.SSRC, layer: b.layer, missing: forward.Missing{Hurry: in.stream.Kind == media.Audio}, reception: forward.NewReception(rate)}
	}
	p.bySSRC[r.SSRC] = b
	return b, true
}

func (p *publisher) declared(ssrc uint32) (in *incoming, repairs uint32) {
	for _, in := range p.byMID {
		for _, s := range in.ssrcs {
			if s == ssrc {
				return in, in.repairs[ssrc]
			}
		}
	}
	return nil, 0
}

func (p *publisher) layerOfSSRC(in *incoming, ssrc uint32) (forward.Layer, bool) {
	for _, s := range in.layers {
		if s != nil && s.ssrc == ssrc {
			return s.layer, true
		}
	}
	return forward.None, false
}

func (p *publisher) rtcp(b []byte, _ *turn, now time.Time) {
	packets, err := rtcp.Unmarshal(b)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, packet := range packets {
		if report, ok := packet.(*rtcp.SenderReport); ok {
			p.reported(report, now)
		}
	}
}

func (p *publisher) reported(report *rtcp.SenderReport, now time.Time) {
	to, ok := p.bySSRC[report.SSRC]
	if !ok || to.rtx || to.in.layers[to.layer] == nil {
		return
	}
	to.in.layers[to.layer].reception.Reported(report.NTPTime, now)
	wall := ntpTime(report.NTPTime)
	if off := now.Sub(wall.Add(p.wallOffset)); !p.walled || off > clockSlack || off < -clockSlack {
		// One offset for all streams of a publisher keeps them together and its
		// clock to itself.
		p.wallOffset, p.walled = now.Sub(wall), true
	}
	to.in.source.Reported(to.layer, forward.Clock{SSRC: report.SSRC, RTP: report.RTPTime, Wall: wall.Add(p.wallOffset)})
}

// ntpToUnix: NTP counts from 1900 (RFC 5905 §6), Unix from 1970.
const ntpToUnix = 2208988800

func ntpTime(ntp uint64) time.Time {
	return time.Unix(int64(ntp>>32)-ntpToUnix, int64((ntp&0xffffffff)*1e9>>32))
}

func toNTP(t time.Time) uint64 {
	return uint64(t.Unix()+ntpToUnix)<<32 | uint64(t.Nanosecond())<<32/1e9
}

// tick sends the feedback that is due.
func (p *publisher) tick(now time.Time) {
	defer p.server.port.guard("publisher")
	if p.link.expired(now) {
		p.link.close(errSilent)
		return
	}
	p.link.settle(now)
	if network, moved := p.link.moved(); moved {
		p.connected(network)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, in := range p.byMID {
		if !in.sendsAgain() {
			continue
		}
		for _, s := range in.layers {
			if s == nil {
				continue
			}
			if due := s.missing.Due(now); len(due) > 0 {
				p.send(&rtcp.TransportLayerNack{SenderSSRC: p.ssrc, MediaSSRC: s.ssrc,
					Nacks: rtcp.NackPairsFromSequenceNumbers(due)})
			}
		}
	}
	if now.Sub(p.twccAt) >= twccEvery {
		p.twccAt = now
		for b := p.arrivals.feedback(p.ssrc); b != nil; b = p.arrivals.feedback(p.ssrc) {
			p.link.sendRTCP(b)
		}
	}
	if now.Sub(p.reportAt) >= reportEvery {
		p.reportAt = now
		p.report(now)
	}
}

func (p *publisher) report(now time.Time) {
	report := &rtcp.ReceiverReport{SSRC: p.ssrc}
	for _, in := range p.byMID {
		for _, s := range in.layers {
			if s == nil || len(report.Reports) == 31 {
				continue
			}
			if r, ok := s.reception.Report(now); ok {
				report.Reports = append(report.Reports, rtcp.ReceptionReport{SSRC: s.ssrc, FractionLost: r.FractionLost,
					TotalLost: r.TotalLost, LastSequenceNumber: r.Highest, Jitter: r.Jitter,
					LastSenderReport: r.LastReport, Delay: r.Delay})
			}
		}
	}
	if len(report.Reports) > 0 {
		p.send(report)
	}
}

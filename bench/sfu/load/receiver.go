package load

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
)

const (
	// openEvery is which packets of a flow are opened: enough to prove that they are what was sent, and when.
	openEvery = 16
	// nackEvery makes a receiver that gives feedback report 1 % of the video packets as lost.
	nackEvery = 100
	// nackAfter is how long after its arrival: servers take one that comes sooner than a round trip for a repetition.
	nackAfter   = 120 * time.Millisecond
	rembEvery   = 500 * time.Millisecond
	twccEvery   = 60 * time.Millisecond
	reportEvery = time.Second
)

// receiver is one connection that a client receives on. Its leg's reader calls it; whoever counts takes mu.
type receiver struct {
	leg      *leg
	leaf     uint32 // its own, which it never hears
	ssrc     uint32 // in RTCP
	feedback bool

	mu    sync.Mutex
	types map[uint8]flowKind
	twcc  uint8 // header extension, zero when not negotiated
	bare  bool  // the server numbers nothing: packets are numbered as they come
	count uint16
	flows map[uint32]*flow
	rec   *twcc.Recorder
	Count
	delays []int32 // microseconds

	remb                           bool // negotiated
	nextTWCC, nextREMB, nextReport time.Time
	lost                           []loss
}

// loss is a packet that is going to be reported lost.
type loss struct {
	ssrc     uint32
	sequence uint16
	at       time.Time
}

type flowKind uint8

const (
	soundFlow flowKind = iota + 1
	videoFlow
	repairFlow
)

type flow struct {
	kind     flowKind
	seen     uint64
	highest  uint64              // extended sequence number
	from     uint64              // highest when counting began
	window   [window / 64]uint64 // which of the last numbers came
	received uint64              // since then
	report   uint32              // middle of the last sender report's time (RFC 3550 §6.4.1, LSR)
	reportAt time.Time
}

// window is how far back a flow remembers what came.
const window = 1024

// mark says whether a packet is new to the flow and whether it comes behind a higher number. What is older than the window counts as new.
func (f *flow) mark(sequence uint16) (fresh, late bool) {
	delta := int(int16(sequence - uint16(f.highest)))
	number := f.highest + uint64(delta)
	for ; delta > 0 && f.highest < number; f.highest++ {
		at := (f.highest + 1) % window
		f.window[at/64] &^= 1 << (at % 64)
	}
	bit := &f.window[number%window/64]
	fresh = f.highest-number >= window || *bit&(1<<(number%64)) == 0
	*bit |= 1 << (number % 64)
	return fresh, delta < 0
}

// Count is what a receiver got since counting began.
type Count struct {
	Media     uint64 // packets of sound and video, the forwarded ones
	Repairs   uint64 // RTX, or packets that came before
	Padding   uint64 // packets without payload
	Late      uint64 // behind a higher sequence number of their flow
	Opened    uint64 // of Media, those that were opened and are what a publisher sent
	Wrong     uint64 // of those opened, the others
	NACKs     uint64 // numbers that were reported lost without being so
	Feedbacks uint64 // transport-wide feedback packets, or REMB where a server wants that
	Reports   uint64
	Missing   uint64 // by the sequence numbers of all flows
}

func newReceiver(l *leg, leaf uint32, feedback bool) *receiver {
	r := &receiver{leg: l, leaf: leaf, ssrc: rand.Uint32() | 1, feedback: feedback, flows: map[uint32]*flow{}, types: map[uint8]flowKind{}}
	r.rec = twcc.NewRecorder(r.ssrc)
	l.onRTP, l.onRTCP = r.onRTP, r.onRTCP
	return r
}

// expect learns the payload types of a description.
func (r *receiver) expect(f far) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range f.sections {
		for kind, pt := range map[flowKind]uint8{soundFlow: s.opus, videoFlow: s.vp8, repairFlow: s.rtx} {
			if pt != 0 {
				r.types[pt] = kind
			}
		}
		if s.has("transport-cc") && s.twccID != 0 {
			r.twcc = s.twccID
		}
		r.remb = r.remb || s.has("goog-remb")
	}
}

// begin starts counting anew.
func (r *receiver) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Count, r.delays = Count{}, nil
	for _, f := range r.flows {
		f.from, f.received = f.highest, 0
	}
}

// counted gives what came since begin.
func (r *receiver) counted() (Count, []int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.Count
	for _, f := range r.flows {
		if span := f.highest - f.from; f.kind != repairFlow && span > f.received {
			c.Missing += span - f.received
		}
	}
	return c, r.delays
}

// heard is the number of flows that something came of.
func (r *receiver) heard() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.flows {
		if f.kind != repairFlow {
			n++
		}
	}
	return n
}

func (r *receiver) onRTP(b []byte, arrived arrival) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ssrc := binary.BigEndian.Uint32(b[8:])
	f := r.flows[ssrc]
	sequence := binary.BigEndian.Uint16(b[2:])
	if f == nil {
		kind := r.types[b[1]&0x7f]
		if kind == 0 {
			r.leg.unusable.Add(1)
			return
		}
		f = &flow{kind: kind, highest: uint64(sequence) + 1<<16 - 1}
		f.from = f.highest
		r.flows[ssrc] = f
	}
	fresh, late := f.mark(sequence)
	if late && fresh {
		r.Late++
	}
	f.seen++
	if r.twcc != 0 && r.feedback {
		r.acknowledge(b, ssrc, arrived)
	}
	if fresh {
		f.received++
	}
	if f.kind == repairFlow || !fresh {
		r.Repairs++
	} else {
		r.Media++
	}
	if f.kind == videoFlow && fresh && r.feedback && f.seen%nackEvery == 0 {
		r.lost = append(r.lost, loss{ssrc, sequence, time.Now()})
	}
	if fresh && (f.seen%openEvery == 1 || b[0]&0x20 != 0) {
		r.open(b, f, arrived)
	}
}

// open checks a sample and takes its delay.
func (r *receiver) open(b []byte, f *flow, arrived arrival) {
	plain, err := r.leg.opener.Load().OpenRTP(b)
	if err != nil {
		r.leg.badOpens.Add(1)
		r.Wrong++
		return
	}
	if plain[0]&0x20 != 0 { // RFC 3550 §5.1: the last octet counts the padding
		if plain = plain[:len(plain)-min(int(plain[len(plain)-1]), len(plain))]; len(plain) < 12+trailerSize {
			r.Padding++
			if f.kind == repairFlow {
				r.Repairs--
			} else {
				r.Media--
			}
			return
		}
	}
	leaf, sent, ok := opened(plain)
	switch {
	case !ok || leaf == r.leaf:
		r.Wrong++
	case f.kind != repairFlow:
		r.Opened++
		if at := arrived.time(); at != 0 {
			r.delays = append(r.delays, int32((at-sent)/1000))
		}
	}
	now := time.Now()
	r.report(now)
	if r.feedback {
		r.complain(now)
	}
}

// complain reports what is due of losses and, to servers that asked for it, how much this end could receive
// (draft-alvestrand-rmcat-remb-03).
func (r *receiver) complain(now time.Time) {
	for len(r.lost) > 0 && now.Sub(r.lost[0].at) >= nackAfter {
		r.NACKs++
		r.send(&rtcp.TransportLayerNack{SenderSSRC: r.ssrc, MediaSSRC: r.lost[0].ssrc, Nacks: []rtcp.NackPair{{PacketID: r.lost[0].sequence}}})
		r.lost = r.lost[1:]
	}
	if r.remb && now.After(r.nextREMB) {
		r.nextREMB = now.Add(rembEvery)
		ssrcs := make([]uint32, 0, len(r.flows))
		for ssrc, f := range r.flows {
			if f.kind == videoFlow {
				ssrcs = append(ssrcs, ssrc)
			}
		}
		r.Feedbacks++
		r.send(&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: r.ssrc, Bitrate: receivable, SSRCs: ssrcs})
	}
}

// receivable is more than any scenario sends to one receiver, in bit/s.
const receivable = 200e6

func (r *receiver) send(packet rtcp.Packet) {
	if b, err := packet.Marshal(); err == nil {
		r.leg.sendRTCP(b)
	}
}

// acknowledge notes a packet by its transport-wide number and reports those noted when it is time.
func (r *receiver) acknowledge(b []byte, ssrc uint32, arrived arrival) {
	number, ok := transportNumber(b, r.twcc)
	if r.bare {
		r.count++
		number, ok = r.count, true
	}
	if !ok {
		return
	}
	at := arrived.time()
	r.rec.Record(ssrc, number, at/1000)
	if now := time.Unix(0, at); now.After(r.nextTWCC) {
		r.nextTWCC = now.Add(twccEvery)
		for _, packet := range r.rec.BuildFeedbackPacket() {
			r.Feedbacks++
			r.send(packet)
		}
	}
}

// transportNumber finds a header extension of two octets (RFC 8285, one-byte form).
func transportNumber(b []byte, id uint8) (uint16, bool) {
	at := 12 + 4*int(b[0]&0x0f)
	if b[0]&0x10 == 0 || len(b) < at+4 || binary.BigEndian.Uint16(b[at:]) != 0xbede {
		return 0, false
	}
	end := at + 4 + 4*int(binary.BigEndian.Uint16(b[at+2:]))
	for at += 4; at < end && end <= len(b); {
		if b[at] == 0 {
			at++
			continue
		}
		size := int(b[at]&0x0f) + 1
		if b[at]>>4 == id && size == 2 && at+3 <= end {
			return binary.BigEndian.Uint16(b[at+1:]), true
		}
		at += 1 + size
	}
	return 0, false
}

// report sends a receiver report (RFC 3550 §6.4.2) once a second.
func (r *receiver) report(now time.Time) {
	if now.Before(r.nextReport) {
		return
	}
	r.nextReport = now.Add(reportEvery)
	report := &rtcp.ReceiverReport{SSRC: r.ssrc}
	for ssrc, f := range r.flows {
		if f.kind == repairFlow {
			continue
		}
		if len(report.Reports) == 31 { // all that the count has room for
			r.Reports++
			r.send(report)
			report = &rtcp.ReceiverReport{SSRC: r.ssrc}
		}
		block := rtcp.ReceptionReport{SSRC: ssrc, LastSequenceNumber: uint32(f.highest - 1<<16), Jitter: 90}
		if f.report != 0 {
			block.LastSenderReport, block.Delay = f.report, uint32(now.Sub(f.reportAt)*65536/time.Second)
		}
		report.Reports = append(report.Reports, block)
	}
	r.Reports++
	r.send(report)
}

func (r *receiver) onRTCP(b []byte) {
	packets, err := rtcp.Unmarshal(b)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, packet := range packets {
		if report, ok := packet.(*rtcp.SenderReport); ok {
			if f := r.flows[report.SSRC]; f != nil {
				f.report, f.reportAt = uint32(report.NTPTime>>16), time.Now()
			}
		}
	}
}

package forward

import "time"

// Clock ties an SSRC's RTP timestamps to the wall clock, as its sender reports
// do (RFC 3550 §6.4.1). Streams of one publisher share that wall clock.
type Clock struct {
	SSRC uint32
	RTP  uint32
	Wall time.Time // on the server's scale
}

func (c Clock) known() bool { return !c.Wall.IsZero() }

func ticks(d time.Duration, rate uint32) uint32 {
	// Seconds and rest apart: a duration times a rate overflows after days.
	whole, rest := int64(d/time.Second), int64(d%time.Second)
	return uint32(whole*int64(rate) + rest*int64(rate)/int64(time.Second))
}

// SenderReport is what a receiver is told about a stream.
type SenderReport struct {
	Wall    time.Time
	RTP     uint32
	Packets uint32
	Octets  uint32
}

// Report gives the sender report of the stream as it goes out. It is the
// publisher's, carried over to the outgoing timestamps, so that picture and
// sound stay together; before the publisher's first there is none.
func (d *Down) Report(clocks *[Layers]Clock, now time.Time) (SenderReport, bool) {
	if d.Current() == None {
		return SenderReport{}, false
	}
	seg := d.segments[len(d.segments)-1]
	c := clocks[seg.layer]
	if !c.known() || c.SSRC != seg.ssrc {
		return SenderReport{}, false
	}
	return SenderReport{
		Wall:    now,
		RTP:     c.RTP + ticks(now.Sub(c.Wall), d.rate) + seg.timestamp,
		Packets: d.packets,
		Octets:  d.octets,
	}, true
}

// Reception counts what arrived of one SSRC (RFC 3550 §6.4.1, A.3, A.8).
type Reception struct {
	any      bool
	base     uint32
	highest  uint32 // extended
	received uint32

	rate    uint32
	start   time.Time
	transit uint32
	jitter  float64

	expectedBefore, receivedBefore uint32

	reported time.Time // arrival of the last sender report
	ntp      uint32    // its middle 32 bits
}

// NewReception counts packets of an RTP clock.
func NewReception(rate uint32) *Reception { return &Reception{rate: rate} }

// Received notes a packet that is not a repetition.
func (r *Reception) Received(sequence uint16, timestamp uint32, now time.Time) {
	r.received++
	if !r.any {
		r.any, r.start, r.base, r.highest, r.transit = true, now, uint32(sequence), uint32(sequence), -timestamp
		return
	}
	transit := ticks(now.Sub(r.start), r.rate) - timestamp
	if ahead := int16(sequence - uint16(r.highest)); ahead > 0 {
		r.highest += uint32(ahead)
		d := int64(int32(transit - r.transit))
		d = max(d, -d)
		r.transit = transit
		r.jitter += (float64(d) - r.jitter) / 16
	}
}

// Reported notes a sender report; ntp is its 64-bit time.
func (r *Reception) Reported(ntp uint64, now time.Time) {
	r.ntp, r.reported = uint32(ntp>>16), now
}

// ReceptionReport is one block of a receiver report.
type ReceptionReport struct {
	FractionLost uint8
	TotalLost    uint32 // 24 bits
	Highest      uint32
	Jitter       uint32
	LastReport   uint32
	Delay        uint32 // in 1/65,536 s
}

// Report gives the block since the last one.
func (r *Reception) Report(now time.Time) (ReceptionReport, bool) {
	if !r.any {
		return ReceptionReport{}, false
	}
	expected := r.highest - r.base + 1
	lost := int64(expected) - int64(r.received)
	report := ReceptionReport{
		TotalLost:  uint32(min(max(lost, 0), 0x7fffff)),
		Highest:    r.highest,
		Jitter:     uint32(r.jitter),
		LastReport: r.ntp,
	}
	expectedNow := expected - r.expectedBefore
	if lostNow := int64(expectedNow) - int64(r.received-r.receivedBefore); expectedNow > 0 && lostNow > 0 {
		report.FractionLost = uint8(min(lostNow*256/int64(expectedNow), 255))
	}
	r.expectedBefore, r.receivedBefore = expected, r.received
	if !r.reported.IsZero() {
		report.Delay = ticks(now.Sub(r.reported), 1<<16)
	}
	return report, true
}

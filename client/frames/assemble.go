package frames

import "time"

const (
	// patience is how long a missing packet is waited for, while it is asked
	// for again; what follows waits with it.
	patience = 400 * time.Millisecond
	// keyPatience is how long it is where a whole key frame waits behind it, as
	// when the line has become narrow and the server sends a smaller layer: time
	// for one more answer, and hardly seen.
	keyPatience = 100 * time.Millisecond
	// maxWaiting bounds the packets that wait for one that is missing.
	maxWaiting = 2048
	// maxLate is after how many packets in a row that seem late the numbering
	// counts as begun anew.
	maxLate = 64
	// maxFrame bounds a frame that is put together.
	maxFrame = 4 << 20
)

// Packet is an RTP packet of one stream.
type Packet struct {
	Sequence  uint16
	Timestamp uint32
	Marker    bool
	Payload   []byte // kept
	At        time.Time
}

// Assembler puts a stream's packets in order and its frames together: one
// frame a packet of Opus, a frame of VP8 from its first packet to the marker
// (RFC 7741 §4.1, RFC 7587 §4.2).
type Assembler struct {
	video   bool
	started bool
	next    uint16 // sequence number that is due
	waiting map[uint16]Packet

	frame    []byte
	building bool
	at       Packet // the last one of frame

	received, lost int
	late           int // in a row
}

// NewAssembler is for one stream, of pictures or of sound.
func NewAssembler(video bool) *Assembler {
	return &Assembler{video: video, waiting: make(map[uint16]Packet)}
}

// Count says how many packets came, and how many never did. One that comes
// twice counts once.
func (a *Assembler) Count() (received, lost int) { return a.received, a.lost }

// Push takes a packet and gives the frames that are whole now; broken says
// that frames before them, or after, are missing.
func (a *Assembler) Push(p Packet, now time.Time) (out []Sealed, broken bool) {
	if !a.started {
		a.started, a.next = true, p.Sequence
	}
	ahead := int16(p.Sequence - a.next)
	if _, twice := a.waiting[p.Sequence]; ahead < 0 || twice {
		if a.late++; a.late < maxLate {
			return a.Due(now) // late or repeated: it was given up or is there
		}
		clear(a.waiting)
		a.next, a.building, a.frame, broken = p.Sequence, false, nil, true
	}
	a.late = 0
	a.received++
	a.waiting[p.Sequence] = p
	out, broken = a.ready(nil, broken)
	more, worse := a.Due(now)
	return append(out, more...), broken || worse
}

// leap goes on with the first whole key frame that waits: pictures before it
// are of no use any more, and nothing that is missing of them is waited for.
func (a *Assembler) leap() bool {
	best := -1
	for n, p := range a.waiting {
		if ahead := int(n - a.next); (best < 0 || ahead < best) && a.wholeKey(p) {
			best = ahead
		}
	}
	if best < 0 {
		return false
	}
	for first := a.next + uint16(best); a.next != first; a.next++ {
		if _, ok := a.waiting[a.next]; ok {
			delete(a.waiting, a.next)
		} else {
			a.lost++
		}
	}
	a.building, a.frame = false, nil
	return true
}

// wholeKey says whether a key frame begins with p, and waits as a whole.
func (a *Assembler) wholeKey(p Packet) bool {
	part, begins, err := vp8Payload(p.Payload)
	if err != nil || !begins || part[0]&1 != 0 { // RFC 6386 §9.1; sealing leaves that octet as it is
		return false
	}
	for n := p.Sequence; ; n++ {
		q, ok := a.waiting[n]
		if !ok || q.Timestamp != p.Timestamp {
			return false
		}
		if _, again, _ := vp8Payload(q.Payload); again && n != p.Sequence {
			return false // nobody's frame begins twice; so each packet is looked at once
		}
		if q.Marker {
			return true
		}
	}
}

// Due gives up what has been missing for too long. Wanted several times a second.
func (a *Assembler) Due(now time.Time) (out []Sealed, broken bool) {
	for len(a.waiting) > 0 {
		first, oldest := a.nearest()
		if a.video && now.Sub(oldest) >= keyPatience && a.leap() {
			out, broken = a.ready(out, true)
			continue
		}
		if len(a.waiting) <= maxWaiting && now.Sub(oldest) < patience {
			break
		}
		a.lost += int(first - a.next)
		a.next = first
		a.building, a.frame, broken = false, nil, true
		out, broken = a.ready(out, broken)
	}
	return out, broken
}

// nearest is the sequence number nearest to the one that is due, and when the
// longest waiting packet came.
func (a *Assembler) nearest() (first uint16, oldest time.Time) {
	best := -1
	for n, p := range a.waiting {
		if d := int(n - a.next); best < 0 || d < best {
			best, first = d, n
		}
		if oldest.IsZero() || p.At.Before(oldest) {
			oldest = p.At
		}
	}
	return first, oldest
}

func (a *Assembler) ready(out []Sealed, broken bool) ([]Sealed, bool) {
	for {
		p, ok := a.waiting[a.next]
		if !ok {
			return out, broken
		}
		delete(a.waiting, a.next)
		a.next++
		if len(p.Payload) == 0 {
			continue // padding of the server's
		}
		if !a.video {
			out = append(out, Sealed{p.Payload, p.Timestamp, p.At})
			continue
		}
		part, begins, err := vp8Payload(p.Payload)
		switch {
		case err != nil:
			a.building, broken = false, true
			continue
		case begins:
			broken = broken || a.building // the frame before never ended
			a.building, a.frame = true, nil
		case !a.building || p.Timestamp != a.at.Timestamp:
			a.building, broken = false, true
			continue
		}
		if len(a.frame)+len(part) > maxFrame {
			a.building, a.frame, broken = false, nil, true
			continue
		}
		a.frame, a.at = append(a.frame, part...), p
		if p.Marker {
			out = append(out, Sealed{a.frame, p.Timestamp, p.At})
			a.building, a.frame = false, nil
		}
	}
}

package transport

import (
	"encoding/binary"
	"math"
	"time"

	"huisclos/media/srtp"
)

// arrivals notes when the packets of one publisher came that have transport-wide numbers, and writes the feedback of it
// (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1). A packet that comes behind others that were told of already has all
// since then told again, as libwebrtc does (modules/remote_bitrate_estimator/transport_sequence_number_feedback_generator.cc):
// whoever sends takes the last word. The zero value has seen nothing. It is not safe for concurrent use, and allocates nothing
// while the rate stays.
type arrivals struct {
	times      []uint32 // µs since start, wrapped; zero: it did not come. By number; their number is a power of two
	begin, end int64    // numbers that times has, unwrapped
	told       int64    // numbers before it were told of
	start      time.Time
	last       int64 // µs after start at which the newest came
	media      uint32
	count      uint8 // of feedback

	message []byte // room for one, and for its seal
	deltas  []byte
}

const (
	firstArrivals = 64
	// maxArrivals bounds what numbers that jump take, in packets: 32 KiB.
	maxArrivals = 4096
	// rememberArrivals is for how long what was told of is kept, in case that a packet comes late.
	rememberArrivals = 500_000 // µs
	// forgetArrivals is the silence after which a time could be taken for one of another turn of the clock.
	forgetArrivals = 60_000_000 // µs

	deltaUnit     = 250    // µs (§3.1.5)
	referenceUnit = 64_000 // µs (§3.1)
	twccHeader    = 20     // before the chunks, that of RTCP (RFC 3550 §6.4.1) among it
	// maxFeedback bounds a message, in octets: it fits all usual paths.
	maxFeedback = 1100
)

// record notes a packet.
func (a *arrivals) record(ssrc uint32, number uint16, now time.Time) {
	if a.start.IsZero() {
		a.start = now
	}
	at := max(now.Sub(a.start).Microseconds()+1, a.last) // another reader's turn may have begun before
	if uint32(at) == 0 {
		at++ // which would be no time
	}
	if len(a.times) == 0 || at-a.last > forgetArrivals {
		a.begin, a.end, a.told = int64(number), int64(number), int64(number)
	}
	a.media = ssrc
	unwrapped := a.end + int64(int16(number-uint16(a.end)))
	if unwrapped < a.end-maxArrivals {
		return // as good as lost
	}
	a.last = at
	a.cull(unwrapped)
	a.reach(unwrapped)
	a.told = min(a.told, unwrapped)
	if to := a.slot(unwrapped); *to == 0 {
		*to = uint32(at)
	}
}

// cull forgets what was told of and is old, when a packet comes and nothing waits to be told.
func (a *arrivals) cull(coming int64) {
	if a.told < a.end {
		return
	}
	for a.begin < min(coming, a.end) && a.age(a.begin) >= rememberArrivals {
		a.begin++
	}
}

// age is how long ago a packet came, in µs; one that did not come is old.
func (a *arrivals) age(number int64) int64 {
	at := *a.slot(number)
	if at == 0 {
		return math.MaxInt64
	}
	return int64(uint32(a.last) - at)
}

func (a *arrivals) slot(number int64) *uint32 { return &a.times[int(number)&(len(a.times)-1)] }

// reach makes a number one of those that times has.
func (a *arrivals) reach(number int64) {
	begin, end := min(a.begin, number), max(a.end, number+1)
	if end-begin > maxArrivals {
		begin = end - maxArrivals
	}
	size := max(len(a.times), firstArrivals)
	for int64(size) < end-begin {
		size *= 2
	}
	for size > firstArrivals && int64(size) > 4*(end-begin) {
		size /= 2
	}
	if size != len(a.times) {
		before := *a
		a.times = make([]uint32, size)
		for n := max(begin, a.begin); n < a.end; n++ {
			*a.slot(n) = *before.slot(n)
		}
	}
	for n := begin; n < min(a.begin, end); n++ {
		*a.slot(n) = 0
	}
	for n := max(a.end, begin); n < end; n++ {
		*a.slot(n) = 0
	}
	a.begin, a.end, a.told = begin, end, max(a.told, begin)
}

// feedback writes a message about what was not told of yet, nil when there is nothing. Its memory is the caller's until the next
// call, and has room for SRTCP.
func (a *arrivals) feedback(sender uint32) []byte {
	first := a.told
	for first < a.end && *a.slot(first) == 0 {
		first++
	}
	if first == a.end {
		return nil
	}
	if a.message == nil {
		a.message = make([]byte, 0, 256)
	}
	b := append(a.message[:0], make([]byte, twccHeader)...)
	a.deltas = a.deltas[:0]
	reference := (a.last - a.age(first)) / referenceUnit
	at := reference * referenceUnit
	base, next := a.told, a.told
	var statuses statuses
	for n := first; n < a.end; n++ {
		if *a.slot(n) == 0 {
			continue
		}
		delta := a.last - a.age(n) - at
		// To the nearest: halves away from zero.
		if delta >= 0 {
			delta = (delta + deltaUnit/2) / deltaUnit
		} else {
			delta = (delta - deltaUnit/2) / deltaUnit
		}
		if delta < math.MinInt16 || delta > math.MaxInt16 || len(b)+len(a.deltas)+statuses.octets(int(n-next)) > maxFeedback {
			break // the next message begins here
		}
		for ; next < n; next++ {
			b = statuses.add(b, notReceived)
		}
		if delta >= 0 && delta <= math.MaxUint8 {
			b = statuses.add(b, smallDelta)
			a.deltas = append(a.deltas, byte(delta))
		} else {
			b = statuses.add(b, largeDelta)
			a.deltas = binary.BigEndian.AppendUint16(a.deltas, uint16(delta))
		}
		at += delta * deltaUnit
		next++
	}
	b = append(statuses.flush(b), a.deltas...)
	b[0], b[1] = 2<<6|formatTWCC, rtcpTransport
	if padding := -len(b) & 3; padding > 0 { // RFC 3550 §6.4.1
		b = append(b, make([]byte, padding)...)
		b[0] |= 1 << 5
		b[len(b)-1] = byte(padding)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4-1))
	binary.BigEndian.PutUint32(b[4:], sender)
	binary.BigEndian.PutUint32(b[8:], a.media)
	binary.BigEndian.PutUint16(b[12:], uint16(base))
	binary.BigEndian.PutUint16(b[14:], uint16(next-base))
	binary.BigEndian.PutUint32(b[16:], uint32(reference)<<8|uint32(a.count))
	a.count++
	a.told = next
	if cap(b)-len(b) < srtp.RTCPOverhead {
		b = append(b, make([]byte, srtp.RTCPOverhead)...)[:len(b)]
	}
	a.message = b
	return b
}

// A symbol is what a status says of one packet (§3.1.1); its value is the length of the packet's delta.
type symbol uint8

const (
	notReceived symbol = iota
	smallDelta
	largeDelta
)

const (
	maxRun       = 1<<13 - 1 // of a run length chunk (§3.1.3)
	oneBitVector = 14        // statuses of a vector chunk (§3.1.4)
	twoBitVector = 7
)

// statuses are those of packets that have no chunk yet: a chunk takes as many as it can, so that it is known only when one
// follows that does not fit.
type statuses struct {
	symbols [oneBitVector]symbol // the first of them
	n       int
	mixed   bool // they are not all the same
	large   bool // some are largeDelta
}

func (s *statuses) fits(next symbol) bool {
	switch {
	case s.n < twoBitVector:
		return true
	case s.n < oneBitVector && !s.large && next != largeDelta:
		return true
	}
	return s.n < maxRun && !s.mixed && next == s.symbols[0]
}

// add takes one more, and writes a chunk if that needs room.
func (s *statuses) add(b []byte, next symbol) []byte {
	if !s.fits(next) {
		b = s.chunk(b)
	}
	if s.n < oneBitVector {
		s.symbols[s.n] = next
	}
	s.mixed = s.mixed || next != s.symbols[0]
	s.large = s.large || next == largeDelta
	s.n++
	return b
}

// chunk writes one chunk, of the first of them at least.
func (s *statuses) chunk(b []byte) []byte {
	switch {
	case !s.mixed:
		b = binary.BigEndian.AppendUint16(b, uint16(s.symbols[0])<<13|uint16(s.n))
		*s = statuses{}
	case s.n == oneBitVector:
		word := uint16(1 << 15)
		for i, symbol := range s.symbols {
			word |= uint16(symbol) << (oneBitVector - 1 - i)
		}
		b = binary.BigEndian.AppendUint16(b, word)
		*s = statuses{}
	default:
		word, n := uint16(1<<15|1<<14), min(s.n, twoBitVector)
		for i, symbol := range s.symbols[:n] {
			word |= uint16(symbol) << (2 * (twoBitVector - 1 - i))
		}
		b = binary.BigEndian.AppendUint16(b, word)
		rest := *s
		*s = statuses{}
		for _, symbol := range rest.symbols[n:rest.n] {
			b = s.add(b, symbol) // fewer than a chunk holds
		}
	}
	return b
}

// flush writes the last chunks.
func (s *statuses) flush(b []byte) []byte {
	for s.n > 0 {
		b = s.chunk(b)
	}
	return b
}

// octets is the most that they take with one more packet behind so many that did not come, its delta included.
func (s *statuses) octets(missing int) int {
	return 2*(min(s.n, oneBitVector)/twoBitVector+1) + 2*(missing/maxRun+3) + int(largeDelta)
}

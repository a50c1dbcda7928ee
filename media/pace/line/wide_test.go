package line

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"
)

// arrival is a packet at the receiver, by its clock.
type arrival struct {
	sequence uint16
	at       time.Duration
}

// recorder writes feedback as a browser does: all numbers since the last
// message, those that did not come among them.
type recorder struct {
	pending []arrival
	next    uint16 // behind what was reported
	any     bool
	number  uint8
}

func (r *recorder) arrived(sequence uint16, at time.Duration) {
	if !r.any {
		r.any, r.next = true, sequence
	}
	r.pending = append(r.pending, arrival{sequence, at})
}

// report gives the messages from behind their SSRCs.
func (r *recorder) report() (messages [][]byte) {
	if len(r.pending) == 0 {
		return nil
	}
	base := r.next
	for _, a := range r.pending {
		if int16(a.sequence-base) < 0 {
			base = a.sequence
		}
	}
	slices.SortFunc(r.pending, func(a, b arrival) int { return cmp.Compare(int16(a.sequence-base), int16(b.sequence-base)) })
	messages = append(messages, writeFeedback(base, r.pending, r.number))
	r.number++
	r.next = r.pending[len(r.pending)-1].sequence + 1
	r.pending = r.pending[:0]
	return messages
}

// writeFeedback writes one message; arrivals are in the order of their numbers,
// which are distinct.
func writeFeedback(base uint16, arrivals []arrival, number uint8) []byte {
	last := arrivals[len(arrivals)-1].sequence
	count := last - base + 1
	unit := referenceUnit * time.Microsecond
	reference := arrivals[0].at / unit
	b := binary.BigEndian.AppendUint16(nil, base)
	b = binary.BigEndian.AppendUint16(b, count)
	b = append(b, byte(reference>>16), byte(reference>>8), byte(reference), number)
	var symbols []symbol
	var deltas []byte
	at := reference * unit
	for n, i := uint16(0), 0; n < count; n++ {
		if i == len(arrivals) || arrivals[i].sequence != base+n {
			symbols = append(symbols, notReceived)
			continue
		}
		delta := (arrivals[i].at - at) / (deltaUnit * time.Microsecond)
		at += delta * deltaUnit * time.Microsecond
		i++
		if delta >= 0 && delta <= 255 {
			symbols, deltas = append(symbols, smallDelta), append(deltas, byte(delta))
		} else {
			delta = min(max(delta, -1<<15), 1<<15-1)
			symbols, deltas = append(symbols, largeDelta), binary.BigEndian.AppendUint16(deltas, uint16(int16(delta)))
		}
	}
	for len(symbols) > 0 {
		run := 1
		for run < len(symbols) && run < 0x1fff && symbols[run] == symbols[0] {
			run++
		}
		if run >= 7 {
			b = binary.BigEndian.AppendUint16(b, uint16(symbols[0])<<13|uint16(run))
			symbols = symbols[run:]
			continue
		}
		n := min(7, len(symbols))
		c := uint16(0xc000)
		for i := range n {
			c |= uint16(symbols[i]) << (12 - 2*i)
		}
		b = binary.BigEndian.AppendUint16(b, c)
		symbols = symbols[n:]
	}
	b = append(b, deltas...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

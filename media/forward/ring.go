package forward

import (
	"sync"
	"time"

	"huisclos/media/gate"
)

const (
	// keepFor is how long a packet is worth a retransmission: a receiver asks after a round trip, and once more when the
	// answer is lost as well.
	keepFor = time.Second
	// keepLeast is how long it is kept even of a stream that is so fast that keepCheap holds less.
	keepLeast = 500 * time.Millisecond
	// keepCheap is what a ring may hold, in octets, of packets that are older than keepLeast: a second of 0.8 Mbit/s, half a
	// second of 1.5 Mbit/s.
	keepCheap = 96 << 10
	// keepMost bounds a ring, in octets: half a second of 8 Mbit/s.
	keepMost = 512 << 10

	// block is the unit in which rings take and give back memory, in octets. It holds any payload that is forwarded.
	block      = 8 << 10
	firstSlots = 64
	maxSlots   = 2048
)

// blocks are between two rings. The collector takes those that no ring wants.
var blocks = sync.Pool{New: func() any { return new([block]byte) }}

// Ring keeps the last packets of one layer as they were received, for all
// receivers together: what was sealed for the call is the same for everybody.
// It takes memory for what is published in keepFor, and gives it back when less
// is; the zero value is an empty ring that has none. It allocates nothing while
// the rate stays.
type Ring struct {
	slots  []slot // by sequence number; their number is a power of two
	blocks []kept // oldest first
	first  uint32 // number of blocks[0] among all that there ever were
	used   int    // octets of the newest block
	epoch  time.Time
}

// kept is a block and when its last packet came, after the ring's epoch.
type kept struct {
	octets *[block]byte
	newest time.Duration
}

// slot says where a packet is. The zero value is of no packet: blocks are numbered from 1.
type slot struct {
	block           uint32
	at, size        uint16
	ssrc, timestamp uint32
	since           uint32 // milliseconds after the ring's epoch, modulo 2^32
	sequence        uint16
	flags           uint8
}

const (
	marker = 1 << iota
	firstOfFrame
	firstOfKeyFrame
	described // it has a payload descriptor
	vp9
)

func flags(p *gate.Packet) (f uint8) {
	if p.Marker {
		f |= marker
	}
	if p.Start {
		f |= firstOfFrame
	}
	if p.Key {
		f |= firstOfKeyFrame
	}
	if p.Descriptor.Size > 0 {
		f |= described
	}
	if p.VP9 {
		f |= vp9
	}
	return f
}

// Add keeps a packet.
func (r *Ring) Add(p *gate.Packet, now time.Time) {
	if len(p.Payload) > block {
		return // gate and router let nothing pass that is nearly so large
	}
	if len(r.blocks) == 0 {
		r.epoch = now
		r.slots = make([]slot, firstSlots)
		r.first = 1
		r.take()
	}
	since := now.Sub(r.epoch)
	if r.used+len(p.Payload) > block {
		r.expire(since)
		r.take()
	}
	newest := &r.blocks[len(r.blocks)-1]
	copy(newest.octets[r.used:], p.Payload)
	*r.place(p.Sequence, since) = slot{block: r.first + uint32(len(r.blocks)-1), at: uint16(r.used), size: uint16(len(p.Payload)),
		ssrc: p.SSRC, timestamp: p.Timestamp, since: uint32(since / time.Millisecond), sequence: p.Sequence, flags: flags(p)}
	r.used += len(p.Payload)
	newest.newest = since
}

// place is where a sequence number's slot is. While another packet that is still of use has it, there are too few.
func (r *Ring) place(sequence uint16, since time.Duration) *slot {
	for {
		s := &r.slots[int(sequence)&(len(r.slots)-1)]
		if s.sequence == sequence || !r.has(s, since) || len(r.slots) >= maxSlots {
			return s
		}
		before := r.slots
		r.slots = make([]slot, 2*len(before))
		for _, o := range before {
			if r.has(&o, since) {
				r.slots[int(o.sequence)&(len(r.slots)-1)] = o
			}
		}
	}
}

// has says whether a slot's packet is still there and not too old.
func (r *Ring) has(s *slot, since time.Duration) bool {
	return s.block != 0 && s.block-r.first < uint32(len(r.blocks)) && uint32(since/time.Millisecond)-s.since <= uint32(keepFor/time.Millisecond)
}

// take begins a new block.
func (r *Ring) take() {
	r.blocks = append(r.blocks, kept{octets: blocks.Get().(*[block]byte)})
	r.used = 0
}

// expire gives back the blocks whose packets are all of no use any more, and the oldest when the ring is full.
func (r *Ring) expire(since time.Duration) {
	n := 0
	for n < len(r.blocks) {
		age, holds := since-r.blocks[n].newest, (len(r.blocks)-n)*block
		if age <= keepFor && holds < keepMost && (age <= keepLeast || holds < keepCheap) {
			break
		}
		blocks.Put(r.blocks[n].octets)
		n++
	}
	kept := copy(r.blocks, r.blocks[n:])
	clear(r.blocks[kept:])
	r.blocks = r.blocks[:kept]
	r.first += uint32(n)
}

// Sweep gives back what became too old while nothing was added, all of it in the end.
func (r *Ring) Sweep(now time.Time) {
	if len(r.blocks) == 0 || now.Sub(r.epoch)-r.blocks[len(r.blocks)-1].newest <= keepFor {
		return
	}
	r.expire(now.Sub(r.epoch))
	*r = Ring{}
}

// Get finds a packet that is not too old to be useful. Its payload is valid until the next Add or Sweep.
func (r *Ring) Get(ssrc uint32, sequence uint16, now time.Time) (gate.Packet, bool) {
	if len(r.slots) == 0 {
		return gate.Packet{}, false
	}
	s := &r.slots[int(sequence)&(len(r.slots)-1)]
	if s.sequence != sequence || s.ssrc != ssrc || !r.has(s, now.Sub(r.epoch)) {
		return gate.Packet{}, false
	}
	octets := r.blocks[s.block-r.first].octets
	p := gate.Packet{SSRC: ssrc, Sequence: sequence, Timestamp: s.timestamp, Marker: s.flags&marker != 0,
		Start: s.flags&firstOfFrame != 0, Key: s.flags&firstOfKeyFrame != 0, VP9: s.flags&vp9 != 0,
		Payload: octets[s.at : s.at+s.size : s.at+s.size]}
	if s.flags&described != 0 {
		var err error
		if p.Descriptor, err = p.Describe(); err != nil {
			return gate.Packet{}, false // the gate passed it, so it has one
		}
	}
	return p, true
}

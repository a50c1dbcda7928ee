package forward

import (
	"time"

	"huisclos/media/gate"
	"huisclos/media/slab"
)

const (
	// keepFor is how long a packet is worth a retransmission at most: a receiver asks after a round trip, and once more when the
	// answer is lost as well.
	keepFor = time.Second
	// keepUnknown is how long it is kept while no receiver's round trip is known.
	keepUnknown = 500 * time.Millisecond
	// keepCheap is what a ring may hold, in octets, of packets that are older than its receivers need: a second of 0.25 Mbit/s.
	keepCheap = 32 << 10
	// keepMost bounds a ring, in octets: half a second of 8 Mbit/s.
	keepMost = 512 << 10

	// block is the unit in which rings take and give back memory, in octets. A payload lies in two at most.
	block      = slab.Size
	firstSlots = 64
	maxSlots   = 2048
)

// blocks are all rings'. They are not Go's memory: nothing of theirs is left to the collector, and each ring that is not used any
// more has to be cleared.
var blocks slab.Store

// Ring keeps the last packets of one layer as they were received, for all
// receivers together: what was sealed for the call is the same for everybody.
// It takes memory for what is published in the time that its receivers need, and
// gives it back when less is; the zero value is an empty ring that has none. Its
// owner says Clear before it forgets the ring. It allocates nothing while the rate
// stays.
type Ring struct {
	slots  []slot // by sequence number; their number is a power of two
	blocks []kept // oldest first
	first  uint32 // number of blocks[0] among all that there ever were, modulo 2^32 / block
	used   int    // octets of the newest block
	epoch  time.Time
	needed time.Duration // 0: keepUnknown
	joined []byte        // what Get gave last, if that lay in two blocks
}

// kept is a block and when the last packet that begins in it came, after the ring's epoch.
type kept struct {
	slab.Block
	newest time.Duration
}

// slot says where a packet is. The zero value is of no packet.
type slot struct {
	at              uint32 // octets of the ring before it since its epoch, modulo 2^32
	ssrc, timestamp uint32
	since           uint32 // milliseconds after the ring's epoch, modulo 2^32
	sequence, size  uint16
	flags           uint8
}

const (
	taken = 1 << iota // a packet is there
	marker
	firstOfFrame
	firstOfKeyFrame
	described // it has a payload descriptor
	vp9
)

func flags(p *gate.Packet) uint8 {
	f := uint8(taken)
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

// Kept is what all rings of the process hold, in octets.
func Kept() int { return blocks.Lent() * block }

// Needs says for how long the receivers need packets: their round trips decide. The ring keeps less only when it is full.
func (r *Ring) Needs(d time.Duration) { r.needed = d }

// Add keeps a packet.
func (r *Ring) Add(p *gate.Packet, now time.Time) {
	if len(p.Payload) > block {
		return // gate and router let nothing pass that is nearly so large
	}
	if r.slots == nil {
		r.epoch = now
		r.slots = make([]slot, firstSlots)
	}
	since := now.Sub(r.epoch)
	if len(r.blocks) == 0 || r.used+len(p.Payload) > block {
		r.expire(since)
	}
	if len(r.blocks) == 0 {
		r.take()
	}
	last := len(r.blocks) - 1
	*r.place(p.Sequence, since) = slot{at: (r.first+uint32(last))*block + uint32(r.used), size: uint16(len(p.Payload)),
		ssrc: p.SSRC, timestamp: p.Timestamp, since: uint32(since / time.Millisecond), sequence: p.Sequence, flags: flags(p)}
	r.blocks[last].newest = since
	n := copy(r.blocks[last].Octets()[r.used:], p.Payload)
	r.used += n
	if rest := p.Payload[n:]; len(rest) > 0 {
		r.take()
		r.blocks[last+1].newest = since
		r.used = copy(r.blocks[last+1].Octets(), rest)
	}
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
	return s.flags&taken != 0 && r.index(s) < len(r.blocks) && uint32(since/time.Millisecond)-s.since <= uint32(keepFor/time.Millisecond)
}

// index is the block in which a slot's packet begins; it is not there if that is not below the number of blocks.
func (r *Ring) index(s *slot) int { return int((s.at/block - r.first) % (1 << 32 / block)) }

// take begins a new block.
func (r *Ring) take() {
	r.blocks = append(r.blocks, kept{Block: blocks.Take()})
	r.used = 0
}

// expire gives back the blocks whose packets are all of no use any more, and the oldest when the ring is full.
func (r *Ring) expire(since time.Duration) {
	needed := r.needed
	if needed == 0 {
		needed = keepUnknown
	}
	n := 0
	for n < len(r.blocks) {
		age, holds := since-r.blocks[n].newest, (len(r.blocks)-n)*block
		if age <= keepFor && holds < keepMost && (age <= needed || holds < keepCheap) {
			break
		}
		blocks.Give(r.blocks[n].Block)
		n++
	}
	if n == len(r.blocks) {
		r.used = 0
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
	r.Clear()
}

// Clear forgets all packets and gives the memory back.
func (r *Ring) Clear() {
	for _, b := range r.blocks {
		blocks.Give(b.Block)
	}
	*r = Ring{needed: r.needed}
}

// Get finds a packet that is not too old to be useful. Its payload is valid until the next call.
func (r *Ring) Get(ssrc uint32, sequence uint16, now time.Time) (gate.Packet, bool) {
	if len(r.slots) == 0 {
		return gate.Packet{}, false
	}
	s := &r.slots[int(sequence)&(len(r.slots)-1)]
	if s.sequence != sequence || s.ssrc != ssrc || !r.has(s, now.Sub(r.epoch)) {
		return gate.Packet{}, false
	}
	p := gate.Packet{SSRC: ssrc, Sequence: sequence, Timestamp: s.timestamp, Marker: s.flags&marker != 0,
		Start: s.flags&firstOfFrame != 0, Key: s.flags&firstOfKeyFrame != 0, VP9: s.flags&vp9 != 0, Payload: r.payload(s)}
	if s.flags&described != 0 {
		var err error
		if p.Descriptor, err = p.Describe(); err != nil {
			return gate.Packet{}, false // the gate passed it, so it has one
		}
	}
	return p, true
}

// payload is what a slot's packet carried. Of one that lies in two blocks it is put together.
func (r *Ring) payload(s *slot) []byte {
	n, at, size := r.index(s), int(s.at%block), int(s.size)
	octets := r.blocks[n].Octets()
	if at+size <= block {
		return octets[at : at+size : at+size]
	}
	r.joined = append(r.joined[:0], octets[at:]...)
	r.joined = append(r.joined, r.blocks[n+1].Octets()[:at+size-block]...)
	return r.joined
}

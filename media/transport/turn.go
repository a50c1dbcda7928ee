package transport

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"huisclos/media"
	"huisclos/media/forward"
	"huisclos/media/gate"
	"huisclos/media/pace"
	"huisclos/media/srtp"
	"huisclos/media/transport/batch"
)

const (
	// turnArena is what one socket is given at once; a fuller turn takes several sends.
	turnArena = 128 << 10
	// maxJobs bounds what waits in a turn.
	maxJobs = 8192
	// repeatSoundAbove is the loss from which sound is sent twice: an encoder's own repair (RFC 6716 §2.1.7) mends single losses.
	repeatSoundAbove = 0.02
	// repeatSoundFrom is the limit up to which a congested line is taken to lose packets because it is full: sound that is sent
	// twice would fill it further, and take the last picture from who is behind it.
	repeatSoundFrom pace.Bitrate = 1_000_000
	// keepJobs is for how many jobs of one link, and keepRoom for how many of all, a turn keeps room from one batch to the next.
	keepJobs = 64
	keepRoom = 4096
	// firstJobs holds the packets of a picture.
	firstJobs = 8
	// maxPadding is what a packet may get so that it has the size of its neighbours.
	maxPadding = 16
	// maxHeader is what a packet has before its payload: fixed header, extensions, original sequence number.
	maxHeader = 12 + 4 + 40 + 2
)

// turn gathers what leaves because of one batch of arriving packets, so that the packets of one receiver lie next to each
// other and leave in one send. Each reader has one; what arrives by TCP shares another. Jobs are sealed when the turn is
// flushed, receiver by receiver: each key comes into the processor's cache once.
//
// Locks are taken in this order: turn, link.inMu, the router's, link.sendMu, link.mu.
type turn struct {
	port  *port
	index int // of its jobs in each link

	// mu is held from the first packet of a batch to the end of its flush. Who takes it after a change knows that nothing
	// from before the change is still on its way out.
	mu      sync.Mutex
	links   []*link // that have jobs, in order of their first
	jobs    int
	free    [][]job // room of links that have no jobs now
	room    int     // of free
	writers []writer
	single  []byte // room for one packet that leaves by itself
	due     []job  // room for what leaves late
	packets []*shared
	spare   []*shared // of earlier batches
	// last is the packet that was shared last, which came from lastFrom.
	last     *shared
	lastFrom *gate.Packet
	stalled  []*media.Down
	wrong    offenders

	spent atomic.Int64 // nanoseconds in which mu was held for a batch

	// What arrived and was genuine, and what was sealed to leave. One turn writes, whoever counts reads.
	heard, heardOctets, sentOctets atomic.Uint64
}

// begin and end enclose a batch of packets.
func (t *turn) begin() (at time.Time) {
	t.mu.Lock()
	return t.port.now()
}

func (t *turn) end(began time.Time) {
	t.port.finish(t)
	t.spent.Add(int64(t.port.now().Sub(began)))
	t.mu.Unlock()
}

// writer is the way out through one socket.
type writer struct {
	socket *socket
	to     *batch.Writer
}

// job is one packet on its way to one receiver.
type job struct {
	outlet  *outlet
	down    *media.Down
	packet  *shared
	numbers forward.Numbers
	octets  int // of size, zero until that was asked for
	run     uint32
	class   pace.Class
	mid     uint8 // id of the extension, zero for none
	repeats bool  // on the RTX stream
}

func newTurn(p *port, index int) *turn {
	return &turn{port: p, index: index, single: make([]byte, 0, maxDatagram+maxHeader+srtp.TagSize)}
}

// add takes a job for a link. The caller holds mu.
func (t *turn) add(l *link, j job) {
	jobs := l.jobs[t.index]
	if len(jobs) == 0 {
		t.links = append(t.links, l)
		if n := len(t.free); n > 0 {
			jobs, t.free = t.free[n-1], t.free[:n-1]
			t.room -= cap(jobs)
		} else {
			jobs = make([]job, 0, firstJobs)
		}
	}
	l.jobs[t.index] = append(jobs, j)
	t.jobs++
}

// empty takes a link's room back.
func (t *turn) empty(l *link) {
	jobs := l.jobs[t.index]
	l.jobs[t.index] = nil
	if cap(jobs) > keepJobs || t.room+cap(jobs) > keepRoom {
		return
	}
	clear(jobs)
	t.free = append(t.free, jobs[:0])
	t.room += cap(jobs)
}

// full says that it is time to flush.
func (t *turn) full() bool { return t.jobs >= maxJobs }

// flush seals and sends all jobs. The caller holds mu.
func (t *turn) flush() {
	if t.jobs == 0 {
		t.forget()
		t.send()
		return
	}
	for i, l := range t.links {
		l.sendJobs(t, l.jobs[t.index])
		t.empty(l)
		t.links[i] = nil
	}
	t.links, t.jobs = t.links[:0], 0
	t.forget()
	t.send()
	for i, d := range t.stalled {
		d.Stalled(t.port.now())
		t.stalled[i] = nil
	}
	t.stalled = t.stalled[:0]
}

// send gives the kernel what is queued.
func (t *turn) send() {
	for _, w := range t.writers {
		if w.to.Queued() > 0 {
			_ = w.to.Flush() // the end of the socket, which its reader finds as well
		}
	}
}

// drop forgets all jobs, after a panic in the middle of them. The caller holds mu.
func (t *turn) drop() {
	for i, l := range t.links {
		l.jobs[t.index], t.links[i] = nil, nil
	}
	t.links, t.jobs = t.links[:0], 0
	t.forget()
}

// writerOf gives the batch of a socket, nil for one that is written a packet at a time.
func (t *turn) writerOf(s *socket) *batch.Writer {
	for i := range t.writers {
		if t.writers[i].socket == s {
			return t.writers[i].to
		}
	}
	if s.batch == nil {
		return nil
	}
	w := s.batch.NewWriter(turnArena)
	t.writers = append(t.writers, writer{s, w})
	return w
}

// sendJobs seals a link's packets, in their order, and queues them. What its line can't take now waits or is dropped.
func (l *link) sendJobs(t *turn, jobs []job) {
	l.sendMu.Lock()
	defer l.sendMu.Unlock()
	if l.out == nil {
		return
	}
	to := l.way()
	if to == nil {
		return
	}
	now := l.now()
	if p := l.pacing; p != nil && (p.line.Limit() > 0 || len(p.waiting) > 0) {
		kept := jobs[:0]
		for i := range jobs {
			o, d := jobs[i].outlet, jobs[i].down
			was := o.stalled
			if p.admit(&jobs[i], now) {
				kept = append(kept, jobs[i])
			}
			if o.stalled && !was {
				t.stalled = append(t.stalled, d)
			}
		}
		jobs = kept
	}
	l.sealAll(t, jobs, to, now)
	if p := l.pacing; p != nil && len(p.waiting) > 0 {
		t.send() // what waits is sent by another turn, and must not overtake this
	}
}

// sealAll seals jobs and queues them. The caller holds sendMu.
func (l *link) sealAll(t *turn, jobs []job, to path, now time.Time) {
	w, address, local := t.out(to)
	even, size, octets := 0, 0, 0
	defer func() { t.sentOctets.Add(uint64(octets)) }()
	for i := range jobs {
		j := &jobs[i]
		if i == even && w != nil {
			even, size = evenRun(jobs, i)
		}
		b := t.single
		if w != nil {
			b = w.Reserve(maxHeader + maxPadding + len(j.packet.Payload) + srtp.TagSize)
		}
		e := j.extensions()
		if e.twccID != 0 {
			e.twcc = l.pacing.sent(max(size, j.size())+srtp.TagSize, now)
			if j.packet.VP9 {
				l.pacing.repairs.sent(e.twcc, j.outlet, j.numbers.Sequence, j.repeats)
			}
		} else if l.pacing != nil {
			l.pacing.sentAside(max(size, j.size())+srtp.TagSize, now)
		}
		b = j.append(b[:0], e)
		if w != nil {
			b = pad(b, size-j.size())
		}
		sealed, err := l.out.SealRTP(b)
		octets += len(sealed)
		switch {
		case err != nil: // its number was used: a packet is never sealed twice
		case w != nil:
			w.QueueFrom(local, address, sealed)
		default:
			_ = to.write(sealed) // as lost as it would be further on
		}
		if err == nil && j.class == pace.Sound && l.pacing != nil {
			l.soundAgain(t, to, j.outlet, sealed)
		}
		if p := l.pacing; p != nil && j.outlet.rtx != 0 && j.outlet.agreed.codecs.rtx != 0 {
			p.probes, p.stamp = j.outlet, j.numbers.Timestamp
		}
	}
}

// soundAgain sends, on a line that loses packets, each packet of sound a second time, with the next one. Sound has no stream
// of repetitions that browsers would take; but the same sealed octets are the same packet (RFC 3711 §3.3.1 forbids an index for
// two packets), and whoever has it throws the second away.
func (l *link) soundAgain(t *turn, to path, o *outlet, sealed []byte) {
	if len(o.again) > 0 {
		t.queue(to, o.again)
		o.again = o.again[:0]
	}
	if l.pacing.repeatsSound() {
		o.again = append(o.again, sealed...)
	}
}

// repeatsSound says whether sending sound twice helps: the line loses packets, and not because it is full.
func (p *pacing) repeatsSound() bool {
	return p.line.Loss() > repeatSoundAbove && !(p.line.Congested() && p.line.Limit() < repeatSoundFrom)
}

// out is the batch that a path's packets go into, nil if they leave one by one.
func (t *turn) out(to path) (w *batch.Writer, address netip.AddrPort, local netip.Addr) {
	if u, ok := to.(*udpPath); ok {
		return t.writerOf(u.socket), u.address, u.local
	}
	return nil, address, local
}

// queue sends a sealed packet with the turn.
func (t *turn) queue(to path, sealed []byte) {
	if w, address, local := t.out(to); w != nil {
		w.QueueFrom(local, address, sealed)
		return
	}
	_ = to.write(sealed) // as above
}

// evenRun finds the packets from first on that leave in one segmented send when the shorter ones are padded to the size of the
// longest, and that size. Encoders cut a frame into packets that differ by an octet or two. The last of a run may be shorter.
func evenRun(jobs []job, first int) (end, size int) {
	size = jobs[first].size()
	least := size
	for end = first + 1; end < len(jobs); end++ {
		n := jobs[end].size()
		if n > least+maxPadding || jobs[end].repeats {
			break
		}
		if n+maxPadding < size {
			return end + 1, size
		}
		least, size = min(least, n), max(size, n)
	}
	return end, size
}

// pad adds octets of padding (RFC 3550 §5.1), for 1 to maxPadding of them.
func pad(b []byte, octets int) []byte {
	if octets <= 0 || octets > maxPadding {
		return b
	}
	b[0] |= 0x20
	for range octets - 1 {
		b = append(b, 0)
	}
	return append(b, byte(octets))
}

// size is what append writes.
func (j *job) size() int {
	if j.octets == 0 {
		j.octets = 12 + j.extensions().size() + len(j.packet.Payload)
		if j.repeats {
			j.octets += 2
		}
	}
	return j.octets
}

func (j *job) extensions() extensions {
	return extensions{midID: j.mid, mid: j.outlet.mid, twccID: j.outlet.agreed.twcc}
}

// append writes the packet as it is before SRTP. The caller holds the link's sendMu.
func (j *job) append(b []byte, e extensions) []byte {
	o, p, n := j.outlet, &j.packet.Packet, j.numbers
	if j.repeats {
		o.sequence++
		b = appendRTP(b, o.agreed.codecs.of(p).rtx, n.Marker, o.sequence, n.Timestamp, o.rtx, e)
		b = forward.AppendRTX(b, n.Sequence, p.Payload)
	} else {
		b = appendRTP(b, o.agreed.codecs.of(p).payloadType, n.Marker, n.Sequence, n.Timestamp, o.ssrc, e)
		b = append(b, p.Payload...)
	}
	n.Write(b[len(b)-len(p.Payload):], p)
	return b
}

package transport

import (
	"sync"
	"time"

	"github.com/pion/rtcp"

	"huisclos/media/pace"
	paceline "huisclos/media/pace/line"
	"huisclos/media/srtp"
)

const (
	// maxWaiting bounds the packets that wait for a receiver's line.
	maxWaiting = 1024
	// firstWaiting is for how many there is room at first.
	firstWaiting = 32
	// paceEvery is how often waiting packets and probes are looked after.
	paceEvery = 5 * time.Millisecond
	// assumed is what a line is taken to carry at first: the small pictures and the sound of a room of 25.
	assumed pace.Bitrate = 5_000_000
	// maxPaddingOnly is the most that one packet of nothing but padding holds (RFC 3550 §5.1).
	maxPaddingOnly = 255
	// limitChange is what a limit must move by for the router to be told at once, in percent.
	limitChange = 5
)

// pacing is what a link knows of its receiver's line: the numbers of what was sent, what waits, and what the line is told to
// carry. Its fields are guarded by the link's sendMu.
type pacing struct {
	link    *link
	line    paceline.Line
	waiting []waiting // in the order in which they leave
	probes  *outlet   // whose RTX stream carries padding: the last that sent a picture
	stamp   uint32    // of its last packet
	told    pace.Bitrate
	toldBad bool
	watched bool // by the port's pacer
	repairs repairs
	trace   trace
}

// waiting is a job that keeps its packet.
type waiting struct {
	job
	at time.Time
}

func newPacing(l *link) *pacing {
	p := &pacing{link: l}
	p.line.Told = &p.repairs
	return p
}

// assume begins with a limit for a receiver that agreed to give feedback, so that its line is not filled before that can say
// what it carries.
func (p *pacing) assume() {
	p.link.sendMu.Lock()
	defer p.link.sendMu.Unlock()
	p.line.Assume(assumed)
	p.changed()
}

// feedback takes a message of transport-wide feedback and says whether the router should hear of it.
func (p *pacing) feedback(b []byte, now time.Time) (changed bool) {
	p.link.sendMu.Lock()
	defer p.link.sendMu.Unlock()
	if p.line.Feedback(b, now) != nil {
		return false
	}
	p.trace.feedback(b, p.line.Limit(), now)
	return p.changed()
}

// lost takes the packets that feedback found missing and that are to be sent again unasked.
func (p *pacing) lost(into []flight) []flight {
	p.link.sendMu.Lock()
	defer p.link.sendMu.Unlock()
	return p.repairs.take(into)
}

// report takes the loss that receiver reports tell, for clients without transport-wide feedback.
func (p *pacing) report(lost float64, rate pace.Bitrate, now time.Time) (changed bool) {
	p.link.sendMu.Lock()
	defer p.link.sendMu.Unlock()
	return p.line.Report(lost, rate, now) && p.changed()
}

func (p *pacing) changed() bool {
	limit, bad := p.line.Limit(), p.line.Congested()
	if limit > 0 && !p.line.Idle() {
		p.watch()
	}
	if off := max(limit-p.told, p.told-limit); off*100 <= p.told*limitChange && bad == p.toldBad && (limit == 0) == (p.told == 0) {
		return false
	}
	p.told, p.toldBad = limit, bad
	return true
}

// limited says whether the line has a limit, or the router still believes so.
func (p *pacing) limited() bool {
	p.link.sendMu.Lock()
	defer p.link.sendMu.Unlock()
	return p.line.Limit() > 0 || p.told > 0
}

// state is what the router is told of a line with a limit, a few times a second. So often the pacer looks at one that has room, too.
func (p *pacing) state() (limit pace.Bitrate, congested bool) {
	p.link.sendMu.Lock()
	defer p.link.sendMu.Unlock()
	p.told, p.toldBad = p.line.Limit(), p.line.Congested()
	if p.told > 0 {
		p.watch()
	}
	return p.told, p.toldBad
}

func (p *pacing) wanted(full pace.Bitrate) {
	p.link.sendMu.Lock()
	defer p.link.sendMu.Unlock()
	p.line.Wanted(full)
}

// sent numbers a packet. The caller holds sendMu.
func (p *pacing) sent(size int, now time.Time) (sequence uint16) {
	p.trace.sent('s', size, now)
	return p.line.Sent(size, now)
}

// sentAside notes a packet of a stream for which the receiver agreed to no numbers. The caller holds sendMu.
func (p *pacing) sentAside(size int, now time.Time) {
	p.trace.sent('a', size, now)
	p.line.SentAside(size, now)
}

// watch has the pacer look after the link from now on.
func (p *pacing) watch() {
	if !p.watched {
		p.watched = true
		p.link.port.pacer.add(p.link)
	}
}

// admit says whether a job leaves now. One that waits is kept with a payload of its own; one that is too much is dropped, and
// the rest of its stream up to a key frame.
func (p *pacing) admit(j *job, now time.Time) bool {
	o := j.outlet
	if o.stalled && !j.repeats {
		if !j.packet.Key {
			return false
		}
		o.stalled = false
	}
	if j.packet.Key && j.packet.Start && !j.repeats {
		p.forget(now)
	}
	if j.class == pace.Sound {
		p.line.Release(j.size(), pace.Sound, true, now)
		return true
	}
	verdict, at := p.line.Release(j.size(), j.class, j.packet.Start || j.repeats, now)
	switch {
	case verdict == paceline.Drop, len(p.waiting) >= maxWaiting:
		if !j.repeats {
			o.stalled = true
		}
		return false
	case verdict == paceline.Go && len(p.waiting) == 0:
		return true
	}
	w := waiting{*j, at}
	w.packet.keep()
	if p.waiting == nil {
		p.waiting = (*queues.Get().(*[]waiting))[:0]
	}
	p.waiting = append(p.waiting, w)
	p.watch()
	return false
}

// forget drops what waits of streams that were stopped since, so that a key frame does not wait for its turn to pass.
func (p *pacing) forget(now time.Time) {
	if len(p.waiting) == 0 {
		return
	}
	kept := p.waiting[:0]
	for i := range p.waiting {
		if w := &p.waiting[i]; w.stale() {
			w.packet.release()
		} else {
			kept = append(kept, *w)
		}
	}
	clear(p.waiting[len(kept):])
	if p.waiting = kept; len(kept) == 0 {
		p.emptied()
		p.line.Emptied(now)
	}
}

// stale says whether a packet is of no use any more, because its stream was stopped while it waited.
func (w *waiting) stale() bool {
	return w.run != w.down.Run() || w.outlet.stalled && !w.repeats && !w.packet.Key
}

// due takes the jobs whose time has come.
func (p *pacing) due(into []job, now time.Time) []job {
	n := 0
	for n < len(p.waiting) && !p.waiting[n].at.After(now) {
		if w := &p.waiting[n]; w.stale() {
			w.packet.release()
		} else {
			into = append(into, w.job)
		}
		n++
	}
	rest := copy(p.waiting, p.waiting[n:])
	clear(p.waiting[rest:])
	if p.waiting = p.waiting[:rest]; rest == 0 {
		p.emptied()
	}
	return into
}

// queues are room for what waits, of lines where nothing does: memory goes with the congestion.
var queues = sync.Pool{New: func() any { return new(make([]waiting, 0, firstWaiting)) }}

// emptied gives the room of what waited to who needs it next.
func (p *pacing) emptied() {
	if room := p.waiting; cap(room) > 0 {
		queues.Put(&room)
	}
	p.waiting = nil
}

// release sends what waited long enough, and padding that looks for more of the line. It says whether the link still has to be
// watched. The caller holds the turn.
func (l *link) release(t *turn, now time.Time) (more bool) {
	l.sendMu.Lock()
	defer l.sendMu.Unlock()
	p := l.pacing
	t.due = p.due(t.due[:0], now)
	to := l.way()
	if l.out == nil || to == nil {
		p.waiting, p.watched = nil, l.out != nil // of what waited nobody makes use again
		return p.watched
	}
	l.sealAll(t, t.due, to, now)
	for i := range t.due {
		t.due[i].packet.release()
	}
	clear(t.due)
	for octets := p.line.Tick(now); octets > 0 && p.probes != nil; octets -= maxPaddingOnly {
		l.sealPadding(t, to, now)
	}
	t.send() // another turn sends what follows, and must not overtake this
	p.watched = len(p.waiting) > 0 || p.line.Limit() > 0 && !p.line.Idle()
	return p.watched
}

// sealPadding queues a packet of nothing but padding on a stream of repetitions, where receivers count it and throw it away.
func (l *link) sealPadding(t *turn, to path, now time.Time) {
	p := l.pacing
	o := p.probes
	o.sequence++
	e := extensions{midID: o.agreed.mid, mid: o.mid, twccID: o.agreed.twcc}
	size := 12 + e.size() + maxPaddingOnly
	e.twcc = p.sent(size+srtp.TagSize, now)
	b := appendRTP(t.single[:0], o.agreed.codecs.rtx, false, o.sequence, p.stamp, o.rtx, e)
	b[0] |= 0x20
	b = append(b, make([]byte, maxPaddingOnly-1)...)
	if sealed, err := l.out.SealRTP(append(b, maxPaddingOnly)); err == nil {
		t.queue(to, sealed)
	}
}

// losses sums what a receiver reports for its streams, because one report of a stream with ten packets says nothing.
type losses struct {
	lost, expected float64
	since          time.Time
	farthest       time.Duration // the longest round trip, 0 when no report tells it
}

const lossInterval = time.Second

// away takes what a report says of the round trip: when it left, it names the last of our reports, and how long ago that had come
// (RFC 3550 §6.4.1). A receiver may say what it likes; it is for how long packets are kept for it, within bounds.
func (l *losses) away(block rtcp.ReceptionReport, now time.Time) {
	if block.LastSenderReport == 0 {
		return
	}
	if d := int32(uint32(toNTP(now)>>16) - block.LastSenderReport - block.Delay); d >= 0 { // else another clock's
		l.farthest = max(l.farthest, time.Duration(d)*time.Second>>16, time.Microsecond)
	}
}

// add takes a report's fraction (of 256) and the packets that were sent since the one before. Once a second it gives the
// fraction lost of all.
func (l *losses) add(fraction uint8, packets uint32, now time.Time) (lost float64, whole bool) {
	if packets == 0 {
		return 0, false
	}
	if l.since.IsZero() {
		l.since = now
	}
	l.lost += float64(fraction) / 256 * float64(packets)
	l.expected += float64(packets)
	if now.Sub(l.since) < lossInterval {
		return 0, false
	}
	lost = l.lost / l.expected
	*l = losses{since: now}
	return lost, true
}

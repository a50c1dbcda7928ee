package line

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"huisclos/media/pace"
)

// world is a publisher with three layers and a microphone, a forwarder that does
// what this package says, a line with one narrow place, and a receiver that
// gives feedback in octets. Time is its own; the same seed gives the same run.
type world struct {
	t      *testing.T
	random *rand.Rand
	start  time.Time
	at     time.Duration
	line   Line

	// The line.
	rate     float64       // bit/s
	buffer   int           // octets
	bucket   int           // octets that it lets through at once after a pause, as tbf does
	slot     time.Duration // what it carries it delivers together at the end of each, as Wi-Fi does; 0 is at once
	loss     float64
	base     time.Duration
	back     time.Duration // more on the way back
	jitter   time.Duration
	reorders bool
	rival    float64       // bit/s of a flow that yields to nobody
	clock    time.Duration // of the receiver, against ours
	deaf     bool          // feedback is held up whole
	deafness float64       // a part of it is lost
	sleeper  *sleeper      // nil is a receiver that is always awake
	overhead int           // octets of each packet that the line carries besides
	unheard  bool          // no feedback for sound
	flat     bool          // layers without temporal layers

	queue        []flying
	queued       int
	serving      time.Duration // until then
	arriving     []flying
	newest       time.Duration
	rivalOwes    float64
	recorder     recorder
	reportAt     time.Duration
	returning    []returning
	longestQueue time.Duration

	// The publisher and the forwarder.
	rates     [pace.Layers]pace.Bitrate
	sounds    int // microphones
	frame     int
	frameAt   time.Duration
	soundAt   time.Duration
	tickAt    time.Duration
	keyAt     [pace.Layers]time.Duration // when a key frame comes; 0 is none
	height    int
	choices   [2]pace.Choice
	current   pace.Layer
	dropping  bool // the rest of a frame
	starved   bool // until a key frame
	leaving   []flying
	padding   int
	sentAll   int
	allocated pace.Bitrate
	full      pace.Bitrate

	// What was seen.
	switches    int
	lastPicture time.Duration
	longestGap  time.Duration
	lastSound   time.Duration
	soundGap    time.Duration
	repeating   []flying       // lost, to be sent again when the receiver's request is there
	whole       map[[2]int]int // packets that arrived of a frame of a layer
	frames      int            // that arrived whole in the running second
	repeats     int
	got         [pace.Layers]int // octets that arrived of a layer in the running second
	soundLost   int
	soundSent   int
}

type flying struct {
	sequence uint16
	size     int
	at       time.Duration // when it leaves, or entered the queue, or arrives
	class    pace.Class
	layer    pace.Layer
	frame    int
	parts    int  // of the frame
	ends     bool // the last packet of a frame
	rival    bool
}

type returning struct {
	b  []byte
	at time.Duration
}

const tickOf = time.Millisecond

var layerRates = [pace.Layers]pace.Bitrate{150_000, 500_000, 1_700_000}

func newWorld(t *testing.T, rate float64) *world {
	w := &world{t: t, random: rand.New(rand.NewPCG(7, 9)), start: time.Unix(1_700_000_000, 0), rate: rate, base: 20 * time.Millisecond,
		buffer: 64 << 10, height: 720, current: pace.None, at: time.Second, whole: make(map[[2]int]int), rates: layerRates, sounds: 1}
	return w
}

func (w *world) now() time.Time { return w.start.Add(w.at) }

// run lets time pass; every second it calls each.
func (w *world) run(d time.Duration, each func(second int)) {
	w.t.Helper()
	for until, second := w.at+d, 0; w.at < until; {
		w.step()
		if w.at%time.Second == 0 {
			if each != nil {
				each(second)
			}
			second++
			w.got, w.frames = [pace.Layers]int{}, 0
			if len(w.whole) > 1000 {
				clear(w.whole)
			}
		}
		limit := float64(w.line.estimate.limit)
		if math.IsNaN(limit) || math.IsInf(limit, 0) || limit < 0 {
			w.t.Fatalf("limit %v at %v", limit, w.at)
		}
	}
}

func (w *world) step() {
	w.at += tickOf
	w.publish()
	if w.at >= w.tickAt {
		w.tickAt = w.at + 200*time.Millisecond
		w.allocate()
	}
	if octets := w.line.Tick(w.now()); octets > 0 {
		for ; octets > 0; octets -= 800 {
			size := min(max(octets, 100), 800)
			w.padding += size
			w.send(flying{size: size, class: pace.Thumbnail, layer: pace.None})
		}
	}
	for len(w.leaving) > 0 && w.leaving[0].at <= w.at {
		w.send(w.leaving[0])
		w.leaving = w.leaving[1:]
	}
	w.repeat()
	w.carry()
	w.receive()
}

func (w *world) publish() {
	if w.at >= w.soundAt {
		w.soundAt += 20 * time.Millisecond
		if w.soundAt < w.at {
			w.soundAt = w.at
		}
		for range w.sounds {
			w.soundSent++
			w.forward(flying{size: 130, class: pace.Sound}, true, false, 0)
		}
	}
	if w.at < w.frameAt {
		return
	}
	w.frameAt = max(w.frameAt, w.at-time.Second) + time.Second/30
	w.frame++
	temporal := [...]int8{0, 2, 1, 2}[w.frame%4]
	part := [...]float64{0.4 / 7.5, 0.2 / 7.5, 0.4 / 15}[temporal]
	if w.flat {
		temporal, part = 0, 1.0/30
	}
	for l := range pace.Layer(pace.Layers) {
		octets := float64(w.rates[l]) / 8 * part * (0.8 + 0.4*w.random.Float64())
		key := w.keyAt[l] > 0 && w.at >= w.keyAt[l]
		if key {
			w.keyAt[l] = 0
			octets = float64(w.rates[l]) / 8 * 0.16
		}
		for left := int(octets); left > 0; left -= 1100 {
			first := left == int(octets)
			w.forward(flying{size: min(left, 1100) + 30, class: pace.Speaker, layer: l,
				ends: left <= 1100, frame: w.frame, parts: (int(octets) + 1099) / 1100}, first, key, temporal)
		}
	}
}

// forward does what the package asks of its caller.
func (w *world) forward(p flying, begins, key bool, temporal int8) {
	if p.class != pace.Sound {
		target := w.choices[1].Target
		if key && begins && p.layer == target.Layer && (w.current != p.layer || w.starved) {
			if w.current != p.layer {
				w.switches++
			}
			w.current, w.starved, w.dropping = p.layer, false, false
		}
		if p.layer != w.current || target.Layer == pace.None {
			return
		}
		if begins {
			w.dropping = false
		}
		if w.starved || w.dropping || w.current == target.Layer && temporal > target.Temporal {
			return
		}
	}
	switch verdict, when := w.line.Release(p.size, p.class, begins, w.now()); verdict {
	case Go:
		w.send(p)
	case Wait:
		p.at = when.Sub(w.start)
		w.leaving = append(w.leaving, p)
	case Drop:
		w.dropping = true
		if temporal < 2 || w.flat {
			w.starved = true
			w.wantKey()
		}
	}
}

func (w *world) wantKey() {
	if l := w.choices[1].Layer; l != pace.None && w.keyAt[l] == 0 {
		w.keyAt[l] = w.at + 150*time.Millisecond
	}
}

func (w *world) allocate() {
	rates := pace.Rates{}
	for l, rate := range w.rates {
		rates[l] = pace.Split(rate*103/100, 3)
		if w.flat {
			rates[l] = pace.Split(rate*103/100, 1)
		}
	}
	sound := pace.Rates{{55_000 * pace.Bitrate(w.sounds)}}
	a := pace.Allocate([]pace.Stream{{Class: pace.Sound, Rates: sound, Was: w.choices[0]},
		{Class: pace.Thumbnail, Height: w.height, Rates: rates, Was: w.choices[1]}},
		w.line.Limit(), w.now())
	copy(w.choices[:], a.Choices)
	w.line.Wanted(a.Full)
	w.allocated, w.full = a.Sum, a.Full
	target := w.choices[1].Layer
	switch {
	case target == pace.None:
		w.current = pace.None
	case target != w.current:
		if target < w.current && w.line.Congested() {
			w.starved = true
		}
		w.wantKey()
	case w.starved:
		w.wantKey()
	}
}

func (w *world) send(p flying) {
	if w.unheard && p.class == pace.Sound {
		w.line.SentAside(p.size, w.now())
	} else {
		p.sequence = w.line.Sent(p.size, w.now())
	}
	w.sentAll += p.size
	w.enter(p)
}

func (w *world) enter(p flying) {
	p.size += w.overhead
	if !p.rival && w.random.Float64() < w.loss || w.queued+p.size > w.buffer {
		switch {
		case p.rival:
		case p.class == pace.Sound:
			w.soundLost++
		case p.layer != pace.None:
			// The receiver sees the gap, and asks until it is heard.
			p.at = w.at + 2*w.base + 30*time.Millisecond
			for w.random.Float64() < w.deafness {
				p.at += 60 * time.Millisecond
			}
			w.repeating = append(w.repeating, p)
		}
		return
	}
	p.at = w.at
	w.queued += p.size
	w.queue = append(w.queue, p)
}

// repeat sends again what the receiver asked for.
func (w *world) repeat() {
	kept := w.repeating[:0]
	for _, p := range w.repeating {
		if p.at > w.at {
			kept = append(kept, p)
			continue
		}
		if p.layer != w.current {
			continue // a key frame made it useless
		}
		w.repeats++
		switch verdict, when := w.line.Release(p.size, p.class, true, w.now()); verdict {
		case Go:
			defer w.send(p)
		case Wait:
			p.at = when.Sub(w.start)
			w.leaving = append(w.leaving, p)
		}
	}
	w.repeating = kept
}

// carry lets packets through the narrow place, one after the other.
func (w *world) carry() {
	w.rivalOwes += w.rival / 8 * tickOf.Seconds()
	for ; w.rivalOwes >= 1000; w.rivalOwes -= 1000 {
		w.enter(flying{size: 1000, rival: true})
	}
	for len(w.queue) > 0 {
		p := w.queue[0]
		saved := time.Duration(float64(w.bucket) * 8 / w.rate * float64(time.Second))
		end := max(w.serving, p.at-saved) + time.Duration(float64(p.size)*8/w.rate*float64(time.Second))
		if end > w.at {
			break
		}
		w.longestQueue = max(w.longestQueue, end-p.at)
		w.serving, w.queue, w.queued = end, w.queue[1:], w.queued-p.size
		if p.rival {
			continue
		}
		p.at = max(end, p.at) + w.base
		if w.slot > 0 {
			p.at = (p.at + w.slot - 1) / w.slot * w.slot
		}
		if w.jitter > 0 {
			p.at += time.Duration(w.random.Float64() * float64(w.jitter))
		}
		if !w.reorders {
			w.newest = max(w.newest, p.at)
			p.at = w.newest
		}
		w.arriving = append(w.arriving, p)
		for i := len(w.arriving) - 1; i > 0 && w.arriving[i].at < w.arriving[i-1].at; i-- {
			w.arriving[i], w.arriving[i-1] = w.arriving[i-1], w.arriving[i]
		}
	}
}

func (w *world) receive() {
	awake := w.sleeper.awake(w.at, w.random)
	for awake && len(w.arriving) > 0 && w.arriving[0].at <= w.at {
		p := w.arriving[0]
		if !w.sleeper.read(&p.at, w.at) {
			break
		}
		w.arriving = w.arriving[1:]
		if !w.unheard || p.class != pace.Sound {
			w.recorder.arrived(p.sequence, p.at+w.clock)
		}
		switch {
		case p.class == pace.Sound:
			if w.lastSound > 0 {
				w.soundGap = max(w.soundGap, p.at-w.lastSound)
			}
			w.lastSound = p.at
		case p.layer != pace.None:
			w.got[p.layer] += p.size
			id := [2]int{int(p.layer), p.frame}
			if w.whole[id]++; w.whole[id] == p.parts {
				w.frames++
			}
			if p.ends {
				if w.lastPicture > 0 {
					w.longestGap = max(w.longestGap, p.at-w.lastPicture)
				}
				w.lastPicture = p.at
			}
		}
	}
	if awake && w.at >= w.reportAt {
		w.reportAt = w.at + 50*time.Millisecond + time.Duration(w.random.IntN(50))*time.Millisecond
		for _, b := range w.recorder.report() {
			if w.random.Float64() >= w.deafness {
				w.returning = append(w.returning, returning{b, w.at + w.base + w.back})
			}
		}
	}
	for len(w.returning) > 0 && w.returning[0].at <= w.at && !w.deaf {
		if err := w.line.Feedback(w.returning[0].b, w.now()); err != nil {
			w.t.Fatalf("feedback at %v: %v", w.at, err)
		}
		w.returning = w.returning[1:]
		if float64(w.allocated) > float64(w.line.Limit()) && w.line.Limit() > 0 && w.line.Congested() {
			w.allocate()
		}
	}
}

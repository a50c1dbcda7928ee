package pace

import (
	"cmp"
	"slices"
	"time"
)

const (
	// MaxPictures is how many pictures one receiver is sent. In larger rooms it
	// gets those that it shows largest; so the last ones to speak are forwarded
	// because receivers, who alone hear them, show them large. The server is
	// not told who speaks.
	MaxPictures = 25

	// A step up must leave some of the limit unused, and wait after the last
	// step down, so that layers do not flap. If it was taken back soon, the next
	// one waits longer.
	upMargin    = 1.15
	upAfter     = 3 * time.Second
	upAfterMost = 8 * time.Second
	soon        = 10 * time.Second
	// learns is how long it takes to know what a layer costs: it is chosen while
	// its rate is measured from nothing on.
	learns = 5 * time.Second

	// lastOver is how far above the limit the last picture's lowest layer may be
	// and stay.
	lastOver = 1.5
	// A picture whose lowest step costs next to nothing is shown even if the sum
	// is littleOver times the limit then: that is as fast as packets are let go
	// on a narrow line, so none is dropped for it. Encoders that get little of a
	// processor send so little, and so do covered cameras. It is less than a
	// voice costs and a fifth of a camera's lowest layer: to leave it out makes
	// room for nothing. One that is shown stays up to half beyond.
	littleOver    = 1.25
	nextToNothing = Bitrate(30_000)
	nothingShown  = nextToNothing * 3 / 2

	// speakerOver is how much larger than the next a tile is to be the
	// speaker's, in percent.
	speakerOver = 150
)

// Rounds are the order in which a limit is spent; what it does not reach is
// left out, so read backwards they are the order in which a narrowing line
// takes away: first the thumbnails' frame rate, then their size, then the
// speaker's size, in the end pictures, the smallest first.
const (
	screenOn int8 = iota
	speakerOn
	screenSize  // text must be legible; it may move slowly
	speakerRate // of the lowest layer: a face must move
	thumbnailOn
	screenRate
	speakerSize
	thumbnailHalf   // half the frame rate
	thumbnailMiddle // all of them, before one is large
	thumbnailHigh
	thumbnailRate
	rounds
)

type step struct {
	Target
	round int8
}

// ladder is the way up of one stream. Its steps are in the order of rounds.
type ladder struct {
	steps [Layers * Temporals]step
	n     int
	class Class
	was   int // the last step that the stream had already; -1 is none
	top   int // the last step, if all fits
	at    int // the step that it gets
	stuck bool
	cut   bool // the line took something
}

func (d *ladder) add(r *Rates, l Layer, temporal int8, round int8) {
	t := Target{l, min(temporal, r.top(l))}
	if d.n > 0 && !t.above(d.steps[d.n-1].Target) {
		return
	}
	d.steps[d.n] = step{t, round}
	d.n++
}

// climb writes the steps from the lowest published layer to the wanted one.
func (s *Stream) climb(class Class, shown bool) (d ladder) {
	d.class, d.at, d.was = class, -1, -1
	want := None
	if shown {
		want = s.nearest(LayerFor(s.Height))
	}
	if want != None {
		low := want
		for l := want - 1; l >= Low; l-- {
			if s.Rates.published(l) {
				low = l
			}
		}
		for l := low; l <= want; l++ {
			if l != want && !s.Rates.published(l) {
				continue
			}
			s.rungs(&d, l, l == low)
		}
		switch class {
		case Screen:
			d.add(&s.Rates, want, 1, screenRate)
			d.add(&s.Rates, want, 2, screenRate)
		case Thumbnail:
			d.add(&s.Rates, want, 2, thumbnailRate)
		}
	}
	d.remember(s.Was.Target)
	d.top = d.n - 1
	return d
}

func (d *ladder) remember(was Target) {
	for i := range d.n {
		if !d.steps[i].above(was) {
			d.was = i
		}
	}
}

// settle is for a thumbnail that does not grow any more: it may have all frames
// of the size that it got.
func (s *Stream) settle(d *ladder) {
	if d.class != Thumbnail || !d.stuck || d.at < 0 || d.steps[d.at].Temporal == 0 {
		return
	}
	d.cut = d.cut || d.at < d.was
	d.n, d.stuck = d.at+1, false
	d.add(&s.Rates, d.steps[d.at].Layer, 2, thumbnailRate)
	d.remember(s.Was.Target)
}

func (s *Stream) rungs(d *ladder, l Layer, lowest bool) {
	r := &s.Rates
	switch {
	case d.class == Screen && lowest:
		d.add(r, l, 0, screenOn)
	case d.class == Screen:
		d.add(r, l, 0, screenSize)
	case d.class == Speaker && lowest:
		d.add(r, l, 0, speakerOn)
		d.add(r, l, 1, speakerRate)
		d.add(r, l, 2, speakerRate)
	case d.class == Speaker:
		d.add(r, l, 1, speakerSize)
		d.add(r, l, 2, speakerSize)
	case lowest:
		d.add(r, l, 0, thumbnailOn)
		d.add(r, l, 1, thumbnailHalf)
	case l == High:
		d.add(r, l, 1, thumbnailHigh)
	default:
		d.add(r, l, 1, thumbnailMiddle)
	}
}

// Allocation is what one receiver gets.
type Allocation struct {
	Choices []Choice // as the streams were given
	Sum     Bitrate  // what they cost
	Full    Bitrate  // what they would cost without a limit, for the line's Wanted

	pictures bool // any so far
}

// Allocate spends a limit on what a receiver could get; zero is no limit. Sum
// is within the limit unless sound alone is above it, which always stays, or sound and
// the last picture's lowest layer, which may be half above it, or the lowest
// steps of pictures that cost next to nothing, with which it may be a quarter
// above it.
//
// The limit is spent in rounds, in each on the largest tiles first. A step that
// does not fit ends the way of its stream; others go on. So a larger limit
// never takes a step from a stream that a less important one gets. A step
// beyond what the stream had needs a margin and some time since the line last
// took something from it.
func Allocate(streams []Stream, limit Bitrate, now time.Time) Allocation {
	return new(Room).Allocate(streams, limit, now)
}

// Room is what Allocate works in, for who calls it often: with the same number of streams as before it allocates nothing. It is
// for one goroutine at a time, and what it gave is good until the next call.
type Room struct {
	choices []Choice
	ladders []ladder
	order   []int
}

// Allocate is the function of that name.
func (r *Room) Allocate(streams []Stream, limit Bitrate, now time.Time) Allocation {
	r.choices = slices.Grow(r.choices[:0], len(streams))[:len(streams)]
	r.ladders = slices.Grow(r.ladders[:0], len(streams))[:len(streams)]
	clear(r.choices)
	clear(r.ladders)
	r.order = rank(r.order[:0], streams)
	a, ladders, order := Allocation{Choices: r.choices}, r.ladders, r.order
	speaker := speakerOf(streams, order)
	pictures := 0
	for i := range streams {
		if s := &streams[i]; s.Class == Sound {
			a.Sum += s.Rates.at(Target{Low, s.Rates.top(Low)})
		}
	}
	a.Full = a.Sum
	for _, i := range order {
		s := &streams[i]
		class := s.Class
		if class != Screen {
			class = Thumbnail
		}
		if i == speaker {
			class = Speaker
		}
		ladders[i] = s.climb(class, pictures < MaxPictures)
		if d := &ladders[i]; d.n > 0 {
			pictures++
			a.Full += s.Rates.at(d.steps[d.top].Target)
			if limit <= 0 {
				d.at = d.top
			}
		}
	}
	if limit <= 0 {
		a.Sum = a.Full
		return a.finish(streams, ladders, limit, now)
	}
	for round := range rounds {
		for _, i := range order {
			if round == thumbnailRate {
				streams[i].settle(&ladders[i])
			}
			a.climb(&streams[i], &ladders[i], round, limit, now)
		}
	}
	return a.finish(streams, ladders, limit, now)
}

func (a Allocation) finish(streams []Stream, ladders []ladder, limit Bitrate, now time.Time) Allocation {
	for i := range streams {
		a.Choices[i] = streams[i].choose(&ladders[i], limit, now)
	}
	return a
}

// climb takes a stream's steps of one round as far as they fit.
func (a *Allocation) climb(s *Stream, d *ladder, round int8, limit Bitrate, now time.Time) {
	for next := d.at + 1; next < d.n && d.steps[next].round == round && !d.stuck; next++ {
		sum := a.Sum + s.Rates.at(d.steps[next].Target)
		if d.at >= 0 {
			sum -= s.Rates.at(d.steps[d.at].Target)
		}
		hold := s.Was.hold
		if next == 0 {
			hold = min(hold, upAfter) // any picture is better than none
		}
		up := s.Was.made && next > d.was
		most := float64(limit)
		if next == 0 && s.little(d) {
			most *= littleOver
		}
		if next == 0 && s.Was.made && d.keepsLast(a) && float64(sum) <= float64(limit)*lastOver {
			a.Sum, d.at, a.pictures = sum, next, true
			continue
		}
		if up && (float64(sum)*upMargin > most || !s.Was.Cut.IsZero() && now.Sub(s.Was.Cut) < hold) || float64(sum) > most {
			d.stuck = true
			return
		}
		a.Sum, d.at, a.pictures = sum, next, true
	}
}

// keepsLast says whether the stream was shown and nothing else is: a queue that
// drains takes the limit below what the line carries for a second or two, which
// is no reason to go dark.
func (d *ladder) keepsLast(a *Allocation) bool { return d.was >= 0 && !a.pictures }

// little says whether the first step costs next to nothing.
func (s *Stream) little(d *ladder) bool {
	cost := s.Rates.at(d.steps[0].Target)
	return cost <= nextToNothing || s.Was.made && d.was >= 0 && cost <= nothingShown
}

func (s *Stream) choose(d *ladder, limit Bitrate, now time.Time) Choice {
	if s.Class == Sound {
		return Choice{Target: Target{Low, s.Rates.top(Low)}, Class: Sound, made: true}
	}
	c := s.Was
	c.Target, c.Class, c.made = Target{Layer: None}, d.class, true
	if d.at >= 0 {
		c.Target = d.steps[d.at].Target
	}
	if more := s.Was.made && d.at > d.was; more || !s.Was.made || !s.published() {
		c.given, c.since = limit, now
	}
	switch {
	case limit > 0 && s.Was.made && (d.cut || d.at < d.was) && s.excuses(limit, now):
		c.excused = now
	case limit > 0 && s.Was.made && (d.cut || d.at < d.was):
		// Several steps down at a time are one cut.
		if again := now.Sub(s.Was.Cut) >= upAfter; again && now.Sub(s.Was.Rose) < soon {
			c.hold = min(2*max(s.Was.hold, upAfter), upAfterMost)
		} else if again {
			c.hold = upAfter
		}
		c.hold = max(c.hold, upAfter)
		c.Cut = now
	case s.Was.made && d.at > d.was:
		c.Rose = now
	}
	return c
}

// excuses says whether it is not the line that takes something: the limit is
// what it was when the stream got it, only that it costs more was not known. It
// is excused once in a while, so that what changes all the time doesn't flap.
func (s *Stream) excuses(limit Bitrate, now time.Time) bool {
	w := &s.Was
	return w.given > 0 && limit >= w.given && now.Sub(w.since) < learns && (w.excused.IsZero() || now.Sub(w.excused) >= soon)
}

// rank appends the pictures in their order: screens, then the largest tiles, of equal ones those
// that are being sent.
func rank(order []int, streams []Stream) []int {
	for i := range streams {
		if streams[i].Class != Sound {
			order = append(order, i)
		}
	}
	off := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := &streams[i], &streams[j]
		return cmp.Or(
			off(a.Class != Screen)-off(b.Class != Screen),
			cmp.Compare(b.Height, a.Height),
			off(a.Was.made && a.Was.Layer == None)-off(b.Was.made && b.Was.Layer == None),
		)
	})
	return order
}

// speakerOf finds the camera that is shown much larger than all others; -1 is
// none.
func speakerOf(streams []Stream, order []int) int {
	first := -1
	for _, i := range order {
		switch {
		case streams[i].Class == Screen:
		case first < 0:
			first = i
		case streams[first].Height*100 >= max(streams[i].Height, 0)*speakerOver:
			return first
		default:
			return -1
		}
	}
	return first
}

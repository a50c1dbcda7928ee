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
	// step down, so that layers do not flap.
	upMargin = 1.15
	upAfter  = 3 * time.Second

	// speakerOver is how much larger than the next a tile is to be the
	// speaker's, in percent.
	speakerOver = 150
)

// Rounds are the order in which a limit is spent; what it does not reach is
// left out, so read backwards they are the order in which a narrowing line
// takes away: first the thumbnails' frame rate, then their size, then the
// speaker's size, in the end pictures, the smallest first.
const (
	screenOn = iota
	speakerOn
	screenSize  // text must be legible; it may move slowly
	speakerRate // of the lowest layer: a face must move
	thumbnailOn
	screenRate
	speakerSize
	thumbnailHalf // half the frame rate
	thumbnailSize
	thumbnailRate
	rounds
)

type step struct {
	Target
	round int
}

// ladder is the way up of one stream. Its steps are in the order of rounds.
type ladder struct {
	steps [Layers * Temporals]step
	n     int
	class Class
	was   int // the last step that the stream had already; -1 is none
	at    int // the step that it gets
	stuck bool
}

func (d *ladder) add(r *Rates, l Layer, temporal int8, round int) {
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
	for i := range d.n {
		if !d.steps[i].above(s.Was.Target) {
			d.was = i
		}
	}
	return d
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
	default:
		d.add(r, l, 1, thumbnailSize)
	}
}

// Allocation is what one receiver gets.
type Allocation struct {
	Choices []Choice // as the streams were given
	Sum     Bitrate  // what they cost
	Full    Bitrate  // what they would cost without a limit, for the line's Wanted
}

// Allocate spends a limit on what a receiver could get; zero is no limit. Sum
// is within the limit unless sound alone is above it: sound always stays.
//
// The limit is spent in rounds, in each on the largest tiles first. A step that
// does not fit ends the way of its stream; others go on. So a larger limit
// never takes a step from a stream that a less important one gets. A step
// beyond what the stream had needs a margin and some time since the line last
// took something from it.
func Allocate(streams []Stream, limit Bitrate, now time.Time) Allocation {
	a := Allocation{Choices: make([]Choice, len(streams))}
	ladders := make([]ladder, len(streams))
	order := rank(streams)
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
			a.Full += s.Rates.at(d.steps[d.n-1].Target)
		}
	}
	for round := range rounds {
		for _, i := range order {
			a.climb(&streams[i], &ladders[i], round, limit, now)
		}
	}
	for i := range streams {
		a.Choices[i] = streams[i].choose(&ladders[i], limit, now)
	}
	return a
}

// climb takes a stream's steps of one round as far as they fit.
func (a *Allocation) climb(s *Stream, d *ladder, round int, limit Bitrate, now time.Time) {
	for next := d.at + 1; next < d.n && d.steps[next].round == round && !d.stuck; next++ {
		sum := a.Sum + s.Rates.at(d.steps[next].Target)
		if d.at >= 0 {
			sum -= s.Rates.at(d.steps[d.at].Target)
		}
		up := s.Was.made && next > d.was
		switch {
		case limit <= 0:
		case up && (float64(sum)*upMargin > float64(limit) || !s.Was.Cut.IsZero() && now.Sub(s.Was.Cut) < upAfter),
			sum > limit:
			d.stuck = true
			return
		}
		a.Sum, d.at = sum, next
	}
}

func (s *Stream) choose(d *ladder, limit Bitrate, now time.Time) Choice {
	if s.Class == Sound {
		return Choice{Target: Target{Low, s.Rates.top(Low)}, Class: Sound, made: true}
	}
	c := Choice{Target: Target{Layer: None}, Class: d.class, Cut: s.Was.Cut, made: true}
	if d.at >= 0 {
		c.Target = d.steps[d.at].Target
	}
	if limit > 0 && (s.Was.made && d.at < d.was || !s.Was.made && d.at < d.n-1) {
		c.Cut = now
	}
	return c
}

// rank orders the pictures: screens, then the largest tiles, of equal ones those
// that are being sent.
func rank(streams []Stream) []int {
	order := make([]int, 0, len(streams))
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

package pace

import "time"

// Class is what a stream is to its receiver, the most important first.
type Class int8

const (
	Sound Class = iota
	Screen
	// Speaker is the camera that is shown much larger than all others. Callers
	// give Thumbnail for every camera; Allocate finds the speaker.
	Speaker
	Thumbnail
)

// Temporals is how many temporal layers a stream has at most: a quarter, half
// and all of its frames.
const Temporals = 3

// Rates are what a stream costs a receiver: of each layer, when temporal layers
// up to the index are sent. So each row grows, and a stream without temporal
// layers has only the first of each. A layer that is not published is all
// zeroes. For scalable coding (VP9 SVC) a layer's costs include the layers
// below.
type Rates [Layers][Temporals]Bitrate

// Whole is what layers without temporal layers cost.
func Whole(rates [Layers]Bitrate) (r Rates) {
	for l, rate := range rates {
		r[l][0] = rate
	}
	return r
}

// shares are what encoders give the temporal layers, in percent, when there are
// one, two or three of them (libwebrtc's defaults for VP8).
var shares = [Temporals][Temporals]Bitrate{{100}, {60, 100}, {40, 60, 100}}

// Split estimates what temporal layers cost from the whole layer's rate and how
// many there are. What was measured is better.
func Split(rate Bitrate, temporals int) (row [Temporals]Bitrate) {
	for t, share := range shares[min(max(temporals, 1), Temporals)-1] {
		row[t] = max(rate, 0) * share / 100
	}
	return row
}

// published says whether a layer is being sent.
func (r *Rates) published(l Layer) bool { return r[l] != [Temporals]Bitrate{} }

// top is the highest temporal layer there is.
func (r *Rates) top(l Layer) int8 {
	for t := int8(Temporals - 1); t > 0; t-- {
		if r[l][t] > r[l][t-1] {
			return t
		}
	}
	return 0
}

func (r *Rates) at(t Target) Bitrate {
	if t.Layer == None {
		return 0
	}
	return max(r[t.Layer][t.Temporal], 0)
}

// Target is what of a stream is to be sent: a layer, and its temporal layers up
// to Temporal. Of a stream without temporal layers Temporal is 0 and all is
// sent.
type Target struct {
	Layer    Layer
	Temporal int8
}

func (t Target) above(o Target) bool {
	return t.Layer > o.Layer || t.Layer == o.Layer && t.Temporal > o.Temporal
}

// Choice is what Allocate decided about a stream, for its caller to keep and to
// give again. The zero value is a stream of which nothing was decided yet.
type Choice struct {
	Target
	Class Class
	// Cut is when the line last took something from the stream, Rose when it
	// last got more.
	Cut, Rose time.Time
	// hold is how long it gets no more after Cut.
	hold time.Duration
	made bool
	// given is the limit under which it began or last got more, at since; zero is
	// none. Excused is when it last had to step down although that stood.
	given          Bitrate
	since, excused time.Time
}

// Stream is what a receiver could be sent of one source.
type Stream struct {
	Class  Class
	Height int // of the tile, in device pixels; zero is not shown
	Rates  Rates
	Was    Choice
}

// published says whether anything of it is being sent.
func (s *Stream) published() bool { return s.Rates != Rates{} }

// nearest is the best published layer for l: itself, else the next below, else
// the next above.
func (s *Stream) nearest(l Layer) Layer {
	if l == None {
		return None
	}
	for at := l; at >= Low; at-- {
		if s.Rates.published(at) {
			return at
		}
	}
	for at := l + 1; at < Layers; at++ {
		if s.Rates.published(at) {
			return at
		}
	}
	return l
}

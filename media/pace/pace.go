// Package pace decides how much a receiver is sent: which simulcast layer a
// tile of some height deserves, and how many of them fit the receiver's line.
//
// Sound comes first: it is never left out for the sake of a picture. Pace never
// sees packets or payload, sockets or clocks; loss reports and rates come in,
// layers come out.
package pace

import (
	"slices"
	"time"
)

// Layer is a simulcast layer. A stream without simulcast has Low only.
type Layer int8

const (
	None Layer = iota - 1
	Low
	Middle
	High

	Layers = 3
)

// Heights up to which a tile is served by a layer. Cameras send 720 lines and
// their half and quarter; a tile may be shown a quarter larger than its layer
// before the next one is worth its rate.
const (
	lowHeight    = 180 * 5 / 4
	middleHeight = 360 * 5 / 4
)

// DefaultHeight is for a tile that the receiver has not spoken of yet.
const DefaultHeight = 180

// Bitrate is in bits per second.
type Bitrate int

// LayerFor gives the layer that a tile of this height, in device pixels,
// deserves. Nothing is sent for a tile that is not shown.
func LayerFor(height int) Layer {
	switch {
	case height <= 0:
		return None
	case height <= lowHeight:
		return Low
	case height <= middleHeight:
		return Middle
	}
	return High
}

// Stream is what a receiver could be sent of one source.
type Stream struct {
	Audio  bool
	Height int
	// Rates are what the layers cost now; a layer that is not being published
	// costs nothing and can't be chosen.
	Rates [Layers]Bitrate
}

// nearest is the best published layer for l: itself, else the next below, else
// the next above.
func (s Stream) nearest(l Layer) Layer {
	if l == None {
		return None
	}
	for at := l; at >= Low; at-- {
		if s.Rates[at] > 0 {
			return at
		}
	}
	for at := l + 1; at < Layers; at++ {
		if s.Rates[at] > 0 {
			return at
		}
	}
	return l
}

// below is the next published layer under l, or None.
func (s Stream) below(l Layer) Layer {
	for at := l - 1; at >= Low; at-- {
		if s.Rates[at] > 0 {
			return at
		}
	}
	return None
}

// Allocate chooses a layer for each stream so that all fit the limit; zero is
// no limit. What does not fit is taken from the smallest tile first, a layer at
// a time, then the picture itself. Sound is Low and always stays.
func Allocate(streams []Stream, limit Bitrate) []Layer {
	layers := make([]Layer, len(streams))
	var total Bitrate
	order := make([]int, 0, len(streams))
	for i, s := range streams {
		if s.Audio {
			total += s.Rates[Low]
			continue
		}
		layers[i] = s.nearest(LayerFor(s.Height))
		if layers[i] != None {
			total += s.Rates[layers[i]]
			order = append(order, i)
		}
	}
	if limit <= 0 || total <= limit {
		return layers
	}
	slices.SortStableFunc(order, func(a, b int) int { return streams[a].Height - streams[b].Height })
	// First everybody's quality, then the smallest tiles' pictures.
	for _, toNone := range []bool{false, true} {
		for _, i := range order {
			for total > limit {
				next := streams[i].below(layers[i])
				if layers[i] == None || next == None && !toNone {
					break
				}
				total -= streams[i].Rates[layers[i]]
				if next != None {
					total += streams[i].Rates[next]
				}
				layers[i] = next
			}
		}
	}
	return layers
}

const (
	// Loss above highLoss shrinks the budget, below lowLoss it grows (the loss
	// controller of draft-ietf-rmcat-gcc-02 §6).
	highLoss = 0.10
	lowLoss  = 0.02

	growth     = 1.08 // per grow interval
	growEvery  = time.Second
	cutEvery   = time.Second
	leastLimit = Bitrate(150_000)
	// freedAt lifts a limit that is so far above what is sent that it means
	// nothing any more.
	freedAt = 4
)

// Budget is what one receiver's line was found to carry, from its loss reports.
// Its zero value has no limit.
type Budget struct {
	limit   Bitrate
	changed time.Time
}

// Limit is zero while no loss has been seen.
func (b *Budget) Limit() Bitrate { return b.limit }

// Report notes the fraction of packets lost since the last report, and what was
// being sent. It says whether the limit changed.
func (b *Budget) Report(lost float64, sent Bitrate, now time.Time) bool {
	switch {
	case lost > highLoss && now.Sub(b.changed) >= cutEvery:
		from := sent
		if b.limit > 0 && b.limit < from {
			from = b.limit
		}
		b.limit = max(Bitrate(float64(from)*(1-0.5*min(lost, 1))), leastLimit)
	case lost < lowLoss && b.limit > 0 && now.Sub(b.changed) >= growEvery:
		b.limit = Bitrate(float64(b.limit) * growth)
		if b.limit > freedAt*max(sent, leastLimit) {
			b.limit = 0
		}
	default:
		return false
	}
	b.changed = now
	return true
}

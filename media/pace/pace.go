// Package pace decides how much a receiver is sent: which simulcast layer and
// frame rate of which picture fit its line ([Allocate]; media/pace/line knows
// what the line carries), and which layers a publisher need not send because
// nobody receives them ([Demand]).
//
// Sound comes first: it is never left out for the sake of a picture. One
// receiver's trouble is its own: nothing here knows of two.
//
// Pace never sees packets or payload, sockets or clocks; heights and rates come
// in, layers come out.
package pace

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

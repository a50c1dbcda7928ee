package sframe

import "fmt"

// Limits of the KID's layout: RFC 9605 §5.2 with S = 16 bits of sender (the MLS
// leaf), E = 8 bits of epoch, and a context of 8 bits above them.
const (
	MaxLeaf    = 1<<16 - 1
	MaxContext = 1<<8 - 1
	maxKID     = 1<<32 - 1
)

// KID names the key of one stream of one leaf in one epoch:
// context<<24 | leaf<<8 | epoch mod 256.
type KID uint64

// Context numbers the streams of a sender: 0 microphone, 1 camera, 2+2k its
// k-th screen and 3+2k that screen's sound.
type Context uint8

// NewKID packs a KID. The leaf comes from the ratchet tree, which a group keeps
// below MaxLeaf; a larger one is an error and not a truncation, because two
// leaves with one KID would share a key.
func NewKID(context Context, leaf uint32, epoch uint64) (KID, error) {
	if leaf > MaxLeaf {
		return 0, fmt.Errorf("sframe: leaf %d does not fit a KID", leaf)
	}
	return KID(context)<<24 | KID(leaf)<<8 | KID(epoch&0xff), nil
}

// Valid says whether the KID is in the layout that calls use.
func (k KID) Valid() bool { return k <= maxKID }

func (k KID) Context() Context { return Context(k >> 24) }
func (k KID) Leaf() uint32     { return uint32(k>>8) & MaxLeaf }

// EpochByte is the epoch mod 256.
func (k KID) EpochByte() uint8 { return uint8(k) }

func (k KID) String() string {
	return fmt.Sprintf("context %d leaf %d epoch …%02x", k.Context(), k.Leaf(), k.EpochByte())
}

// Kind is the class of a stream, the first byte of what a frame authenticates
// besides its header: a frame of a screen never opens as one of a camera.
type Kind uint8

const (
	Microphone  Kind = 0
	Camera      Kind = 1
	Screen      Kind = 2
	ScreenSound Kind = 3
)

func (c Context) Kind() Kind {
	if c < 2 {
		return Kind(c)
	}
	return Screen + Kind(c&1)
}

// Audio says whether streams of this context carry sound.
func (c Context) Audio() bool {
	k := c.Kind()
	return k == Microphone || k == ScreenSound
}

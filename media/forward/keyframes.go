package forward

import "time"

const (
	// keyFrameEvery is the least time between two requests for one layer: a
	// key frame costs as much as a second of the stream.
	keyFrameEvery = 500 * time.Millisecond
	// keyFrameAgain repeats a request whose answer, or which itself, was lost.
	keyFrameAgain = time.Second
)

// KeyFrames decides when a publisher is asked for a key frame of one layer.
// However many receivers wait, it asks at the pace of one.
type KeyFrames struct {
	wanted bool
	owed   bool // wanted, and came too soon after the last request
	asked  time.Time
}

// Want notes that a receiver needs a key frame and says whether to ask now.
func (k *KeyFrames) Want(now time.Time) bool {
	if k.wanted {
		return false
	}
	k.wanted = true
	asked := k.ask(now, keyFrameEvery)
	k.owed = !asked
	return asked
}

// Tick says whether to ask again.
func (k *KeyFrames) Tick(now time.Time) bool {
	every := keyFrameAgain
	if k.owed {
		every = keyFrameEvery
	}
	if !k.wanted || !k.ask(now, every) {
		return false
	}
	k.owed = false
	return true
}

// Arrived notes that a key frame came.
func (k *KeyFrames) Arrived() { k.wanted, k.owed = false, false }

func (k *KeyFrames) ask(now time.Time, every time.Duration) bool {
	if !k.asked.IsZero() && now.Sub(k.asked) < every {
		return false
	}
	k.asked = now
	return true
}

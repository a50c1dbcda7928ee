package forward

import "time"

const (
	// keyFrameEvery is the least time between two requests for one layer: a
	// key frame costs as much as a second of the stream.
	keyFrameEvery = 500 * time.Millisecond
	// keyFrameAgain repeats a request whose answer, or which itself, was lost.
	keyFrameAgain = time.Second
	// keyFrameDeaf is how long after a request browsers leave out others, of
	// whichever layer of the stream they are (libwebrtc,
	// video/encoder_rtcp_feedback.cc: 300 ms).
	keyFrameDeaf = 320 * time.Millisecond
)

// KeyFrames decides when a publisher is asked for a key frame of one layer.
// However many receivers wait, it asks at the pace of one.
type KeyFrames struct {
	wanted bool
	asked  time.Time
	again  time.Time // the next request, if none came by then
}

// Want notes that a receiver needs a key frame and says whether to ask now.
// Other is when one of another layer of the stream was asked for last.
func (k *KeyFrames) Want(other, now time.Time) bool {
	switch {
	case k.wanted:
		return false
	case !k.asked.IsZero() && now.Sub(k.asked) < keyFrameEvery:
		k.wanted, k.again = true, k.asked.Add(keyFrameEvery)
		return false
	}
	k.wanted, k.asked, k.again = true, now, now.Add(keyFrameAgain)
	if deaf := other.Add(keyFrameDeaf); !other.IsZero() && now.Before(deaf) {
		k.again = deaf
	}
	return true
}

// Asked is when a key frame was asked for last.
func (k *KeyFrames) Asked() time.Time { return k.asked }

// Tick says whether to ask again.
func (k *KeyFrames) Tick(now time.Time) bool {
	if !k.wanted || now.Before(k.again) {
		return false
	}
	k.asked, k.again = now, now.Add(keyFrameAgain)
	return true
}

// Arrived notes that a key frame came.
func (k *KeyFrames) Arrived() { k.wanted = false }

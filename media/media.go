// Package media decides which packet goes to whom.
//
// A [Router] is one call's media: who is admitted as which leaf, what each of
// them publishes, and which of it everybody else receives. The subscription set
// is derived and never asked for: every admitted peer gets every other admitted
// peer's streams. A packet passes the gate (media/gate), gets its numbers for
// each receiver (media/forward) and the layer that the receiver's tile and line
// deserve (media/pace).
//
// It never sees accounts, rooms' names, keys or plaintext, and no sockets:
// media/transport brings packets in and carries them out.
package media

import (
	"errors"

	"huisclos/media/forward"
	"huisclos/media/gate"
)

// CallID and PeerID are opaque here. A PeerID is one signalling connection.
type (
	CallID string
	PeerID string
)

// Kind is what a stream carries.
type Kind uint8

const (
	Audio Kind = iota
	Video
)

func (k Kind) String() string {
	if k == Audio {
		return "audio"
	}
	return "video"
}

// Stream is what a client declares about an m-line before its offer. Context 0
// is the microphone, 1 the camera, 2+2k the k-th screen, 3+2k its sound.
type Stream struct {
	MID     string
	Kind    Kind
	Context uint8
}

// Track is one m-line of a subscriber connection.
type Track struct {
	MID     string
	Leaf    uint32
	Context uint8
	Kind    Kind
}

// Want says how high, in device pixels, a receiver shows a picture; zero is not
// at all.
type Want struct {
	Leaf    uint32
	Context uint8
	Height  int
}

// StreamLayers are those of one stream that somebody receives. VP9 says that all
// receivers take it: then they may come as spatial layers of VP9, of which the
// highest needs those below, and else in VP8.
type StreamLayers struct {
	Context uint8
	Layers  []forward.Layer
	VP9     bool
}

// RefusedReason counts packets that were not forwarded: the gate's reasons and
// those of this package.
type RefusedReason = gate.Reason

const (
	// NotAdmitted is for media from a peer that is no member (yet, or any more).
	NotAdmitted RefusedReason = "not-admitted"
	// TooLarge is for packets above what forwarding leaves room for.
	TooLarge RefusedReason = "too-large"
)

// Events is told what the media plane can't settle by itself. It is called in
// order and never while media holds a lock.
type Events interface {
	// Offer wants the subscriber connection (re)negotiated; its answer goes to
	// Answer. One offer is outstanding at a time.
	Offer(call CallID, peer PeerID, offer string, tracks []Track)
	Connected(call CallID, peer PeerID, publishing bool, transport string)
	Failed(call CallID, peer PeerID, publishing bool)
	// Layers says which layers of a peer's streams anybody receives: the
	// publisher need not send the others.
	Layers(call CallID, peer PeerID, streams []StreamLayers)
	// Refused gives cumulative counts, at most once a second for each peer.
	Refused(call CallID, peer PeerID, counts map[RefusedReason]uint64)
}

// Limits of one call and one peer.
const (
	MaxPeers          = 1024
	MaxStreamsPerPeer = 8
	MaxWants          = 4096
	// MaxPayload is the largest RTP payload that is forwarded: what fits the
	// smallest usual path with our own header, RTX number and tag around it.
	MaxPayload = 1400
)

var (
	ErrFull         = errors.New("media: the call has no room for another peer")
	ErrUnknown      = errors.New("media: no such call or peer")
	ErrStreams      = errors.New("media: streams are not well declared")
	ErrTooManyWants = errors.New("media: too many wants")
)

// CheckStreams holds the rules of a declaration: few, distinct, and of the kind
// that their context says.
func CheckStreams(streams []Stream) error {
	if len(streams) > MaxStreamsPerPeer {
		return ErrStreams
	}
	mids, contexts := make(map[string]bool), make(map[uint8]bool)
	for _, s := range streams {
		audio := s.Context == 0 || s.Context > 1 && s.Context%2 == 1
		if s.MID == "" || mids[s.MID] || contexts[s.Context] || audio != (s.Kind == Audio) {
			return ErrStreams
		}
		mids[s.MID], contexts[s.Context] = true, true
	}
	return nil
}

package meetings

import (
	"context"
	"net/netip"
	"time"

	"huisclos/crypto/mls"
)

// CallID names a call towards media and the console: the text form of its MLS
// group id.
type CallID string

// PeerID names one admission of one connection towards media. It is never used
// twice, so a late Cut can't hit a later admission.
type PeerID string

// Stream is what a client declares about one mid before its offer.
type Stream struct {
	MID     string `json:"mid"`
	Kind    string `json:"kind"`    // "audio" or "video"
	Context uint8  `json:"context"` // 0 microphone, 1 camera, 2+2k screen k, 3+2k its sound
}

// Want asks for a stream; Height 0 asks not to send it.
type Want struct {
	Leaf    mls.LeafIndex `json:"leaf"`
	Context uint8         `json:"context"`
	Height  int           `json:"height"`
}

// Track is one m-line of a subscriber connection.
type Track struct {
	MID     string        `json:"mid"`
	Leaf    mls.LeafIndex `json:"leaf"`
	Context uint8         `json:"context"`
	Kind    string        `json:"kind"`
}

// Media is the control half of the media plane. Its methods return fast and
// never call back into meetings before they return.
type Media interface {
	Open(call CallID, epoch uint64)
	SetEpoch(call CallID, epoch uint64, now time.Time)
	CloseCall(call CallID)
	Admit(call CallID, peer PeerID, leaf mls.LeafIndex) // before it, nothing goes to or comes from peer
	Cut(call CallID, peer PeerID)                       // after it, nothing; closes the peer's connections
	Stats(call CallID) MediaStats
	// Busy says that another call would spoil those in progress. They go on, and people may still join them.
	Busy() bool
}

// Plane is the negotiation half of the media plane. Its methods may take a
// while; the Hall calls them in order for one peer, and never from a room's
// goroutine. They fail for a peer that is not admitted. via is the address of
// ours at which the peer's connection arrived (Visitor.Via).
type Plane interface {
	Publish(ctx context.Context, call CallID, peer PeerID, via netip.Addr, offer string, streams []Stream) (answer string, err error)
	// vp9 says that the client takes VP9 in spatial layers.
	Subscribe(call CallID, peer PeerID, via netip.Addr, vp9 bool) error
	Answer(call CallID, peer PeerID, answer string) error
	Wants(call CallID, peer PeerID, wants []Want) error
	RestartSubscriber(call CallID, peer PeerID) error
}

// Credentials opens the relay to sessions of accounts, for an hour each time, and closes it to those that ended: those
// named, or all of the account if none is.
type Credentials interface {
	Credential(account mls.AccountID, session string, now time.Time) (username, password string, expires time.Time)
	Revoke(account mls.AccountID, now time.Time, sessions ...string)
}

// MediaStats is what media counted in one call.
type MediaStats struct {
	Forwarded uint64
	Refused   map[string]uint64
	Peers     []PeerStats
}

// PeerStats is what media counted for one peer.
type PeerStats struct {
	Peer      PeerID
	Transport string
	Forwarded uint64
	Received  uint64
	Sending   int // bits a second that the network carries to it
	Refused   map[string]uint64
}

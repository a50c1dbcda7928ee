package load

import (
	"context"
	"net/netip"

	"huisclos/media/srtp"
)

// Contender is a server under test.
type Contender interface {
	// Media is where its UDP port is reached; not valid when each description has a candidate of its own.
	Media() netip.AddrPort
	// Open begins a meeting; peers join it afterwards.
	Open(ctx context.Context, meeting string) error
	// Join makes a peer a member.
	Join(ctx context.Context, meeting string, peer Peer) (Session, error)
}

// Peer is who joins, and what for.
type Peer struct {
	Name                string
	Leaf                uint32 // of the meeting's tree
	Publishes, Receives bool
}

// Session is a peer's signalling.
type Session interface {
	// Publish sends the offer of the connection that the peer sends on, and gives the answer.
	Publish(ctx context.Context, offer string) (answer string, err error)
	// Subscribe asks for all that others publish. Each offer of the server goes to answer, whose result goes back. A server may have
	// several connections for one receiver: connection tells them apart.
	Subscribe(ctx context.Context, answer func(connection, offer string) (string, error)) error
	Close() error
}

// Accountant is a Contender that says what its memory is used for, in octets. It is asked once what was counted is over: that may
// cost it a collection.
type Accountant interface {
	Memory(ctx context.Context) (map[string]uint64, error)
}

// Bare is a Contender without signalling, ICE and DTLS: it is told addresses and keys. That is the floor.
type Bare interface {
	Start(ctx context.Context, profile srtp.Profile, legs []BareLeg) error
}

// BareLeg is one socket of a client as a Bare server knows it: the master keys of what the client sends or receives.
type BareLeg struct {
	Address   netip.AddrPort
	Meeting   string
	Peer      string
	Publishes bool
	Key, Salt []byte
}

// Told is how the floor is told its legs, in JSON.
type Told struct {
	Profile srtp.Profile
	Legs    []BareLeg
}

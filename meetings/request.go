package meetings

import (
	"encoding/base64"
	"fmt"

	"huisclos/crypto/mls"
)

// Bytes is binary data in a message: base64url without padding on the wire.
type Bytes []byte

// MarshalText writes b in base64url without padding.
func (b Bytes) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

// UnmarshalText reads base64url without padding. One value has one text form.
func (b *Bytes) UnmarshalText(text []byte) error {
	v, err := base64.RawURLEncoding.Strict().AppendDecode([]byte{}, text)
	if err != nil || base64.RawURLEncoding.EncodedLen(len(v)) != len(text) {
		return fmt.Errorf("binary field is not base64url without padding")
	}
	*b = v
	return nil
}

// ID is an account, device or room id on the wire: 16 bytes, 22 characters.
type ID [16]byte

// String returns the 22 characters.
func (id ID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// MarshalText writes the 22 characters.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the 22 characters.
func (id *ID) UnmarshalText(text []byte) error {
	var b Bytes
	if err := b.UnmarshalText(text); err != nil {
		return err
	}
	if len(b) != len(id) {
		return fmt.Errorf("id has %d bytes, not %d", len(b), len(id))
	}
	copy(id[:], b)
	return nil
}

// Request is a message from a client. Only the types of this file are requests.
type Request interface{ request() }

// Position is a place in the order of a call: its group, an epoch and, if Seq is
// not zero, the last entry of that order which the client has seen.
type Position struct {
	Group Bytes  `json:"group"`
	Epoch uint64 `json:"epoch"`
	Seq   uint64 `json:"seq,omitempty"`
}

// Hello is the first message of a connection.
type Hello struct {
	Protocol     int       `json:"protocol"`
	Device       ID        `json:"device"`
	SignatureKey Bytes     `json:"signatureKey"`
	Name         string    `json:"name,omitempty"`    // not trusted, not used
	Replace      bool      `json:"replace,omitempty"` // take the place of this device's other connection
	Resume       *Position `json:"resume,omitempty"`  // the client still holds the group at this epoch
}

// Create offers a new group for a room that has none.
type Create struct {
	GroupInfo Bytes `json:"groupInfo"`
	Tree      Bytes `json:"tree"`
	Restarts  Bytes `json:"restarts,omitempty"` // group that the new one takes over from, after Restart
}

// Knock asks that the device be added to the group.
type Knock struct {
	KeyPackage Bytes `json:"keyPackage"`
}

// Admit lets a knocker in, with a host's signature on its KeyPackage.
type Admit struct {
	Knock     string `json:"knock"`
	Admission Bytes  `json:"admission"`
}

// Deny turns a knocker away.
type Deny struct {
	Knock string `json:"knock"`
}

// Commit is the answer to CommitRequest.
type Commit struct {
	Epoch     uint64  `json:"epoch"` // the epoch in which it was made
	Commit    Bytes   `json:"commit"`
	Welcomes  []Bytes `json:"welcomes"` // in the order of the commit's Adds
	GroupInfo Bytes   `json:"groupInfo,omitempty"`
}

// Refresh asks for a commit of this client's own leaf, for a new path.
type Refresh struct{}

// Change asks for new room rules; only hosts. Absent fields stay as they are.
type Change struct {
	Locked *bool `json:"locked,omitempty"`
	Hosts  []ID  `json:"hosts,omitempty"`
}

// Remove asks that a leaf be removed; only hosts.
type Remove struct {
	Leaf mls.LeafIndex `json:"leaf"`
}

// Leave ends the client's own part in the call.
type Leave struct{}

// Post is a sealed application message for everybody else.
type Post struct {
	Epoch uint64 `json:"epoch"`
	Data  Bytes  `json:"data"`
	ID    string `json:"id,omitempty"` // comes back in MessageRefused
}

// GroupState is a member's public view of the group, wanted after a restart.
type GroupState struct {
	GroupInfo Bytes `json:"groupInfo"`
	Tree      Bytes `json:"tree"`
}

// Wedged reports an accepted commit that the client could not process.
type Wedged struct {
	Epoch  uint64 `json:"epoch"`  // the epoch that the commit leads to
	Commit Bytes  `json:"commit"` // SHA-256 of it
	Reason string `json:"reason"`
}

// Publish offers what the client sends.
type Publish struct {
	Offer   string   `json:"offer"`
	Streams []Stream `json:"streams"`
}

// Subscribe asks for the connection on which the client receives. VP9 says that
// it takes pictures in spatial layers of VP9 as well as in VP8.
type Subscribe struct {
	VP9 bool `json:"vp9,omitempty"`
}

// Answer answers an Offer.
type Answer struct {
	Answer string `json:"answer"`
}

// Wants says which streams the client shows, and how high.
type Wants struct {
	Wants []Want `json:"wants"`
}

// RestartICE asks for new ICE credentials on the subscriber connection.
type RestartICE struct{}

// WantRelay asks for a credential of the relay, before the one in use ends. The first comes unasked.
type WantRelay struct{}

func (*Hello) request()      {}
func (*Create) request()     {}
func (*Knock) request()      {}
func (*Admit) request()      {}
func (*Deny) request()       {}
func (*Commit) request()     {}
func (*Refresh) request()    {}
func (*Change) request()     {}
func (*Remove) request()     {}
func (*Leave) request()      {}
func (*Post) request()       {}
func (*GroupState) request() {}
func (*Wedged) request()     {}
func (*Publish) request()    {}
func (*Subscribe) request()  {}
func (*Answer) request()     {}
func (*Wants) request()      {}
func (*RestartICE) request() {}
func (*WantRelay) request()  {}

package meetings

import "huisclos/crypto/mls"

// Message is what the server says to a client. Type is its "type" on the wire.
type Message interface{ Type() string }

// RoomState says what a room is doing, as far as one client is concerned.
type RoomState string

// The states of a room in RoomStatus.
const (
	StateEmpty       RoomState = "empty"        // no call; this client may create one
	StateWaitingHost RoomState = "waiting-host" // no call; somebody else has to create it
	StateCall        RoomState = "call"
	StateRecover     RoomState = "recover" // members are handing the group back after a restart
)

// RoomStatus answers Hello, and is repeated when the room's state changes for
// a client that is not in the call.
type RoomStatus struct {
	Room       RoomCard       `json:"room"`
	You        You            `json:"you"`
	State      RoomState      `json:"state"`
	Group      *Position      `json:"group,omitempty"`
	Hosts      []ID           `json:"hosts"`
	Locked     bool           `json:"locked"`
	Member     bool           `json:"member"` // your device's leaf is in the tree
	Leaf       *mls.LeafIndex `json:"leaf,omitempty"`
	ServerTime int64          `json:"serverTime"` // Unix milliseconds
}

// RoomCard names the room.
type RoomCard struct {
	ID    ID     `json:"id"`
	Name  string `json:"name"`
	Owner ID     `json:"owner"`
	// Profile is that of the call; without one, that of the next.
	Profile mls.Profile `json:"profile"`
}

// You says who the server takes this connection for.
type You struct {
	Account    ID     `json:"account"`
	Name       string `json:"name"`
	Connection string `json:"connection"`
}

// DeviceBusy: the same device is connected already; ask, then Hello with Replace.
type DeviceBusy struct{}

// Created: the group of Create is the room's.
type Created Position

// CreateLost: somebody else's group is the room's. Drop yours and knock.
type CreateLost Position

// Lobby is the whole list of those who wait, for hosts.
type Lobby struct {
	Knocks []LobbyEntry `json:"knocks"`
}

// LobbyEntry is one who waits. Name and Email are the server's word; account,
// device and name that count are those inside KeyPackage.
type LobbyEntry struct {
	ID         string `json:"id"`
	Account    ID     `json:"account"`
	Name       string `json:"name"`
	Email      string `json:"email"`
	KeyPackage Bytes  `json:"keyPackage"`
	Since      int64  `json:"since"`
	Rejoin     bool   `json:"rejoin,omitempty"` // the server says it was in the group that this one restarts
	Guest      bool   `json:"guest,omitempty"`  // the server says that it came by an invitation
}

// WaitReason says why a knocker waits.
type WaitReason string

// Why a knocker waits.
const (
	WaitHostAbsent WaitReason = "host-absent"
	WaitLobby      WaitReason = "lobby"
	WaitLocked     WaitReason = "locked"
)

// Waiting tells a knocker why it waits; repeated when the reason changes.
type Waiting struct {
	Reason WaitReason `json:"reason"`
}

// Denied: a host turned the knock away.
type Denied struct{}

// RemoveReason says why a leaf is to be removed.
type RemoveReason string

// Why a leaf is to be removed.
const (
	RemoveLeft    RemoveReason = "left"
	RemoveAbsent  RemoveReason = "absent"
	RemoveByHost  RemoveReason = "removed"
	RemoveReentry RemoveReason = "re-entry"
	RemoveWedged  RemoveReason = "wedged"
)

// CommitRequest names the receiver as committer of an epoch.
type CommitRequest struct {
	Epoch      uint64          `json:"epoch"`
	DeadlineMS int64           `json:"deadlineMs"` // from now
	Adds       []RequestAdd    `json:"adds"`
	Removes    []RequestRemove `json:"removes"`
	Change     *Change         `json:"change,omitempty"`
	Refresh    bool            `json:"refresh"`
	Restarts   *Position       `json:"restarts,omitempty"` // bind to this epoch by a resumption PSK
}

// RequestAdd is one to add.
type RequestAdd struct {
	Knock      string `json:"knock"`
	KeyPackage Bytes  `json:"keyPackage"`
	Admission  Bytes  `json:"admission,omitempty"`
}

// RequestRemove is one to remove.
type RequestRemove struct {
	Leaf   mls.LeafIndex `json:"leaf"`
	Reason RemoveReason  `json:"reason"`
}

// Committed carries an accepted commit to every member, its committer included.
type Committed struct {
	Epoch  uint64 `json:"epoch"` // the epoch it leads to
	Commit Bytes  `json:"commit"`
	Hash   Bytes  `json:"hash"` // SHA-256 of Commit
	Time   int64  `json:"time"`
	Seq    uint64 `json:"seq"`
}

// CommitRefused tells a committer that its commit is not the epoch's.
type CommitRefused struct {
	Epoch  uint64 `json:"epoch"` // the call's epoch now
	Reason string `json:"reason"`
}

// Welcome lets one joiner in. The tree is fetched over HTTPS.
type Welcome struct {
	Welcome Bytes         `json:"welcome"`
	Epoch   uint64        `json:"epoch"`
	Leaf    mls.LeafIndex `json:"leaf"`
	Seq     uint64        `json:"seq"`
}

// Removed tells a client that it is out; its connection closes next.
type Removed struct {
	Reason RemoveReason `json:"reason"`
}

// Roster says who is connected: a hint, the list of people is the MLS tree.
type Roster struct {
	Members []RosterEntry `json:"members"`
}

// RosterEntry is one leaf of the tree.
type RosterEntry struct {
	Leaf      mls.LeafIndex `json:"leaf"`
	Account   ID            `json:"account"`
	Connected bool          `json:"connected"`
	Guest     bool          `json:"guest,omitempty"` // as in LobbyEntry; a client shows it as the server's word
}

// Posted carries a sealed application message.
type Posted struct {
	Epoch uint64 `json:"epoch"`
	Data  Bytes  `json:"data"`
	Time  int64  `json:"time"`
	Seq   uint64 `json:"seq"`
}

// MessageRefused tells a sender that its message went to nobody.
type MessageRefused struct {
	Reason string `json:"reason"`
	Epoch  uint64 `json:"epoch"`
	ID     string `json:"id,omitempty"`
}

// Published answers Publish.
type Published struct {
	Answer  string   `json:"answer"`
	Streams []Stream `json:"streams"`
}

// Offer (re)negotiates the subscriber connection; answer with Answer.
type Offer struct {
	Offer  string  `json:"offer"`
	Tracks []Track `json:"tracks"`
}

// MediaRefused counts the client's own packets that the gate refused.
type MediaRefused struct {
	Counts map[string]uint64 `json:"counts"`
}

// Layers says which simulcast layers of a client's own streams anybody receives; it may stop sending the others. Streams that
// are not named go on as they are.
type Layers struct {
	Streams []StreamLayers `json:"streams"`
}

// StreamLayers names layers as the client's offer does: "l", "m", "h". A stream without simulcast has "l" only. VP9 says that
// all who receive take spatial layers of VP9, so that the client may send those instead; else it sends VP8.
type StreamLayers struct {
	Context uint8    `json:"context"`
	Layers  []string `json:"layers"`
	VP9     bool     `json:"vp9"`
}

// MediaLink says that a media connection stands, or (Transport "") fell.
type MediaLink struct {
	Transport string `json:"transport"` // "udp", "tcp", "relay" (TURN), "" when it failed
	Direction string `json:"direction"` // "publish" or "subscribe"
}

// Relay is what the client's connections need to go through TURN where nothing else passes. The relay is at the host and
// port of the page.
type Relay struct {
	Username   string `json:"username"`
	Credential string `json:"credential"`
	LifetimeMs int64  `json:"lifetimeMs"`
}

// GroupStateWanted asks for GroupState.
type GroupStateWanted struct{}

// Recovered: the server follows this group again.
type Recovered Position

// Reenter: your view of the group is not the call's; knock with a new KeyPackage.
type Reenter struct{}

// Restart: the call goes on in a new group without some leaves.
type Restart struct {
	Group   Position        `json:"group"` // the last epoch that everybody could process
	Without []mls.LeafIndex `json:"without"`
	Role    string          `json:"role"` // "create" or "join"
}

// Failure reports that a request came to nothing. Code is a stable token.
type Failure struct {
	Code    string `json:"code"`
	Request string `json:"request,omitempty"` // type of the message that failed
}

// Ended: the call is over.
type Ended struct {
	Reason string `json:"reason,omitempty"`
}

func (*RoomStatus) Type() string       { return "room" }
func (*DeviceBusy) Type() string       { return "deviceBusy" }
func (*Created) Type() string          { return "created" }
func (*CreateLost) Type() string       { return "createLost" }
func (*Lobby) Type() string            { return "lobby" }
func (*Waiting) Type() string          { return "waiting" }
func (*Denied) Type() string           { return "denied" }
func (*CommitRequest) Type() string    { return "commitRequest" }
func (*Committed) Type() string        { return "commit" }
func (*CommitRefused) Type() string    { return "commitRefused" }
func (*Welcome) Type() string          { return "welcome" }
func (*Removed) Type() string          { return "removed" }
func (*Roster) Type() string           { return "roster" }
func (*Posted) Type() string           { return "message" }
func (*MessageRefused) Type() string   { return "messageRefused" }
func (*Published) Type() string        { return "published" }
func (*Offer) Type() string            { return "offer" }
func (*MediaRefused) Type() string     { return "mediaRefused" }
func (*Layers) Type() string           { return "layers" }
func (*MediaLink) Type() string        { return "media" }
func (*Relay) Type() string            { return "relay" }
func (*GroupStateWanted) Type() string { return "groupStateWanted" }
func (*Recovered) Type() string        { return "recovered" }
func (*Reenter) Type() string          { return "reenter" }
func (*Restart) Type() string          { return "restart" }
func (*Failure) Type() string          { return "error" }
func (*Ended) Type() string            { return "ended" }

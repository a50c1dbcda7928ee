package meetings

import (
	"net/netip"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/crypto/mls"
)

// ConnID names one signalling connection within a Hall. It is never used twice.
type ConnID string

// Visitor is who is at the other end of a connection, as the session says.
type Visitor struct {
	Account mls.AccountID
	Name    string
	Email   string
	Session string // which session opened the connection; only compared
	// Role is the account's. TwoFactors: its session began with two.
	Role       accounts.Role
	TwoFactors bool
	// Via is the address of ours at which the connection arrived, or the zero value. Media may reach us there as well.
	Via netip.Addr
}

// Event is something that happened to a room.
type Event interface{ event() }

// Connected: a signed-in visitor opened a connection. Its Hello follows.
type Connected struct {
	Conn    ConnID
	Visitor Visitor
}

// Disconnected: a connection is gone. Nothing is sent to it any more.
type Disconnected struct{ Conn ConnID }

// Received: a client sent a request.
type Received struct {
	Conn    ConnID
	Request Request
	// Busy: the media plane has no room for another call (Media.Busy).
	Busy bool
	// Crowded: as many calls run as the settings allow at once.
	Crowded bool
	// Draining: the appliance begins no further call (Hall.Drain).
	Draining bool
	// Unrecorded: the audit log can't be written at the moment. Nobody new comes in and no call begins; those who are in go on.
	Unrecorded bool
}

// Tick: the time of the last Wake effect has come. An early or late Tick is harmless.
type Tick struct{}

// EndCall: an administrator ends the call, or an operator at the appliance's shell.
type EndCall struct {
	By       mls.AccountID
	Operator bool
}

// SessionEnded: the session behind a connection is over.
type SessionEnded struct{ Conn ConnID }

// Barred: the rules of the room no longer let the visitor to its door. Who is inside stays.
type Barred struct{ Conn ConnID }

// RoomRenamed: the room's record has a new name.
type RoomRenamed struct{ Name string }

// ProfileChanged: the next call of the room is held under another profile. One that is in progress keeps its own, which
// stands in its group context.
type ProfileChanged struct{ Profile mls.Profile }

// LimitChanged: a call may have so many leaves from now on. Whoever is in one stays.
type LimitChanged struct{ Members int }

// RoomDeleted: the room's record is gone.
type RoomDeleted struct{}

// PlaneReplied: the media plane has something for a peer's client.
type PlaneReplied struct {
	Peer    PeerID
	Message Message
}

func (Connected) event()      {}
func (Disconnected) event()   {}
func (Received) event()       {}
func (Tick) event()           {}
func (EndCall) event()        {}
func (SessionEnded) event()   {}
func (Barred) event()         {}
func (RoomRenamed) event()    {}
func (RoomDeleted) event()    {}
func (LimitChanged) event()   {}
func (ProfileChanged) event() {}
func (PlaneReplied) event()   {}

// Effect is something that the runner of a room does, in order.
type Effect interface{ effect() }

// Send hands one message to some connections.
type Send struct {
	To      []ConnID
	Message Message
}

// Close closes a connection. No Disconnected is expected for it.
type Close struct {
	Conn   ConnID
	Code   CloseCode
	Reason string
}

// MediaOpen starts forwarding for a call.
type MediaOpen struct {
	Call  CallID
	Epoch uint64
}

// MediaEpoch moves the gate of a call to its next epoch.
type MediaEpoch struct {
	Call  CallID
	Epoch uint64
}

// MediaClose ends forwarding for a call.
type MediaClose struct{ Call CallID }

// CallOver says that a call is over, and how: what is kept of it ends there.
type CallOver struct{ How Ending }

// MediaAdmit lets a peer send and receive as a leaf.
type MediaAdmit struct {
	Call CallID
	Conn ConnID
	Peer PeerID
	Leaf mls.LeafIndex
}

// MediaCut stops everything to and from a peer, at once.
type MediaCut struct {
	Call CallID
	Peer PeerID
}

// Negotiate hands a request to the media plane. The room checked that Peer is
// admitted now; Cut may overtake it.
type Negotiate struct {
	Call    CallID
	Peer    PeerID
	Request Request // *Publish, *Subscribe, *Answer, *Wants, *RestartICE, *WantRelay
}

// Record writes to the audit log.
type Record struct{ Event audit.Event }

// Wake asks for a Tick at a time; it replaces the Wake before. Zero: none.
type Wake struct{ At time.Time }

func (Send) effect()       {}
func (Close) effect()      {}
func (MediaOpen) effect()  {}
func (MediaEpoch) effect() {}
func (MediaClose) effect() {}
func (CallOver) effect()   {}
func (MediaAdmit) effect() {}
func (MediaCut) effect()   {}
func (Negotiate) effect()  {}
func (Record) effect()     {}
func (Wake) effect()       {}

// CloseCode is a WebSocket close code of the client protocol.
type CloseCode int

// Close codes.
const (
	CloseLeft        CloseCode = 1000
	CloseRestarting  CloseCode = 1012 // the server stops; come back
	CloseSlow        CloseCode = 1013 // the client does not read; come back and resume
	CloseReload      CloseCode = 4001 // other protocol version
	CloseReplaced    CloseCode = 4002 // another tab of this device took over
	CloseRemoved     CloseCode = 4003
	CloseSession     CloseCode = 4004
	CloseRoomDeleted CloseCode = 4005
	CloseBadMessage  CloseCode = 4006 // too many, too big, or not a message
	CloseDenied      CloseCode = 4007
	CloseBarred      CloseCode = 4008 // the room's rules changed
)

// Actions that only this package records, beside those that audit names.
const (
	actionCallRefused      audit.Action = "call.refused"         // [reason] a group that is none of this room's
	actionCallRestart      audit.Action = "call.restart"         // [call, epoch, without]
	actionRecoverRefused   audit.Action = "call.recover-refused" // [reason]
	actionRemoveAsked      audit.Action = "call.remove-asked"    // [call, account]
	actionCommitWedged     audit.Action = "commit.wedged"        // [call, epoch, leaf, committer, reason]
	actionKnockRefused     audit.Action = "knock.refused"        // [reason]
	actionKnockAdmitted    audit.Action = "knock.admitted"       // [account]
	actionAdmissionRefused audit.Action = "admission.refused"    // [reason]
)

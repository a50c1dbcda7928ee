package group

import (
	"huisclos/crypto/e2ee/session"
	"huisclos/meetings"
)

// Effect is something to do, in the order given.
type Effect interface{ effect() }

// Send says something to the server; what can't be sent is lost, and said
// again after the next hello.
type Send struct{ Request meetings.Request }

// FetchTree: get the public tree of an epoch, then call [Member.Tree] before
// anything else of the server is taken.
type FetchTree struct{ Epoch uint64 }

// Entered: this device is a member now, by creation or by a Welcome.
type Entered struct{ View session.View }

// Moved: the group is in its next epoch.
type Moved struct{ View session.View }

// Resumed: a new line to the server, the same group.
type Resumed struct{ View session.View }

// Left: not a member any more, and on the way back in. Media of the old leaf ends.
type Left struct{}

// Knocked: a KeyPackage waits at the server. Again: of a device that was in the call.
type Knocked struct{ Again bool }

// KnockLater: call [Member.KnockNow] after a pause.
type KnockLater struct{}

// Said: a member said something. Data is what it sealed.
type Said struct {
	View   session.View
	Sender uint32
	Data   []byte
}

// Unsafe: something that the server accepted is refused here. Nothing more may
// be sent, and the device does not come back by itself.
type Unsafe struct{ Code, Detail string }

// Failed: it does not go on.
type Failed struct{ Code, Detail string }

func (Send) effect()       {}
func (FetchTree) effect()  {}
func (Entered) effect()    {}
func (Moved) effect()      {}
func (Resumed) effect()    {}
func (Left) effect()       {}
func (Knocked) effect()    {}
func (KnockLater) effect() {}
func (Said) effect()       {}
func (Unsafe) effect()     {}
func (Failed) effect()     {}

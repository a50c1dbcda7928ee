package frames

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"huisclos/crypto/sframe"
)

// Suite is the cipher suite of calls (RFC 9605 §8.1, suite 5).
const Suite = sframe.AES256GCM

const (
	// switchDelay is how long a sender stays in the old epoch after a commit
	// that only added people, so that all have the new key.
	switchDelay = 500 * time.Millisecond
	// grace is how long frames of a superseded epoch may still be on their way;
	// the server's gate has the same bound.
	grace = 3 * time.Second
	// ahead is of how many epochs frames are worth holding: commits may come
	// faster than this device processes them.
	ahead = 4
)

// Why a frame was not sealed or not opened. Those that the server's gate also
// knows have its names.
type Reason string

// The reasons, as the browser's worker counts them.
const (
	NoKey       Reason = "no-key"
	Exhausted   Reason = "exhausted"
	NoHeader    Reason = "no-header"
	BadHeader   Reason = "bad-header"
	BadPrefix   Reason = "bad-prefix"
	WrongKID    Reason = "wrong-kid"
	OwnKID      Reason = "own-kid"
	OldEpoch    Reason = "old-epoch"
	FutureEpoch Reason = "future-epoch"
	Replayed    Reason = "replayed"
	NoRoom      Reason = "no-room-for-tag"
	HeldTooLong Reason = "held-too-long"
	HoldFull    Reason = "hold-full"
	BadTag      Reason = "bad-tag"
	BadInner    Reason = "bad-inner"
)

// ErrNoKey says that there is no epoch to seal in just now.
var ErrNoKey = errors.New("frames: no epoch to seal in")

// A Key is an epoch's frame key, with what its commit did.
type Key struct {
	Group []byte
	Epoch uint64
	// Own is this device's leaf in that epoch.
	Own uint32
	// Fresh: the device has just created or entered the group; nothing of
	// before counts any more.
	Fresh bool
	// AddOnly: the commit added people and did nothing else, so senders may
	// take their time.
	AddOnly bool
	// Removed are the leaves that the commit took away.
	Removed []uint32
	// Padded: frames of sound are sealed to one size.
	Padded bool
	Base   []byte
}

type epoch struct {
	number   uint64
	own      uint32
	send     bool
	switchAt time.Time
	// superseded is when a later epoch took its place; zero if none has.
	superseded time.Time
	// gone are leaves that a later commit took away: nothing of theirs opens
	// any more, grace or not.
	gone    map[uint32]bool
	padded  bool
	base    []byte
	sealers map[sframe.KID]*sframe.Sealer // owners of the counters
	openers map[sframe.KID]*sframe.Opener // with the replay windows
}

func (e *epoch) alive(now time.Time) bool {
	return e.superseded.IsZero() || now.Sub(e.superseded) <= grace
}

func (e *epoch) erase() {
	clear(e.base)
	e.sealers, e.openers = nil, nil
}

func (e *epoch) sealer(kid sframe.KID) (*sframe.Sealer, error) {
	if s := e.sealers[kid]; s != nil {
		return s, nil
	}
	s, err := sframe.NewSealer(Suite, e.base, kid)
	if err == nil {
		e.sealers[kid] = s
	}
	return s, err
}

func (e *epoch) opener(kid sframe.KID) (*sframe.Opener, error) {
	if o := e.openers[kid]; o != nil {
		return o, nil
	}
	o, err := sframe.NewOpener(Suite, e.base, kid)
	if err == nil {
		e.openers[kid] = o
	}
	return o, err
}

// Epochs are the frame keys of a call. It owns the counter of every stream of
// this device: one Epochs lives as long as the device is in the call, whatever
// becomes of connections and tracks. Use by one caller at a time.
type Epochs struct {
	list []*epoch // oldest first, all of one group
	// given are the epochs that this device was let seal in, by group and
	// number: never a second time, or its counters would begin anew.
	given map[string]bool
	group string
}

// NewEpochs has no key yet.
func NewEpochs() *Epochs { return &Epochs{given: make(map[string]bool)} }

func (e *Epochs) newest() *epoch {
	if len(e.list) == 0 {
		return nil
	}
	return e.list[len(e.list)-1]
}

// Newest is the number of the newest epoch whose key is here.
func (e *Epochs) Newest() (number uint64, ok bool) {
	if n := e.newest(); n != nil {
		return n.number, true
	}
	return 0, false
}

// Accept takes an epoch's key, which is erased here when its time is over. One
// that is not later than the newest is ignored unless the group was entered anew.
func (e *Epochs) Accept(k Key, now time.Time) bool {
	newest := e.newest()
	fresh := k.Fresh || newest == nil || e.group != string(k.Group)
	if !fresh && k.Epoch <= newest.number {
		return false
	}
	if fresh {
		e.End()
	}
	e.group = string(k.Group)
	for _, old := range e.list {
		if old.superseded.IsZero() {
			old.superseded = now
		}
		for _, leaf := range k.Removed {
			old.gone[leaf] = true
		}
	}
	// Were two epochs of one byte alive at once, a KID would name two keys.
	e.drop(func(old *epoch) bool { return old.number%256 == k.Epoch%256 })
	switchAt := now
	if !fresh && k.AddOnly {
		switchAt = now.Add(switchDelay)
	}
	name := fmt.Sprintf("%x/%d", k.Group, k.Epoch)
	e.list = append(e.list, &epoch{number: k.Epoch, own: k.Own, send: !e.given[name], switchAt: switchAt, gone: make(map[uint32]bool), padded: k.Padded,
		base: k.Base, sealers: make(map[sframe.KID]*sframe.Sealer), openers: make(map[sframe.KID]*sframe.Opener)})
	e.given[name] = true
	return true
}

// End drops every key. What was given to seal in is remembered.
func (e *Epochs) End() { e.drop(func(*epoch) bool { return true }) }

// Expire drops the keys of epochs whose time is over.
func (e *Epochs) Expire(now time.Time) { e.drop(func(old *epoch) bool { return !old.alive(now) }) }

func (e *Epochs) drop(over func(*epoch) bool) {
	e.list = slices.DeleteFunc(e.list, func(old *epoch) bool {
		if over(old) {
			old.erase()
			return true
		}
		return false
	})
}

// sending is the epoch to seal in.
func (e *Epochs) sending(now time.Time) *epoch {
	for _, at := range slices.Backward(e.list) {
		if !at.switchAt.After(now) {
			if at.send && at.alive(now) {
				return at
			}
			return nil
		}
	}
	return nil
}

// find is the epoch whose number ends in this byte. Without one, reason says on
// which side of the known ones it is: empty where its key may come.
func (e *Epochs) find(last uint8, now time.Time) (at *epoch, reason Reason) {
	newest := e.newest()
	if newest == nil {
		return nil, ""
	}
	for _, at := range slices.Backward(e.list) {
		if uint8(at.number) == last {
			if at.alive(now) {
				return at, ""
			}
			return nil, OldEpoch
		}
	}
	switch distance := last - uint8(newest.number); {
	case distance <= ahead:
		return nil, ""
	case distance < 128:
		return nil, FutureEpoch
	}
	return nil, OldEpoch
}

// CanSeal says whether there is an epoch to seal in.
func (e *Epochs) CanSeal(now time.Time) bool { return e.sending(now) != nil }

// Seal seals a whole encoded frame of one of this device's streams.
func (e *Epochs) Seal(context sframe.Context, key bool, frame []byte, now time.Time) ([]byte, error) {
	at := e.sending(now)
	if at == nil {
		return nil, ErrNoKey
	}
	kid, err := sframe.NewKID(context, at.own, at.number)
	if err != nil {
		return nil, err
	}
	s, err := at.sealer(kid)
	if err != nil {
		return nil, err
	}
	padding := 0
	if at.padded && context.Audio() {
		padding = s.SoundPadding(len(frame))
	}
	return s.Seal(nil, codecOf(context), key, padding, frame)
}

func codecOf(context sframe.Context) sframe.Codec {
	if context.Audio() {
		return sframe.Opus
	}
	return sframe.VP8
}

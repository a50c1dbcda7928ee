package frames

import (
	"errors"
	"time"

	"huisclos/crypto/sframe"
)

const (
	// holdTime and holdBytes bound what one stream keeps of frames that are
	// ahead of this device's epoch.
	holdTime  = time.Second
	holdBytes = 2 << 20
)

// Expect is whose frames, and of which stream, a receiver may open.
type Expect struct {
	Leaf    uint32
	Context sframe.Context
}

// Sealed is a frame as it arrived.
type Sealed struct {
	Data      []byte
	Timestamp uint32 // RTP
	At        time.Time
}

// Opened is a frame whose tag was right.
type Opened struct {
	Data      []byte
	Key       bool
	Timestamp uint32
	At        time.Time // when its last packet arrived
	Epoch     uint64
	KID       sframe.KID
	CTR       uint64
	// Whole says that a decoder can use it: no frame that it may refer to is
	// missing since the last key frame. Always true of sound.
	Whole bool
}

// Counts are the frames that were dropped, by reason.
type Counts map[Reason]int

// Receiver opens the frames of one stream: in their order, each once, of the
// expected leaf and context only. Use it under the same turn as its Epochs.
type Receiver struct {
	epochs  *Epochs
	expect  Expect
	codec   sframe.Codec
	held    []Sealed
	bytes   int
	refused Counts
	opened  int
	gap     bool // a frame is missing since the last key frame
}

// NewReceiver begins with no frame: of a picture, deltas are of no use yet.
func NewReceiver(e *Epochs, expect Expect) *Receiver {
	return &Receiver{epochs: e, expect: expect, codec: codecOf(expect.Context), refused: make(Counts), gap: !expect.Context.Audio()}
}

// Count says how many frames opened, and why others did not.
func (r *Receiver) Count() (opened int, refused Counts) {
	refused = make(Counts, len(r.refused))
	for reason, n := range r.refused {
		refused[reason] = n
	}
	return r.opened, refused
}

// Lost says that frames are missing: until the next key frame a picture can't
// be decoded.
func (r *Receiver) Lost() { r.gap = r.gap || r.codec == sframe.VP8 }

// WantsKey says whether the stream waits for a key frame.
func (r *Receiver) WantsKey() bool { return r.gap }

// Take opens a frame, holds it, or drops it; what waited and has its key now
// comes first.
func (r *Receiver) Take(s Sealed, now time.Time) []Opened {
	return r.handle(s, now, r.Changed(now))
}

// Changed goes on with what waited, after a key has come or time has passed.
func (r *Receiver) Changed(now time.Time) (out []Opened) {
	for len(r.held) > 0 && now.Sub(r.held[0].At) > holdTime {
		r.unhold()
		r.drop(HeldTooLong)
	}
	for len(r.held) > 0 {
		f, err := sframe.ParseFrameHeader(r.codec, r.held[0].Data)
		if err == nil {
			if at, reason := r.epochs.find(f.KID.EpochByte(), now); at == nil && reason == "" {
				return out
			}
		}
		out = r.handle(r.unhold(), now, out)
	}
	return out
}

func (r *Receiver) unhold() Sealed {
	first := r.held[0]
	r.held[0] = Sealed{}
	r.held = r.held[1:]
	r.bytes -= len(first.Data)
	return first
}

func (r *Receiver) drop(reason Reason) {
	r.refused[reason]++
	if reason != Replayed {
		r.Lost()
	}
}

func (r *Receiver) handle(s Sealed, now time.Time, out []Opened) []Opened {
	o, reason, wait := r.open(s, now)
	switch {
	case wait && r.bytes+len(s.Data) > holdBytes:
		r.drop(HoldFull)
	case wait:
		r.held = append(r.held, s)
		r.bytes += len(s.Data)
	case reason != "":
		r.drop(reason)
	default:
		r.opened++
		if o.Key {
			r.gap = false
		}
		o.Whole = !r.gap
		out = append(out, o)
	}
	return out
}

func (r *Receiver) open(s Sealed, now time.Time) (o Opened, reason Reason, wait bool) {
	f, err := sframe.ParseFrameHeader(r.codec, s.Data)
	if err != nil {
		return o, headerReason(err), false
	}
	newest := r.epochs.newest()
	// A frame of our own comes back: the server reflects it.
	if newest != nil && f.KID.Leaf() == newest.own {
		return o, OwnKID, false
	}
	if f.KID.Leaf() != r.expect.Leaf || f.KID.Context() != r.expect.Context {
		return o, WrongKID, false
	}
	at, reason := r.epochs.find(f.KID.EpochByte(), now)
	switch {
	case at == nil && reason == "":
		return o, "", true
	case at == nil:
		return o, reason, false
	case f.KID.Leaf() == at.own:
		return o, OwnKID, false
	case at.gone[f.KID.Leaf()]:
		return o, OldEpoch, false
	}
	opener, err := at.opener(f.KID)
	if err != nil {
		return o, BadHeader, false
	}
	data, key, err := opener.Open(nil, r.codec, s.Data)
	if err != nil {
		return o, openReason(err), false
	}
	return Opened{Data: data, Key: key, Timestamp: s.Timestamp, At: s.At, Epoch: at.number, KID: f.KID, CTR: f.CTR}, "", false
}

func headerReason(err error) Reason {
	switch {
	case errors.Is(err, sframe.ErrNoHeader):
		return NoHeader
	case errors.Is(err, sframe.ErrBadHeader):
		return BadHeader
	case errors.Is(err, sframe.ErrBadPrefix):
		return BadPrefix
	}
	return WrongKID // outside the layout of calls
}

func openReason(err error) Reason {
	switch {
	case errors.Is(err, sframe.ErrTooShort):
		return NoRoom
	case errors.Is(err, sframe.ErrReplayed):
		return Replayed
	case errors.Is(err, sframe.ErrBadInner):
		return BadInner
	}
	return BadTag
}

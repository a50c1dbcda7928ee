package client

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"huisclos/client/frames"
	"huisclos/crypto/mls"
	"huisclos/crypto/sframe"
)

const (
	// behind is how late a player may be before it goes on from now.
	behind = time.Second
	// notReady is how long a player waits before it looks again for a key and a
	// connection.
	notReady = 10 * time.Millisecond
)

// place is what a player plays: a stream, or one layer of it.
type place struct {
	context sframe.Context
	rid     string // RFC 8851; empty where the stream has one layer
}

// rids name the layers of a picture as browsers do, the lowest first.
var rids = []string{"l", "m", "h"}

// sources are what is played, by place.
func (c Config) sources() (map[place]Source, error) {
	list := make(map[place]Source)
	if c.Sound != nil {
		list[place{Microphone, ""}] = c.Sound
	}
	switch {
	case c.Picture == nil && len(c.Smaller) > 0, len(c.Smaller) > 0 && len(c.Smaller) != len(rids)-1:
		return nil, ErrLayers
	case len(c.Smaller) > 0:
		for i, source := range append(slices.Clip(c.Smaller), c.Picture) {
			list[place{Camera, rids[i]}] = source
		}
	case c.Picture != nil:
		list[place{Camera, ""}] = c.Picture
	}
	return list, nil
}

// A player plays one layer for as long as the stay lasts, over whatever
// connection there is. No frame leaves it but sealed.
type player struct {
	call *Call
	place
	source Source
	rate   uint32
	key    atomic.Bool // somebody waits for a key frame

	sequence, picture uint16
	timestamp         uint32

	mu    sync.Mutex // owns what follows
	track *webrtc.TrackLocalStaticRTP
	marks map[uint8][]byte
}

func newPlayer(c *Call, at place, source Source) *player {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (Go 1.24)
	p := &player{call: c, place: at, source: source, rate: vp8Rate, sequence: binary.BigEndian.Uint16(b[:]), timestamp: binary.BigEndian.Uint32(b[4:]),
		picture: binary.BigEndian.Uint16(b[2:])}
	if at.context.Audio() {
		p.rate = opusRate
	}
	return p
}

// connect gives the player a way out; marks are header extensions of all its
// packets.
func (p *player) connect(t *webrtc.TrackLocalStaticRTP, marks map[uint8][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.marks = marks
	if p.track != t {
		p.track = t
		p.key.Store(true)
	}
}

// disconnect takes this track away, and no later one.
func (p *player) disconnect(t *webrtc.TrackLocalStaticRTP) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.track == t {
		p.track = nil
	}
}

func (p *player) connected() (*webrtc.TrackLocalStaticRTP, map[uint8][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.track, p.marks
}

func (p *player) run() {
	due := time.Now()
	for {
		wait := notReady
		if track, marks := p.connected(); track != nil && p.call.maySend(p.context) {
			lasts, err := p.one(track, marks)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				p.call.post(func() { p.call.finish(&Error{"play", err.Error()}) })
				return
			}
			if due = due.Add(lasts); time.Since(due) > behind {
				due = time.Now()
			}
			wait = time.Until(due)
		} else {
			due = time.Now()
		}
		select {
		case <-p.call.ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// one seals and sends a frame.
func (p *player) one(track *webrtc.TrackLocalStaticRTP, marks map[uint8][]byte) (lasts time.Duration, err error) {
	f, err := p.source.Next(p.key.Swap(false))
	if err != nil {
		return 0, err
	}
	timestamp := p.timestamp
	p.timestamp += uint32(f.Lasts.Nanoseconds() * int64(p.rate) / int64(time.Second))
	sealed, err := p.call.seal(p.context, f.Key, f.Data)
	switch {
	case errors.Is(err, frames.ErrNoKey):
		p.key.Store(true) // what follows refers to a frame that nobody has
		return f.Lasts, nil
	case err != nil:
		return 0, err
	}
	payloads := [][]byte{sealed} // Opus: one frame a packet
	if !p.context.Audio() {
		payloads = frames.VP8Payloads(sealed, p.picture)
		p.picture++
	}
	for i, payload := range payloads {
		packet := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: p.sequence, Timestamp: timestamp,
			Marker: !p.context.Audio() && i == len(payloads)-1}, Payload: payload}
		p.sequence++
		for id, mark := range marks {
			if err := packet.SetExtension(id, mark); err != nil {
				return 0, err
			}
		}
		if err := track.WriteRTP(packet); err != nil {
			break // the connection is going; its successor is told to begin with a key frame
		}
	}
	return f.Lasts, nil
}

// maySend says whether there is an epoch to seal in, so that no frame of a
// source is taken in vain. Where the profile asks for compared words nothing but
// sound leaves: nobody is here to compare them.
func (c *Call) maySend(context sframe.Context) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !context.Audio() && c.view.Room.Profile.Conditions.Has(mls.Compared) {
		return false
	}
	return c.epochs.CanSeal(time.Now())
}

func (c *Call) seal(context sframe.Context, key bool, frame []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, err := c.epochs.Seal(context, key, frame, time.Now())
	if err == nil {
		c.sealed[context]++
	}
	return b, err
}

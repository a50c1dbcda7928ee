package client

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"huisclos/client/frames"
	"huisclos/crypto/sframe"
)

const (
	// behind is how late a player may be before it goes on from now.
	behind = time.Second
	// notReady is how long a player waits before it looks again for a key and a
	// connection.
	notReady = 10 * time.Millisecond
)

// A player plays one stream for as long as the stay lasts, over whatever
// connection there is. No frame leaves it but sealed.
type player struct {
	call    *Call
	context sframe.Context
	source  Source
	rate    uint32
	key     atomic.Bool // somebody waits for a key frame

	sequence, picture uint16
	timestamp         uint32

	mu    sync.Mutex // owns what follows
	track *webrtc.TrackLocalStaticRTP
}

func newPlayer(c *Call, context sframe.Context, source Source) *player {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (Go 1.24)
	p := &player{call: c, context: context, source: source, rate: vp8Rate, sequence: binary.BigEndian.Uint16(b[:]), timestamp: binary.BigEndian.Uint32(b[4:]),
		picture: binary.BigEndian.Uint16(b[2:])}
	if context.Audio() {
		p.rate = opusRate
	}
	return p
}

func (p *player) connect(t *webrtc.TrackLocalStaticRTP) {
	p.mu.Lock()
	defer p.mu.Unlock()
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

func (p *player) connected() *webrtc.TrackLocalStaticRTP {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.track
}

func (p *player) run() {
	due := time.Now()
	for {
		wait := notReady
		if track := p.connected(); track != nil && p.call.canSeal() {
			lasts, err := p.one(track)
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
func (p *player) one(track *webrtc.TrackLocalStaticRTP) (lasts time.Duration, err error) {
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
		if err := track.WriteRTP(packet); err != nil {
			break // the connection is going; its successor is told to begin with a key frame
		}
	}
	return f.Lasts, nil
}

// canSeal says whether there is an epoch to seal in, so that no frame of a
// source is taken in vain.
func (c *Call) canSeal() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
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

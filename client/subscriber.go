package client

import (
	"fmt"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"huisclos/client/frames"
	"huisclos/crypto/sframe"
	"huisclos/meetings"
)

const (
	// keyEvery is the least time between two requests for one stream's key frame.
	keyEvery = time.Second
	// maxOffers may wait to be answered; the server has one outstanding.
	maxOffers = 16
)

// subscriber is the receiving connection: the server offers an m-line for each
// stream of the others.
type subscriber struct {
	call     *Call
	pc       *webrtc.PeerConnection
	offers   chan *meetings.Offer
	quit     chan struct{}
	origin   string // the server's number of the connection that it offers
	restarts int
	closed   bool

	// targets is whose stream an m-line carries; call.mu owns it.
	targets map[string]frames.Expect
}

func (c *Call) newSubscriber(s *stay) (*subscriber, error) {
	pc, err := c.connection()
	if err != nil {
		return nil, err
	}
	sub := &subscriber{call: c, pc: pc, offers: make(chan *meetings.Offer, maxOffers), quit: make(chan struct{}), restarts: maxRestarts,
		targets: make(map[string]frames.Expect)}
	pc.OnTrack(sub.track)
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) { c.post(func() { sub.state(s, state) }) })
	c.busy.Go(func() { sub.run(s) })
	return sub, nil
}

// run answers offers, one after the other: with many streams that takes a while.
func (sub *subscriber) run(s *stay) {
	for {
		select {
		case <-sub.quit:
			return
		case o := <-sub.offers:
			answer, err := sub.answer(o)
			sub.call.post(func() {
				switch {
				case sub.closed || sub.call.media != s:
				case err != nil:
					sub.call.rebuild(err.Error())
				case answer != "":
					sub.call.send(&meetings.Answer{Answer: answer})
					sub.call.wish(s)
				}
			})
		}
	}
}

// answer takes an offer; an empty answer is to one of the connection before.
func (sub *subscriber) answer(o *meetings.Offer) (string, error) {
	var origin string
	var version int
	if _, err := fmt.Sscanf(o.Offer, "v=0\r\no=- %s %d ", &origin, &version); err != nil {
		return "", fmt.Errorf("an offer without an origin: %w", err)
	}
	switch {
	case sub.origin == "" && version != 1:
		return "", nil // not the beginning: of the connection before this one, still on its way
	case sub.origin != "" && sub.origin != origin:
		return "", fmt.Errorf("an offer of another connection")
	}
	sub.origin = origin
	c := sub.call
	c.mu.Lock()
	clear(sub.targets)
	for _, t := range o.Tracks {
		sub.targets[t.MID] = frames.Expect{Leaf: uint32(t.Leaf), Context: sframe.Context(t.Context)}
	}
	c.mu.Unlock()
	if err := sub.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.Offer}); err != nil {
		return "", err
	}
	answer, err := sub.pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	return answer.SDP, sub.pc.SetLocalDescription(answer)
}

func (sub *subscriber) state(s *stay, state webrtc.PeerConnectionState) {
	c := sub.call
	if sub.closed || c.media != s {
		return
	}
	switch state {
	case webrtc.PeerConnectionStateConnected:
		sub.restarts = maxRestarts
	case webrtc.PeerConnectionStateDisconnected, webrtc.PeerConnectionStateFailed:
		if sub.restarts--; sub.restarts < 0 {
			c.rebuild("the receiving path is lost")
		} else {
			c.send(&meetings.RestartICE{})
		}
	}
}

func (sub *subscriber) close() {
	sub.closed = true
	close(sub.quit)
	_ = sub.pc.Close()
}

// inlet is one stream that arrives. call.mu owns it.
type inlet struct {
	from    frames.Expect
	person  Person // the leaf's, when the stream began
	packets *frames.Assembler
	opener  *frames.Receiver
	asked   time.Time // for a key frame
	arrived time.Time // the last packet
	ask     func()    // asks the server for a key frame
}

// track reads one stream until it ends. Only frames of the leaf and stream that
// the m-line was declared for open; a name comes from the group, never from here.
func (sub *subscriber) track(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
	c := sub.call
	video := t.Kind() == webrtc.RTPCodecTypeVideo
	line := r.RTPTransceiver()
	if line == nil {
		return // stopped meanwhile
	}
	mid := line.Mid()
	c.mu.Lock()
	expect, declared := sub.targets[mid]
	if !declared || expect.Context.Audio() == video {
		c.mu.Unlock()
		return // nothing reads it: nothing comes through
	}
	in := &inlet{from: expect, person: c.people[expect.Leaf], packets: frames.NewAssembler(video), opener: frames.NewReceiver(c.epochs, expect)}
	in.ask = func() { _ = sub.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(t.SSRC())}}) }
	c.inlets[in] = true
	c.mu.Unlock()
	go func() {
		for {
			if _, _, err := r.ReadRTCP(); err != nil {
				return
			}
		}
	}()
	for {
		p, _, err := t.ReadRTP()
		if err != nil {
			break
		}
		now := time.Now()
		c.mu.Lock()
		in.arrived = now
		whole, broken := in.packets.Push(frames.Packet{Sequence: p.SequenceNumber, Timestamp: p.Timestamp, Marker: p.Marker, Payload: p.Payload, At: now}, now)
		ask := c.open(in, whole, broken, now)
		c.mu.Unlock()
		if ask {
			in.ask()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retire(in)
}

// open opens frames that are whole, and says whether to ask for a key frame.
func (c *Call) open(in *inlet, whole []frames.Sealed, broken bool, now time.Time) (ask bool) {
	if broken {
		in.opener.Lost()
	}
	for _, s := range whole {
		c.deliver(in, in.opener.Take(s, now))
	}
	if in.opener.WantsKey() && in.arrived.After(in.asked) && now.Sub(in.asked) >= keyEvery {
		in.asked = now
		return true
	}
	return false
}

// due gives up what has waited too long.
func (c *Call) due(in *inlet, now time.Time) {
	whole, broken := in.packets.Due(now)
	ask := c.open(in, whole, broken, now)
	c.deliver(in, in.opener.Changed(now))
	if ask {
		go in.ask()
	}
}

// deliver hands frames on. call.mu is held.
func (c *Call) deliver(in *inlet, opened []frames.Opened) {
	for _, o := range opened {
		if c.times.FirstFrame.IsZero() {
			c.times.FirstFrame = o.At
			go c.post(func() { c.tell(Event{Kind: FirstFrame, At: o.At, Epoch: o.Epoch}) })
		}
		if c.cfg.Sink == nil || c.sinkErr != nil {
			continue
		}
		c.sinkErr = c.cfg.Sink.Take(Received{From: c.people[in.from.Leaf], Context: in.from.Context, Key: o.Key, Whole: o.Whole, Data: o.Data,
			Timestamp: o.Timestamp, Epoch: o.Epoch, At: o.At})
		if err := c.sinkErr; err != nil {
			go c.post(func() { c.finish(&Error{"record", err.Error()}) })
		}
	}
}

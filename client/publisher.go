package client

import (
	"fmt"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"huisclos/crypto/sframe"
	"huisclos/meetings"
)

const (
	// answerLimit is how long an offer may go unanswered.
	answerLimit = 8 * time.Second
	// maxRestarts is how often a lost path is searched again before the
	// connection is built anew.
	maxRestarts = 4
)

// publisher is the sending connection: this client offers.
type publisher struct {
	call     *Call
	pc       *webrtc.PeerConnection
	streams  []sending
	restarts int
	again    bool // restart once the answer is there
	closed   bool
}

type sending struct {
	context     sframe.Context
	transceiver *webrtc.RTPTransceiver
	track       *webrtc.TrackLocalStaticRTP
}

// newPublisher lays the streams out; nil where nothing is played.
func (c *Call) newPublisher(s *stay) (*publisher, error) {
	if len(c.players) == 0 {
		return nil, nil
	}
	pc, err := c.connection()
	if err != nil {
		return nil, err
	}
	p := &publisher{call: c, pc: pc, restarts: maxRestarts}
	for _, context := range []sframe.Context{Microphone, Camera} {
		player := c.players[context]
		if player == nil {
			continue
		}
		mime := webrtc.MimeTypeVP8
		if context.Audio() {
			mime = webrtc.MimeTypeOpus
		}
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, fmt.Sprint("own-", uint8(context)), "own")
		if err == nil {
			var t *webrtc.RTPTransceiver
			if t, err = pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err == nil {
				p.streams = append(p.streams, sending{context, t, track})
				go player.feedback(t.Sender())
			}
		}
		if err != nil {
			p.close()
			return nil, err
		}
	}
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) { c.post(func() { p.state(s, state) }) })
	return p, nil
}

// negotiate offers. The answer comes by the line.
func (p *publisher) negotiate(restart bool) error {
	offer, err := p.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		return err
	}
	if err := p.pc.SetLocalDescription(offer); err != nil {
		return err
	}
	q := &meetings.Publish{Offer: offer.SDP}
	for _, s := range p.streams {
		kind := "video"
		if s.context.Audio() {
			kind = "audio"
		}
		q.Streams = append(q.Streams, meetings.Stream{MID: s.transceiver.Mid(), Kind: kind, Context: uint8(s.context)})
	}
	if p.call.send(q) {
		p.call.offers++
		number := p.call.offers
		p.call.later(answerLimit, func() {
			if !p.closed && p.pc.SignalingState() == webrtc.SignalingStateHaveLocalOffer && p.call.offers == number {
				p.call.rebuild("no answer to the offer")
			}
		})
	}
	return nil
}

func (p *publisher) answered(answer string) error {
	if p.closed || p.pc.SignalingState() != webrtc.SignalingStateHaveLocalOffer {
		return nil
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return err
	}
	if p.again {
		p.again = false
		return p.negotiate(true)
	}
	return nil
}

// state watches the path: what is silent for long is looked for again, and what
// can't be found is built anew.
func (p *publisher) state(s *stay, state webrtc.PeerConnectionState) {
	c := p.call
	if p.closed || c.media != s {
		return
	}
	switch state {
	case webrtc.PeerConnectionStateConnected:
		p.restarts = maxRestarts
		for _, out := range p.streams {
			c.players[out.context].connect(out.track)
		}
	case webrtc.PeerConnectionStateDisconnected, webrtc.PeerConnectionStateFailed:
		if p.pc.SignalingState() == webrtc.SignalingStateHaveLocalOffer {
			p.again = true
			return
		}
		if p.restarts--; p.restarts < 0 {
			c.rebuild("the sending path is lost")
		} else if err := p.negotiate(true); err != nil {
			c.rebuild(err.Error())
		}
	}
}

func (p *publisher) close() {
	p.closed = true
	for _, s := range p.streams {
		p.call.players[s.context].disconnect(s.track)
	}
	_ = p.pc.Close()
}

// feedback hears what receivers lack, until the sender is closed.
func (p *player) feedback(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			switch packet.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				p.key.Store(true)
			}
		}
	}
}

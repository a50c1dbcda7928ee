package client

import (
	"fmt"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"
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
	place
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
		for _, rid := range append([]string{""}, rids...) {
			if at := (place{context, rid}); c.players[at] != nil {
				if err := p.add(at); err != nil {
					p.close()
					return nil, err
				}
			}
		}
	}
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) { c.post(func() { p.state(s, state) }) })
	return p, nil
}

// add lays out a stream, or a further layer of the last one.
func (p *publisher) add(at place) error {
	mime := webrtc.MimeTypeVP8
	if at.context.Audio() {
		mime = webrtc.MimeTypeOpus
	}
	var options []func(*webrtc.TrackLocalStaticRTP)
	if at.rid != "" {
		options = append(options, webrtc.WithRTPStreamID(at.rid))
	}
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, fmt.Sprint("own-", uint8(at.context)), "own", options...)
	if err != nil {
		return err
	}
	var t *webrtc.RTPTransceiver
	if n := len(p.streams); n > 0 && p.streams[n-1].context == at.context {
		t = p.streams[n-1].transceiver
		err = t.Sender().AddEncoding(track)
	} else {
		t, err = p.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	}
	if err != nil {
		return err
	}
	p.streams = append(p.streams, sending{at, t, track})
	go p.call.players[at].feedback(t.Sender())
	return nil
}

// marks are what names a layer in its packets (RFC 8852 §3, RFC 8843 §15).
func (s sending) marks() map[uint8][]byte {
	if s.rid == "" {
		return nil // the offer names its SSRC
	}
	list := make(map[uint8][]byte)
	for _, e := range s.transceiver.Sender().GetParameters().HeaderExtensions {
		switch e.URI {
		case sdp.SDESMidURI:
			list[uint8(e.ID)] = []byte(s.transceiver.Mid())
		case sdp.SDESRTPStreamIDURI:
			list[uint8(e.ID)] = []byte(s.rid)
		}
	}
	return list
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
	for i, s := range p.streams {
		if i > 0 && p.streams[i-1].transceiver == s.transceiver {
			continue // another layer
		}
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
			c.players[out.place].connect(out.track, out.marks())
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
		p.call.players[s.place].disconnect(s.track)
	}
	_ = p.pc.Close()
}

// feedback hears what receivers lack, until the sender is closed.
func (p *player) feedback(sender *webrtc.RTPSender) {
	for {
		packets, err := p.read(sender)
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

func (p *player) read(sender *webrtc.RTPSender) (packets []rtcp.Packet, err error) {
	if p.rid != "" {
		packets, _, err = sender.ReadSimulcastRTCP(p.rid)
		return packets, err
	}
	packets, _, err = sender.ReadRTCP()
	return packets, err
}

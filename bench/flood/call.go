package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"huisclos/crypto/sframe"
	"huisclos/media"
)

// call is one who sends and some who receive, played by pion. Each packet is a whole sealed frame, as far as a server can see,
// and ends with the time at which it was sent.
type call struct {
	at        ready
	peers     []*webrtc.PeerConnection
	track     *webrtc.TrackLocalStaticRTP
	ssrc      uint32
	ufrag     string
	receivers int
	stop      chan struct{}
	stopped   sync.WaitGroup

	mu       sync.Mutex
	sent     int
	received int
	delays   []time.Duration
	counts   bool
}

// callSample is what the receivers saw in one window.
type callSample struct {
	median, high float64 // delay in milliseconds: p50 and p99
	lost         float64 // part of what was sent
}

const octets = 1100 // of one packet

func (c *call) ask(path string, question said, answer any) error {
	b, err := json.Marshal(question)
	if err != nil {
		return err
	}
	r, err := http.Post("http://"+c.at.Signalling+path, "application/json", bytes.NewReader(b))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, bytes.TrimSpace(text))
	}
	return json.Unmarshal(text, answer)
}

func (c *call) usage() (u usage, err error) { return u, c.ask("/usage", said{}, &u) }

// target is what a spy on the sender's line could know.
func (c *call) target() string { return fmt.Sprintf("127.0.0.1:%d %s %d", c.at.Port, c.ufrag, c.ssrc) }

func newCall(at ready, receivers int) (*call, error) {
	c := &call{at: at, receivers: receivers, stop: make(chan struct{})}
	if err := c.publish(); err != nil {
		c.close()
		return nil, err
	}
	for i := range receivers {
		if err := c.subscribe(media.PeerID(fmt.Sprint("r", i)), uint32(i+2)); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

func connection() (*webrtc.PeerConnection, error) {
	engine := &webrtc.MediaEngine{}
	feedback := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}}
	for _, codec := range []webrtc.RTPCodecParameters{
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: feedback}, PayloadType: 96},
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: "apt=96"}, PayloadType: 97},
	} {
		if err := engine.RegisterCodec(codec, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, err
		}
	}
	if err := engine.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: "urn:ietf:params:rtp-hdrext:sdes:mid"}, webrtc.RTPCodecTypeVideo); err != nil {
		return nil, err
	}
	settings := webrtc.SettingEngine{}
	if err := settings.SetAnsweringDTLSRole(webrtc.DTLSRoleClient); err != nil {
		return nil, err
	}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_256_GCM)
	return webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings), webrtc.WithInterceptorRegistry(&interceptor.Registry{})).
		NewPeerConnection(webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle})
}

var ufragLine = regexp.MustCompile(`a=ice-ufrag:(\S+)`)

func (c *call) publish() error {
	pc, err := connection()
	if err != nil {
		return err
	}
	c.peers = append(c.peers, pc)
	if c.track, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "v", "s"); err != nil {
		return err
	}
	t, err := pc.AddTransceiverFromTrack(c.track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return err
	}
	connected := make(chan struct{})
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			close(connected)
		}
	})
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		return err
	}
	var answer string
	if err := c.ask("/publish", said{Peer: "s", Leaf: 1, SDP: offer.SDP, Streams: []media.Stream{{MID: t.Mid(), Kind: media.Video, Context: 1}}}, &answer); err != nil {
		return err
	}
	if m := ufragLine.FindStringSubmatch(answer); m != nil {
		c.ufrag = m[1]
	}
	c.ssrc = uint32(t.Sender().GetParameters().Encodings[0].SSRC)
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return err
	}
	select {
	case <-connected:
		return nil
	case <-time.After(20 * time.Second):
		return errors.New("the sender does not get through")
	}
}

func (c *call) subscribe(id media.PeerID, leaf uint32) error {
	pc, err := connection()
	if err != nil {
		return err
	}
	c.peers = append(c.peers, pc)
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			c.got(p, time.Now())
		}
	})
	var ok bool
	if err := c.ask("/subscribe", said{Peer: id, Leaf: leaf}, &ok); err != nil {
		return err
	}
	var offer string
	if err := c.ask("/offer", said{Peer: id}, &offer); err != nil {
		return err
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return err
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	if err := pc.SetLocalDescription(answer); err != nil {
		return err
	}
	return c.ask("/answer", said{Peer: id, SDP: answer.SDP}, &ok)
}

func (c *call) got(p *rtp.Packet, now time.Time) {
	if len(p.Payload) < 8 {
		return
	}
	delay := time.Duration(now.UnixNano() - int64(binary.BigEndian.Uint64(p.Payload[len(p.Payload)-8:])))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts {
		c.received++
		c.delays = append(c.delays, delay)
	}
}

// send sends so many packets a second until the call is closed, a key frame now and then.
func (c *call) send(rate int) {
	c.stopped.Go(func() {
		kid, err := sframe.NewKID(1, 1, 1)
		if err != nil {
			panic(err) // leaf 1 and epoch 1 fit
		}
		ticker := time.NewTicker(time.Second / time.Duration(rate))
		defer ticker.Stop()
		for i := 0; ; i++ {
			select {
			case <-c.stop:
				return
			case <-ticker.C:
			}
			b := []byte{0x90, 0xe0, 0x80 | byte(i>>8)&0x7f, byte(i), byte(i), 0x20}
			b = append(b, sframe.Prefix(sframe.VP8, i%50 == 0)...)
			b = sframe.Header{KID: kid, CTR: uint64(i)}.Append(b)
			b = append(b, make([]byte, octets-8-len(b))...)
			b = binary.BigEndian.AppendUint64(b, uint64(time.Now().UnixNano()))
			p := &rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, SequenceNumber: uint16(i), Timestamp: uint32(i) * 90000 / uint32(rate)}, Payload: b}
			if c.track.WriteRTP(p) == nil {
				c.mu.Lock()
				c.sent++
				c.mu.Unlock()
			}
		}
	})
}

// reset begins a window.
func (c *call) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts, c.sent, c.received, c.delays = true, 0, 0, nil
}

// sample ends it. What is under way then counts for the next one as what was under way before counted for this one.
func (c *call) sample() (s callSample) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts = false
	slices.Sort(c.delays)
	if n := len(c.delays); n > 0 {
		s.median, s.high = float64(c.delays[n/2].Microseconds())/1000, float64(c.delays[n*99/100].Microseconds())/1000
	}
	s.lost = max(0, 1-float64(c.received)/float64(max(1, c.sent*c.receivers)))
	return s
}

func (c *call) close() {
	close(c.stop)
	c.stopped.Wait()
	for _, pc := range c.peers {
		_ = pc.Close() // the end of the program
	}
}

package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"huisclos/crypto/sframe"
	"huisclos/media"
)

type offered struct {
	sdp    string
	tracks []media.Track
}

// client is a browser's part, played by pion.
type client struct {
	t      *testing.T
	stage  *stage
	id     media.PeerID
	leaf   uint32
	epoch  atomic.Uint64
	offers chan offered
	socket net.PacketConn // of the last connection that was made, to misuse

	publisher  *webrtc.PeerConnection
	audio      *webrtc.TrackLocalStaticRTP
	layers     [3]*webrtc.TrackLocalStaticRTP
	extensions map[string]uint8
	videoMID   string
	through    *proxy // what is sent goes through it

	unsubscribe func()
	mu          sync.Mutex
	subscriber  *webrtc.PeerConnection
	tracks      []media.Track
	received    map[string][]*rtp.Packet // by "leaf-context"
	ssrcs       map[string]uint32
	pli         int
	ctr         map[sframe.KID]uint64
	seq         [4]uint16
	timestamp   [4]uint32
	sent        [][]byte // sealed frames
}

func (s *stage) client(id media.PeerID, leaf uint32) *client {
	c := &client{t: s.t, stage: s, id: id, leaf: leaf, offers: make(chan offered, 64), received: make(map[string][]*rtp.Packet),
		ssrcs: make(map[string]uint32), ctr: make(map[sframe.KID]uint64), seq: [4]uint16{65530, 100, 2000, 30000},
		timestamp: [4]uint32{1000, 4294967000, 77, 12345678}}
	c.epoch.Store(1)
	s.mu.Lock()
	s.clients[id] = c
	s.mu.Unlock()
	return c
}

type clientOptions struct {
	tcp      bool
	feedback bool   // transport-wide, of what is received
	again    bool   // sends sound again that is asked for
	through  *proxy // what is received comes through it
	profiles []dtls.SRTPProtectionProfile
	suites   []dtls.CipherSuiteID
	moves    *mover     // takes the client's sockets to another network
	from     netip.Addr // where the client is; invalid: where the stage is
}

func (c *client) api(o clientOptions) *webrtc.API {
	engine := &webrtc.MediaEngine{}
	feedback := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "transport-cc"}}
	for _, codec := range []webrtc.RTPCodecParameters{
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: feedback}, PayloadType: 96},
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: "apt=96"}, PayloadType: 97},
	} {
		if err := engine.RegisterCodec(codec, webrtc.RTPCodecTypeVideo); err != nil {
			c.t.Fatal(err)
		}
	}
	sound := feedback[2:]
	if o.again {
		sound = append(slices.Clone(sound), feedback[0])
	}
	if err := engine.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, RTCPFeedback: sound}, PayloadType: 111}, webrtc.RTPCodecTypeAudio); err != nil {
		c.t.Fatal(err)
	}
	for _, uri := range []string{uriMID, uriRID, uriRepaired, uriTWCC} {
		for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			if err := engine.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, kind); err != nil {
				c.t.Fatal(err)
			}
		}
	}
	registry := &interceptor.Registry{}
	responder, err := nack.NewResponderInterceptor()
	if err != nil {
		c.t.Fatal(err)
	}
	registry.Add(responder)
	reports, err := report.NewSenderInterceptor(report.SenderInterval(100 * time.Millisecond))
	if err != nil {
		c.t.Fatal(err)
	}
	registry.Add(reports)

	if o.feedback {
		sender, err := twcc.NewSenderInterceptor(twcc.SendInterval(60 * time.Millisecond))
		if err != nil {
			c.t.Fatal(err)
		}
		registry.Add(sender)
		generator, err := nack.NewGeneratorInterceptor(nack.GeneratorInterval(20 * time.Millisecond))
		if err != nil {
			c.t.Fatal(err)
		}
		registry.Add(generator)
	}

	settings := webrtc.SettingEngine{LoggerFactory: quiet{}}
	// Browsers answer as DTLS clients; pion would leave that to an ICE-lite peer.
	if err := settings.SetAnsweringDTLSRole(webrtc.DTLSRoleClient); err != nil {
		c.t.Fatal(err)
	}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	profiles := o.profiles
	if profiles == nil {
		profiles = srtpProfiles
	}
	settings.SetSRTPProtectionProfiles(profiles...)
	if o.suites != nil {
		settings.SetDTLSCipherSuites(o.suites...)
	}
	if o.tcp {
		settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4, webrtc.NetworkTypeUDP4})
	} else {
		network, from := webrtc.NetworkTypeUDP4, o.from
		if !from.IsValid() {
			from = c.stage.at
		}
		if from.Is6() {
			network = webrtc.NetworkTypeUDP6
		}
		settings.SetNetworkTypes([]webrtc.NetworkType{network})
		socket, err := net.ListenPacket("udp", netip.AddrPortFrom(from, 0).String())
		if err != nil {
			c.t.Fatal(err)
		}
		c.t.Cleanup(func() { socket.Close() })
		if o.moves != nil {
			socket = o.moves.add(socket)
		}
		c.socket = socket
		settings.SetICEUDPMux(webrtc.NewICEUDPMux(quiet{}, socket))
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings), webrtc.WithInterceptorRegistry(registry))
}

func (c *client) connection(o clientOptions) *webrtc.PeerConnection {
	pc, err := c.api(o).NewPeerConnection(webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { pc.Close() })
	return pc
}

// open prepares the publisher connection: Opus, and VP8 in three layers.
func (c *client) open(o clientOptions) {
	c.t.Helper()
	c.publisher = c.connection(o)
	var err error
	if c.audio, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "a", "s"); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.publisher.AddTransceiverFromTrack(c.audio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
		c.t.Fatal(err)
	}
	var video *webrtc.RTPTransceiver
	for i, rid := range layerRIDs {
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "v", "s", webrtc.WithRTPStreamID(rid))
		if err != nil {
			c.t.Fatal(err)
		}
		c.layers[i] = track
		if i == 0 {
			video, err = c.publisher.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		} else {
			err = video.Sender().AddEncoding(track)
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
	for _, rid := range layerRIDs {
		go func() {
			for {
				packets, _, err := video.Sender().ReadSimulcastRTCP(rid)
				if err != nil {
					return
				}
				for _, p := range packets {
					if _, ok := p.(*rtcp.PictureLossIndication); ok {
						c.mu.Lock()
						c.pli++
						c.mu.Unlock()
					}
				}
			}
		}()
	}
}

// publish offers and takes the answer.
func (c *client) publish(o *webrtc.OfferOptions) error {
	c.t.Helper()
	offer, err := c.publisher.CreateOffer(o)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.publisher.SetLocalDescription(offer); err != nil {
		c.t.Fatal(err)
	}
	answer, err := c.send(offer.SDP)
	if err != nil {
		return err
	}
	if c.through != nil {
		answer = c.through.of(answer)
	}
	if err := c.publisher.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		c.t.Fatalf("answer: %v\n%s", err, answer)
	}
	if c.extensions != nil {
		return nil // they stay as they are
	}
	c.extensions = make(map[string]uint8)
	for _, t := range c.publisher.GetTransceivers() {
		if t.Kind() == webrtc.RTPCodecTypeVideo {
			c.videoMID = t.Mid()
			for _, e := range t.Sender().GetParameters().HeaderExtensions {
				c.extensions[e.URI] = uint8(e.ID)
			}
		}
	}
	return nil
}

func (c *client) send(offer string) (string, error) {
	var streams []media.Stream
	for _, t := range c.publisher.GetTransceivers() {
		switch t.Kind() {
		case webrtc.RTPCodecTypeAudio:
			streams = append(streams, media.Stream{MID: t.Mid(), Kind: media.Audio, Context: 0})
		case webrtc.RTPCodecTypeVideo:
			streams = append(streams, media.Stream{MID: t.Mid(), Kind: media.Video, Context: 1})
		}
	}
	return c.stage.server.Publish(context.Background(), testCall, c.id, netip.Addr{}, offer, streams)
}

// subscribe answers the server's offers.
func (c *client) subscribe(options clientOptions) {
	pc := c.connection(options)
	c.mu.Lock()
	c.subscriber = pc
	c.mu.Unlock()
	pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		c.mu.Lock()
		c.ssrcs[track.ID()] = uint32(track.SSRC())
		c.mu.Unlock()
		go func() {
			for {
				if _, _, err := receiver.ReadRTCP(); err != nil {
					return
				}
			}
		}()
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			c.mu.Lock()
			c.received[track.ID()] = append(c.received[track.ID()], p)
			c.mu.Unlock()
		}
	})
	if c.unsubscribe != nil {
		c.unsubscribe()
	}
	c.stage.server.Subscribe(testCall, c.id, netip.Addr{}, false)
	stop, ended := make(chan struct{}), make(chan struct{})
	c.unsubscribe = sync.OnceFunc(func() { close(stop); <-ended })
	c.t.Cleanup(c.unsubscribe)
	go func() {
		defer close(ended)
		for {
			select {
			case o := <-c.offers:
				// The connection may have ended meanwhile; that is told otherwise.
				if options.through != nil {
					o.sdp = options.through.of(o.sdp)
				}
				if err := c.answer(pc, o); err != nil && !errors.Is(err, media.ErrUnknown) && !errors.Is(err, webrtc.ErrConnectionClosed) {
					c.t.Errorf("%s answers: %v\n%s", c.id, err, o.sdp)
				}
			case <-stop:
				return
			}
		}
	}()
}

func (c *client) answer(pc *webrtc.PeerConnection, o offered) error {
	// A later offer of the connection before may still be under way: a new
	// connection begins with the first version.
	var session, version int
	if _, err := fmt.Sscanf(o.sdp, "v=0\r\no=- %d %d ", &session, &version); err != nil {
		return err
	}
	if pc.RemoteDescription() == nil && version != 1 {
		return nil
	}
	c.mu.Lock()
	c.tracks = o.tracks
	c.mu.Unlock()
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.sdp}); err != nil {
		return err
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	if err := pc.SetLocalDescription(answer); err != nil {
		return err
	}
	return c.stage.server.Answer(testCall, c.id, answer.SDP)
}

// join is what a member does: admitted, it publishes and subscribes.
func (s *stage) join(id media.PeerID, leaf uint32) *client {
	s.t.Helper()
	c := s.client(id, leaf)
	s.server.Admit(testCall, id, leaf)
	c.open(clientOptions{})
	if err := c.publish(nil); err != nil {
		s.t.Fatal(err)
	}
	c.subscribe(clientOptions{})
	until(s.t, fmt.Sprint(id, " publishes"), func() bool { return s.told(&s.connected, fmt.Sprint(id, " publishing udp")) })
	return c
}

// seal makes a frame that the gate lets through, and remembers it.
func (c *client) seal(stream uint8, key bool, size int) []byte {
	kid, err := sframe.NewKID(sframe.Context(stream), c.leaf, c.epoch.Load())
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var b []byte
	if stream == 1 {
		b = []byte(sframe.Prefix(sframe.VP8, key))
	}
	b = sframe.Header{KID: kid, CTR: c.ctr[kid]}.Append(b)
	c.ctr[kid]++
	b = append(b, bytes.Repeat([]byte{byte(c.leaf), byte(c.ctr[kid])}, size/2)...)
	c.sent = append(c.sent, b)
	return b
}

// sendAudio sends one packet's payload as it is.
func (c *client) sendAudio(payload []byte) uint16 {
	c.mu.Lock()
	c.seq[3]++
	c.timestamp[3] += 960
	p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: c.seq[3], Timestamp: c.timestamp[3]}, Payload: payload}
	c.mu.Unlock()
	c.mark(p, "0", "")
	if err := c.audio.WriteRTP(p); err != nil {
		c.t.Log(err)
	}
	return p.SequenceNumber
}

func (c *client) mark(p *rtp.Packet, mid, rid string) {
	if id := c.extensions[uriMID]; id != 0 {
		_ = p.Header.SetExtension(id, []byte(mid))
	}
	if id := c.extensions[uriRID]; id != 0 && rid != "" {
		_ = p.Header.SetExtension(id, []byte(rid))
	}
}

// sendVideo sends a frame on one layer, in packets of at most 1,000 bytes.
func (c *client) sendVideo(layer int, frame []byte) {
	c.mu.Lock()
	c.timestamp[layer] += 3000
	c.mu.Unlock()
	for first := true; first || len(frame) > 0; first = false {
		part := frame[:min(len(frame), 1000)]
		frame = frame[len(part):]
		c.mu.Lock()
		c.seq[layer]++
		picture := c.timestamp[layer] / 3000
		head := []byte{0x80, 0xf0, 0x80 | byte(picture>>8)&0x7f, byte(picture), byte(picture), 0x20}
		if first {
			head[0] |= 0x10
		}
		p := &rtp.Packet{Header: rtp.Header{Version: 2, Marker: len(frame) == 0, SequenceNumber: c.seq[layer], Timestamp: c.timestamp[layer]},
			Payload: append(head, part...)}
		c.mu.Unlock()
		c.mark(p, c.videoMID, layerRIDs[layer])
		if err := c.layers[layer].WriteRTP(p); err != nil {
			c.t.Log(err)
		}
	}
}

// frames sends one sealed frame on each layer, the top one in several packets.
func (c *client) frames(key bool) {
	for layer := range 3 {
		c.sendVideo(layer, c.seal(1, key, 300+1000*layer))
	}
}

// stream sends frames every few milliseconds, key frames often, until stopped.
func (c *client) stream() (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			case <-time.After(8 * time.Millisecond):
			}
			c.frames(i%12 == 0)
			c.sendAudio(c.seal(0, false, 60))
		}
	}()
	var once sync.Once
	stop = func() { once.Do(func() { close(done); <-ended }) }
	c.t.Cleanup(stop)
	return stop
}

func (c *client) count(track string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.received[track])
}

func (c *client) packets(track string) []*rtp.Packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*rtp.Packet(nil), c.received[track]...)
}

func (c *client) total() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, packets := range c.received {
		n += len(packets)
	}
	return n
}

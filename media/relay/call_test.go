package relay_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"huisclos/crypto/certtest"
	"huisclos/crypto/sframe"
	"huisclos/media"
	"huisclos/media/relay"
	"huisclos/media/transport"
)

const (
	call      = media.CallID("call")
	mediaPort = 8443
)

// nowhere is the address at which the appliance says it takes media: none of this machine, so that no socket of the
// client's can reach it. What arrives came through the relay.
var nowhere = netip.MustParseAddr("203.0.113.10")

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hall is a media plane on a UDP port, with the relay in it and behind TLS on the same number. The addresses that it tells are
// nowhere: only the relay leads to it.
type hall struct {
	t      *testing.T
	relay  *relay.Relay
	server *transport.Server
	port   int
	roots  *x509.CertPool

	mu        sync.Mutex
	people    map[media.PeerID]*person
	connected map[string]bool
}

func newHall(t *testing.T) *hall {
	t.Helper()
	h := &hall{t: t, people: make(map[media.PeerID]*person), connected: make(map[string]bool)}
	var err error
	h.relay, err = relay.New(relay.Config{Ports: []int{mediaPort}, Own: func(a netip.Addr) bool { return a == nowhere }, Random: rand.Reader})
	must(t, err)
	t.Cleanup(h.relay.Close)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { tcp.Close() })
	h.port = tcp.Addr().(*net.TCPAddr).Port
	udp, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", h.port))
	must(t, err)
	h.server, err = transport.New(transport.Config{UDP: []net.PacketConn{udp}, Relay: h.relay, Port: mediaPort, Events: h,
		Addresses: func(netip.Addr) []netip.Addr { return []netip.Addr{nowhere} }, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(h.server.Close)
	h.server.Open(call, 1)
	certificate := h.certificate()
	go func() {
		_ = h.relay.Serve(tls.NewListener(tcp, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}))
	}()
	return h
}

func (h *hall) certificate() tls.Certificate {
	own := certtest.SelfSigned(h.t, certtest.For{Names: []string{"127.0.0.1"}})
	h.roots = own.Roots()
	return own.TLS
}

func (h *hall) Offer(_ media.CallID, peer media.PeerID, offer string, _ []media.Track) {
	h.mu.Lock()
	p := h.people[peer]
	h.mu.Unlock()
	if p != nil {
		go p.answer(offer)
	}
}

func (h *hall) Connected(_ media.CallID, peer media.PeerID, publishing bool, network string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.connected[fmt.Sprint(peer, publishing)] = true
	if network != "relay" {
		h.t.Errorf("%s is said to come by %q", peer, network)
	}
}
func (*hall) Failed(media.CallID, media.PeerID, bool)                            {}
func (*hall) Layers(media.CallID, media.PeerID, []media.StreamLayers)            {}
func (*hall) Refused(media.CallID, media.PeerID, map[media.RefusedReason]uint64) {}

func (h *hall) until(what string, ok func() bool) {
	h.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// throughTLS is what a browser does for turns: a TCP connection, through the proxy if there is one, and TLS to the relay in
// it. pion leaves both to whoever gives it a dialer.
type throughTLS struct {
	proxy string // host:port, or none
	roots *x509.CertPool
}

func (d throughTLS) Dial(_, address string) (net.Conn, error) {
	to := address
	if d.proxy != "" {
		to = d.proxy
	}
	conn, err := net.DialTimeout("tcp", to, 5*time.Second)
	if err != nil {
		return nil, err
	}
	if d.proxy != "" {
		fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address)
		in := bufio.NewReader(conn)
		answer, err := http.ReadResponse(in, &http.Request{Method: http.MethodConnect})
		if err != nil || answer.StatusCode != http.StatusOK || in.Buffered() > 0 {
			conn.Close()
			return nil, fmt.Errorf("proxy: %v %v", answer, err)
		}
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return tls.Client(conn, &tls.Config{ServerName: host, RootCAs: d.roots, MinVersion: tls.VersionTLS12}), nil
}

// person sends and receives sealed sound over relay candidates only.
type person struct {
	hall       *hall
	id         media.PeerID
	leaf       uint32
	publisher  *webrtc.PeerConnection
	subscriber *webrtc.PeerConnection
	sound      *webrtc.TrackLocalStaticRTP
	sent       map[string]bool
	ctr        uint64
	sequence   uint16
	heard      atomic.Int64 // frames of others, as they sealed them
	strange    atomic.Int64
}

func (h *hall) join(id media.PeerID, leaf uint32, url string, dialer *throughTLS) *person {
	h.t.Helper()
	p := &person{hall: h, id: id, leaf: leaf, sent: make(map[string]bool)}
	h.mu.Lock()
	h.people[id] = p
	h.mu.Unlock()
	h.server.Admit(call, id, leaf)
	engine := &webrtc.MediaEngine{}
	must(h.t, engine.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, PayloadType: 111}, webrtc.RTPCodecTypeAudio))
	settings := webrtc.SettingEngine{}
	must(h.t, settings.SetAnsweringDTLSRole(webrtc.DTLSRoleClient))
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	if dialer != nil {
		settings.SetICEProxyDialer(*dialer)
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings))
	username, password, _ := h.relay.Credential(string(id), "session", time.Now())
	cfg := webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle, ICETransportPolicy: webrtc.ICETransportPolicyRelay,
		ICEServers: []webrtc.ICEServer{{URLs: []string{url}, Username: username, Credential: password}}}
	for _, pc := range []**webrtc.PeerConnection{&p.publisher, &p.subscriber} {
		var err error
		*pc, err = api.NewPeerConnection(cfg)
		must(h.t, err)
		h.t.Cleanup(func() { (*pc).Close() })
	}
	p.subscriber.OnTrack(p.listen)
	var err error
	p.sound, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "a", "s")
	must(h.t, err)
	_, err = p.publisher.AddTransceiverFromTrack(p.sound, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	must(h.t, err)
	offer, err := p.publisher.CreateOffer(nil)
	must(h.t, err)
	gathered := webrtc.GatheringCompletePromise(p.publisher)
	must(h.t, p.publisher.SetLocalDescription(offer))
	<-gathered
	answer, err := h.server.Publish(context.Background(), call, id, netip.Addr{}, p.publisher.LocalDescription().SDP, []media.Stream{{MID: "0", Kind: media.Audio}})
	must(h.t, err)
	if !strings.Contains(answer, fmt.Sprint(nowhere, " ", mediaPort)) {
		h.t.Fatalf("the answer names another address:\n%s", answer)
	}
	must(h.t, p.publisher.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	h.server.Subscribe(call, id, netip.Addr{}, false)
	h.until(fmt.Sprint(id, " publishes"), func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.connected[fmt.Sprint(id, true)]
	})
	return p
}

func (p *person) answer(offer string) {
	err := errors.Join(p.subscriber.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}))
	if err == nil {
		var answer webrtc.SessionDescription
		if answer, err = p.subscriber.CreateAnswer(nil); err == nil {
			if err = p.subscriber.SetLocalDescription(answer); err == nil {
				err = p.hall.server.Answer(call, p.id, answer.SDP)
			}
		}
	}
	if err != nil && !errors.Is(err, media.ErrUnknown) && !errors.Is(err, webrtc.ErrConnectionClosed) {
		p.hall.t.Errorf("%s answers: %v", p.id, err)
	}
}

func (p *person) listen(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		p.hall.mu.Lock()
		known := false
		for _, other := range p.hall.people {
			known = known || other != p && other.sent[string(packet.Payload)]
		}
		p.hall.mu.Unlock()
		if known {
			p.heard.Add(1)
		} else if len(packet.Payload) > 0 {
			p.strange.Add(1)
		}
	}
}

// speak sends one sealed frame.
func (p *person) speak() {
	kid, err := sframe.NewKID(0, p.leaf, 1)
	must(p.hall.t, err)
	frame := append(sframe.Header{KID: kid, CTR: p.ctr}.Append(nil), bytes.Repeat([]byte{byte(p.leaf), byte(p.ctr)}, 30)...)
	p.ctr++
	p.sequence++
	p.hall.mu.Lock()
	p.sent[string(frame)] = true
	p.hall.mu.Unlock()
	_ = p.sound.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: p.sequence, Timestamp: uint32(p.ctr) * 960}, Payload: frame})
}

// converse has two people hear each other, and looks at the way that it took.
func (h *hall) converse(a, b *person) {
	h.t.Helper()
	h.until("both hear each other", func() bool {
		a.speak()
		b.speak()
		return a.heard.Load() > 20 && b.heard.Load() > 20
	})
	for _, p := range []*person{a, b} {
		if n := p.strange.Load(); n > 0 {
			h.t.Errorf("%s heard %d frames that nobody sealed", p.id, n)
		}
		for _, pc := range []*webrtc.PeerConnection{p.publisher, p.subscriber} {
			pair, err := pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
			if pair == nil { // without data channels: that of a sender or receiver
				for _, t := range pc.GetTransceivers() {
					if t.Sender() != nil && t.Sender().Transport() != nil {
						pair, err = t.Sender().Transport().ICETransport().GetSelectedCandidatePair()
					} else if t.Receiver() != nil && t.Receiver().Transport() != nil {
						pair, err = t.Receiver().Transport().ICETransport().GetSelectedCandidatePair()
					}
				}
			}
			must(h.t, err)
			if pair == nil || pair.Local.Typ != webrtc.ICECandidateTypeRelay || pair.Remote.Address != nowhere.String() || pair.Local.Address != "192.0.0.8" {
				h.t.Errorf("%s goes by %v", p.id, pair)
			}
		}
	}
	for _, p := range h.server.Stats(call).Peers {
		if p.Transport != "relay" {
			h.t.Errorf("%s is counted as coming by %q", p.Peer, p.Transport)
		}
	}
	if n := h.relay.Allocations(); n < 4 {
		h.t.Errorf("%d allocations for two people with two connections each", n)
	}
}

// TestCallOverTLS: a whole call through TURN over TLS, to an address that no socket reaches.
func TestCallOverTLS(t *testing.T) {
	h := newHall(t)
	url := fmt.Sprintf("turns:127.0.0.1:%d?transport=tcp", h.port)
	direct := &throughTLS{roots: h.roots}
	a := h.join("alice", 1, url, direct)
	h.converse(a, h.join("bob", 2, url, direct))

	// Signed out is out: the connection ends, and does not come back.
	h.relay.Revoke("alice", time.Now())
	before := a.heard.Load()
	h.until("alice is cut", func() bool { return h.relay.Allocations() == 2 })
	for range 50 {
		h.people["bob"].speak()
		time.Sleep(2 * time.Millisecond)
	}
	if after := a.heard.Load(); after > before+5 { // what was on its way
		t.Errorf("alice heard %d frames after she was signed out", after-before)
	}
}

// TestCallOverUDP: the same over TURN on the media port's UDP, with somebody over TLS.
func TestCallOverUDP(t *testing.T) {
	h := newHall(t)
	a := h.join("alice", 1, fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", h.port), nil)
	h.converse(a, h.join("bob", 2, fmt.Sprintf("turns:127.0.0.1:%d?transport=tcp", h.port), &throughTLS{roots: h.roots}))
}

// TestCallThroughProxy: the same when HTTP CONNECT is the only way out. HUISCLOS_TEST_PROXY (host:port) is a proxy to use
// instead of the test's own.
func TestCallThroughProxy(t *testing.T) {
	h := newHall(t)
	address, asked := os.Getenv("HUISCLOS_TEST_PROXY"), func() int64 { return 4 }
	if address == "" {
		address, asked = connectProxy(t)
	}
	url := fmt.Sprintf("turns:127.0.0.1:%d?transport=tcp", h.port)
	through := &throughTLS{proxy: address, roots: h.roots}
	h.converse(h.join("alice", 1, url, through), h.join("bob", 2, url, through))
	if n := asked(); n < 4 {
		t.Errorf("the proxy was asked %d times", n)
	}
}

// connectProxy is an HTTP proxy (RFC 9110 §9.3.6) that does nothing but CONNECT.
func connectProxy(t *testing.T) (address string, asked func() int64) {
	t.Helper()
	var n atomic.Int64
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "CONNECT only", http.StatusMethodNotAllowed)
			return
		}
		to, err := net.Dial("tcp", r.Host)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer to.Close()
		from, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer from.Close()
		n.Add(1)
		fmt.Fprint(from, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() {
			_, _ = io.Copy(to, buffered)
			to.Close()
		}()
		_, _ = io.Copy(from, to)
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return l.Addr().String(), n.Load
}

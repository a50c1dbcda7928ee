package appliance

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/webrtc/v4"

	"huisclos/appliance/config"
	"huisclos/crypto/keylog"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement"
	"huisclos/meetings"
)

// reusePort opens one TCP and n UDP sockets of one number, as the package's socket units do.
func reusePort(t *testing.T, n int) (web net.Listener, media []net.PacketConn) {
	t.Helper()
	const reuse = 15 // SO_REUSEPORT
	shared := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		outer := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, reuse, 1) })
		if outer != nil {
			return outer
		}
		return err
	}}
	var plain net.ListenConfig
	plain.SetMultipathTCP(false)
	web, err := plain.Listen(t.Context(), "tcp", ":0")
	must(t, err)
	for range n {
		c, err := shared.ListenPacket(t.Context(), "udp", fmt.Sprintf(":%d", portOf(web.Addr())))
		must(t, err)
		media = append(media, c)
	}
	return web, media
}

// TestCallOverTheWire goes the whole way of a caller, by nothing but the network: the set-up code, an account, a room, a
// group, then ICE and DTLS over UDP until the server says that media is connected.
//
// By itself it starts an appliance with sockets as systemd gives them. With HUISCLOS_TEST_AT (address and port) and
// HUISCLOS_TEST_CODE (a set-up code) it calls one that runs elsewhere, which must offer that address alone: one in a
// network of its own has no other way to know it.
func TestCallOverTheWire(t *testing.T) {
	at, code := os.Getenv("HUISCLOS_TEST_AT"), os.Getenv("HUISCLOS_TEST_CODE")
	elsewhere := at != ""
	if !elsewhere {
		s := testSettings(t)
		s.Listen, s.From = ":8443", map[string]string{} // the default: the sockets decide
		s.given.web, s.given.media = reusePort(t, 3)
		a, _ := start(t, s)
		made, needed, err := a.accounts.SetupCode(time.Now())
		must(t, err)
		if !needed {
			t.Fatal("there is an administrator")
		}
		at, code = a.at(), made.Reveal()
	}
	origin := "https://" + strings.TrimSuffix(at, ":443")
	jar, err := cookiejar.New(nil)
	must(t, err)
	c := &http.Client{Jar: jar, Timeout: time.Minute, // a passphrase takes 256 MiB of hashing
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer c.CloseIdleConnections()
	var me struct{ CSRF string }
	ask := func(method, path string, want int, body, into any) {
		t.Helper()
		data, err := json.Marshal(body)
		must(t, err)
		req, err := http.NewRequest(method, origin+path, bytes.NewReader(data))
		must(t, err)
		if method == http.MethodGet {
			req.Body, req.ContentLength = nil, 0
		} else {
			req.Header.Set("Origin", origin)
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("X-Huisclos-CSRF", me.CSRF)
		}
		res, err := c.Do(req)
		must(t, err)
		defer res.Body.Close()
		if res.StatusCode != want {
			t.Fatalf("%s %s: %d", method, path, res.StatusCode)
		}
		must(t, json.NewDecoder(res.Body).Decode(into))
	}
	ask("GET", "/api/me", http.StatusUnauthorized, nil, &me)
	ask("POST", "/api/setup", http.StatusOK, map[string]string{"code": code, "name": "Ada", "email": "ada@example.org", "passphrase": "quinze lapins sous la lune"}, &me)
	me.CSRF = enrol(t, "quinze lapins sous la lune", func(path string, body, into any) { ask("POST", path, http.StatusOK, body, into) })
	var room struct{ ID string }
	ask("POST", "/api/rooms", http.StatusCreated, map[string]string{"name": "Conseil"}, &room)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "wss"+strings.TrimPrefix(origin, "https")+"/api/rooms/"+room.ID+"/signal", &websocket.DialOptions{
		HTTPClient: c, HTTPHeader: http.Header{"Origin": {origin}}, Subprotocols: []string{"huisclos.2"}})
	must(t, err)
	defer ws.CloseNow()
	ws.SetReadLimit(1 << 20)
	say := func(kind string, fields map[string]any) {
		t.Helper()
		fields["type"] = kind
		text, err := json.Marshal(fields)
		must(t, err)
		must(t, ws.Write(ctx, websocket.MessageText, text))
	}
	hear := func(into meetings.Message) {
		t.Helper()
		for {
			_, text, err := ws.Read(ctx)
			if err != nil {
				t.Fatalf("waiting for %s: %v", into.Type(), err)
			}
			var m struct{ Type string }
			must(t, json.Unmarshal(text, &m))
			if m.Type == (&meetings.Failure{}).Type() {
				t.Fatalf("%s", text)
			}
			if m.Type == into.Type() {
				must(t, json.Unmarshal(text, into))
				return
			}
		}
	}
	octets := base64.RawURLEncoding.EncodeToString

	signer, err := mls.GenerateSigner(mls.Default, rand.Reader)
	must(t, err)
	device := mls.DeviceID{1, 0xde}
	say("hello", map[string]any{"protocol": meetings.ProtocolVersion, "device": octets(device[:]), "signatureKey": octets(signer.PublicKey())})
	var status meetings.RoomStatus
	hear(&status)
	name, err := mls.NameExtension(status.You.Name)
	must(t, err)
	var inscribed struct {
		Log, Note   string
		Index, Time uint64
	}
	ask("POST", "/api/rooms/"+room.ID+"/device", http.StatusOK, map[string]any{"device": octets(device[:]), "key": octets(signer.PublicKey()), "since": 0}, &inscribed)
	key, err := keylog.ParsePublicKey(inscribed.Log)
	must(t, err)
	evidence := statement.Evidence{Time: inscribed.Time, Note: []byte(inscribed.Note)} // of the one statement there is: no hash is needed
	view := statement.View{Log: key, Note: evidence.Note}
	credential := mls.DeviceCredential{Account: mls.AccountID(status.You.Account), Device: device, Statement: inscribed.Index}
	owner := mls.AccountID(status.Room.Owner)
	group := make([]byte, 16)
	_, _ = rand.Read(group) // never fails
	g, err := mls.NewCallGroup(mls.Room{ID: mls.RoomID(status.Room.ID), Hosts: []mls.AccountID{owner}, Profile: mls.Standard(), Owner: owner, Checkpoint: view.Marshal()},
		mls.Identity{Signer: signer, Credential: credential.Credential(), Extensions: []mls.Extension{name, evidence.Extension()}}, mls.Default, group, rand.Reader, mls.Policy)
	must(t, err)
	info, err := g.GroupInfo(false)
	must(t, err)
	say("create", map[string]any{"groupInfo": octets(info), "tree": octets(g.Tree())})
	var created meetings.Created
	hear(&created)
	var lastWay meetings.Relay
	hear(&lastWay)

	var published meetings.Published
	publish := func(pc *webrtc.PeerConnection, want string) {
		t.Helper()
		offer, err := pc.CreateOffer(nil)
		must(t, err)
		gathered := webrtc.GatheringCompletePromise(pc)
		must(t, pc.SetLocalDescription(offer))
		<-gathered
		say("publish", map[string]any{"offer": pc.LocalDescription().SDP, "streams": []meetings.Stream{{MID: "0", Kind: "audio"}}})
		hear(&published)
		must(t, pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: published.Answer}))
		var link meetings.MediaLink
		for link.Transport == "" || link.Direction != "publish" { // the connection before this one may end meanwhile
			hear(&link)
		}
		if link.Transport != want {
			t.Errorf("connected: %+v, want %s", link, want)
		}
	}
	publish(microphone(t, webrtc.Configuration{}), "udp")
	if elsewhere {
		where, err := netip.ParseAddrPort(at)
		must(t, err)
		for line := range strings.Lines(published.Answer) {
			told := func(port int) bool { return strings.Contains(line, fmt.Sprintf(" %s %d typ host", where.Addr(), port)) }
			if strings.HasPrefix(line, "a=candidate:") && !told(int(where.Port())) && !told(config.Defaults().Second(int(where.Port()))) {
				t.Errorf("offered: %s", strings.TrimSpace(line))
			}
		}
	}

	// The same by the relay alone: TURN over UDP, over TCP and over TLS, on the port of the pages.
	if !strings.Contains(published.Answer, " typ host") || strings.Contains(published.Answer, " 127.0.0.1 ") {
		t.Skip("this machine has no address but loopback, which the relay refuses")
	}
	for _, url := range []string{"turn:" + at + "?transport=udp", "turn:" + at + "?transport=tcp", "turns:" + at + "?transport=tcp"} {
		by := microphone(t, webrtc.Configuration{ICETransportPolicy: webrtc.ICETransportPolicyRelay,
			ICEServers: []webrtc.ICEServer{{URLs: []string{url}, Username: lastWay.Username, Credential: lastWay.Credential}}})
		publish(by, "relay")
		pair, err := by.GetTransceivers()[0].Sender().Transport().ICETransport().GetSelectedCandidatePair()
		must(t, err)
		if pair == nil || pair.Local.Typ != webrtc.ICECandidateTypeRelay {
			t.Errorf("%s: connected by %v", url, pair)
		}
	}
}

// secureDialer makes TURN's connections, as a browser would: pion leaves TLS to whoever gives it a dialer.
type secureDialer struct{}

func (secureDialer) Dial(network, address string) (net.Conn, error) {
	return tls.Dial(network, address, &tls.Config{InsecureSkipVerify: true})
}

// microphone is a browser that only speaks.
func microphone(t *testing.T, cfg webrtc.Configuration, networks ...webrtc.NetworkType) *webrtc.PeerConnection {
	t.Helper()
	engine := &webrtc.MediaEngine{}
	must(t, engine.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2},
		PayloadType: 111}, webrtc.RTPCodecTypeAudio))
	must(t, engine.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: "urn:ietf:params:rtp-hdrext:sdes:mid"}, webrtc.RTPCodecTypeAudio))
	cfg.BundlePolicy = webrtc.BundlePolicyMaxBundle
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	if len(cfg.ICEServers) > 0 && strings.HasPrefix(cfg.ICEServers[0].URLs[0], "turns:") {
		settings.SetICEProxyDialer(secureDialer{})
	}
	settings.SetNetworkTypes(append([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}, networks...))
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings)).NewPeerConnection(cfg)
	must(t, err)
	t.Cleanup(func() { _ = pc.Close() })
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "a", "s")
	must(t, err)
	_, err = pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	must(t, err)
	return pc
}

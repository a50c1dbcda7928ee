package transport

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"huisclos/crypto/sframe"
	"huisclos/media"
	"huisclos/media/gate"
)

func TestCall(t *testing.T) {
	s := newStage(t)
	sender := s.join("sender", 7)
	receivers := []*client{s.join("a", 1), s.join("b", 2), s.join("c", 300)}
	stop := sender.stream()
	for _, r := range receivers {
		until(t, fmt.Sprint(r.id, " hears and sees"), func() bool { return r.count(track(7, 0)) > 20 && r.count(track(7, 1)) > 20 })
	}
	for _, r := range receivers {
		if n := len(r.packets(track(r.leaf, 0))); n != 0 {
			t.Fatalf("%s receives itself", r.id)
		}
	}

	// Layers follow tiles, in each receiver by itself.
	for i, height := range []int{180, 360, 720} {
		s.server.Wants(testCall, receivers[i].id, []media.Want{{Leaf: 7, Context: 1, Height: height}})
	}
	// A layer is known by the size of its frames.
	layerOf := func(c *client) int {
		packets := c.packets(track(7, 1))
		size, begun, layer := 0, false, -1
		for _, p := range packets[max(0, len(packets)-20):] {
			d, err := gate.ParseDescriptor(p.Payload)
			if err != nil {
				continue
			}
			if d.Start {
				size, begun = 0, true
			}
			size += len(p.Payload) - d.Size
			if p.Marker && begun {
				layer = size / 1000
			}
		}
		return layer
	}
	for i, r := range receivers {
		until(t, fmt.Sprint(r.id, " gets layer ", i), func() bool { return layerOf(r) == i })
	}
	for _, height := range []int{180, 720, 360} {
		s.server.Wants(testCall, "a", []media.Want{{Leaf: 7, Context: 1, Height: height}})
		want := map[int]int{180: 0, 360: 1, 720: 2}[height]
		until(t, fmt.Sprint("a gets layer ", want), func() bool { return layerOf(receivers[0]) == want })
	}
	s.server.Wants(testCall, "b", []media.Want{{Leaf: 7, Context: 1, Height: 0}})
	settled(t, func() int { return receivers[1].count(track(7, 1)) })
	sounds := receivers[1].count(track(7, 0))
	until(t, "sound without a picture", func() bool { return receivers[1].count(track(7, 0)) > sounds+10 })
	stop()
	time.Sleep(200 * time.Millisecond)

	for _, r := range receivers {
		video, audio := r.packets(track(7, 1)), r.packets(track(7, 0))
		if frames := assemble(t, sender, video, true); frames < 20 {
			t.Fatalf("%s saw %d frames", r.id, frames)
		}
		assemble(t, sender, audio, false)
		numbered(t, string(r.id), video, 90000)
		numbered(t, string(r.id), audio, 48000)
	}
	if refused := s.refusedOf("sender"); len(refused) != 0 {
		t.Fatalf("refused: %v", refused)
	}
	sender.mu.Lock()
	asked := sender.pli
	sender.mu.Unlock()
	if asked == 0 {
		t.Fatal("no key frame was ever asked for")
	}
}

// numbered holds what a decoder's jitter buffer relies on: no sequence number
// twice, none missing, timestamps that move forward by plausible steps, picture
// ids that go on by one over layer switches.
func numbered(t *testing.T, who string, packets []*rtp.Packet, rate uint32) {
	t.Helper()
	packets = slices.Clone(packets)
	packets = slices.DeleteFunc(packets, func(p *rtp.Packet) bool { return len(p.Payload) == 0 })
	for i := 1; i < len(packets); i++ {
		was, is := packets[i-1], packets[i]
		if is.SequenceNumber != was.SequenceNumber+1 {
			t.Fatalf("%s: packet %d is %d after %d", who, i, is.SequenceNumber, was.SequenceNumber)
		}
		if step := int32(is.Timestamp - was.Timestamp); step < 0 || step > int32(rate)*3 {
			t.Fatalf("%s: packet %d is %d ticks after the one before", who, i, step)
		}
		if rate == 90000 {
			before, err1 := gate.ParseDescriptor(was.Payload)
			now, err2 := gate.ParseDescriptor(is.Payload)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			want := before.Picture
			if now.Start {
				want = (want + 1) & 0x7fff
			}
			if now.Picture != want {
				t.Fatalf("%s: packet %d has picture %d after %d", who, i, now.Picture, before.Picture)
			}
		}
	}
}

func TestRetransmissionOverRTX(t *testing.T) {
	s := newStage(t)
	sender, receiver := s.join("sender", 1), s.join("receiver", 2)
	sender.stream()
	until(t, "video", func() bool { return receiver.count(track(1, 1)) > 50 })
	lost := receiver.packets(track(1, 1))[receiver.count(track(1, 1))-3]
	receiver.mu.Lock()
	ssrc := receiver.ssrcs[track(1, 1)]
	receiver.mu.Unlock()
	if err := receiver.subscriber.WriteRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: ssrc,
		Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{lost.SequenceNumber})}}); err != nil {
		t.Fatal(err)
	}
	until(t, "the packet again", func() bool {
		n := 0
		for _, p := range receiver.packets(track(1, 1)) {
			if p.SequenceNumber == lost.SequenceNumber && bytes.Equal(p.Payload, lost.Payload) && p.Timestamp == lost.Timestamp {
				n++
			}
		}
		return n >= 2
	})
}

func TestLostPacketsAreAskedFor(t *testing.T) {
	s := newStage(t)
	sender, receiver := s.join("sender", 1), s.join("receiver", 2)
	stop := sender.stream()
	until(t, "video", func() bool { return receiver.count(track(1, 1)) > 20 })
	stop()
	// Drop one packet on the way: the client's responder has it, the server not.
	s.udp.off.Store(true)
	sender.sendVideo(0, sender.seal(1, false, 300))
	time.Sleep(30 * time.Millisecond)
	s.udp.off.Store(false)
	before := receiver.count(track(1, 1))
	sender.sendVideo(0, sender.seal(1, false, 300))
	until(t, "the lost packet and the next", func() bool { return receiver.count(track(1, 1)) >= before+2 })
}

func TestCutIsAtOnce(t *testing.T) {
	s := newStage(t)
	a, b, c := s.join("a", 1), s.join("b", 2), s.join("c", 3)
	a.stream()
	b.stream()
	for _, pair := range []struct {
		to   *client
		from uint32
	}{{a, 2}, {b, 1}, {c, 1}, {c, 2}} {
		until(t, "everybody hears everybody", func() bool { return pair.to.count(track(pair.from, 0)) > 5 })
	}
	before := s.server.Stats(testCall)
	s.server.Cut(testCall, "a")
	// What was in the sockets' buffers arrives; then nothing comes from or goes
	// to the one who was cut, while everybody still sends.
	settled(t, func() int {
		return a.total() + b.count(track(1, 0)) + c.count(track(1, 0)) + b.count(track(1, 1)) + c.count(track(1, 1))
	})
	heard := c.count(track(2, 0))
	until(t, "the others hear each other", func() bool { return c.count(track(2, 0)) > heard+10 })
	until(t, "an offer without the one who was cut", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, tr := range c.tracks {
			if tr.Leaf == 1 {
				return false
			}
		}
		return len(c.tracks) == 2
	})
	after := s.server.Stats(testCall)
	if len(after.Peers) != 2 || after.Forwarded < before.Forwarded {
		t.Fatalf("stats %+v", after)
	}

	// The m-lines are taken again by the next one, under SSRCs of their own.
	c.mu.Lock()
	old := c.ssrcs[track(1, 0)]
	c.mu.Unlock()
	d := s.join("d", 9)
	d.stream()
	until(t, "the newcomer is heard and seen", func() bool { return c.count(track(9, 0)) > 5 && c.count(track(9, 1)) > 5 })
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := make(map[string]bool)
	for _, tr := range c.tracks {
		lines[tr.MID] = true
	}
	if len(c.tracks) != 4 || len(lines) != 4 || len(c.subscriber.GetTransceivers()) != 4 {
		t.Fatalf("tracks %v in %d m-lines", c.tracks, len(c.subscriber.GetTransceivers()))
	}
	if c.ssrcs[track(9, 0)] == old {
		t.Fatal("the newcomer speaks under the SSRC of the one who was cut")
	}
}

func TestNothingBeforeAdmission(t *testing.T) {
	s := newStage(t)
	member := s.join("member", 1)
	member.stream()
	stranger := s.client("stranger", 2)
	stranger.open(clientOptions{})
	if err := stranger.publish(nil); err != nil {
		t.Fatal(err)
	}
	stranger.subscribe(clientOptions{})
	until(t, "the stranger is connected", func() bool { return s.told(&s.connected, "stranger publishing udp") })
	stop := stranger.stream()
	until(t, "refusals", func() bool { return s.refusedOf("stranger")[media.NotAdmitted] > 20 })
	stop()
	if stranger.total() != 0 || member.total() != 0 || len(stranger.offers) != 0 {
		t.Fatal("media flowed to or from a stranger")
	}
	until(t, "the stranger is told", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.refused["stranger"][media.NotAdmitted] > 0
	})
	s.server.Admit(testCall, "stranger", 2)
	stranger.stream()
	until(t, "media after admission", func() bool { return member.count(track(2, 0)) > 5 && stranger.count(track(1, 1)) > 5 })
}

func TestClearMediaGoesNowhere(t *testing.T) {
	// ASVS 12.3.1
	s := newStage(t)
	sender, receiver := s.join("sender", 1), s.join("receiver", 2)
	stop := sender.stream()
	until(t, "sealed media", func() bool { return receiver.count(track(1, 0)) > 5 && receiver.count(track(1, 1)) > 5 })
	stop()
	time.Sleep(100 * time.Millisecond)
	before := receiver.total()

	clearKey := append([]byte{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00}, bytes.Repeat([]byte("picture"), 200)...)
	sender.sendVideo(0, clearKey)
	sender.sendVideo(1, append([]byte{0x31, 0x05, 0x00}, bytes.Repeat([]byte("moving"), 20)...))
	sender.sendAudio(append([]byte{0x78}, bytes.Repeat([]byte("sound"), 20)...))
	forged, _ := sframe.NewKID(1, 2, 1) // another's
	sender.sendVideo(0, append(sframe.Header{KID: forged, CTR: 1}.Append([]byte(sframe.PrefixVP8Key)), make([]byte, 60)...))
	cross, _ := sframe.NewKID(1, 1, 1) // the camera's in the microphone
	sender.sendAudio(append(sframe.Header{KID: cross, CTR: 1 << 20}.Append(nil), make([]byte, 60)...))
	past, _ := sframe.NewKID(0, 1, 255)
	sender.sendAudio(append(sframe.Header{KID: past, CTR: 0}.Append(nil), make([]byte, 60)...))
	short, _ := sframe.NewKID(0, 1, 1)
	sender.sendAudio(append(sframe.Header{KID: short, CTR: 1 << 21}.Append(nil), make([]byte, 16)...))
	frame := sender.seal(0, false, 60)
	sender.sendAudio(frame)
	sender.sendAudio(frame) // a new packet with an old frame

	until(t, "the one good packet", func() bool { return receiver.total() == before+1 })
	until(t, "refusals", func() bool {
		n := uint64(0)
		for _, count := range s.refusedOf("sender") {
			n += count
		}
		return n >= 9
	})
	refused := s.refusedOf("sender")
	for _, reason := range []gate.Reason{gate.BadPrefix, gate.WrongKID, gate.OldEpoch, gate.NoRoomForTag, gate.Replayed} {
		if refused[reason] == 0 {
			t.Errorf("no packet was refused as %q: %v", reason, refused)
		}
	}
	time.Sleep(100 * time.Millisecond)
	if n := receiver.total() - before; n != 1 {
		t.Fatalf("%d packets were forwarded, one was sealed", n)
	}
	for _, packets := range [][]*rtp.Packet{receiver.packets(track(1, 0)), receiver.packets(track(1, 1))} {
		for _, p := range packets {
			for _, canary := range []string{"picture", "moving", "sound"} {
				if bytes.Contains(p.Payload, []byte(canary)) {
					t.Fatalf("clear bytes were forwarded: %q", canary)
				}
			}
		}
	}
}

func TestEpochChange(t *testing.T) {
	s := newStage(t)
	sender, receiver := s.join("sender", 1), s.join("receiver", 2)
	stop := sender.stream()
	until(t, "media", func() bool { return receiver.count(track(1, 0)) > 5 })
	s.server.SetEpoch(testCall, 2, s.server.cfg.Now())
	at := receiver.count(track(1, 0))
	until(t, "media of the superseded epoch", func() bool { return receiver.count(track(1, 0)) > at+5 })
	sender.epoch.Store(2)
	at = receiver.count(track(1, 0))
	until(t, "media of the new epoch", func() bool { return receiver.count(track(1, 0)) > at+5 })
	stop()
	time.Sleep(50 * time.Millisecond)
	s.offset.Add(int64(gate.Grace) + int64(time.Millisecond))
	sender.epoch.Store(1)
	at = receiver.total()
	for range 20 {
		sender.sendAudio(sender.seal(0, false, 60))
	}
	until(t, "refusals", func() bool { return s.refusedOf("sender")[gate.OldEpoch] == 20 })
	if receiver.total() != at {
		t.Fatal("frames of an epoch that is over were forwarded")
	}
}

func TestTCPWhenUDPIsBlocked(t *testing.T) {
	s := newStage(t)
	s.udp.off.Store(true)
	join := func(id media.PeerID, leaf uint32) *client {
		c := s.client(id, leaf)
		s.server.Admit(testCall, id, leaf)
		c.open(clientOptions{tcp: true})
		if err := c.publish(nil); err != nil {
			t.Fatal(err)
		}
		c.subscribe(clientOptions{tcp: true})
		return c
	}
	begun := time.Now()
	a, b := join("a", 1), join("b", 2)
	until(t, "TCP", func() bool {
		return s.told(&s.connected, "a publishing tcp") && s.told(&s.connected, "b publishing tcp")
	})
	a.stream()
	until(t, "media over TCP", func() bool { return b.count(track(1, 0)) > 10 && b.count(track(1, 1)) > 10 })
	if !s.told(&s.connected, "b receiving tcp") {
		t.Fatalf("connected: %v", s.connected)
	}
	t.Logf("media over TCP after %v", time.Since(begun).Round(time.Millisecond))
	for _, p := range s.server.Stats(testCall).Peers {
		if p.Transport != "tcp" {
			t.Fatalf("%s is said to use %q", p.Peer, p.Transport)
		}
	}
}

func TestIPv6(t *testing.T) {
	if ln, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skip("no IPv6 here:", err)
	} else {
		ln.Close()
	}
	s := newStageAt(t, netip.IPv6Loopback())
	a, b := s.join("a", 1), s.join("b", 2)
	a.stream()
	until(t, "media", func() bool { return b.count(track(1, 0)) > 5 && b.count(track(1, 1)) > 5 })
}

func TestICERestart(t *testing.T) {
	s := newStage(t)
	a, b := s.join("a", 1), s.join("b", 2)
	a.stream()
	until(t, "media", func() bool { return b.count(track(1, 0)) > 5 })
	if err := a.publish(&webrtc.OfferOptions{ICERestart: true}); err != nil {
		t.Fatal(err)
	}
	s.server.RestartSubscriber(testCall, "b")
	time.Sleep(300 * time.Millisecond)
	at := b.count(track(1, 0))
	until(t, "media after both restarts", func() bool { return b.count(track(1, 0)) > at+50 })
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.failed) != 0 {
		t.Fatalf("failed: %v", s.failed)
	}
}

func TestANewConnectionReplacesTheOldOne(t *testing.T) {
	s := newStage(t)
	a, b := s.join("a", 1), s.join("b", 2)
	stop := a.stream()
	until(t, "media", func() bool { return b.count(track(1, 1)) > 5 })
	stop()
	a.publisher.Close()
	a.open(clientOptions{})
	if err := a.publish(nil); err != nil {
		t.Fatal(err)
	}
	a.stream()
	b.unsubscribe()
	b.subscriber.Close()
	b.mu.Lock()
	b.received = make(map[string][]*rtp.Packet)
	b.mu.Unlock()
	b.subscribe(clientOptions{})
	until(t, "media over new connections", func() bool { return b.count(track(1, 0)) > 20 && b.count(track(1, 1)) > 20 })
}

func TestSilenceEndsAConnection(t *testing.T) {
	s := newStage(t)
	a, b := s.join("a", 1), s.join("b", 2)
	a.stream()
	until(t, "media", func() bool { return b.count(track(1, 0)) > 5 })
	s.udp.off.Store(true)
	time.Sleep(50 * time.Millisecond)
	s.offset.Add(int64(aliveFor + time.Second))
	until(t, "both connections of both fail", func() bool {
		return s.told(&s.failed, "a publishing") && s.told(&s.failed, "b receiving") && s.told(&s.failed, "a receiving") && s.told(&s.failed, "b publishing")
	})
}

func TestWrongFingerprintIsCut(t *testing.T) {
	// ASVS 17.2.8
	s := newStage(t)
	honest := s.join("honest", 1)
	honest.stream()
	c := s.client("forger", 2)
	s.server.Admit(testCall, "forger", 2)
	c.open(clientOptions{})
	offer, err := c.publisher.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.publisher.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	at := strings.Index(offer.SDP, "a=fingerprint:sha-256 ") + len("a=fingerprint:sha-256 ")
	wrong := []byte(offer.SDP)
	for i := at; i < at+95; i++ {
		if wrong[i] != ':' {
			wrong[i] = '0'
		}
	}
	forged := strings.ReplaceAll(offer.SDP, offer.SDP[at:at+95], string(wrong[at:at+95]))
	answer, err := c.send(forged)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.publisher.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	until(t, "the connection is cut", func() bool { return s.told(&s.failed, "forger publishing") })
	if s.told(&s.connected, "forger publishing udp") {
		t.Fatal("it was connected before")
	}
}

func TestSRTPProfiles(t *testing.T) {
	// ASVS 11.3.1, 11.3.2, 17.2.2
	for _, test := range []struct {
		name     string
		profiles []dtls.SRTPProtectionProfile
		ok       bool
	}{
		{"AES-256", []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_256_GCM}, true},
		{"AES-128", []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM}, true},
		{"CM with HMAC-SHA1", []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t)
			c := s.client("c", 1)
			s.server.Admit(testCall, "c", 1)
			c.open(clientOptions{profiles: test.profiles})
			if err := c.publish(nil); err != nil {
				t.Fatal(err)
			}
			if test.ok {
				until(t, "connection", func() bool { return s.told(&s.connected, "c publishing udp") })
				return
			}
			until(t, "failure", func() bool { return s.told(&s.failed, "c publishing") })
			if s.told(&s.connected, "c publishing udp") {
				t.Fatal("connected with a profile that is not offered")
			}
		})
	}
}

func TestDTLSSuites(t *testing.T) {
	// ASVS 17.2.2
	for _, test := range []struct {
		name  string
		suite dtls.CipherSuiteID
		ok    bool
	}{
		{"AES-256-GCM", dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, true},
		{"AES-128-GCM", dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, true},
		{"CBC with SHA-1", dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, false},
		{"CCM with a short tag", dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t)
			c := s.client("c", 1)
			s.server.Admit(testCall, "c", 1)
			c.open(clientOptions{suites: []dtls.CipherSuiteID{test.suite}})
			if err := c.publish(nil); err != nil {
				t.Fatal(err)
			}
			if test.ok {
				until(t, "connection", func() bool { return s.told(&s.connected, "c publishing udp") })
				return
			}
			until(t, "failure", func() bool { return s.told(&s.failed, "c publishing") })
			if s.told(&s.connected, "c publishing udp") {
				t.Fatal("connected with a suite that is not offered")
			}
		})
	}
}

func TestDataChannelsAreRefused(t *testing.T) {
	s := newStage(t)
	c := s.client("c", 1)
	s.server.Admit(testCall, "c", 1)
	c.open(clientOptions{})
	if _, err := c.publisher.CreateDataChannel("files", nil); err != nil {
		t.Fatal(err)
	}
	if err := c.publish(nil); err != nil {
		t.Fatal(err)
	}
	mustContain(t, c.publisher.RemoteDescription().SDP, "m=application 0 ")
	until(t, "the rest works", func() bool { return s.told(&s.connected, "c publishing udp") })
}

// Lost sound of a client that says it sends it again is asked for; that of other clients never is.
func TestLostSoundIsAskedForAgain(t *testing.T) {
	for _, again := range []bool{true, false} {
		s := newStage(t)
		sender := s.client("sender", 1)
		s.server.Admit(testCall, "sender", 1)
		sender.open(clientOptions{again: again})
		if err := sender.publish(nil); err != nil {
			t.Fatal(err)
		}
		until(t, "connected", func() bool { return s.told(&s.connected, "sender publishing udp") })
		asked := make(chan uint16, 16)
		sound := sender.publisher.GetTransceivers()[0].Sender()
		go func() {
			for {
				packets, _, err := sound.ReadRTCP()
				if err != nil {
					return
				}
				for _, p := range packets {
					if nack, ok := p.(*rtcp.TransportLayerNack); ok {
						for _, pair := range nack.Nacks {
							asked <- pair.PacketID
						}
					}
				}
			}
		}()
		// The very first packets may be lost in earnest, before anything was received after which they could be missed.
		lost, seen := map[uint16]bool{}, false
		for range map[bool]int{true: 20, false: 1}[again] {
			sender.sendAudio(sender.seal(0, false, 60))
			sender.mu.Lock()
			sender.seq[3]++ // one that never leaves
			lost[sender.seq[3]] = true
			sender.mu.Unlock()
			sender.sendAudio(sender.seal(0, false, 60))
			var got uint16
			select {
			case got = <-asked:
			case <-time.After(400 * time.Millisecond):
				continue
			}
			if !again || !lost[got] {
				t.Errorf("a client that says %v is asked for %d; %v are lost", again, got, lost)
			}
			seen = true
			break
		}
		if again && !seen {
			t.Errorf("%v are lost and not asked for", lost)
		}
	}
}

package transport

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"huisclos/media"
	"huisclos/media/srtp"
)

// strangers floods the port from an address that no link knows: random bytes
// behind each first byte, STUN with guessed passwords, ClientHellos, SRTP.
func (s *stage) strangers(t *testing.T, packets int) {
	t.Helper()
	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", s.port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b := make([]byte, 1200)
	hello := append([]byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 1, 0, 0, 48, 0, 0, 0, 0, 0, 0, 0, 48}, make([]byte, 48)...)
	s.server.port.mu.RLock()
	var ufrags []string
	for ufrag := range s.server.port.ufrags {
		ufrags = append(ufrags, ufrag)
	}
	s.server.port.mu.RUnlock()
	for i := range packets {
		rand.Read(b)
		switch i % 4 {
		case 0:
			b[0] = byte(i / 4)
			conn.Write(b[:1+i%1100])
		case 1:
			name := "guess:guess"
			if len(ufrags) > 0 {
				name = ufrags[i%len(ufrags)] + ":guess"
			}
			conn.Write(request(t, stun.NewUsername(name), attr{stun.AttrUseCandidate, nil}, stun.NewShortTermIntegrity(fmt.Sprint(i)), stun.Fingerprint))
		case 2:
			conn.Write(hello)
		case 3:
			b[0] = 0x80
			conn.Write(b[:200])
		}
	}
}

func TestFloodsFromStrangers(t *testing.T) {
	s := newStage(t)
	a, b := s.join("a", 1), s.join("b", 2)
	a.stream()
	until(t, "media", func() bool { return b.count(track(1, 0)) > 5 })
	s.server.port.mu.RLock()
	addresses, ufrags := len(s.server.port.addresses), len(s.server.port.ufrags)
	s.server.port.mu.RUnlock()
	goroutines := runtime.NumGoroutine()
	s.strangers(t, 4000)
	at := b.count(track(1, 0))
	until(t, "media goes on", func() bool { return b.count(track(1, 0)) > at+20 })
	s.server.port.mu.RLock()
	defer s.server.port.mu.RUnlock()
	if len(s.server.port.addresses) != addresses || len(s.server.port.ufrags) != ufrags {
		t.Fatalf("%d addresses and %d names were %d and %d", len(s.server.port.addresses), len(s.server.port.ufrags), addresses, ufrags)
	}
	if more := runtime.NumGoroutine() - goroutines; more > 10 {
		t.Fatalf("%d goroutines more", more)
	}
}

// A stranger's ClientHello before and while the true client shakes hands does
// not disturb it (CVE-2023-51443): no record counts before an address passed
// the ICE check.
func TestClientHelloFromElsewhere(t *testing.T) {
	// ASVS 17.2.6
	s := newStage(t)
	c := s.client("c", 1)
	s.server.Admit(testCall, "c", 1)
	c.open(clientOptions{})
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond): // below what the kernel is asked to keep out: the client has the same address
				s.strangers(t, 40)
			}
		}
	}()
	defer close(stop)
	if err := c.publish(nil); err != nil {
		t.Fatal(err)
	}
	until(t, "connection", func() bool { return s.told(&s.connected, "c publishing udp") })
}

// From the authenticated address itself: SRTP that does not open, DTLS records
// of every kind, application data of epoch 0 (CVE-2019-20786), fragments
// (CVE-2022-29189), STUN that is broken. The call goes on (CVE-2021-41105).
func TestFloodsFromAMembersAddress(t *testing.T) {
	// ASVS 17.2.3, 17.2.4
	s := newStage(t)
	a, b := s.join("a", 1), s.join("b", 2)
	a.stream()
	until(t, "media", func() bool { return b.count(track(1, 0)) > 5 })
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: s.port}
	random := make([]byte, 1200)
	for i := range 3000 {
		rand.Read(random)
		var packet []byte
		switch i % 6 {
		case 0: // SRTP with a known shape and a bad tag
			packet = random[:100]
			packet[0], packet[1] = 0x90, 96
			binary.BigEndian.PutUint16(packet[12:], 0xbede)
			binary.BigEndian.PutUint16(packet[14:], 2)
		case 1:
			packet = random[:60]
			packet[0], packet[1] = 0x80, 200 // SRTCP
		case 2: // application data, epoch 0
			packet = append([]byte{23, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, byte(i >> 8), byte(i), 0, 20}, random[:20]...)
		case 3: // a fragment of a long handshake message that never ends
			packet = append([]byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, byte(i >> 8), byte(i), 0, 32, 1, 0xff, 0xff, 0xff, byte(i >> 8), byte(i), 0, byte(i), 0, 0, 0, 20}, random[:20]...)
		case 4:
			packet = random[:1+i%40]
			packet[0] = byte(i % 4)
		case 5:
			packet = random[:1+i%1100]
			packet[0] = 20 + byte(i%44)
		}
		if _, err := a.socket.WriteTo(packet, to); err != nil {
			t.Fatal(err)
		}
		if i%100 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	at := b.count(track(1, 0))
	until(t, "media goes on", func() bool { return b.count(track(1, 0)) > at+30 })
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.failed) != 0 {
		t.Fatalf("failed: %v", s.failed)
	}
}

// A member of the call sends sound media as fast as it can; what another one
// sends still arrives, and nobody is cut.
func TestFloodOfSoundMedia(t *testing.T) {
	// ASVS 17.2.5
	s := newStage(t)
	a, b, c := s.join("a", 1), s.join("b", 2), s.join("c", 3)
	a.stream()
	c.stream()
	until(t, "media of both", func() bool { return b.count(track(1, 0)) > 5 && b.count(track(3, 0)) > 5 })
	stop, ended := make(chan struct{}), make(chan struct{})
	var sent atomic.Int64
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
				a.frames(false)
				a.sendAudio(a.seal(0, false, 60))
				sent.Add(1)
			}
		}
	}()
	at := b.count(track(3, 0))
	until(t, "media goes on in the flood", func() bool { return sent.Load() > 2000 && b.count(track(3, 0)) > at+30 })
	close(stop)
	<-ended
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.failed) != 0 {
		t.Fatalf("failed: %v", s.failed)
	}
}

// Media does not follow a source address that passed no check (CVE-2025-53399).
func TestMediaDoesNotMove(t *testing.T) {
	s := newStage(t)
	a, b := s.join("a", 1), s.join("b", 2)
	a.stream()
	until(t, "media", func() bool { return b.count(track(1, 0)) > 5 })
	thief, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer thief.Close()
	link := s.server.subscriber(testCall, "b").link
	ufrag := link.credential().ufrag
	for i := range 200 {
		thief.WriteTo(request(t, stun.NewUsername(ufrag+":x"), attr{stun.AttrUseCandidate, nil}, stun.NewShortTermIntegrity("wrong password"), stun.Fingerprint),
			&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: s.port})
		thief.WriteTo(append([]byte{0x80, 201}, make([]byte, 40+i%10)...), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: s.port})
	}
	thief.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if n, _, err := thief.ReadFrom(make([]byte, 2000)); err == nil {
		t.Fatalf("%d bytes went to a stranger", n)
	}
}

func TestTCPFromStrangers(t *testing.T) {
	s := newStage(t)
	for i, sent := range [][]byte{
		{0x00, 0x00},
		{0x00, 0x04, 1, 2, 3, 4},
		{0x01, 0xff, 0x80, 0, 0, 0},
		append([]byte{0x00, 100}, make([]byte, 100)...),
		func() []byte {
			b := request(t, stun.NewUsername("guess:x"), stun.NewShortTermIntegrity("guess"), stun.Fingerprint)
			return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
		}(),
	} {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write(sent); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			continue // it waits for the rest of its frame
		}
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if n, err := conn.Read(make([]byte, 100)); n != 0 || err == nil {
			t.Fatalf("connection %d stays, %d bytes came", i, n)
		} else if e, ok := err.(net.Error); ok && e.Timeout() {
			t.Fatalf("connection %d stays", i)
		}
	}
	// The far end sees a close before the place of the connection is given back.
	for deadline := time.Now().Add(10 * time.Second); len(s.server.port.undecided) > 1; {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are undecided", len(s.server.port.undecided))
		}
		time.Sleep(time.Millisecond)
	}
}

// The media of one peer never costs the server memory without bound: a member
// that sends held packets, on many SSRCs, with large gaps.
func TestMemoryOfOnePeer(t *testing.T) {
	p := incomingCall(t)
	now := time.Now()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	payload := append([]byte{0x00}, make([]byte, 1200)...)
	for i := range 60000 {
		p.rtp(packetOf(t, uint32(1000+i%500), 96, uint16(i*7), payload, map[uint8]string{4: "1", 10: layerRIDs[i%3], 3: "\x00\x01"}), p.server.port.aside(), now)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Fatalf("%d KiB are held", grown>>10)
	}
	runtime.KeepAlive(p)
}

// A panic on a peer's packet ends with that packet, one in a handler of events
// with that event.
func TestRecoverBoundary(t *testing.T) {
	// ASVS 16.3.4, 16.5.4, 17.2.4
	recovered := 0
	p := &port{log: slog.New(slog.NewTextHandler(counter{&recovered}, nil)), addresses: make(map[flow]*udpPath)}
	p.turns = []*turn{newTurn(p, 0)}
	in := p.aside()
	broken := &link{port: p, in: new(srtp.Opener)} // without a clock
	broken.open(append([]byte{0x80, 96}, make([]byte, 60)...), in)
	broken.open(append([]byte{0x80, 200}, append(make([]byte, 58), 0x80, 0, 0, 1)...), in)
	from := netip.MustParseAddrPort("192.0.2.1:1")
	p.addresses[flow{from: from}] = &udpPath{}
	p.datagram(new(socket), in, []byte{0x80, 96, 0, 0}, from, netip.Addr{})
	broken.jobs = [][]job{{{}}} // of no outlet
	broken.out, broken.selected = new(srtp.Sealer), &route{path: &udpPath{socket: &socket{}}}
	in.links, in.jobs = []*link{broken}, 1
	p.finish(in)
	if recovered != 4 {
		t.Fatalf("%d of 4 panics were recovered", recovered)
	}
	if in.jobs != 0 || len(in.links) != 0 {
		t.Fatal("jobs of the panic stay in the turn")
	}

	s := newStage(t)
	a, b := s.join("a", 1), s.join("b", 2)
	s.server.events.add(func(media.Events) { panic("a handler's") })
	a.stream()
	c := s.join("c", 3)
	until(t, "events and media after a handler's panic", func() bool { return b.count(track(1, 0)) > 5 && c.count(track(1, 0)) > 5 })
}

type counter struct{ n *int }

func (c counter) Write(b []byte) (int, error) { *c.n++; return len(b), nil }

func TestPairPriority(t *testing.T) {
	if pairPriority(math.MaxUint32>>1, "udp") <= pairPriority(math.MaxUint32>>1, "tcp") {
		t.Fatal("TCP is preferred to UDP")
	}
}

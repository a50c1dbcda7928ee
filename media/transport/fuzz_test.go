package transport

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5/packetio"

	"huisclos/media"
	"huisclos/media/srtp"
)

// recovered is a log in which a panic that reached a boundary fails the test.
type recovered struct {
	slog.Handler
	t testing.TB
}

func (r recovered) Handle(_ context.Context, record slog.Record) error {
	if record.Level >= slog.LevelError {
		record.Attrs(func(a slog.Attr) bool { r.t.Errorf("%s: %s", record.Message, a); return true })
	}
	return nil
}
func (r recovered) Enabled(context.Context, slog.Level) bool { return true }

// busyPort is a port with a call on it: a publisher that has sent a frame, a receiver with keys both ways, ufrags, and keys of the
// far ends, so that a fuzzer's octets come behind DTLS, SRTP and MESSAGE-INTEGRITY as well as before.
type busyPort struct {
	*fanOut
	publisher, receiver *link
	sealers             [2]*srtp.Sealer // of the far ends of both
	from                [2]netip.AddrPort
}

func newBusyPort(t testing.TB) *busyPort {
	f := newFanOut(t, 1)
	f.port.log = slog.New(recovered{t: t})
	f.port.ufrags, f.port.now, f.port.done = make(map[string]*link), time.Now, make(chan struct{})
	f.port.undecided = make(chan struct{}, maxUnauthenticated)
	b := &busyPort{fanOut: f, publisher: f.port.addresses[flow{f.from, f.on.local(netip.Addr{})}].link}
	b.from = [2]netip.AddrPort{f.from, netip.MustParseAddrPort("192.0.2.3:3")}
	p := b.publisher.events.(*publisher)

	key, salt := bytes.Repeat([]byte{3}, 32), make([]byte, 12)
	out, err := srtp.NewSealer(srtp.AEADAES256GCM, make([]byte, 32), salt)
	if err != nil {
		t.Fatal(err)
	}
	in, err := srtp.NewOpener(srtp.AEADAES256GCM, key, salt, maxSSRCs)
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := srtp.NewSealer(srtp.AEADAES256GCM, key, salt)
	if err != nil {
		t.Fatal(err)
	}
	b.sealers = [2]*srtp.Sealer{f.sealer, sealer}
	sub := &subscriber{server: p.server, call: p.call, peer: "q"}
	l := &link{port: f.port, events: sub, now: time.Now, done: make(chan struct{}), out: out, in: in, jobs: make([][]job, 1)}
	l.pacing = newPacing(l)
	sub.link, b.receiver = l, l
	path := &udpPath{socket: f.on, link: l, address: b.from[1]}
	l.paths = []*route{{path: path}}
	l.selected = l.paths[0]
	f.port.addresses[path.flow()] = path
	sub.lines = []*subscribed{{line: line{mid: "0", kind: media.Video, used: true, ssrc: 3, rtx: 4, leaf: 1, context: 1}}}
	if err := p.call.router.Admit("q", 2000, time.Now()); err != nil {
		t.Fatal(err)
	}
	o := &outlet{link: l, mid: "0", ssrc: 3, rtx: 4, agreed: agreed{mid: 1, codecs: codecs{codec: codec{payloadType: 96, rtx: 97}}}}
	if o.down = p.call.router.Attach("q", 1, 1, o, time.Now()); o.down == nil {
		t.Fatal("not attached")
	}
	sub.lines[0].outlet = o
	for i, l := range []*link{b.publisher, b.receiver} {
		c := credential{ufrag: []string{"publisher...", "receiver...."}[i], password: testPassword}
		l.credentials = []credential{c}
		l.handshake = packetio.NewBuffer()
		l.handshake.SetLimitCount(64)
		f.port.ufrags[c.ufrag] = l
	}
	f.frame(2)
	return b
}

// The ways in which a fuzzer's octets arrive.
const (
	fromStranger = iota
	fromPublisher
	fromReceiver
	sealedRTPOfPublisher // with the far end's keys: what a member can do
	sealedRTCPOfPublisher
	sealedRTPOfReceiver
	sealedRTCPOfReceiver
	checkOfPublisher // attributes, with our ufrag before and a right integrity behind
	checkOfReceiver
	ways
)

// dress makes a datagram of a fuzzer's octets.
func (b *busyPort) dress(way byte, octets []byte) (datagram []byte, from netip.AddrPort) {
	from = netip.MustParseAddrPort("198.51.100.9:9")
	switch way {
	case fromPublisher, fromReceiver:
		from = b.from[way-fromPublisher]
	case sealedRTPOfPublisher, sealedRTPOfReceiver:
		i := (way - sealedRTPOfPublisher) / 2
		if sealed, err := b.sealers[i].SealRTP(append(make([]byte, 0, len(octets)+srtp.TagSize), octets...)); err == nil {
			octets, from = sealed, b.from[i]
		}
	case sealedRTCPOfPublisher, sealedRTCPOfReceiver:
		i := (way - sealedRTCPOfPublisher) / 2
		if sealed, err := b.sealers[i].SealRTCP(append(make([]byte, 0, len(octets)+srtp.RTCPOverhead), octets...)); err == nil {
			octets, from = sealed, b.from[i]
		}
	case checkOfPublisher, checkOfReceiver:
		octets = check([]string{"publisher...", "receiver...."}[way-checkOfPublisher], octets)
	}
	if len(octets) > maxDatagram {
		octets = octets[:maxDatagram]
	}
	return octets, from
}

// check is a Binding request with whatever attributes, whose integrity and fingerprint are right.
func check(ufrag string, attributes []byte) []byte {
	b := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)
	name := ufrag + ":far"
	b = append(b, 0, attrUsername, 0, byte(len(name)))
	b = append(append(b, name...), attributes[:min(len(attributes), 1000)&^3]...)
	mac := integrity(b, testPassword)
	b = append(append(b, 0, attrIntegrity, 0, integritySize), mac[:]...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-stunHeader+8))
	return binary.BigEndian.AppendUint32(append(b, attrFingerprint>>8, attrFingerprint&0xff, 0, 4), crc32.ChecksumIEEE(b)^fingerprintXOR)
}

// counting is a relay that takes what it is given.
type counting struct{ taken int }

func (c *counting) FromClient(b []byte, _ netip.AddrPort, on net.PacketConn) bool {
	c.taken++
	return len(b)%2 == 0 && on != nil
}
func (*counting) Media() net.PacketConn     { return nil }
func (*counting) Clients() []netip.AddrPort { return nil }

// FuzzPort: datagrams of any content, from addresses that are known and not, into a port with a call on it. A script is a row of
// way, length (two octets) and octets; from a first octet of 128 on, with a relay. No panic reaches a boundary, nobody is cut, nothing stays in the turn, and nobody but who
// knew a password gets an address or a name.
func FuzzPort(f *testing.F) {
	add := func(way byte, b []byte) []byte {
		return append(binary.BigEndian.AppendUint16([]byte{way}, uint16(len(b))), b...)
	}
	var all []byte
	for _, b := range fromNobody(f, "publisher...") {
		for _, way := range []byte{fromStranger, fromPublisher, fromReceiver} {
			all = append(all, add(way, b)...)
		}
	}
	f.Add(all)
	all[0] += 15 * ways // the same way, with a relay
	f.Add(all)
	for _, packets := range [][]rtcp.Packet{
		{&rtcp.SenderReport{SSRC: 1, NTPTime: 1 << 40, RTPTime: 9}, &rtcp.SourceDescription{}, &rtcp.Goodbye{Sources: []uint32{1}}},
		{&rtcp.ReceiverReport{SSRC: 2, Reports: []rtcp.ReceptionReport{{SSRC: 3, FractionLost: 99}}}},
		{&rtcp.ReceiverReport{SSRC: 2}, &rtcp.TransportLayerNack{MediaSSRC: 3, Nacks: []rtcp.NackPair{{PacketID: 0, LostPackets: 0xffff}}}},
		{&rtcp.PictureLossIndication{MediaSSRC: 3}, &rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: 3}}}},
		{&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1e9, SSRCs: []uint32{3}}, &rtcp.ExtendedReport{SenderSSRC: 1}},
	} {
		b, err := rtcp.Marshal(packets)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(add(sealedRTCPOfPublisher, b))
		f.Add(add(sealedRTCPOfReceiver, b))
	}
	f.Add(add(sealedRTPOfPublisher, packetOf(f, 1, 96, 9, []byte{0x90, 0xe0, 0x80, 1, 1, 0, 9, 9, 9}, map[uint8]string{4: "1", 10: "h"})))
	f.Add(add(sealedRTPOfPublisher, packetOf(f, 5, 97, 9, []byte{0, 1, 0x90, 0xe0}, map[uint8]string{4: "1", 11: "h"})))
	f.Add(add(sealedRTPOfReceiver, packetOf(f, 5, 97, 9, []byte{0, 1, 0x90, 0xe0}, nil)))
	f.Add(add(checkOfPublisher, []byte{0, attrPriority, 0, 4, 1, 2, 3, 4, 0, attrUseCandidat, 0, 0}))
	f.Add(add(checkOfReceiver, []byte{0x80, 0x22, 0, 4, 1, 2, 3, 4}))
	f.Fuzz(func(t *testing.T, script []byte) {
		b := newBusyPort(t)
		relay := &counting{}
		if len(script) > 0 && script[0] >= 128 { // with a relay, to which TURN goes and nothing else
			b.port.relay = relay
		}
		goroutines := runtime.NumGoroutine()
		in := b.port.aside()
		strangers := map[netip.AddrPort]bool{}
		for len(script) >= 3 {
			way, size := script[0]%ways, min(int(binary.BigEndian.Uint16(script[1:])), len(script)-3)
			datagram, from := b.dress(way, script[3:][:size])
			script = script[3+size:]
			if len(datagram) == 0 {
				continue // as the readers do
			}
			strangers[from] = strangers[from] || way >= checkOfPublisher
			var m stun.MessageType
			turn := datagram[0] >= 0x40 && datagram[0] < 0x50
			if datagram[0] < 4 && stun.IsMessage(datagram) {
				m.ReadValue(binary.BigEndian.Uint16(datagram))
				turn = m.Method != stun.MethodBinding
			}
			was := relay.taken
			in.mu.Lock()
			b.port.datagram(b.on, in, slices.Clone(datagram), from, netip.Addr{})
			b.port.finish(in)
			if in.jobs != 0 || len(in.links) != 0 {
				t.Error("something stays in the turn")
			}
			if want := b.port.relay != nil && turn; relay.taken-was != 0 != want {
				t.Errorf("the relay got it: %v, want %v: %x", !want, want, datagram)
			}
			in.mu.Unlock()
		}
		p := b.publisher.events.(*publisher)
		p.tick(time.Now())
		b.receiver.events.(*subscriber).tick(time.Now())
		if b.publisher.isDone() || b.receiver.isDone() {
			t.Error("somebody is cut")
		}
		for at := range b.port.addresses {
			address := at.from
			if authenticated, seen := strangers[address]; seen && !authenticated && address != b.from[0] && address != b.from[1] {
				t.Errorf("%v has an address", address)
			}
		}
		if len(b.port.ufrags) != 2 || len(b.port.addresses) > 3 || len(p.bySSRC) > maxSSRCs {
			t.Errorf("%d names, %d addresses, %d SSRCs", len(b.port.ufrags), len(b.port.addresses), len(p.bySSRC))
		}
		if more := runtime.NumGoroutine() - goroutines; more > 0 {
			t.Errorf("%d goroutines more", more)
		}
	})
}

// streamed is a TCP connection on which octets come in pieces, and then its end.
type streamed struct {
	octets  []byte
	piece   int
	written bytes.Buffer
}

func (s *streamed) Read(b []byte) (int, error) {
	if len(s.octets) == 0 {
		return 0, io.EOF
	}
	n := copy(b, s.octets[:min(len(s.octets), s.piece)])
	s.octets = s.octets[n:]
	return n, nil
}
func (s *streamed) Write(b []byte) (int, error)      { return s.written.Write(b) }
func (s *streamed) Close() error                     { return nil }
func (s *streamed) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443} }
func (s *streamed) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(198, 51, 100, 9), Port: 9} }
func (s *streamed) SetDeadline(time.Time) error      { return nil }
func (s *streamed) SetReadDeadline(time.Time) error  { return nil }
func (s *streamed) SetWriteDeadline(time.Time) error { return nil }

// FuzzTCPStream: any octets on an ICE-TCP connection (RFC 4571 frames), in pieces of any size, from a stranger or behind a right
// check. No panic, no packet that was not a whole frame, and when the connection has ended, nothing of it is left.
func FuzzTCPStream(f *testing.F) {
	framed := func(packets ...[]byte) (out []byte) {
		for _, b := range packets {
			out = append(binary.BigEndian.AppendUint16(out, uint16(len(b))), b...)
		}
		return out
	}
	var all [][]byte
	for _, b := range fromNobody(f, "receiver....") {
		all = append(all, b)
		f.Add(framed(b), uint16(1400), false)
	}
	f.Add(framed(all...), uint16(7), true)
	f.Add(framed([]byte{0x80, 200, 0, 1, 0, 0, 0, 1}, clientHello(), []byte{0x90}), uint16(1), true)
	f.Add([]byte{0, 0}, uint16(1), true)
	f.Add([]byte{5, 221, 0x80}, uint16(2), true)
	f.Add(framed(request(f, stun.NewUsername("receiver....:far"), stun.NewShortTermIntegrity(testPassword), stun.Fingerprint)), uint16(3), true)
	f.Fuzz(func(t *testing.T, octets []byte, piece uint16, known bool) {
		b := newBusyPort(t)
		goroutines := runtime.NumGoroutine()
		if known {
			octets = append(framed(check("receiver....", nil)), octets...)
		}
		// Another reader of the same stream.
		whole := 0
		for reader := bufio.NewReaderSize(bytes.NewReader(octets), 2+maxDatagram); ; whole++ {
			one, err := frame(reader)
			if err != nil {
				break
			}
			if len(one) == 0 || len(one) > maxDatagram {
				t.Fatalf("a frame of %d octets", len(one))
			}
		}
		conn := &streamed{octets: octets, piece: 1 + int(piece)}
		b.port.undecided <- struct{}{}
		b.port.serveTCP(conn)
		if b.publisher.isDone() || b.receiver.isDone() {
			t.Error("somebody is cut")
		}
		if len(b.port.undecided) != 0 || len(b.port.addresses) != 2 || len(b.receiver.paths) != 1 || b.receiver.way() == nil {
			t.Errorf("%d undecided, %d addresses, %d paths stay", len(b.port.undecided), len(b.port.addresses), len(b.receiver.paths))
		}
		for wait := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines && time.Now().Before(wait); {
			runtime.Gosched()
		}
		if more := runtime.NumGoroutine() - goroutines; more > 0 {
			t.Errorf("%d goroutines more, after %d frames", more, whole)
		}
	})
}

package transport

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"huisclos/crypto/sframe"
	"huisclos/media"
	"huisclos/media/srtp"
)

// fanOut is the forwarding path, from a datagram to the sends, of a publisher with receivers whose sockets nobody reads.
type fanOut struct {
	port     *port
	on       *socket
	from     netip.AddrPort
	sealer   *srtp.Sealer
	packet   []byte // as the publisher has it before SRTP
	sealed   []byte
	headerAt int // of SFrame
	kid      sframe.KID
	ctr      uint64
}

func newFanOut(tb testing.TB, receivers int) *fanOut { return fanOutOf(tb, receivers, false) }

// fanOutOf sends VP8, or the lowest spatial layer of VP9.
func fanOutOf(tb testing.TB, receivers int, vp9 bool) *fanOut {
	tb.Helper()
	listen := func() *net.UDPConn {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { c.Close() })
		return c
	}
	sealer := func() *srtp.Sealer {
		s, err := srtp.NewSealer(srtp.AEADAES256GCM, make([]byte, 32), make([]byte, 12))
		if err != nil {
			tb.Fatal(err)
		}
		return s
	}
	p := incomingCall(tb)
	s, err := newSocket(listen())
	if err != nil {
		tb.Fatal(err)
	}
	p.server.port.udp = []*socket{s}
	p.server.port.addresses = make(map[flow]*udpPath)
	for i := range receivers {
		id := media.PeerID(fmt.Sprint("r", i))
		if err := p.call.router.Admit(id, uint32(i+2), time.Now()); err != nil {
			tb.Fatal(err)
		}
		if err := p.call.router.Receives(id, vp9, time.Now()); err != nil {
			tb.Fatal(err)
		}
		l := &link{port: p.server.port, now: time.Now, done: make(chan struct{}), out: sealer(), jobs: make([][]job, 1)}
		l.pacing = newPacing(l)
		l.selected = &route{path: &udpPath{socket: s, link: l, address: listen().LocalAddr().(*net.UDPAddr).AddrPort()}}
		o := &outlet{link: l, mid: "1", ssrc: 9, rtx: 10, agreed: agreed{codecs: codecs{codec: codec{payloadType: 96, rtx: 97}, vp9: codec{payloadType: 98, rtx: 99}}, twcc: 2}, sent: midPackets}
		if o.down = p.call.router.Attach(id, 1, 1, o, time.Now()); o.down == nil {
			tb.Fatal("not attached")
		}
	}
	f := &fanOut{port: p.server.port, on: s, from: netip.MustParseAddrPort("192.0.2.1:1"), sealer: sealer(), ctr: 1 << 24}
	if p.link.in, err = srtp.NewOpener(srtp.AEADAES256GCM, make([]byte, 32), make([]byte, 12), 8); err != nil {
		tb.Fatal(err)
	}
	p.link.events = p
	in := &udpPath{socket: s, link: p.link, address: f.from}
	f.port.addresses[in.flow()] = in
	if f.kid, err = sframe.NewKID(1, 1, 1); err != nil {
		tb.Fatal(err)
	}
	pt, key, delta := uint8(96), append([]byte{0x90, 0xe0, 0x80, 1, 1, 0}, sframe.PrefixVP8Key...), append([]byte{0x90, 0xe0, 0x80, 1, 1, 0}, sframe.PrefixVP8Delta...)
	if vp9 {
		pt, key, delta = 98, []byte{0xac, 0x80, 1, 0, 1}, []byte{0xec, 0x80, 1, 0, 1}
	}
	f.build(tb, pt, key, map[uint8]string{4: "1", 10: "l"})
	f.frame(1)
	f.build(tb, pt, delta, nil)
	return f
}

func (f *fanOut) build(tb testing.TB, pt uint8, payload []byte, extensions map[uint8]string) {
	size := len(payload)
	b := sframe.Header{KID: f.kid, CTR: f.ctr}.Append(payload)
	b = append(b, make([]byte, 1100-len(b))...)
	f.packet = packetOf(tb, 1, pt, 1, b, extensions)
	f.packet[1] |= 0x80
	f.headerAt = len(f.packet) - len(b) + size
	f.sealed = make([]byte, 0, len(f.packet)+srtp.TagSize)
}

// frame lets frames of one packet arrive in one turn.
func (f *fanOut) frame(packets int) {
	t := f.port.aside()
	t.mu.Lock()
	defer t.mu.Unlock()
	for range packets {
		f.ctr++
		binary.BigEndian.PutUint16(f.packet[2:], uint16(f.ctr))
		binary.BigEndian.PutUint32(f.packet[4:], uint32(f.ctr)*3000)
		sframe.Header{KID: f.kid, CTR: f.ctr}.Append(f.packet[:f.headerAt])
		sealed, err := f.sealer.SealRTP(append(f.sealed[:0], f.packet...))
		if err != nil {
			panic(err) // a number that was used: the test's own mistake
		}
		f.port.datagram(f.on, t, sealed, f.from, netip.Addr{})
	}
	f.port.finish(t)
}

// The forwarding path allocates nothing for a packet: not when it arrives, not for a receiver.
func TestForwardingAllocatesNothing(t *testing.T) {
	for _, vp9 := range []bool{false, true} {
		t.Run(fmt.Sprintf("VP9 %v", vp9), func(t *testing.T) { forwardingAllocatesNothing(t, vp9) })
	}
}

func forwardingAllocatesNothing(t *testing.T, vp9 bool) {
	const receivers = 20
	f := fanOutOf(t, receivers, vp9)
	for range 300 { // a lap of the ring of the low layer
		f.frame(1)
	}
	before := f.on.batch.Stats().Sent
	const runs = 500
	if n := testing.AllocsPerRun(runs, func() { f.frame(1) }); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
	if sent := f.on.batch.Stats().Sent - before; sent != (runs+1)*receivers {
		t.Errorf("%d packets were sent, not %d", sent, (runs+1)*receivers)
	}
}

// BenchmarkForward is a packet on its way to a hundred receivers, alone or with five others in its turn.
func BenchmarkForward(b *testing.B) {
	for _, packets := range []int{1, 6} {
		b.Run(fmt.Sprint("turn of ", packets), func(b *testing.B) {
			const receivers = 100
			f := newFanOut(b, receivers)
			b.ReportAllocs()
			for b.Loop() {
				f.frame(packets)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*packets*receivers), "ns/forwarded")
		})
	}
}

package transport

import (
	"net"
	"testing"
	"time"

	"github.com/pion/srtp/v3"

	"huisclos/media/forward"
)

// BenchmarkSend seals a packet for one receiver and writes it to a socket.
func BenchmarkSend(b *testing.B) {
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer udp.Close()
	far, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer far.Close()
	out, err := srtp.CreateContext(make([]byte, 32), make([]byte, 12), srtp.ProtectionProfileAeadAes256Gcm)
	if err != nil {
		b.Fatal(err)
	}
	p := &port{}
	l := &link{port: p, now: time.Now, done: make(chan struct{}), out: out, plain: make([]byte, 0, maxDatagram), sealed: make([]byte, 0, maxDatagram+64)}
	l.selected = &route{path: &udpPath{conn: udp, address: far.LocalAddr().(*net.UDPAddr).AddrPort()}}
	o := &outlet{link: l, mid: "1", ssrc: 9, agreed: agreed{codec: codec{payloadType: 96}}, sent: midPackets}
	payload := make([]byte, 1100)
	var n forward.Numbers
	b.ReportAllocs()
	for b.Loop() {
		n.Sequence++
		n.Timestamp += 300
		o.Send(n, false, payload)
	}
}

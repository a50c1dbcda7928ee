package media

import (
	"fmt"
	"testing"

	"huisclos/crypto/sframe"
	"huisclos/media/forward"
	"huisclos/media/gate"
)

// BenchmarkReceive is a packet of one publisher on its way to a hundred
// receivers, without ciphers and sockets.
func BenchmarkReceive(b *testing.B) {
	const receivers = 100
	m := newMeeting(b)
	m.join("sender", 0)
	for i := range receivers {
		id := PeerID(fmt.Sprint(i))
		m.join(id, uint32(i+1))
		if m.router.Attach(id, 0, 1, &sink{}, m.now) == nil {
			b.Fatal("not attached")
		}
	}
	source := m.sources["sender"]["1"]
	source.Receive(forward.Low, m.packet(0, 1, 1, 11, true), nil, m.now)
	kid, err := sframe.NewKID(1, 0, 1)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		m.ctr[kid]++
		source.Receive(forward.Low, m.packet(0, 1, 1, 11, false), nil, m.now)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/receivers, "ns/forwarded")
}

type sink struct{ n int }

func (s *sink) Send(_ Turn, _ *Down, _ forward.Numbers, p *gate.Packet)   { s.n += len(p.Payload) }
func (s *sink) Resend(_ Turn, _ *Down, _ forward.Numbers, p *gate.Packet) { s.n += len(p.Payload) }
func (s *sink) Report(forward.SenderReport)                               {}

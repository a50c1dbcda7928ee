package transport

import (
	"bytes"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/pion/transport/v5/packetio"

	"huisclos/media"
	"huisclos/media/forward"
	"huisclos/media/gate"
	"huisclos/media/srtp"
)

// lone is a link with keys whose far end is a socket of the test.
func lone(t *testing.T) (l *link, in *turn, far *net.UDPConn, opener *srtp.Opener) {
	t.Helper()
	listen := func() *net.UDPConn {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	s, err := newSocket(listen())
	if err != nil {
		t.Fatal(err)
	}
	p := &port{log: discard(), udp: []*socket{s}, pacer: newPacer(), now: time.Now}
	in = newTurn(p, 0)
	p.turns = []*turn{in}
	key, salt := make([]byte, 32), make([]byte, 12)
	out, err := srtp.NewSealer(srtp.AEADAES256GCM, key, salt)
	if err != nil {
		t.Fatal(err)
	}
	if opener, err = srtp.NewOpener(srtp.AEADAES256GCM, key, salt, 8); err != nil {
		t.Fatal(err)
	}
	far = listen()
	l = &link{port: p, now: time.Now, done: make(chan struct{}), out: out, jobs: make([][]job, 1), handshake: packetio.NewBuffer()}
	l.selected = &route{path: &udpPath{socket: s, link: l, address: far.LocalAddr().(*net.UDPAddr).AddrPort()}}
	return l, in, far, opener
}

// Packets of about one size leave in one segmented send, and what was added to make them even is padding to the receiver.
func TestEvenRuns(t *testing.T) {
	for _, test := range []struct {
		name    string
		sizes   []int
		repeats int // one more than the index of a retransmission
		sends   uint64
	}{
		{"one", []int{1000}, 0, 1},
		{"as Chromium cuts a frame", []int{1100, 1100, 1101, 1101, 1101}, 0, 1},
		{"the last is shorter", []int{1100, 1099, 1100, 400}, 0, 1},
		{"a shorter one between", []int{1100, 400, 1100}, 0, 2},
		{"growing without end", []int{1000, 1010, 1020, 1030}, 0, 2},
		{"sound before a picture", []int{80, 1100, 1101}, 0, 2},
		{"a retransmission is never padded", []int{1100, 1101, 1100}, 2, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, in, far, opener := lone(t)
			o := &outlet{link: l, mid: "1", ssrc: 9, rtx: 10, agreed: agreed{mid: 1, codecs: codecs{codec: codec{payloadType: 96, rtx: 97}}}, sent: midPackets}
			for i, size := range test.sizes {
				p := &gate.Packet{Payload: bytes.Repeat([]byte{byte(i + 1)}, size), Marker: i == len(test.sizes)-1}
				n := forward.Numbers{Sequence: uint16(100 + i), Timestamp: 7, Marker: p.Marker}
				if i+1 == test.repeats {
					o.Resend(in, new(media.Down), n, p)
				} else {
					o.Send(in, new(media.Down), n, p)
				}
			}
			in.flush()
			stats := l.port.udp[0].batch.Stats()
			if stats.Sends != test.sends {
				t.Errorf("%d sends, want %d", stats.Sends, test.sends)
			}
			largest := 0
			for i, size := range test.sizes {
				b := make([]byte, maxDatagram)
				_ = far.SetReadDeadline(time.Now().Add(5 * time.Second))
				n, err := far.Read(b)
				if err != nil {
					t.Fatal(err)
				}
				plain, err := opener.OpenRTP(b[:n])
				if err != nil {
					t.Fatal(err)
				}
				r, err := parseRTP(plain, extensionIDs{mid: 1})
				if err != nil {
					t.Fatal(err)
				}
				want := bytes.Repeat([]byte{byte(i + 1)}, size)
				if i+1 == test.repeats {
					if r.SSRC != 10 || r.payloadType != 97 || fmt.Sprint(r.Payload[:2]) != "[0 101]" || !bytes.Equal(r.Payload[2:], want) {
						t.Fatalf("packet %d is %+v", i, r)
					}
				} else if r.SSRC != 9 || r.Sequence != uint16(100+i) || r.Timestamp != 7 || r.Marker != (i == len(test.sizes)-1) || !bytes.Equal(r.Payload, want) {
					t.Fatalf("packet %d is %+v", i, r)
				}
				largest = max(largest, size)
				if added := len(plain) - 12 - size; added > maxPadding && i+1 != test.repeats {
					t.Errorf("%d octets of padding", added)
				}
			}
		})
	}
}

// A turn ends by itself when too much waits in it, and keeps no memory of a large one.
func TestTurnsAreBounded(t *testing.T) {
	l, in, _, _ := lone(t)
	o := &outlet{link: l, mid: "1", ssrc: 9, agreed: agreed{codecs: codecs{codec: codec{payloadType: 96}}}, sent: midPackets}
	for i := range maxJobs {
		if in.full() {
			t.Fatalf("full after %d", i)
		}
		o.Send(in, new(media.Down), forward.Numbers{Sequence: uint16(i)}, &gate.Packet{Payload: []byte{1}})
	}
	if !in.full() {
		t.Fatal("not full")
	}
	l.port.finish(in)
	if in.full() || l.jobs[0] != nil || in.jobs != 0 || in.room != 0 {
		t.Fatalf("%d jobs and room for %d stay", in.jobs, max(in.room, cap(l.jobs[0])))
	}
	if stats := l.port.udp[0].batch.Stats(); stats.Sent != maxJobs {
		t.Fatalf("%d of %d packets left", stats.Sent, maxJobs)
	}
	// Room of many links is kept up to a bound.
	for range 2 * keepRoom / firstJobs {
		l.jobs[0] = make([]job, 1, firstJobs)
		in.empty(l)
	}
	if in.room != keepRoom || len(in.free) != keepRoom/firstJobs {
		t.Fatalf("room for %d jobs in %d stays", in.room, len(in.free))
	}
}

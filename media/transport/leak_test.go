package transport

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"huisclos/crypto/sframe"
	"huisclos/media"
	"huisclos/media/forward"
	"huisclos/media/gate"
)

const canary = 0xc5

// Memory is used again: arenas, buffers, the room for one packet. None of what was in it before leaves with a packet that is
// shorter, padded or lengthened by an extension (Zoom's media servers sent fragments of their memory to clients, 2022).
func TestOldMemoryStaysInside(t *testing.T) {
	for _, batched := range []bool{true, false} {
		t.Run(fmt.Sprint("in batches ", batched), func(t *testing.T) {
			l, in, far, opener := lone(t)
			u := l.selected.path.(*udpPath)
			if !batched {
				u.socket = &socket{PacketConn: u.socket.PacketConn, kernel: u.socket.kernel, port: u.socket.port}
			}
			foul := func() {
				if w := in.writerOf(u.socket); w != nil {
					for i, b := 0, w.Reserve(turnArena); i < len(b); i++ {
						b[i] = canary
					}
				}
				for i, b := 0, in.single[:cap(in.single)]; i < len(b); i++ {
					b[i] = canary
				}
			}
			sequence := uint16(0)
			for _, mid := range []string{"1", "12", "123", "1234", "sixteen-octets-!"} {
				for _, size := range []int{1, 2, 3, 100, 1084, 1099, 1100} {
					foul()
					o := &outlet{link: l, mid: mid, ssrc: 9, rtx: 10, agreed: agreed{mid: 1, codecs: codecs{codec: codec{payloadType: 96, rtx: 97}}}}
					body := bytes.Repeat([]byte{0x11}, 1100)
					// The first of a run is longer, so that the others are padded; the last is a retransmission.
					for _, n := range []int{1100, size, size, 1100} {
						sequence++
						o.Send(in, new(media.Down), forward.Numbers{Sequence: sequence, Timestamp: 7}, &gate.Packet{Payload: body[:n]})
					}
					o.Resend(in, new(media.Down), forward.Numbers{Sequence: sequence}, &gate.Packet{Payload: body[:size]})
					o.sequence = sequence - 1 // of one SSRC in all rounds: no number twice
					in.flush()
					for i := range 5 {
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
						// 9 and 10, the numbers and lengths of the header are all far from it.
						if at := bytes.IndexByte(plain[4:], canary); at >= 0 {
							t.Fatalf("mid %q, %d octets, packet %d: old memory at %d: %x", mid, size, i, at+4, plain)
						}
					}
				}
			}
		})
	}
}

// A packet that a member sealed, sent by somebody else from another address, is nobody's: media comes in by addresses that
// passed the check, and by the link that each belongs to (CVE-2025-53399, "inject").
func TestMediaFromElsewhereIsNotTaken(t *testing.T) {
	const receivers = 3
	f := newFanOut(t, receivers)
	f.frame(1)
	in := f.port.aside()
	f.ctr++ // the next packet, as frame would have it
	binary.BigEndian.PutUint16(f.packet[2:], uint16(f.ctr))
	binary.BigEndian.PutUint32(f.packet[4:], uint32(f.ctr)*3000)
	sframe.Header{KID: f.kid, CTR: f.ctr}.Append(f.packet[:f.headerAt])
	stolen, err := f.sealer.SealRTP(append(f.sealed[:0], f.packet...))
	if err != nil {
		t.Fatal(err)
	}
	arrives := func(b []byte, from string) uint64 {
		before := f.on.batch.Stats().Sent
		in.mu.Lock()
		defer in.mu.Unlock()
		f.port.datagram(f.on, in, bytes.Clone(b), netip.MustParseAddrPort(from), netip.Addr{})
		f.port.finish(in)
		return f.on.batch.Stats().Sent - before
	}
	for _, from := range []string{"198.51.100.7:1", "192.0.2.1:2", "192.0.2.2:1", "[2001:db8::1]:1", "[::ffff:192.0.2.1]:2"} {
		if n := arrives(stolen, from); n != 0 {
			t.Errorf("from %s: %d packets were forwarded", from, n)
		}
	}
	if n := arrives(stolen, "192.0.2.1:1"); n != receivers {
		t.Errorf("from its sender: %d packets were forwarded", n)
	}
	if len(f.port.addresses) != 1 {
		t.Errorf("%d addresses are known", len(f.port.addresses))
	}
}

// The AV1 dependency descriptor tells what is in a frame, and its parser would be one more that reads what a stranger wrote. An
// offer with it is answered without it, and where it stands in a packet all the same, it is an extension that nobody reads.
func TestDependencyDescriptorIsNotAgreed(t *testing.T) {
	const uri = "dependency-descriptor"
	offer := sample(t, "chromium-offer")
	mustContain(t, offer, uri)
	answer, sections, err := answerOffer(offer, cameraAndMicrophone, near)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(answer, uri) {
		t.Fatal("it is answered")
	}
	p := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 1, Extension: true, ExtensionProfile: rtp.ExtensionProfileTwoByte}, Payload: []byte("payload")}
	for _, set := range []error{p.Header.SetExtension(12, bytes.Repeat([]byte{0xff}, 40)), p.Header.SetExtension(sections[1].extensions.mid, []byte("1"))} {
		if set != nil {
			t.Fatal(set)
		}
	}
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	r, err := parseRTP(b, sections[1].extensions)
	if err != nil || string(r.Payload) != "payload" || string(r.mid) != "1" || len(r.rid) != 0 || r.hasTWCC {
		t.Fatalf("%+v, %v", r, err)
	}
}

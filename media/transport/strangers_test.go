package transport

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"huisclos/media/transport/batch"
)

// fromNobody are the packets of somebody who has no password, by name: what a flood is made of.
func fromNobody(t testing.TB, ufrag string) map[string][]byte {
	name, nobody := stun.NewUsername(ufrag+":far"), stun.NewUsername("nobodyknows.:far")
	wrong, nominate := stun.NewShortTermIntegrity("another password than the link's"), attr{stun.AttrUseCandidate, nil}
	priority, long := attr{stun.AttrPriority, []byte{0x6e, 0, 1, 0xff}}, attr{stun.AttrSoftware, make([]byte, 700)}
	whole := request(t, name, priority, nominate, wrong, stun.Fingerprint)
	unprinted := slices.Clone(whole)
	unprinted[len(unprinted)-1] ^= 1
	packets := map[string][]byte{
		"STUN of random octets":              append([]byte{0, 1, 0, 80, 0x21, 0x12, 0xa4, 0x42}, noise(92)...),
		"STUN without a cookie":              append([]byte{0, 1, 0, 80}, noise(96)...),
		"STUN without integrity":             request(t, name, stun.Fingerprint),
		"STUN without a username":            request(t, wrong, stun.Fingerprint),
		"STUN with another's ufrag":          request(t, nobody, priority, wrong, stun.Fingerprint),
		"STUN without a colon":               request(t, stun.NewUsername(ufrag), wrong, stun.Fingerprint),
		"STUN with the link's ufrag":         whole,
		"STUN with it, long":                 request(t, name, long, long, wrong, stun.Fingerprint),
		"STUN with it and a wrong print":     unprinted,
		"STUN cut short":                     whole[:len(whole)-8],
		"STUN indication with the ufrag":     indication(t, name, wrong, stun.Fingerprint),
		"STUN with an empty password's HMAC": request(t, name, stun.NewShortTermIntegrity(""), stun.Fingerprint),
		"an answer to a check":               append([]byte{1, 1, 0, 80, 0x21, 0x12, 0xa4, 0x42}, noise(92)...),
		"ClientHello":                        clientHello(),
		"DTLS data":                          append(record(applicationData, 1, 40)[:recordHeader], noise(40)...),
		"SRTP":                               append([]byte{0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0xbe, 0xde, 0, 1}, noise(1000)...),
		"SRTCP":                              append([]byte{0x80, 201, 0, 7, 0, 0, 0, 1}, noise(50)...),
		"TURN channel data":                  append([]byte{0x40, 0, 0, 96}, noise(96)...),
		"TURN Allocate":                      stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), attr{stun.AttrRequestedTransport, []byte{17, 0, 0, 0}}).Raw,
		"TURN of random octets":              append([]byte{0, 3, 0, 80, 0x21, 0x12, 0xa4, 0x42}, noise(92)...),
		"one octet":                          {0},
		"QUIC":                               append([]byte{0xc0, 0, 0, 0, 1}, noise(1195)...),
	}
	return packets
}

func noise(octets int) []byte {
	b := make([]byte, octets)
	rand.Read(b)
	return b
}

func indication(t testing.TB, setters ...stun.Setter) []byte {
	t.Helper()
	m, err := stun.Build(append([]stun.Setter{stun.NewType(stun.MethodBinding, stun.ClassIndication), stun.TransactionID}, setters...)...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

// clientHello is the shape of a first one (RFC 6347 §4.2.2): one record with one whole message.
func clientHello() []byte {
	body := append([]byte{0xfe, 0xfd}, noise(32)...)                                                 // version, random
	body = append(body, 0, 0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2c, 1, 0)                                    // session, cookie, suites, compression
	body = append(body, 0, 8, 0, 10, 0, 4, 0, 2, 0, 23)                                              // extensions: supported_groups
	head := []byte{1, 0, 0, byte(len(body)), 0, 0, 0, 0, 0, 0, 0, byte(len(body))}                   // message header
	b := []byte{handshakeRecord, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(head) + len(body))} // record header
	return append(append(b, head...), body...)
}

// Nothing is allocated before a valid MESSAGE-INTEGRITY, and nothing of it stays: not an address, not a name, not an answer.
func TestNothingIsAllocatedForStrangers(t *testing.T) {
	for _, relay := range []Relay{nil, &counting{}} {
		t.Run(fmt.Sprintf("relay %v", relay != nil), func(t *testing.T) { allocatesNothing(t, relay) })
	}
}

func allocatesNothing(t *testing.T, relay Relay) {
	f := newFanOut(t, 1)
	f.port.relay = relay
	f.port.ufrags, f.port.now = make(map[string]*link), time.Now
	l, err := newLink(f.port, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	c := l.credential()
	asked := 0 // whether somebody is a probe
	f.port.probe = func(ufrag []byte) (string, bool) {
		asked++
		return "the probe's password", string(ufrag) != "" && len(ufrag) > 3
	}
	stranger := netip.MustParseAddrPort("198.51.100.7:7")
	in := f.port.aside()
	sent := f.on.batch.Stats().Sent
	for name, packet := range fromNobody(t, c.ufrag) {
		b := make([]byte, len(packet))
		from := []netip.AddrPort{stranger, netip.MustParseAddrPort("[2001:db8::7]:7")}
		if packet[0] <= 3 {
			from = append(from, f.from) // no address makes a wrong password better
		}
		for _, from := range from {
			if n := testing.AllocsPerRun(200, func() {
				copy(b, packet)
				f.port.datagram(f.on, in, b, from, netip.Addr{})
			}); n != 0 {
				t.Errorf("%s from %v: %v allocations", name, from, n)
			}
		}
	}
	if asked == 0 {
		t.Error("no stranger was taken for a probe")
	}
	if len(f.port.addresses) != 1 || len(f.port.ufrags) != 1 || len(l.paths) != 0 || l.way() != nil || f.on.batch.Stats().Sent != sent {
		t.Fatalf("%d addresses, %d names, %d paths", len(f.port.addresses), len(f.port.ufrags), len(l.paths))
	}
	// And the same message with the right password is one.
	f.port.datagram(f.on, in, request(t, stun.NewUsername(c.ufrag+":far"), stun.NewShortTermIntegrity(c.password), stun.Fingerprint), stranger, netip.Addr{})
	if f.port.addresses[flow{stranger, f.on.local(netip.Addr{})}] == nil || len(l.paths) != 1 {
		t.Fatal("a right check does nothing")
	}
	l.end()
}

// integrity is HMAC-SHA1 as another implementation has it, for passwords shorter and longer than a block of the hash.
func TestIntegrity(t *testing.T) {
	for _, password := range []string{"", "x", testPassword, string(bytes.Repeat([]byte("p"), 64)), string(bytes.Repeat([]byte("p"), 65)), string(noise(200))} {
		for _, size := range []int{stunHeader, stunHeader + 4, 100, maxDatagram} {
			b := noise(size)
			was := slices.Clone(b)
			got := integrity(b, password)
			if !bytes.Equal(b, was) {
				t.Fatal("the message is changed")
			}
			binary.BigEndian.PutUint16(was[2:], uint16(size-stunHeader+24))
			mac := hmac.New(sha1.New, []byte(password))
			mac.Write(was)
			if !bytes.Equal(got[:], mac.Sum(nil)) {
				t.Errorf("password of %d, message of %d octets", len(password), size)
			}
		}
	}
}

// BenchmarkStrangers is what a packet of a flood costs once the kernel has handed it over.
func BenchmarkStrangers(b *testing.B) {
	f := newFanOut(b, 1)
	f.port.ufrags, f.port.now = make(map[string]*link), time.Now
	l, err := newLink(f.port, nil, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	defer l.end()
	stranger, in := netip.MustParseAddrPort("198.51.100.7:7"), f.port.aside()
	packets := fromNobody(b, l.credential().ufrag)
	for _, name := range []string{"STUN of random octets", "STUN with another's ufrag", "STUN with the link's ufrag", "STUN with it, long", "ClientHello", "SRTP"} {
		b.Run(fmt.Sprint(name), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.port.datagram(f.on, in, packets[name], stranger, netip.Addr{})
			}
		})
	}
}

// TestFloods is `make bench-flood` in counts: as many bad packets of each kind as fit into a moment, from another address, and the
// call goes on where it was. Nobody is cut or moved, nothing is kept, and the flooder gets no answer.
func TestFloods(t *testing.T) {
	s := newStage(t)
	a, b := s.join("a", 1), s.join("b", 2)
	a.stream()
	until(t, "media", func() bool { return b.count(track(1, 0)) > 5 })
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	out, err := batch.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	out.DisableSegments() // else the kernel would hand several over as one
	w, to := out.NewWriter(1<<18), netip.AddrPortFrom(s.at, uint16(s.port))
	p := s.server.port
	type held struct {
		addresses, ufrags, goroutines int
		paths                         []path
	}
	now := func() (h held) {
		h.goroutines = runtime.NumGoroutine()
		p.mu.RLock()
		defer p.mu.RUnlock()
		h.addresses, h.ufrags = len(p.addresses), len(p.ufrags)
		for _, name := range slices.Sorted(maps.Keys(p.ufrags)) {
			h.paths = append(h.paths, p.ufrags[name].way())
		}
		return h
	}
	until(t, "the other direction", func() bool { return s.told(&s.connected, "b receiving udp") })
	before := now()
	ufrag := s.server.subscriber(testCall, "b").link.credential().ufrag
	for name, packet := range fromNobody(t, ufrag) {
		if strings.HasPrefix(name, "STUN with it, long") {
			continue // more of the same
		}
		at := b.count(track(1, 0))
		for range 2000 / 50 {
			for range 50 {
				w.Queue(to, packet)
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		until(t, "media goes on after "+name, func() bool { return b.count(track(1, 0)) > at+2 })
	}
	after := now()
	if after.addresses != before.addresses || after.ufrags != before.ufrags || !slices.Equal(after.paths, before.paths) {
		t.Errorf("%+v was %+v", after, before)
	}
	if after.goroutines > before.goroutines+10 {
		t.Errorf("%d goroutines were %d", after.goroutines, before.goroutines)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.failed) != 0 {
		t.Errorf("failed: %v", s.failed)
	}
	_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := conn.Read(make([]byte, maxDatagram)); err == nil {
		t.Errorf("%d octets answer the flood", n)
	}
}

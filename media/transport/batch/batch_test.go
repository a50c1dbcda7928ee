//go:build linux && (amd64 || arm64)

package batch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// listen gives a socket on the loopback that waits no longer than a test may last.
func listen(t testing.TB, network, address string) (*net.UDPConn, *Conn) {
	t.Helper()
	udp, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(address)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { udp.Close() })
	udp.SetReadBuffer(8 << 20)
	udp.SetDeadline(time.Now().Add(20 * time.Second))
	c, err := New(udp)
	if err != nil {
		t.Fatal(err)
	}
	return udp, c
}

func local(udp *net.UDPConn) netip.AddrPort {
	a := udp.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

func reader(t testing.TB, c *Conn) *Reader {
	t.Helper()
	r, err := c.NewReader()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// packet is of one size and like no other.
func packet(b []byte, number int) []byte {
	for i := range b {
		b[i] = byte(number*31 + i)
	}
	if len(b) >= 4 {
		binary.BigEndian.PutUint32(b, uint32(number))
	}
	return b
}

// expect reads packets of these sizes, numbered from first on, in order, all from one source.
func expect(t *testing.T, r *Reader, from netip.AddrPort, first int, sizes []int) {
	t.Helper()
	for i := 0; i < len(sizes); {
		packets, err := r.Read()
		if err != nil {
			t.Fatalf("after %d of %d packets: %v", i, len(sizes), err)
		}
		for _, p := range packets {
			if i == len(sizes) {
				t.Fatalf("more than %d packets", i)
			}
			if p.From != from {
				t.Fatalf("packet %d from %v, want %v", i, p.From, from)
			}
			if want := packet(make([]byte, sizes[i]), first+i); !bytes.Equal(p.Data, want) {
				t.Fatalf("packet %d: %d octets are not the %d that were sent", i, len(p.Data), len(want))
			}
			i++
		}
	}
}

func repeat(size, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = size
	}
	return out
}

func TestArrives(t *testing.T) {
	sizes := map[string][]int{
		"one":               {1100},
		"empty":             {0, 5, 0, 0, 7, 7, 0},
		"run":               repeat(1100, 6),
		"shorter last":      {1100, 1100, 1100, 40},
		"mixed":             {1100, 1100, 1200, 40, 40, 41, 1100, 3, 1100, 1100, 1, 1, 2, 2, 1},
		"more than 64":      repeat(300, 200),
		"more than 65507":   repeat(1400, 150),
		"exactly 64":        repeat(900, 64),
		"64 and a last one": append(repeat(900, 64), 12),
		"octets":            repeat(1, 130),
		"large":             {65507, 40000, 40000, 30000, 1},
	}
	for _, at := range []struct{ network, address string }{{"udp4", "127.0.0.1:0"}, {"udp6", "[::1]:0"}, {"udp", "[::]:0"}} {
		for _, segments := range []bool{true, false} {
			for name, sizes := range sizes {
				t.Run(fmt.Sprintf("%s/segments=%v/%s", at.address, segments, name), func(t *testing.T) {
					udp, c := listen(t, at.network, at.address)
					if !segments {
						c.DisableSegments()
					} else if !c.Segments() {
						t.Skip("this kernel has no UDP_SEGMENT")
					}
					to, toConn := listen(t, at.network, at.address)
					r := reader(t, toConn)
					w := c.NewWriter(DefaultArena)
					dst, src := local(to), local(udp)
					if at.network == "udp" { // a dual-stack socket, towards IPv4
						v4 := netip.MustParseAddr("127.0.0.1")
						dst, src = netip.AddrPortFrom(v4, dst.Port()), netip.AddrPortFrom(v4, src.Port())
					}
					for i, size := range sizes {
						w.Queue(dst, packet(w.Reserve(size), i))
					}
					if err := w.Flush(); err != nil {
						t.Fatal(err)
					}
					expect(t, r, src, 0, sizes)
					s := c.Stats()
					if s.Sent != uint64(len(sizes)) || s.Refused != 0 || s.Unsegmented != 0 {
						t.Errorf("%+v", s)
					}
					if !segments && (s.Segments != 0 || s.Sends != s.Sent) {
						t.Errorf("segments although they are off: %+v", s)
					}
					if segments && name == "more than 64" && s.Sends != 4 {
						t.Errorf("200 packets in %d sends", s.Sends)
					}
					if segments && name == "shorter last" && s.Sends != 1 {
						t.Errorf("a run with a shorter last packet in %d sends", s.Sends)
					}
					if got := toConn.Stats(); r.coalesces && segments && name == "more than 64" && got.Coalesced != 200 {
						t.Errorf("%d of 200 datagrams came coalesced", got.Coalesced)
					}
				})
			}
		}
	}
}

func TestMappedDestination(t *testing.T) {
	to, toConn := listen(t, "udp4", "127.0.0.1:0")
	for _, from := range []struct{ network, address string }{{"udp4", "127.0.0.1:0"}, {"udp", "[::]:0"}} {
		udp, c := listen(t, from.network, from.address)
		w := c.NewWriter(0)
		w.Queue(netip.AddrPortFrom(netip.AddrFrom16(local(to).Addr().As16()), local(to).Port()), packet(w.Reserve(50), 0))
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		expect(t, reader(t, toConn), netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), local(udp).Port()), 0, []int{50})
	}
}

// More destinations and more packets than one sendmmsg takes, in an arena that fills.
func TestManyDestinations(t *testing.T) {
	udp, c := listen(t, "udp4", "127.0.0.1:0")
	w := c.NewWriter(200_000)
	var readers []*Reader
	var to []netip.AddrPort
	for range 40 {
		d, conn := listen(t, "udp4", "127.0.0.1:0")
		readers, to = append(readers, reader(t, conn)), append(to, local(d))
	}
	sizes := []int{1100, 1100, 1100, 70, 1100, 30, 30, 1200, 1, 500}
	for i, size := range sizes {
		for _, dst := range to { // no runs at all: 400 messages
			w.Queue(dst, packet(w.Reserve(size), i))
		}
	}
	for _, dst := range to { // runs
		for i, size := range sizes {
			w.Queue(dst, packet(w.Reserve(size), len(sizes)+i))
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, r := range readers {
		expect(t, r, local(udp), 0, append(sizes, sizes...))
	}
	if s := c.Stats(); s.Sent != 800 {
		t.Errorf("%+v", s)
	}
}

// What was built elsewhere, what is a part of what was reserved, and what is not queued after all.
func TestQueueCopiesWhatIsNotInPlace(t *testing.T) {
	udp, c := listen(t, "udp4", "127.0.0.1:0")
	to, toConn := listen(t, "udp4", "127.0.0.1:0")
	w := c.NewWriter(0)
	w.Queue(local(to), packet(w.Reserve(1500)[:100], 0))
	packet(w.Reserve(300), 9)
	w.Queue(local(to), packet(make([]byte, 100), 1))
	w.Queue(local(to), append(w.Reserve(100)[:0], packet(make([]byte, 130), 2)...))
	w.Queue(local(to), w.Reserve(70_000))
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	expect(t, reader(t, toConn), local(udp), 0, []int{100, 100, 130})
	if s := c.Stats(); s.Refused != 1 || s.Sent != 3 {
		t.Errorf("%+v", s)
	}
}

func TestBadDestinationLosesOnlyItself(t *testing.T) {
	port0 := netip.MustParseAddrPort("127.0.0.1:0")
	v6 := netip.MustParseAddrPort("[2001:db8::1]:9")
	for _, segments := range []bool{true, false} {
		for name, bad := range map[string]netip.AddrPort{"port 0": port0, "family": v6, "none": {}} {
			for place := range 4 {
				udp, c := listen(t, "udp4", "127.0.0.1:0")
				if !segments {
					c.DisableSegments()
				}
				had := c.Segments()
				to, toConn := listen(t, "udp4", "127.0.0.1:0")
				w := c.NewWriter(0)
				for i := range 4 {
					if i == place {
						for range 3 {
							w.Queue(bad, packet(w.Reserve(200), 9))
						}
					}
					for j := range 3 {
						w.Queue(local(to), packet(w.Reserve(200+i), 3*i+j))
					}
				}
				if err := w.Flush(); err != nil {
					t.Fatal(err)
				}
				expect(t, reader(t, toConn), local(udp), 0, []int{200, 200, 200, 201, 201, 201, 202, 202, 202, 203, 203, 203})
				if s := c.Stats(); s.Refused != 3 || s.Sent != 12 || c.Segments() != had {
					t.Errorf("%s at %d: %+v, segments %v", name, place, s, c.Segments())
				}
			}
		}
	}
}

func TestAllocations(t *testing.T) {
	for _, network := range []string{"127.0.0.1:0", "[::1]:0"} {
		_, c := listen(t, "udp", network)
		to, toConn := listen(t, "udp", network)
		w, r, dst := c.NewWriter(0), reader(t, toConn), local(to)
		turn := func() {
			for range 20 {
				w.Queue(dst, w.Reserve(1100))
			}
			w.Queue(dst, w.Reserve(1200))
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			for n := 0; n < 21; {
				packets, err := r.Read()
				if err != nil {
					t.Fatal(err)
				}
				n += len(packets)
			}
		}
		if n := testing.AllocsPerRun(100, turn); n != 0 {
			t.Errorf("%s: %v allocations in a turn", network, n)
		}
	}
}

func setGRO(t testing.TB, c *Conn, value int) {
	t.Helper()
	if err := c.raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_GRO, value) }); err != nil {
		t.Fatal(err)
	}
}

// TestLengthOf: each length is counted where LongestOf says, up to the longest send there is.
func TestLengthOf(t *testing.T) {
	var l Lengths
	for n := 1; n <= maxSegments; n++ {
		at := lengthOf(n)
		if n > LongestOf(at) || at > 0 && n <= LongestOf(at-1) {
			t.Errorf("%d datagrams are counted at %d: at most %d", n, at, LongestOf(at))
		}
		l[at]++
	}
	if l != (Lengths{1, 1, 1, 1, 1, 1, 1, 1, 8, 16, 32}) {
		t.Error(l)
	}
}

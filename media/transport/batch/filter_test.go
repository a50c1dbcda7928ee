//go:build linux && (amd64 || arm64)

package batch

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"
)

// The kernel hears whom it is told to hear, and of everybody else STUN only: over IPv4, IPv6 and IPv4 on a
// socket of both, among few and many other addresses.
func TestAdmit(t *testing.T) {
	for _, family := range []struct{ name, listens, speaks string }{
		{"IPv4", "127.0.0.1:0", "127.0.0.1"}, {"IPv6", "[::1]:0", "::1"}, {"IPv4 on a socket of both", "[::]:0", "127.0.0.1"},
	} {
		for _, others := range []int{0, 1, 3, 4, 5, 100, MaxAdmitted - 1} {
			t.Run(family.name, func(t *testing.T) {
				pc, err := net.ListenPacket("udp", family.listens)
				if err != nil {
					t.Skip(err)
				}
				defer pc.Close()
				at := net.JoinHostPort(family.speaks, portOf(pc))
				c, err := New(pc.(*net.UDPConn))
				if err != nil {
					t.Fatal(err)
				}
				r, err := c.NewReader()
				if err != nil {
					t.Fatal(err)
				}
				friend, stranger := dial(t, at), dial(t, at)
				defer friend.Close()
				defer stranger.Close()
				known := friend.LocalAddr().(*net.UDPAddr).AddrPort()
				addresses := []netip.AddrPort{known}
				random := rand.New(rand.NewPCG(uint64(others), 1))
				for range others {
					b := [16]byte{0x20, 1, 0xd, 0xb8, 12: byte(random.Uint32()), 13: byte(random.Uint32()), 15: 9}
					a := netip.AddrFrom16(b)
					if random.IntN(2) == 0 {
						a = netip.AddrFrom4([4]byte{10, byte(random.Uint32()), byte(random.Uint32()), 9})
					}
					addresses = append(addresses, netip.AddrPortFrom(a, uint16(random.Uint32())))
				}
				if program := admit(addresses, make([]netip.Addr, MaxBarred), true); len(program) > filterMost {
					t.Fatalf("%d instructions", len(program))
				}
				part := func(from int, got map[string]int) {
					for first := from; first < from+16; first++ {
						for _, conn := range []*net.UDPConn{friend, stranger} {
							_, _ = conn.Write([]byte{byte(first), 0, 0, 0, 0x21, 0x12, 0xa4, 0x42, 'c'})
							_, _ = conn.Write([]byte{byte(first), 0, 0, 0, 0x21, 0x12, 0xa4, 0x43, '-'})
						}
					}
					// What comes behind it says that everything has come.
					_, _ = friend.Write([]byte{0, 0, 0, 0, 0x21, 0x12, 0xa4, 0x42, 'e'})
					for {
						_ = pc.SetReadDeadline(time.Now().Add(5 * time.Second))
						packets, err := r.Read()
						if err != nil {
							t.Fatal(err)
						}
						for _, p := range packets {
							kind, who := "media", "friend"
							if p.Data[0] <= 3 {
								kind = "STUN"
							}
							if p.From.Port() != known.Port() {
								who = "stranger"
							}
							if p.Data[8] == 'e' {
								return
							}
							got[who+" "+kind+" "+string(p.Data[8])]++
						}
					}
				}
				arrive := func() map[string]int {
					got := map[string]int{}
					for from := 0; from < 256; from += 16 { // no more than any socket has room for
						part(from, got)
					}
					return got
				}
				want := map[string]int{"friend STUN c": 4, "stranger STUN c": 4, "friend media c": 252, "friend media -": 252}
				if err := c.Admit(addresses, nil, false); err != nil {
					t.Fatal(err)
				}
				same(t, arrive(), want)

				// With channels, a stranger's ChannelData is heard too.
				if err := c.Admit(addresses, nil, true); err != nil {
					t.Fatal(err)
				}
				want["stranger media c"], want["stranger media -"] = 16, 16
				same(t, arrive(), want)
				if err := c.Admit(addresses, []netip.Addr{known.Addr()}, true); err != nil {
					t.Fatal(err)
				}
				few := arrive()
				if few["stranger media c"]+few["stranger media -"] > 8 || few["stranger STUN c"] > 3 {
					t.Error("with channels the stranger's source is not barred")
				}
				for _, kind := range []string{"friend media c", "friend media -", "friend STUN c"} {
					if few[kind] != want[kind] {
						t.Errorf("%s: %d, barred with channels", kind, few[kind])
					}
				}
				delete(want, "stranger media c")
				delete(want, "stranger media -")

				// Its source barred, most of a stranger's checks are lost as well; a friend's from the same source are not.
				barred := []netip.Addr{netip.MustParseAddr("192.0.2.1"), known.Addr(), netip.MustParseAddr("2001:db8::1")}
				if err := c.Admit(addresses, barred, false); err != nil {
					t.Fatal(err)
				}
				got := arrive()
				if got["stranger STUN c"] > 3 {
					t.Error("the stranger's source is not barred")
				}
				want["stranger STUN c"] = got["stranger STUN c"]
				same(t, got, want)
				if err := c.Admit(addresses, []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, false); err != nil {
					t.Fatal(err)
				}
				want["stranger STUN c"] = 4
				same(t, arrive(), want)
				for _, kind := range []string{"STUN -", "media c", "media -"} {
					n := 252
					if kind == "STUN -" {
						n = 4
						want["friend "+kind] = n
					}
					want["stranger "+kind] = n
				}
				for range 2 { // the second finds none
					if err := c.AdmitAll(); err != nil {
						t.Fatal(err)
					}
				}
				same(t, arrive(), want)
			})
		}
	}
}

// Of a barred source's checks some are heard, so that who repeats them gets through.
func TestBarredIsNotDeaf(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	c, err := New(pc.(*net.UDPConn))
	if err != nil {
		t.Fatal(err)
	}
	stranger := dial(t, pc.LocalAddr().String())
	defer stranger.Close()
	if err := c.Admit(nil, []netip.Addr{netip.MustParseAddr("127.0.0.1")}, false); err != nil {
		t.Fatal(err)
	}
	const sent = 12800
	heard, b := 0, make([]byte, 100)
	for range sent / 100 {
		for range 100 {
			if _, err := stranger.Write([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}); err != nil {
				t.Fatal(err)
			}
		}
		for { // over loopback it has arrived, or has not, when Write returns
			_ = pc.SetReadDeadline(time.Now().Add(time.Millisecond))
			if _, _, err := pc.ReadFrom(b); err != nil {
				break
			}
			heard++
		}
	}
	if heard < sent/BarredOf/2 || heard > sent/BarredOf*2 {
		t.Errorf("%d of %d are heard", heard, sent)
	}
	if dropped := int(c.Dropped()); dropped != sent-heard {
		t.Errorf("%d of %d are heard, and %d are dropped", heard, sent, dropped)
	}
}

func TestAdmitHasALimit(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	c, err := New(pc.(*net.UDPConn))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Admit(make([]netip.AddrPort, MaxAdmitted+1), nil, false); !errors.Is(err, ErrTooMany) {
		t.Fatal(err)
	}
}

func same(t *testing.T, got, want map[string]int) {
	t.Helper()
	for kind, n := range want {
		if got[kind] != n {
			t.Errorf("%s: %d, want %d", kind, got[kind], n)
		}
	}
	for kind, n := range got {
		if want[kind] == 0 {
			t.Errorf("%s: %d", kind, n)
		}
	}
}

func portOf(c net.PacketConn) string {
	_, port, _ := net.SplitHostPort(c.LocalAddr().String())
	return port
}

func dial(t *testing.T, at string) *net.UDPConn {
	t.Helper()
	c, err := net.Dial("udp", at)
	if err != nil {
		t.Skip(err)
	}
	return c.(*net.UDPConn)
}

//go:build linux && (amd64 || arm64)

package batch

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestSource: a socket on all addresses says at which one a datagram came, and sends from it: one datagram, several in one
// segmented send, and by the control message alone.
func TestSource(t *testing.T) {
	at := netip.MustParseAddr
	for _, c := range []struct {
		listen   string
		far, own netip.Addr
	}{
		{"0.0.0.0:0", at("127.0.0.1"), at("127.0.0.2")},
		{"[::]:0", at("127.0.0.1"), at("127.0.0.2")},
		{"[::]:0", at("::1"), at("::1")},
	} {
		t.Run(c.listen+" "+c.own.String(), func(t *testing.T) {
			network := "udp"
			if c.listen == "0.0.0.0:0" {
				network = "udp4"
			}
			l, err := net.ListenPacket(network, c.listen)
			if err != nil {
				t.Skip(err)
			}
			defer l.Close()
			us := l.(*net.UDPConn)
			far, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(c.far, 0)))
			if err != nil {
				t.Skip(err)
			}
			defer far.Close()
			conn, err := New(us)
			if err != nil {
				t.Fatal(err)
			}
			r, err := conn.NewReader()
			if err != nil {
				t.Fatal(err)
			}
			deadline := time.Now().Add(5 * time.Second)
			_, _ = us.SetReadDeadline(deadline), far.SetReadDeadline(deadline)
			if _, err := far.WriteToUDPAddrPort([]byte("question"), netip.AddrPortFrom(c.own, uint16(us.LocalAddr().(*net.UDPAddr).Port))); err != nil {
				t.Fatal(err)
			}
			packets, err := r.Read()
			if err != nil || len(packets) != 1 || packets[0].To != c.own {
				t.Fatalf("%+v, %v: it was sent to %v", packets, err, c.own)
			}
			from := packets[0].From
			w := conn.NewWriter(0)
			w.QueueFrom(packets[0].To, from, []byte("one"))
			w.QueueFrom(c.own, from, []byte("three"))
			w.QueueFrom(c.own, from, []byte("equal"))
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			if _, _, err := us.WriteMsgUDPAddrPort([]byte("last"), conn.Source(c.own), from); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 100)
			for _, want := range []string{"one", "three", "equal", "last"} {
				n, by, err := far.ReadFromUDPAddrPort(b)
				if err != nil || string(b[:n]) != want || by.Addr().Unmap() != c.own {
					t.Errorf("%q from %v, %v; want %q from %v", b[:n], by, err, want, c.own)
				}
			}
			if conn.Source(netip.Addr{}) != nil {
				t.Error("no address is an address")
			}
		})
	}
}

package transport

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"huisclos/media"
)

type noEvents struct{}

func (noEvents) Offer(media.CallID, media.PeerID, string, []media.Track)            {}
func (noEvents) Connected(media.CallID, media.PeerID, bool, string)                 {}
func (noEvents) Failed(media.CallID, media.PeerID, bool)                            {}
func (noEvents) Layers(media.CallID, media.PeerID, []media.StreamLayers)            {}
func (noEvents) Refused(media.CallID, media.PeerID, map[media.RefusedReason]uint64) {}

// TestProbe: the port answers a check with a probe's password, over UDP and as the first frame of a TCP connection, and nobody
// else's; a probe becomes no path.
func TestProbe(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run(host, func(t *testing.T) {
			ip := net.ParseIP(host)
			udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: ip})
			if err != nil {
				t.Skipf("no address %s: %v", host, err)
			}
			tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: ip, Port: udp.LocalAddr().(*net.UDPAddr).Port})
			if err != nil {
				t.Skipf("no TCP port of that number: %v", err)
			}
			const ufrag, password = "probe-of-a-test", "a-password-of-a-probe-32-characters"
			s, err := New(Config{UDP: []net.PacketConn{udp}, TCP: tcp, Events: noEvents{}, Addresses: func(netip.Addr) []netip.Addr { return nil },
				Probe: func(u []byte) (string, bool) { return password, string(u) == ufrag }})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			build := func(user, with string) *stun.Message {
				m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(user), stun.NewShortTermIntegrity(with), stun.Fingerprint)
				if err != nil {
					t.Fatal(err)
				}
				return m
			}
			indication := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodBinding, stun.ClassIndication), stun.NewUsername(ufrag+":check"),
				stun.NewShortTermIntegrity(password), stun.Fingerprint)
			good := build(ufrag+":check", password)
			check := func(b []byte, from netip.AddrPort) {
				t.Helper()
				m := &stun.Message{Raw: b}
				if err := m.Decode(); err != nil {
					t.Fatal(err)
				}
				var mapped stun.XORMappedAddress
				if m.TransactionID != good.TransactionID || stun.NewShortTermIntegrity(password).Check(m) != nil || mapped.GetFrom(m) != nil {
					t.Fatalf("not the answer: %v", m)
				}
				if at, _ := netip.AddrFromSlice(mapped.IP); at.Unmap() != from.Addr().Unmap() || mapped.Port != int(from.Port()) {
					t.Errorf("seen from %v, came from %v", mapped, from)
				}
			}

			t.Run("udp", func(t *testing.T) {
				conn, err := net.DialUDP("udp", nil, udp.LocalAddr().(*net.UDPAddr))
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				for _, stranger := range []*stun.Message{build(ufrag+":check", password+"x"), build("other:check", password), build(ufrag, password), indication} {
					_, _ = conn.Write(stranger.Raw)
				}
				_, _ = conn.Write(good.Raw)
				b := make([]byte, 1500)
				_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
				n, err := conn.Read(b) // the first answer is the good one's: a stranger's would have come before
				if err != nil {
					t.Fatal(err)
				}
				check(b[:n], conn.LocalAddr().(*net.UDPAddr).AddrPort())
				s.port.mu.RLock()
				known := len(s.port.addresses)
				s.port.mu.RUnlock()
				if known != 0 {
					t.Error("a probe made a path")
				}
			})
			t.Run("tcp", func(t *testing.T) {
				dial := func(m *stun.Message) (net.Conn, []byte, error) {
					conn, err := net.Dial("tcp", tcp.Addr().String())
					if err != nil {
						t.Fatal(err)
					}
					_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(m.Raw))), m.Raw...))
					_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
					all, err := io.ReadAll(conn)
					return conn, all, err
				}
				conn, all, err := dial(good)
				conn.Close()
				if err != nil || len(all) < 2 || int(binary.BigEndian.Uint16(all)) != len(all)-2 {
					t.Fatalf("%x, %v", all, err)
				}
				check(all[2:], conn.LocalAddr().(*net.TCPAddr).AddrPort())
				for _, stranger := range []*stun.Message{build(ufrag+":check", password+"x"), build("other:check", password), indication} {
					conn, all, _ := dial(stranger)
					conn.Close()
					if len(all) != 0 {
						t.Errorf("a stranger was answered: %x", all)
					}
				}
			})
		})
	}
}

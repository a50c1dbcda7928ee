package relay

import (
	"crypto/rand"
	"encoding/binary"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"huisclos/media"
	"huisclos/media/transport"
)

const mediaPort = 8443

// The appliance's own addresses in tests. None of them is one of this machine: what arrives came by memory.
var (
	own4    = netip.MustParseAddr("192.0.2.10")
	private = netip.MustParseAddr("10.1.2.3")
	own6    = netip.MustParseAddr("2001:db8::10")
)

// stage is a relay with both ways in on loopback.
type stage struct {
	t      testing.TB
	relay  *Relay
	offset atomic.Int64 // of its clock
	tcp    net.Listener
	udp    net.PacketConn
}

func newStage(t testing.TB, limits Limits) *stage {
	t.Helper()
	s := &stage{t: t}
	var err error
	s.relay, err = New(Config{Ports: []int{mediaPort}, Own: func(a netip.Addr) bool { return a == own4 || a == private || a == own6 },
		Random: rand.Reader, Now: s.now, Limits: limits})
	must(t, err)
	t.Cleanup(s.relay.Close)
	s.tcp, err = net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { s.tcp.Close() })
	go s.relay.Serve(s.tcp)
	s.udp, err = net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { s.udp.Close() })
	// Over UDP clients come to the media port itself.
	port, err := transport.New(transport.Config{UDP: []net.PacketConn{s.udp}, Relay: withoutMedia{s.relay, make(chan struct{})}, Events: deaf{},
		Addresses: func(netip.Addr) []netip.Addr { return nil }})
	must(t, err)
	t.Cleanup(port.Close)
	return s
}

// withoutMedia leaves the media plane's side to the test.
type withoutMedia struct {
	*Relay
	closed chan struct{}
}

func (w withoutMedia) Media() net.PacketConn { return nothing{closed: w.closed} }

// nothing is a socket on which nothing comes.
type nothing struct {
	noDeadlines
	closed chan struct{}
}

func (n nothing) ReadFrom([]byte) (int, net.Addr, error) {
	<-n.closed
	return 0, nil, net.ErrClosed
}
func (nothing) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }
func (nothing) LocalAddr() net.Addr                       { return &net.UDPAddr{} }
func (n nothing) Close() error                            { close(n.closed); return nil }

// deaf is who hears of media here.
type deaf struct{}

func (deaf) Offer(media.CallID, media.PeerID, string, []media.Track)            {}
func (deaf) Connected(media.CallID, media.PeerID, bool, string)                 {}
func (deaf) Failed(media.CallID, media.PeerID, bool)                            {}
func (deaf) Layers(media.CallID, media.PeerID, []media.StreamLayers)            {}
func (deaf) Refused(media.CallID, media.PeerID, map[media.RefusedReason]uint64) {}

func (s *stage) now() time.Time { return time.Now().Add(time.Duration(s.offset.Load())) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// ways are both ways in.
var ways = []string{"tcp", "udp"}

// dial gives a client's side of one way as packets.
func (s *stage) dial(way string) (conn net.PacketConn, server net.Addr) {
	s.t.Helper()
	if way == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		must(s.t, err)
		s.t.Cleanup(func() { c.Close() })
		return c, s.udp.LocalAddr()
	}
	c, err := net.Dial("tcp", s.tcp.Addr().String())
	must(s.t, err)
	s.t.Cleanup(func() { c.Close() })
	return turn.NewSTUNConn(c), s.tcp.Addr()
}

// client is pion's, which knows nothing of our gate.
func (s *stage) client(way, username, password string) *turn.Client {
	s.t.Helper()
	conn, server := s.dial(way)
	c, err := turn.NewClient(&turn.ClientConfig{STUNServerAddr: server.String(), TURNServerAddr: server.String(), Conn: conn,
		Username: username, Password: password, LoggerFactory: quiet{}})
	must(s.t, err)
	must(s.t, c.Listen())
	s.t.Cleanup(c.Close)
	return c
}

func (s *stage) credential(account string) (username, password string) {
	username, password, _ = s.relay.Credential(account, "session", s.now())
	return username, password
}

// raw is a client that says what it is told to.
type raw struct {
	t                  testing.TB
	conn               net.PacketConn
	server             net.Addr
	username, password string
	nonce              stun.Nonce
}

func (s *stage) raw(way, account string) *raw {
	s.t.Helper()
	r := &raw{t: s.t}
	r.conn, r.server = s.dial(way)
	r.username, r.password = s.credential(account)
	return r
}

type attribute struct {
	kind  stun.AttrType
	value []byte
}

func (a attribute) AddTo(m *stun.Message) error { m.Add(a.kind, a.value); return nil }

func number(kind stun.AttrType, n uint32) attribute {
	return attribute{kind, binary.BigEndian.AppendUint32(nil, n)}
}

var transportUDP = number(stun.AttrRequestedTransport, protocolUDP<<24)

// peerOf writes XOR-PEER-ADDRESS as an attacker would: an IPv4-mapped address as family 2.
func peerOf(a netip.AddrPort) stun.Setter { return peerSetter(a) }

type peerSetter netip.AddrPort

func (p peerSetter) AddTo(m *stun.Message) error {
	a := netip.AddrPort(p)
	value := []byte{0, 1}
	if a.Addr().Is6() {
		value[1] = 2
	}
	value = binary.BigEndian.AppendUint16(value, a.Port()^0x2112)
	pad := binary.BigEndian.AppendUint32(nil, 0x2112a442)
	pad = append(pad, m.TransactionID[:]...)
	for i, octet := range a.Addr().AsSlice() {
		value = append(value, octet^pad[i])
	}
	m.Add(stun.AttrXORPeerAddress, value)
	return nil
}

func (r *raw) write(b []byte) {
	r.t.Helper()
	_, err := r.conn.WriteTo(b, r.server)
	must(r.t, err)
}

// read gives the next message, or nil when none comes.
func (r *raw) read(within time.Duration) []byte {
	b := make([]byte, 2048)
	must(r.t, r.conn.SetReadDeadline(time.Now().Add(within)))
	n, _, err := r.conn.ReadFrom(b)
	if err != nil {
		return nil
	}
	return b[:n]
}

// request asks with credentials and gives the answer: its error code, or zero for success.
func (r *raw) request(method stun.Method, more ...stun.Setter) (*stun.Message, stun.ErrorCode) {
	r.t.Helper()
	for range 2 {
		setters := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, more...)
		if r.nonce != nil {
			setters = append(setters, stun.NewUsername(r.username), stun.NewRealm(Realm), r.nonce,
				stun.NewLongTermIntegrity(r.username, Realm, r.password))
		}
		m, err := stun.Build(append(setters, stun.Fingerprint)...)
		must(r.t, err)
		r.write(m.Raw)
		answer := &stun.Message{Raw: r.read(5 * time.Second)}
		if len(answer.Raw) == 0 {
			r.t.Fatalf("%v: no answer", method)
		}
		must(r.t, answer.Decode())
		if answer.TransactionID != m.TransactionID || answer.Type.Method != method {
			r.t.Fatalf("%v: another answer %v", method, answer)
		}
		if answer.Type.Class == stun.ClassSuccessResponse {
			must(r.t, stun.NewLongTermIntegrity(r.username, Realm, r.password).Check(answer))
			return answer, 0
		}
		var code stun.ErrorCodeAttribute
		must(r.t, code.GetFrom(answer))
		first := r.nonce == nil
		if code.Code == stun.CodeUnauthorized || code.Code == stun.CodeStaleNonce {
			must(r.t, r.nonce.GetFrom(answer))
			if first {
				continue
			}
		} else {
			must(r.t, stun.NewLongTermIntegrity(r.username, Realm, r.password).Check(answer))
		}
		return answer, code.Code
	}
	panic("unreachable: the second time there is a nonce")
}

func (r *raw) allocate(more ...stun.Setter) stun.ErrorCode {
	r.t.Helper()
	_, code := r.request(stun.MethodAllocate, append([]stun.Setter{transportUDP}, more...)...)
	return code
}

// indicate sends data to a peer by a Send indication.
func (r *raw) indicate(peer netip.AddrPort, data string) {
	r.t.Helper()
	m, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), peerOf(peer), attribute{stun.AttrData, []byte(data)})
	must(r.t, err)
	r.write(m.Raw)
}

// heard gives what media hears next, and from where; "" when nothing comes.
func (s *stage) heard(within time.Duration) (string, *net.UDPAddr) {
	give := func(p *packet) (string, *net.UDPAddr) {
		b := make([]byte, 2048)
		n, from := p.give(b)
		return string(b[:n]), from.(*net.UDPAddr)
	}
	select {
	case p := <-s.relay.media.queue:
		return give(p)
	default:
	}
	select {
	case p := <-s.relay.media.queue:
		return give(p)
	case <-time.After(within):
		return "", nil
	}
}

func at(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, mediaPort) }

func udpAddr(a netip.AddrPort) *net.UDPAddr { return net.UDPAddrFromAddrPort(a) }

func eachWay(t *testing.T, f func(t *testing.T, way string)) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) { f(t, way) })
	}
}

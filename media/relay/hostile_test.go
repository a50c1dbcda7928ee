package relay

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// countingSocket is a UDP socket that counts what leaves by it.
type countingSocket struct {
	noDeadlines
	mu             sync.Mutex
	answers, bytes int
	last           []byte
}

func (c *countingSocket) WriteTo(b []byte, _ net.Addr) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers++
	c.bytes += len(b)
	c.last = append(c.last[:0], b...)
	return len(b), nil
}
func (*countingSocket) ReadFrom([]byte) (int, net.Addr, error) { return 0, nil, io.EOF }
func (*countingSocket) LocalAddr() net.Addr                    { return &net.UDPAddr{} }
func (*countingSocket) Close() error                           { return nil }

func (c *countingSocket) count() int {
	n, _ := c.total()
	return n
}

func (c *countingSocket) total() (answers, octets int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answers, c.bytes
}

// badAllocates are requests that come to nothing: without credentials, and with wrong ones.
func badAllocates(t testing.TB, s *stage) [][]byte {
	t.Helper()
	username, _ := s.credential("alice")
	nonce := stun.NewNonce("0123456789")
	plain := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), transportUDP)
	wrong := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), transportUDP, stun.NewUsername(username),
		stun.NewRealm(Realm), nonce, stun.NewLongTermIntegrity(username, Realm, "guess"))
	return [][]byte{plain.Raw, wrong.Raw}
}

// heap is what is in use after everything that can go is gone.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestFloodOverUDP: 10,000 bad requests from 10,000 networks, and as many from one, leave nothing behind; the answers are
// few, and hardly larger than the questions.
func TestFloodOverUDP(t *testing.T) {
	s := newStage(t, Limits{})
	bad := badAllocates(t, s)
	out := &countingSocket{}
	flood := func(from func(i int) netip.AddrPort) (sent int) {
		for i := range 10_000 {
			s.relay.FromClient(bad[i%2], from(i), out)
			sent += len(bad[i%2])
		}
		until(t, "the queue is empty", func() bool { return len(s.relay.datagrams.queue) == 0 })
		time.Sleep(20 * time.Millisecond)
		return sent
	}
	flood(func(i int) netip.AddrPort { return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, 9}), 9) }) // everything is set up
	memory, goroutines, first := heap(), runtime.NumGoroutine(), out.count()
	if first == 0 || first > prefixBurst+prefixRate*5 {
		t.Errorf("%d answers to one network", first)
	}
	sent := flood(func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{20 + byte(i>>14), byte(i >> 6), byte(i << 2), 1}), uint16(1024+i))
	})
	after, now := heap(), runtime.NumGoroutine()
	answers, octets := out.total()
	t.Logf("20,000 bad requests: %d answers of %d octets altogether for %d octets; heap %d -> %d, goroutines %d -> %d",
		answers, octets, 2*sent, memory, after, goroutines, now)
	if after > memory+128<<10 || now > goroutines {
		t.Errorf("heap %d -> %d, goroutines %d -> %d", memory, after, goroutines, now)
	}
	if n := out.count() - first; n > strangerBurst+strangerRate*5 {
		t.Errorf("%d answers to 10,000 networks", n)
	}
	if s.relay.Allocations() != 0 || len(s.relay.datagrams.clients) != 0 || len(s.relay.accounts) != 0 || len(s.relay.allocations) != 0 {
		t.Error("something was made for strangers")
	}
}

// TestNoAmplification: what a stranger can send to somebody else in another's name.
func TestNoAmplification(t *testing.T) {
	s := newStage(t, Limits{})
	const headers = 20 + 8 // IPv4 and UDP
	for name, question := range map[string][]byte{
		"the shortest": stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest)).Raw,
		"a browser's":  badAllocates(t, s)[0], "with a wrong password": badAllocates(t, s)[1],
	} {
		out := &countingSocket{}
		s.relay.FromClient(question, netip.MustParseAddrPort("198.51.100.77:7"), out)
		until(t, "an answer", func() bool { return out.count() == 1 })
		_, octets := out.total()
		factor := float64(octets+headers) / float64(len(question)+headers)
		t.Logf("%s: %d octets give %d: %.1f times as much on the wire", name, len(question), octets, factor)
		if factor > 2.5 {
			t.Errorf("%s: %d octets give %d", name, len(question), octets)
		}
	}
}

// TestFloodOverTCP: a connection that gets nowhere is cut, and leaves nothing behind.
func TestFloodOverTCP(t *testing.T) {
	s := newStage(t, Limits{})
	bad := badAllocates(t, s)
	flood := func(connections int) {
		for range connections {
			c, err := net.Dial("tcp", s.tcp.Addr().String())
			must(t, err)
			for i := range 3 * maxStrange {
				if _, err := c.Write(bad[i%2]); err != nil {
					break
				}
			}
			if !cut(c) {
				t.Error("a connection with too many bad requests stays open")
			}
			c.Close()
		}
	}
	flood(5)
	memory, goroutines := heap(), runtime.NumGoroutine()
	flood(10_000 / maxStrange)
	until(t, "all are gone", func() bool {
		s.relay.streams.mu.Lock()
		defer s.relay.streams.mu.Unlock()
		return len(s.relay.streams.open) == 0 && len(s.relay.streams.waiting) == 0
	})
	until(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines })
	if after := heap(); after > memory+256<<10 {
		t.Errorf("heap %d -> %d", memory, after)
	}
	if s.relay.Allocations() != 0 || len(s.relay.accounts) != 0 {
		t.Error("something was made for strangers")
	}
}

// cut says whether the far end ended a connection, with or without a reset.
func cut(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, err := io.Copy(io.Discard, c)
	var timeout net.Error
	return !errors.As(err, &timeout) || !timeout.Timeout()
}

// TestWaitingConnectionsAreBounded: those that say nothing fill their places and nobody else's.
func TestWaitingConnectionsAreBounded(t *testing.T) {
	// ASVS 17.1.2
	s := newStage(t, Limits{Waiting: 3})
	member := s.raw("tcp", "alice")
	if code := member.allocate(); code != 0 {
		t.Fatal(code)
	}
	for range 3 {
		c, err := net.Dial("tcp", s.tcp.Addr().String())
		must(t, err)
		defer c.Close()
	}
	until(t, "all places are taken", func() bool { return len(s.relay.streams.waiting) == 3 })
	c, err := net.Dial("tcp", s.tcp.Addr().String())
	must(t, err)
	defer c.Close()
	if !cut(c) {
		t.Error("one more is not closed")
	}
	if _, code := member.request(stun.MethodRefresh); code != 0 {
		t.Errorf("a member beside them: %d", code)
	}
	// A member that gives its allocation back waits like everybody else, and there is no place.
	if _, code := member.request(stun.MethodRefresh, number(stun.AttrLifetime, 0)); code != 0 {
		t.Fatal(code)
	}
	if b := member.read(5 * time.Second); b != nil {
		t.Errorf("%x", b)
	}
}

// fakeConn is a TCP connection's reading side that remembers its deadlines.
type fakeConn struct {
	net.Conn
	in       io.Reader
	mu       sync.Mutex
	out      bytes.Buffer
	deadline time.Time
	closed   chan struct{}
	once     sync.Once
}

func newFakeConn(in io.Reader) *fakeConn { return &fakeConn{in: in, closed: make(chan struct{})} }

func (f *fakeConn) Read(b []byte) (int, error) { return f.in.Read(b) }
func (f *fakeConn) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.out.Write(b)
}
func (f *fakeConn) Close() error         { f.once.Do(func() { close(f.closed) }); return nil }
func (f *fakeConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(198, 51, 100, 1), Port: 1} }
func (f *fakeConn) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 10), Port: 443} }
func (f *fakeConn) SetReadDeadline(t time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deadline = t
	return nil
}
func (f *fakeConn) SetWriteDeadline(time.Time) error { return nil }

// TestSlowloris: a connection has ten seconds from its beginning to an allocation, however it spends them.
func TestSlowloris(t *testing.T) {
	s := newStage(t, Limits{})
	in, _ := io.Pipe()
	defer in.Close()
	c := newFakeConn(in)
	begun := time.Now()
	s.relay.ServeConn(c)
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.deadline.Sub(begun); d < allocateWithin-time.Second || d > allocateWithin+time.Second {
		t.Errorf("deadline after %v", d)
	}
}

// TestStreamFraming: messages in any pieces are read; what is none ends the connection at once.
func TestStreamFraming(t *testing.T) {
	s := newStage(t, Limits{})
	question := badAllocates(t, s)[0]
	c, err := net.Dial("tcp", s.tcp.Addr().String())
	must(t, err)
	defer c.Close()
	for range 2 {
		for _, octet := range question {
			_, err := c.Write([]byte{octet})
			must(t, err)
		}
		b := make([]byte, 200)
		_, err := io.ReadAtLeast(c, b, stunHeader)
		must(t, err)
		if binary.BigEndian.Uint16(b) != 0x0113 {
			t.Errorf("answer %x", b)
		}
	}
	long := bytes.Clone(question)
	binary.BigEndian.PutUint16(long[2:], 0xfffc)
	odd := bytes.Clone(question)
	binary.BigEndian.PutUint16(odd[2:], 7)
	inner := bytes.Clone(question)
	binary.BigEndian.PutUint16(inner[stunHeader+2:], 5) // an attribute beyond the message's end
	noCookie := bytes.Clone(question)
	noCookie[4]++
	for name, b := range map[string][]byte{"HTTP": []byte("GET / HTTP/1.1\r\n\r\n"), "TLS in TLS": {0x16, 3, 1, 0, 5}, "too long": long, "no multiple of four": odd,
		"an attribute too long": inner, "no cookie": noCookie, "channel 0x5000": {0x50, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0}, "a long ChannelData": {0x40, 0, 0xff, 0xff},
		"ones": bytes.Repeat([]byte{0xff}, 40)} {
		c, err := net.Dial("tcp", s.tcp.Addr().String())
		must(t, err)
		_, err = c.Write(b)
		must(t, err)
		if !cut(c) {
			t.Errorf("%s: the connection stays open", name)
		}
		c.Close()
	}
}

// TestNotTCP: an allocation is known by addresses and ports of TCP; a pipe has none.
func TestNotTCP(t *testing.T) {
	s := newStage(t, Limits{})
	ours, theirs := net.Pipe()
	s.relay.ServeConn(theirs)
	if _, err := ours.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a pipe: %v", err)
	}
}

// TestCloseEndsAll: after Close no goroutine is left and every connection is closed.
func TestCloseEndsAll(t *testing.T) {
	before := runtime.NumGoroutine()
	r, err := New(Config{Ports: []int{mediaPort}, Own: func(netip.Addr) bool { return true }, Random: rand.Reader})
	must(t, err)
	in, inside := io.Pipe()
	c := newFakeConn(in)
	r.ServeConn(c)
	r.Close()
	inside.Close()
	select {
	case <-c.closed:
	case <-time.After(5 * time.Second):
		t.Error("a connection stays open")
	}
	late := newFakeConn(bytes.NewReader(nil))
	r.ServeConn(late)
	<-late.closed
	until(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}

func TestConfig(t *testing.T) {
	own := func(netip.Addr) bool { return false }
	for name, cfg := range map[string]Config{
		"no port": {Own: own, Random: rand.Reader}, "no addresses": {Ports: []int{1}, Random: rand.Reader}, "no random": {Ports: []int{1}, Own: own},
		"too little random": {Ports: []int{1}, Own: own, Random: bytes.NewReader(make([]byte, 10))}, "more allocations than addresses": {Ports: []int{1}, Own: own, Random: rand.Reader, Limits: Limits{Allocations: ports}},
	} {
		if _, err := New(cfg); err == nil {
			t.Error(name)
		}
	}
}

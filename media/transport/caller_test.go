package transport

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/stun/v4"
)

// listened is who a link of a test works for.
type listened struct {
	mu                 sync.Mutex
	networks           []string
	ended, rtps, rtcps int
}

func (e *listened) connected(network string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.networks = append(e.networks, network)
}
func (e *listened) rtp([]byte, *turn, time.Time)  { e.mu.Lock(); defer e.mu.Unlock(); e.rtps++ }
func (e *listened) rtcp([]byte, *turn, time.Time) { e.mu.Lock(); defer e.mu.Unlock(); e.rtcps++ }
func (e *listened) failed()                       { e.mu.Lock(); defer e.mu.Unlock(); e.ended++ }

func (e *listened) state() (connections, ended int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.networks), e.ended
}

// caller is a far end that passed the ICE check of a link and has nothing else yet. As a net.PacketConn it carries DTLS.
type caller struct {
	*net.UDPConn
	t testing.TB
}

func loopback(t testing.TB) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// newCall is a port with one link that expects a certificate, and a caller whose address is known to it.
func newCall(t testing.TB, expects []byte) (*port, *link, *listened, *caller) {
	t.Helper()
	udp := loopback(t)
	p, err := newPort([]net.PacketConn{udp}, nil, nil, nil, discard(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	e := &listened{}
	l, err := newLink(p, e, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.end() })
	far, err := net.DialUDP("udp", nil, udp.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	c := &caller{far, t}
	c.check(l)
	sum := sha256.Sum256(expects)
	if err := l.start(remote{ufrag: "far", password: "x", fingerprints: []fingerprint{{"sha-256", sum[:]}}}); err != nil {
		t.Fatal(err)
	}
	return p, l, e, c
}

// check passes the ICE check of a link, answer included.
func (c *caller) check(l *link) {
	c.t.Helper()
	known := l.credential()
	if _, err := c.Write(request(c.t, stun.NewUsername(known.ufrag+":far"), attr{stun.AttrPriority, []byte{0x6e, 0, 1, 0xff}},
		attr{stun.AttrUseCandidate, nil}, stun.NewShortTermIntegrity(known.password), stun.Fingerprint)); err != nil {
		c.t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	b := make([]byte, maxDatagram)
	if n, err := c.Read(b); err != nil || n < stunHeader || b[0] != 1 || b[1] != 1 {
		c.t.Fatalf("the check is not answered: %x, %v", b[:n], err)
	}
	_ = c.SetReadDeadline(time.Time{})
}

func (c *caller) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := c.Read(b)
	return n, c.RemoteAddr(), err
}
func (c *caller) WriteTo(b []byte, _ net.Addr) (int, error) { return c.Write(b) }

// shake shows a certificate, and signs with the key that comes with it.
func (c *caller) shake(certificate tls.Certificate) error {
	conn, err := dtls.ClientWithOptions(c, c.RemoteAddr(), dtls.WithCertificates(certificate), dtls.WithInsecureSkipVerify(true),
		dtls.WithSRTPProtectionProfiles(srtpProfiles...), dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithCipherSuites(dtlsSuites...), dtls.WithLoggerFactory(quiet{}))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	return conn.HandshakeContext(ctx)
}

func testCertificate(t testing.TB) tls.Certificate {
	t.Helper()
	certificate, _, err := newCertificate(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// A certificate is public: who shows the expected one without its key is cut before it sent anything (CVE-2022-29222).
func TestCertificateWithoutItsKey(t *testing.T) {
	certificate, own := testCertificate(t), testCertificate(t)
	stolen := tls.Certificate{Certificate: certificate.Certificate, PrivateKey: own.PrivateKey}
	for _, test := range []struct {
		name  string
		shows tls.Certificate
		ok    bool
	}{
		{"the expected one with its key", certificate, true},
		{"the expected one with another key", stolen, false},
		{"another one with its key", own, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, l, e, c := newCall(t, certificate.Certificate[0])
			err := c.shake(test.shows)
			if test.ok {
				if err != nil {
					t.Fatal(err)
				}
				until(t, "connection", func() bool { n, _ := e.state(); return n == 1 })
				return
			}
			until(t, "the connection is cut", func() bool { _, n := e.state(); return n == 1 })
			l.inMu.Lock()
			defer l.inMu.Unlock()
			if n, _ := e.state(); n != 0 || l.in != nil || err == nil {
				t.Fatalf("connected %d times, keys %v, the client's error %v", n, l.in != nil, err)
			}
		})
	}
}

// Nothing but handshake messages counts before the handshake's end: not data in the clear (CVE-2019-20786), not data of the next
// epoch, and no media.
func TestDataBeforeTheHandshakeEnds(t *testing.T) {
	certificate := testCertificate(t)
	p, l, e, c := newCall(t, certificate.Certificate[0])
	in := p.turns[0]
	early := [][]byte{
		append(record(applicationData, 0, 40)[:recordHeader], noise(40)...),
		append(record(applicationData, 1, 40)[:recordHeader], noise(40)...),
		append([]byte{0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1}, noise(100)...),
		append([]byte{0x80, 200, 0, 6, 0, 0, 0, 1}, noise(60)...),
	}
	for range 50 {
		for i, b := range early {
			in.mu.Lock()
			l.deliver(slices.Clone(b), in)
			in.mu.Unlock()
			if i == 0 && l.handshake.Count() != 0 {
				t.Fatal("data of epoch 0 reaches DTLS")
			}
		}
		until(t, "DTLS has read it", func() bool { return l.handshake.Count() == 0 })
	}
	if n, _ := e.state(); n != 0 || e.rtps+e.rtcps != 0 {
		t.Fatalf("%d connections, %d packets", n, e.rtps+e.rtcps)
	}
	// And it did no harm.
	if err := c.shake(certificate); err != nil {
		t.Fatal(err)
	}
	until(t, "connection", func() bool { n, ended := e.state(); return n == 1 && ended == 0 })
}

// A flood of fragments of handshake messages that never end, of length zero, overlapping or of contradicting lengths, costs
// neither memory without bound (CVE-2022-29189) nor a loop without end (CVE-2022-29190), and the link ends when it is told to.
func TestHandshakeIsBounded(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	certificate := testCertificate(t)
	p, l, e, c := newCall(t, certificate.Certificate[0])
	in := p.turns[0]
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	fragment := func(i, whole, at, size int) []byte {
		b := append(record(handshakeRecord, 0, 12+size)[:recordHeader], 1, byte(whole>>16), byte(whole>>8), byte(whole), byte(i>>8), byte(i),
			byte(at>>16), byte(at>>8), byte(at), byte(size>>16), byte(size>>8), byte(size))
		b[6], b[7], b[8], b[9], b[10] = 0, byte(i>>24), byte(i>>16), byte(i>>8), byte(i) // sequence number of the record
		return append(b, noise(size)...)
	}
	began := time.Now()
	for i := range 30000 {
		var b []byte
		switch i % 5 {
		case 0:
			b = fragment(i, 0xffffff, 0, 1200)
		case 1:
			b = fragment(i, 0xffffff, i*1000%0xfff000, 1200)
		case 2:
			b = fragment(0, 0, 0, 0)
		case 3:
			b = fragment(i%4, 2000, i%1500, 500)
		case 4:
			b = fragment(i%4, 3000+i%9, 2999, 0)
		}
		in.mu.Lock()
		l.deliver(b, in)
		in.mu.Unlock()
		for l.handshake.Count() > 32 && time.Since(began) < time.Minute {
			runtime.Gosched()
		}
	}
	until(t, "the flood is dealt with", func() bool { return l.handshake.Count() == 0 || l.isDone() })
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("%d KiB are held", grown>>10)
	}
	if n, _ := e.state(); n != 0 {
		t.Error("it is connected")
	}
	l.end()
	c.Close()
	p.close()
	until(t, "its goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines+2 })
	runtime.KeepAlive(p)
}

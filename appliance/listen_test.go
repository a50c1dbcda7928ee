package appliance

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"huisclos/appliance/config"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func loopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// TestProxyMayHaveMoreConnections: everybody may come through a proxy of ours, and never do they take all there are.
func TestProxyMayHaveMoreConnections(t *testing.T) {
	s := settings{Settings: config.Settings{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.20/32")}}}
	for text, want := range map[string]int{"192.0.2.20": maxFromProxy, "::ffff:192.0.2.20": maxFromProxy, "192.0.2.21": maxPerAddress, "2001:db8::1": maxPerAddress} {
		if got := s.maxFrom(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
	if s.maxFrom(netip.Addr{}) != maxPerAddress || maxFromProxy >= maxConnections || maxFromProxy <= maxPerAddress {
		t.Errorf("no address: %d; a proxy has %d of %d", s.maxFrom(netip.Addr{}), maxFromProxy, maxConnections)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	inner := loopback(t)
	l := newLimitedListener(inner, 6, func(netip.Addr) int { return 4 })
	accepted := make(chan net.Conn, 20)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	var mine []net.Conn
	for range 10 {
		c, err := net.Dial("tcp", inner.Addr().String())
		must(t, err)
		mine = append(mine, c)
		defer c.Close()
	}
	// The six that are too many for one address are closed at once.
	closed := 0
	for _, c := range mine {
		_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); err == io.EOF {
			closed++
		}
	}
	if closed != 6 {
		t.Errorf("%d of 10 connections closed, want 6", closed)
	}
	first := <-accepted
	must(t, first.Close())
	_ = first.Close() // twice counts once
	c, err := net.Dial("tcp", inner.Addr().String())
	must(t, err)
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); err == io.EOF {
		t.Error("a place that became free is not given again")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open != 4 || l.by[netip.MustParseAddr("127.0.0.1")] != 4 {
		t.Errorf("%d open, %v by address; want 4", l.open, l.by)
	}
}

func TestSplitWebByFirstByte(t *testing.T) {
	l := loopback(t)
	secure, plain := splitWeb(l)
	got := make(chan string, 2)
	for name, side := range map[string]net.Listener{"secure": secure, "plain": plain} {
		go func() {
			for {
				c, err := side.Accept()
				if err != nil {
					return
				}
				all, _ := io.ReadAll(c)
				got <- name + " " + string(all)
			}
		}()
	}
	for sent, want := range map[string]string{"\x16\x03\x01rest": "secure \x16\x03\x01rest", "GET / HTTP/1.1": "plain GET / HTTP/1.1", "\x00": "plain \x00"} {
		c, err := net.Dial("tcp", l.Addr().String())
		must(t, err)
		_, err = io.WriteString(c, sent)
		must(t, err)
		must(t, c.Close())
		if g := <-got; g != want {
			t.Errorf("%q went to %q, want %q", sent, g, want)
		}
	}
	must(t, l.Close())
	if _, err := secure.Accept(); err == nil {
		t.Error("accepts after the listener closed")
	}
}

func TestPlainHTTPIsSentToHTTPS(t *testing.T) {
	// ASVS 3.7.2, 4.1.2, 4.4.1, 12.2.1, 12.3.1
	h := toHTTPS(func(r *http.Request) bool { return r.Host == "visio.example.org:8443" })
	tests := []struct {
		method, host, target string
		status               int
		location             string
	}{
		{"GET", "visio.example.org:8443", "/r/x?y=1", 308, "https://visio.example.org:8443/r/x?y=1"},
		{"HEAD", "visio.example.org:8443", "/", 308, "https://visio.example.org:8443/"},
		{"GET", "visio.example.org:8443", "//evil.example/", 308, "https://visio.example.org:8443//evil.example/"},
		{"GET", "visio.example.org:8443", "/api/rooms", 400, ""},
		{"GET", "visio.example.org:8443", "/api/rooms/AAAAAAAAAAAAAAAAAAAAAA/signal", 400, ""},
		{"GET", "evil.example", "/", 400, ""},
		{"POST", "visio.example.org:8443", "/api/login", 400, ""},
		{"GET", "visio.example.org:8443", "http://evil.example/", 400, ""},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(tt.method, "/", nil)
		r.Host = tt.host
		u, err := r.URL.Parse(tt.target)
		if tt.target[0] == '/' {
			u, err = r.URL, nil
			u.Path, u.RawQuery = tt.target, ""
			if tt.target == "/r/x?y=1" {
				u.Path, u.RawQuery = "/r/x", "y=1"
			}
		} else {
			r.Host = u.Host // as net/http does with an absolute target
		}
		must(t, err)
		r.URL = u
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.status || w.Header().Get("Location") != tt.location {
			t.Errorf("%s %s%s: %d %q, want %d %q", tt.method, tt.host, tt.target, w.Code, w.Header().Get("Location"), tt.status, tt.location)
		}
	}
}

// TestTheOtherPortLeadsToOurs: a port of plain HTTP sends visitors to our port under the name that they used.
func TestTheOtherPortLeadsToOurs(t *testing.T) {
	own := func(r *http.Request) bool { return !strings.HasPrefix(r.Host, "evil") }
	for _, tt := range []struct {
		port       int
		host, want string
	}{
		{443, "visio.example.org", "https://visio.example.org/r/x"}, {443, "visio.example.org:80", "https://visio.example.org/r/x"},
		{8443, "visio.example.org", "https://visio.example.org:8443/r/x"}, {443, "[2001:db8::1]", "https://[2001:db8::1]/r/x"},
		{8443, "[2001:db8::1]:80", "https://[2001:db8::1]:8443/r/x"}, {443, "evil.example", ""},
	} {
		r := httptest.NewRequest("GET", "/r/x", nil)
		r.Host = tt.host
		w := httptest.NewRecorder()
		fromOtherPort(tt.port, toHTTPS(own)).ServeHTTP(w, r)
		if got := w.Header().Get("Location"); got != tt.want {
			t.Errorf("%s on port %d: %q, want %q", tt.host, tt.port, got, tt.want)
		}
	}
}

// TestDoor: connections, knocks and errors come through; after the end there is neither.
func TestDoor(t *testing.T) {
	l := loopback(t)
	d := newDoor(l)
	c, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	defer c.Close()
	in, err := d.Accept()
	must(t, err)
	defer in.Close()
	if in.RemoteAddr().String() != c.LocalAddr().String() {
		t.Errorf("another connection: %v", in.RemoteAddr())
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := d.knock(short); err == nil {
		t.Error("a knock that nobody hears")
	}
	go func() { _, _ = d.Accept() }()
	k, err := d.knock(t.Context())
	must(t, err)
	defer k.Close()
	waiting, err := net.Dial("tcp", l.Addr().String()) // accepted, and not taken
	must(t, err)
	defer waiting.Close()
	must(t, d.Close())
	if _, err := d.knock(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	_ = waiting.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := waiting.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("what nobody took stays open: %v", err)
	}
	broken := newDoor(loopback(t))
	must(t, broken.Listener.Close())
	if _, err := broken.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener's error: %v", err)
	}
	_ = broken.Close()
}

func TestSocketsShareOneNumber(t *testing.T) {
	s, err := openSockets("127.0.0.1:0", none)
	must(t, err)
	defer s.close()
	if udp := s.udp[0].LocalAddr().(*net.UDPAddr).Port; udp != s.port() {
		t.Errorf("TCP %d, UDP %d", s.port(), udp)
	}
	if _, err := openSockets(s.tcp.Addr().String(), none); err == nil {
		t.Error("the same address twice")
	}
	if _, err := openSockets("8443", none); err == nil {
		t.Error("an address without a colon")
	}
}

func TestAddressesAreMaskedInLogs(t *testing.T) {
	// ASVS 16.2.5
	for in, want := range map[string]string{"192.0.2.77": "192.0.2.0/24", "2001:db8:1:2::3": "2001:db8:1::/48", "::ffff:192.0.2.77": "192.0.2.0/24"} {
		if got := mask(netip.MustParseAddr(in)); got != want {
			t.Errorf("mask(%s) = %s, want %s", in, got, want)
		}
	}
	if got := mask(netip.Addr{}); got != "-" {
		t.Errorf("mask of nothing: %s", got)
	}
	for in, want := range map[string]string{
		"http: TLS handshake error from 192.0.2.77:51234: EOF":            "http: TLS handshake error from 192.0.2.0/24: EOF",
		"http: TLS handshake error from [2001:db8:1:2::3]:51234: timeout": "http: TLS handshake error from 2001:db8:1::/48: timeout",
		"from [fe80::1%eth0]:1: x":                                        "from fe80::/48: x",
		"http: nothing to hide":                                           "http: nothing to hide",
	} {
		if got := maskText(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestQueueDoesNotLeak(t *testing.T) {
	q := newQueue(loopback(t))
	var wg sync.WaitGroup
	ours, theirs := net.Pipe()
	wg.Go(func() { q.give(ours) })
	must(t, q.Close())
	wg.Wait()
	if _, err := theirs.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a connection that nobody serves stays open: %v", err)
	}
}

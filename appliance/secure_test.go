package appliance

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"huisclos/crypto/certtest"
)

// secureStage serves HTTP and collects what is TURN, on one port, with the limits of the product.
func secureStage(t *testing.T, limit int) (address string, turned chan net.Conn, said *bytes.Buffer) {
	t.Helper()
	l := loopback(t)
	turned, said = make(chan net.Conn, 16), &bytes.Buffer{}
	cfg := &tls.Config{Certificates: []tls.Certificate{certtest.SelfSigned(t, certtest.For{}).TLS}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	web := splitSecure(newLimitedListener(l, limit, func(netip.Addr) int { return limit }), cfg, func(c net.Conn) { turned <- c }, log.New(said, "", 0))
	server := &http.Server{ReadHeaderTimeout: headerWithin, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || !r.TLS.HandshakeComplete {
			t.Error("a request without its TLS state")
			return
		}
		fmt.Fprintf(w, "%s %s by %q", r.Method, r.URL.Path, r.TLS.NegotiatedProtocol)
	})}
	go server.Serve(web)
	t.Cleanup(func() { server.Close() })
	return l.Addr().String(), turned, said
}

func secureDial(t *testing.T, address string, alpn ...string) *tls.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: alpn})
	must(t, err)
	t.Cleanup(func() { c.Close() })
	must(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	return c
}

// TestTURNAndHTTPSOnOnePort: ALPN decides where it names TURN, else the first octet; HTTP keeps its TLS state
// either way, and further requests on the connection.
func TestTURNAndHTTPSOnOnePort(t *testing.T) {
	address, turned, _ := secureStage(t, 100)
	for _, alpn := range [][]string{{"http/1.1"}, {"h2", "http/1.1"}, {"stun.turn", "http/1.1"}, nil} {
		c := secureDial(t, address, alpn...)
		in := bufio.NewReader(c)
		want := c.ConnectionState().NegotiatedProtocol
		if len(alpn) > 0 && want != "http/1.1" {
			t.Fatalf("%v: %q", alpn, want)
		}
		for _, path := range []string{"/first", "/second"} {
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
			res, err := http.ReadResponse(in, nil)
			must(t, err)
			body, err := io.ReadAll(res.Body)
			must(t, err)
			if got := string(body); got != fmt.Sprintf("GET %s by %q", path, want) {
				t.Errorf("%v: %q", alpn, got)
			}
		}
	}
	for _, alpn := range [][]string{{"stun.turn"}, nil, {"h2", "http/1.1"}} {
		c := secureDial(t, address, alpn...)
		_, err := c.Write([]byte{0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42})
		must(t, err)
		select {
		case s := <-turned:
			b := make([]byte, 8)
			if _, err := io.ReadFull(s, b); err != nil || !bytes.Equal(b, []byte{0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42}) {
				t.Errorf("%v: TURN reads %x, %v", alpn, b, err)
			}
			if _, ok := s.RemoteAddr().(*net.TCPAddr); !ok {
				t.Errorf("TURN sees %v", s.RemoteAddr())
			}
			s.Close()
		case <-time.After(10 * time.Second):
			t.Fatalf("%v: nothing came to TURN", alpn)
		}
	}
	if _, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}); err == nil {
		t.Error("a protocol that we do not speak is agreed on")
	}
}

// TestSecureIsBoundedBeforeItsFirstOctet: who shakes no hand, and who says nothing after it, holds a place that is counted,
// for as long as a header may take, and no longer.
func TestSecureIsBoundedBeforeItsFirstOctet(t *testing.T) {
	address, _, _ := secureStage(t, 2)
	begun := time.Now()
	raw, err := net.Dial("tcp", address)
	must(t, err)
	defer raw.Close()
	idle := secureDial(t, address)
	third, err := net.Dial("tcp", address)
	must(t, err)
	defer third.Close()
	must(t, third.SetReadDeadline(time.Now().Add(3*time.Second)))
	if _, err := third.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("one too many: %v", err)
	}
	for name, c := range map[string]net.Conn{"no handshake": raw, "no octet": idle} {
		must(t, c.SetReadDeadline(time.Now().Add(3*headerWithin)))
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Errorf("%s: data", name)
		}
		if d := time.Since(begun); d < headerWithin-time.Second || d > headerWithin+3*time.Second {
			t.Errorf("%s: closed after %v", name, d)
		}
	}
	c := secureDial(t, address, "http/1.1") // the places are free again
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if all, err := io.ReadAll(c); err != nil || !bytes.Contains(all, []byte("GET / by")) {
		t.Errorf("%q, %v", all, err)
	}
}

package transport

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func splitOn(t *testing.T) (address string, web, ice, turn net.Listener) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web, ice, turn = SplitTCP(ln)
	t.Cleanup(func() { web.Close() })
	return ln.Addr().String(), web, ice, turn
}

func TestSplitTCP(t *testing.T) {
	address, web, ice, turn := splitOn(t)
	type arrival struct {
		at  string
		all string
	}
	arrivals := make(chan arrival, 1)
	for name, ln := range map[string]net.Listener{"web": web, "ice": ice, "turn": turn} {
		go func() {
			for {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				b, _ := io.ReadAll(conn)
				conn.Close()
				arrivals <- arrival{name, string(b)}
			}
		}()
	}
	for _, test := range []struct{ sent, at string }{
		{"\x16\x03\x01\x00\x05hello", "web"},
		{"GET / HTTP/1.1\r\n\r\n", "web"},
		{"\x00\x1cframe", "ice"},
		{"\x01\x04frame", "ice"},
		{"\x00", "ice"}, // that it is too short is for others to say
		{"\x00\x6c\x00\x01\x00\x58\x21\x12\xa4\x42 a check", "ice"},
		{"\x00\x03\x00\x08\x21\x12\xa4\x42 an Allocate request", "turn"},
		{"\x00\x01\x00\x00\x21\x12\xa4\x42", "turn"},
		{"\x00\x03", "turn"},
		{"\x00\x00\x00\x00", "ice"},
		{"\x00\x14 the shortest check", "ice"},
		{"\x01\x03 a long check", "ice"},
		{"\x02", "web"},
		{"\xff\xff", "web"},
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(test.sent)); err != nil {
			t.Fatal(err)
		}
		conn.(*net.TCPConn).CloseWrite()
		select {
		case got := <-arrivals:
			if got.at != test.at || got.all != test.sent {
				t.Fatalf("%q arrived at %s as %q", test.sent, got.at, got.all)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%q arrived nowhere", test.sent)
		}
		conn.Close()
	}
}

func TestSplitTCPEndsTogether(t *testing.T) {
	address, web, ice, turn := splitOn(t)
	if web.Addr().String() != address || ice.Addr().String() != address || turn.Addr().String() != address {
		t.Fatalf("%v, %v and %v are not %s", web.Addr(), ice.Addr(), turn.Addr(), address)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := web.Accept()
		ended <- err
	}()
	ice.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Fatalf("%v", err)
	}
	if _, err := net.DialTimeout("tcp", address, time.Second); err == nil {
		t.Fatal("the port still answers")
	}
}

// A connection that says nothing is not held for long, and does not stop others.
func TestSplitTCPAndTheSilent(t *testing.T) {
	address, web, _, _ := splitOn(t)
	for range 50 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	silent, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	loud, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer loud.Close()
	if _, err := loud.Write([]byte{0x16}); err != nil {
		t.Fatal(err)
	}
	conn, err := web.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	begun := time.Now()
	silent.SetReadDeadline(begun.Add(firstByteWithin + 5*time.Second))
	if _, err := silent.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatalf("the silent connection: %v after %v", err, time.Since(begun))
	}
}

// FuzzSplitHead: whatever comes first, what is read behind the split is
// what was sent, from its first byte.
func FuzzSplitHead(f *testing.F) {
	f.Add([]byte{0x16, 3, 1}, uint8(1))
	f.Add([]byte{0, 20, 1}, uint8(2))
	f.Add([]byte("\x00\x03\x00\x08\x21\x12\xa4\x42 an Allocate request"), uint8(3))
	f.Fuzz(func(t *testing.T, sent []byte, chunk uint8) {
		if len(sent) == 0 {
			return
		}
		near, far := net.Pipe()
		defer near.Close()
		begun := make(chan struct{})
		go func() {
			far.Write(sent)
			if sent[0] > 1 || len(sent) >= headSize {
				<-begun // a pipe whose far end closed takes no deadlines
			}
			far.Close()
		}()
		head, ok := begin(near)
		close(begun)
		if !ok || len(head) == 0 || !strings.HasPrefix(string(sent), string(head)) {
			t.Fatalf("%x %v of %x", head, ok, sent)
		}
		conn := &begunConn{Conn: near, head: head}
		var got []byte
		b := make([]byte, int(chunk)+1)
		for {
			n, err := conn.Read(b)
			got = append(got, b[:n]...)
			if err != nil {
				break
			}
		}
		if string(got) != string(sent) {
			t.Fatalf("%x became %x", sent, got)
		}
	})
}

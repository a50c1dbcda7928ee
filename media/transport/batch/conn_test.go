//go:build linux && (amd64 || arm64)

package batch

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestCloseAndDeadline(t *testing.T) {
	udp, c := listen(t, "udp", "[::]:0")
	r := reader(t, c)
	udp.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := r.Read(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
	udp.SetReadDeadline(time.Time{})
	ended := make(chan error)
	go func() {
		_, err := r.Read()
		ended <- err
	}()
	time.Sleep(10 * time.Millisecond) // so that the Read waits; it holds without as well
	udp.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("close: %v", err)
	}
	w := c.NewWriter(0)
	w.Queue(netip.MustParseAddrPort("127.0.0.1:9"), w.Reserve(10))
	if err := w.Flush(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("flush after close: %v", err)
	}
	if s := c.Stats(); s.Refused != 1 || w.Queued() != 0 {
		t.Errorf("%+v", s)
	}
}

// A socket as systemd hands one over: a file, which net.FilePacketConn or a non-blocking descriptor makes fit for the poller.
func TestFile(t *testing.T) {
	udp, _ := listen(t, "udp4", "127.0.0.1:0")
	f, err := udp.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.SetNonblock(fd, true)
	own := os.NewFile(uintptr(fd), "udp")
	c, err := New(own)
	if err != nil {
		t.Fatal(err)
	}
	r := reader(t, c)
	ended := make(chan error)
	go func() {
		for {
			if _, err := r.Read(); err != nil {
				ended <- err
				return
			}
		}
	}()
	udp.WriteToUDPAddrPort([]byte("x"), local(udp))
	for c.Stats().Received == 0 {
		time.Sleep(time.Millisecond)
	}
	own.Close()
	<-ended
	pipe, _, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	if _, err := New(pipe); err == nil {
		t.Error("a pipe is no UDP socket")
	}
}

// An ICMP error that a connected socket keeps ends neither reading nor writing, and costs no datagram.
func TestICMPIsOnlyCounted(t *testing.T) {
	gone, _ := listen(t, "udp4", "127.0.0.1:0")
	dst := local(gone)
	gone.Close()
	udp, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(dst))
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	udp.SetDeadline(time.Now().Add(50 * time.Millisecond))
	c, err := New(udp)
	if err != nil {
		t.Fatal(err)
	}
	w, r := c.NewWriter(0), reader(t, c)
	for range 5 {
		w.Queue(dst, w.Reserve(10))
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Read(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	if s := c.Stats(); s.Sent != 5 || s.Refused != 0 || s.PendingErrors != 5 {
		t.Errorf("%+v", s)
	}
}

// Several Writers on one socket, beside a Reader and beside net's own way to write.
func TestWritersShareASocket(t *testing.T) {
	udp, c := listen(t, "udp4", "127.0.0.1:0")
	to, toConn := listen(t, "udp4", "127.0.0.1:0")
	const writers, turns = 4, 50
	for n := range writers {
		go func() {
			w := c.NewWriter(0)
			for range turns {
				for range 3 {
					w.Queue(local(to), packet(w.Reserve(100+n), n))
				}
				if err := w.Flush(); err != nil {
					t.Error(err)
				}
				udp.WriteToUDPAddrPort(packet(make([]byte, 100+n), n), local(to))
			}
		}()
	}
	r := reader(t, toConn)
	for got := 0; got < writers*turns*4; {
		packets, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range packets {
			if n := len(p.Data) - 100; !bytes.Equal(p.Data, packet(make([]byte, 100+n), n)) {
				t.Fatal("octets of several packets in one")
			}
		}
		got += len(packets)
	}
}

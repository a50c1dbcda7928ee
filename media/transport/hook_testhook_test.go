//go:build testhook

package transport

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"huisclos/media/transport/batch"
)

func TestRecord(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rtp")
	var h hook
	if err := h.open(Config{Hook: Hook{Record: dir}}); err != nil {
		t.Fatal(err)
	}
	h.record([]byte("first"))
	h.record(nil)
	h.record([]byte("second"))
	h.close()
	h.record([]byte("too late"))
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil || !bytes.Equal(b, []byte("\x00\x00\x00\x05first\x00\x00\x00\x00\x00\x00\x00\x06second")) {
		t.Fatalf("%q %v", b, err)
	}
	var off hook
	if err := off.open(Config{}); err != nil {
		t.Fatal(err)
	}
	off.record([]byte("nobody asked"))
	off.close()
}

// TestSends: what a socket sends is in the file, by the lengths of its sends.
func TestSends(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPort([]net.PacketConn{conn}, nil, nil, nil, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	segments, w := p.udp[0].batch.Segments(), p.udp[0].batch.NewWriter(1<<16)
	for _, n := range []int{1, 3, 3, 20} {
		for range n {
			w.Queue(conn.LocalAddr().(*net.UDPAddr).AddrPort(), make([]byte, 100))
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "sends")
	var h hook
	if err := h.open(Config{Hook: Hook{Sends: file}}); err != nil {
		t.Fatal(err)
	}
	h.watch(p)
	h.close()
	p.close()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got sends
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatalf("%q: %v", b, err)
	}
	want := batch.Lengths{1, 0, 2, 0, 0, 0, 0, 0, 0, 1}
	if !segments {
		want = batch.Lengths{27}
	}
	if got.Sent != 27 || got.Lengths != want || got.LongestOf[9] != 32 {
		t.Errorf("%+v", got)
	}
}

// TestLines: each line has a file with what was sent on it and what its receiver said.
func TestLines(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lines")
	var h hook
	if err := h.open(Config{Hook: Hook{Lines: dir}}); err != nil {
		t.Fatal(err)
	}
	p := newPacing(new(link))
	p.trace = h.trace()
	now := time.UnixMicro(77)
	p.sent(1000, now)
	p.sentAside(130, now)
	p.feedback([]byte{0, 0, 0, 1, 0, 0, 2, 7, 0x20, 0x01, 4}, now.Add(time.Millisecond))
	p.feedback([]byte("malformed"), now)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if b, err := os.ReadFile(files[0]); err != nil || string(b) != "s 77 1000\na 77 130\nf 1077 0000000100000207200104\nl 1077 0\n" {
		t.Fatalf("%q %v", b, err)
	}
	h.close()
}

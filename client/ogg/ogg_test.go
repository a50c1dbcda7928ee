package ogg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"time"
)

var header = Header{Channels: 2, PreSkip: 312, Rate: 48000}

func written(t testing.TB, packets ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, header, "test", 7)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		if err := w.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// packet is one of 20 ms (CELT, config 31) of a size.
func packet(size int, fill byte) []byte {
	p := bytes.Repeat([]byte{fill}, size)
	p[0] = 31 << 3
	return p
}

func TestWrittenAndRead(t *testing.T) {
	var packets [][]byte
	for i := range 200 {
		packets = append(packets, packet(1+i*7%900, byte(i)))
	}
	packets = append(packets, packet(255, 1), packet(510, 2), packet(254, 3)) // at the borders of the lacing
	b := written(t, packets...)
	r, err := NewReader(bytes.NewReader(b))
	if err != nil || r.Header != header {
		t.Fatalf("%+v, %v", r, err)
	}
	for i, want := range packets {
		got, err := r.Next()
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("packet %d: %d bytes, %v", i, len(got), err)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) || errors.Is(err, ErrFormat) {
		t.Errorf("after the last: %v", err)
	}
	// The last page says how long it is: 203 packets of 20 ms.
	at := bytes.LastIndex(b, []byte("OggS"))
	if got := binary.LittleEndian.Uint64(b[at+6:]); got != 203*960 || b[at+5] != last {
		t.Errorf("ends at %d, flags %d", got, b[at+5])
	}
}

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		packet []byte
		want   time.Duration
	}{
		{[]byte{0}, 10 * time.Millisecond}, {[]byte{3 << 3}, 60 * time.Millisecond}, {[]byte{13 << 3}, 20 * time.Millisecond},
		{[]byte{16 << 3}, 2500 * time.Microsecond}, {[]byte{31 << 3}, 20 * time.Millisecond}, {[]byte{31<<3 | 1}, 40 * time.Millisecond},
		{[]byte{31<<3 | 3, 3}, 60 * time.Millisecond}, {nil, 0}, {[]byte{3}, 0}, {[]byte{3, 0}, 0}, {[]byte{3<<3 | 3, 3}, 0},
	} {
		if got, ok := Duration(c.packet); ok != (c.want > 0) || ok && got != c.want {
			t.Errorf("%x: %v, %v", c.packet, got, ok)
		}
	}
	if Samples(20*time.Millisecond) != 960 || Samples(2500*time.Microsecond) != 120 {
		t.Error("samples")
	}
	if d, ok := Duration(Silence(packet(100, 1))); !ok || d != 20*time.Millisecond {
		t.Error("silence is no packet of the same length")
	}
}

func TestRefused(t *testing.T) {
	good := written(t, packet(10, 1), packet(20, 2))
	change := func(at int, b byte) []byte {
		c := bytes.Clone(good)
		c[at] = b
		return c
	}
	second := bytes.Index(good[1:], []byte("OggS")) + 1
	third := bytes.Index(good[second+1:], []byte("OggS")) + second + 1
	for name, b := range map[string][]byte{
		"nothing": nil, "half a page": good[:20], "no page": change(0, 'x'), "another version": change(4, 1), "a flipped bit": change(40, 0xff),
		"not from the beginning": good[second:], "a page is missing": append(bytes.Clone(good[:second]), good[third:]...), "no tags": good[:second],
		"cut in the sound": good[:len(good)-3],
	} {
		r, err := NewReader(bytes.NewReader(b))
		for err == nil {
			_, err = r.Next()
		}
		if !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := parseHeader(append([]byte("OpusHead\x11"), make([]byte, 10)...)); err == nil {
		t.Error("an incompatible version is read")
	}
	w, err := NewWriter(io.Discard, header, "x", 1)
	if err != nil || w.Write(nil) == nil || w.Write(packet(MaxPacket, 1)) == nil {
		t.Error("what is no packet is written")
	}
}

func FuzzReader(f *testing.F) {
	f.Add(written(f, packet(10, 1), packet(600, 2)))
	f.Add(written(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		// The fuzzer can't guess checksums: each page gets its right one.
		b = bytes.Clone(b)
		table := crcTable()
		for at := 0; at+pageHeaderSize <= len(b) && string(b[at:at+4]) == "OggS"; {
			end := at + pageHeaderSize + int(b[at+26])
			if end > len(b) {
				break
			}
			for _, l := range b[at+pageHeaderSize : end] {
				end += int(l)
			}
			if end > len(b) {
				break
			}
			clear(b[at+22 : at+26])
			binary.LittleEndian.PutUint32(b[at+22:], crc(&table, b[at:end]))
			at = end
		}
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		total := 0
		for {
			p, err := r.Next()
			if err != nil {
				return
			}
			if total += len(p); total > len(b) {
				t.Fatal("more was read than is there")
			}
			_, _ = Duration(p)
		}
	})
}

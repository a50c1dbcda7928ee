package ivf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

var header = Header{Width: 320, Height: 180, Rate: 30, Scale: 1}

func written(t testing.TB, frames ...Frame) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x.ivf")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := NewWriter(f, header)
	if err != nil {
		t.Fatal(err)
	}
	for _, frame := range frames {
		if err := w.Write(frame); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWrittenAndRead(t *testing.T) {
	frames := []Frame{{0, []byte{0x10, 1, 2}}, {1, []byte{0x11}}, {7, bytes.Repeat([]byte{3}, 70000)}}
	b := written(t, frames...)
	if n := binary.LittleEndian.Uint32(b[24:]); n != 3 {
		t.Errorf("the header counts %d frames", n)
	}
	r, err := NewReader(bytes.NewReader(b))
	if err != nil || r.Header != header {
		t.Fatalf("%+v, %v", r, err)
	}
	for i, want := range frames {
		got, err := r.Next()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("frame %d: %v", i, err)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) || errors.Is(err, ErrFormat) {
		t.Errorf("after the last: %v", err)
	}
}

func TestRefused(t *testing.T) {
	good := written(t, Frame{0, []byte{0x10, 1, 2}})
	change := func(at int, b ...byte) []byte {
		c := bytes.Clone(good)
		copy(c[at:], b)
		return c
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "half a header": good[:20], "another signature": change(0, 'R'), "another version": change(4, 1), "VP9": change(8, 'V', 'P', '9', '0'),
		"a header shorter than it is": change(6, 31), "a header longer than the file": change(6, 255), "no rate": change(16, 0, 0, 0, 0), "no scale": change(20, 0, 0, 0, 0),
		"half a frame header": good[:40], "half a frame": good[:46], "an empty frame": change(32, 0), "a frame that is too large": change(32, 0xff, 0xff, 0xff, 0xff),
	} {
		r, err := NewReader(bytes.NewReader(b))
		if err == nil {
			_, err = r.Next()
		}
		if !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSize(t *testing.T) {
	key := []byte{0x10, 0, 0, 0x9d, 1, 0x2a, 0x40, 0x41, 0xb4, 0x00}
	if w, h, ok := Size(key); !ok || w != 320 || h != 180 { // the scale stands in the two upper bits
		t.Errorf("%d×%d, %v", w, h, ok)
	}
	for _, b := range [][]byte{nil, key[:9], {0x11, 0, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xb4, 0}, {0x10, 0, 0, 0, 1, 0x2a, 0x40, 1, 0xb4, 0}} {
		if _, _, ok := Size(b); ok {
			t.Errorf("%x has a size", b)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(written(f, Frame{0, []byte{0x10, 1, 2}}, Frame{3, []byte{0x11}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		total := 0
		for {
			frame, err := r.Next()
			if err != nil {
				return
			}
			if total += len(frame.Data) + frameHeaderSize; total > len(b) {
				t.Fatal("more was read than is there")
			}
			_, _, _ = Size(frame.Data)
		}
	})
}

//go:build testhook

package transport

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
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

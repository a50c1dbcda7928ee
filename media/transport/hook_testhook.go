//go:build testhook

package transport

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Hook holds what test builds add to the configuration.
type Hook struct {
	// Record is a directory that receives every RTP payload that arrived, as it
	// is after SRTP, so that tests can search it for what must not be there.
	// Each is preceded by its length in four bytes.
	Record string
}

type hook struct {
	mu   sync.Mutex
	file *os.File
	to   *bufio.Writer
}

func (h *hook) open(cfg Config) error {
	if cfg.Record == "" {
		return nil
	}
	if err := os.MkdirAll(cfg.Record, 0o700); err != nil {
		return fmt.Errorf("transport: record: %w", err)
	}
	file, err := os.CreateTemp(cfg.Record, "rtp-*.payloads")
	if err != nil {
		return fmt.Errorf("transport: record %s: %w", filepath.Clean(cfg.Record), err)
	}
	h.file, h.to = file, bufio.NewWriter(file)
	return nil
}

func (h *hook) record(payload []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.to == nil {
		return
	}
	var size [4]byte
	binary.BigEndian.PutUint32(size[:], uint32(len(payload)))
	h.to.Write(size[:])
	h.to.Write(payload)
	h.to.Flush()
}

func (h *hook) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.to != nil {
		h.to.Flush()
		h.file.Close()
		h.to = nil
	}
}

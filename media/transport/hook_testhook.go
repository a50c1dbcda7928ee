//go:build testhook

package transport

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"huisclos/media/pace"
	"huisclos/media/transport/batch"
)

// Hook holds what test builds add to the configuration.
type Hook struct {
	// Record is a directory that receives every RTP payload that arrived, as it
	// is after SRTP, so that tests can search it for what must not be there.
	// Each is preceded by its length in four bytes.
	Record string
	// Sends is a file that receives, each second, a line of JSON with what was
	// sent over UDP since the start and in how many sends of which length
	// (batch.Stats). It is for one Server.
	Sends string
	// Lines is a directory that receives a file of each receiver's line: what was
	// sent and what the receiver said of it, as [trace] writes it.
	Lines string
}

// sends is a line of Hook.Sends.
type sends struct {
	At        int64 // milliseconds since 1970
	Sent      uint64
	Sends     uint64
	Segments  uint64
	Lengths   batch.Lengths
	LongestOf []int // of each of Lengths
}

const sendsEvery = time.Second

type hook struct {
	mu   sync.Mutex
	file *os.File
	to   *bufio.Writer

	lines string

	sends   *os.File
	stop    chan struct{}
	stopped chan struct{}
}

func (h *hook) open(cfg Config) error {
	if cfg.Sends != "" {
		file, err := os.Create(cfg.Sends)
		if err != nil {
			return fmt.Errorf("transport: sends: %w", err)
		}
		h.sends = file
	}
	if h.lines = cfg.Lines; cfg.Lines != "" {
		if err := os.MkdirAll(cfg.Lines, 0o700); err != nil {
			return fmt.Errorf("transport: lines: %w", err)
		}
	}
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

// watch writes Hook.Sends until close.
func (h *hook) watch(p *port) {
	if h.sends == nil {
		return
	}
	h.stop, h.stopped = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(h.stopped)
		defer h.sends.Close()
		to := json.NewEncoder(h.sends)
		every := time.NewTicker(sendsEvery)
		defer every.Stop()
		for {
			if err := to.Encode(sendsOf(p, time.Now())); err != nil {
				return
			}
			select {
			case <-every.C:
			case <-h.stop:
				return
			}
		}
	}()
}

func sendsOf(p *port, now time.Time) sends {
	sum := sends{At: now.UnixMilli()}
	for i := range sum.Lengths {
		sum.LongestOf = append(sum.LongestOf, batch.LongestOf(i))
	}
	for _, s := range p.udp {
		if s.batch == nil {
			continue
		}
		stats := s.batch.Stats()
		sum.Sent, sum.Sends, sum.Segments = sum.Sent+stats.Sent, sum.Sends+stats.Sends, sum.Segments+stats.Segments
		for i, n := range stats.Lengths {
			sum.Lengths[i] += n
		}
	}
	return sum
}

func (h *hook) close() {
	if h.stop != nil {
		close(h.stop)
		<-h.stopped
		h.stop = nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.to != nil {
		h.to.Flush()
		h.file.Close()
		h.to = nil
	}
}

// trace writes what happens on one receiver's line, an event a line, each with its
// time in microseconds since 1970:
//
//	s TIME OCTETS  a numbered packet was sent
//	a TIME OCTETS  one without a number
//	f TIME HEX     transport-wide feedback came, from behind its SSRCs
//	l TIME LIMIT   the limit after it, in bit/s
type trace struct{ to *bufio.Writer }

func (h *hook) trace() (t trace) {
	if h.lines == "" {
		return t
	}
	if file, err := os.CreateTemp(h.lines, "line-*"); err == nil {
		t.to = bufio.NewWriter(file) // for as long as the process lives
	}
	return t
}

func (t trace) sent(kind byte, size int, now time.Time) {
	if t.to != nil {
		fmt.Fprintf(t.to, "%c %d %d\n", kind, now.UnixMicro(), size)
	}
}

func (t trace) feedback(b []byte, limit pace.Bitrate, now time.Time) {
	if t.to != nil {
		fmt.Fprintf(t.to, "f %d %x\nl %d %d\n", now.UnixMicro(), b, now.UnixMicro(), limit)
		t.to.Flush()
	}
}

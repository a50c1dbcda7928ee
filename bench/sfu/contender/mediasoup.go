package contender

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"huisclos/bench/sfu/load"
)

// Mediasoup is the mediasoup module of Node with one worker. Only the worker's time and memory are counted: it is what forwards.
type Mediasoup struct {
	process *process
	worker  int
	Version string

	mu      sync.Mutex
	next    int
	waiting map[int]chan mediasoupAnswer
	failed  error
}

//go:embed mediasoup.mjs
var mediasoupProgram string

type mediasoupRequest struct {
	ID          int      `json:"id"`
	Call        string   `json:"call"`
	Meeting     string   `json:"meeting"`
	Peer        string   `json:"peer,omitempty"`
	SSRCs       []uint32 `json:"ssrcs,omitempty"`
	Types       []uint8  `json:"types,omitempty"`
	Fingerprint string   `json:"fingerprint,omitempty"`
}

type mediasoupAnswer struct {
	ID    int
	SDP   string
	Error string
}

// StartMediasoup runs node, which finds the module by NODE_PATH.
func StartMediasoup(at Place, log io.Writer, node string) (*Mediasoup, error) {
	p, err := start(at, log, node, "--input-type=module", "--eval", mediasoupProgram)
	if err != nil {
		return nil, err
	}
	var ready struct {
		Worker  int
		Version string
	}
	if err := p.line(&ready); err != nil {
		_ = p.stop() // the first error says more
		return nil, err
	}
	m := &Mediasoup{process: p, worker: ready.Worker, Version: ready.Version, waiting: map[int]chan mediasoupAnswer{}}
	go m.listen()
	return m, nil
}

func (m *Mediasoup) Media() netip.AddrPort { return netip.AddrPort{} } // each connection has a port of its own
func (m *Mediasoup) PIDs() []int           { return []int{m.worker} }
func (m *Mediasoup) Close() error          { return m.process.stop() }

func (m *Mediasoup) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failed
}

func (m *Mediasoup) listen() {
	lines := bufio.NewScanner(m.process.stdout)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var a mediasoupAnswer
		err := json.Unmarshal(lines.Bytes(), &a)
		m.mu.Lock()
		if to := m.waiting[a.ID]; err == nil && to != nil {
			to <- a
			delete(m.waiting, a.ID)
		} else if m.failed == nil {
			m.failed = fmt.Errorf("contender: mediasoup said %.200q", lines.Text())
		}
		m.mu.Unlock()
	}
}

func (m *Mediasoup) call(ctx context.Context, q mediasoupRequest) (string, error) {
	answer := make(chan mediasoupAnswer, 1)
	m.mu.Lock()
	m.next++
	q.ID = m.next
	m.waiting[q.ID] = answer
	err := json.NewEncoder(m.process.stdin).Encode(q)
	m.mu.Unlock()
	if err != nil {
		return "", err
	}
	select {
	case a := <-answer:
		if a.Error != "" {
			return "", fmt.Errorf("contender: mediasoup: %s: %s", q.Call, a.Error)
		}
		return a.SDP, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (m *Mediasoup) Open(ctx context.Context, meeting string) error {
	_, err := m.call(ctx, mediasoupRequest{Call: "open", Meeting: meeting})
	return err
}

type mediasoupSession struct {
	server  *Mediasoup
	meeting string
	peer    string
}

func (m *Mediasoup) Join(_ context.Context, meeting string, peer load.Peer) (load.Session, error) {
	return &mediasoupSession{m, meeting, peer.Name}, nil
}

var errOffer = errors.New("contender: mediasoup: description without what it needs")

func (s *mediasoupSession) Publish(ctx context.Context, offer string) (string, error) {
	q := mediasoupRequest{Call: "publish", Meeting: s.meeting, Peer: s.peer, Fingerprint: valueOf(offer, "a=fingerprint:sha-256 ")}
	for line := range strings.Lines(offer) {
		switch {
		case strings.HasPrefix(line, "a=ssrc:"):
			n, err := strconv.ParseUint(strings.Fields(line[len("a=ssrc:"):])[0], 10, 32)
			if err != nil {
				return "", errOffer
			}
			q.SSRCs = append(q.SSRCs, uint32(n))
		case strings.HasPrefix(line, "a=rtpmap:"):
			n, err := strconv.ParseUint(strings.Fields(line[len("a=rtpmap:"):])[0], 10, 7)
			if err != nil {
				return "", errOffer
			}
			q.Types = append(q.Types, uint8(n))
		}
	}
	if len(q.SSRCs) != 3 || len(q.Types) != 3 || q.Fingerprint == "" {
		return "", errOffer
	}
	return s.server.call(ctx, q)
}

// valueOf is the rest of the first line with this beginning.
func valueOf(description, beginning string) string {
	for line := range strings.Lines(description) {
		if rest, ok := strings.CutPrefix(line, beginning); ok {
			return strings.TrimRight(rest, "\r\n")
		}
	}
	return ""
}

func (s *mediasoupSession) Subscribe(ctx context.Context, answer func(connection, offer string) (string, error)) error {
	offer, err := s.server.call(ctx, mediasoupRequest{Call: "subscribe", Meeting: s.meeting, Peer: s.peer})
	if err != nil {
		return err
	}
	text, err := answer("", offer)
	if err != nil {
		return err
	}
	_, err = s.server.call(ctx, mediasoupRequest{Call: "answer", Meeting: s.meeting, Peer: s.peer, Fingerprint: valueOf(text, "a=fingerprint:sha-256 ")})
	return err
}

func (s *mediasoupSession) Close() error { return nil }

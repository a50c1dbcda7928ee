package contender

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"sync"

	"huisclos/bench/sfu/load"
)

// MediasoupWorker is the program of mediasoup that forwards packets; Node runs the library that tells it what.
const MediasoupWorker, Node = "mediasoup-worker", "node"

// Mediasoup is one worker of mediasoup, told what to do by the npm package mediasoup in node. It has no session descriptions of its own:
// those of the clients are read and written here. Only the worker is the server: node has nothing to do while packets flow.
type Mediasoup struct {
	process *process
	worker  int

	mu      sync.Mutex
	next    int
	waiting map[int]chan mediasoupAnswer
	failed  error
}

//go:embed mediasoup.mjs
var mediasoupScript string

// FindMediasoup says what is missing: the worker, node or the npm package, which node looks for in NODE_PATH.
func FindMediasoup() error {
	for _, program := range []string{MediasoupWorker, Node} {
		if _, err := exec.LookPath(program); err != nil {
			return err
		}
	}
	if err := exec.Command(Node, "-e", "require.resolve('mediasoup')").Run(); err != nil {
		return errors.New("node finds no package mediasoup in NODE_PATH")
	}
	return nil
}

// StartMediasoup runs a worker in the run's network namespace. Its port is fixed, or each connection has its own in a release before 3.10.
func StartMediasoup(at Place, log io.Writer) (*Mediasoup, error) {
	worker, err := exec.LookPath(MediasoupWorker)
	if err != nil {
		return nil, err
	}
	p, err := startWith(at, log, append(os.Environ(), "MEDIASOUP_WORKER_BIN="+worker), Node, "--input-type=module", "-e", mediasoupScript)
	if err != nil {
		return nil, err
	}
	m := &Mediasoup{process: p, waiting: map[int]chan mediasoupAnswer{}}
	var hello struct{ Worker int }
	err = p.line(&hello)
	if err == nil && at.RealTime {
		err = p.stepBack()
	}
	if err != nil {
		_ = p.stop() // the first error says more
		return nil, err
	}
	m.worker = hello.Worker
	go m.listen()
	return m, nil
}

// Media is nothing: descriptions name the port.
func (m *Mediasoup) Media() netip.AddrPort { return netip.AddrPort{} }
func (m *Mediasoup) PIDs() []int           { return []int{m.worker} }
func (m *Mediasoup) Close() error          { return m.process.stop() }

func (m *Mediasoup) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failed
}

type mediasoupRequest struct {
	ID          int              `json:"id"`
	Method      string           `json:"method"`
	Meeting     string           `json:"meeting"`
	Peer        string           `json:"peer,omitempty"`
	Fingerprint string           `json:"fingerprint,omitempty"`
	Tracks      []mediasoupTrack `json:"tracks,omitempty"`
}

type mediasoupAnswer struct {
	ID     int
	Error  string
	Result mediasoupTransport
}

func (m *Mediasoup) request(ctx context.Context, q mediasoupRequest) (mediasoupTransport, error) {
	answer := make(chan mediasoupAnswer, 1)
	m.mu.Lock()
	m.next++
	q.ID = m.next
	m.waiting[q.ID] = answer
	err := m.failed
	if err == nil {
		err = json.NewEncoder(m.process.stdin).Encode(q)
	}
	m.mu.Unlock()
	if err != nil {
		return mediasoupTransport{}, err
	}
	select {
	case a := <-answer:
		if a.Error != "" {
			return a.Result, fmt.Errorf("contender: mediasoup: %s: %s", q.Method, a.Error)
		}
		return a.Result, nil
	case <-ctx.Done():
		return mediasoupTransport{}, ctx.Err()
	}
}

// listen gives answers to those who wait, until the program ends.
func (m *Mediasoup) listen() {
	for {
		var a mediasoupAnswer
		err := m.process.line(&a)
		m.mu.Lock()
		if err != nil {
			m.failed = err
			for _, waiting := range m.waiting {
				waiting <- mediasoupAnswer{Error: err.Error()}
			}
			clear(m.waiting)
			m.mu.Unlock()
			return
		}
		if waiting, ok := m.waiting[a.ID]; ok {
			waiting <- a
			delete(m.waiting, a.ID)
		}
		m.mu.Unlock()
	}
}

func (m *Mediasoup) Open(ctx context.Context, meeting string) error {
	_, err := m.request(ctx, mediasoupRequest{Method: "open", Meeting: meeting})
	return err
}

type mediasoupSession struct {
	server        *Mediasoup
	meeting, peer string
}

func (m *Mediasoup) Join(_ context.Context, meeting string, peer load.Peer) (load.Session, error) {
	return &mediasoupSession{m, meeting, peer.Name}, nil
}

func (s *mediasoupSession) Close() error { return nil } // the worker ends with the scenario

func (s *mediasoupSession) Publish(ctx context.Context, offer string) (string, error) {
	fingerprint, tracks, err := produced(offer)
	if err != nil {
		return "", err
	}
	t, err := s.server.request(ctx, mediasoupRequest{Method: "publish", Meeting: s.meeting, Peer: s.peer, Fingerprint: fingerprint, Tracks: tracks})
	if err != nil {
		return "", err
	}
	t.Tracks = tracks
	return t.describe("recvonly"), nil
}

func (s *mediasoupSession) Subscribe(ctx context.Context, answer func(connection, offer string) (string, error)) error {
	t, err := s.server.request(ctx, mediasoupRequest{Method: "subscribe", Meeting: s.meeting, Peer: s.peer})
	if err != nil {
		return err
	}
	text, err := answer("", t.describe("sendonly"))
	if err != nil {
		return err
	}
	fingerprint, _, err := produced(text)
	if err != nil {
		return err
	}
	_, err = s.server.request(ctx, mediasoupRequest{Method: "connect", Meeting: s.meeting, Peer: s.peer, Fingerprint: fingerprint})
	return err
}

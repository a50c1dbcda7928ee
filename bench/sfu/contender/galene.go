package contender

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/coder/websocket"

	"huisclos/bench/sfu/load"
)

// Galene is galene with one UDP port. Its signalling is JSON over a WebSocket (galene-protocol.md); each stream that somebody receives
// is a connection of its own.
type Galene struct {
	process *process
	folder  string
	address string
	media   netip.AddrPort

	mu     sync.Mutex
	failed error
}

const galeneAddress, galenePort = "127.0.0.1:8443", 7883

// StartGalene runs the program in the run's network namespace. Its ports are fixed; address is that of an interface that is not the
// loopback, whose addresses galene doesn't gather.
func StartGalene(at Place, log io.Writer, program string, address netip.Addr) (*Galene, error) {
	folder, err := os.MkdirTemp("", "bench-galene-")
	if err != nil {
		return nil, err
	}
	g := &Galene{folder: folder, address: galeneAddress, media: netip.AddrPortFrom(address, galenePort)}
	for _, name := range []string{"groups", "data", "static", "recordings"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o700); err != nil {
			return nil, errors.Join(err, os.RemoveAll(folder))
		}
	}
	g.process, err = start(at, log, program, "-insecure", "-http", galeneAddress, "-udp-range", fmt.Sprint(galenePort), "-turn", "",
		"-groups", filepath.Join(folder, "groups"), "-data", filepath.Join(folder, "data"), "-static", filepath.Join(folder, "static"),
		"-recordings", filepath.Join(folder, "recordings"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	g.process.discard()
	if err := answers("http://" + galeneAddress); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

func (g *Galene) Media() netip.AddrPort { return g.media }
func (g *Galene) PIDs() []int           { return []int{g.process.pid()} }
func (g *Galene) Close() error          { return errors.Join(g.process.stop(), os.RemoveAll(g.folder)) }

func (g *Galene) Err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failed
}

func (g *Galene) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed == nil {
		g.failed = err
	}
}

// Open writes the group's file, which lets anybody in.
func (g *Galene) Open(_ context.Context, meeting string) error {
	return os.WriteFile(filepath.Join(g.folder, "groups", meeting+".json"),
		[]byte(`{"wildcard-user": {"password": {"type": "wildcard"}, "permissions": "present"}}`), 0o600)
}

// galeneMessage is any message, as far as we use it.
type galeneMessage struct {
	Type     string   `json:"type"`
	Version  []string `json:"version,omitempty"`
	Kind     string   `json:"kind,omitempty"`
	ID       string   `json:"id,omitempty"`
	Group    string   `json:"group,omitempty"`
	Username string   `json:"username,omitempty"`
	Password string   `json:"password,omitempty"`
	Label    string   `json:"label,omitempty"`
	SDP      string   `json:"sdp,omitempty"`
	Request  any      `json:"request,omitempty"`
	Value    any      `json:"value,omitempty"`
}

type galeneSession struct {
	server  *Galene
	peer    load.Peer
	socket  *websocket.Conn
	cancel  context.CancelFunc
	joined  chan struct{}
	answers chan string
	offers  chan galeneMessage
	once    sync.Once
}

func (g *Galene) Join(ctx context.Context, meeting string, peer load.Peer) (load.Session, error) {
	socket, _, err := websocket.Dial(ctx, "ws://"+g.address+"/ws", nil)
	if err != nil {
		return nil, fmt.Errorf("contender: galene: %w", err)
	}
	socket.SetReadLimit(16 << 20)
	s := &galeneSession{server: g, peer: peer, socket: socket, joined: make(chan struct{}), answers: make(chan string, 1),
		offers: make(chan galeneMessage, 256)}
	var running context.Context
	running, s.cancel = context.WithCancel(ctx)
	go s.listen(running)
	for _, m := range []galeneMessage{
		{Type: "handshake", Version: []string{"2"}, ID: peer.Name},
		{Type: "join", Kind: "join", Group: meeting, Username: peer.Name, Password: "any"},
	} {
		if err := s.send(ctx, m); err != nil {
			return s, err
		}
	}
	return s, wait(ctx, s.joined, "join")
}

func (s *galeneSession) send(ctx context.Context, m galeneMessage) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.socket.Write(ctx, websocket.MessageText, b)
}

func (s *galeneSession) listen(ctx context.Context) {
	for {
		_, b, err := s.socket.Read(ctx)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
				s.server.fail(fmt.Errorf("contender: galene: %s: %w", s.peer.Name, err))
			}
			return
		}
		var m galeneMessage
		if err := json.Unmarshal(b, &m); err != nil {
			s.server.fail(fmt.Errorf("contender: galene: %w", err))
			return
		}
		switch {
		case m.Type == "ping":
			_ = s.send(ctx, galeneMessage{Type: "pong"}) // the next read says if it failed
		case m.Type == "joined" && m.Kind == "join":
			s.once.Do(func() { close(s.joined) })
		case m.Type == "answer":
			s.answers <- m.SDP
		case m.Type == "offer":
			s.offers <- m
		case m.Kind == "fail" || m.Type == "usermessage" && m.Kind == "error" || m.Type == "abort":
			s.server.fail(fmt.Errorf("contender: galene: %s: %s %s: %v", s.peer.Name, m.Type, m.Kind, m.Value))
		}
	}
}

func (s *galeneSession) Publish(ctx context.Context, offer string) (string, error) {
	if err := s.send(ctx, galeneMessage{Type: "offer", ID: s.peer.Name + "-camera", Label: "camera", Username: s.peer.Name, SDP: offer}); err != nil {
		return "", err
	}
	select {
	case answer := <-s.answers:
		return answer, nil
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(answerWithin):
		return "", errors.New("contender: galene: no answer to the offer")
	}
}

func (s *galeneSession) Subscribe(ctx context.Context, answer func(connection, offer string) (string, error)) error {
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case m := <-s.offers:
				text, err := answer(m.ID, m.SDP)
				if err == nil {
					err = s.send(ctx, galeneMessage{Type: "answer", ID: m.ID, SDP: text})
				}
				if err != nil && ctx.Err() == nil {
					s.server.fail(err)
				}
			}
		}
	}()
	go func() {
		for _, after := range requestAgain {
			select {
			case <-ctx.Done():
				return
			case <-time.After(after):
				_ = s.request(ctx) // listen finds out
			}
		}
	}()
	return s.request(ctx)
}

// requestAgain is when requests are repeated, each so long after the one before: galene gives a stream whose tracks come while others
// join to those only that had joined when it began (pushConn in its rtpconn.go). One for what a client has already changes nothing.
var requestAgain = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}

func (s *galeneSession) request(ctx context.Context) error {
	return s.send(ctx, galeneMessage{Type: "request", Request: map[string][]string{"": {"audio", "video"}}})
}

func (s *galeneSession) Close() error {
	s.cancel()
	return s.socket.CloseNow()
}

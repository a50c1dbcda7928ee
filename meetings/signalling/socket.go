package signalling

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"huisclos/crypto/mls"
	"huisclos/meetings"
)

// Subprotocol is the one that this program speaks; others start alike.
const (
	Subprotocol       = "huisclos.2"
	subprotocolPrefix = "huisclos."
)

// Options of Serve. The zero value is the right one for the server.
type Options struct {
	// Origins that may connect; if empty, "https://" and the request's own host.
	Origins []string
	Log     *slog.Logger

	Ping  time.Duration // between two pings; default 5 s
	Dead  time.Duration // without an answer; default 15 s
	Hello time.Duration // for the first message; default 10 s
	Flush time.Duration // for what is still to be sent before a close; default 5 s
}

func (o Options) withDefaults() Options {
	o.Ping = cmp.Or(o.Ping, 5*time.Second)
	o.Dead = cmp.Or(o.Dead, 15*time.Second)
	o.Hello = cmp.Or(o.Hello, 10*time.Second)
	o.Flush = cmp.Or(o.Flush, 5*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Bounds of one connection. A client that joins a large call sends about ten
// messages at once; Wants follow the layout, a few a second.
const (
	messagesPerSecond = 30
	messagesBurst     = 150
	bytesPerSecond    = 1 << 20
	bytesBurst        = 12 << 20
	queueMessages     = 2048
	queueBytes        = 24 << 20
)

// Serve takes a WebSocket request of a signed-in visitor, connects it to its
// room and returns when the connection is over. What it refuses before the
// upgrade it answers by HTTP.
func Serve(w http.ResponseWriter, r *http.Request, hall *meetings.Hall, room mls.RoomID, v meetings.Visitor, o Options) {
	o = o.withDefaults()
	if !originAllowed(r, o.Origins) {
		http.Error(w, "this origin may not connect", http.StatusForbidden)
		return
	}
	protocol := offered(r)
	if protocol != Subprotocol {
		refuseVersion(w, r, protocol)
		return
	}
	s := newSocket(o)
	line, err := hall.Connect(room, v, s)
	switch {
	case errors.Is(err, meetings.ErrNoRoom):
		http.Error(w, "there is no such room", http.StatusNotFound)
		return
	case err != nil:
		o.Log.Warn("connection refused", "room", room.String(), "error", err)
		http.Error(w, "try again later", http.StatusServiceUnavailable)
		return
	}
	defer line.Gone()
	ws, err := websocket.Accept(w, r, accept(protocol))
	if err != nil {
		o.Log.Info("upgrade failed", "error", err)
		return
	}
	defer ws.CloseNow()
	ws.SetReadLimit(MaxMessage)
	s.run(r.Context(), ws, line)
}

func accept(protocol string) *websocket.AcceptOptions {
	o := &websocket.AcceptOptions{
		InsecureSkipVerify: true, // originAllowed is stricter
		CompressionMode:    websocket.CompressionDisabled,
	}
	if protocol != "" {
		o.Subprotocols = []string{protocol}
	}
	return o
}

// originAllowed demands an Origin: only programs leave it out, and they can set it.
func originAllowed(r *http.Request, origins []string) bool {
	origin := r.Header.Get("Origin")
	if len(r.Header.Values("Origin")) != 1 {
		return false
	}
	if len(origins) == 0 {
		return strings.EqualFold(origin, "https://"+r.Host)
	}
	return slices.Contains(origins, origin)
}

// offered is the subprotocol to answer with: ours, or another version of it.
func offered(r *http.Request) string {
	other := ""
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for name := range strings.SplitSeq(line, ",") {
			switch name = strings.TrimSpace(name); {
			case name == Subprotocol:
				return name
			case strings.HasPrefix(name, subprotocolPrefix) && other == "":
				other = name
			}
		}
	}
	return other
}

// refuseVersion accepts a client of another version only to tell it to reload:
// a browser shows a page no more than a refused upgrade.
func refuseVersion(w http.ResponseWriter, r *http.Request, protocol string) {
	ws, err := websocket.Accept(w, r, accept(protocol))
	if err != nil {
		return
	}
	ws.Close(websocket.StatusCode(meetings.CloseReload), "reload")
}

// socket is one connection's outgoing side. It is a meetings.Connection.
type socket struct {
	o    Options
	kick chan struct{} // there is something to write

	mu      sync.Mutex // owns what follows
	queue   [][]byte
	size    int
	closing bool
	code    meetings.CloseCode
	reason  string
}

func newSocket(o Options) *socket { return &socket{o: o, kick: make(chan struct{}, 1)} }

// Send queues a message; a queue that is full closes the connection.
func (s *socket) Send(m meetings.Message) {
	raw, err := encode(m)
	if err != nil {
		s.o.Log.Error("message lost", "error", err)
		return
	}
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return
	}
	if len(s.queue) >= queueMessages || s.size+len(raw) > queueBytes {
		s.queue, s.size = nil, 0
		s.mu.Unlock()
		s.Close(meetings.CloseSlow, "reads too slowly")
		return
	}
	s.queue, s.size = append(s.queue, raw), s.size+len(raw)
	s.mu.Unlock()
	s.wake()
}

func encode(m meetings.Message) ([]byte, error) {
	if shared, ok := m.(*meetings.Shared); ok {
		return shared.Encoded(Encode)
	}
	return Encode(m)
}

// Close closes the connection after what is queued. The first reason counts.
func (s *socket) Close(code meetings.CloseCode, reason string) {
	s.mu.Lock()
	if !s.closing {
		s.closing, s.code, s.reason = true, code, reason
	}
	s.mu.Unlock()
	s.wake()
}

func (s *socket) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

func (s *socket) take() (queue [][]byte, closing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue, s.queue, s.size = s.queue, nil, 0
	return queue, s.closing
}

// run reads until the connection is over. Its helpers end with it.
func (s *socket) run(ctx context.Context, ws *websocket.Conn, line *meetings.Line) {
	ctx, cancel := context.WithCancel(ctx)
	var helpers sync.WaitGroup
	defer helpers.Wait()
	defer cancel()
	helpers.Go(func() { s.write(ctx, ws) })
	helpers.Go(func() { s.ping(ctx, ws) })
	late := time.AfterFunc(s.o.Hello, func() { s.Close(meetings.CloseBadMessage, "no hello") })
	defer late.Stop()
	messages := newBucket(messagesPerSecond, messagesBurst, time.Now())
	bytes := newBucket(bytesPerSecond, bytesBurst, time.Now())
	greeted := false
	for {
		kind, raw, err := ws.Read(ctx)
		if err != nil {
			return
		}
		now := time.Now()
		if !messages.take(1, now) || !bytes.take(float64(len(raw)), now) {
			s.refuse(ctx, ws, "too many messages")
			return
		}
		if kind != websocket.MessageText {
			s.refuse(ctx, ws, "not text")
			return
		}
		q, err := Decode(raw)
		if err != nil {
			s.o.Log.Info("message refused", "connection", string(line.ID()), "error", err)
			s.refuse(ctx, ws, "bad message")
			return
		}
		if _, hello := q.(*meetings.Hello); hello {
			greeted = true
			late.Stop()
		} else if !greeted {
			s.refuse(ctx, ws, "hello comes first")
			return
		}
		line.Receive(q)
	}
}

// refuse closes for a fault of the client, and waits until that is said.
func (s *socket) refuse(ctx context.Context, ws *websocket.Conn, reason string) {
	s.Close(meetings.CloseBadMessage, reason)
	// The writer closes; reading on is what ends with it.
	ctx, cancel := context.WithTimeout(ctx, 2*s.o.Flush)
	defer cancel()
	for {
		if _, _, err := ws.Read(ctx); err != nil {
			return
		}
	}
}

// write sends what is queued, then closes if that was asked for.
func (s *socket) write(ctx context.Context, ws *websocket.Conn) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.kick:
		}
		queue, closing := s.take()
		limit := s.o.Dead
		if closing {
			limit = s.o.Flush
		}
		for _, raw := range queue {
			timed, cancel := context.WithTimeout(ctx, limit)
			err := ws.Write(timed, websocket.MessageText, raw)
			cancel()
			if err != nil {
				ws.CloseNow()
				return
			}
		}
		if closing {
			ws.Close(websocket.StatusCode(s.code), s.reason)
			return
		}
	}
}

// ping finds out that a client is gone although its connection is not.
func (s *socket) ping(ctx context.Context, ws *websocket.Conn) {
	tick := time.NewTicker(s.o.Ping)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		timed, cancel := context.WithTimeout(ctx, s.o.Dead-min(s.o.Ping, s.o.Dead/2))
		err := ws.Ping(timed)
		cancel()
		if err != nil {
			ws.CloseNow()
			return
		}
	}
}

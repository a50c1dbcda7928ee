package outward

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	// parallel bounds the questions that are answered at once: a mail goes out over one connection after the other.
	parallel = 4
	// As often as perSecond, after a burst, connections are opened: so nobody is flooded from here.
	perSecond, burst = 1, 20
	// askWithin is how long a question of one line may take.
	askWithin = 2 * time.Second
)

// Server connects for who asks.
type Server struct {
	Destinations map[string]Destination
	// Accounts are those that may ask, as user ids.
	Accounts []int
	// Idle is after how long without a question Serve returns; 0: never. The service manager starts it again for the next one.
	Idle time.Duration
	Log  *slog.Logger

	// names is replaced in tests.
	names resolver

	mu     sync.Mutex
	tokens float64
	filled time.Time
}

// Serve answers until l is closed, or for the time of Idle nobody asked; then it waits for what is being answered.
func (s *Server) Serve(l *net.UnixListener) error {
	if s.names == nil {
		s.names = &net.Resolver{PreferGo: true}
	}
	s.tokens, s.filled = burst, time.Now()
	slots := make(chan struct{}, parallel)
	var running sync.WaitGroup
	defer running.Wait()
	for {
		if s.Idle > 0 {
			_ = l.SetDeadline(time.Now().Add(s.Idle))
		}
		c, err := l.AcceptUnix()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			if len(slots) == 0 {
				return nil
			}
			continue
		case err != nil:
			s.Log.Error("socket of the way outward", "error", err)
			time.Sleep(time.Second) // out of files for a moment
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			s.say(c, &Error{Busy, "at once"}, nil)
			_ = c.Close()
			continue
		}
		running.Go(func() {
			defer func() { <-slots }()
			defer c.Close()
			s.answer(c)
		})
	}
}

func (s *Server) answer(c *net.UnixConn) {
	uid, err := peer(c)
	if err != nil || !slices.Contains(s.Accounts, uid) {
		s.Log.Warn("another account asks for a connection", "uid", uid, "error", err)
		return
	}
	_ = c.SetDeadline(time.Now().Add(askWithin))
	var q question
	line, err := bufio.NewReader(io.LimitReader(c, maxQuestion)).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &q)
	}
	if err != nil {
		s.say(c, &Error{Failed, "the question is not understood"}, nil)
		return
	}
	_ = c.SetDeadline(time.Now().Add(within + askWithin))
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	conn, failed := s.open(ctx, q.Destination)
	if failed != nil {
		s.Log.Warn("no connection outward", "destination", q.Destination, "kind", failed.Kind, "detail", failed.Detail)
		s.say(c, failed, nil)
		return
	}
	defer conn.Close() // who asked has a descriptor of its own by then
	s.Log.Info("connection outward", "destination", q.Destination, "address", conn.RemoteAddr().String())
	s.say(c, nil, conn)
}

// open is the whole rule: a name of the settings, not too often, its own address.
func (s *Server) open(ctx context.Context, name string) (*net.TCPConn, *Error) {
	d, ok := s.Destinations[name]
	if !ok {
		return nil, &Error{Unknown, cut(name)}
	}
	if !s.take(time.Now()) {
		return nil, &Error{Busy, "too often"}
	}
	c, err := connect(ctx, s.names, d)
	if err == nil {
		return c, nil
	}
	failed := new(Error)
	if !errors.As(err, &failed) {
		failed = &Error{Failed, cut(err.Error())}
	}
	return nil, failed
}

func (s *Server) take(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = min(burst, s.tokens+now.Sub(s.filled).Seconds()*perSecond)
	s.filled = now
	if s.tokens < 1 {
		return false
	}
	s.tokens--
	return true
}

// say answers; with a connection its descriptor goes along (unix(7), SCM_RIGHTS).
func (s *Server) say(c *net.UnixConn, failed *Error, conn *net.TCPConn) {
	line, err := json.Marshal(answer{failed})
	if err != nil {
		panic("outward: an answer is text and always encodes")
	}
	line = append(line, '\n')
	if conn == nil {
		_, _ = c.Write(line)
		return
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	var sent error
	err = raw.Control(func(fd uintptr) { _, _, sent = c.WriteMsgUnix(line, syscall.UnixRights(int(fd)), nil) })
	if err = errors.Join(err, sent); err != nil {
		s.Log.Warn("connection not handed over", "error", err)
	}
}

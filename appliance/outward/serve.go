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
	// parallel bounds the questions that are answered at once, and parallelOfKind those about one kind of destination: who
	// doesn't answer a webhook must not keep the mails waiting.
	parallel, parallelOfKind = 16, 4
	// As often as perSecond, after a burst, connections are opened to each kind: so nobody is flooded from here.
	perSecond, burst = 1, 20
	// askWithin is how long a question of one line may take.
	askWithin = 2 * time.Second
)

// Server connects for who asks.
type Server struct {
	// Destinations are what the settings files name: none of them leads elsewhere, whatever is asked.
	Destinations map[string]Destination
	// Open lets who asks choose hosts for the kinds of destinations that the files don't name, at the ports of each.
	Open bool
	// Also are further places by their kind, which the files name for the console to choose from.
	Also map[string][]Destination
	// Accounts are those that may ask, as user ids.
	Accounts []int
	// Idle is after how long without a question Serve returns; 0: never. The service manager starts it again for the next one.
	Idle time.Duration
	Log  *slog.Logger

	// names is replaced in tests.
	names resolver

	mu    sync.Mutex
	kinds map[string]*pace
}

// pace is how often and how many at once one kind of destination is connected to.
type pace struct {
	tokens float64
	filled time.Time
	open   int
}

// Serve answers until l is closed, or for the time of Idle nobody asked; then it waits for what is being answered.
func (s *Server) Serve(l *net.UnixListener) error {
	if s.names == nil {
		s.names = &net.Resolver{PreferGo: true}
	}
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
	conn, failed := s.open(ctx, q)
	if failed != nil {
		s.Log.Warn("no connection outward", "destination", q.Destination, "kind", failed.Kind, "detail", failed.Detail)
		s.say(c, failed, nil)
		return
	}
	defer conn.Close() // who asked has a descriptor of its own by then
	s.Log.Info("connection outward", "destination", q.Destination, "address", conn.RemoteAddr().String())
	s.say(c, nil, conn)
}

// open is the whole rule: a destination of the settings, not too often, at an address of its own.
func (s *Server) open(ctx context.Context, q question) (*net.TCPConn, *Error) {
	d, literal, failed := s.lead(q)
	if failed != nil {
		return nil, failed
	}
	kind := kindOfName(q.Destination)
	if !s.take(kind, time.Now()) {
		return nil, &Error{Busy, "too often"}
	}
	defer s.release(kind)
	c, err := connect(ctx, s.names, d, literal)
	if err == nil {
		return c, nil
	}
	failed = new(Error)
	if !errors.As(err, &failed) {
		failed = &Error{Failed, cut(err.Error())}
	}
	return nil, failed
}

// lead decides where a question leads. literal reports whether a settings file names the place, so that an address there may be
// any.
func (s *Server) lead(q question) (d Destination, literal bool, failed *Error) {
	asked := Destination{q.Host, q.Port}
	if d, ok := s.Destinations[q.Destination]; ok {
		if q.Host != "" && asked != d {
			return d, false, &Error{Fixed, cut(q.Destination + ": " + asked.String())}
		}
		return d, true, nil
	}
	kind := kindOfName(q.Destination)
	switch allowed, known := ports[kind]; {
	case !known || q.Host == "":
		return d, false, &Error{Unknown, cut(q.Destination)}
	case slices.Contains(s.Also[kind], asked):
		return asked, true, nil
	case !s.Open:
		return d, false, &Error{Closed, cut(q.Destination + ": " + asked.String())}
	case !slices.Contains(allowed, q.Port):
		return d, false, &Error{Port, cut(q.Destination + ": " + asked.String())}
	}
	return asked, false, nil
}

// take counts a connection that is being opened; release follows.
func (s *Server) take(kind string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kinds == nil {
		s.kinds = map[string]*pace{}
	}
	p := s.kinds[kind] // there are no more than kinds of destinations
	if p == nil {
		p = &pace{tokens: burst, filled: now}
		s.kinds[kind] = p
	}
	p.tokens = min(burst, p.tokens+now.Sub(p.filled).Seconds()*perSecond)
	p.filled = now
	if p.tokens < 1 || p.open >= parallelOfKind {
		return false
	}
	p.tokens--
	p.open++
	return true
}

func (s *Server) release(kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kinds[kind].open--
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

package forwarding

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/crypto/certtest"
	"huisclos/store"
)

const serverName = "logs.example.org"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// An authority of the tests.
type authority struct{ *certtest.Authority }

func newAuthority(t testing.TB) authority { t.Helper(); return authority{certtest.New(t)} }

// issue writes a certificate for name and its key as PEM files.
func (a authority) issue(t testing.TB, name string, ends time.Duration) (certFile, keyFile string) {
	t.Helper()
	return a.Issue(t, certtest.For{Names: []string{name}, Until: time.Now().Add(ends)}).Files(t, t.TempDir())
}

func (a authority) pair(t testing.TB, name string, ends time.Duration) *tls.Certificate {
	t.Helper()
	p := a.Issue(t, certtest.For{Names: []string{name}, Until: time.Now().Add(ends)})
	return &p.TLS
}

// at is a collector on a port of the loopback.
func (a authority) at(port int) *Collector {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	return &Collector{Host: serverName, Address: address, Roots: a.Roots(), Format: JSON, From: "visio.example.org", Version: "1.2.3", Now: time.Now,
		Dial: func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", address) }}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// A trail is an audit log with its forwarder.
type trail struct {
	t *testing.T
	*Forwarder
	n int
}

func newTrail(t *testing.T) *trail {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "db"), store.Options{})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	must(t, db.Migrate([]store.Migration{{Version: 1, Name: "audit", Run: audit.CreateAll}, {Version: 2, Name: "forwarding", Run: CreateBuckets}}))
	l := audit.New(db)
	return &trail{t: t, Forwarder: &Forwarder{DB: db, Audit: l, Log: slog.New(slog.DiscardHandler), Now: time.Now}}
}

func (l *trail) record(n int) {
	l.t.Helper()
	for range n {
		l.n++
		must(l.t, l.Audit.Write(audit.Event{Time: time.Now(), Actor: audit.ActorSystem, Action: audit.RoomCreated, Object: fmt.Sprint("salle ", l.n), Detail: map[string]string{"call": `a "quoted" ] \ value`}}))
	}
}

// run forwards until the end of the test, or until stop.
func (l *trail) run(c *Collector) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); l.Run(ctx, c) }()
	stop = func() { cancel(); <-done }
	l.t.Cleanup(stop)
	return stop
}

func (l *trail) until(what string, within time.Duration, is func(Status) bool) Status {
	l.t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(20 * time.Millisecond) {
		s, err := l.Status()
		must(l.t, err)
		if is(s) {
			return s
		}
		if time.Now().After(end) {
			l.t.Fatalf("not %s within %v: %+v %+v", what, within, s, s.Failing)
		}
	}
}

func (l *trail) actions() (list []audit.Action) {
	l.t.Helper()
	all, err := l.Audit.After(0, audit.MaxPage)
	must(l.t, err)
	for _, e := range all {
		list = append(list, e.Action)
	}
	return list
}

// fake is a collector whose ways are the test's.
type fake struct {
	port     int
	messages chan string
}

// newFake serves one connection after the other with how. What it returns is whether the end is answered as it should be.
func newFake(t testing.TB, cfg *tls.Config, how func(c *tls.Conn, got chan<- string)) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	f := &fake{port: l.Addr().(*net.TCPAddr).Port, messages: make(chan string, 100_000)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go how(tls.Server(c, cfg), f.messages)
		}
	}()
	return f
}

// readAll takes framed messages in until the sender's end.
func readAll(c io.Reader, got chan<- string, most int) (n int, err error) {
	r := bufio.NewReader(c)
	for ; n < most; n++ {
		length, err := r.ReadString(' ')
		if err != nil {
			return n, err
		}
		size, err := strconv.Atoi(strings.TrimSuffix(length, " "))
		if err != nil {
			return n, err
		}
		text := make([]byte, size)
		if _, err := io.ReadFull(r, text); err != nil {
			return n, err
		}
		got <- string(text)
	}
	return n, nil
}

package outward

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A process without a network is this program again.
const insideVariable = "HUISCLOS_TEST_OUTWARD"

func TestMain(m *testing.M) {
	if path := os.Getenv(insideVariable); path != "" {
		inside(path)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// inside connects to what the parent listens on, in the one way that there is.
func inside(path string) {
	if _, err := net.DialTimeout("tcp", os.Getenv(insideVariable+"_AT"), time.Second); err == nil {
		fmt.Println("it has a network of its own")
	}
	c, err := Dialer{path}.Dial(context.Background(), Mail)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprint(c, "hello")
	answer := make([]byte, 5)
	if _, err := io.ReadFull(c, answer); err != nil || string(answer) != "hello" {
		fmt.Println("no echo", err)
	}
	fmt.Println("heard from", c.RemoteAddr())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// echo answers what it is told, and returns where.
func echo(t *testing.T) *net.TCPAddr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr)
}

// told answers from a table, as a DNS would.
type told map[string][]netip.Addr

func (d told) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	list, ok := d[host]
	switch {
	case !ok:
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	case list == nil:
		return nil, &net.DNSError{Err: "server misbehaving", Name: host, IsTemporary: true}
	}
	return list, nil
}

func serve(t *testing.T, s *Server) Dialer {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.Accounts == nil {
		s.Accounts = []int{os.Geteuid()}
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = l.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return Dialer{path}
}

func kindIs(t *testing.T, err error, want Kind) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestDial(t *testing.T) {
	at := echo(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	nobody := closed.Addr().(*net.TCPAddr).Port
	must(t, closed.Close())
	loopback := netip.MustParseAddr("127.0.0.1")
	d := serve(t, &Server{
		names: told{"loop.example": {loopback, netip.MustParseAddr("::ffff:127.0.0.1"), netip.MustParseAddr("169.254.169.254")}, "ill.example": nil},
		Destinations: map[string]Destination{Mail: {"127.0.0.1", at.Port}, "loop": {"loop.example", at.Port}, "none": {"no.example", 25}, "ill": {"ill.example", 25},
			"shut": {"127.0.0.1", nobody}},
	})
	c, err := d.Dial(t.Context(), Mail)
	must(t, err)
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprint(c, "bonjour")
	heard := make([]byte, 7)
	if _, err := io.ReadFull(c, heard); err != nil || string(heard) != "bonjour" || c.RemoteAddr().String() != at.String() {
		t.Errorf("%q, %v, from %v", heard, err, c.RemoteAddr())
	}
	for name, want := range map[string]Kind{"loop": Forbidden, "none": NoName, "ill": NoAnswer, "shut": Refused, "directory": Unknown, "": Unknown} {
		_, err := d.Dial(t.Context(), name)
		kindIs(t, err, want)
	}
	_, err = Dialer{filepath.Join(t.TempDir(), "nobody")}.Dial(t.Context(), Mail)
	kindIs(t, err, Unavailable)
}

// What the console may choose: hosts of the kinds that are known, at their ports, and never this machine. What a file names stays.
func TestDialTo(t *testing.T) {
	at := echo(t)
	loopback := netip.MustParseAddr("127.0.0.1")
	fixed := map[string]Destination{Mail: {"127.0.0.1", at.Port}}
	names := told{"loop.example": {loopback, netip.MustParseAddr("169.254.169.254")}}
	d := serve(t, &Server{names: names, Open: true, Destinations: fixed, Also: map[string][]Destination{S3: {{"127.0.0.1", at.Port}}}})
	closed := serve(t, &Server{names: names, Destinations: fixed, Also: map[string][]Destination{S3: {{"127.0.0.1", at.Port}}}})
	for _, d := range []Dialer{d, closed} {
		for name, also := range map[string]string{Mail: "what the file names", S3: "a place that the file adds"} {
			c, err := d.DialTo(t.Context(), name, "127.0.0.1", at.Port)
			if err != nil {
				t.Fatalf("%s: %v", also, err)
			}
			must(t, c.Close())
		}
	}
	for _, c := range []struct {
		name, host string
		port       int
		open, shut Kind
	}{
		{Mail, "smtp.example.org", 587, Fixed, Fixed},
		{Mail, "127.0.0.1", 25, Fixed, Fixed},
		{Directory, "no.example", 636, NoName, Closed},
		{Directory, "no.example", 443, Port, Closed},
		{Directory, "no.example", at.Port, Port, Closed},
		{"oidc-2", "no.example", 443, NoName, Closed},
		{"webhook-7", "no.example", 443, NoName, Closed},
		{"webhook-7", "no.example", 80, Port, Closed},
		{SFTP, "no.example", 22, NoName, Closed},
		{S3, "127.0.0.1", 443, Forbidden, Closed},
		{ACME, "loop.example", 443, Forbidden, Closed},
		{Witness, "127.0.0.1", 443, Forbidden, Closed},
		{Syslog, "::1", 6514, Forbidden, Closed},
		{Syslog, "169.254.169.254", 601, Forbidden, Closed},
		{"shell", "no.example", 22, Unknown, Unknown},
		{"", "no.example", 443, Unknown, Unknown},
		{"-mail", "no.example", 25, Unknown, Unknown},
		{Syslog, "", 6514, Unknown, Unknown},
	} {
		_, err := d.DialTo(t.Context(), c.name, c.host, c.port)
		kindIs(t, err, c.open)
		_, err = closed.DialTo(t.Context(), c.name, c.host, c.port)
		kindIs(t, err, c.shut)
	}
	if len(Kinds()) != len(ports) || Ports("shell") != nil || len(Ports(Mail)) != 3 {
		t.Error("kinds and ports")
	}
}

// A process in a network namespace without an interface speaks over a connection that it could not have made.
func TestFromWithoutANetwork(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("network namespaces are made by root only")
	}
	at := echo(t)
	d := serve(t, &Server{Destinations: map[string]Destination{Mail: {"127.0.0.1", at.Port}}})
	self, err := os.Executable()
	must(t, err)
	c := exec.Command(self)
	c.Env = append(os.Environ(), insideVariable+"="+d.Path, insideVariable+"_AT="+at.String())
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := c.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("no network namespace can be made here")
	}
	if want := "heard from " + at.String() + "\n"; err != nil || string(out) != want {
		t.Errorf("%q, %v, want %q", out, err, want)
	}
}

func TestAnotherAccountIsNotAnswered(t *testing.T) {
	at := echo(t)
	d := serve(t, &Server{Accounts: []int{os.Geteuid() + 1}, Destinations: map[string]Destination{Mail: {"127.0.0.1", at.Port}}})
	_, err := d.Dial(t.Context(), Mail)
	kindIs(t, err, Unavailable)
}

func TestLimits(t *testing.T) {
	at := echo(t)
	d := serve(t, &Server{Destinations: map[string]Destination{Mail: {"127.0.0.1", at.Port}}})
	for range burst {
		c, err := d.Dial(t.Context(), Mail)
		must(t, err)
		must(t, c.Close())
	}
	_, err := d.Dial(t.Context(), Mail)
	kindIs(t, err, Busy)

	// Another kind has its own pace.
	two := serve(t, &Server{Destinations: map[string]Destination{Mail: {"127.0.0.1", at.Port}, Directory: {"127.0.0.1", at.Port}}})
	for range burst + 1 {
		if c, err := two.Dial(t.Context(), Mail); err == nil {
			must(t, c.Close())
		}
	}
	c, err := two.Dial(t.Context(), Directory)
	must(t, err)
	must(t, c.Close())

	silent := serve(t, &Server{Destinations: map[string]Destination{Mail: {"127.0.0.1", at.Port}}})
	for range parallel {
		c, err := net.Dial("unix", silent.Path) // says nothing
		must(t, err)
		defer c.Close()
	}
	_, err = silent.Dial(t.Context(), Mail)
	kindIs(t, err, Busy)
}

func TestIdleServerEnds(t *testing.T) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"})
	must(t, err)
	defer l.Close()
	must(t, (&Server{Idle: 50 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}).Serve(l))
}

func TestOpen(t *testing.T) {
	// ASVS 1.3.6
	for text, want := range map[string]bool{
		"192.0.2.1": true, "10.1.2.3": true, "172.16.0.1": true, "192.168.1.1": true, "2001:db8::1": true, "fd12::1": true, "100.64.0.1": true,
		"127.0.0.1": false, "127.255.0.1": false, "::1": false, "::ffff:127.0.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "::": false,
		"169.254.1.1": false, "169.254.169.254": false, "::ffff:169.254.169.254": false, "fe80::1": false, "fe80::1%lo": false, "fd00:ec2::254": false,
		"100.100.100.200": false, "168.63.129.16": false, "192.0.0.192": false, "fd20:ce::254": false, "fec0::1": false,
		"224.0.0.1": false, "255.255.255.255": false, "ff02::1": false,
		"64:ff9b::127.0.0.1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b::192.0.2.1": true, "2002:7f00:1::": false, "2002:c000:201::": true, "::7f00:1": false,
	} {
		if got := open(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestKinds(t *testing.T) {
	for err, want := range map[error]Kind{
		syscall.ECONNREFUSED: Refused, context.DeadlineExceeded: TimedOut, os.ErrDeadlineExceeded: TimedOut, syscall.ETIMEDOUT: TimedOut,
		syscall.EHOSTUNREACH: Unreachable, syscall.ENETUNREACH: Unreachable, io.EOF: Failed,
	} {
		if got := kindOf(&net.OpError{Op: "dial", Err: err}); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
	for _, k := range []Kind{Unavailable, Unknown, Closed, Port, Fixed, NoName, NoAnswer, Forbidden, Refused, TimedOut, Unreachable, Busy, Failed} {
		fr, en := k.Sentence()
		if fr == "" || en == "" || fr == en || !strings.HasSuffix((&Error{k, "x"}).Error(), ": x") {
			t.Errorf("%s: %q %q", k, fr, en)
		}
	}
}

// FuzzAnswer: whatever the process at the other end writes, the answer is a connection or an error.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"error":{"kind":"refused","detail":"x"}}`))
	f.Add([]byte("\x00{"))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, b := pair(t)
		defer a.Close()
		_, _ = b.Write(text)
		_ = b.Close()
		if c, err := receive(a); err == nil || c != nil {
			t.Fatalf("%q: a connection without a descriptor", text)
		}
	})
}

// FuzzQuestion: whatever is asked, what isn't a destination gets none.
func FuzzQuestion(f *testing.F) {
	f.Add([]byte("{\"destination\":\"mail\"}\n"))
	f.Add([]byte("{\"destination\":\"oidc-2\",\"host\":\"no.example\",\"port\":443}\n"))
	f.Add(bytes.Repeat([]byte("["), maxQuestion))
	s := &Server{Accounts: []int{os.Geteuid()}, Log: slog.New(slog.DiscardHandler), Open: true, names: told{}}
	f.Fuzz(func(t *testing.T, text []byte) {
		a, b := pair(t)
		defer b.Close()
		_, _ = b.Write(text)
		_ = b.CloseWrite()
		s.answer(a)
		_ = a.Close()
		if c, err := receive(b); err == nil || c != nil {
			t.Fatalf("%q: connected", text)
		}
	})
}

func pair(t *testing.T) (a, b *net.UnixConn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	must(t, err)
	var ends []*net.UnixConn
	for _, fd := range fds {
		file := os.NewFile(uintptr(fd), "pair")
		c, err := net.FileConn(file)
		must(t, errors.Join(err, file.Close()))
		ends = append(ends, c.(*net.UnixConn))
	}
	return ends[0], ends[1]
}

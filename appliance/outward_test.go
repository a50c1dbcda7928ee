package appliance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"huisclos/appliance/config"
	"huisclos/appliance/outward"
	"huisclos/hardening"
)

// handed is a listening socket as a service manager hands it in: a descriptor, and nothing that closes it.
func handed(t *testing.T, l interface{ File() (*os.File, error) }) int {
	t.Helper()
	f, err := l.File()
	must(t, err)
	defer f.Close()
	fd, err := syscall.Dup(int(f.Fd()))
	must(t, err)
	return fd
}

// The process outward by a socket of the service manager: it takes it, shuts itself in to the destination's port, connects, and ends
// when it is told to.
func TestOutwardBySocket(t *testing.T) {
	there, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer there.Close()
	port := there.Addr().(*net.TCPAddr).Port
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	l.SetUnlinkOnClose(false)
	fd := handed(t, l)
	must(t, l.Close())
	environment := map[string]string{"LISTEN_PID": strconv.Itoa(os.Getpid()), "LISTEN_FDS": "1"}
	file := filepath.Join(t.TempDir(), "huisclos.toml")
	must(t, os.WriteFile(file, fmt.Appendf(nil, "console_destinations = false\n[mail]\nhost = \"127.0.0.1\"\nport = %d\nsecurity = \"none\"\nfrom = \"a@example.org\"\n", port), 0o644))
	var policy hardening.Policy
	around := surroundings{func(k string) string { return environment[k] }, os.Getpid(), fd, func(p hardening.Policy) error { policy = p; return nil }}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	log := &notes{}
	go func() { ended <- runOutward(ctx, []string{"--config", file}, log, log, around) }()
	c, err := outward.Dialer{Path: path}.Dial(t.Context(), outward.Mail)
	must(t, err)
	defer c.Close()
	if c.RemoteAddr().String() != there.Addr().String() {
		t.Errorf("connected to %v", c.RemoteAddr())
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("it ends with %d: %s", code, log)
	}
	if len(policy.Write)+len(policy.Read)+len(policy.Sockets) != 0 || fmt.Sprint(policy.Ports) != fmt.Sprintf("[53 %d]", port) || len(policy.ReadFiles) != 3 {
		t.Errorf("it keeps %+v", policy)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the manager's socket is gone: %v", err)
	}
}

func TestOutwardRefusesOtherSockets(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer tcp.Close()
	for name, environment := range map[string]map[string]string{
		"TCP": {"LISTEN_FDS": "1"}, "two": {"LISTEN_FDS": "2"}, "none": {"LISTEN_FDS": "0"},
	} {
		environment["LISTEN_PID"] = strconv.Itoa(os.Getpid())
		fd := handed(t, tcp.(*net.TCPListener))
		l, _, err := givenOutward(surroundings{getenv: func(k string) string { return environment[k] }, pid: os.Getpid(), firstGiven: fd})
		if l != nil || !errors.Is(err, errSockets) {
			t.Errorf("%s: %v, %v", name, l, err)
		}
		if name != "TCP" { // not taken: not closed
			must(t, syscall.Close(fd))
		}
	}
	// For another process, or without a manager, there is none, and nothing is named: it ends.
	var out, errs strings.Builder
	none := filepath.Join(t.TempDir(), "huisclos.toml")
	must(t, os.WriteFile(none, []byte("console_destinations = false\n"), 0o644))
	if code := runOutward(t.Context(), []string{"--config", none, "--data", t.TempDir()}, &out, &errs, surroundings{getenv: func(string) string { return "" }, pid: 1}); code != 0 || out.Len()+errs.Len() > 0 {
		t.Errorf("%d: %s%s", code, out.String(), errs.String())
	}
}

// Where the files leave hosts to the console, the ports of all kinds stay open, and the places that the files add.
func TestOutwardPolicy(t *testing.T) {
	s := config.Defaults()
	if got := fmt.Sprint(outwardPolicy(s).Ports); got != "[22 25 53 389 443 465 587 601 636 3268 3269 6514]" {
		t.Error(got)
	}
	s.ConsoleDestinations = false
	s.Destinations = []config.Outward{{Kind: outward.S3, Place: config.Place{Host: "s3.example.org", Port: 9000}}}
	if got := fmt.Sprint(outwardPolicy(s).Ports); got != "[53 9000]" {
		t.Error(got)
	}
	if got := placesOf(s)[outward.S3]; len(got) != 1 || got[0] != (outward.Destination{Host: "s3.example.org", Port: 9000}) {
		t.Error(got)
	}
}

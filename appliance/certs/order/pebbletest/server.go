// Package pebbletest is an ACME authority of another hand on the loopback, for tests: Pebble, Let's Encrypt's small server, in the version of
// .ci/tools/go.mod, with a DNS of its own. Nothing but tests imports it.
package pebbletest

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"huisclos/crypto/certtest"
)

// program is built once, for all tests of a package.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "pebble")
	if err != nil {
		return "", err
	}
	top, err := os.Getwd()
	for err == nil && top != "/" {
		if _, err := os.Stat(filepath.Join(top, ".ci", "tools", "go.mod")); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		top = filepath.Dir(top)
	}
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "pebble")
	build := exec.Command("go", "build", "-o", path, "github.com/letsencrypt/pebble/v2/cmd/pebble")
	build.Dir = filepath.Join(top, ".ci", "tools")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("%w: %s", err, out), os.RemoveAll(dir))
	}
	return path, nil
})

// built says that there is something to remove.
var built atomic.Bool

// Remove takes the built program away. A TestMain calls it at the end, whether one was needed or not.
func Remove() {
	if built.Load() {
		if path, err := program(); err == nil {
			_ = os.RemoveAll(filepath.Dir(path))
		}
	}
}

// Server is an authority. It asks the domains that it is given at the two ports.
type Server struct {
	Directory string         // its ACME directory
	Roots     *x509.CertPool // who vouches for its own pages
	CA        string         // the same, as a file

	address, folder string
	config          map[string]any
	stop            func()
}

// Ports are where the authority looks for answers: tls-alpn-01 (RFC 8737) and http-01 (RFC 8555 §8.3).
type Ports struct{ TLS, HTTP int }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// New starts an authority until the test ends; change are settings of Pebble's own. It signs for blocked.acme.test never, and no name that
// begins with "unknown" is known to its DNS: all others lead to this machine.
func New(t testing.TB, ports Ports, change map[string]any) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("an authority of another hand")
	}
	s := &Server{folder: t.TempDir()}
	api := listen(t)
	s.address = api.Addr().String()
	must(t, api.Close())
	s.Directory = "https://" + s.address + "/dir"
	own := certtest.SelfSigned(t, certtest.For{Names: []string{"127.0.0.1"}})
	s.Roots = own.Roots()
	cert, key := own.Files(t, s.folder)
	s.CA = cert
	s.config = map[string]any{"listenAddress": s.address, "certificate": cert, "privateKey": key, "httpPort": ports.HTTP, "tlsPort": ports.TLS,
		"domainBlocklist": []string{"blocked.acme.test"}, "keyAlgorithm": "ecdsa", "retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles": map[string]any{"default": map[string]any{"description": "", "validityPeriod": 90 * 24 * 3600}}}
	maps.Copy(s.config, change)
	s.Start(t)
	return s
}

// Stop ends it: nobody answers at its directory.
func (s *Server) Stop() { s.stop() }

// Start starts it again after Stop. It remembers nothing.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatalf("Pebble is not built: %v", err)
	}
	built.Store(true)
	text, err := json.Marshal(map[string]any{"pebble": s.config})
	must(t, err)
	file := filepath.Join(s.folder, "config.json")
	must(t, os.WriteFile(file, text, 0o600))
	run := exec.Command(path, "-config", file, "-dnsserver", names(t))
	run.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=4", "PEBBLE_AUTHZREUSE=0", "PEBBLE_CHAIN_LENGTH=1")
	run.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := run.StdoutPipe()
	must(t, err)
	must(t, run.Start())
	up := make(chan struct{})
	go func() {
		lines, once := bufio.NewScanner(out), sync.Once{}
		for lines.Scan() {
			if strings.Contains(lines.Text(), "Listening on") {
				once.Do(func() { close(up) })
			}
		}
	}()
	s.stop = sync.OnceFunc(func() { _ = run.Process.Kill(); _ = run.Wait() })
	t.Cleanup(s.stop)
	select {
	case <-up:
	case <-time.After(30 * time.Second):
		t.Fatal("Pebble does not start")
	}
	for range 500 { // it says so a little before
		if c, err := net.Dial("tcp", s.address); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("Pebble does not answer")
}

// names is a DNS over TCP (RFC 1035 §4.1, §4.2.2), as Pebble asks one, that leads every name to this machine but those that begin
// with "unknown".
func names(t testing.TB) string {
	t.Helper()
	l := listen(t)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go resolve(c)
		}
	}()
	return l.Addr().String()
}

func resolve(c net.Conn) {
	defer c.Close()
	for {
		var length [2]byte
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		end := 12
		for end < len(b) && b[end] != 0 {
			end += int(b[end]) + 1
		}
		if end += 5; end > len(b) { // the closing zero, type and class
			return
		}
		question, isA := b[12:end], b[end-3] == 1
		out := append([]byte{b[0], b[1], 0x85, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
		switch {
		case bytes.HasPrefix(question[1:], []byte("unknown")):
			out[3] = 0x83 // no such name
		case isA:
			out[7] = 1
			out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)); err != nil {
			return
		}
	}
}

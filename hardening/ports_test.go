package hardening

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// tryPorts asks for outward in place of an arena: a process that may connect.
const tryPorts = "ports"

// outward is a process that keeps one port, one file and one directory of sockets, and says what became of each try.
func outward() {
	dir := os.Getenv("DIR")
	port, err := strconv.ParseUint(os.Getenv("PORT"), 10, 16)
	if err != nil {
		panic(err)
	}
	if err := Confine(Policy{Ports: []uint16{uint16(port)}, ReadFiles: []string{filepath.Join(dir, "one")}, Sockets: []string{filepath.Join(dir, "sockets")}}); err != nil {
		panic(err)
	}
	say := func(what string, err error) {
		switch {
		case err == nil:
			fmt.Println(what, "yes")
		case errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM):
			fmt.Println(what, "no")
		default:
			fmt.Println(what, err)
		}
	}
	dial := func(network, at string) error {
		c, err := net.DialTimeout(network, at, 5*time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err
	}
	say("port", dial("tcp", "127.0.0.1:"+os.Getenv("PORT")))
	say("other-port", dial("tcp", "127.0.0.1:"+os.Getenv("OTHER")))
	_, err = os.ReadFile(filepath.Join(dir, "one"))
	say("file", err)
	_, err = os.ReadFile(filepath.Join(dir, "two"))
	say("other-file", err)
	say("write", os.WriteFile(filepath.Join(dir, "one"), nil, 0o600))
	l, err := net.Listen("unix", filepath.Join(dir, "sockets/new"))
	if err == nil {
		_ = l.Close()
	}
	say("new-socket", err)
	say("socket", dial("unix", filepath.Join(dir, "sockets/there")))
	udp, err := net.Dial("udp", "127.0.0.1:53") // as a resolver begins a question
	if err == nil {
		_ = udp.Close()
	}
	say("dns", err)
}

// A process that connects outward reaches the ports that it keeps, at any address, and no other; it reads the files that are named.
func TestConfineToPorts(t *testing.T) {
	if abi, err := ll.LandlockGetABIVersion(); err != nil || abi < portsABI {
		t.Skip("this kernel's Landlock has no rules for ports")
	}
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "sockets"), 0o700))
	for _, name := range []string{"one", "two"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600))
	}
	open := func(network, at string) net.Listener {
		l, err := net.Listen(network, at)
		must(t, err)
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
			}
		}()
		return l
	}
	port := func(l net.Listener) string { return strconv.Itoa(l.Addr().(*net.TCPAddr).Port) }
	one, two := open("tcp", "127.0.0.1:0"), open("tcp", "127.0.0.1:0")
	open("unix", filepath.Join(dir, "sockets/there"))
	self, err := os.Executable()
	must(t, err)
	c := exec.Command(self)
	c.Env = append(os.Environ(), tryVariable+"="+tryPorts, "DIR="+dir, "PORT="+port(one), "OTHER="+port(two))
	out, err := c.CombinedOutput()
	want := "port yes other-port no file yes other-file no write no new-socket no socket yes dns yes"
	if got := strings.Join(strings.Fields(string(out)), " "); err != nil || got != want {
		t.Errorf("%v\n%s\nwant %s", err, got, want)
	}
}

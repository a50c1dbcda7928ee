// Package sftptest is an SFTP server of another hand, OpenSSH's on the loopback, for tests: its keys, its folder and the account that
// it lets in. Nothing but tests imports it.
package sftptest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// Server is one that runs until the test ends.
type Server struct {
	Host    string
	Port    int
	User    string // the account that the test runs under
	HostKey string // kind and key
	Key     []byte // the private key that it lets in, in OpenSSH's form
	Home    string // the folder in which whoever comes in is
}

// At is where it listens.
func (s Server) At() string { return net.JoinHostPort(s.Host, fmt.Sprint(s.Port)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Key is a pair in OpenSSH's form.
func Key(t testing.TB) (private []byte, public string) {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	block, err := ssh.MarshalPrivateKey(priv, "")
	must(t, err)
	line, err := ssh.NewPublicKey(pub)
	must(t, err)
	return pem.EncodeToMemory(block), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(line)))
}

// Start starts it. Where OpenSSH's server is not installed, the test is skipped.
func Start(t testing.TB) Server {
	t.Helper()
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		if sshd, err = exec.LookPath("/usr/sbin/sshd"); err != nil {
			t.Skip("OpenSSH's server is not installed (.ci/need sshd)")
		}
	}
	me, err := user.Current()
	must(t, err)
	if me.Uid == "0" {
		must(t, os.MkdirAll("/run/sshd", 0o755)) // its privilege separation, of a server that no service has started
	}
	dir := t.TempDir()
	hostPrivate, hostPublic := Key(t)
	private, public := Key(t)
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, text, 0o600))
		return path
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := Server{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, User: me.Username, HostKey: hostPublic, Key: private, Home: filepath.Join(dir, "home")}
	must(t, l.Close())
	must(t, os.Mkdir(s.Home, 0o700))
	config := write("sshd_config", fmt.Appendf(nil, `ListenAddress %s
Port %d
HostKey %s
AuthorizedKeysFile %s
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PermitRootLogin prohibit-password
PidFile none
Subsystem sftp /usr/lib/openssh/sftp-server -d %s
`, s.Host, s.Port, write("host", hostPrivate), write("authorized", []byte(public+"\n")), s.Home))
	server := exec.Command(sshd, "-D", "-e", "-f", config)
	var said bytes.Buffer
	server.Stderr = &said
	must(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		probe, err := net.Dial("tcp", s.At())
		if err == nil {
			must(t, probe.Close())
			return s
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

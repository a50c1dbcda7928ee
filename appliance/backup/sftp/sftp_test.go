package sftp

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
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

	"huisclos/appliance/backup"
)

var now = time.Date(2026, 11, 29, 22, 15, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// key is a pair in OpenSSH's form.
func key(t *testing.T) (private []byte, public string) {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	block, err := ssh.MarshalPrivateKey(priv, "")
	must(t, err)
	line, err := ssh.NewPublicKey(pub)
	must(t, err)
	return pem.EncodeToMemory(block), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(line)))
}

// openSSH starts OpenSSH's server on the loopback, with its sftp-server and the account that the test runs under.
func openSSH(t *testing.T) (c Config, home string) {
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
	hostPrivate, hostPublic := key(t)
	private, public := key(t)
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, text, 0o600))
		return path
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	at := l.Addr().String()
	must(t, l.Close())
	_, port, _ := net.SplitHostPort(at)
	home = filepath.Join(dir, "home")
	must(t, os.Mkdir(home, 0o700))
	config := write("sshd_config", fmt.Appendf(nil, `ListenAddress 127.0.0.1
Port %s
HostKey %s
AuthorizedKeysFile %s
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PermitRootLogin prohibit-password
PidFile none
Subsystem sftp /usr/lib/openssh/sftp-server -d %s
`, port, write("host", hostPrivate), write("authorized", []byte(public+"\n")), home))
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
		probe, err := net.Dial("tcp", at)
		if err == nil {
			_ = probe.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	return Config{User: me.Username, Folder: "sauvegardes/huisclos", HostKey: hostPublic, Key: private,
		Dial: func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "tcp", at) }}, home
}

func TestOpenSSH(t *testing.T) {
	c, home := openSSH(t)
	target, err := New(c)
	must(t, err)
	if list, err := target.List(t.Context()); err != nil || len(list) != 0 {
		t.Fatalf("before the folder is there: %v, %v", list, err)
	}
	text := bytes.Repeat([]byte("backup"), 300_000)
	names := []string{backup.Name(now), backup.Name(now.Add(time.Hour))}
	for i, name := range names {
		must(t, target.Put(t.Context(), name, int64(len(text)-i), "", bytes.NewReader(text[i:])))
	}
	folder := filepath.Join(home, c.Folder)
	must(t, os.WriteFile(filepath.Join(folder, "notes.txt"), nil, 0o600))
	list, err := target.List(t.Context())
	if err != nil || len(list) != 2 || list[0].Name != names[1] || list[1].Size != int64(len(text)) {
		t.Fatalf("%+v, %v", list, err)
	}
	if got, err := os.ReadFile(filepath.Join(folder, names[0])); err != nil || !bytes.Equal(got, text) {
		t.Errorf("%d octets, %v", len(got), err)
	}
	if info, err := os.Stat(filepath.Join(folder, names[0])); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	// One that ends early leaves nothing under its name, nor under another.
	short := backup.Name(now.Add(2 * time.Hour))
	if target.Put(t.Context(), short, 100, "", strings.NewReader("fewer")) == nil {
		t.Error("a file that was cut was kept")
	}
	must(t, target.Remove(t.Context(), names[0]))
	if target.Remove(t.Context(), "notes.txt") == nil {
		t.Error("what is no backup was removed")
	}
	left, err := os.ReadDir(folder)
	must(t, err)
	if len(left) != 2 {
		t.Errorf("left: %v", left)
	}
}

func TestOtherKeys(t *testing.T) {
	c, home := openSSH(t)
	other, public := key(t)
	wrong := c
	wrong.HostKey = public
	target, err := New(wrong)
	must(t, err)
	if err := target.Put(t.Context(), backup.Name(now), 1, "", strings.NewReader("x")); !errors.Is(err, ErrHostKey) {
		t.Errorf("another host key: %v", err)
	}
	wrong = c
	wrong.Key = other
	target, err = New(wrong)
	must(t, err)
	if err := target.Put(t.Context(), backup.Name(now), 1, "", strings.NewReader("x")); err == nil || errors.Is(err, ErrHostKey) {
		t.Errorf("another key of ours: %v", err)
	}
	if list, _ := os.ReadDir(home); len(list) != 0 {
		t.Errorf("something was written: %v", list)
	}
	for name, change := range map[string]func(*Config){
		"no key": func(c *Config) { c.Key = []byte("x") }, "no host key": func(c *Config) { c.HostKey = "ssh-ed25519" },
	} {
		c := c
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

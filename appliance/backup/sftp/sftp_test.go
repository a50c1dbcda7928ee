package sftp

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"huisclos/appliance/backup"
	"huisclos/appliance/backup/sftp/sftptest"
)

var now = time.Date(2026, 11, 29, 22, 15, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// openSSH is a real server, and the settings that lead to it.
func openSSH(t *testing.T) (c Config, home string) {
	t.Helper()
	s := sftptest.Start(t)
	return Config{User: s.User, Folder: "sauvegardes/huisclos", HostKey: s.HostKey, Key: s.Key,
		Dial: func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "tcp", s.At()) }}, s.Home
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
	other, public := sftptest.Key(t)
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

package hardening

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func farFuture() time.Time { return time.Now().Add(time.Hour) }

// newArena makes three directories that every account may use, and sockets of this process.
func newArena(t *testing.T) arena {
	t.Helper()
	top, err := os.MkdirTemp("", "arena")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(top)) })
	must(t, os.Chmod(top, 0o755))
	a := arena{Write: filepath.Join(top, "write"), Read: filepath.Join(top, "read"), Outside: filepath.Join(top, "outside"), Parent: os.Getpid()}
	for _, dir := range []string{a.Write, a.Read, a.Outside} {
		must(t, os.Mkdir(dir, 0o700))
		must(t, os.Chmod(dir, 0o777))
	}
	must(t, os.WriteFile(filepath.Join(a.Read, "settings"), []byte("x"), 0o644))
	must(t, os.WriteFile(filepath.Join(a.Outside, "secret"), []byte("x"), 0o644))
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _, _ = tcp.Close(), udp.Close() })
	a.TCP, a.UDP = tcp.Addr().String(), udp.LocalAddr().String()
	return a
}

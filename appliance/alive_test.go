package appliance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"huisclos/appliance/update"
	"huisclos/hardening"
)

func TestAlive(t *testing.T) {
	a, _ := start(t, testSettings(t))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 3 {
		must(t, a.alive(ctx))
	}
	a.Stop()
	if err := a.alive(ctx); err == nil {
		t.Error("alive after the stop")
	}
}

// TestAliveInAFlood: a restart would help nobody against strangers who hold every connection.
func TestAliveInAFlood(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a thousand connections")
	}
	a, _ := start(t, testSettings(t))
	for range maxPerAddress + 100 {
		c, err := net.Dial("tcp", a.at())
		if errors.Is(err, syscall.EMFILE) {
			t.Skip("too few files")
		}
		must(t, err)
		defer c.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	must(t, a.alive(ctx))
}

// TestNoSignOfLifeWithoutLife: a watchdog that is fed by a timer alone would be worthless.
func TestNoSignOfLifeWithoutLife(t *testing.T) {
	path := filepath.Join(t.TempDir(), "n")
	heard, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	must(t, err)
	defer heard.Close()
	n, err := newNotifier(from(map[string]string{"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000", "WATCHDOG_PID": "9"}), 9)
	must(t, err)
	defer n.close()
	log := &notes{}
	// Connections are let in, and nobody answers them.
	a := &Appliance{settings: testSettings(t), log: slog.New(slog.NewTextHandler(log, nil)), quit: make(chan struct{}), door: newDoor(loopback(t))}
	go func() {
		for {
			if _, err := a.door.Accept(); err != nil {
				return
			}
		}
	}()
	a.watch(n)
	b := make([]byte, 4096)
	for range 3 {
		_ = heard.SetReadDeadline(time.Now().Add(10 * time.Second))
		got, err := heard.Read(b)
		must(t, err)
		if text := string(b[:got]); strings.Contains(text, "WATCHDOG") || !strings.Contains(text, "Does not answer") {
			t.Errorf("the manager hears %q", text)
		}
	}
	close(a.quit)
	a.running.Wait()
	must(t, a.door.Close())
	if !strings.Contains(log.String(), "not alive") {
		t.Errorf("log: %s", log)
	}
}

func TestNotifier(t *testing.T) {
	if n, err := newNotifier(from(nil), 1); err != nil || n.conn != nil || n.within != 0 {
		t.Errorf("nobody to tell: %+v, %v", n, err)
	} else {
		n.ready("x") // is heard by nobody
		n.close()
	}
	if _, err := newNotifier(from(map[string]string{"NOTIFY_SOCKET": "vsock:2:1"}), 1); err == nil {
		t.Error("a socket of another kind")
	}
	name := fmt.Sprintf("@huisclos-test-%d", os.Getpid())
	heard, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	must(t, err)
	defer heard.Close()
	for within, env := range map[time.Duration]map[string]string{
		0:               {"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "2"},
		5 * time.Second: {"WATCHDOG_USEC": "5000000"},
	} {
		env["NOTIFY_SOCKET"] = name
		n, err := newNotifier(from(env), 1)
		must(t, err)
		if n.within != within {
			t.Errorf("%v: within %v", env, n.within)
		}
		n.ready("Prêt.")
		b := make([]byte, 100)
		got, err := heard.Read(b)
		must(t, err)
		if string(b[:got]) != "READY=1\nSTATUS=Prêt." {
			t.Errorf("%q", b[:got])
		}
		n.close()
	}
}

// TestSetupCodeStaysOutOfTheJournal: what stands in the journal is read by others, and stays.
func TestSetupCodeStaysOutOfTheJournal(t *testing.T) {
	journal, err := os.Create(filepath.Join(t.TempDir(), "journal"))
	must(t, err)
	defer journal.Close()
	info, err := journal.Stat()
	must(t, err)
	at := info.Sys().(*syscall.Stat_t)
	env := from(map[string]string{"JOURNAL_STREAM": fmt.Sprintf("%d:%d", at.Dev, at.Ino)})
	elsewhere := from(map[string]string{"JOURNAL_STREAM": fmt.Sprintf("%d:%d", at.Dev, at.Ino+1)})
	if !isJournal(journal, env) || isJournal(journal, elsewhere) || isJournal(journal, from(nil)) || isJournal(&notes{}, env) {
		t.Error("the journal is not told from other files")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int)
	var errs notes
	go func() {
		done <- serve(ctx, []string{"--listen", "127.0.0.1:0", "--data", t.TempDir()}, journal, &errs, surroundings{getenv: env})
	}()
	text := ""
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(text, "Ctrl+C") && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		b, err := os.ReadFile(journal.Name())
		must(t, err)
		text = string(b)
	}
	cancel()
	<-done
	if _, after, ok := strings.Cut(text, "Set-up code"); !ok || !strings.HasPrefix(strings.TrimSpace(after), "sudo huisclos setup-code\n") {
		t.Errorf("the journal says\n%s\n%s", text, &errs)
	}
}

// terminal fails once it is gone, as a terminal that hung up does.
type terminal struct {
	notes
	gone atomic.Bool
}

func (w *terminal) Write(p []byte) (int, error) {
	if w.gone.Load() {
		return 0, syscall.EIO
	}
	return w.notes.Write(p)
}

// TestHangUp: SIGHUP reads the settings again, and ends a start by hand whose terminal is gone: else it would run on with
// nobody there to stop it.
func TestHangUp(t *testing.T) {
	var out terminal
	var errs notes
	done := make(chan int, 1)
	go func() {
		done <- serve(t.Context(), []string{"--listen", "127.0.0.1:0", "--data", t.TempDir()}, &out, &errs, surroundings{getenv: from(nil)})
	}()
	says := func(what string) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !strings.Contains(out.String(), what); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("no %q in\n%s\n%s", what, out.String(), errs.String())
			}
		}
	}
	says("Ctrl+C")
	must(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	says("Settings read again.")
	out.gone.Store(true)
	must(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	select {
	case code := <-done:
		if code != 0 {
			t.Errorf("exit code %d", code)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it runs on")
	}
}

func TestPolicy(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "archive")
	must(t, os.Mkdir(real, 0o700))
	must(t, os.Mkdir(filepath.Join(dir, "live"), 0o700))
	must(t, os.WriteFile(filepath.Join(real, "cert2.pem"), nil, 0o600))
	link := filepath.Join(dir, "live", "cert.pem")
	must(t, os.Symlink("../archive/cert2.pem", link))
	s := testSettings(t)
	s.file, s.Certificate, s.Key, s.Files = "/etc/huisclos/huisclos.toml", link, "/key.pem", []string{"/etc/huisclos/huisclos.toml", "/etc/huisclos/conf.d/x.toml"}
	p := s.policy()
	want := hardening.Policy{Write: []string{s.Data}, Read: []string{update.ReleaseKeys, s.Update.Keys, "/etc/huisclos", filepath.Join(dir, "live"), real, "/etc/huisclos/conf.d"}}
	if !slices.Equal(p.Write, want.Write) || !slices.Equal(p.Read, want.Read) {
		t.Errorf("%+v, want %+v", p, want)
	}
}

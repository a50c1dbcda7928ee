package control

import (
	"bytes"
	"context"
	"encoding/json"
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
	"sync"
	"syscall"
	"testing"
	"time"

	"huisclos/appliance/config"
	"huisclos/appliance/reach"
	"huisclos/hardening"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestMain lets a test run a command as somebody else: this program again, under another account.
func TestMain(m *testing.M) {
	if as := os.Getenv("HUISCLOS_TEST_COMMAND"); as != "" {
		run := map[string]func([]string, io.Writer, io.Writer) int{
			"status": func(a []string, out, errs io.Writer) int { return PrintStatus(nil)(context.Background(), a, out, errs) },
			"check":  func(a []string, out, errs io.Writer) int { return Check(nil)(context.Background(), a, out, errs) },
		}[as]
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// fake is an appliance that remembers what it was asked.
type fake struct {
	mu     sync.Mutex
	codes  int
	done   bool // there is an administrator
	broken bool
	port   int
}

func (f *fake) acts() Acts {
	return Acts{
		SetupCode: func() (string, bool, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.broken {
				return "", false, errors.New("disk full")
			}
			if f.done {
				return "", false, nil
			}
			f.codes++
			return fmt.Sprintf("CODE-%d", f.codes), true, nil
		},
		Status: func() Status {
			return Status{Version: "1.2.3", Since: time.Unix(1e9, 0), Calls: 2, People: 7, Addresses: []string{"https://a.example/", "https://b.example/"}, Port: 443,
				Fingerprint: strings.TrimSuffix(strings.Repeat("AB:", 32), ":"), Expires: time.Now().Add(49 * time.Hour), SetupNeeded: !f.done, NeedsRestart: []string{"listen"}}
		},
		Check: func() hardening.Report {
			return hardening.Report{{Name: "landlock", State: hardening.OK}, {Name: "kernel.kptr_restrict", State: hardening.Unknown}}
		},
		Export: func(email string) (json.RawMessage, error) {
			if email != "ada@example.org" {
				return nil, fmt.Errorf("%w: no such account", ErrNoExport)
			}
			return json.RawMessage(`{"schema":"huisclos.account-export.1","big":"` + strings.Repeat("x", 2<<20) + `"}`), nil
		},
		Reset: func(email string) (Reset, error) {
			switch email {
			case "ada@example.org":
				return Reset{Name: "Ada", Email: email, Role: "administrator", Token: "TOKEN", Expires: time.Unix(1e9, 0)}, nil
			case "broken":
				return Reset{}, errors.New("disk full")
			}
			return Reset{}, fmt.Errorf("%w: no such account", ErrNoReset)
		},
		Network: func() reach.Service {
			return reach.Service{Port: f.port, Fingerprint: "AB:CD", Named: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Probe: reach.Probe{Ufrag: "u", Password: "p"}}
		},
	}
}

func (f *fake) serve(t *testing.T, path string) *bytes.Buffer {
	t.Helper()
	l, err := Listen(path)
	must(t, err)
	log, done := &bytes.Buffer{}, make(chan struct{})
	go func() {
		Serve(l, f.acts(), slog.New(slog.NewTextHandler(log, nil)))
		close(done)
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return log
}

func command(run func(args []string, out, errs io.Writer) int, args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = run(args, &o, &e)
	return code, o.String(), e.String()
}

func setupCode(a []string, o, e io.Writer) int { return PrintSetupCode(context.Background(), a, o, e) }
func status(a []string, o, e io.Writer) int    { return PrintStatus(nil)(context.Background(), a, o, e) }

func TestSetupCodeCommand(t *testing.T) {
	data, f := t.TempDir(), &fake{}
	f.serve(t, filepath.Join(data, "control.sock"))
	for i := range 2 { // each call makes another
		code, out, errs := command(setupCode, "--data", data)
		if code != 0 || errs != "" || !strings.Contains(out, fmt.Sprintf("CODE-%d\n", i+1)) || !strings.Contains(out, "https://a.example/console/setup") || !strings.Contains(out, "AB:AB") {
			t.Errorf("%d\n%s%s", code, out, errs)
		}
	}
	_, out, _ := command(setupCode, "--data", data, "--json")
	var a answer
	must(t, json.Unmarshal([]byte(out), &a))
	if a.Code != "CODE-3" {
		t.Errorf("as JSON: %s", out)
	}
	f.mu.Lock()
	f.done = true
	f.mu.Unlock()
	if code, out, _ := command(setupCode, "--data", data); code != 0 || strings.Contains(out, "CODE") || !strings.Contains(out, "déjà un administrateur") || !strings.Contains(out, "an administrator already") {
		t.Errorf("with an administrator: %d %s", code, out)
	}
	f.mu.Lock()
	f.broken = true
	f.mu.Unlock()
	if code, out, errs := command(setupCode, "--data", data); code != 1 || out != "" || !strings.Contains(errs, "disk full") {
		t.Errorf("broken: %d %s %s", code, out, errs)
	}
}

func TestStatusCommand(t *testing.T) {
	data := t.TempDir()
	path := filepath.Join(data, "elsewhere")
	(&fake{}).serve(t, path)
	code, out, errs := command(status, "--control", path)
	if code != 0 || errs != "" {
		t.Errorf("%d %s", code, errs)
	}
	for _, want := range []string{"1.2.3", "2001-09-", "Calls", " 2\n", " 7\n", "https://b.example/", "days left  2\n", "setup-code", ": listen\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	dir := t.TempDir()
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "control.sock"), Net: "unix"})
	must(t, err)
	stale.SetUnlinkOnClose(false)
	must(t, stale.Close())
	for name, args := range map[string][]string{"a dead process's": {"--data", dir}, "none": {"--data", t.TempDir()}, "no directory": {"--data", filepath.Join(dir, "no")},
		"too long": {"--data", "/" + strings.Repeat("x", 120)}} {
		for _, run := range []func([]string, io.Writer, io.Writer) int{setupCode, status} {
			code, out, errs := command(run, args...)
			if code != 1 || out != "" || !strings.Contains(errs, "aucune appliance ne répond") || !strings.Contains(errs, "no appliance answers") {
				t.Errorf("%s: %d %q %s", name, code, out, errs)
			}
		}
	}
	for _, args := range [][]string{{"--nothing"}, {"word"}, {"--config"}} {
		if code, _, errs := command(status, args...); code != 2 || !strings.Contains(errs, "huisclos status --help") {
			t.Errorf("%q: %d %s", args, code, errs)
		}
	}
}

// TestOnlyTheOwnUser: another account is told what to do, and gets nothing.
func TestOnlyTheOwnUser(t *testing.T) {
	// ASVS 12.3.5, 13.2.1
	if os.Geteuid() != 0 {
		t.Skip("needs root to become another account")
	}
	top, err := os.MkdirTemp("", "c")
	must(t, err)
	defer os.RemoveAll(top)
	must(t, os.Chmod(top, 0o755))
	(&fake{}).serve(t, filepath.Join(top, "control.sock"))
	self, err := os.Executable()
	must(t, err)
	octets, err := os.ReadFile(self)
	must(t, err)
	program := filepath.Join(top, "again")
	must(t, os.WriteFile(program, octets, 0o755))
	for name, want := range map[string][]string{
		"status": {"sudo huisclos status", "seuls l'utilisateur de l'appliance et root"}, "check": {"sudo huisclos check", "this account may not talk to the appliance"},
	} {
		cmd := exec.Command(program, "--data", top)
		cmd.Env = append(os.Environ(), "HUISCLOS_TEST_COMMAND="+name)
		cmd.Dir, cmd.SysProcAttr = top, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("%s: %v", name, err)
		}
		for _, w := range want {
			if !strings.Contains(string(out), w) {
				t.Errorf("%s: no %q in\n%s", name, w, out)
			}
		}
	}
}

func TestListen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	old := syscall.Umask(0) // the mode must not come from it
	defer syscall.Umask(old)
	l, err := Listen(path)
	must(t, err)
	info, err := os.Lstat(path)
	must(t, err)
	if info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := Listen(path); !errors.Is(err, ErrInUse) {
		t.Errorf("twice: %v", err)
	}
	must(t, l.Close())
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("it stays: %v", err)
	}
	must(t, os.WriteFile(path, []byte("somebody's file"), 0o600))
	if _, err := Listen(path); err == nil {
		t.Error("a file is replaced")
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "somebody's file" {
		t.Errorf("the file: %q, %v", text, err)
	}
	if _, err := Listen("/tmp/" + strings.Repeat("x", 120)); err == nil {
		t.Error("a path that is too long")
	}
	if _, err := Listen(filepath.Join(dir, "none", "s")); err == nil {
		t.Error("a directory that is not there")
	}
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "stale"), Net: "unix"})
	must(t, err)
	stale.SetUnlinkOnClose(false)
	must(t, stale.Close())
	again, err := Listen(filepath.Join(dir, "stale"))
	must(t, err)
	must(t, again.Close())
}

func TestWhatIsNotUnderstood(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	f := &fake{}
	log := f.serve(t, path)
	for _, sent := range []string{"\n", "setup-code\n", `{"act":"shell"}` + "\n", `{"act":` + strings.Repeat(" ", 2*maxQuestion) + `"setup-code"}` + "\n", "\x00\xff\n"} {
		c, err := net.Dial("unix", path)
		must(t, err)
		_, err = io.WriteString(c, sent)
		must(t, err)
		must(t, c.(*net.UnixConn).CloseWrite())
		var a answer
		if err := json.NewDecoder(c).Decode(&a); err != nil && !errors.Is(err, syscall.ECONNRESET) || a.Code != "" || a.Status != nil || a.Report != nil {
			t.Errorf("%q: %+v, %v", sent, a, err)
		}
		_ = c.Close()
	}
	if f.codes != 0 || log.Len() != 0 {
		t.Errorf("%d codes, log %s", f.codes, log)
	}
}

func FuzzQuestion(f *testing.F) {
	f.Add([]byte(`{"act":"status"}` + "\n"))
	f.Add([]byte(`{"act":"check"}` + "\n"))
	f.Add([]byte(`{"act":"reset","email":"ada@example.org"}` + "\n"))
	f.Add([]byte("{}\n[]"))
	quiet := slog.New(slog.DiscardHandler)
	f.Fuzz(func(t *testing.T, text []byte) {
		a := (&fake{}).acts().answer(bytes.NewReader(text), quiet)
		if (a.Error == "") == (a.Status == nil) {
			t.Fatalf("%q: %+v", text, a)
		}
	})
}

// TestUnlisted: where the appliance sees no address of the machine, who asks adds them; otherwise its own are all.
func TestUnlisted(t *testing.T) {
	c := config.Settings{Listen: ":443", PublicAddresses: []netip.Addr{netip.MustParseAddr("203.0.113.9")}}
	if got := listed(c, Status{Port: 443, Unlisted: true}); len(got) == 0 || got[0] != "https://203.0.113.9/" {
		t.Errorf("unlisted: %q", got)
	}
	if got := listed(c, Status{Port: 443}); got != nil {
		t.Errorf("twice: %q", got)
	}
}

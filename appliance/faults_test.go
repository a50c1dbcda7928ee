package appliance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/config"
	"huisclos/appliance/metrics"
	"huisclos/appliance/operator"
	"huisclos/appliance/outbox"
	"huisclos/appliance/web"
	"huisclos/audit"
	"huisclos/client"
	"huisclos/store"
)

// faulty is a sealed call of two in a household in which something fails.
type faulty struct {
	*household
	ada, bob *participant
}

func inCall(t *testing.T, s settings) *faulty {
	t.Helper()
	h := householdWith(t, s, 3)
	f := &faulty{household: h, ada: h.join(t, 0, nil), bob: h.join(t, 1, nil)}
	f.goesOn(t, "before the fault")
	return f
}

// goesOn holds that both hear and see each other from now on.
func (f *faulty) goesOn(t *testing.T, when string) {
	t.Helper()
	n, m := len(f.ada.heard.of("Membre 1", false)), len(f.bob.heard.of("Ada", true))
	defer func() {
		if t.Failed() {
			t.Logf("ada: %v, bob: %v\n%s", f.ada.Err(), f.bob.Err(), f.log)
		}
	}()
	eventually(t, "the call goes on "+when, func() bool {
		return len(f.ada.heard.of("Membre 1", false)) > n+40 && len(f.bob.heard.of("Ada", true)) > m+20
	})
}

// command runs one of the command line, at this appliance.
func (f *faulty) command(t *testing.T, run func([]string, io.Writer, io.Writer) int, args ...string) (code int, said string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(append(args, "--data", f.settings.Data, "--control", f.settings.ControlPath()), &out, &errs)
	return code, out.String() + errs.String()
}

func (f *faulty) status(t *testing.T) string {
	t.Helper()
	code, said := f.command(t, func(args []string, o, e io.Writer) int { return Status(t.Context(), args, o, e) })
	if code != 0 {
		t.Fatalf("status: %d %s", code, said)
	}
	return said
}

func (f *faulty) check(t *testing.T) string {
	t.Helper()
	_, said := f.command(t, func(args []string, o, e io.Writer) int { return Check(t.Context(), args, o, e) })
	return said
}

// attention are the codes that the console, the command line and the metrics have, which must be the same.
func (f *faulty) attention(t *testing.T) (codes []string) {
	t.Helper()
	f.clocks.mu.Lock()
	f.clocks.foundUntil = 0 // look again
	f.clocks.mu.Unlock()
	state := f.watched.state()
	for _, a := range f.watched.Attention(f.settings.now()) {
		codes = append(codes, a.Code)
		if state.Attention[a.Code] == 0 {
			t.Errorf("%s is not in the metrics", a.Code)
		}
	}
	return codes
}

// says waits until a fault stands in all places, with what to do, in both languages.
func (f *faulty) says(t *testing.T, code string, fr, en string) {
	t.Helper()
	eventually(t, code+" is told", func() bool { return slices.Contains(f.attention(t), code) })
	for name, said := range map[string]string{"status": f.status(t), "check": f.check(t)} {
		if !strings.Contains(said, fr) || !strings.Contains(said, en) {
			t.Errorf("%s says nothing of %s:\n%s", name, code, said)
		}
	}
}

// refusesNew holds that what must be recorded is refused, with a sentence and for that reason.
func (f *faulty) refusesNew(t *testing.T) {
	t.Helper()
	_, err := client.Join(t.Context(), client.Config{Link: f.link, Account: f.people[2].email, Passphrase: f.people[2].passphrase, Pinned: &f.pin})
	if client.Code(err) != "not-recorded" {
		t.Errorf("somebody new: %v", err)
	}
	code, said := f.command(t, func(args []string, o, e io.Writer) int { return operator.Drain(t.Context(), args, o, e) })
	if code != 1 || f.hall.Draining() || !strings.Contains(said, "rien n'a changé") || !strings.Contains(said, "nothing was changed") {
		t.Errorf("an act at the shell: %d %s", code, said)
	}
	if f.ready(t) != http.StatusServiceUnavailable {
		t.Error("it is ready")
	}
}

func (f *faulty) ready(t *testing.T) int {
	t.Helper()
	res, err := browser(t, f.Appliance).Get("https://" + f.at() + "/readyz")
	must(t, err)
	_ = res.Body.Close()
	return res.StatusCode
}

const faultEnv = "HUISCLOS_TEST_FAULT"

// inMounts runs the test of that name again in a mount namespace of its own: what is mounted there is gone with its process.
func inMounts(t *testing.T, name string, flags uintptr, there func(t *testing.T)) {
	if os.Getenv(faultEnv) == name {
		must(t, syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
		there(t)
		return
	}
	c := exec.Command(os.Args[0], "-test.run=^"+name+"$", "-test.v", "-test.timeout=4m")
	c.Env = append(os.Environ(), faultEnv+"="+name)
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | flags, Pdeathsig: syscall.SIGKILL}
	if flags&syscall.CLONE_NEWUSER != 0 {
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := c.CombinedOutput()
	switch {
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.ENOSPC), bytes.Contains(out, []byte("CANNOT")):
		t.Skipf("no file system can be mounted for this test here: %v %s", err, out)
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	default:
		t.Logf("%s", out)
	}
}

// TestDiskFull fills the disk of the data, a small one of memory, while two people meet: they go on, nobody else comes in, everybody who
// looks is told, and all resumes by itself once there is room.
func TestDiskFull(t *testing.T) {
	var flags uintptr
	if os.Getuid() != 0 {
		flags = syscall.CLONE_NEWUSER
	}
	inMounts(t, "TestDiskFull", flags, func(t *testing.T) {
		s := testSettings(t)
		if err := syscall.Mount("huisclos-test", s.Data, "tmpfs", 0, "size=24m,mode=0700"); err != nil {
			t.Fatalf("CANNOT mount: %v", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(s.Data, syscall.MNT_DETACH) })
		s.Control = filepath.Join(t.TempDir(), "c") // as a service has it in /run
		f := inCall(t, s)
		ballast, err := os.Create(filepath.Join(s.Data, "ballast"))
		must(t, err)
		defer ballast.Close()
		for chunk := make([]byte, 64<<10); err == nil; {
			_, err = ballast.Write(chunk)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		e := audit.Event{Time: time.Now(), Actor: audit.ActorSystem, Action: audit.ClockJumped, Detail: map[string]string{"by": strings.Repeat("x", 200)}}
		for i := 0; ; i++ {
			if err := f.trail.Write(e); errors.Is(err, store.ErrFull) {
				break
			} else if err != nil || i > 20000 {
				t.Fatalf("%d entries on a full disk: %v", i, err)
			}
		}
		f.goesOn(t, "on a full disk")
		f.says(t, "disk-full", "le disque est plein", "the disk is full")
		f.refusesNew(t)
		f.goesOn(t, "after refusals")
		if err := f.watched.db.Retry(); !errors.Is(err, store.ErrFull) {
			t.Errorf("it looks for room and finds %v", err)
		}
		head, err := f.trail.Head()
		must(t, err)
		// Somebody leaves meanwhile: that waits, and stands in the log afterwards.
		f.bob.Leave()
		eventually(t, "the one who left is out", func() bool { return f.ada.Stats().People == 1 })
		must(t, ballast.Truncate(0))
		f.lookForRoom(f.watched.db.Retry)
		if err := f.watched.db.Writable(); err != nil {
			t.Fatalf("there is room, and it says %v", err)
		}
		eventually(t, "what waited is recorded", func() bool {
			list, err := f.trail.List(0, 20)
			must(t, err)
			return slices.ContainsFunc(list, func(e audit.Entry) bool { return e.Sequence > head.Sequence && e.Action == audit.CallMemberRemoved })
		})
		f.bob = f.join(t, 1, nil)
		f.goesOn(t, "when there is room again")
		if slices.Contains(f.attention(t), "disk-full") || f.ready(t) != http.StatusOK {
			t.Error("it still says that the disk is full, or isn't ready")
		}
	})
}

// TestDiskReadOnly has the kernel take the disk of the data for broken (ext4(5), abort), a small one in memory.
func TestDiskReadOnly(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("loop devices are root's")
	}
	for _, tool := range []string{"mkfs.ext4", "mount"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is needed: %v", tool, err)
		}
	}
	inMounts(t, "TestDiskReadOnly", 0, func(t *testing.T) {
		run := func(args ...string) {
			t.Helper()
			if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
				t.Fatalf("CANNOT %v: %v %s", args, err, out)
			}
		}
		s := testSettings(t)
		under := t.TempDir()
		run("mount", "-t", "tmpfs", "-o", "size=64m", "huisclos-test", under)
		t.Cleanup(func() { _ = syscall.Unmount(under, syscall.MNT_DETACH) })
		image := filepath.Join(under, "disk")
		must(t, os.WriteFile(image, nil, 0o600))
		must(t, os.Truncate(image, 48<<20))
		run("mkfs.ext4", "-q", "-F", image)
		run("mount", "-o", "loop,errors=remount-ro", image, s.Data)
		t.Cleanup(func() { _ = syscall.Unmount(s.Data, syscall.MNT_DETACH) })
		must(t, os.Chmod(s.Data, 0o700))
		s.Control = filepath.Join(t.TempDir(), "c")
		f := inCall(t, s)
		run("mount", "-o", "remount,abort", s.Data)
		if err := f.trail.Write(audit.Event{Time: time.Now(), Actor: audit.ActorSystem, Action: audit.ClockJumped}); !errors.Is(err, store.ErrFailed) || !errors.Is(err, syscall.EROFS) {
			t.Fatalf("a write to a read-only disk: %v", err)
		}
		f.goesOn(t, "on a read-only disk")
		f.says(t, "read-only", "en lecture seule", "read-only")
		f.refusesNew(t)
		f.goesOn(t, "after refusals")
		// It stops in good order, and doesn't start again: the last words say why.
		f.ada.Leave()
		f.bob.Leave()
		f.Stop()
		again, err := Start(s, slog.New(slog.DiscardHandler))
		if err == nil {
			again.Stop()
			t.Fatal("it starts on a read-only disk")
		}
		var b strings.Builder
		explain(&b, err, s)
		if !strings.Contains(b.String(), "est en lecture seule") || !strings.Contains(b.String(), "is read-only") || exitCode(err) != 1 {
			t.Errorf("%s (%d)", b.String(), exitCode(err))
		}
	})
}

// TestClockJumps by a day, forth and back, while two people meet.
func TestClockJumpsInACall(t *testing.T) {
	if testing.Short() {
		t.Skip("a real call")
	}
	var off atomic.Int64
	s := testSettings(t)
	s.now, s.steady = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }, time.Now
	f := inCall(t, s)
	f.compareClocks(s.now())
	var before uint64 // the entry of the jump before
	for _, by := range []time.Duration{24 * time.Hour, -24 * time.Hour, -24 * time.Hour} {
		off.Add(int64(by))
		f.compareClocks(s.now())
		f.sweep(s.now()) // sessions of yesterday
		must(t, f.watched.note(s.now()))
		f.goesOn(t, fmt.Sprintf("after a jump by %v", by))
		f.says(t, "clock", fmt.Sprintf("l'horloge a sauté de %v", by), fmt.Sprintf("the clock jumped by %v", by))
		// Somebody who came before may still be on the way out: the jump needn't be the last entry.
		list, err := f.trail.List(0, 10)
		must(t, err)
		at := slices.IndexFunc(list, func(e audit.Entry) bool { return e.Action == audit.ClockJumped })
		if at < 0 || list[at].Sequence <= before || list[at].Detail["by"] != by.String() {
			t.Fatalf("the audit log says %+v", list)
		}
		before = list[at].Sequence
		if f.ready(t) != http.StatusOK {
			t.Error("it isn't ready")
		}
		// The participants' clocks are right all the while: what they sign bears times (RFC 9420 §7.2), which do not count with a server that
		// is a day off. Nobody new gets in there, and who tries is told why. Once it is right again, they come in.
		if off.Load() != 0 {
			ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
			_, err := client.Join(ctx, client.Config{Link: f.link, Account: f.people[2].email, Passphrase: f.people[2].passphrase, Pinned: &f.pin})
			cancel()
			if client.Code(err) != "clock" {
				t.Errorf("who wants in after a jump by %v: %v", by, err)
			}
			f.goesOn(t, "after somebody was refused")
		}
		if off.Load() == 0 {
			p := f.join(t, 2, nil)
			f.goesOn(t, "with somebody new")
			p.Leave()
			eventually(t, "who came has left", func() bool { return f.ada.Stats().People == 2 })
		}
	}
}

// refusing is an address at which nobody listens.
func refusing(t *testing.T) (host string, port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return "127.0.0.1", l.Addr().(*net.TCPAddr).Port
}

// TestServersBesideAreDown: a mail server that is stopped, a directory and a provider of sign-in at whose ports nobody listens, all
// through the process that connects outward, while two people meet.
func TestServersBesideAreDown(t *testing.T) {
	if testing.Short() {
		t.Skip("a real call")
	}
	m := startMailServer(t)
	s := testSettings(t)
	s.Mail = m.settings(t)
	s.Directory.Host, s.Directory.Port = refusing(t)
	s.Directory.TLS, s.Directory.Base, s.Directory.BindDN, s.directoryPassword = true, "dc=example,dc=org", "cn=visio,dc=example,dc=org", []byte("a password\n")
	host, port := refusing(t)
	s.OIDC.Issuer, s.OIDC.At, s.OIDC.ClientID, s.providerSecret = fmt.Sprintf("https://%s:%d/x", host, port), config.Place{Host: host, Port: port}, "huisclos", []byte("a secret\n")
	beside(t, &s)
	f := inCall(t, s)
	code, needed, err := f.accounts.SetupCode(s.now()) // the directory isn't asked before there is an administrator
	must(t, err)
	if needed {
		_, _, err = f.accounts.Setup(t.Context(), code.Reveal(), "Chef", "chef@example.org", "girofle tandem bruyant 93 escalier", accounts.Client{}, s.now())
		must(t, err)
	}
	m.halt()
	must(t, f.watched.db.Update(func(tx *store.Tx) error {
		return f.post.Add(tx, outbox.Mail{To: "zoe@example.org", From: "visio@example.org", Message: []byte("Subject: x\r\n\r\nx"), Expires: s.now().Add(time.Hour), Kind: "test"}, s.now())
	}))
	f.says(t, "mail", "aucun courriel ne part", "no mail leaves")
	f.says(t, "directory", "annuaire", "directory")
	f.says(t, "provider", "fournisseur d'identité", "identity provider")
	f.goesOn(t, "while mail, directory and provider are down")
	p := f.join(t, 2, nil) // accounts of this appliance sign in
	f.goesOn(t, "with somebody new")
	p.Leave()
	if f.ready(t) != http.StatusOK {
		t.Error("it isn't ready, because others are down")
	}
}

// TestCertificateExpires while two people meet: they go on, and everybody who looks is told. Its end is not the appliance's.
func TestCertificateExpires(t *testing.T) {
	if testing.Short() {
		t.Skip("a real call")
	}
	var off atomic.Int64
	s := testSettings(t)
	dir := t.TempDir()
	own := ownCertificate(t, dir)
	s.Certificate, s.Key, s.Hostnames = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), []string{"localhost"}
	s.now, s.steady = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }, time.Now
	f := inCall(t, s)
	off.Store(int64(time.Until(own.NotAfter) - 5*24*time.Hour))
	must(t, f.refresh(s.now()))
	if codes := f.attention(t); !slices.Contains(codes, "certificate-soon") {
		t.Errorf("five days before: %v", codes)
	}
	if said := f.status(t); !strings.Contains(said, "the certificate expires in 5 days") && !strings.Contains(said, "the certificate expires in 4 days") {
		t.Errorf("status: %s", said)
	}
	off.Store(int64(time.Until(own.NotAfter) + time.Hour))
	must(t, f.refresh(s.now()))
	if codes := f.attention(t); !slices.Contains(codes, "certificate-expired") {
		t.Errorf("an hour after: %v", codes)
	}
	if said := f.status(t); !strings.Contains(said, "le certificat a expiré le") || !strings.Contains(said, "the certificate expired on") || !strings.Contains(said, "huisclos cert") {
		t.Errorf("status: %s", said)
	}
	f.goesOn(t, "with a certificate that expired")
	// A new one is served at once, and nothing is left to look after.
	off.Store(0)
	ownCertificate(t, dir)
	must(t, f.refresh(s.now()))
	if codes := f.attention(t); slices.Contains(codes, "certificate-expired") || f.keeper.Fingerprint() == "" {
		t.Errorf("renewed: %v", codes)
	}
	f.goesOn(t, "after the renewal")
}

// TestDatabaseOfANewerVersion: the service ends with last words and with the code that keeps the manager from starting it for ever, and
// the commands say why nobody answers. Nothing in the file is changed.
func TestDatabaseOfANewerVersion(t *testing.T) {
	data := t.TempDir()
	path := filepath.Join(data, databaseFile)
	db, err := store.Open(path, store.Options{})
	must(t, err)
	list := migrations()
	must(t, db.Migrate(append(list, store.Migration{Version: len(list) + 1, Name: "of tomorrow", Run: func(*store.Tx) error { return nil }})))
	must(t, db.Close())
	before, err := os.ReadFile(path)
	must(t, err)
	s := startService(t, nil, nil, "--data", data, "--listen", "127.0.0.1:0")
	err = s.cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitForGood {
		t.Fatalf("it ends with %v", err)
	}
	for _, want := range []string{"viennent d'une version plus récente", "were written by a newer version", "Install that version again, or restore a backup"} {
		if !strings.Contains(s.err.String(), want) {
			t.Errorf("its last words lack %q:\n%s", want, s.err)
		}
	}
	unit, err := os.ReadFile("../packaging/debian/huisclos.service")
	must(t, err)
	if !strings.Contains(string(unit), fmt.Sprintf("\nRestartPreventExitStatus=%d\n", exitForGood)) {
		t.Error("the unit starts it again for ever")
	}
	for name, run := range map[string]func(args []string, o, e io.Writer) int{
		"status": func(args []string, o, e io.Writer) int { return Status(t.Context(), args, o, e) },
		"check":  func(args []string, o, e io.Writer) int { return Check(t.Context(), args, o, e) }} {
		var out bytes.Buffer
		if code := run([]string{"--data", data}, &out, &out); code != 1 {
			t.Errorf("%s: %d", name, code)
		}
		for _, want := range []string{"vient d'une version plus récente", "written by a newer version", fmt.Sprintf("knows %d", len(list)), "restaurez une sauvegarde"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s lacks %q:\n%s", name, want, out.String())
			}
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the database was changed: %v", err)
	}
}

// TestEveryMatterHasItsWords: what needs attention has one list. Each code in it has sentences on the command line, in both languages,
// and in the console, and stands in the metrics.
func TestEveryMatterHasItsWords(t *testing.T) {
	console, err := os.ReadFile("../admin-ui/src/words/watch.ts")
	must(t, err)
	sources, err := os.ReadFile("attention.go")
	must(t, err)
	for code, m := range matters {
		at := web.Attention{Code: code, Number: 0.5, What: []string{"x"}, Since: time.Now(), FR: "panne", EN: "fault"}
		for _, text := range []string{m.text(at).FR, m.text(at).EN, m.do(at).FR, m.do(at).EN} {
			if len(text) < 15 || strings.Contains(text, "%!") {
				t.Errorf("%s: %q", code, text)
			}
		}
		if n := strings.Count(string(console), "\n  "+code+": (") + strings.Count(string(console), "\n  \""+code+"\": ("); n != 2 {
			t.Errorf("the console has %d sentences for %s", n, code)
		}
		if !slices.Contains(metrics.AttentionCodes, code) {
			t.Errorf("the metrics don't know %s", code)
		}
	}
	if len(metrics.AttentionCodes) != len(matters) {
		t.Errorf("%d codes in the metrics, %d with words", len(metrics.AttentionCodes), len(matters))
	}
	for _, part := range strings.Split(string(sources), `Code: "`)[1:] {
		code, _, _ := strings.Cut(part, `"`)
		if _, ok := matters[code]; !ok {
			t.Errorf("%s has no words on the command line (attention_said.go)", code)
		}
	}
}

// TestReadyKnowsDrain: who balances load sends nobody new while no call may begin.
func TestReadyKnowsDrain(t *testing.T) {
	a, _ := start(t, testSettings(t))
	f := &faulty{household: &household{Appliance: a}}
	for _, on := range []bool{false, true, false} {
		_, err := a.hall.Drain(on, audit.Event{Time: time.Now(), Actor: audit.ActorOperator})
		must(t, err)
		want := http.StatusOK
		if on {
			want = http.StatusServiceUnavailable
		}
		if got := f.ready(t); got != want {
			t.Errorf("drained %v: %d", on, got)
		}
		if got := a.watched.Ready()["calls"]; got == on {
			t.Errorf("drained %v: calls may begin: %v", on, got)
		}
	}
}

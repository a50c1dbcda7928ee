package appliance

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/config"
	"huisclos/appliance/outward"
	"huisclos/hardening"
)

// noDirectory refuses every connection, and counts them.
type noDirectory struct{ asked atomic.Int64 }

func (d *noDirectory) Dial(context.Context) (net.Conn, error) {
	d.asked.Add(1)
	return nil, &outward.Error{Kind: outward.Refused, Detail: "ldap.example.org:636"}
}

func directorySettings(t *testing.T) (settings, *noDirectory) {
	t.Helper()
	s, d := testSettings(t), new(noDirectory)
	s.Directory.Host, s.Directory.Port, s.Directory.TLS, s.Directory.Base = "ldap.example.org", 636, true, "dc=example,dc=org"
	s.Directory.BindDN, s.directoryPassword, s.dialDirectory = "cn=visio,dc=example,dc=org", []byte("a password\n"), d
	return s, d
}

// TestADirectoryWaitsForTheSetUp: an address of the directory must not be taken before whoever installs the appliance has it.
func TestADirectoryWaitsForTheSetUp(t *testing.T) {
	s, d := directorySettings(t)
	a, log := start(t, s)
	line := a.directoryLine()[0]
	if line.State != hardening.Unknown || d.asked.Load() != 0 {
		t.Errorf("before the set-up: %+v, asked %d times", line, d.asked.Load())
	}
	code, _, err := a.accounts.SetupCode(s.now())
	must(t, err)
	_, _, err = a.accounts.Setup(t.Context(), code.Reveal(), "Ada", "ada@example.org", "girofle tandem bruyant 93 escalier", accounts.Client{}, s.now())
	must(t, err)
	for deadline := time.Now().Add(3 * untilSetUp); a.directory.Status().Failure == nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the directory is not read after the set-up")
		}
	}
	// Both reports say what stands in the way, in both languages, and neither tells the password.
	for name, r := range map[string]hardening.Report{"check": a.directoryLine(), "check directory": a.probeDirectory()} {
		l := r[0]
		if l.State != hardening.Missing || l.Detail.FR == l.Detail.EN || !strings.Contains(l.Detail.EN, "can't be reached") || !strings.Contains(l.Do.EN, "refuses the connection") ||
			!strings.Contains(l.Do.FR, "ldap.example.org:636") {
			t.Errorf("%s: %+v", name, l)
		}
	}
	if strings.Contains(log.String(), "a password") {
		t.Error("the log tells the password")
	}
}

func TestWithoutADirectory(t *testing.T) {
	a, _ := start(t, testSettings(t))
	if r := a.probeDirectory(); len(r) != 1 || r[0].State != hardening.Missing || !strings.Contains(r[0].Detail.EN, "directory.url") {
		t.Errorf("%+v", r)
	}
	if a.directoryLine() != nil || len(destinationsOf(a.settings.Settings)) != 0 {
		t.Error("there is a directory")
	}
}

func TestDirectorySettingsThatDoNotDo(t *testing.T) {
	dir := t.TempDir()
	closed := filepath.Join(dir, "closed")
	must(t, os.Mkdir(closed, 0o700))
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(text), 0o600))
		must(t, os.Chmod(path, mode))
		return path
	}
	for want, change := range map[string]func(*settings){
		"":                              func(*settings) {},
		"no password":                   func(s *settings) { s.directoryPassword = nil },
		"more than a password":          func(s *settings) { s.directoryPassword = []byte("one\ntwo\n") },
		"others may read":               func(s *settings) { s.Directory.BindPasswordFile = file("open", "x", 0o604) },
		"bind_password_file: stat":      func(s *settings) { s.Directory.BindPasswordFile = filepath.Join(dir, "none") },
		"no file that holds a password": func(s *settings) { s.Directory.BindPasswordFile = closed },
		"ca_file: open":                 func(s *settings) { s.Directory.CAFile = filepath.Join(dir, "none") },
		"no certificate in PEM form":    func(s *settings) { s.Directory.CAFile = file("ca", "x", 0o644) },
		"base \"x\"":                    func(s *settings) { s.Directory.Base = "x" },
		"filter \"(a\"":                 func(s *settings) { s.Directory.Filter = "(a" },
	} {
		s, _ := directorySettings(t)
		change(&s)
		_, err := s.newDirectory()
		if want == "" && err != nil || want != "" && (!errors.Is(err, errDirectory) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", want, err)
		}
		if fr, en := sentencesFor(err, s); want != "" && (!strings.Contains(fr, "annuaire") || !strings.Contains(en, "directory")) {
			t.Errorf("%q: %s / %s", want, fr, en)
		}
	}
	s, _ := directorySettings(t)
	s.directoryPassword, s.Directory.BindPasswordFile = nil, file("password", "a password\r\n", 0o600)
	if p, err := s.secret(s.directorySecret()); p != "a password" || err != nil {
		t.Errorf("%q, %v", p, err)
	}
}

// TestTheWayToTheDirectory: the process that connects outward knows the one address of the settings, and the confined one its socket.
func TestTheWayToTheDirectory(t *testing.T) {
	s, _ := directorySettings(t)
	if d := destinationsOf(s.Settings)[outward.Directory]; d != (outward.Destination{Host: "ldap.example.org", Port: 636}) {
		t.Errorf("%+v", d)
	}
	if p := s.policy(); len(p.Sockets) != 1 || p.Sockets[0] != filepath.Dir(s.OutwardPath()) {
		t.Errorf("sockets %v", p.Sockets)
	}
	// A role of the settings is one of accounts.
	for _, role := range config.Roles {
		if !accounts.Importable(accounts.Role(role)) {
			t.Errorf("the settings name a role %q", role)
		}
	}
}

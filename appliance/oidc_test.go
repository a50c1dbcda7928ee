package appliance

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/accounts/oidc"
	"huisclos/appliance/config"
	"huisclos/appliance/outward"
	"huisclos/hardening"
)

// noProvider refuses every connection.
type noProvider struct{}

func (noProvider) Dial(_ context.Context, address string) (net.Conn, error) {
	return nil, &outward.Error{Kind: outward.Refused, Detail: address}
}

func providerSettings(t *testing.T) settings {
	t.Helper()
	s := testSettings(t)
	s.OIDC.Issuer, s.OIDC.At, s.OIDC.ClientID = "https://id.example.org/realms/x", config.Place{Host: "id.example.org", Port: 443}, "huisclos"
	s.providerSecret, s.dialProvider = []byte("a client secret\n"), noProvider{}
	return s
}

// TestAProviderThatIsDown stops nothing: the appliance starts, says so, and its own accounts sign in.
func TestAProviderThatIsDown(t *testing.T) {
	a, log := start(t, providerSettings(t))
	now := a.settings.now()
	code, _, err := a.accounts.SetupCode(now)
	must(t, err)
	const phrase = "girofle tandem bruyant 93 escalier"
	_, _, err = a.accounts.Setup(t.Context(), code.Reveal(), "Ada", "ada@example.org", phrase, accounts.Client{}, now)
	must(t, err)
	for deadline := time.Now().Add(10 * time.Second); a.provider.Status().Failure == nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the provider isn't asked at the start")
		}
	}
	if _, err := a.accounts.Login(t.Context(), "ada@example.org", accounts.Proof{Passphrase: phrase}, accounts.Client{}, now); err != nil {
		t.Error(err)
	}
	_, _, err = a.provider.Begin(t.Context(), oidc.SignIn, "https://visio.example.org/oidc/callback", "")
	var failure *oidc.Error
	if !errors.As(err, &failure) || failure.Code() != "providerDown" {
		t.Errorf("%v", err)
	}
	for name, r := range map[string]hardening.Report{"check": a.providerLine(), "check oidc": a.probeProvider()} {
		l := r[0]
		if l.State != hardening.Missing || l.Detail.FR == l.Detail.EN || !strings.Contains(l.Detail.EN, "can't be reached") || !strings.Contains(l.Do.EN, "refuses the connection") ||
			!strings.Contains(l.Do.FR, "id.example.org:443") {
			t.Errorf("%s: %+v", name, l)
		}
	}
	// The first of a row of failures is in the audit log, and the end of the row.
	failing := true
	a.noteProvider(failure, &failing)
	a.noteProvider(nil, &failing)
	a.noteProvider(nil, &failing)
	var said []string
	for deadline := time.Now().Add(10 * time.Second); len(said) < 2 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		said = nil
		list, err := a.trail.List(0, 100)
		must(t, err)
		for _, e := range list {
			if strings.HasPrefix(string(e.Action), "provider.") {
				said = append(said, string(e.Action)+" "+e.Detail["reason"])
			}
		}
	}
	if len(said) != 2 {
		t.Errorf("%v", said)
	}
	if failing || strings.Contains(log.String(), "a client secret") {
		t.Error("the log tells the secret")
	}
}

func TestWithoutAProvider(t *testing.T) {
	a, _ := start(t, testSettings(t))
	if r := a.probeProvider(); len(r) != 1 || r[0].State != hardening.Missing || !strings.Contains(r[0].Detail.EN, "oidc.issuer") {
		t.Errorf("%+v", r)
	}
	if a.providerLine() != nil {
		t.Error("there is a provider")
	}
}

func TestProviderSettingsThatDoNotDo(t *testing.T) {
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
		"":                               func(*settings) {},
		"there is no secret":             func(s *settings) { s.providerSecret = nil },
		"more than a secret":             func(s *settings) { s.providerSecret = []byte("one\ntwo\n") },
		"others may read":                func(s *settings) { s.OIDC.SecretFile = file("open", "x", 0o604) },
		"client_secret_file: stat":       func(s *settings) { s.OIDC.SecretFile = filepath.Join(dir, "none") },
		"no file that holds a secret":    func(s *settings) { s.OIDC.SecretFile = closed },
		"ca_file: open":                  func(s *settings) { s.OIDC.CAFile = filepath.Join(dir, "none") },
		"no certificate in PEM form":     func(s *settings) { s.OIDC.CAFile = file("ca", "x", 0o644) },
		"not everybody can get the role": func(s *settings) { s.OIDC.Role = "administrator" },
	} {
		s := providerSettings(t)
		change(&s)
		_, err := s.newProvider()
		if want == "" && err != nil || want != "" && (!errors.Is(err, errProvider) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", want, err)
		}
		if fr, en := sentencesFor(err, s); want != "" && (!strings.Contains(fr, "fournisseur") || !strings.Contains(en, "provider")) {
			t.Errorf("%q: %s / %s", want, fr, en)
		}
	}
}

// TestTheWayToTheProvider: the process that connects outward knows the places of the settings by their names, and the confined one asks
// for no other.
func TestTheWayToTheProvider(t *testing.T) {
	s := providerSettings(t)
	s.OIDC.Hosts = []config.Place{{Host: "keys.example.org", Port: 8443}, {Host: "id.example.org", Port: 443}, {Host: "2001:db8::1", Port: 443}}
	list := destinationsOf(s.Settings)
	want := map[string]outward.Destination{"oidc": {Host: "id.example.org", Port: 443}, "oidc-2": {Host: "keys.example.org", Port: 8443}, "oidc-3": {Host: "2001:db8::1", Port: 443}}
	if len(list) != len(want) {
		t.Errorf("%v", list)
	}
	for name, d := range want {
		if list[name] != d {
			t.Errorf("%s: %v", name, list[name])
		}
	}
	s.ConsoleDestinations = false
	if p := outwardPolicy(s.Settings); len(p.Ports) != 3 { // that of the DNS, and two of the three places have the same
		t.Errorf("ports %v", p.Ports)
	}
	if p := s.policy(); len(p.Sockets) != 1 || p.Sockets[0] != filepath.Dir(s.OutwardPath()) {
		t.Errorf("sockets %v", p.Sockets)
	}
	// Asked over the socket, by its name.
	l, err := listenOutward(s)
	must(t, err)
	defer l.Close()
	inside, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer inside.Close()
	at := config.Place{Host: "127.0.0.1", Port: inside.Addr().(*net.TCPAddr).Port}
	server := &outward.Server{Destinations: map[string]outward.Destination{"oidc-2": {Host: at.Host, Port: at.Port}}, Accounts: []int{os.Geteuid()}, Log: slog.New(slog.DiscardHandler)}
	go func() { _ = server.Serve(l) }()
	to := toProvider{outward.Dialer{Path: s.OutwardPath()}, map[string]string{at.String(): "oidc-2"}, map[string]config.Place{at.String(): at}}
	c, err := to.Dial(t.Context(), at.String())
	must(t, err)
	_ = c.Close()
	var failure *oidc.Error
	if _, err = to.Dial(t.Context(), "id.example.net:443"); !errors.As(err, &failure) || failure.Kind != oidc.Host {
		t.Errorf("%v", err)
	}
}

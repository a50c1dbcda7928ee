package choices

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"huisclos/appliance/config"
	"huisclos/audit"
	"huisclos/store"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keys stand for the pepper.
type keys struct{ id string }

func (k keys) PepperID() string { return k.id }
func (k keys) Derive(label, pepper string) ([]byte, error) {
	if pepper != k.id {
		return nil, errors.New("another pepper")
	}
	return []byte((label + pepper + strings.Repeat("-", 32))[:32]), nil
}

type desk struct {
	*Settings
	t    *testing.T
	db   *store.DB
	log  *audit.Log
	file string // path of a settings file
	by   By
}

func newDesk(t *testing.T, text string) *desk {
	t.Helper()
	d := &desk{t: t, file: filepath.Join(t.TempDir(), "huisclos.toml"), by: By{Account: "AAAAAAAAAAAAAAAAAAAAAA"}}
	var err error
	d.db, err = store.Open(filepath.Join(t.TempDir(), "db"), store.Options{})
	must(t, err)
	t.Cleanup(func() { _ = d.db.Close() })
	must(t, d.db.Migrate([]store.Migration{{Version: 1, Name: "audit", Run: audit.CreateAll}, {Version: 2, Name: "settings", Run: CreateBuckets}}))
	d.log = audit.New(d.db)
	d.start(text)
	return d
}

func (d *desk) sources(text string) config.Sources {
	d.t.Helper()
	must(d.t, os.WriteFile(d.file, []byte(text), 0o644))
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	given := config.AddFlags(f)
	must(d.t, f.Parse([]string{"--config", d.file}))
	src, err := given.Sources()
	must(d.t, err)
	return src
}

// start is a start of the appliance with a file.
func (d *desk) start(text string) {
	d.t.Helper()
	s, err := Open(Options{DB: d.db, Audit: d.log, Keys: keys{"p"}, Random: rand.Reader, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Sources: d.sources(text)}, noon)
	must(d.t, err)
	d.Settings = s
}

func (d *desk) set(pairs ...any) error {
	changes := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		changes[pairs[i].(string)] = pairs[i+1]
	}
	return d.Change(d.by, changes, noon)
}

func (d *desk) mustSet(pairs ...any) {
	d.t.Helper()
	must(d.t, d.set(pairs...))
}

// refused is a change that is refused for one setting, and changes nothing.
func (d *desk) refused(name, says string, pairs ...any) {
	d.t.Helper()
	before, entries := d.text(), d.audited()
	err := d.set(pairs...)
	var wrong config.Wrong
	if !errors.As(err, &wrong) || wrong.Name != name || !strings.Contains(wrong.EN, says) {
		d.t.Errorf("%v: %v, want %s: %s", pairs, err, name, says)
		return
	}
	if wrong.FR == "" || wrong.FR == wrong.EN {
		d.t.Errorf("%v: in French it says %q", pairs, wrong.FR)
	}
	if d.text() != before || d.audited() != entries {
		d.t.Errorf("%v: something was changed", pairs)
	}
}

func (d *desk) text() string {
	d.t.Helper()
	text, err := json.Marshal(d.List())
	must(d.t, err)
	return string(text)
}

func (d *desk) audited() (n int) {
	d.t.Helper()
	list, err := d.log.List(0, 100)
	must(d.t, err)
	for _, e := range list {
		if e.Action == audit.SettingsChanged {
			n++
		}
	}
	return n
}

func (d *desk) shown(name string) Shown {
	d.t.Helper()
	for _, s := range d.List().Settings {
		if s.Name == name {
			return s
		}
	}
	d.t.Fatalf("no setting %s", name)
	return Shown{}
}

func TestTheFileWins(t *testing.T) {
	d := newDesk(t, "name = \"Fixé\"\n[mail]\nhost = \"smtp.example.org\"\nfrom = \"a@example.org\"\n")
	if s := d.shown("name"); s.From != fromFile || s.File != d.file || s.Value != "Fixé" || !s.Console {
		t.Errorf("%+v", s)
	}
	d.refused("name", "fixed outside the console", "name", "Autre")
	// Which server is meant is said as a whole.
	d.refused("mail.port", "fixed", "mail.port", 2525)
	d.refused("listen", "in a file only", "listen", ":1")
	d.mustSet("hostnames", []string{"visio.example.org"}, "mail.language", "en")
	if s := d.shown("hostnames"); s.From != fromConsole || fmt.Sprint(s.Value) != "[visio.example.org]" || d.InForce().Mail.Language != "en" {
		t.Errorf("%+v", s)
	}
	// A later file overrules, and no value of the console stops a start.
	d.start("hostnames = [\"autre.example.org\"]\n[mail]\nhost = \"127.0.0.1\"\nsecurity = \"none\"\nfrom = \"a@example.org\"\n")
	if s := d.shown("hostnames"); s.From != fromFile || d.InForce().Hostname() != "autre.example.org" {
		t.Errorf("%+v", s)
	}
	d.mustSet("mail.user", nil)
	d.start("")
	d.mustSet("mail.host", "smtp.example.net", "mail.from", "b@example.net", "mail.user", "b")
	d.start("[mail]\nhost = \"127.0.0.1\"\nsecurity = \"none\"\nfrom = \"a@example.org\"\n")
	if m := d.InForce().Mail; m.User != "" || m.Host != "127.0.0.1" {
		t.Errorf("%+v", m)
	}
	if s := d.shown("mail.host"); s.Why == nil || !strings.Contains(s.Why.EN, "mail.user needs TLS") {
		t.Errorf("%+v", s)
	}
	d.start("")
	if d.InForce().Mail.User != "b" {
		t.Error("what was overruled is not there again")
	}
}

func TestAllOrNothing(t *testing.T) {
	d := newDesk(t, "")
	d.refused("mail.hots", `did you mean "mail.host"`, "name", "Visio", "mail.hots", "x")
	d.refused("name", "visible", "hostnames", []string{"a.example"}, "name", "")
	d.refused("mail.host", "mail.from is missing", "mail.host", "smtp.example.org")
	d.refused("media_port", "file only", "media_port", 0)
	d.refused("mail.port", "whole number", "mail.port", "25")
	d.refused("hostnames", "list", "hostnames", "a.example")
	d.refused("oidc.userinfo", "true or false", "oidc.userinfo", "yes")
	d.refused("log.level", "one of these", "log.level", "loud")
	d.refused("mail.password", "a text", "mail.password", true)
	d.refused("mail.password", "one line", "mail.password", "a\nb")
	d.refused("mail.ca", "PEM", "mail.ca", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")
	d.refused("mail.password_file", "file only", "mail.password_file", "/etc/shadow")
	d.refused("data", "file only", "data", nil, "name", "") // the first one by name is said
}

func TestHistoryAndBack(t *testing.T) {
	d := newDesk(t, "media_port = 0\n")
	d.mustSet("name", "Un")
	d.mustSet("name", "Deux", "mail.language", "en", "mail.password", "hush-hush")
	d.mustSet("name", "Deux") // nothing
	d.mustSet("hostnames", []string{"a.example"}, "mail.language", nil)
	list, next, err := d.History(0, 10)
	must(t, err)
	if len(list) != 4 || next != 0 || list[3].Source != OfFiles || list[3].Author != "" || list[0].Author != d.by.Account || d.audited() != 4 {
		t.Fatalf("%+v %d", list, next)
	}
	if text := fmt.Sprint(list); strings.Contains(text, "hush") || !strings.Contains(text, "{mail.password <nil> true}") {
		t.Error(text)
	}
	if got := fmt.Sprint(list[0].Changes); got != "[{hostnames <nil> [a.example]} {mail.language en <nil>}]" {
		t.Error(got)
	}
	if page, next, _ := d.History(0, 2); len(page) != 2 || next != page[1].ID {
		t.Errorf("%v %d", page, next)
	} else if rest, end, _ := d.History(next, 2); len(rest) != 2 || end != 0 || rest[0].ID != next-1 {
		t.Errorf("%v %d", rest, end)
	}
	if got, err := d.Between(list[3].ID, list[0].ID); err != nil || fmt.Sprint(got) != "[{hostnames <nil> [a.example]} {mail.password <nil> true} {name <nil> Deux}]" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := d.Between(1, 99); !errors.Is(err, ErrNoEntry) {
		t.Error(err)
	}
	// Back to after the first change: what came later is undone, the files stay, the secret that was not there goes.
	must(t, d.Back(d.by, list[2].ID, noon))
	s := d.InForce()
	if s.Name != "Un" || len(s.Hostnames) != 0 || s.Mail.Language != "fr" || s.MediaPort != 0 || *d.shown("mail.password").Set {
		t.Errorf("%+v", s)
	}
	if secret, err := d.Secret("mail.password"); secret != "" || err != nil {
		t.Errorf("%q, %v", secret, err)
	}
	must(t, d.Back(d.by, list[0].ID, noon)) // and forth
	if s := d.InForce(); s.Name != "Deux" || s.Hostname() != "a.example" {
		t.Errorf("%+v", s)
	}
	must(t, d.Back(d.by, 0, noon))
	if s := d.shown("name"); s.From != fromDefault {
		t.Errorf("%+v", s)
	}
	if err := d.Back(d.by, 99, noon); !errors.Is(err, ErrNoEntry) {
		t.Error(err)
	}
	// A file that changes while nobody runs is seen at the next start.
	d.start("media_port = 10444\n")
	d.start("media_port = 10444\n")
	if list, _, _ := d.History(0, 1); fmt.Sprint(list[0].Changes) != "[{media_port 0 10444}]" || list[0].Source != OfFiles {
		t.Errorf("%+v", list)
	}
}

// A secret goes to the server it was given for, and to no other.
func TestSecretsStayWithTheirServer(t *testing.T) {
	d := newDesk(t, "")
	d.mustSet("mail.host", "smtp.example.org", "mail.from", "a@example.org", "mail.user", "a", "mail.password", "one")
	if secret, err := d.Secret("mail.password"); secret != "one" || err != nil {
		t.Errorf("%q, %v", secret, err)
	}
	d.refused("mail.password", "another server", "mail.host", "smtp.example.net")
	d.mustSet("mail.host", "smtp.example.net", "mail.password", "two")
	list, _, err := d.History(0, 10)
	must(t, err)
	must(t, d.Back(d.by, list[1].ID, noon))
	if secret, _ := d.Secret("mail.password"); secret != "" || d.InForce().Mail.Host != "smtp.example.org" {
		t.Errorf("after the way back the secret is %q", secret)
	}
	d.mustSet("mail.password", "three")
	d.mustSet("mail.host", nil)
	if secret, _ := d.Secret("mail.password"); secret != "" {
		t.Errorf("without a server the secret is %q", secret)
	}
	// One that a file holds makes the server the files' business: else it would go wherever the console says.
	d.start("[directory]\nbind_dn = \"cn=a\"\nbind_password_file = \"pw\"\nurl = \"ldaps://ldap.example.org\"\nbase = \"dc=a\"\n")
	d.refused("directory.url", "fixed", "directory.url", "ldaps://ldap.example.net")
	src := config.From(config.Defaults())
	src.Handed = []string{"mail.password"}
	if from := src.Fixed("mail.host"); from != "systemd: mail.password" || src.Fixed("mail.user") != "" || src.Fixed("directory.url") != "" {
		t.Errorf("%q", from)
	}
}

func TestSecretsAreSealed(t *testing.T) {
	d := newDesk(t, "")
	d.mustSet("oidc.client_secret", "very-secret-indeed")
	must(t, d.db.View(func(tx *store.Tx) error {
		for _, bucket := range []string{valuesBucket, secretsBucket, historyBucket} {
			tx.Scan(bucket, nil, nil, 100, func(k, v []byte) bool {
				if strings.Contains(string(v), "very-secret") {
					t.Errorf("%s has it", bucket)
				}
				return true
			})
		}
		if _, err := open(tx, keys{"q"}, "oidc.client_secret"); err == nil {
			t.Error("another pepper opens it")
		}
		return nil
	}))
	must(t, d.db.Update(func(tx *store.Tx) error {
		return tx.Put(secretsBucket, []byte("mail.password"), tx.Get(secretsBucket, []byte("oidc.client_secret")))
	}))
	if secret, err := d.Secret("mail.password"); err == nil {
		t.Errorf("it opens as another: %q", secret)
	}
}

// Parts for which the console's values don't do: refused when they are chosen, left out when a start finds them.
func TestPartsThatCantBeMade(t *testing.T) {
	d := newDesk(t, "")
	var running string
	bad := false
	prepare := func(next config.Settings, _ func(string) (string, error)) (func(), error) {
		if next.Mail.Host == "smtp.bad.example" || bad && next.Mail.On() {
			return nil, Fault{Table: "mail", Name: "mail.host", FR: "Non", EN: "no", Err: errors.New("bad")}
		}
		return func() { running = next.Mail.Host }, nil
	}
	must(t, d.Use(prepare))
	d.mustSet("mail.host", "smtp.example.org", "mail.from", "a@example.org")
	if running != "smtp.example.org" {
		t.Errorf("the parts run with %q", running)
	}
	d.refused("mail.host", "no: bad", "mail.host", "smtp.bad.example")
	if running != "smtp.example.org" {
		t.Errorf("the parts run with %q", running)
	}
	bad = true
	d.start("")
	must(t, d.Use(prepare))
	if running != "" || d.shown("mail.host").Why == nil {
		t.Errorf("%q, %+v", running, d.shown("mail.host"))
	}
	// The files' own fault is theirs to mend: nothing starts.
	d.start("[mail]\nhost = \"smtp.example.org\"\nfrom = \"a@example.org\"\n")
	if err := d.Use(prepare); err == nil {
		t.Error("it starts")
	}
}

func TestFilesReadAgain(t *testing.T) {
	d := newDesk(t, "name = \"A\"\n")
	must(t, d.Use(func(config.Settings, func(string) (string, error)) (func(), error) { return func() {}, nil }))
	must(t, d.Read(d.sources("name = \"B\"\nlisten = \":1\"\n"), noon))
	if s := d.InForce(); s.Name != "B" || s.Listen == ":1" || fmt.Sprint(d.NeedsRestart()) != "[listen]" {
		t.Errorf("%+v, %v", s, d.NeedsRestart())
	}
	must(t, d.Read(d.sources("name = \"B\"\n"), noon))
	if len(d.NeedsRestart()) != 0 {
		t.Errorf("%v", d.NeedsRestart())
	}
}

// FuzzChanges: whatever a body says, it is changes of known kinds of values, or refused.
func FuzzChanges(f *testing.F) {
	for _, s := range []string{`{}`, `{"name":"x","mail.port":25,"hostnames":["a"],"mail.host":null,"x":true}`, `{"a":1,"a":2}`, `{"a":1e3}`, `[`, `{"a":{}}`, `{} x`, `{"a":[1]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		changes, err := ReadChanges(text)
		if err != nil {
			return
		}
		for name, v := range changes {
			switch v.(type) {
			case nil, string, bool, int, []string:
			default:
				t.Fatalf("%q: %T", name, v)
			}
			for _, k := range config.Schema() {
				if k.Name == name && v != nil {
					_ = k.Check(v)
				}
			}
		}
		s, left := config.From(config.Defaults()).Choose(changes)
		if len(s.Values()) == 0 || len(left) > 2*len(changes)+3 {
			t.Fatalf("%+v", left)
		}
	})
}

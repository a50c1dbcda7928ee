package ldap

import (
	"context"
	"encoding/hex"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/crypto/certtest"
)

var subjectOf = func(uid string) string { return hex.EncodeToString([]byte(uuid(uid))) }

func three() string {
	return root + person("ada", "Ada Lovelace", "ada@example.org", "ada a une phrase") +
		person("jean", "Jean Valjean", "jean@example.org", "vingt-quatre mille six cent un") +
		person("zoe", "Zoé Œuvrard", "zoe@example.org", "zoé, ça va ?") +
		group("chefs", "UID=ada, DC=Example,DC=ORG") + group("equipe", "uid=ada,dc=example,dc=org", "uid=jean,dc=example,dc=org")
}

func TestPeopleAreReadByPages(t *testing.T) {
	s := startSlapd(t, three(), "", "")
	for name, secure := range map[string]bool{"StartTLS": false, "ldaps": true} {
		t.Run(name, func(t *testing.T) {
			c, _ := s.client(func(o *Settings) {
				o.TLS = secure
				// The first group counts, and names are compared without case and spaces.
				o.Groups = []Group{{"cn=Chefs,dc=example,dc=org", accounts.Administrator}, {"cn=equipe,dc=example,dc=org", accounts.Member}}
			})
			found, err := c.People(t.Context())
			must(t, err)
			want := []accounts.Entry{
				{Subject: subjectOf("ada"), Name: "Ada Lovelace", Email: "ada@example.org", Role: accounts.Administrator},
				{Subject: subjectOf("jean"), Name: "Jean Valjean", Email: "jean@example.org", Role: accounts.Member},
				{Subject: subjectOf("zoe"), Name: "Zoé Œuvrard", Email: "zoe@example.org", Role: accounts.Member},
			}
			if !slices.Equal(found.People, want) || len(found.Problems) != 0 || len(found.Kept) != 0 {
				t.Errorf("found %+v", found)
			}
		})
	}
	t.Run("without a default role", func(t *testing.T) {
		c, _ := s.client(func(o *Settings) {
			o.Role, o.Groups = "", []Group{{"cn=equipe,dc=example,dc=org", accounts.Member}}
		})
		found, err := c.People(t.Context())
		must(t, err)
		if len(found.People) != 2 || found.Roleless != 1 {
			t.Errorf("found %+v", found)
		}
	})
}

func TestPassphrasesAreCheckedByABind(t *testing.T) {
	s := startSlapd(t, three(), "", "")
	c, to := s.client(nil)
	for name, at := range map[string]struct {
		subject, passphrase string
		ok                  bool
	}{
		"right":                        {subjectOf("ada"), "ada a une phrase", true},
		"right, not ASCII":             {subjectOf("zoe"), "zoé, ça va ?", true},
		"wrong":                        {subjectOf("ada"), "ada a une phrase ", false},
		"another's":                    {subjectOf("ada"), "zoé, ça va ?", false},
		"empty":                        {subjectOf("ada"), "", false},
		"nobody":                       {"", "ada a une phrase", false},
		"nobody, empty":                {"", "", false},
		"unknown":                      {hex.EncodeToString([]byte(uuid("nul"))), "ada a une phrase", false},
		"not hexadecimal":              {"ada", "ada a une phrase", false},
		"an asterisk as identifier":    {hex.EncodeToString([]byte("*")), "ada a une phrase", false},
		"a filter as identifier":       {hex.EncodeToString([]byte("x)(uid=ada")), "ada a une phrase", false},
		"the reader, who is no person": {hex.EncodeToString([]byte(uuid("lecteur"))), readerPassword, false},
	} {
		ok, err := c.Check(t.Context(), at.subject, at.passphrase)
		if ok != at.ok || err != nil {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
	if to.count != 1 {
		t.Errorf("%d connections for one check after the other, want 1", to.count)
	}
}

func TestARestedConnectionThatDiedIsReplaced(t *testing.T) {
	s := startSlapd(t, three(), "", "")
	c, to := s.client(nil)
	for range 2 {
		if ok, err := c.Check(t.Context(), subjectOf("ada"), "ada a une phrase"); !ok || err != nil {
			t.Fatal(ok, err)
		}
		s.restart()
	}
	if ok, err := c.Check(t.Context(), subjectOf("ada"), "ada a une phrase"); !ok || err != nil || to.count != 3 {
		t.Error(ok, err, to.count)
	}
	s.stop()
	ok, err := c.Check(t.Context(), subjectOf("ada"), "ada a une phrase")
	if ok || !errors.Is(err, accounts.ErrSource) || kind(err) != Unreachable {
		t.Error(ok, err)
	}
}

// TestASilentServerHoldsNobodyLong: the first who signs in waits for it, the next ones are told at once, until it is time to ask again.
func TestASilentServerHoldsNobodyLong(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	must(t, err)
	defer l.Close()
	now := time.Now()
	to := &dialTo{port: l.Addr().(*net.TCPAddr).Port}
	c, err := New(Settings{Host: "x", TLS: true, Base: base, Filter: "(a=b)", Identifier: "entryUUID", Role: accounts.Member, PageSize: 2, Timeout: 200 * time.Millisecond},
		to, func() time.Time { return now }, func([]byte) {})
	must(t, err)
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := c.Check(gone, "00", "a passphrase"); err == nil || c.pause() != nil {
		t.Errorf("whoever goes away stops the others: %v", err)
	}
	to.count = 0
	for range 5 {
		if ok, err := c.Check(t.Context(), "00", "a passphrase"); ok || !errors.Is(err, accounts.ErrSource) {
			t.Errorf("%v, %v", ok, err)
		}
	}
	if to.count != 1 {
		t.Errorf("asked %d times", to.count)
	}
	now = now.Add(pauseFor)
	if _, err := c.Check(t.Context(), "00", "a passphrase"); !errors.Is(err, accounts.ErrSource) || to.count != 2 {
		t.Errorf("%v, asked %d times", err, to.count)
	}
}

func kind(err error) Kind {
	var e *Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.Kind
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	// ASVS 12.3.2
	s := startSlapd(t, three(), "", "")
	other := certtest.New(t)
	for name, at := range map[string]struct {
		want   Kind
		change func(*Settings)
	}{
		"another authority":             {Authority, func(o *Settings) { o.Authorities = other.Cert }},
		"another authority, ldaps":      {Authority, func(o *Settings) { o.Authorities, o.TLS = other.Cert, true }},
		"the system's authorities":      {Authority, func(o *Settings) { o.Authorities = nil }},
		"another name":                  {WrongName, func(o *Settings) { o.Host = "ldap.example.org" }},
		"an address":                    {WrongName, func(o *Settings) { o.Host = "127.0.0.1" }},
		"a wrong password":              {BindRefused, func(o *Settings) { o.Password = "x" }},
		"a reader that isn't there":     {BindRefused, func(o *Settings) { o.BindDN = "cn=x,dc=example,dc=org" }},
		"nobody as reader":              {BindRefused, func(o *Settings) { o.BindDN, o.Password = "", "" }},
		"a tree that isn't there":       {NoBase, func(o *Settings) { o.Base = "ou=x,dc=example,dc=org" }},
		"a tree of another server":      {NoBase, func(o *Settings) { o.Base = "dc=example,dc=net" }},
		"a group that isn't there":      {NoGroup, func(o *Settings) { o.Groups = []Group{{"cn=x,dc=example,dc=org", "member"}} }},
		"the same, with groups within":  {NoGroup, func(o *Settings) { o.Groups, o.Nested = []Group{{"cn=x,dc=example,dc=org", "member"}}, true }},
		"a filter that finds nobody":    {Nobody, func(o *Settings) { o.Filter = "(uid=x)" }},
		"an attribute that is nobody's": {Nobody, func(o *Settings) { o.Filter = "(xyz=1)" }},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := s.client(at.change)
			found, err := c.People(t.Context())
			if kind(err) != at.want || !errors.Is(err, accounts.ErrSource) || len(found.People) != 0 {
				t.Errorf("%v (%d people), want %s", err, len(found.People), at.want)
			}
			fr, en := kind(err).Sentence()
			if fr == "" || en == "" || fr == en {
				t.Errorf("sentences %q and %q", fr, en)
			}
			for _, secret := range []string{readerPassword, "ada a une phrase"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error tells a password: %v", err)
				}
			}
		})
	}
	t.Run("an expired certificate", func(t *testing.T) {
		c, _ := s.client(nil)
		c.tls.Time = func() time.Time { return time.Now().Add(36 * time.Hour) }
		if _, err := c.People(t.Context()); kind(err) != OutOfDate {
			t.Error(err)
		}
	})
	t.Run("a caller that goes away", func(t *testing.T) {
		c, _ := s.client(nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.People(ctx); kind(err) == "" {
			t.Error(err)
		}
	})
}

// TestNothingIsSaidInTheClear: a server that doesn't want TLS gets no password.
func TestNothingIsSaidInTheClear(t *testing.T) {
	// ASVS 12.3.1
	s := startSlapd(t, three(), "", "")
	text := strings.NewReplacer("TLSCertificateFile", "#", "TLSCertificateKeyFile", "#", "TLSCACertificateFile", "#")
	conf, err := readFile(s.path("slapd.conf"))
	must(t, err)
	must(t, writeFile(s.path("slapd.conf"), text.Replace(conf)))
	s.tls = s.plain // without a certificate there is no second port
	s.stop()
	s.startPlain()
	c, _ := s.client(nil)
	if _, err := c.People(t.Context()); kind(err) != NoTLS {
		t.Errorf("People: %v", err)
	}
	if ok, err := c.Check(t.Context(), subjectOf("ada"), "ada a une phrase"); ok || kind(err) != NoTLS {
		t.Errorf("Check: %v, %v", ok, err)
	}
}

// TestTLS11IsRefused: what both ends would agree on below TLS 1.2 is no protection.
func TestTLS11IsRefused(t *testing.T) {
	s := startSlapd(t, three(), "TLSCipherSuite NORMAL:-VERS-ALL:+VERS-TLS1.1", "")
	c, _ := s.client(nil)
	if found, err := c.People(t.Context()); err == nil || len(found.People) != 0 {
		t.Errorf("%d people over TLS 1.1", len(found.People))
	}
}

// TestWhoIsShutOut: by Active Directory's bit, and by the filter of the settings.
func TestWhoIsShutOut(t *testing.T) {
	ad := func(uid, control string) string {
		return "dn: cn=" + uid + ",dc=example,dc=org\nobjectClass: inetOrgPerson\nobjectClass: extensibleObject\ncn: " + uid + "\nsn: x\nmail: " + uid + "@example.org\nuserPassword: pass " + uid +
			"\nuserAccountControl: " + control + "\nobjectGUID:: " + guid(uid) + "\n\n"
	}
	s := startSlapd(t, root+ad("alba", "512")+ad("bruno", "514")+ad("celia", "66048")+ad("dario", "66050"), "", "")
	windows := func(o *Settings) { o.Filter, o.Identifier = "(objectClass=extensibleObject)", "objectGUID" }
	c, _ := s.client(windows)
	found, err := c.People(t.Context())
	must(t, err)
	off := map[string]bool{}
	for _, p := range found.People {
		off[p.Name] = p.Off
		if len(p.Subject) != 32 {
			t.Errorf("%s has the identifier %s", p.Name, p.Subject)
		}
	}
	if len(off) != 4 || off["alba"] || !off["bruno"] || off["celia"] || !off["dario"] {
		t.Errorf("shut out: %v", off)
	}
	for _, p := range found.People {
		ok, err := c.Check(t.Context(), p.Subject, "pass "+p.Name)
		if err != nil || ok == p.Off {
			t.Errorf("%s signs in: %v, %v", p.Name, ok, err)
		}
	}
	c, _ = s.client(func(o *Settings) {
		windows(o)
		o.Disabled = "(|(cn=celia)(nsAccountLock=TRUE)(pwdAccountLockedTime=000001010000Z))"
	})
	found, err = c.People(t.Context())
	must(t, err)
	for _, p := range found.People {
		if want := p.Name != "alba"; p.Off != want {
			t.Errorf("%s is shut out: %v", p.Name, p.Off)
		}
		if ok, err := c.Check(t.Context(), p.Subject, "pass "+p.Name); err != nil || ok == p.Off {
			t.Errorf("%s signs in: %v, %v", p.Name, ok, err)
		}
	}
}

// Package ldap brings the accounts of an organisation's directory in and checks their passphrases there: LDAP version 3 (RFC 4511)
// and Active Directory.
//
// It decides who of a directory is a person with an account, under which name, address and role, who is shut out, and whether a
// passphrase is theirs. It keeps nothing: what it finds it hands to accounts. It never sees a session, and no hash of a passphrase
// ever comes from a directory: a passphrase is checked by a bind as its owner. Nothing is said without TLS (RFC 4513 §3), and
// referrals are not followed (RFC 4511 §4.1.10): they would lead to servers that nobody named.
package ldap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"

	"huisclos/accounts"
)

// Dialer makes TCP connections to the one server of the settings.
type Dialer interface {
	Dial(ctx context.Context) (net.Conn, error)
}

// Settings say what stands where in the directory.
type Settings struct {
	Host string // of the certificate
	TLS  bool   // from the first octet (ldaps); else StartTLS before anything is said
	// Authorities are PEM certificates that are trusted for the server's; nil: the system's.
	Authorities []byte
	BindDN      string // as whom is searched; "": as nobody
	Password    string

	Base       string // the tree in which people are
	Filter     string // which of its entries are people
	Disabled   string // filter of those who are shut out; "": none but those of userAccountControl
	Name       string // attributes of a person
	Mail       string
	Identifier string // that names a person for ever: entryUUID (RFC 4530), objectGUID

	// Groups give roles. Who is in several has the first; who is in none has Role, or no account when that is "".
	Groups []Group
	Role   accounts.Role
	Member string // attribute of a group that lists its members, by their DN
	Nested bool   // groups in groups count, by Active Directory's rule LDAP_MATCHING_RULE_IN_CHAIN
	// Login is the attribute of a person that POSIX groups list as memberUid (RFC 2307); "": what they list isn't read.
	Login string

	// Groups of the directory that are groups here: Sync are named by their DN, the others are found by GroupsFilter below GroupsBase.
	Sync         []string
	GroupsBase   string // "": none is looked for
	GroupsFilter string
	GroupName    string // attribute of a group

	PageSize int           // entries that are asked for at once (RFC 2696)
	Timeout  time.Duration // of a connection, and of each answer
}

// Group gives its members a role.
type Group struct {
	DN   string
	Role accounts.Role
}

const (
	// maxPeople bounds what is held in memory during a synchronisation, some 500 octets each.
	maxPeople = 100_000
	// maxValue bounds a name, an address and an identifier, in octets.
	maxValue = 512
	// parallel bounds the connections at once: checks share them, one after the other.
	parallel = 4
	// restFor is how long a connection is kept for the next check. Directories close theirs after minutes.
	restFor = time.Minute
	// pauseFor is how long nobody who signs in waits for a server that could not be connected to. Else a server that is silent, and not
	// gone, would hold everybody who types a wrong passphrase for the whole time of a connection.
	pauseFor = 3 * time.Second
)

// Client asks one directory. Its methods may be called from any goroutine.
type Client struct {
	s         Settings
	dial      Dialer
	now       func() time.Time
	tls       *tls.Config
	groups    []*ldap.DN
	slots     chan struct{} // as many as there may be connections
	resting   chan resting  // connections that wait for the next check
	nobodyFor func() string // an identifier that nobody has

	mu     sync.Mutex
	broken *Error // why there was no connection
	since  time.Time
}

type resting struct {
	*conn
	since time.Time
}

// New returns a client for the directory. It connects to nobody yet. random draws identifiers that nobody has.
func New(s Settings, dial Dialer, now func() time.Time, random func([]byte)) (*Client, error) {
	c := &Client{s: s, dial: dial, now: now, slots: make(chan struct{}, parallel), resting: make(chan resting, parallel),
		tls: &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.Host, Time: now}}
	c.nobodyFor = func() string {
		b := make([]byte, 16)
		random(b)
		return string(b)
	}
	if s.Authorities != nil {
		c.tls.RootCAs = x509.NewCertPool()
		if !c.tls.RootCAs.AppendCertsFromPEM(s.Authorities) {
			return nil, errors.New("ldap: the file of the authorities (ca_file) holds no certificate in PEM form")
		}
	}
	for _, f := range []struct{ name, text string }{{"filter", s.Filter}, {"disabled_filter", s.Disabled}, {"groups_filter", s.GroupsFilter}} {
		if f.text == "" && (f.name == "disabled_filter" || s.GroupsBase == "" && f.name == "groups_filter") {
			continue
		}
		if _, err := ldap.CompileFilter(f.text); err != nil {
			return nil, fmt.Errorf("ldap: %s %q is no LDAP filter: %w", f.name, f.text, err)
		}
	}
	for _, dn := range []struct{ name, text string }{{"base", s.Base}, {"bind_dn", s.BindDN}, {"groups_base", s.GroupsBase}} {
		if _, err := ldap.ParseDN(dn.text); err != nil && !(dn.name == "bind_dn" && windowsName(dn.text)) {
			return nil, fmt.Errorf("ldap: %s %q is no distinguished name: %w", dn.name, dn.text, err)
		}
	}
	for _, dn := range s.Sync {
		if _, err := ldap.ParseDN(dn); err != nil || dn == "" {
			return nil, fmt.Errorf("ldap: sync_groups: %q is no distinguished name", dn)
		}
	}
	if s.BindDN != "" && s.Password == "" {
		return nil, errors.New("ldap: bind_dn needs its password: without one the directory would take it for nobody (RFC 4513 §5.1.2)")
	}
	for _, g := range s.Groups {
		dn, err := ldap.ParseDN(g.DN)
		if err != nil || g.DN == "" {
			return nil, fmt.Errorf("ldap: the group %q is no distinguished name", g.DN)
		}
		if !accounts.Importable(g.Role) {
			return nil, fmt.Errorf("ldap: no group can give the role %q", g.Role)
		}
		c.groups = append(c.groups, dn)
	}
	if s.Role != "" && !accounts.Importable(s.Role) {
		return nil, fmt.Errorf("ldap: default_role: nobody can get the role %q", s.Role)
	}
	if s.Role == "" && len(s.Groups) == 0 {
		return nil, errors.New("ldap: without a group and without a default_role nobody would have an account")
	}
	return c, nil
}

// windowsName: Active Directory takes user@domain and DOMAIN\user beside a DN.
func windowsName(s string) bool {
	for _, c := range s {
		if c == '@' || c == '\\' {
			return true
		}
	}
	return false
}

// Close ends the connections that rest.
func (c *Client) Close() {
	for {
		select {
		case r := <-c.resting:
			r.close()
		default:
			return
		}
	}
}

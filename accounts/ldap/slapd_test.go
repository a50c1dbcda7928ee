package ldap

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"huisclos/crypto/certtest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	serverName     = "annuaire.example.org"
	base           = "dc=example,dc=org"
	reader         = "cn=lecteur,dc=example,dc=org"
	readerPassword = "lecteur au mot de passe long"
	rootDN         = "cn=admin,dc=example,dc=org"
	rootPassword   = "racine"
)

// slapd is a real OpenLDAP server with a directory of its own on a port of the loopback.
type slapd struct {
	t           testing.TB
	dir         string
	plain, tls  int // ports
	authority   *certtest.Authority
	stop        func()
	certificate [2]string
}

// settings of slapd. msuser has the attributes of Active Directory. Without the ACL of the first line nobody could be checked.
const slapdConf = `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
include %[1]s/msuser.schema
pidfile %[1]s/pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile %[2]s
TLSCertificateKeyFile %[3]s
TLSCACertificateFile %[1]s/ca.pem
disallow bind_anon
%[4]s
database mdb
directory %[1]s/data
maxsize 268435456
sizelimit unlimited
suffix "dc=example,dc=org"
rootdn "cn=admin,dc=example,dc=org"
rootpw racine
index objectClass,entryUUID eq
access to attrs=userPassword by self write by anonymous auth by * none
access to * by dn.exact="cn=lecteur,dc=example,dc=org" read by * none
%[5]s
`

// startSlapd starts a server that holds ldif; global and database are further lines of its settings.
func startSlapd(t testing.TB, ldif, global, database string) *slapd {
	t.Helper()
	program, err := exec.LookPath("slapd")
	if err != nil {
		if program = "/usr/sbin/slapd"; !exists(program) {
			t.Skip("no slapd on this machine; .ci/need slapd installs it")
		}
	}
	s := &slapd{t: t, dir: t.TempDir(), authority: certtest.New(t), plain: freePort(t), tls: freePort(t)}
	s.certificate[0], s.certificate[1] = s.authority.Issue(t, certtest.For{Names: []string{serverName}}).Files(t, s.dir)
	// A copy: where AppArmor has a profile for /usr/sbin/slapd, that one would keep it out of this directory.
	text, err := os.ReadFile(program)
	must(t, err)
	must(t, os.WriteFile(s.path("slapd"), text, 0o700))
	must(t, os.Mkdir(s.path("data"), 0o700))
	// Active Directory finds people by their objectGUID; OpenLDAP's list of its attributes leaves out how those are compared.
	schema, err := readFile("/etc/ldap/schema/msuser.schema")
	must(t, err)
	const guid = "NAME 'objectGUID'"
	must(t, writeFile(s.path("msuser.schema"), strings.Replace(schema, guid, guid+"\n\tEQUALITY octetStringMatch", 1)))
	s.authority.File(t, s.dir)
	must(t, os.WriteFile(s.path("slapd.conf"), fmt.Appendf(nil, slapdConf, s.dir, s.certificate[0], s.certificate[1], global, database), 0o600))
	must(t, os.WriteFile(s.path("in.ldif"), []byte(ldif), 0o600))
	if out, err := exec.Command(s.path("slapd"), "-T", "add", "-f", s.path("slapd.conf"), "-l", s.path("in.ldif")).CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v\n%s", err, out)
	}
	s.start()
	t.Cleanup(func() { s.stop() })
	return s
}

func (s *slapd) path(name string) string { return filepath.Join(s.dir, name) }

func (s *slapd) start() {
	s.t.Helper()
	command := exec.Command(s.path("slapd"), "-f", s.path("slapd.conf"), "-d", "0", "-h", fmt.Sprintf("ldap://127.0.0.1:%d ldaps://127.0.0.1:%d", s.plain, s.tls))
	s.run(command, s.tls)
}

func (s *slapd) run(command *exec.Cmd, port int) {
	s.t.Helper()
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	must(s.t, command.Start())
	ended := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	s.stop = func() {
		_ = command.Process.Kill()
		<-ended
	}
	for range 200 {
		select {
		case <-ended:
			s.t.Fatalf("slapd ended: %s", said.String())
		default:
		}
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.t.Fatal("slapd does not listen")
}

// restart ends the server and starts it again: connections that rest are dead then.
func (s *slapd) restart() {
	s.stop()
	s.start()
}

// admin does something as the server's administrator.
func (s *slapd) admin(do func(*ldap.Conn) error) {
	s.t.Helper()
	c, _ := s.client(func(o *Settings) { o.BindDN, o.Password = rootDN, rootPassword })
	must(s.t, c.with(s.t.Context(), func(lc *conn) (bool, error) { return false, do(lc.Conn) }))
}

// set gives an entry another value of an attribute.
func (s *slapd) set(name, attribute, value string) {
	s.t.Helper()
	s.admin(func(c *ldap.Conn) error {
		m := ldap.NewModifyRequest(name+","+base, nil)
		m.Replace(attribute, []string{value})
		return c.Modify(m)
	})
}

func (s *slapd) remove(name string) {
	s.t.Helper()
	s.admin(func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest(name+","+base, nil)) })
}

// startPlain starts it with the one port that needs no certificate.
func (s *slapd) startPlain() {
	s.t.Helper()
	command := exec.Command(s.path("slapd"), "-f", s.path("slapd.conf"), "-d", "0", "-h", fmt.Sprintf("ldap://127.0.0.1:%d", s.plain))
	s.run(command, s.plain)
}

func readFile(path string) (string, error) {
	text, err := os.ReadFile(path)
	return string(text), err
}

func writeFile(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }

// guid is sixteen octets that are no text, in base 64.
func guid(name string) string {
	sum := sha256.Sum256([]byte(name))
	return base64.StdEncoding.EncodeToString(sum[:16])
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// listen counts the connections that come to a port.
func listen(t testing.TB, port int) (count func() int) {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	var n atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n.Add(1)
			_ = c.Close()
		}
	}()
	return func() int { return int(n.Load()) }
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// dialTo is a Dialer to one port, which counts.
type dialTo struct {
	port  int
	count int
}

func (d *dialTo) Dial(ctx context.Context) (net.Conn, error) {
	d.count++
	return (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", d.port))
}

func (s *slapd) settings() Settings {
	return Settings{Host: serverName, Authorities: s.authority.Cert, BindDN: reader, Password: readerPassword, Base: base,
		Filter: "(objectClass=inetOrgPerson)", Name: "displayName", Mail: "mail", Identifier: "entryUUID", Role: "member", Member: "member",
		PageSize: 2, Timeout: 5 * time.Second}
}

func (s *slapd) client(change func(*Settings)) (*Client, *dialTo) {
	s.t.Helper()
	settings := s.settings()
	if change != nil {
		change(&settings)
	}
	to := &dialTo{port: s.plain}
	if settings.TLS {
		to.port = s.tls
	}
	c, err := New(settings, to, time.Now, func(b []byte) { _, _ = rand.Read(b) })
	must(s.t, err)
	s.t.Cleanup(c.Close)
	return c, to
}

// person is an entry of the directory.
func person(uid, name, mail, password string, more ...string) string {
	return fmt.Sprintf("dn: uid=%s,dc=example,dc=org\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s\nsn: %s\ndisplayName: %s\nmail: %s\nuserPassword: %s\nentryUUID: %s\n%s\n",
		uid, uid, name, name, name, mail, password, uuid(uid), strings.Join(append(more, ""), "\n"))
}

// uuid is an identifier that is the same in each run.
func uuid(uid string) string {
	b := []byte(uid + "................")
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

const root = `dn: dc=example,dc=org
objectClass: domain
dc: example

dn: cn=lecteur,dc=example,dc=org
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: lecteur
userPassword: lecteur au mot de passe long

`

func group(name string, members ...string) string {
	text := fmt.Sprintf("dn: cn=%s,dc=example,dc=org\nobjectClass: groupOfNames\ncn: %s\n", name, name)
	for _, m := range members {
		text += "member: " + m + "\n"
	}
	return text + "\n"
}

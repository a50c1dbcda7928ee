package appliance

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"huisclos/appliance/config"
	"huisclos/crypto/certtest"
)

// A mailServer is Exim, on loopback ports, as an account of its own: it takes mails in with STARTTLS or TLS, asks for a sign-in, and
// puts each mail into a file.
type mailServer struct {
	came          []string // files of mails, those that an earlier look found first
	dir           string
	starttls, tls int // ports
	ca            string
	halt          func() // stops it before the test ends
}

const (
	mailUser   = "visio"
	mailSecret = "pass: wörd"
)

const eximConfig = `primary_hostname = mail.test
spool_directory = DIR/spool
log_file_path = DIR/log/%slog
pid_file_path = DIR/pid
daemon_smtp_ports = PORT-A : PORT-B
tls_on_connect_ports = PORT-B
local_interfaces = 127.0.0.1
tls_certificate = DIR/cert.pem
tls_privatekey = DIR/key.pem
tls_advertise_hosts = *
auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}
acl_smtp_rcpt = rcpt
acl_smtp_data = data
deliver_drop_privilege = true
keep_environment =
smtp_accept_max = 50
begin acl
rcpt:
  deny message = 5.7.1 sign in first
       !authenticated = *
  deny message = 5.1.1 nobody of this name
       local_parts = nobody
  defer message = 4.7.1 greylisted, come back
        local_parts = grey
        condition = ${if exists{DIR/open}{no}{yes}}
  accept
data:
  deny message = 5.6.0 not wanted
       condition = ${if match{$h_Subject:}{unwanted}}
  accept
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  directory = DIR/mail
  maildir_format = true
  envelope_to_add = true
  return_path_add = true
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{USER}}{eq{$auth3}{SECRET}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = User Name : Password
  server_condition = ${if and{{eq{$auth1}{USER}}{eq{$auth2}{SECRET}}}}
  server_set_id = $auth1
`

// startMailServer needs exim4 (Debian: exim4-daemon-light, .ci/need exim4).
func startMailServer(t *testing.T) *mailServer {
	t.Helper()
	program := "/usr/sbin/exim4"
	if _, err := os.Stat(program); err != nil {
		t.Skipf("a real mail server is needed (.ci/need exim4): %v", err)
	}
	dir, err := os.MkdirTemp("", "exim") // its account must come to it
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	m := &mailServer{dir: dir, starttls: freePort(t), tls: freePort(t), ca: filepath.Join(dir, "ca.pem")}
	must(t, os.Chmod(dir, 0o755))
	for _, d := range []string{"spool", "log", "mail"} {
		must(t, os.Mkdir(filepath.Join(dir, d), 0o700))
	}
	m.certify(t, "127.0.0.1")
	text := strings.NewReplacer("DIR", dir, "PORT-A", strconv.Itoa(m.starttls), "PORT-B", strconv.Itoa(m.tls), "USER", mailUser, "SECRET", mailSecret).Replace(eximConfig)
	must(t, os.WriteFile(filepath.Join(dir, "exim.conf"), []byte(text), 0o644))
	c := exec.Command(program, "-bdf", "-q1h", "-C", filepath.Join(dir, "exim.conf"))
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		u, err := user.Lookup("Debian-exim")
		must(t, err)
		uid, gid := atoi(t, u.Uid), atoi(t, u.Gid)
		must(t, filepath.WalkDir(dir, func(name string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Chown(name, uid, gid)
		}))
		c.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	must(t, c.Start())
	m.halt = sync.OnceFunc(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
	})
	t.Cleanup(func() {
		m.halt()
		if t.Failed() {
			for _, name := range []string{"mainlog", "paniclog", "rejectlog"} {
				log, _ := os.ReadFile(filepath.Join(dir, "log", name))
				t.Logf("%s:\n%s", name, log)
			}
			t.Logf("exim: %s", said.String())
		}
	})
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", m.starttls)); err == nil {
			_ = conn.Close()
			return m
		}
		if time.Now().After(end) {
			t.Fatalf("exim does not start: %s", said.String())
		}
	}
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	must(t, err)
	return n
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// certify writes an authority of its own, and a certificate by it for that address.
func (m *mailServer) certify(t *testing.T, address string) {
	t.Helper()
	ca := certtest.New(t)
	ca.File(t, m.dir)
	cert, key := ca.Issue(t, certtest.For{Names: []string{address}}).Files(t, m.dir)
	must(t, errors.Join(os.Chmod(cert, 0o644), os.Chmod(key, 0o644))) // Exim reads them as another account
}

// open ends the greylisting.
func (m *mailServer) open(t *testing.T) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(m.dir, "open"), nil, 0o644))
}

// A delivered mail, as it lies in its file.
type delivered struct {
	mail.Header
	parts []string
}

// received waits for a number of mails, and takes them apart.
func (m *mailServer) received(t *testing.T, n int) (list []delivered) {
	t.Helper()
	var names []string
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		names, _ = filepath.Glob(filepath.Join(m.dir, "mail/new/*"))
		if len(names) >= n {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d mails, want %d", len(names), n)
		}
	}
	if len(names) > n {
		t.Errorf("%d mails, want %d", len(names), n)
	}
	// A name has its second and, without zeros before, its microseconds: what came later may sort first.
	for _, name := range names {
		if !slices.Contains(m.came, name) {
			m.came = append(m.came, name)
		}
	}
	for _, name := range m.came {
		f, err := os.Open(name)
		must(t, err)
		defer f.Close()
		msg, err := mail.ReadMessage(f)
		must(t, err)
		d := delivered{Header: msg.Header}
		_, boundary, _ := strings.Cut(msg.Header.Get("Content-Type"), `boundary="`)
		r := multipart.NewReader(msg.Body, strings.TrimSuffix(boundary, `"`))
		for {
			p, err := r.NextPart()
			if err == io.EOF {
				break
			}
			must(t, err)
			text, err := io.ReadAll(p)
			must(t, err)
			d.parts = append(d.parts, string(text))
		}
		list = append(list, d)
	}
	return list
}

// settings are those with which the appliance writes to this server.
func (m *mailServer) settings(t *testing.T) config.Mail {
	t.Helper()
	password := filepath.Join(t.TempDir(), "password")
	must(t, os.WriteFile(password, []byte(mailSecret+"\n"), 0o600))
	return config.Mail{Host: "127.0.0.1", Port: m.starttls, Security: config.StartTLS, User: mailUser, PasswordFile: password,
		From: "visio@example.org", CAFile: m.ca, Helo: "visio.example.org", Language: "fr"}
}

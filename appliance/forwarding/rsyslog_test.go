package forwarding

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"huisclos/audit"
)

// rsyslog is a real one, which keeps what it receives in a file.
type rsyslog struct {
	*testing.T
	dir  string
	port int
	cmd  *exec.Cmd
	out  bytes.Buffer
}

// Driver and authentication are those of rsyslog's documentation of imtcp; the template has one message a line. With its queue in memory
// rsyslog writes in several threads, in no order, and what it holds is lost when it is killed.
const rsyslogConf = `global(workDirectory="%[1]s" maxMessageSize="64k" defaultNetstreamDriver="%[2]s" defaultNetstreamDriverCAFile="%[1]s/ca.pem"
  defaultNetstreamDriverCertFile="%[3]s" defaultNetstreamDriverKeyFile="%[4]s")
main_queue(queue.type="direct")
module(load="imtcp" streamDriver.name="%[2]s" streamDriver.mode="1" streamDriver.authMode="%[5]s")
input(type="imtcp" port="%[6]d" address="127.0.0.1" ruleset="keep")
template(name="kept" type="string" string="%%syslogfacility%%|%%syslogseverity%%|%%hostname%%|%%app-name%%|%%msgid%%|%%structured-data%%|%%msg%%\n")
ruleset(name="keep") { action(type="omfile" file="%[1]s/kept" template="kept" asyncWriting="off" flushOnTXEnd="on") }
`

// newRsyslog writes its configuration. auth is what it asks of us: "anon", or "x509/certvalid".
func newRsyslog(t *testing.T, ca authority, driver, auth string) *rsyslog {
	t.Helper()
	path := "/usr/sbin/rsyslogd"
	module := map[string]string{"gtls": "lmnsd_gtls.so", "ossl": "lmnsd_ossl.so"}[driver]
	found, _ := filepath.Glob("/usr/lib/*/rsyslog/" + module)
	if _, err := os.Stat(path); err != nil || len(found) == 0 {
		t.Skip("no rsyslogd with the driver " + driver + ": apt-get install rsyslog rsyslog-gnutls rsyslog-openssl")
	}
	r := &rsyslog{T: t, dir: t.TempDir(), port: freePort(t)}
	ca.File(t, r.dir)
	cert, key := ca.issue(t, serverName, 24*time.Hour)
	must(t, os.WriteFile(filepath.Join(r.dir, "conf"), fmt.Appendf(nil, rsyslogConf, r.dir, driver, cert, key, auth, r.port), 0o600))
	t.Cleanup(func() {
		r.stop()
		if t.Failed() {
			t.Logf("rsyslogd said: %s", r.out.String())
		}
	})
	return r
}

func (r *rsyslog) start() {
	r.Helper()
	r.cmd = exec.Command("/usr/sbin/rsyslogd", "-n", "-f", filepath.Join(r.dir, "conf"), "-i", filepath.Join(r.dir, "pid"))
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.out
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(r, r.cmd.Start())
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", r.port), time.Second)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(end) {
			r.Fatalf("rsyslogd does not listen: %v", err)
		}
	}
}

// end stops it with a signal: SIGTERM lets it write what it holds, SIGKILL does not.
func (r *rsyslog) end(signal os.Signal) {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Signal(signal)
	_ = r.cmd.Wait()
	r.cmd = nil
}

func (r *rsyslog) stop() { r.end(syscall.SIGTERM) }

// kept are the lines that it has written.
func (r *rsyslog) kept() []string {
	text, err := os.ReadFile(filepath.Join(r.dir, "kept"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// holds that every entry of the log stands there, the first time of each in order, octet by octet.
func (r *rsyslog) holds(l *trail, upTo uint64) {
	r.Helper()
	var all []audit.Stored
	for {
		list, err := l.Audit.After(uint64(len(all)), audit.MaxPage)
		must(r, err)
		if all = append(all, list...); len(list) == 0 {
			break
		}
	}
	next := uint64(1)
	for _, line := range r.kept() {
		part := strings.SplitN(line, "|", 7)
		if len(part) < 7 || part[4] == "test" {
			continue
		}
		var n uint64
		if _, err := fmt.Sscanf(part[5], `[huisclos@32473 sequence="%d"`, &n); err != nil {
			r.Fatalf("%v: %s", err, line)
		}
		if n > next {
			r.Fatalf("entry %d comes before entry %d", n, next)
		}
		if n < next {
			continue // a second time
		}
		e := all[n-1]
		if part[6] != string(e.Line) || part[0] != "13" || part[2] != "visio.example.org" || part[3] != "huisclos" || part[4] != string(e.Action) || !strings.Contains(part[5], `hash="`+e.Hash.String()+`"`) {
			r.Fatalf("entry %d arrived as %s", n, line)
		}
		next++
	}
	if next <= upTo {
		r.Fatalf("%d entries arrived of %d", next-1, upTo)
	}
}

// Live, over both of rsyslog's drivers of TLS: what is recorded stands there, and a collector that was away has everything once it is
// back, in order; however it went away.
func TestRealRsyslog(t *testing.T) {
	for _, driver := range []string{"gtls", "ossl"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			ca := newAuthority(t)
			r := newRsyslog(t, ca, driver, "anon")
			r.start()
			l := newTrail(t)
			l.record(20)
			must(t, ca.at(r.port).Check(t.Context()))
			l.run(ca.at(r.port))
			confirmed := func(what string) {
				t.Helper()
				head, err := l.Audit.Head()
				must(t, err)
				l.until(what, 60*time.Second, func(s Status) bool { return s.Failing == nil && s.Sequence >= head.Sequence })
				r.holds(l, head.Sequence)
			}
			confirmed("in the beginning")
			for i, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGKILL} {
				l.record(30)
				time.Sleep(1500 * time.Millisecond) // some of them are on their way
				if signal == syscall.SIGTERM {
					l.record(500)
				}
				r.end(signal)
				l.record(300)
				l.until("failing", 30*time.Second, func(s Status) bool { return s.Failing != nil && s.Waiting >= 300 })
				r.start()
				confirmed(fmt.Sprint("after it was away, ", i))
			}
			failed, back := 0, 0
			for after := uint64(0); ; {
				list, err := l.Audit.After(after, audit.MaxPage)
				must(t, err)
				if len(list) == 0 {
					break
				}
				for _, e := range list {
					switch e.Action {
					case audit.ForwardingFailed:
						failed++
					case audit.ForwardingBack:
						back++
					}
				}
				after = list[len(list)-1].Sequence
			}
			if failed != 2 || back != 2 {
				t.Errorf("away twice, and recorded %d times that it failed, %d times that it is back", failed, back)
			}
			if lines := r.kept(); !strings.Contains(strings.Join(lines, "\n"), "|huisclos|test|") {
				t.Error("the test message is not there")
			}
		})
	}
}

// A collector that asks who we are takes nobody else's word; and we take no collector of another authority, nor of another name.
func TestRealRsyslogCertificates(t *testing.T) {
	for _, driver := range []string{"gtls", "ossl"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			ca, other := newAuthority(t), newAuthority(t)
			r := newRsyslog(t, ca, driver, "x509/certvalid")
			r.start()
			ours := ca.at(r.port)
			ours.Certificate = ca.pair(t, "visio.example.org", time.Hour)
			must(t, ours.Check(t.Context()))
			ours.Format = CEF
			must(t, ours.Check(t.Context()))
			for name, change := range map[string]func(*Collector){
				"none of ours":           func(c *Collector) { c.Certificate = nil },
				"one of another's":       func(c *Collector) { c.Certificate = other.pair(t, "visio.example.org", time.Hour) },
				"it is another's":        func(c *Collector) { c.Roots = other.Roots() },
				"it has another name":    func(c *Collector) { c.Host = "other.example.org" },
				"its time has run out":   func(c *Collector) { c.Now = func() time.Time { return time.Now().Add(72 * time.Hour) } },
				"nobody is trusted":      func(c *Collector) { c.Roots = x509.NewCertPool() },
				"there is no such place": func(c *Collector) { *c = *ca.at(freePort(t)) },
			} {
				c := *ours
				change(&c)
				err := c.Check(t.Context())
				var failure *Failure
				if !errors.As(err, &failure) {
					t.Errorf("%s: %v", name, err)
					continue
				}
				t.Logf("%s: %v", name, err)
				ok := map[Step]bool{StepCertificate: strings.HasPrefix(name, "it") || name == "nobody is trusted", StepConnect: name == "there is no such place",
					StepOwn: strings.Contains(name, "of "), StepSend: strings.Contains(name, "of "), StepConfirm: strings.Contains(name, "of ")}
				if !ok[failure.Step] {
					t.Errorf("%s: %v", name, err)
				}
			}
			time.Sleep(200 * time.Millisecond)
			if n := strings.Count(strings.Join(r.kept(), "\n"), "|huisclos|test|"); n != 2 {
				t.Errorf("%d test messages arrived of the 2 that should have", n)
			}
		})
	}
}

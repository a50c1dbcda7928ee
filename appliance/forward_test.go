package appliance

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"huisclos/appliance/config"
	"huisclos/appliance/web"
	"huisclos/audit"
	"huisclos/crypto/certtest"
	"huisclos/hardening"
)

// startCollector takes messages in over TLS, and answers the sender's end. It returns its port, its certificate's file and what comes.
func startCollector(t *testing.T) (port int, ca string, messages chan string) {
	t.Helper()
	own := certtest.SelfSigned(t, certtest.For{Names: []string{"127.0.0.1"}})
	ca, _ = own.Files(t, t.TempDir())
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own.TLS}})
	must(t, err)
	t.Cleanup(func() { l.Close() })
	messages = make(chan string, 10_000)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for {
					length, err := r.ReadString(' ')
					n, bad := strconv.Atoi(strings.TrimSpace(length))
					text := make([]byte, max(n, 0))
					if err != nil || bad != nil {
						return
					}
					if _, err := io.ReadFull(r, text); err != nil {
						return
					}
					messages <- string(text)
				}
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port, ca, messages
}

// The whole way: what the appliance records goes out through the process that connects, also what is recorded at the end of a run, which
// goes out at the next start; status, check and the console's page say how it is.
func TestAuditLogIsForwarded(t *testing.T) {
	port, ca, messages := startCollector(t)
	s := testSettings(t)
	s.Syslog = config.Syslog{At: config.Place{Host: "127.0.0.1", Port: port}, Format: config.SyslogJSON, CAFile: ca}
	s.Hostnames = []string{"visio.example.org"}
	beside(t, &s)
	a, _ := start(t, s)
	seen := map[audit.Action]int{}
	until := func(want audit.Action) {
		t.Helper()
		for seen[want] == 0 {
			select {
			case m := <-messages:
				_, after, _ := strings.Cut(m, ` action="`)
				action, _, _ := strings.Cut(after, `"`)
				seen[audit.Action(action)]++
			case <-time.After(20 * time.Second):
				t.Fatalf("%s does not come; there were %v", want, seen)
			}
		}
	}
	until(audit.ServerStarted)
	for end := time.Now().Add(20 * time.Second); a.forwardingStatus().Sequence == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%+v", a.forwardingStatus())
		}
	}
	if got := a.forwardingStatus(); got.Collector != net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) || !got.Failing.IsZero() || got.Confirmed.IsZero() {
		t.Errorf("%+v", got)
	}
	if r := a.forwardingLine(); len(r) != 1 || r[0].State != hardening.OK {
		t.Errorf("%+v", r)
	}
	if r := a.probeCollector(); len(r) != 6 || slices.ContainsFunc(r, func(l hardening.Line) bool { return l.State != hardening.OK }) {
		t.Errorf("%+v", r)
	}
	until("test")
	var text strings.Builder
	must(t, a.watched.Page(time.Now()).Write(&text))
	if page := text.String(); !strings.Contains(page, "huisclos_audit_forwarding_up 1\n") || !strings.Contains(page, "huisclos_audit_forwarding_waiting ") {
		t.Error("the page of metrics does not have it")
	}
	a.Stop()
	b, log := start(t, s)
	until(audit.ServerStopped)
	if seen[audit.ServerStarted] > 1 && seen[audit.ServerStopped] > 1 {
		t.Errorf("sent more than once: %v", seen)
	}
	if shown, err := b.forwardingShown(); err != nil || !shown.On {
		t.Errorf("%+v, %v", shown, err)
	}
	if strings.Contains(log.String(), "can't be forwarded") {
		t.Error(log.String())
	}
}

// A collector that is not there stops nothing, and is told everywhere.
func TestCollectorIsNotThere(t *testing.T) {
	s := testSettings(t)
	_, ca, _ := startCollector(t)
	s.Syslog = config.Syslog{At: config.Place{Host: "127.0.0.1", Port: 1}, Format: config.SyslogCEF, CAFile: ca}
	beside(t, &s)
	a, log := start(t, s)
	for end := time.Now().Add(20 * time.Second); a.forwardingStatus().Failing.IsZero(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%+v", a.forwardingStatus())
		}
	}
	if got := a.forwardingStatus(); got.Step.FR == "" || got.Detail == "" || got.Waiting == 0 || got.Sequence != 0 {
		t.Errorf("%+v", got)
	}
	if r := a.forwardingLine(); r[0].State != hardening.Missing || r[0].Do.EN == "" {
		t.Errorf("%+v", r)
	}
	if r := a.probeCollector(); len(r) != 1 || r[0].Name != "syslog-connect" || r[0].State != hardening.Missing || !strings.Contains(r[0].Do.FR, "refuse") {
		t.Errorf("%+v", r)
	}
	if shown, err := a.forwardingShown(); err != nil || shown.StepFR == "" || shown.Failing.IsZero() {
		t.Errorf("%+v, %v", shown, err)
	}
	if !slices.ContainsFunc(a.watched.Attention(time.Now()), func(at web.Attention) bool {
		return at.Code == "forwarding"
	}) {
		t.Error("nobody's attention is asked for")
	}
	recorded := func() int {
		list, err := a.trail.List(0, 50)
		must(t, err)
		return len(slices.DeleteFunc(list, func(e audit.Entry) bool { return e.Action != audit.ForwardingFailed }))
	}
	eventually(t, "it is recorded", func() bool { return recorded() > 0 })
	if n := recorded(); n != 1 {
		t.Errorf("recorded %d times: %s", n, log)
	}
	// Files that do not do are said at the start.
	for name, change := range map[string]func(*config.Syslog){
		"ca_file":     func(c *config.Syslog) { c.CAFile = filepath.Join(t.TempDir(), "none") },
		"certificate": func(c *config.Syslog) { c.Certificate, c.Key = ca, ca },
	} {
		bad := testSettings(t)
		bad.Syslog = s.Syslog
		change(&bad.Syslog)
		if _, err := bad.newCollector(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package appliance

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"huisclos/appliance/certs/order/pebbletest"
	"huisclos/crypto/certtest"
	"huisclos/hardening"
)

// The command runs in a process of its own, this program again: it shuts itself in for ever.
const (
	serviceVariable = "HUISCLOS_TEST_SERVICE"
	outwardService  = "outward" // the process that connects outward; else the appliance
)

func TestMain(m *testing.M) {
	run := Serve
	switch os.Getenv(serviceVariable) {
	case "":
		code := m.Run()
		pebbletest.Remove()
		os.Exit(code)
	case outwardService:
		run = Outward
	}
	if os.Getenv("LISTEN_FDS") != "" {
		_ = os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid())) // a service manager knows it before it executes
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// service is a running command with the manager that started it.
type service struct {
	t        *testing.T
	cmd      *exec.Cmd
	out, err *notes
	notices  *net.UnixConn
}

func startService(t *testing.T, env []string, files []*os.File, args ...string) *service {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	notices, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	must(t, err)
	self, err := os.Executable()
	must(t, err)
	s := &service{t: t, cmd: exec.Command(self, args...), out: &notes{}, err: &notes{}, notices: notices}
	s.cmd.Env = append(append(os.Environ(), serviceVariable+"=1", "NOTIFY_SOCKET="+path), env...)
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.ExtraFiles = s.out, s.err, files
	must(t, s.cmd.Start())
	t.Cleanup(func() {
		_, _ = s.cmd.Process.Kill(), notices.Close()
		if t.Failed() {
			t.Logf("%s\n%s", s.out, s.err)
		}
	})
	return s
}

// hears waits for a notice with this line, and returns the whole notice.
func (s *service) hears(line string) string {
	s.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	b := make([]byte, 4096)
	for {
		_ = s.notices.SetReadDeadline(deadline)
		n, err := s.notices.Read(b)
		if err != nil {
			s.t.Fatalf("the manager does not hear %s: %v\n%s\n%s", line, err, s.out, s.err)
		}
		if lines := strings.Split(string(b[:n]), "\n"); slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, line) }) {
			return string(b[:n])
		}
	}
}

func (s *service) signal(sig os.Signal) { must(s.t, s.cmd.Process.Signal(sig)) }

func files(t *testing.T, sockets ...interface{ File() (*os.File, error) }) (out []*os.File) {
	t.Helper()
	for _, s := range sockets {
		f, err := s.File()
		must(t, err)
		t.Cleanup(func() { _ = f.Close() })
		out = append(out, f)
	}
	return out
}

// ownCertificate puts a certificate for localhost and its key into dir, as a tool that renews does.
func ownCertificate(t *testing.T, dir string) *x509.Certificate {
	t.Helper()
	p := certtest.SelfSigned(t, certtest.For{Names: []string{"localhost"}, Until: time.Now().Add(90 * 24 * time.Hour)})
	p.Files(t, dir)
	return p.Leaf
}

// TestService is a life under a service manager: sockets handed over, readiness, signs of life, a reload with a renewed
// certificate and changed settings, the stop; all of it in a process that is shut in.
func TestService(t *testing.T) {
	top := t.TempDir()
	tlsDir, data, settingsFile := filepath.Join(top, "tls"), filepath.Join(top, "data"), filepath.Join(top, "etc", "huisclos.toml")
	must(t, os.Mkdir(tlsDir, 0o700))
	must(t, os.Mkdir(filepath.Dir(settingsFile), 0o700))
	first := ownCertificate(t, tlsDir)
	text := fmt.Sprintf("data = %q\ntls.certificate = %q\ntls.key = %q\n", data, filepath.Join(tlsDir, "cert.pem"), filepath.Join(tlsDir, "key.pem"))
	write := func(more string) { must(t, os.WriteFile(settingsFile, []byte(text+more), 0o600)) }
	write("")

	ours, err := openSockets("127.0.0.1:0", none)
	must(t, err)
	defer ours.close()
	other, err := openSockets("127.0.0.1:0", none)
	must(t, err)
	defer other.close()
	given := files(t, ours.udp[0].(*net.UDPConn), ours.tcp.(*net.TCPListener), other.tcp.(*net.TCPListener))
	s := startService(t, []string{"LISTEN_FDS=3", "LISTEN_FDNAMES=media:web:redirect", "WATCHDOG_USEC=2000000"}, given, "--config", settingsFile)
	if got := s.hears("READY=1"); !strings.Contains(got, fmt.Sprintf("STATUS=Port %d ;", ours.port())) {
		t.Errorf("ready: %q", got)
	}
	s.hears("WATCHDOG=1")

	pool := x509.NewCertPool()
	pool.AddCert(first)
	client := func() *http.Client {
		return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool}},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	get := func(url string) (int, string) {
		t.Helper()
		res, err := client().Get(url)
		must(t, err)
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.StatusCode, res.Header.Get("Location")
	}
	health := fmt.Sprintf("https://localhost:%d/healthz", ours.port())
	if code, _ := get(health); code != http.StatusOK {
		t.Errorf("health: %d", code)
	}
	if code, to := get(fmt.Sprintf("http://localhost:%d/r/x", other.port())); code != 308 || to != fmt.Sprintf("https://localhost:%d/r/x", ours.port()) {
		t.Errorf("the other port leads to %d %q", code, to)
	}

	// What protects the process, said by itself over the control socket.
	var out, errs bytes.Buffer
	if code := Check(t.Context(), []string{"--config", settingsFile, "--json"}, &out, &errs); code > 1 {
		t.Fatalf("check: %d %s", code, &errs)
	}
	var checked struct{ Lines hardening.Report }
	must(t, json.Unmarshal(out.Bytes(), &checked))
	found := map[string]hardening.State{}
	for _, l := range checked.Lines {
		if l.Name == "landlock" && strings.HasPrefix(l.Detail.EN, "this kernel does not have") {
			t.Log(l.Detail.EN)
			l.State = hardening.OK
		}
		found[l.Name] = l.State
	}
	want := []string{"settings", "data-directory", "server", "port", "no-new-privileges", "not-dumpable", "no-core-dump", "plain-tcp", "landlock"}
	for _, name := range want {
		if found[name] != hardening.OK {
			t.Errorf("check says of %s %q", name, found[name])
		}
	}

	// A renewed certificate, and settings of which one changes at once and one does not.
	second := ownCertificate(t, tlsDir)
	write("hostnames = [\"localhost\"]\nmedia_port = 10444\nlog.level = \"debug\"\n")
	s.signal(syscall.SIGHUP)
	if got := s.hears("RELOADING=1"); !strings.Contains(got, "\nMONOTONIC_USEC=") {
		t.Errorf("reloading: %q", got)
	}
	if got := s.hears("READY=1"); !strings.Contains(got, "Need a restart: media_port.") {
		t.Errorf("ready again: %q", got)
	}
	pool.AddCert(second)
	conn, err := tls.Dial("tcp", ours.tcp.Addr().String(), &tls.Config{RootCAs: pool, ServerName: "localhost"})
	must(t, err)
	if served := conn.ConnectionState().PeerCertificates[0]; !served.Equal(second) {
		t.Error("the renewed certificate is not served")
	}
	must(t, conn.Close())
	if _, err := tls.Dial("tcp", ours.tcp.Addr().String(), &tls.Config{}); err == nil {
		t.Error("trusted without its authority")
	}
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(s.err.String(), "level=DEBUG"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the level of the log has not changed")
		}
	}
	s.hears("WATCHDOG=1") // with the renewed certificate

	write("nonsense = 1\n")
	s.signal(syscall.SIGHUP)
	s.hears("RELOADING=1")
	if got := s.hears("READY=1"); !strings.Contains(got, "those before stay in use") {
		t.Errorf("ready after nonsense: %q", got)
	}
	if code, _ := get(health); code != http.StatusOK {
		t.Errorf("health: %d", code)
	}

	s.signal(syscall.SIGTERM)
	s.hears("STOPPING=1")
	must(t, s.cmd.Wait())
	if _, err := os.Stat(filepath.Join(data, "control.sock")); !os.IsNotExist(err) {
		t.Errorf("the control socket stays: %v", err)
	}
	queued, err := net.Dial("tcp", ours.tcp.Addr().String())
	if err != nil {
		t.Fatalf("the manager's port is closed: %v", err)
	}
	_ = queued.Close()
}

// TestSocketsThatDoNotFit: the command says which, and in both languages what to do.
func TestSocketsThatDoNotFit(t *testing.T) {
	ours, err := openSockets("127.0.0.1:0", none)
	must(t, err)
	defer ours.close()
	s := startService(t, []string{"LISTEN_FDS=1", "LISTEN_FDNAMES=web"}, files(t, ours.udp[0].(*net.UDPConn)), "--data", t.TempDir())
	if err := s.cmd.Wait(); err == nil {
		t.Fatal("it starts")
	}
	for _, want := range []string{"les ports ouverts par systemd ne conviennent pas", "the ports that systemd opened do not do", "web is not a listening TCP socket"} {
		if !strings.Contains(s.err.String(), want) {
			t.Errorf("no %q in %s", want, s.err)
		}
	}
}

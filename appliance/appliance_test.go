package appliance

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"huisclos/appliance/config"
	"huisclos/appliance/control"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

// notes is a log that can be searched while it is written.
type notes struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.Write(p)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.String()
}

func testSettings(t *testing.T) settings {
	t.Helper()
	s := settings{Settings: config.Defaults(), now: time.Now, refuseAfter: 50 * time.Millisecond, cost: passhash.Params{Memory: 64, Time: 1, Threads: 1}}
	s.Listen, s.Data = "127.0.0.1:0", t.TempDir()
	return s
}

func start(t *testing.T, s settings) (*Appliance, *notes) {
	t.Helper()
	n := &notes{}
	a, err := Start(s, slog.New(slog.NewTextHandler(n, &slog.HandlerOptions{Level: slog.LevelDebug})))
	must(t, err)
	t.Cleanup(a.Stop)
	return a, n
}

func (a *Appliance) at() string { return fmt.Sprintf("127.0.0.1:%d", a.port) }

// browser trusts the appliance's own certificate and nothing else.
func browser(t *testing.T, a *Appliance) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	served, err := a.keeper.TLS().GetCertificate(nil)
	must(t, err)
	pool.AddCert(served.Leaf)
	jar, err := cookiejar.New(nil)
	must(t, err)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func TestServesOnePortAndStops(t *testing.T) {
	a, log := start(t, testSettings(t))
	c := browser(t, a)
	res, err := c.Get("https://" + a.at() + "/healthz")
	must(t, err)
	body, err := io.ReadAll(res.Body)
	must(t, err)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK || string(body) != "ok\n" {
		t.Errorf("health: %d %q", res.StatusCode, body)
	}
	if res.ProtoMajor != 1 || res.TLS.Version != tls.VersionTLS13 {
		t.Errorf("HTTP/%d over TLS %x", res.ProtoMajor, res.TLS.Version)
	}
	// Plain HTTP on the same port leads to https.
	res, err = c.Get("http://" + a.at() + "/r/x?y=1")
	must(t, err)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusPermanentRedirect || res.Header.Get("Location") != "https://"+a.at()+"/r/x?y=1" {
		t.Errorf("plain HTTP: %d %q", res.StatusCode, res.Header.Get("Location"))
	}
	// UDP of the same number is open: it belongs to media.
	if _, err := net.ListenPacket("udp", a.at()); err == nil {
		t.Error("UDP of that number is free")
	}
	a.Stop()
	if _, err := net.DialTimeout("tcp", a.at(), time.Second); err == nil {
		t.Error("still listens after the stop")
	}
	if udp, err := net.ListenPacket("udp", a.at()); err != nil {
		t.Errorf("UDP not given back: %v", err)
	} else {
		_ = udp.Close()
	}
	db, err := store.Open(filepath.Join(a.settings.Data, databaseFile), store.Options{Timeout: time.Second})
	if err != nil {
		t.Fatalf("database not given back: %v", err)
	}
	must(t, db.Close())
	if strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("a start and a stop log errors:\n%s", log)
	}
}

func TestOldAndWeakTLSIsRefused(t *testing.T) {
	// ASVS 12.1.1
	a, _ := start(t, testSettings(t))
	for name, c := range map[string]*tls.Config{
		"TLS 1.2":            {MaxVersion: tls.VersionTLS12},
		"no group in common": {CurvePreferences: []tls.CurveID{tls.CurveP521}},
	} {
		c.InsecureSkipVerify = true
		if conn, err := tls.Dial("tcp", a.at(), c); err == nil {
			_ = conn.Close()
			t.Errorf("%s is accepted", name)
		}
	}
	conn, err := tls.Dial("tcp", a.at(), &tls.Config{InsecureSkipVerify: true})
	must(t, err)
	defer conn.Close()
	if got := conn.ConnectionState().CurveID; got != tls.X25519MLKEM768 && got != tls.SecP256r1MLKEM768 && got != tls.SecP384r1MLKEM1024 {
		t.Errorf("key agreement %v is not post-quantum", got)
	}
}

// TestSlowClientsAreCut: neither a slow handshake nor a slow header holds a connection.
func TestSlowClientsAreCut(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as the time-outs")
	}
	a, _ := start(t, testSettings(t))
	cut := func(c net.Conn, feed func(net.Conn) bool) time.Duration {
		began := time.Now()
		for time.Since(began) < 3*headerWithin {
			if !feed(c) {
				break
			}
			_ = c.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
			if _, err := c.Read(make([]byte, 512)); err != nil {
				if ne, ok := err.(net.Error); !ok || !ne.Timeout() {
					break
				}
			}
		}
		return time.Since(began)
	}
	var wg sync.WaitGroup
	for name, feed := range map[string]func(net.Conn) bool{
		"silence":        func(net.Conn) bool { return true },
		"half handshake": func(c net.Conn) bool { _, err := c.Write([]byte{0x16}); return err == nil },
		"plain, slow":    func(c net.Conn) bool { _, err := c.Write([]byte("G")); return err == nil },
	} {
		wg.Go(func() {
			c, err := net.Dial("tcp", a.at())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if took := cut(c, feed); took > 2*headerWithin {
				t.Errorf("%s: held for %v", name, took)
			}
		})
	}
	wg.Go(func() {
		c, err := tls.Dial("tcp", a.at(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n")
		if took := cut(c, func(c net.Conn) bool { _, err := io.WriteString(c, "X-A: b\r\n"); return err == nil }); took > 2*headerWithin {
			t.Errorf("slow header: held for %v", took)
		}
	})
	wg.Wait()
}

func TestHeadersAreBounded(t *testing.T) {
	a, _ := start(t, testSettings(t))
	c := browser(t, a)
	req, err := http.NewRequest("GET", "https://"+a.at()+"/", nil)
	must(t, err)
	req.Header.Set("X-Long", strings.Repeat("a", 3*headerBytes))
	res, err := c.Do(req)
	if err == nil {
		_ = res.Body.Close()
		if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%d", res.StatusCode)
		}
	}
}

// TestErrorsAreSentences: what an operator can run into at a start has a sentence in both languages, not only a cause.
func TestErrorsAreSentences(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	running, _ := start(t, testSettings(t))
	says := func(name string, s settings, fr, en string) {
		t.Helper()
		a, err := Start(s, log)
		if err == nil {
			a.Stop()
			t.Errorf("%s: it starts", name)
			return
		}
		var b strings.Builder
		explain(&b, err, s)
		if !strings.Contains(b.String(), fr) || !strings.Contains(b.String(), en) {
			t.Errorf("%s: %s", name, b.String())
		}
	}
	taken := testSettings(t)
	taken.Listen = running.at()
	says("port taken", taken, "déjà prise par un autre programme", "taken by another program")

	locked := testSettings(t)
	locked.Data = running.settings.Data
	says("data in use", locked, "servent déjà à un autre processus", "in use by another process")

	elsewhere := testSettings(t)
	elsewhere.Listen = "203.0.113.77:8443"
	says("address of another machine", elsewhere, "n'a pas l'adresse", "does not have the address")

	damaged := testSettings(t)
	must(t, os.WriteFile(filepath.Join(damaged.Data, databaseFile), bytes.Repeat([]byte("not a database "), 4096), 0o600))
	says("damaged", damaged, "est abîmée", "is damaged")

	if os.Getuid() != 0 {
		closed := testSettings(t)
		must(t, os.Chmod(closed.Data, 0o500))
		says("not writable", closed, "n'est pas accessible en écriture", "cannot be written")
	}
}

func TestBanner(t *testing.T) {
	s := testSettings(t)
	s.Hostnames = []string{"visio.example.org"}
	s.PublicAddresses = []netip.Addr{netip.MustParseAddr("203.0.113.9")}
	a, _ := start(t, s)
	b := a.banner("ABCD-EFGH")
	for _, want := range []string{
		fmt.Sprintf("https://visio.example.org:%d/", a.port), fmt.Sprintf("https://203.0.113.9:%d/", a.port), fmt.Sprintf("https://127.0.0.1:%d/", a.port),
		"ABCD-EFGH", "Code d'installation / Set-up code", "administrateur", "administrator",
	} {
		if !strings.Contains(b, want) {
			t.Errorf("no %q in\n%s", want, b)
		}
	}
	column := -1
	for line := range strings.Lines(b) {
		if i := strings.Index(line, "https://"); i >= 0 {
			if column >= 0 && len([]rune(line[:i])) != column {
				t.Errorf("not aligned:\n%s", b)
			}
			column = len([]rune(line[:i]))
		}
	}
	if strings.Contains(a.banner(""), "Set-up") {
		t.Error("a set-up code although there is an administrator")
	}
}

// TestServeCommand runs the command as main does, from the banner to the stop.
func TestServeCommand(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	listen := free.Addr().String()
	must(t, free.Close())
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs notes
	done := make(chan int, 1)
	go func() {
		none := surroundings{getenv: func(string) string { return "" }, pid: os.Getpid()}
		done <- serve(ctx, []string{"--listen", listen, "--data", t.TempDir(), "--log-level", "debug"}, &out, &errs, none)
	}()
	deadline := time.Now().Add(20 * time.Second)
	for !strings.Contains(out.String(), "Ctrl+C") && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	text := out.String()
	_, after, found := strings.Cut(text, "Set-up code")
	if !found {
		t.Fatalf("no set-up code in\n%s\n%s", text, errs.String())
	}
	code := strings.Fields(after)[0]
	if len(code) < 16 || strings.Contains(errs.String(), code) {
		t.Errorf("the set-up code %q is short, or stands in the log", code)
	}
	cancel()
	select {
	case got := <-done:
		if got != 0 {
			t.Errorf("exit code %d\n%s", got, errs.String())
		}
	case <-time.After(20 * time.Second):
		t.Fatal("does not stop")
	}
}

// TestFirstHour goes from the set-up code to a room, and through a stop and a start: who was connected is told to come
// back, and finds account, session and room again.
func TestFirstHour(t *testing.T) {
	s := testSettings(t)
	a, _ := start(t, s)
	command := func() string {
		t.Helper()
		var out, errs strings.Builder
		if got := control.PrintSetupCode(t.Context(), []string{"--data", s.Data}, &out, &errs); got != 0 {
			t.Fatalf("setup-code: %d %s", got, errs.String())
		}
		return out.String()
	}
	_, after, found := strings.Cut(command(), "Set-up code")
	if !found {
		t.Fatal("no set-up code")
	}
	code := strings.Fields(after)[0]
	c := browser(t, a)
	csrf := ""
	ask := func(method, path string, body, into any) int {
		t.Helper()
		data, err := json.Marshal(body)
		must(t, err)
		if body == nil {
			data = nil
		}
		req, err := http.NewRequest(method, "https://"+a.at()+path, bytes.NewReader(data))
		must(t, err)
		if method != http.MethodGet {
			req.Header.Set("Origin", "https://"+a.at())
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("X-Huisclos-CSRF", csrf)
		}
		res, err := c.Do(req)
		must(t, err)
		defer res.Body.Close()
		must(t, json.NewDecoder(res.Body).Decode(into))
		return res.StatusCode
	}
	var me struct{ CSRF string }
	if got := ask("GET", "/api/me", nil, &me); got != http.StatusUnauthorized {
		t.Fatalf("me: %d", got)
	}
	csrf = me.CSRF
	form := map[string]string{"code": code, "name": "Ada", "email": "ada@example.org", "passphrase": "quinze lapins sous la lune"}
	if got := ask("POST", "/api/setup", form, &me); got != http.StatusOK {
		t.Fatalf("set-up: %d", got)
	}
	csrf = me.CSRF
	if got := ask("POST", "/api/rooms", map[string]string{"name": "Conseil"}, &struct{}{}); got != http.StatusForbidden {
		t.Errorf("a room without a second factor: %d", got)
	}
	csrf = enrol(t, "quinze lapins sous la lune", func(path string, body, into any) {
		t.Helper()
		if got := ask("POST", path, body, into); got != http.StatusOK {
			t.Fatalf("%s: %d", path, got)
		}
	})
	if out := command(); !strings.Contains(out, "an administrator already") || strings.Contains(out, "Set-up code") {
		t.Errorf("setup-code with an administrator: %s", out)
	}
	var room struct{ ID, Name string }
	if got := ask("POST", "/api/rooms", map[string]string{"name": "Conseil"}, &room); got != http.StatusCreated {
		t.Fatalf("room: %d", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "wss://"+a.at()+"/api/rooms/"+room.ID+"/signal", &websocket.DialOptions{
		HTTPClient: c, HTTPHeader: http.Header{"Origin": {"https://" + a.at()}}, Subprotocols: []string{"huisclos.2"}})
	must(t, err)
	defer ws.CloseNow()
	must(t, ws.Write(ctx, websocket.MessageText, []byte(`{"type":"hello","protocol":2,"device":"AAAAAAAAAAAAAAAAAAAAAA","signatureKey":"BAAA"}`)))
	if _, _, err := ws.Read(ctx); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() { a.Stop(); close(stopped) }()
	for err == nil {
		_, _, err = ws.Read(ctx)
	}
	if got := websocket.CloseStatus(err); got != websocket.StatusServiceRestart {
		t.Errorf("at the stop the connection closes with %d: %v", got, err)
	}
	<-stopped

	s.Listen = a.at() // the same address again, as after an update
	a, _ = start(t, s)
	var rooms struct{ Rooms []struct{ ID, Name string } }
	if got := ask("GET", "/api/rooms", nil, &rooms); got != http.StatusOK || len(rooms.Rooms) != 1 || rooms.Rooms[0].ID != room.ID {
		t.Errorf("after the start: %d %v", got, rooms)
	}
	if _, needed, err := a.accounts.SetupCode(time.Now()); err != nil || needed {
		t.Errorf("set-up code again: %v, %v", needed, err)
	}
}

func TestStopLeavesNothingRunning(t *testing.T) {
	a, _ := start(t, testSettings(t))
	a.Stop()
	before := runtime.NumGoroutine()
	for range 3 {
		a, _ := start(t, testSettings(t))
		res, err := browser(t, a).Get("https://" + a.at() + "/healthz")
		must(t, err)
		_ = res.Body.Close()
		a.Stop()
	}
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before+3 && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before+3 { // the test's own idle clients
		stacks := make([]byte, 1<<16)
		t.Errorf("%d goroutines, %d before\n%s", n, before, stacks[:runtime.Stack(stacks, true)])
	}
}

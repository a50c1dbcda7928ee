package forwarding

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/audit"
)

// RFC 5424 §6: header, structured data, message.
func TestMessage(t *testing.T) {
	e := audit.Entry{Sequence: 7, Event: audit.Event{Time: time.Date(2026, 3, 1, 12, 0, 0, 123_456_789, time.FixedZone("", 3600)), Actor: `A"]\`, Client: netip.MustParseAddr("2001:db8::1%eth0"),
		Action: audit.LoginRefused, Object: "a\nb", Result: audit.Refused}}
	c := &Collector{Format: JSON, From: "visio.example.org", Version: "1.2.3", Now: time.Now}
	hash := e.Hash.String()
	for _, tt := range []struct {
		from   string
		format Format
		result audit.Result
		want   string
	}{
		{"visio.example.org", JSON, audit.Refused, `<108>1 2026-03-01T11:00:00.123456Z visio.example.org huisclos - login.refused [huisclos@32473 sequence="7" action="login.refused" result="refused" actor="A\"\]\\" client="2001:db8::1" object="a b" hash="` + hash + `" version="1.2.3"] {"seq":7}`},
		{"", JSON, audit.OK, `<109>1 2026-03-01T11:00:00.123456Z - huisclos - login.refused [huisclos@32473 sequence="7" action="login.refused" result="ok" actor="A\"\]\\" client="2001:db8::1" object="a b" hash="` + hash + `" version="1.2.3"] {"seq":7}`},
		{"vi sio\n", CEF, audit.Failed, `<107>1 2026-03-01T11:00:00.123456Z visio huisclos - login.refused - CEF:0|Huis Clos|huisclos|1.2.3|login.refused|login.refused|6|rt=1772362800123 externalId=7 suid=A"]\\ c6a2Label=Source IPv6 Address c6a2=2001:db8::1 act=login.refused outcome=failed duid=a\nb cs2Label=hash cs2=` + hash},
	} {
		c.From, c.Format, e.Result = tt.from, tt.format, tt.result
		if got := string(c.message(e, []byte(`{"seq":7}`))); got != tt.want {
			t.Errorf("\n%s, want\n%s", got, tt.want)
		}
	}
	e.Action = audit.Action(strings.Repeat("a", 32) + "." + strings.Repeat("b", 31))
	if got := string(c.message(e, nil)); !strings.Contains(got, " - "+strings.Repeat("a", 32)+" ") {
		t.Error(got)
	}
	for _, f := range []Format{JSON, CEF} {
		c.Format = f
		if got := string(c.trial()); !regexp.MustCompile(`^<110>1 \S+Z \S+ huisclos - test `).MatchString(got) || !strings.Contains(got, "no entry") {
			t.Error(got)
		}
	}
	if got := string(frame([]byte("é1"))); got != "3 é1" {
		t.Error(got)
	}
}

// A collector that takes everything and answers close_notify has it all in order, and the bytes of each message are those of the chain.
func TestForwards(t *testing.T) {
	ca := newAuthority(t)
	f := newFake(t, &tls.Config{Certificates: []tls.Certificate{*ca.pair(t, serverName, time.Hour)}, MinVersion: tls.VersionTLS13}, func(c *tls.Conn, got chan<- string) {
		_, _ = readAll(c, got, 1<<30)
		_ = c.Close()
	})
	l := newTrail(t)
	l.record(450)
	stop := l.run(ca.at(f.port))
	s := l.until("all confirmed", 15*time.Second, func(s Status) bool { return s.Sequence == 450 })
	if !s.On || s.Waiting != 0 || s.Failing != nil || s.Confirmed.IsZero() || !strings.HasPrefix(s.Address, "127.0.0.1:") {
		t.Errorf("%+v", s)
	}
	l.record(3)
	// The stop has what was sent confirmed.
	for i := 1; i <= 453; i++ {
		select {
		case m := <-f.messages:
			_, line, ok := strings.Cut(m, "] {")
			var e struct{ Seq int }
			if err := json.Unmarshal([]byte("{"+line), &e); !ok || err != nil || e.Seq != i {
				t.Fatalf("message %d: %s", i, m)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("message %d does not come", i)
		}
	}
	stop()
	if s, err := l.Status(); err != nil || s.On {
		t.Errorf("%+v, %v", s, err)
	}
	must(t, l.begin(ca.at(f.port)))
	if l.at.Sequence != 453 {
		t.Errorf("after the stop %d are confirmed", l.at.Sequence)
	}
	// Another collector gets all of it; one of the same address goes on.
	must(t, l.begin(&Collector{Address: "192.0.2.1:6514"}))
	if l.at.Sequence != 0 {
		t.Errorf("another collector begins after entry %d", l.at.Sequence)
	}
	if got := l.actions(); slices.Contains(got, audit.ForwardingFailed) {
		t.Error(got)
	}
}

// What a collector does not confirm by an end in order is sent again.
func TestOnlyConfirmedCounts(t *testing.T) {
	ca := newAuthority(t)
	cfg := &tls.Config{Certificates: []tls.Certificate{*ca.pair(t, serverName, time.Hour)}}
	for name, end := range map[string]func(c *tls.Conn){
		"reset":  func(c *tls.Conn) { _ = c.NetConn().(*net.TCPConn).SetLinger(0); _ = c.NetConn().Close() },
		"silent": func(*tls.Conn) { time.Sleep(5 * time.Second) },
		"gone after its own close_notify": func(c *tls.Conn) {
			_ = c.CloseWrite()
			_ = c.NetConn().(*net.TCPConn).SetLinger(0)
			_ = c.NetConn().Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, cfg, func(c *tls.Conn, got chan<- string) {
				_, _ = readAll(c, got, 1<<30)
				end(c)
			})
			l := newTrail(t)
			l.record(1)
			must(t, l.begin(ca.at(f.port)))
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(300*time.Millisecond, cancel) // so that it closes at once
			var failure *Failure
			if err := l.turn(ctx, ca.at(f.port)); !errors.As(err, &failure) || failure.Step != StepConfirm && failure.Step != StepSend || l.at.Sequence != 0 {
				t.Errorf("%v, confirmed %d", err, l.at.Sequence)
			}
		})
	}
	t.Run("closed in the middle", func(t *testing.T) {
		n := 0
		f := newFake(t, cfg, func(c *tls.Conn, got chan<- string) {
			if n++; n == 1 {
				_, _ = readAll(c, got, 2)
				_ = c.Close()
				return
			}
			_, _ = readAll(c, got, 1<<30)
			_ = c.Close()
		})
		l := newTrail(t)
		l.record(300)
		l.run(ca.at(f.port))
		l.until("all confirmed", 20*time.Second, func(s Status) bool { return s.Sequence >= 300 && s.Failing == nil })
		seen := map[string]int{}
		for len(f.messages) > 0 {
			seen[regexp.MustCompile(`sequence="\d+"`).FindString(<-f.messages)]++
		}
		if len(seen) < 300 || seen[`sequence="1"`] != 2 {
			t.Errorf("%d entries came, the first %d times", len(seen), seen[`sequence="1"`])
		}
		got := l.actions()
		if i := slices.Index(got, audit.ForwardingFailed); i < 0 || slices.Index(got, audit.ForwardingBack) < i {
			t.Errorf("recorded: %v", got[min(len(got), 300):])
		}
	})
}

// Each failure has the name of its step, and is recorded once for a row.
func TestFailures(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	good := *ca.pair(t, serverName, time.Hour)
	take := func(c *tls.Conn, got chan<- string) { _, _ = readAll(c, got, 1<<30); _ = c.Close() }
	server := func(pair tls.Certificate, change func(*tls.Config)) int {
		cfg := &tls.Config{Certificates: []tls.Certificate{pair}}
		if change != nil {
			change(cfg)
		}
		return newFake(t, cfg, take).port
	}
	asks := func(cfg *tls.Config) { cfg.ClientAuth, cfg.ClientCAs = tls.RequireAndVerifyClientCert, ca.Roots() }
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer plain.Close()
	go func() {
		for {
			c, err := plain.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("220 mail.example.org ESMTP\r\n"))
			_ = c.Close()
		}
	}()
	for name, tt := range map[string]struct {
		port int
		own  *tls.Certificate
		want Step
	}{
		"nobody listens":      {freePort(t), nil, StepConnect},
		"not TLS":             {plain.Addr().(*net.TCPAddr).Port, nil, StepTLS},
		"TLS 1.1":             {server(good, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }), nil, StepTLS},
		"another authority":   {server(*other.pair(t, serverName, time.Hour), nil), nil, StepCertificate},
		"another name":        {server(*ca.pair(t, "other.example.org", time.Hour), nil), nil, StepCertificate},
		"expired":             {server(*ca.pair(t, serverName, -time.Minute), nil), nil, StepCertificate},
		"asks for ours":       {server(good, asks), nil, StepOwn},
		"refuses ours":        {server(good, asks), other.pair(t, "visio.example.org", time.Hour), StepOwn},
		"asks in TLS 1.2":     {server(good, func(c *tls.Config) { asks(c); c.MaxVersion = tls.VersionTLS12 }), nil, StepOwn},
		"takes ours":          {server(good, asks), ca.pair(t, "visio.example.org", time.Hour), ""},
		"takes it in TLS 1.2": {server(good, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := ca.at(tt.port)
			c.Certificate = tt.own
			err := c.Check(t.Context())
			var failure *Failure
			if tt.want == "" && err != nil || tt.want != "" && (!errors.As(err, &failure) || failure.Step != tt.want) {
				t.Fatalf("%v, want %q", err, tt.want)
			}
			if tt.want == StepCertificate {
				var certificate *tls.CertificateVerificationError
				if !errors.As(err, &certificate) || certificate.Err == nil {
					t.Error(err)
				}
			}
		})
	}
	for _, s := range []Step{StepConnect, StepTLS, StepCertificate, StepOwn, StepSend, StepConfirm} {
		if fr, en := s.Sentence(); fr == "" || en == "" || fr == en {
			t.Errorf("%s: %q %q", s, fr, en)
		}
	}
	l := newTrail(t)
	l.record(1)
	to := ca.at(freePort(t))
	must(t, l.begin(to))
	for range 3 {
		l.failed(l.turn(t.Context(), to))
	}
	want := []audit.Action{audit.RoomCreated, audit.ForwardingFailed}
	if got := l.actions(); !slices.Equal(got, want) {
		t.Errorf("recorded %v", got)
	}
	s, err := l.Status()
	if must(t, err); s.Failing == nil || s.Failing.Step != StepConnect || s.Failing.Since.IsZero() || !strings.Contains(s.Failing.Detail, "refused") || s.Waiting != 2 {
		t.Errorf("%+v %+v", s, s.Failing)
	}
	// A restart in the middle of a row records it no second time, and knows of it.
	must(t, l.begin(to))
	l.failed(l.turn(t.Context(), to))
	if got := l.actions(); !slices.Equal(got, want) {
		t.Errorf("recorded %v", got)
	}
	if s, err := l.Status(); err != nil || s.Failing == nil {
		t.Errorf("%+v, %v", s, err)
	}
	must(t, l.confirmed(2))
	if got := l.actions(); !slices.Equal(got, append(want, audit.ForwardingBack)) {
		t.Errorf("recorded %v", got)
	}
}

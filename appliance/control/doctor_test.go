package control

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/appliance/config"
	"huisclos/crypto/certtest"
	"huisclos/hardening"
)

func find(t *testing.T, r hardening.Report, name string) hardening.Line {
	t.Helper()
	i := slices.IndexFunc(r, func(l hardening.Line) bool { return l.Name == name })
	if i < 0 {
		t.Fatalf("no line %s in %+v", name, r)
	}
	return r[i]
}

func certificate(t *testing.T, from, to time.Time, names ...string) *x509.Certificate {
	t.Helper()
	return certtest.SelfSigned(t, certtest.For{Names: names, From: from, Until: to}).Leaf
}

func TestCertificateLine(t *testing.T) {
	now := time.Now()
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		from, to time.Time
		own      bool
		state    hardening.State
		says     string
		advice   bool
	}{
		"self-signed":       {now.Add(-day), now.Add(100 * day), false, hardening.OK, "it renews itself", false},
		"expired":           {now.Add(-2 * day), now.Add(-day), true, hardening.Missing, "has expired", false},
		"not yet":           {now.Add(day), now.Add(2 * day), true, hardening.Missing, "begins later", false},
		"soon":              {now.Add(-day), now.Add(10*day + time.Hour), true, hardening.Missing, "in 10 days", false},
		"unknown authority": {now.Add(-day), now.Add(100 * day), true, hardening.Missing, "does not know", true},
	} {
		d := doctor{place: place{Settings: config.Settings{Hostnames: []string{"visio.example"}}}, now: now}
		got := d.certificate([]*x509.Certificate{certificate(t, c.from, c.to, "visio.example")}, !c.own)
		if got.State != c.state || !strings.Contains(got.Detail.EN, c.says) || got.Advice != c.advice {
			t.Errorf("%s: %+v", name, got)
		}
	}
	d := doctor{place: place{Settings: config.Settings{Hostnames: []string{"other.example"}}}, now: now}
	if got := d.certificate([]*x509.Certificate{certificate(t, now.Add(-day), now.Add(100*day), "visio.example")}, false); !strings.Contains(got.Detail.EN, "is not for other.example") {
		t.Errorf("another name: %+v", got)
	}
}

func TestLocalLines(t *testing.T) {
	data := t.TempDir()
	must(t, os.Chmod(data, 0o700))
	d := doctor{place: place{Settings: config.Defaults()}, now: time.Now(), proc: t.TempDir()}
	d.Data = data
	if got := d.data(); got.State != hardening.OK {
		t.Errorf("data: %+v", got)
	}
	must(t, os.Chmod(data, 0o755))
	if got := d.data(); got.State != hardening.Missing || !strings.Contains(got.Detail.EN, "0755") || !strings.Contains(got.Do.EN, "chmod 700 "+data) {
		t.Errorf("open data: %+v", got)
	}
	must(t, os.Chmod(data, 0o700))
	if got := d.pepper(); got.State != hardening.OK || !got.Advice {
		t.Errorf("no pepper beside the database: %+v", got)
	}
	must(t, os.WriteFile(filepath.Join(data, "pepper"), nil, 0o600))
	if got := d.pepper(); got.State != hardening.Missing || !strings.Contains(got.Detail.EN, "beside the database") {
		t.Errorf("a pepper beside the database: %+v", got)
	}
	if got := d.space(); got.State == hardening.Unknown || !strings.Contains(got.Detail.EN, "MiB free") {
		t.Errorf("space: %+v", got)
	}
	d.Data = filepath.Join(data, "none")
	if got := d.data(); got.State != hardening.Missing {
		t.Errorf("no data: %+v", got)
	}
	d.Hostnames = []string{"localhost"}
	if got := d.names(t.Context()); got.State != hardening.OK {
		t.Errorf("localhost: %+v", got)
	}
	d.Hostnames = []string{"name.invalid"} // RFC 6761 §6.4
	if got := d.names(t.Context()); got.State != hardening.Missing {
		t.Errorf("a name that nobody knows: %+v", got)
	}
	if got := d.media(); got.State != hardening.OK || !strings.Contains(got.Detail.EN, "by which they came") || !strings.Contains(got.Do.EN, "public_addresses") {
		t.Errorf("media: %+v", got)
	}
	d.PublicAddresses = []netip.Addr{netip.MustParseAddr("203.0.113.9")}
	if got := d.media(); got.State != hardening.OK || !strings.Contains(got.Detail.EN, "the settings name") {
		t.Errorf("media with addresses: %+v", got)
	}
	d.now = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	if got := find(t, d.clock(), "clock"); got.State != hardening.Missing {
		t.Errorf("1970: %+v", got)
	}
	if got := d.port(t.Context(), Status{Port: closedPort(t)}); len(got) != 1 || got[0].State != hardening.Missing {
		t.Errorf("a closed port: %+v", got)
	}
}

func closedPort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestPortLine(t *testing.T) {
	own := certtest.SelfSigned(t, certtest.For{Names: []string{"localhost"}, Until: time.Now().Add(100 * 24 * time.Hour)})
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{own.TLS}})
	must(t, err)
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, c); _ = c.Close() }()
		}
	}()
	d := doctor{place: place{Settings: config.Settings{Listen: "127.0.0.1:0"}}, now: time.Now()}
	got := d.port(t.Context(), Status{Port: l.Addr().(*net.TCPAddr).Port, SelfSigned: true})
	if find(t, got, "port").State != hardening.OK || find(t, got, "certificate").State != hardening.OK {
		t.Errorf("%+v", got)
	}
}

func TestMergeAndVerdict(t *testing.T) {
	server := hardening.Report{{Name: "a", State: hardening.Unknown}, {Name: "b", State: hardening.Missing}, {Name: "c", State: hardening.Unknown}}
	here := hardening.Report{{Name: "a", State: hardening.OK}, {Name: "b", State: hardening.OK}}
	got := merge(server, here)
	if got[0].State != hardening.OK || got[1].State != hardening.Missing || got[2].State != hardening.Unknown {
		t.Errorf("%+v", got)
	}
	for want, r := range map[bool]hardening.Report{
		true:  {{State: hardening.OK}, {State: hardening.Unknown}, {State: hardening.Missing, Advice: true}},
		false: {{State: hardening.OK}, {State: hardening.Missing}},
	} {
		if inOrder(r) != want {
			t.Errorf("%+v is in order: %v", r, !want)
		}
	}
}

func check(a []string, o, e io.Writer) int { return Check(nil)(context.Background(), a, o, e) }

func TestCheckCommand(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.toml")
	must(t, os.WriteFile(bad, []byte("nonsense = 1\n"), 0o600))
	code, out, errs := command(check, "--config", bad)
	if code != 1 || errs != "" || !strings.Contains(out, "nonsense") || !strings.Contains(out, "the settings do not do") {
		t.Errorf("bad settings: %d\n%s%s", code, out, errs)
	}
	code, out, _ = command(check, "--data", t.TempDir(), "--json")
	var said struct {
		OK    bool
		Lines hardening.Report
	}
	must(t, json.NewDecoder(bytes.NewReader([]byte(out))).Decode(&said))
	if code != 1 || said.OK || find(t, said.Lines, "server").State != hardening.Missing {
		t.Errorf("no server: %d %s", code, out)
	}
	for _, l := range said.Lines {
		for _, s := range []hardening.Text{l.Detail, l.Why, l.Do} {
			if !strings.HasSuffix(s.FR, ".") || !strings.HasSuffix(s.EN, ".") {
				t.Errorf("%s: no sentence: %+v", l.Name, s)
			}
		}
	}
	if code, _, errs := command(check, "--nothing"); code != 2 || !strings.Contains(errs, "huisclos check --help") {
		t.Errorf("usage: %d %s", code, errs)
	}
}

// TestThePackagesSettings: where no place is named, the installed package's is meant.
func TestThePackagesSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "huisclos.toml")
	must(t, os.WriteFile(file, []byte("data = \"state\"\n"), 0o600))
	for want, args := range map[string][]string{filepath.Join(filepath.Dir(file), "state"): nil, "elsewhere": {"--data", "elsewhere"}} {
		if p, err := locate("status", args, file); err != nil || p.Data != want {
			t.Errorf("%q: %s, %v", args, p.Data, err)
		}
	}
	if p, err := locate("status", []string{"--json"}, file); err != nil || !strings.HasSuffix(p.Data, "/state") || !p.json {
		t.Errorf("--json names no place: %+v, %v", p, err)
	}
	if p, err := locate("status", nil, file+".none"); err != nil || p.Data != config.Defaults().Data {
		t.Errorf("no package: %s, %v", p.Data, err)
	}
}

package support

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"huisclos/appliance/config"
	"huisclos/appliance/control"
	"huisclos/hardening"
)

const canary = "canary-7f3a"

// plant puts the canary into every text of the settings, wherever a new one may come.
func plant(v reflect.Value) (n int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(canary)
		return 1
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				n += plant(f)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.String {
			v.Set(reflect.ValueOf([]string{canary}).Convert(v.Type()))
			return 1
		}
	}
	return n
}

func opened(t *testing.T, text []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil || h.Mode != 0o600 {
			t.Fatal(h.Name, h.Mode, err)
		}
		files[strings.TrimPrefix(h.Name, "huisclos-support/")] = string(body)
	}
}

// TestNoSettingGoesInByItself: whatever text a setting holds, today's and tomorrow's, stays out unless it is named in the list of what goes in.
func TestNoSettingGoesInByItself(t *testing.T) {
	// ASVS 14.2.4, 16.2.5
	s := config.Defaults()
	if n := plant(reflect.ValueOf(&s).Elem()); n < 30 {
		t.Fatalf("%d texts planted; the planting is broken", n)
	}
	s.Listen, s.Mail.Security = ":443", "tls"
	s.OIDC.Issuer = "https://reader:" + canary + "@id.example.org/" + canary
	s.From = map[string]string{"listen": "/etc/huisclos/huisclos.toml", "directory.url": "/etc/huisclos/huisclos.toml", "mail.password_file": "/etc/huisclos/huisclos.toml", "oidc.issuer": "x"}
	list, err := gather(Found{Version: "1.2.3", Settings: s, Report: hardening.Report{{Name: "port"}}, Now: time.Unix(1e9, 0), Read: func(name string) ([]byte, error) {
		if name == "/proc/version" {
			return []byte("Linux 6.1\n"), nil
		}
		return nil, fs.ErrNotExist
	}, Status: &control.Status{Fingerprint: canary, Addresses: []string{canary}, Mail: &control.Mail{Detail: canary, Waiting: 3}},
		Running: &Running{Counters: map[string]uint64{"rooms": 4}, Log: []string{"a line\n", "another\n"}}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := write(&b, list, time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	files := opened(t, b.Bytes())
	for name, text := range files {
		if strings.Contains(text, canary) {
			t.Errorf("%s holds what a setting or the status says:\n%s", name, text)
		}
	}
	for name, want := range map[string]string{"settings.json": `"https://id.example.org"`, "machine.txt": "Linux 6.1", "status.json": `"mailWaiting": 3`, "counters.json": `"rooms": 4`, "log.txt": "a line\nanother\n",
		"versions.json": "1.2.3", "check.json": `"port"`} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s does not hold %q:\n%s", name, want, files[name])
		}
	}
	if len(files) != 7 || !strings.Contains(files["settings.json"], "mail.password_file") {
		t.Errorf("%d files", len(files))
	}
}

// TestAsked: nothing is written before a yes, nothing is overwritten, and what can't be written whole is not there.
func TestAsked(t *testing.T) {
	t.Chdir(t.TempDir())
	now := func() time.Time { return time.Unix(1e9, 0) }
	bundle := func(typed string, args ...string) (int, string, string) {
		var o, e bytes.Buffer
		code := run(context.Background(), "1.2.3", nil, append(args, "--data", "none"), strings.NewReader(typed), &o, &e, now)
		return code, o.String(), e.String()
	}
	const name = "huisclos-support-20010909-014640.tar.gz"
	for _, typed := range []string{"", "\n", "no\n", "okay\n"} {
		code, out, errs := bundle(typed)
		if _, err := os.Stat(name); code != control.ExitNotSaid || out != "" || !os.IsNotExist(err) || !strings.Contains(errs, "settings.json") {
			t.Errorf("%q: %d %v %s", typed, code, err, errs)
		}
	}
	code, out, errs := bundle("ok\n")
	info, err := os.Stat(name)
	if code != 0 || err != nil || info.Mode() != 0o600 || !strings.Contains(out, name) || !strings.Contains(errs, "neither its counters nor its log") {
		t.Errorf("%d %v %s %s", code, err, out, errs)
	}
	before, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if files := opened(t, before); len(files) != 4 {
		t.Errorf("without an appliance: %d files", len(files))
	}
	if code, _, errs := bundle("", "--yes"); code != 1 || !strings.Contains(errs, "exists already") {
		t.Errorf("twice: %d %s", code, errs)
	}
	if after, err := os.ReadFile(name); err != nil || !bytes.Equal(before, after) {
		t.Error("the file that was there is changed")
	}
	if code, out, _ := bundle("", "--yes", "--json", "--output", "other"); code != 0 || !strings.Contains(out, `"file":"other"`) {
		t.Errorf("%d %s", code, out)
	}
	if code, _, errs := bundle("", "--yes", "--output", filepath.Join("none", "x")); code != 1 || !strings.Contains(errs, "the file can't be written") {
		t.Errorf("%d %s", code, errs)
	}
}

// TestBrokenSettings: when the settings can't be read is when somebody needs help. What is wrong is said by its place, and no value is
// quoted.
func TestBrokenSettings(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("broken.toml", []byte("data = \"none\"\nlisten = \"secret of somebody\"\nnonsense = \""+canary+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var o, e bytes.Buffer
	code := run(context.Background(), "1.2.3", nil, []string{"--yes", "--output", "x.tar.gz", "--config", "broken.toml"}, strings.NewReader(""), &o, &e, func() time.Time { return time.Unix(1e9, 0) })
	text, err := os.ReadFile("x.tar.gz")
	if code != 0 || err != nil || !strings.Contains(e.String(), "huisclos config check") {
		t.Fatalf("%d %v %s", code, err, e.String())
	}
	files := opened(t, text)
	if !strings.Contains(files["check.json"], "broken.toml:") || !strings.Contains(files["versions.json"], "1.2.3") {
		t.Errorf("%s", files["check.json"])
	}
	for name, text := range files {
		if strings.Contains(text, canary) || strings.Contains(text, "secret of somebody") {
			t.Errorf("%s quotes a value:\n%s", name, text)
		}
	}
}

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

func committed(t *testing.T) lock {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, lockFile))
	if err != nil {
		t.Fatal(err)
	}
	l, err := parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLockfile(t *testing.T) {
	l := committed(t)
	for _, p := range problems(l) {
		t.Error(p)
	}
	want, err := os.ReadFile(filepath.Join(root, listFile))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, list(l)) {
		t.Errorf("%s is not what the lockfile says: if the change is meant, go run ./hardening/static", listFile)
	}
	if n := bytes.Count(want, []byte("\n")); n < 100 {
		t.Errorf("%d packages; the list is broken", n)
	}
}

// Each fault of a lockfile is seen.
func TestFaultsAreSeen(t *testing.T) {
	const fine = "sha512-6oYBAi5ikg4Pl+kGsoYtawUMBT2zZMCvPNF7pVLnHZfd1zf38DRiWn/gT01RYCdUqkv7Fhr+C9ot4/tb+2sVvA=="
	for name, tt := range map[string]struct {
		at   string
		e    entry
		want string
	}{
		"another host": {"node_modules/a", entry{Version: "1.0.0", Integrity: fine, Resolved: "https://evil.example/a.tgz"}, "comes from"},
		"a repository": {"node_modules/a", entry{Version: "1.0.0", Integrity: fine, Resolved: "git+ssh://git@evil.example/a"}, "comes from"},
		"no sum":       {"node_modules/a", entry{Version: "1.0.0"}, "has the integrity"},
		"SHA-1":        {"node_modules/a", entry{Version: "1.0.0", Integrity: "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="}, "has the integrity"},
		"a short sum":  {"node_modules/a", entry{Version: "1.0.0", Integrity: "sha512-AAAA"}, "has the integrity"},
		"no version":   {"node_modules/a", entry{Integrity: fine}, "has no version"},
		"a script":     {"node_modules/a", entry{Version: "1.0.0", Integrity: fine, HasInstallScript: true}, "runs a script"},
		"a link out":   {"node_modules/a", entry{Link: true, Resolved: "../elsewhere"}, "is not ours"},
		"not ours":     {"ui-kit", entry{Resolved: "https://evil.example"}, "comes from elsewhere"},
	} {
		l := committed(t)
		l.Packages[tt.at] = tt.e
		if got := strings.Join(problems(l), "\n"); !strings.Contains(got, tt.want) || strings.Count(got, "\n") > 1 {
			t.Errorf("%s: %q", name, got)
		}
	}
	l := committed(t)
	e := l.Packages["node_modules/esbuild"]
	e.HasInstallScript = false
	l.Packages["node_modules/esbuild"] = e
	if got := problems(l); len(got) != 1 || !strings.Contains(got[0], "has none") {
		t.Errorf("an allowance for nothing: %q", got)
	}
	want, have := committed(t), committed(t)
	if got := differs(want, have); len(got) != 0 {
		t.Errorf("the same: %q", got)
	}
	e.Version = "0.0.1"
	have.Packages["node_modules/esbuild"], have.Packages["node_modules/stranger"] = e, entry{Version: "1.0.0"}
	if got := differs(want, have); len(got) != 2 {
		t.Errorf("another version and a stranger: %q", got)
	}
	if bytes.Equal(list(want), list(have)) {
		t.Error("the list does not tell versions apart")
	}
}

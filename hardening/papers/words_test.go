package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var italic = regexp.MustCompile(`(^|[^*])\*([^*\n]+)\*([^*]|$)`)

// The guides quote the screen in italics: each quotation stands in the clients' own words.
func TestGuidesSpeakTheScreensWords(t *testing.T) {
	var words strings.Builder
	var files []string
	for _, where := range []string{"/*-ui/src/words/*.ts", "/ui-kit/src/words.ts", "/ui-kit/src/*/*words.ts"} {
		found, _ := filepath.Glob(root + where)
		files = append(files, found...)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		words.Write(b)
	}
	plain := func(s string) string { return strings.NewReplacer("’", "'", "\u00a0", " ", "\u202f", " ").Replace(s) }
	screen := plain(words.String())
	for guide, not := range map[string][]string{
		"user-guide.md": {"italics"}, "user-guide.fr.md": {"italique"}, "admin-guide.md": {"italics", "and"}, "admin-guide.fr.md": {"italique", "et"},
	} {
		page, err := os.ReadFile(filepath.Join(root, "hardening/docs", guide))
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, m := range italic.FindAllStringSubmatch(string(page), -1) {
			quoted := strings.TrimSuffix(m[2], "…")
			seen++
			found := strings.Contains(screen, `"`+plain(quoted)) || strings.Contains(screen, "`"+plain(quoted)+"`")
			for _, w := range not {
				found = found || quoted == w
			}
			if !found {
				t.Errorf("%s quotes %q, which no screen says", guide, quoted)
			}
		}
		if seen < 15 {
			t.Errorf("%s: only %d quotations were found", guide, seen)
		}
	}
}

var (
	namedTest = regexp.MustCompile("`(?:([a-z0-9/-]+)/)?((?:Test|Fuzz)[A-Z]\\w*)`")
	namedFile = regexp.MustCompile("`((?:accounts|admin-ui|appliance|audit|client|crypto|docs|hardening|journeys|media|meeting-ui|meetings|packaging|store)/[\\w./-]+)`")
)

// Each test and each file that a paper names is there.
func TestPapersNameWhatIsThere(t *testing.T) {
	all := map[string]bool{}
	err := filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "node_modules" || d.Name() == "build" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		b, err := os.ReadFile(name)
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(string(b), -1) {
			all[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	papers, _ := filepath.Glob(root + "/hardening/docs/*.md")
	named := 0
	for _, p := range papers {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range namedTest.FindAllStringSubmatch(string(b), -1) {
			named++
			if m[1] == "" && !all[m[2]] || m[1] != "" && !exists(m[1]+"/"+m[2]) {
				t.Errorf("%s names the test %s, which is not there", filepath.Base(p), m[0])
			}
		}
		for _, m := range namedFile.FindAllStringSubmatch(string(b), -1) {
			if strings.Contains(m[1], "/Test") || strings.Contains(m[1], "/Fuzz") || slices.Contains([]string{"crypto/hpke", "crypto/rand", "crypto/tls"}, m[1]) { // Go's own
				continue
			}
			named++
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s names the file %s, which is not there", filepath.Base(p), m[1])
			}
		}
	}
	if named < 100 {
		t.Errorf("only %d names were found", named)
	}
}

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The script answers in both languages, one line for each recommendation of the paper, in the same order.
func TestCheckHost(t *testing.T) {
	for lang, want := range map[string]struct{ paper, words string }{
		"en_GB.UTF-8": {"os-hardening.md", `ok|missing`},
		"fr_FR.UTF-8": {"os-hardening.fr.md", `ok|manque`},
	} {
		c := exec.Command("bash", filepath.Join(root, "packaging/check-host.sh"))
		c.Env = []string{"PATH=" + os.Getenv("PATH"), "LANG=" + lang}
		var exit *exec.ExitError
		out, err := c.Output()
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1 || len(exit.Stderr) > 0) {
			t.Fatalf("%s: %v", lang, err)
		}
		paper, err := os.ReadFile(filepath.Join(root, "hardening/docs", want.paper))
		if err != nil {
			t.Fatal(err)
		}
		rows := regexp.MustCompile(`(?m)^\| (H\d+) \|`).FindAllStringSubmatch(string(paper), -1)
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if len(lines) != len(rows) {
			t.Fatalf("%s: %d lines, %d recommendations", lang, len(lines), len(rows))
		}
		for i, line := range lines {
			if !regexp.MustCompile(`^(` + want.words + `) +` + rows[i][1] + ` \S`).MatchString(line) {
				t.Errorf("%s: %q", lang, line)
			}
		}
	}
}

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func ran(args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = run(args, &o, &e)
	return code, o.String(), e.String()
}

// values are those with which an option of each kind is tried.
var values = map[string]string{"ADDR": "127.0.0.1:0", "PORT": "0", "NAME": "a.example.org", "IP": "192.0.2.1", "HOST[:PORT]": "a.example.org", "TIME": "5s", "HEX": strings.Repeat("ab", 32),
	"LINES": "10", "DIR": "none", "FILE": "none", "KEY": "none", "ENTRY": "1:x", "DATE": "2026-11-29", "N": "1"}

// TestTable: each command is explained in both languages, has a script that runs it, explains itself when it is asked, takes the options that
// its line names, and refuses another.
func TestTable(t *testing.T) {
	// ASVS 2.2.1
	scripts := map[string]string{}
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		scripts[strings.TrimSuffix(filepath.Base(name), ".txtar")] = string(text)
	}
	t.Chdir(t.TempDir()) // a relative path of an option leads nowhere
	seen := map[string]bool{}
	for _, c := range table().Commands() {
		t.Run(c.Path, func(t *testing.T) {
			for _, path := range append([]string{c.Path}, c.Also...) {
				if seen[path] {
					t.Errorf("%q stands in the table twice", path)
				}
				seen[path] = true
			}
			for _, line := range []string{c.Does.FR, c.Does.EN} {
				if line == "" || unicode.IsUpper([]rune(line)[0]) || strings.HasSuffix(line, ".") || strings.Contains(line, "\n") {
					t.Errorf("%q is no line without capital and full stop", line)
				}
			}
			if (c.More.FR == "") != (c.More.EN == "") || strings.Count(c.More.FR, "\n") != strings.Count(c.More.EN, "\n") {
				t.Error("the longer text is not the same in both languages")
			}
			script := scripts[strings.ReplaceAll(c.Path, " ", "-")]
			if !regexp.MustCompile(`(?m)^(! )?(exec|attempt) huisclos ` + c.Path + `\b`).MatchString(script) {
				t.Errorf("no script testdata/script/%s.txtar runs it", strings.ReplaceAll(c.Path, " ", "-"))
			}
			words := strings.Fields(c.Path)
			for _, flag := range []string{"--help", "-h"} {
				code, out, errs := ran(append(slices.Clone(words), flag)...)
				if code != 0 || errs != "" || !strings.HasPrefix(out, "huisclos "+c.Path) {
					t.Errorf("%s: %d %q %q", flag, code, out, errs)
				}
				for _, o := range c.All() {
					if !strings.Contains(out, "--"+o.Name) || o.Does.FR == "" || o.Does.EN == "" {
						t.Errorf("%s does not explain --%s", flag, o.Name)
					}
				}
			}
			args := slices.Clone(words)
			for _, o := range c.All() {
				value, known := values[o.Value]
				if len(o.Choices) > 0 {
					value, known = o.Choices[0], true
				}
				switch {
				case c.Path == "help": // its option is all that it is asked for
				case o.Value == "":
					args = append(args, "--"+o.Name)
				case known:
					args = append(args, "--"+o.Name, value)
				default:
					t.Errorf("no value of %s is known to try --%s with", o.Value, o.Name)
				}
			}
			code, out, errs := ran(append(args, "--no-such-option")...)
			if code != 2 || out != "" || !strings.Contains(errs, "huisclos : ") || !strings.Contains(errs, "huisclos: ") {
				t.Errorf("%q: %d %q %q", args, code, out, errs)
			}
			if len(c.All()) > 0 && c.Path != "help" && !strings.Contains(errs, "no-such-option") {
				t.Errorf("an option of its own line is not taken: %s", errs)
			}
		})
	}
}

func TestGroups(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		out  []string // of both outputs
	}{
		{nil, 2, []string{"setup-code", "huisclos COMMANDE / COMMAND --help"}},
		{[]string{"account"}, 2, []string{"il manque un mot", "a word is missing", "account export"}},
		{[]string{"account", "--help"}, 0, []string{"account export"}},
		{[]string{"help", "account"}, 0, []string{"account export"}},
		{[]string{"account", "dance"}, 2, []string{"la commande « account dance » n'existe pas", "there is no command “account dance”", "huisclos account --help"}},
		{[]string{"help", "account", "export"}, 0, []string{"huisclos account export E-MAIL", "RGPD"}},
		{[]string{"help", "dance"}, 2, []string{"there is no command “dance”"}},
		{[]string{"help", "--as"}, 2, []string{"huisclos help --help"}},
		{[]string{"help", "--as", "pdf"}, 2, []string{"huisclos help --help"}},
		{[]string{"check", "--help"}, 0, []string{"huisclos check [options]", "check directory"}},
		{[]string{"--version"}, 0, []string{"huisclos "}},
		{[]string{"reset-admin"}, 2, []string{"huisclos admin reset --help"}},
	} {
		code, out, errs := ran(c.args...)
		if code != c.code || (code == 0) != (errs == "") {
			t.Errorf("%q: %d %q", c.args, code, errs)
		}
		for _, want := range c.out {
			if !strings.Contains(out+errs, want) {
				t.Errorf("%q: no %q in\n%s%s", c.args, want, out, errs)
			}
		}
	}
}

// TestManual: the pages have a place for the commands, name each, and are roff that groff understands.
func TestManual(t *testing.T) {
	for page, form := range map[string]string{"huisclos.8": "man", "huisclos.fr.8": "man.fr"} {
		text, err := os.ReadFile("packaging/man/" + page)
		if err != nil {
			t.Fatal(err)
		}
		before, after, ok := strings.Cut(string(text), "\n@COMMANDS@\n")
		code, commands, errs := ran("help", "--as", form)
		if !ok || code != 0 || errs != "" {
			t.Fatalf("%s: %v %d %s", page, ok, code, errs)
		}
		for _, c := range table().Commands() {
			if !strings.Contains(commands, `\fB`+strings.ReplaceAll(c.Path, "-", `\-`)+`\fR`) {
				t.Errorf("%s says nothing of %s", page, c.Path)
			}
		}
		if _, err := exec.LookPath("groff"); err != nil {
			t.Skip("groff is not installed")
		}
		render := exec.Command("groff", "-man", "-Kutf8", "-Tutf8", "-ww", "-z")
		render.Stdin = strings.NewReader(before + "\n" + commands + after)
		if said, err := render.CombinedOutput(); err != nil || len(said) > 0 {
			t.Errorf("%s: %v\n%s", page, err, said)
		}
	}
}

// TestCompletion asks a real bash.
func TestCompletion(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	dir := t.TempDir()
	_, script, _ := ran("help", "--as", "bash")
	for name, text := range map[string]string{"huisclos": script, "film.ivf": "", "word": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		line  string // its last word is completed
		want  []string
		never string
	}{
		{"huisclos ", []string{"serve", "check", "account", "call", "help"}, "reset-admin"},
		{"huisclos acc", []string{"account"}, "check"},
		{"huisclos check ", []string{"call", "network", "mail", "directory", "oidc"}, "check"},
		{"huisclos check d", []string{"directory"}, "mail"},
		{"huisclos check call --", []string{"--at", "--for", "--config", "--json", "--help"}, "--play"},
		{"huisclos call join --transport ", []string{"udp", "tcp"}, "film.ivf"},
		{"huisclos call join --transport = t", []string{"tcp"}, "udp"}, // as bash parts --transport=t
		{"huisclos serve --log-level w", []string{"warn"}, "word"},
		{"huisclos call join --play f", []string{"film.ivf", "folder"}, "word"},
		{"huisclos call join --play film.ivf --record f", []string{"folder"}, "film.ivf"},
		{"huisclos status --json --c", []string{"--config", "--control"}, "--json"},
		{"huisclos help --as m", []string{"man", "man.fr"}, "bash"},
		{"huisclos dance ", nil, "serve"},
	} {
		words := strings.Split(c.line, " ")
		cmd := exec.Command(bash, append([]string{"--norc", "-c", `source ./huisclos; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _huisclos; printf '%s\n' "${COMPREPLY[@]}"`, "bash"}, words...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		got := strings.Fields(string(out))
		if err != nil || slices.Contains(got, c.never) || c.want == nil && len(got) > 0 {
			t.Errorf("%q: %v %q", c.line, err, got)
		}
		for _, w := range c.want {
			if !slices.Contains(got, w) {
				t.Errorf("%q: no %q in %q", c.line, w, got)
			}
		}
	}
}

package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
)

// TestActsOfOtherParts: a question's body comes in, a result, a refusal or a fault goes out.
func TestActsOfOtherParts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := Listen(path)
	must(t, err)
	log, done := &bytes.Buffer{}, make(chan struct{})
	acts := Acts{Other: map[string]Act{
		"double": func(body json.RawMessage) (any, error) {
			var n int
			if err := json.Unmarshal(body, &n); err != nil {
				return nil, &Refusal{Code: "number", FR: "Donnez un nombre.", EN: "Give a number."}
			}
			return 2 * n, nil
		},
		"nobody": func(json.RawMessage) (any, error) {
			return nil, Unknown("nobody", "Personne de ce nom.", "Nobody of this name.")
		},
		"broken": func(json.RawMessage) (any, error) { return nil, errors.New("disk full") },
		"large":  func(json.RawMessage) (any, error) { return strings.Repeat("x", maxAnswer), nil },
	}}
	go func() { Serve(l, acts, slog.New(slog.NewTextHandler(log, nil))); close(done) }()
	ask := func(act string, body any, json bool) (got int, code int, errs string) {
		var e bytes.Buffer
		args := []string{"--control", path}
		if json {
			args = append(args, "--json")
		}
		line, _ := Read("some act", args, &e, 0, 0, nil)
		if err := line.Ask(act, body, &got); err != nil {
			code = line.Fail(err)
		}
		return got, code, e.String()
	}
	if got, code, errs := ask("double", 21, false); got != 42 || code != 0 || errs != "" {
		t.Errorf("%d %d %s", got, code, errs)
	}
	if _, code, errs := ask("double", "x", false); code != 1 || errs != "huisclos : Donnez un nombre.\nhuisclos: Give a number.\n" {
		t.Errorf("refused: %d %s", code, errs)
	}
	if _, code, errs := ask("double", "x", true); code != 1 || errs != `{"error":{"code":"number","fr":"Donnez un nombre.","en":"Give a number."}}`+"\n" {
		t.Errorf("refused, as JSON: %d %s", code, errs)
	}
	if _, code, errs := ask("nobody", nil, false); code != ExitUnknown || !strings.Contains(errs, "Nobody") {
		t.Errorf("unknown: %d %s", code, errs)
	}
	if log.Len() != 0 {
		t.Errorf("a refusal is no fault: %s", log)
	}
	if _, code, errs := ask("broken", nil, false); code != 1 || !strings.Contains(errs, "disk full") {
		t.Errorf("broken: %d %s", code, errs)
	}
	if _, code, errs := ask("large", nil, false); code != 1 || !strings.Contains(errs, "l'appliance n'a pas répondu comme attendu") {
		t.Errorf("too large: %d %s", code, errs)
	}
	if _, code, errs := ask("dance", nil, false); code != 1 || !strings.Contains(errs, "different versions") {
		t.Errorf("not there: %d %s", code, errs)
	}
	must(t, l.Close())
	<-done
	if !strings.Contains(log.String(), "act=broken") {
		t.Errorf("the fault stands in no log: %s", log)
	}
}

func TestLinesThatAreRead(t *testing.T) {
	for _, c := range []struct {
		args     []string
		operands string
		flag     string
		code     int
	}{
		{[]string{"a", "--word", "w", "b", "--data", "d"}, "a b", "w", 0},
		{[]string{"a", "--", "--word"}, "a --word", "", 0},
		{[]string{"--word=w", "a"}, "a", "w", 0},
		{nil, "", "", 2},
		{[]string{"a", "b", "c"}, "", "", 2},
		{[]string{"a", "--nothing"}, "", "", 2},
		{[]string{"a", "--word"}, "", "", 2},
		{[]string{"a", "--config", "none"}, "", "", 2},
	} {
		var e bytes.Buffer
		word := ""
		line, code := Read("some act", c.args, &e, 1, 2, func(f *flag.FlagSet) { f.StringVar(&word, "word", "", "") })
		if code != c.code || (line == nil) != (code != 0) || (e.Len() > 0) != (code != 0) {
			t.Errorf("%q: %d %s", c.args, code, &e)
		}
		if line != nil && (strings.Join(line.Operands, " ") != c.operands || word != c.flag) {
			t.Errorf("%q: %q, %q", c.args, line.Operands, word)
		}
	}
}

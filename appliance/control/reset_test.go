package control

import (
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

func TestResetCommand(t *testing.T) {
	data := t.TempDir()
	log := (&fake{}).serve(t, filepath.Join(data, "control.sock"))
	reset := func(a []string, o, e io.Writer) int { return ResetAdministrator(context.Background(), a, o, e) }
	code, out, errs := command(reset, "ada@example.org", "--data", data)
	if code != 0 || errs != "" || !strings.Contains(out, "https://a.example/activate#TOKEN\n") || !strings.Contains(out, "Ada <ada@example.org> (administrator)") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	_, out, _ = command(reset, "ada@example.org", "--data", data, "--json")
	var a answer
	must(t, json.Unmarshal([]byte(out), &a))
	if a.Reset == nil || a.Reset.Token != "TOKEN" {
		t.Errorf("as JSON: %s", out)
	}
	if code, out, errs := command(reset, "nobody@example.org", "--data", data); code != 1 || out != "" || !strings.Contains(errs, "rien n'a changé") ||
		!strings.Contains(errs, "nothing was changed") {
		t.Errorf("nobody: %d %s %s", code, out, errs)
	}
	if log.Len() != 0 {
		t.Errorf("a wrong address is the operator's affair, and no fault: %s", log)
	}
	if code, out, errs := command(reset, "broken", "--data", data); code != 1 || out != "" || !strings.Contains(errs, "disk full") {
		t.Errorf("broken: %d %s %s", code, out, errs)
	}
	for _, args := range [][]string{nil, {"--data", data}, {"ada@example.org", "another@example.org"}, {"ada@example.org", "--nothing"}} {
		if code, out, errs := command(reset, args...); code != 2 || out != "" || !strings.Contains(errs, "huisclos admin reset --help") {
			t.Errorf("%q: %d %s %s", args, code, out, errs)
		}
	}
}

package control

import (
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

func TestExportCommand(t *testing.T) {
	data := t.TempDir()
	log := (&fake{}).serve(t, filepath.Join(data, "control.sock"))
	export := func(a []string, o, e io.Writer) int { return ExportAccount(context.Background(), a, o, e) }
	code, out, errs := command(export, "ada@example.org", "--data", data)
	var e struct{ Schema, Big string }
	if code != 0 || errs != "" || json.Unmarshal([]byte(out), &e) != nil || e.Schema != "huisclos.account-export.1" || len(e.Big) != 2<<20 {
		t.Errorf("%d %d octets %s", code, len(out), errs)
	}
	if code, out, errs := command(export, "nobody@example.org", "--data", data); code != 1 || out != "" || !strings.Contains(errs, "aucun compte n'a cette adresse") ||
		!strings.Contains(errs, "no account has this address") {
		t.Errorf("nobody: %d %s %s", code, out, errs)
	}
	if log.Len() != 0 {
		t.Errorf("a wrong address is the operator's affair, and no fault: %s", log)
	}
	for _, args := range [][]string{nil, {"--data", data}, {"a@example.org", "b@example.org"}, {"a@example.org", "--nothing"}} {
		if code, out, errs := command(export, args...); code != 2 || out != "" || !strings.Contains(errs, "huisclos account export --help") {
			t.Errorf("%q: %d %s %s", args, code, out, errs)
		}
	}
}

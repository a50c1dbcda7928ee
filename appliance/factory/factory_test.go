package factory

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/control"
	"huisclos/audit"
	"huisclos/meetings"
	"huisclos/store"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func seven(*store.Tx) int { return 7 }

// data is a data directory with a database in which there is one room.
func data(t *testing.T) (dir string, db *store.DB) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{"pepper": "secret", "tls/key.pem": "key", "added-later/deep/file": "x", "database-version": "15"} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	db, err := store.Open(filepath.Join(dir, "huisclos.db"), store.Options{})
	must(t, err)
	must(t, db.Migrate([]store.Migration{{Version: 1, Name: "audit", Run: audit.CreateAll}, {Version: 2, Name: "nothing", Run: func(*store.Tx) error { return nil }}, {Version: 3, Name: "rooms", Run: meetings.CreateBuckets}}))
	_, err = meetings.NewRooms(db, audit.New(db), rand.Reader).Create(accounts.Actor{Account: accounts.ID{1}}, "Bureau", time.Unix(1e9, 0))
	must(t, err)
	return dir, db
}

func names(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	must(t, err)
	var out []string
	for _, d := range list {
		out = append(out, d.Name())
	}
	return strings.Join(out, " ")
}

func cleared(typed, dir string, args ...string) (int, string, string) {
	var o, e bytes.Buffer
	code := run(append(args, "--data", dir), "visio", seven, strings.NewReader(typed), &o, &e)
	return code, o.String(), e.String()
}

func TestReset(t *testing.T) {
	dir, db := data(t)
	all := names(t, dir)
	// An appliance that runs on it, whatever was typed.
	if code, out, errs := cleared("visio\n", dir, "--yes-delete-everything"); code != 1 || out != "" || !strings.Contains(errs, "systemctl stop huisclos.socket") || names(t, dir) != all {
		t.Errorf("in use: %d %s; %s", code, errs, names(t, dir))
	}
	must(t, db.Close())
	for _, typed := range []string{"", "\n", "yes\n", "Visio\n"} {
		code, out, errs := cleared(typed, dir)
		if code != control.ExitNotSaid || out != "" || names(t, dir) != all {
			t.Errorf("%q: %d; %s", typed, code, names(t, dir))
		}
		for _, want := range []string{"7 compte(s), 1 salle(s)", "7 account(s), 1 room(s)", "its 1 entries", "added-later", "Type “visio”"} {
			if !strings.Contains(errs, want) {
				t.Errorf("no %q in %s", want, errs)
			}
		}
	}
	code, out, _ := cleared("visio\n", dir)
	if code != 0 || names(t, dir) != "database-version" || !strings.Contains(out, "What remains to be done") || !strings.Contains(out, "Ce qui reste à faire") {
		t.Errorf("%d; %s\n%s", code, names(t, dir), out)
	}
	if code, _, errs := cleared("", dir, "--yes-delete-everything"); code != control.ExitUnknown || !strings.Contains(errs, "no appliance's") {
		t.Errorf("twice: %d %s", code, errs)
	}
}

// TestResetOfWhatIsBroken: a database that can't be read is no reason to keep it.
func TestResetOfWhatIsBroken(t *testing.T) {
	dir, db := data(t)
	must(t, db.Close())
	must(t, os.WriteFile(filepath.Join(dir, "huisclos.db"), []byte("nonsense"), 0o600))
	code, out, errs := cleared("", dir, "--yes-delete-everything", "--json")
	if code != 0 || names(t, dir) != "database-version" || !strings.Contains(out, `"name":"pepper"`) || strings.Contains(out, "accounts") {
		t.Errorf("%d %s %s; %s", code, out, errs, names(t, dir))
	}
}

// TestOthersDirectories: what isn't an appliance's stays.
func TestOthersDirectories(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "thesis.txt"), []byte("x"), 0o600))
	must(t, os.Mkdir(filepath.Join(dir, "pepper"), 0o700))
	for _, d := range []string{dir, "/", filepath.Join(dir, "none")} {
		if code, out, errs := cleared("", d, "--yes-delete-everything"); code != control.ExitUnknown || out != "" || !strings.Contains(errs, "nothing was changed") {
			t.Errorf("%s: %d %s", d, code, errs)
		}
	}
	if got := names(t, dir); got != "pepper thesis.txt" {
		t.Error(got)
	}
}

// TestOrder: what opens the rest goes first and the database last, and links are not followed.
func TestOrder(t *testing.T) {
	dir, db := data(t)
	must(t, db.Close())
	elsewhere := filepath.Join(t.TempDir(), "kept")
	must(t, os.WriteFile(elsewhere, []byte("x"), 0o600))
	must(t, os.Symlink(filepath.Dir(elsewhere), filepath.Join(dir, "zlink")))
	list, err := content(dir)
	must(t, err)
	if list[0].Name != "pepper" || list[len(list)-1].Name != "huisclos.db" {
		t.Errorf("%+v", list)
	}
	if code, _, errs := cleared("", dir, "--yes-delete-everything"); code != 0 {
		t.Error(errs)
	}
	if _, err := os.Stat(elsewhere); err != nil {
		t.Error("a link was followed")
	}
}

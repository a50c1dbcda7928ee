package web

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
)

// noBackups is an appliance without a key for its backups, and without any.
type noBackups struct{}

func (noBackups) View(time.Time) (BackupsView, error) { return BackupsView{}, nil }
func (noBackups) Begin(string, netip.Addr) error      { return ErrNoRecipient }
func (noBackups) Take(string, string, netip.Addr, time.Time) (*os.File, error) {
	return nil, fmt.Errorf("none: %w", fs.ErrNotExist)
}

func (noBackups) Compare(string, string, netip.Addr, time.Time) (BackupCompared, error) {
	return BackupCompared{}, fmt.Errorf("none: %w", fs.ErrNotExist)
}

// oneBackup has one file.
type oneBackup struct {
	noBackups
	folder          string
	runs            bool
	taken, compared []string
}

const oneName = "huisclos-20260105T090000Z.backup"

func (o *oneBackup) Begin(string, netip.Addr) error {
	if o.runs {
		return ErrBackupRuns
	}
	o.runs = true
	return nil
}

func (o *oneBackup) Take(name, by string, _ netip.Addr, _ time.Time) (*os.File, error) {
	if name != oneName {
		return nil, fs.ErrNotExist
	}
	o.taken = append(o.taken, by)
	return os.Open(filepath.Join(o.folder, name))
}

func (o *oneBackup) Compare(name, by string, _ netip.Addr, _ time.Time) (BackupCompared, error) {
	if name != oneName {
		return BackupCompared{}, fs.ErrNotExist
	}
	o.compared = append(o.compared, by)
	return BackupCompared{Name: name, Size: 6, Sum: "ab", Recorded: "ab", Result: "same"}, nil
}

// TestCompareBackup: whoever administers has a file compared, and nothing but a backup is read.
func TestCompareBackup(t *testing.T) {
	h := newHouse(t)
	one := &oneBackup{}
	h.server.Backups = one
	b := h.asAdministrator()
	a := b.do("POST", "/api/admin/backups/"+oneName+"/compare", nothing)
	expect(t, "compare", a, http.StatusOK, "")
	if !strings.Contains(string(a.body), `"result":"same"`) || len(one.compared) != 1 || one.compared[0] == "" {
		t.Errorf("%s, compared for %v", a.body, one.compared)
	}
	for _, name := range []string{"..%2f" + oneName, "pepper", oneName + "x"} {
		expect(t, name, b.do("POST", "/api/admin/backups/"+name+"/compare", nothing), http.StatusNotFound, "")
	}
}

// TestTakeBackup: the file is handed out as it is, to an administrator who has just proved who they are.
func TestTakeBackup(t *testing.T) {
	// ASVS 7.5.3
	h := newHouse(t)
	text := strings.Repeat("sealed", 100_000)
	one := &oneBackup{folder: t.TempDir()}
	must(t, os.WriteFile(filepath.Join(one.folder, oneName), []byte(text), 0o600))
	h.server.Backups = one
	b := h.asAdministrator()
	a := b.do("GET", "/api/admin/backups/"+oneName, nil)
	expect(t, "download", a, http.StatusOK, "")
	if string(a.body) != text || a.header.Get("Content-Disposition") != `attachment; filename="`+oneName+`"` || a.header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("%d octets, %v", len(a.body), a.header)
	}
	for _, name := range []string{"..%2f" + oneName, "pepper", oneName + "x"} {
		if a := b.do("GET", "/api/admin/backups/"+name, nil); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	expect(t, "begin", b.do("POST", "/api/admin/backups", nothing), http.StatusAccepted, "")
	expect(t, "again", b.do("POST", "/api/admin/backups", nothing), http.StatusConflict, "backup-runs")
	h.advance(accounts.ProofLifetime)
	expect(t, "without a recent proof", b.do("GET", "/api/admin/backups/"+oneName, nil), http.StatusForbidden, "proofNeeded")
	if len(one.taken) != 1 {
		t.Errorf("taken %d times", len(one.taken))
	}
}

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

func (noBackups) View(time.Time) (BackupsView, error)  { return BackupsView{}, nil }
func (noBackups) Begin(string, netip.Addr) error       { return ErrNoRecipient }
func (noBackups) Take(string, string, netip.Addr, time.Time) (*os.File, error) {
	return nil, fmt.Errorf("none: %w", fs.ErrNotExist)
}

// oneBackup has one file.
type oneBackup struct {
	noBackups
	folder string
	runs   bool
	taken  []string
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

// TestTakeBackup: the file is handed out as it is, to an administrator who has just proved who they are.
func TestTakeBackup(t *testing.T) {
	// ASVS 7.5.3
	h := newHouse(t)
	text := strings.Repeat("sealed", 100_000)
	one := &oneBackup{folder: t.TempDir()}
	must(t, os.WriteFile(filepath.Join(one.folder, oneName), []byte(text), 0o600))
	h.server.Backups = one
	b := h.asAdministrator()
	a := b.get("/api/admin/backups/" + oneName)
	if a.status != http.StatusOK || a.body != text || a.header.Get("Content-Disposition") != `attachment; filename="`+oneName+`"` || a.header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("%d, %d octets, %v", a.status, len(a.body), a.header)
	}
	for _, name := range []string{"..%2f" + oneName, "pepper", oneName + "x"} {
		if a := b.get("/api/admin/backups/" + name); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	h.now = h.now.Add(accounts.ProofLifetime)
	if a := b.get("/api/admin/backups/" + oneName); a.status != http.StatusForbidden || a.code() != "proofNeeded" {
		t.Errorf("without a recent proof: %d %s", a.status, a.body)
	}
	if len(one.taken) != 1 {
		t.Errorf("taken %d times", len(one.taken))
	}
	for _, want := range []int{http.StatusAccepted, http.StatusConflict} {
		if a := b.post("/api/admin/backups", map[string]any{}); a.status != want {
			t.Errorf("begin: %d, want %d", a.status, want)
		}
	}
}

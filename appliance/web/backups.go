package web

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"time"

	"huisclos/accounts"
)

// BackupsView is what the console shows of backups.
type BackupsView struct {
	On      bool         `json:"on"`      // one is made by itself
	Running bool         `json:"running"` // one is being made now
	Written int64        `json:"written"` // octets of that one so far, or of the last one that was made
	Whole   int64        `json:"whole"`   // octets of the database, which are most of a backup
	Good    *time.Time   `json:"good,omitempty"`
	Size    int64        `json:"size,omitempty"`
	Next    *time.Time   `json:"next,omitempty"`
	Copied  *time.Time   `json:"copied,omitempty"` // the last one that the target has
	Failed  *time.Time   `json:"failed,omitempty"` // newer than the last good one, or than the last copy
	Reason  string       `json:"reason,omitempty"`
	Detail  string       `json:"detail,omitempty"`
	Folder  string       `json:"folder"`
	Target  string       `json:"target"`
	Host    string       `json:"host,omitempty"` // of the target
	Keys    []string     `json:"keys"`           // ids of the public keys
	Backups []BackupFile `json:"backups"`        // in the folder, the newest first
}

// BackupFile is one backup.
type BackupFile struct {
	Name    string    `json:"name"`
	At      time.Time `json:"at"`
	Size    int64     `json:"size"`
	Keys    []string  `json:"keys"`              // ids of the keys that open it, as it says itself
	Version string    `json:"version,omitempty"` // of the program that wrote it; "": its beginning can't be read
	Part    string    `json:"part,omitempty"`    // "": all of the appliance
}

// BackupCompared is what came of comparing a backup with what it was when it was made.
type BackupCompared struct {
	Name     string `json:"name"`
	Size     int64  `json:"size"`
	Sum      string `json:"sha256"`             // of the file as it is
	Recorded string `json:"recorded,omitempty"` // when it was made; "": this appliance noted none
	Result   string `json:"result"`             // "same", "altered" or "unrecorded"
}

// Backups are made and handed out by the appliance.
type Backups interface {
	View(now time.Time) (BackupsView, error)
	// Begin begins one; ErrBackupRuns, ErrNoRecipient.
	Begin(by string, from netip.Addr) error
	// Take opens one, and records that somebody is handed it; fs.ErrNotExist.
	Take(name, by string, from netip.Addr, now time.Time) (*os.File, error)
	// Compare reads one, and records what came of it; fs.ErrNotExist.
	Compare(name, by string, from netip.Addr, now time.Time) (BackupCompared, error)
}

var (
	// ErrBackupRuns says that a backup is being made.
	ErrBackupRuns = errors.New("web: a backup is being made")
	// ErrNoRecipient says that there is no key for which a backup could be encrypted.
	ErrNoRecipient = errors.New("web: backups have no recipient")
)

// takeWithin bounds the download of a backup: a gigabyte at 5 Mbit/s.
const takeWithin = 30 * time.Minute

func (s *Server) listBackups(v *visit) error {
	view, err := s.Backups.View(v.now)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, view)
}

func (s *Server) makeBackup(v *visit) error {
	var b struct{}
	if err := v.decode(&b); err != nil {
		return err
	}
	switch err := s.Backups.Begin(v.account.ID.String(), v.client); {
	case errors.Is(err, ErrBackupRuns):
		return refusal{codeBackupRuns}
	case errors.Is(err, ErrNoRecipient):
		return refusal{codeNoRecipient}
	case err != nil:
		return err
	}
	return v.json(http.StatusAccepted, map[string]any{})
}

// compareBackup finds a file that was altered since it was made. That it can be opened and restored only its key proves.
func (s *Server) compareBackup(v *visit) error {
	var b struct{}
	if err := v.decode(&b); err != nil {
		return err
	}
	if err := http.NewResponseController(v.w).SetWriteDeadline(time.Now().Add(takeWithin)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	c, err := s.Backups.Compare(v.c.Param("backup"), v.account.ID.String(), v.client, v.now)
	if errors.Is(err, fs.ErrNotExist) {
		return accounts.ErrNotFound
	}
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, c)
}

// takeBackup hands out an encrypted file. Everything that the appliance knows is in it, so whoever asks proves who they are.
func (s *Server) takeBackup(v *visit) error {
	if err := v.actor().ProvedLately(v.now); err != nil {
		return err
	}
	name := v.c.Param("backup")
	f, err := s.Backups.Take(name, v.account.ID.String(), v.client, v.now)
	if errors.Is(err, fs.ErrNotExist) {
		return accounts.ErrNotFound
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := http.NewResponseController(v.w).SetWriteDeadline(time.Now().Add(takeWithin)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	v.w.WriteHeader(http.StatusOK)
	_, _ = io.Copy(v.w, f) // whoever went away gets nothing
	return nil
}

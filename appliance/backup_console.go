package appliance

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"huisclos/appliance/backup"
	"huisclos/appliance/config"
	"huisclos/appliance/control"
	"huisclos/appliance/web"
	"huisclos/audit"
	"huisclos/store"
)

// consoleBackups is what the console may do about backups.
type consoleBackups struct{ *backups }

// View is what the console shows.
func (b consoleBackups) View(now time.Time) (web.BackupsView, error) {
	s, err := b.state()
	if err != nil {
		return web.BackupsView{}, err
	}
	set := b.settings()
	v := web.BackupsView{On: set.Backup.On(), Running: b.running.Load(), Written: b.written.Load(), Size: s.Size, Folder: set.BackupFolder(), Target: string(set.Backup.Target), Keys: []string{}, Backups: []web.BackupFile{}}
	if info, err := os.Stat(filepath.Join(set.Data, databaseFile)); err == nil {
		v.Whole = info.Size()
	}
	switch set.Backup.Target {
	case config.ToSFTP:
		v.Host = set.Backup.SFTP.Host
	case config.ToS3:
		v.Host = set.Backup.S3.Host
	}
	for _, key := range set.Backup.Recipients {
		if id, err := backup.KeyID(key); err == nil {
			v.Keys = append(v.Keys, id)
		}
	}
	when := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	v.Good, v.Copied = when(s.Good), when(s.Copied)
	// A copy that failed is newer than the backup that it was of.
	if s.failing() {
		v.Failed, v.Reason, v.Detail = when(s.Failed), s.Reason, s.Detail
	}
	if next, on := b.next(s, now); on {
		if next.Before(now) {
			next = now
		}
		v.Next = when(next.UTC())
	}
	list, err := backup.Folder(v.Folder).List()
	for _, f := range list {
		one := web.BackupFile{Name: f.Name, At: f.At, Size: f.Size, Keys: []string{}}
		if h, ok := b.head(f.Name); ok {
			one.Keys, one.Version, one.Part = h.Keys, h.Appliance, string(h.Part)
		}
		v.Backups = append(v.Backups, one)
	}
	return v, err
}

// head is what a backup in the folder says of itself in clear. It is read once: a file under such a name is never written again.
func (b *backups) head(name string) (backup.Header, bool) {
	if h, ok := b.heads.Load(name); ok {
		return h.(backup.Header), true
	}
	f, err := backup.Folder(b.settings().BackupFolder()).Open(name)
	if err != nil {
		return backup.Header{}, false
	}
	defer f.Close()
	h, err := backup.ReadHeader(f)
	if err != nil {
		return backup.Header{}, false
	}
	b.heads.Store(name, h)
	return h, true
}

// sumKey is where the SHA-256 of a backup is kept, hexadecimal, as long as its file is.
func sumKey(name string) []byte { return []byte("sum/" + name) }

// forget removes what is kept of a backup that is no more.
func (b *backups) forget(name string) error {
	b.heads.Delete(name)
	return b.db.Update(func(tx *store.Tx) error { return tx.Delete(backupBucket, sumKey(name)) })
}

// Compare reads a backup and compares it with what it was when it was made. What is in it only its key shows ("huisclos backup
// verify"), and no key that opens backups is here.
func (b consoleBackups) Compare(name, by string, from netip.Addr, now time.Time) (web.BackupCompared, error) {
	out := web.BackupCompared{Name: name}
	if _, ok := backup.ParseName(name); !ok {
		return out, fs.ErrNotExist
	}
	f, err := backup.Folder(b.settings().BackupFolder()).Open(name)
	if err != nil {
		return out, err
	}
	defer f.Close()
	sum := sha256.New()
	if out.Size, err = io.Copy(sum, f); err != nil {
		return out, fmt.Errorf("backup %s: %w", name, err)
	}
	out.Sum = hex.EncodeToString(sum.Sum(nil))
	err = b.db.View(func(tx *store.Tx) error {
		out.Recorded = string(tx.Get(backupBucket, sumKey(name)))
		return nil
	})
	if err != nil {
		return out, err
	}
	e := audit.Event{Time: now, Actor: by, Client: from, Action: audit.BackupCompared, Detail: map[string]string{"name": name, "sha256": out.Sum}}
	switch {
	case out.Recorded == "":
		out.Result, e.Detail["result"] = "unrecorded", "unrecorded"
	case out.Recorded == out.Sum:
		out.Result, e.Detail["result"] = "same", "same"
	default:
		out.Result, e.Detail["result"], e.Result = "altered", "altered", audit.Failed
		b.log.Error("a backup is not what it was when it was made", "name", name)
	}
	return out, b.trail.Write(e)
}

// Begin makes a backup for the recipients of the settings, while its caller goes on.
func (b consoleBackups) Begin(by string, from netip.Addr) error {
	to, err := backup.ForKeys(b.settings().Backup.Recipients...)
	if err != nil {
		return errors.Join(web.ErrNoRecipient, err)
	}
	if !b.running.CompareAndSwap(false, true) { // make takes it back
		return web.ErrBackupRuns
	}
	b.aside(func() {
		_, _ = b.make(wish{to: to, by: by, from: from}) // it is in the log, and in the state
	})
	return nil
}

// Take opens a backup for somebody in the console.
func (b consoleBackups) Take(name, by string, from netip.Addr, now time.Time) (*os.File, error) {
	if _, ok := backup.ParseName(name); !ok {
		return nil, fs.ErrNotExist
	}
	f, err := backup.Folder(b.settings().BackupFolder()).Open(name)
	if err != nil {
		return nil, err
	}
	if err := b.trail.Write(audit.Event{Time: now, Actor: by, Client: from, Action: audit.BackupTaken, Detail: map[string]string{"name": name}}); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// actBackup is the control socket's name of a backup.
const actBackup = "backup"

// askedBackup is what an operator wants: for whom, and of what. A passphrase is used once and kept nowhere.
type askedBackup struct {
	Recipients []string    `json:"recipients,omitempty"`
	Passphrase string      `json:"passphrase,omitempty"`
	Part       backup.Part `json:"part,omitempty"`
}

// recipients are those that were asked for, or those of the settings.
func (q askedBackup) recipients(s config.Backup) (backup.Recipients, error) {
	switch {
	case q.Passphrase != "":
		return backup.ForPassphrase(q.Passphrase)
	case len(q.Recipients) > 0:
		return backup.ForKeys(q.Recipients...)
	}
	return backup.ForKeys(s.Recipients...)
}

// asked makes a backup for an operator, who waits.
func (b *backups) asked(body json.RawMessage) (any, error) {
	var q askedBackup
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, err
	}
	to, err := q.recipients(b.settings().Backup)
	if err != nil {
		return nil, recipientRefusal(err)
	}
	made, err := b.make(wish{to: to, part: q.Part, by: audit.ActorOperator})
	if errors.Is(err, errBackupRuns) {
		return nil, &control.Refusal{Code: "backup-runs", FR: "une sauvegarde est déjà en cours ; attendez qu'elle soit finie.", EN: "a backup is being made already; wait until it is done."}
	}
	return made, err
}

// recipientRefusal says to an operator what is wrong about for whom a backup is to be.
func recipientRefusal(err error) *control.Refusal {
	if errors.Is(err, backup.ErrPassphrase) {
		return &control.Refusal{Code: "passphrase", FR: "une phrase de passe de sauvegarde a de 16 à 512 caractères : qui détient le fichier essaie autant qu'il veut.",
			EN: "the passphrase of a backup has 16 to 512 characters: whoever holds the file tries as often as they like."}
	}
	return &control.Refusal{Code: "recipient", FR: "il faut une clé publique entière (age1pq1…, age1…, ssh-ed25519 …, ssh-rsa …), celle des réglages ou de --to, ou une phrase de passe ; une clé age1pq1 n'est mêlée à aucune autre sorte. « huisclos backup key » en fait une.",
		EN: "a whole public key is needed (age1pq1…, age1…, ssh-ed25519 …, ssh-rsa …), from the settings or --to, or a passphrase; a key age1pq1 is mixed with no other kind. “huisclos backup key” makes one."}
}

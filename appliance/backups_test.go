package appliance

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/backup"
	"huisclos/audit"
	"huisclos/store"
)

// keyed is a pair of keys: the public one, and what opens.
func keyed(t *testing.T) (string, backup.Keys) {
	t.Helper()
	public, private, err := backup.MakeKey()
	must(t, err)
	keys, err := backup.WithKeys([]byte(private), nil)
	must(t, err)
	return public, keys
}

func lastEntry(t *testing.T, l *audit.Log) audit.Entry {
	t.Helper()
	list, err := l.List(0, 1)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	return list[0]
}

// TestBackupsBySchedule: the first is made at once, the next when it is due; what is over is removed; a failure is recorded, shown and
// tried again; and what was made is restored with everybody in it, and nobody signed in.
func TestBackupsBySchedule(t *testing.T) {
	now := time.Date(2026, 11, 29, 10, 0, 0, 0, time.Local)
	s := testSettings(t)
	var hand atomic.Pointer[time.Time] // the appliance looks at its clock from elsewhere, too
	move := func(by time.Duration) { n := now.Add(by); now = n; hand.Store(&n) }
	move(0)
	s.now = func() time.Time { return *hand.Load() }
	public, keys := keyed(t)
	s.Backup.Recipients, s.Backup.EveryHours, s.Backup.Daily, s.Backup.Weekly, s.Backup.Monthly = []string{public}, 12, 2, 0, 0
	a, _ := start(t, s)
	code, _, err := a.accounts.SetupCode(now)
	must(t, err)
	const phrase = "muscade galop triste 41"
	_, token, err := a.accounts.Setup(t.Context(), code.Reveal(), "Ada", "ada@example.org", phrase, accounts.Client{}, now)
	must(t, err)
	folder := backup.Folder(s.BackupFolder())
	made := func() int {
		t.Helper()
		list, err := folder.List()
		must(t, err)
		return len(list)
	}
	must(t, os.WriteFile(filepath.Join(string(folder), backup.Partial+"1"), nil, 0o600))
	a.backups.tick(now)
	if made() != 1 {
		t.Fatalf("%d backups", made())
	}
	if e := lastEntry(t, a.trail); e.Action != audit.BackupMade || e.Actor != audit.ActorSystem || len(e.Detail["sha256"]) != 64 || e.Detail["part"] != "" {
		t.Errorf("%+v", e)
	}
	a.backups.tick(now.Add(11 * time.Hour))
	if made() != 1 {
		t.Error("one was made before it was due")
	}
	for range 6 {
		move(12 * time.Hour)
		a.backups.tick(now)
	}
	// Two days, of which the newest has two more of the last 24 hours at most.
	if n := made(); n < 2 || n > 4 {
		t.Errorf("%d backups are kept", n)
	}
	if _, err := os.Lstat(filepath.Join(string(folder), backup.Partial+"1")); err == nil {
		t.Error("what a process left half-written is still there")
	}
	v, err := consoleBackups{a.backups}.View(now)
	if err != nil || !v.On || v.Good == nil || !v.Good.Equal(now) || v.Next == nil || !v.Next.Equal(now.Add(12*time.Hour)) || v.Failed != nil || len(v.Keys) != 1 || len(v.Backups) != made() {
		t.Errorf("%+v, %v", v, err)
	}

	// The folder is a file: nothing is made, and that is said once an hour at most.
	must(t, os.Rename(string(folder), string(folder)+".away"))
	must(t, os.WriteFile(string(folder), nil, 0o600))
	move(12 * time.Hour)
	a.backups.tick(now)
	if e := lastEntry(t, a.trail); e.Action != audit.BackupFailed || e.Result != audit.Failed || e.Detail["reason"] != backupNoFolder {
		t.Errorf("%+v", e)
	}
	before := lastEntry(t, a.trail).Sequence
	a.backups.tick(now.Add(time.Minute))
	if lastEntry(t, a.trail).Sequence != before {
		t.Error("it was tried again at once")
	}
	must(t, os.Remove(string(folder)))
	must(t, os.Rename(string(folder)+".away", string(folder)))
	if v, err := (consoleBackups{a.backups}).View(now); err != nil || v.Failed == nil || v.Reason != backupNoFolder {
		t.Errorf("%+v, %v", v, err)
	}
	move(time.Hour)
	a.backups.tick(now)
	if v, err := (consoleBackups{a.backups}).View(now); err != nil || v.Failed != nil || !v.Good.Equal(now) {
		t.Errorf("after the failure: %+v, %v", v, err)
	}

	// Comparing finds what was altered, and says so where nothing was noted.
	name := v.Backups[0].Name
	if len(v.Backups[0].Keys) != 1 || v.Backups[0].Keys[0] != v.Keys[0] || v.Backups[0].Version != Version {
		t.Errorf("%+v says of itself other than the settings", v.Backups[0])
	}
	compare := func(want string) {
		t.Helper()
		c, err := consoleBackups{a.backups}.Compare(name, "somebody", accounts.Client{}.Address, now)
		if e := lastEntry(t, a.trail); err != nil || c.Result != want || e.Action != audit.BackupCompared || e.Detail["result"] != want || (e.Result == audit.Failed) != (want == "altered") {
			t.Errorf("%+v, %+v, %v; want %s", c, e, err, want)
		}
	}
	compare("same")
	whole, err := os.ReadFile(filepath.Join(string(folder), name))
	must(t, err)
	other := bytes.Clone(whole)
	other[len(other)-1] ^= 1
	must(t, os.WriteFile(filepath.Join(string(folder), name), other, 0o600))
	compare("altered")
	must(t, os.WriteFile(filepath.Join(string(folder), name), whole, 0o600))
	must(t, a.backups.forget(name))
	compare("unrecorded")
	for _, name := range []string{"../huisclos.db", "huisclos.db", "huisclos-20010101T000000Z.backup"} {
		if _, err := (consoleBackups{a.backups}).Compare(name, "somebody", accounts.Client{}.Address, now); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}

	// One that is handed out is recorded; no other file is.
	f, err := consoleBackups{a.backups}.Take(v.Backups[0].Name, "somebody", accounts.Client{}.Address, now)
	must(t, err)
	if e := lastEntry(t, a.trail); e.Action != audit.BackupTaken || e.Actor != "somebody" {
		t.Errorf("%+v", e)
	}
	if _, err := (consoleBackups{a.backups}).Take("../pepper", "somebody", accounts.Client{}.Address, now); err == nil {
		t.Error("the pepper was handed out")
	}

	// Back on a blank machine.
	head, err := a.trail.Head()
	must(t, err)
	a.Stop()
	data := filepath.Join(t.TempDir(), "data")
	var found inspected
	r, err := backup.Restore(f, keys, backup.Restoration{Data: data, Now: now, Finish: func(o backup.Opened, st backup.Staged) error {
		return inspect(context.Background(), &found, finishRestore(o.Header, now))(o, st)
	}})
	must(t, errors.Join(err, f.Close()))
	if found.Accounts != 1 || r.Manifest.Audit.Sequence == 0 || r.Manifest.Audit.Sequence > head.Sequence {
		t.Errorf("%+v %+v", found, r.Manifest.Audit)
	}
	s.Data, s.Backup.Recipients = data, nil
	b, _ := start(t, s)
	entries, err := b.trail.List(0, 20)
	must(t, err)
	at := slices.IndexFunc(entries, func(e audit.Entry) bool { return e.Action == audit.Restored })
	if at < 0 {
		t.Fatalf("no entry of the restore: %+v", entries)
	}
	if e := entries[at]; e.Actor != audit.ActorOperator || e.Detail["sessions"] != "1" {
		t.Errorf("%+v", e)
	}
	if _, err := b.trail.Verify(t.Context(), found.Audit); err != nil {
		t.Errorf("the chain does not go on: %v", err)
	}
	if _, _, err := b.accounts.Session(token.Reveal(), now); !errors.Is(err, accounts.ErrNoSession) {
		t.Errorf("a session of before: %v", err)
	}
	if _, err := b.accounts.Login(t.Context(), "ada@example.org", accounts.Proof{Passphrase: phrase}, accounts.Client{}, now); err != nil && !strings.Contains(err.Error(), "factor") {
		t.Errorf("the passphrase: %v", err)
	}
}

// TestForgedDatabase: whoever has the public key can make a whole backup of anything; what is no database of ours is refused before
// anything changes.
func TestForgedDatabase(t *testing.T) {
	public, keys := keyed(t)
	to, err := backup.ForKeys(public)
	must(t, err)
	version := len(migrations())
	path := filepath.Join(t.TempDir(), "db")
	empty, err := store.Open(path, store.Options{})
	must(t, err)
	must(t, empty.Migrate([]store.Migration{{Version: 1, Name: "x", Run: func(*store.Tx) error { return nil }}}))
	for name, c := range map[string]struct {
		database func(func(int64) (io.Writer, error)) error
		version  int
		want     backup.Reason
	}{
		"no database": {nil, version, backup.Damaged},
		"text": {func(begin func(int64) (io.Writer, error)) error {
			w, _ := begin(1)
			_, err := w.Write([]byte("x"))
			return err
		}, version, backup.Damaged},
		"without buckets":      {empty.SnapshotTo, 1, backup.Damaged},
		"another version":      {empty.SnapshotTo, version, backup.Damaged},
		"of a version to come": {empty.SnapshotTo, version + 1, backup.NewerDatabase},
	} {
		file := filepath.Join(t.TempDir(), "b")
		_, err := backup.Create(file, backup.Header{Appliance: "1", Database: c.version, Created: time.Now()}, backup.Contents{Database: c.database, Audit: backup.Head{Sequence: 1, Hash: strings.Repeat("A", 43)}}, to, nil)
		must(t, err)
		f, err := os.Open(file)
		must(t, err)
		var found inspected
		_, err = backup.Verify(f, keys, t.TempDir(), inspect(t.Context(), &found, nil))
		_ = f.Close()
		var refused *backup.Error
		if !errors.As(err, &refused) || refused.Reason != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	must(t, empty.Close())
}

// TestGather: what is in a whole backup and in each part, and what is not.
func TestGather(t *testing.T) {
	s := testSettings(t)
	db, err := store.Open(filepath.Join(s.Data, databaseFile), store.Options{})
	must(t, err)
	defer db.Close()
	must(t, db.Migrate(migrations()))
	write := func(name, text string) string {
		path := filepath.Join(s.Data, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	etc := t.TempDir()
	outside := func(name string) string {
		path := filepath.Join(etc, name)
		must(t, os.WriteFile(path, []byte(name), 0o600))
		return path
	}
	write("tls/key.pem", "key")
	write("backups/huisclos-20261129T221500Z.backup", "former")
	write(".new-1.db", "half")
	write(versionFile, "16")
	write(backup.SettingsFolder+"/etc/x", "former")
	must(t, os.Symlink("/etc/passwd", filepath.Join(s.Data, "link")))
	s.Files, s.Certificate, s.Key, s.Mail.PasswordFile = []string{outside("huisclos.toml")}, outside("cert.pem"), outside("key.pem"), filepath.Join(etc, "none")
	if _, err := gather(s.Settings, s.BackupFolder(), db, nil, backup.Whole, time.Now()); !errors.Is(err, errNoPepper) {
		t.Errorf("without a pepper: %v", err)
	}
	settings := func(name string) string { return backup.SettingsName(filepath.Join(etc, name)) }
	for part, want := range map[backup.Part][]string{
		backup.Whole:    {"data/pepper", "data/tls/key.pem", settings("cert.pem"), settings("huisclos.toml"), settings("key.pem")},
		backup.Settings: {settings("cert.pem"), settings("huisclos.toml")},
		backup.Secrets:  {"data/pepper", "data/tls/key.pem", settings("key.pem")},
	} {
		got, err := gather(s.Settings, s.BackupFolder(), db, []byte("given"), part, time.Now())
		must(t, err)
		var names []string
		for _, f := range got.contents.Files {
			names = append(names, f.Name)
		}
		slices.Sort(names)
		slices.Sort(want)
		if !slices.Equal(names, want) || (got.contents.Database != nil) != (part == backup.Whole) {
			t.Errorf("%q: %q, want %q", part, names, want)
		}
		if missing := len(got.missing); missing != map[bool]int{true: 0, false: 1}[part == backup.Settings] {
			t.Errorf("%q: missing %q", part, got.missing)
		}
	}
}

package appliance

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/accounts/devices"
	"huisclos/appliance/backup"
	"huisclos/appliance/posture"
	"huisclos/appliance/web"
	"huisclos/audit"
	"huisclos/crypto/keylog"
	"huisclos/crypto/mls"
	"huisclos/store"
)

func deviceLogSize(t *testing.T, a *Appliance) uint64 {
	t.Helper()
	s, err := a.devices.State()
	must(t, err)
	return s.Size
}

// point is the public key of a device.
func point(t *testing.T) []byte {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	must(t, err)
	return key.PublicKey().Bytes()
}

// inscribe writes a device of the account into the key log, and returns the checkpoint as a client checks it.
func inscribe(t *testing.T, a *Appliance, account accounts.ID, device byte, since uint64, now time.Time) (keylog.Checkpoint, devices.Inscribed) {
	t.Helper()
	in, err := a.devices.Inscribe(accounts.Actor{Account: account}, devices.Device{ID: mls.DeviceID{device}, Key: point(t)}, since, now)
	must(t, err)
	s, err := keylog.Open(in.Note, []keylog.PublicKey{a.devices.Public()}, nil)
	must(t, err)
	return s.Checkpoint, in
}

// TestDeviceLogAfterRestore: a backup brings back the key log of its time, which says so and goes on under the same key. Clients that saw
// no more than the backup held are shown that it grew; to those who saw more nothing shows it.
func TestDeviceLogAfterRestore(t *testing.T) {
	s := testSettings(t)
	now := time.Now()
	public, keys := keyed(t)
	to, err := backup.ForKeys(public)
	must(t, err)
	a, _ := start(t, s)
	code, _, err := a.accounts.SetupCode(now)
	must(t, err)
	ada, _, err := a.accounts.Setup(t.Context(), code.Reveal(), "Ada", "ada@example.org", "muscade galop triste 41", accounts.Client{}, now)
	must(t, err)
	inscribe(t, a, ada.ID, 1, 0, now)
	saved, _ := inscribe(t, a, ada.ID, 2, 0, now)
	gathered, err := gather(s.Settings, s.BackupFolder(), a.db, nil, backup.Whole, now)
	must(t, err)
	file := filepath.Join(t.TempDir(), "b")
	_, err = backup.Create(file, gathered.header, gathered.contents, to, nil)
	must(t, err)
	inscribe(t, a, ada.ID, 3, 0, now)
	inscribe(t, a, ada.ID, 4, 0, now)
	later, _ := inscribe(t, a, ada.ID, 5, 0, now)
	key := a.devices.Public()
	a.Stop()

	f, err := os.Open(file)
	must(t, err)
	data := filepath.Join(t.TempDir(), "data")
	var found inspected
	_, err = backup.Restore(f, keys, backup.Restoration{Data: data, Now: now, Finish: func(o backup.Opened, st backup.Staged) error {
		return inspect(t.Context(), &found, finishRestore(o.Header, now))(o, st)
	}})
	must(t, errors.Join(err, f.Close()))
	s.Data = data
	b, _ := start(t, s)
	if !b.devices.Public().Equal(key) || b.devices.Fault() != nil {
		t.Fatalf("after the restore the key is %v; %v", b.devices.Public(), b.devices.Fault())
	}
	if n := deviceLogSize(t, b); n != saved.Size+1 {
		t.Fatalf("%d records after the restore of %d", n, saved.Size)
	}
	for device := byte(6); deviceLogSize(t, b) < later.Size; device++ {
		inscribe(t, b, ada.ID, device, 0, now)
	}
	for device := byte(20); device < 23; device++ {
		c, in := inscribe(t, b, ada.ID, device, saved.Size, now)
		must(t, keylog.CheckConsistency(in.Growth, c.Size, c.Root, saved.Size, saved.Root))
		_, in = inscribe(t, b, ada.ID, device+10, later.Size, now)
		c, err := keylog.Peek(in.Note)
		must(t, err)
		if len(in.Growth) == 0 || keylog.CheckConsistency(in.Growth, c.Size, c.Root, later.Size, later.Root) == nil {
			t.Error("the log is shown to begin with records that the backup did not have")
		}
	}
}

// TestUpgradedDeviceLog: a database of before has an empty log, with a key.
func TestUpgradedDeviceLog(t *testing.T) {
	s := testSettings(t)
	db, err := store.Open(filepath.Join(s.Data, databaseFile), store.Options{})
	must(t, err)
	must(t, db.Migrate(migrations()[:26]))
	must(t, db.Close())
	a, _ := start(t, s)
	if st, err := a.devices.State(); err != nil || st.Size != 0 || a.devices.Fault() != nil || a.devices.Public().IsZero() {
		t.Errorf("%+v, %v, %v", st, err, a.devices.Fault())
	}
}

// TestDeviceLogCut: a log that was cut while the appliance was stopped is told of, and takes nothing more.
func TestDeviceLogCut(t *testing.T) {
	s := testSettings(t)
	now := time.Now()
	a, _ := start(t, s)
	code, _, err := a.accounts.SetupCode(now)
	must(t, err)
	ada, _, err := a.accounts.Setup(t.Context(), code.Reveal(), "Ada", "ada@example.org", "muscade galop triste 41", accounts.Client{}, now)
	must(t, err)
	inscribe(t, a, ada.ID, 1, 0, now)
	inscribe(t, a, ada.ID, 2, 0, now)
	level := func(a *Appliance) posture.Level {
		r := a.watched.Posture(now)
		return r[slices.IndexFunc(r, func(l posture.Line) bool { return l.Name == "device-log" })].Level
	}
	if got := level(a); got != posture.Green {
		t.Errorf("%s of a log that is whole", got)
	}
	if n := a.watched.state().Devices; n != 2 {
		t.Errorf("%d records in the metrics", n)
	}
	if told := deviceMatter(a, now); told != nil {
		t.Errorf("told of a log that is whole: %+v", told)
	}
	a.Stop()
	db, err := store.Open(filepath.Join(s.Data, databaseFile), store.Options{})
	must(t, err)
	must(t, db.Update(func(tx *store.Tx) error { return tx.Delete("devices.records", []byte{0, 0, 0, 0, 0, 0, 0, 1}) }))
	must(t, db.Close())
	b, log := start(t, s)
	if got := level(b); got != posture.Red {
		t.Errorf("%s of a log that was cut", got)
	}
	if told := deviceMatter(b, now); told == nil || !told.Grave {
		t.Errorf("nothing is told: %+v", told)
	}
	if !strings.Contains(log.String(), "the key log of devices is damaged") {
		t.Error("nothing in the service's log")
	}
	if _, err := b.devices.Inscribe(accounts.Actor{Account: ada.ID}, devices.Device{ID: mls.DeviceID{3}, Key: point(t)}, 0, now); !errors.Is(err, devices.ErrDamaged) {
		t.Errorf("inscribed: %v", err)
	}
}

func deviceMatter(a *Appliance, now time.Time) *web.Attention {
	for _, at := range a.watched.look(now) {
		if at.Code == "device-log" {
			return &at
		}
	}
	return nil
}

// TestKeylogActs: the running appliance hands out its key log in pieces, as "huisclos keylog" asks for them, and records it.
func TestKeylogActs(t *testing.T) {
	s := testSettings(t)
	now := time.Now()
	a, _ := start(t, s)
	code, _, err := a.accounts.SetupCode(now)
	must(t, err)
	ada, _, err := a.accounts.Setup(t.Context(), code.Reveal(), "Ada", "ada@example.org", "muscade galop triste 41", accounts.Client{}, now)
	must(t, err)
	inscribe(t, a, ada.ID, 1, 0, now)
	_, in := inscribe(t, a, ada.ID, 2, 0, now)
	acts := a.otherActs()
	ask := func(act string, body, into any) {
		t.Helper()
		text, err := json.Marshal(body)
		must(t, err)
		answer, err := acts[act](text)
		must(t, err)
		text, err = json.Marshal(answer)
		must(t, err)
		must(t, json.Unmarshal(text, into))
	}
	var p devices.Part
	ask("keylog-begin", nil, &p)
	if e := lastEntry(t, a.trail); e.Action != audit.DevicesExported || e.Actor != audit.ActorOperator || e.Detail["records"] != "2" {
		t.Errorf("%+v", e)
	}
	inscribe(t, a, ada.ID, 3, 0, now) // what comes meanwhile is not in it
	var text strings.Builder
	for !p.Done {
		var piece struct {
			Part devices.Part `json:"part"`
			Text string       `json:"text"`
		}
		ask("keylog-part", p, &piece)
		text.WriteString(piece.Text)
		p = piece.Part
	}
	r, err := devices.VerifyExport(strings.NewReader(text.String()), devices.Noted{Keys: []keylog.PublicKey{a.devices.Public()}, Checkpoints: [][]byte{in.Note}})
	if err != nil || r.Records != 2 || r.Noted != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	var note string
	ask("keylog-checkpoint", nil, &note)
	if c, err := keylog.Peek([]byte(note)); err != nil || c.Size != 3 {
		t.Errorf("%+v, %v", c, err)
	}
}

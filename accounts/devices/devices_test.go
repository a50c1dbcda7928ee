package devices

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/crypto/keylog"
	"huisclos/crypto/mls"
	"huisclos/crypto/passhash"
	"huisclos/crypto/statement"
	"huisclos/store"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keys stand for the pepper.
type keys struct{ id string }

func (k keys) PepperID() string { return k.id }
func (k keys) Derive(label, pepper string) ([]byte, error) {
	if pepper != k.id {
		return nil, errors.New("another pepper")
	}
	return []byte((label + pepper + strings.Repeat("-", 32))[:32]), nil
}

// house is a database with accounts and the log.
type house struct {
	*Log
	t    *testing.T
	db   *store.DB
	log  *audit.Log
	all  *accounts.Accounts
	keys keys
	ada  accounts.Actor
}

func newHouse(t *testing.T) *house {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := store.Open(path, store.Options{})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	list := append([]store.Migration{{Version: 1, Name: "audit", Run: audit.CreateAll}}, accounts.Migrations(2)...)
	must(t, db.Migrate(append(list, store.Migration{Version: len(list) + 1, Name: "devices", Run: CreateBuckets})))
	h := &house{t: t, db: db, log: audit.New(db), keys: keys{"p"}}
	pepper, err := accounts.OpenPepper(db, path+".pepper", rand.Reader)
	must(t, err)
	cheap := passhash.Params{Memory: 16, Time: 1, Threads: 1}
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader, Pepper: pepper, Refusal: cheap})
	must(t, err)
	h.all, err = accounts.New(db, h.log, hasher, rand.Reader, accounts.Options{MemberHash: cheap, AdministratorHash: cheap, Devices: Kept})
	must(t, err)
	code, _, err := h.all.SetupCode(noon)
	must(t, err)
	first, _, err := h.all.Setup(t.Context(), code.Reveal(), "Ada Lovelace", "ada@example.org", "girofle tandem bruyant 93 escalier", accounts.Client{}, noon)
	must(t, err)
	h.ada = accounts.Actor{Account: first.ID, Client: netip.MustParseAddr("192.0.2.7")}
	h.open()
	return h
}

// open opens the log as the next start of the appliance does.
func (h *house) open() {
	h.t.Helper()
	l, err := Open(h.db, h.log, h.keys, rand.Reader, noon)
	must(h.t, err)
	h.Log = l
}

// person makes an account that is active.
func (h *house) person(name string) accounts.Actor {
	h.t.Helper()
	a, link, err := h.all.Create(accounts.Operator(), name, name+"@example.org", accounts.Member, noon)
	must(h.t, err)
	_, _, err = h.all.Activate(h.t.Context(), link.Token.Reveal(), "quinze lapins sous la lune "+name, accounts.Client{}, noon)
	must(h.t, err)
	return accounts.Actor{Account: a.ID}
}

// point is the public key of a device.
func point(t testing.TB) []byte {
	t.Helper()
	k, err := ecdh.P256().GenerateKey(rand.Reader)
	must(t, err)
	return k.PublicKey().Bytes()
}

func (h *house) inscribe(who accounts.Actor, device byte, key []byte, since uint64) Inscribed {
	h.t.Helper()
	in, err := h.Inscribe(who, Device{mls.DeviceID{device}, key}, since, noon)
	must(h.t, err)
	return in
}

// check holds an answer against what a client does with it, and returns the checkpoint.
func check(t *testing.T, in Inscribed, who accounts.Actor, device byte, key []byte) keylog.Checkpoint {
	t.Helper()
	s, err := keylog.Open(in.Note, []keylog.PublicKey{in.Log}, nil)
	must(t, err)
	record := statement.Statement{Kind: statement.Device, Account: mls.AccountID(who.Account), Device: mls.DeviceID{device}, Key: key, Time: uint64(in.Time.Unix())}.Marshal()
	must(t, keylog.CheckInclusion(in.Proof, s.Size, s.Root, in.Index, keylog.LeafHash(record)))
	return s.Checkpoint
}

func (h *house) entries(action audit.Action) (list []audit.Entry) {
	h.t.Helper()
	all, err := h.log.List(0, audit.MaxPage)
	must(h.t, err)
	for _, e := range all {
		if e.Action == action {
			list = append(list, e)
		}
	}
	return list
}

func TestInscribe(t *testing.T) {
	h := newHouse(t)
	if s, err := h.State(); err != nil || s.Size != 0 || s.Note != nil || !s.Last.IsZero() {
		t.Fatalf("a log without a record: %+v, %v", s, err)
	}
	bob := h.person("bob")
	one, two := point(t), point(t)
	first := h.inscribe(h.ada, 1, one, 0)
	c1 := check(t, first, h.ada, 1, one)
	if first.Index != 0 || c1.Size != 1 || !first.Time.Equal(noon) || len(first.Growth) != 0 || !first.Log.Equal(h.Public()) {
		t.Fatalf("%+v", first)
	}
	// The same again is the same record, under the same checkpoint, and no entry.
	again, err := h.Inscribe(h.ada, Device{mls.DeviceID{1}, one}, 1, noon.Add(time.Hour))
	must(t, err)
	if check(t, again, h.ada, 1, one); again.Index != 0 || !again.Time.Equal(noon) || !bytes.Equal(again.Note, first.Note) || len(again.Growth) != 0 {
		t.Fatalf("%+v", again)
	}
	// Another account's device of the same id and key, another key of the same device, another device with the same key: each is new.
	second := h.inscribe(bob, 1, one, 1)
	c2 := check(t, second, bob, 1, one)
	must(t, keylog.CheckConsistency(second.Growth, c2.Size, c2.Root, c1.Size, c1.Root))
	h.inscribe(h.ada, 1, two, 0)
	fourth := h.inscribe(h.ada, 2, one, 2)
	c4 := check(t, fourth, h.ada, 2, one)
	if fourth.Index != 3 {
		t.Fatalf("record %d, not the fourth", fourth.Index)
	}
	must(t, keylog.CheckConsistency(fourth.Growth, 4, c4.Root, 2, c2.Root))
	// An old record is proved under the checkpoint of now; whoever has seen more than there is, or all of it, is given no growth.
	old := h.inscribe(h.ada, 1, one, 9)
	if check(t, old, h.ada, 1, one); old.Index != 0 || old.Growth != nil || h.inscribe(h.ada, 1, one, 4).Growth != nil {
		t.Errorf("%+v", old)
	}
	list, err := h.Of(h.ada.Account)
	must(t, err)
	var got []uint64
	for _, e := range list {
		if e.Account != mls.AccountID(h.ada.Account) {
			t.Errorf("another's statement in the list: %+v", e)
		}
		got = append(got, e.Index)
	}
	if fmt.Sprint(got) != "[3 2 0]" {
		t.Errorf("records %v in the list", got)
	}
	entries := h.entries(audit.DeviceInscribed)
	if len(entries) != 4 || entries[3].Object != h.ada.Account.String() || entries[3].Detail["device"] != (mls.DeviceID{1}).String() || entries[3].Detail["statement"] != "0" || entries[3].Client != h.ada.Client {
		t.Errorf("%+v", entries)
	}
	if s, err := h.State(); err != nil || s.Size != 4 || !bytes.Equal(s.Note, fourth.Note) || !s.Last.Equal(noon) {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestRefused(t *testing.T) {
	h := newHouse(t)
	key := point(t)
	off := bytes.Clone(key)
	off[64] ^= 1
	for name, k := range map[string][]byte{"none": nil, "short": key[:64], "off the curve": off, "compressed": append([]byte{2}, key[1:33]...)} {
		if _, err := h.Inscribe(h.ada, Device{mls.DeviceID{1}, k}, 0, noon); !errors.Is(err, ErrDevice) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bob := h.person("bob")
	_, err := h.all.Disable(accounts.Operator(), bob.Account, noon)
	must(t, err)
	for name, who := range map[string]accounts.Actor{"nobody": {Account: accounts.ID{9}}, "disabled": bob} {
		if _, err := h.Inscribe(who, Device{mls.DeviceID{1}, key}, 0, noon); !errors.Is(err, accounts.ErrForbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s, err := h.State(); err != nil || s.Size != 0 {
		t.Errorf("%d records of what was refused (%v)", s.Size, err)
	}
}

func TestLimit(t *testing.T) {
	h := newHouse(t)
	key := point(t)
	device := func(i int) mls.DeviceID { return mls.DeviceID{byte(i), byte(i >> 8), 1} }
	for i := range MaxNew {
		if _, err := h.Inscribe(h.ada, Device{device(i), key}, 0, noon.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatalf("device %d: %v", i, err)
		}
	}
	if _, err := h.Inscribe(h.ada, Device{device(MaxNew), key}, 0, noon.Add(23*time.Hour)); !errors.Is(err, ErrTooMany) {
		t.Errorf("one more than a day's: %v", err)
	}
	// What is there is given all the same, others are not held up, and a day after the first there is room for one.
	if in, err := h.Inscribe(h.ada, Device{device(3), key}, 0, noon.Add(23*time.Hour)); err != nil || in.Index != 3 {
		t.Errorf("%+v, %v", in, err)
	}
	h.inscribe(h.person("bob"), 1, key, 0)
	if _, err := h.Inscribe(h.ada, Device{device(MaxNew), key}, 0, noon.Add(24*time.Hour)); err != nil {
		t.Errorf("a day after the first: %v", err)
	}
	if _, err := h.Inscribe(h.ada, Device{device(MaxNew + 1), key}, 0, noon.Add(24*time.Hour)); !errors.Is(err, ErrTooMany) {
		t.Errorf("a second one then: %v", err)
	}
	if list, err := h.Of(h.ada.Account); err != nil || len(list) != MaxList || list[0].Device != device(MaxNew) {
		t.Errorf("%d in the list (%v)", len(list), err)
	}
}

func TestGrowth(t *testing.T) {
	h := newHouse(t)
	key, seen := point(t), map[uint64]keylog.Checkpoint{}
	for i := range 12 {
		c := check(t, h.inscribe(h.ada, byte(i), key, 0), h.ada, byte(i), key)
		seen[c.Size] = c
	}
	sizes := []uint64{1, 3, 9, 12}
	list, err := h.Growth(sizes)
	must(t, err)
	if len(list) != 3 {
		t.Fatalf("%d proofs", len(list))
	}
	for i, proof := range list {
		old, now := seen[sizes[i]], seen[sizes[i+1]]
		must(t, keylog.CheckConsistency(proof, now.Size, now.Root, old.Size, old.Root))
	}
	all := make([]uint64, MaxSizes+1)
	for i := range all {
		all[i] = uint64(i)
	}
	for name, wrong := range map[string][]uint64{"none": nil, "one": {3}, "twice": {3, 3}, "descending": {5, 4}, "more than there are": {3, 13}, "too many": all} {
		if list, err := h.Growth(wrong); !errors.Is(err, ErrSizes) || list != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFailsClosed: what the audit log does not take is not inscribed.
func TestFailsClosed(t *testing.T) {
	h := newHouse(t)
	first := h.inscribe(h.ada, 1, point(t), 0)
	must(t, h.db.Update(func(tx *store.Tx) error { return tx.Delete("audit.head", []byte("head")) })) // the next entry has no place
	if _, err := h.Inscribe(h.ada, Device{mls.DeviceID{2}, point(t)}, 0, noon); err == nil {
		t.Fatal("inscribed without an entry")
	}
	if s, err := h.State(); err != nil || s.Size != 1 || !bytes.Equal(s.Note, first.Note) {
		t.Errorf("%+v, %v", s, err)
	}
	if list, err := h.Of(h.ada.Account); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// TestExportAndErasure: an account's copy of what is kept has its devices; when the account is deleted, the log keeps what it says.
func TestExportAndErasure(t *testing.T) {
	h := newHouse(t)
	bob, key := h.person("bob"), point(t)
	h.inscribe(h.ada, 1, key, 0)
	h.inscribe(bob, 2, key, 0)
	in := h.inscribe(bob, 3, key, 0)
	e, err := h.all.Export(accounts.Operator(), bob.Account, noon)
	must(t, err)
	want := []KeptDevice{{mls.DeviceID{3}.String(), base64.RawURLEncoding.EncodeToString(key), noon, 2}, {mls.DeviceID{2}.String(), base64.RawURLEncoding.EncodeToString(key), noon, 1}}
	if got, ok := e.Devices.([]KeptDevice); !ok || !slices.Equal(got, want) {
		t.Errorf("%+v in the export, not %+v", e.Devices, want)
	}
	must(t, h.all.Delete(accounts.Operator(), bob.Account, noon))
	if s, err := h.State(); err != nil || s.Size != 3 || !bytes.Equal(s.Note, in.Note) {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := h.Inscribe(bob, Device{mls.DeviceID{4}, key}, 0, noon); !errors.Is(err, accounts.ErrForbidden) {
		t.Errorf("a device of an account that is gone: %v", err)
	}
}

// TestTwoTabs: pages of one browser that say the same at once, and others beside them, get one record each, and each its proof.
func TestTwoTabs(t *testing.T) {
	h := newHouse(t)
	keys := [][]byte{point(t), point(t)}
	var all sync.WaitGroup
	answers := make([]Inscribed, 24)
	for i := range answers {
		all.Go(func() {
			var err error
			if answers[i], err = h.Inscribe(h.ada, Device{mls.DeviceID{byte(i % 4)}, keys[i%2]}, 0, noon); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i, in := range answers {
		check(t, in, h.ada, byte(i%4), keys[i%2])
		if in.Index != answers[i%4].Index {
			t.Errorf("device %d is record %d and record %d", i%4, in.Index, answers[i%4].Index)
		}
	}
	if s, err := h.State(); err != nil || s.Size != 4 {
		t.Errorf("%d records of 4 devices (%v)", s.Size, err)
	}
}

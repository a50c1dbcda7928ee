package accounts

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	adminPhrase  = "girofle tandem bruyant 93 escalier"
	memberPhrase = "muscade galop triste 41"
)

var (
	cheap = passhash.Params{Memory: 16, Time: 1, Threads: 1}
	dear  = passhash.Params{Memory: 64, Time: 1, Threads: 1}
	desk  = Client{Address: netip.MustParseAddr("192.0.2.7"), Agent: "test"}
)

// world is one appliance with its accounts.
type world struct {
	*Accounts
	t      *testing.T
	db     *store.DB
	log    *audit.Log
	hasher *passhash.Hasher

	planted map[ID][]byte // seeds of second factors that are there without having been set up

	mu    sync.Mutex
	ended []Ended
}

var migrations = append([]store.Migration{{Version: 1, Name: "audit", Run: audit.CreateAll}}, Migrations(2)...)

func newWorld(t *testing.T) *world {
	t.Helper()
	return openWorld(t, filepath.Join(t.TempDir(), "db"))
}

func openWorld(t *testing.T, path string) *world {
	t.Helper()
	db, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(migrations); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: db, log: audit.New(db), planted: map[ID][]byte{}}
	pepper, err := OpenPepper(db, path+".pepper", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if w.hasher, err = passhash.New(passhash.Options{Random: rand.Reader, Pepper: pepper, Refusal: dear}); err != nil {
		t.Fatal(err)
	}
	if w.Accounts, err = New(db, w.log, w.hasher, rand.Reader, Options{MemberHash: cheap, AdministratorHash: dear}); err != nil {
		t.Fatal(err)
	}
	w.OnEnded(func(e Ended) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ended = append(w.ended, e)
	})
	return w
}

// restart opens the same database as a new process would.
func (w *world) restart(path string) *world {
	w.t.Helper()
	if err := w.db.Close(); err != nil {
		w.t.Fatal(err)
	}
	again := openWorld(w.t, path)
	again.planted = w.planted
	return again
}

// administrator sets the appliance up.
func (w *world) administrator() (Account, Token) {
	w.t.Helper()
	code, needed, err := w.SetupCode(noon)
	if err != nil || !needed {
		w.t.Fatalf("SetupCode: %v, %v", needed, err)
	}
	a, token, err := w.Setup(w.t.Context(), code.Reveal(), "Ada Lovelace", "ada@example.org", adminPhrase, desk, noon)
	if err != nil {
		w.t.Fatal(err)
	}
	w.plant(a.ID)
	return a, token
}

// plant gives an account the second factor that its role needs, without the acts of setting it up: no entry, no end of sessions. Login then
// brings its code along; enrol takes it away first.
func (w *world) plant(id ID) {
	w.t.Helper()
	seed := slices.Concat(id[:], id[:4])
	box, err := w.seal(id, seed)
	if err != nil {
		w.t.Fatal(err)
	}
	w.edit(id, func(r *record) { r.TOTP = &totpFactor{Seed: box, Since: noon, Step: -1} })
	w.planted[id] = seed
}

func (w *world) unplant(id ID) {
	if w.planted[id] == nil {
		return
	}
	delete(w.planted, id)
	w.edit(id, func(r *record) { r.TOTP = nil })
}

func (w *world) edit(id ID, f func(*record)) {
	w.t.Helper()
	err := w.db.Update(func(tx *store.Tx) error {
		r, err := load(tx, id)
		if err != nil {
			return err
		}
		f(&r)
		return save(tx, r)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// plantedCode is the code of a factor that was planted, as often as it is asked for; "" of others.
func (w *world) plantedCode(email string, now time.Time) (code string) {
	w.t.Helper()
	var id ID
	_ = w.db.View(func(tx *store.Tx) error {
		r, err := loadByEmail(tx, email)
		id = r.ID
		return err
	})
	seed := w.planted[id]
	if seed == nil {
		return ""
	}
	if r := w.record(id); r.TOTP != nil && r.TOTP.Step >= 0 {
		w.edit(id, func(r *record) { r.TOTP.Step = -1 })
	}
	code, err := codeAt(seed, stepAt(now))
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// member creates and activates an account.
func (w *world) member(by Account, name, email string) (Account, Token) {
	w.t.Helper()
	_, link, err := w.Create(actor(by), name, email, Member, noon)
	if err != nil {
		w.t.Fatal(err)
	}
	a, token, err := w.Activate(w.t.Context(), link.Token.Reveal(), memberPhrase, desk, noon)
	if err != nil {
		w.t.Fatal(err)
	}
	return a, token
}

// Login signs in with a passphrase alone, or with the code of a planted factor.
func (w *world) Login(ctx context.Context, email, passphrase string, client Client, now time.Time) (Account, Token, error) {
	in, err := w.Accounts.Login(ctx, email, Proof{Passphrase: passphrase, Code: w.plantedCode(email, now)}, client, now)
	return in.Account, in.Session, err
}

// actor is somebody who has proved who they are, whatever the time of the test.
func actor(a Account) Actor {
	return Actor{Account: a.ID, Client: desk.Address, Proved: noon.AddDate(100, 0, 0)}
}

func (w *world) takeEnded() []Ended {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.ended
	w.ended = nil
	return list
}

// actions returns the names of the log's entries, the oldest first.
func (w *world) actions() []string {
	w.t.Helper()
	list, err := w.log.List(0, audit.MaxPage)
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		name := string(e.Action)
		if e.Result != audit.OK {
			name += " " + string(e.Result)
		}
		names = append(names, name)
	}
	slices.Reverse(names)
	return names
}

func (w *world) signedIn(token Token, now time.Time) bool {
	w.t.Helper()
	_, _, err := w.Session(token.Reveal(), now)
	if err != nil && !errors.Is(err, ErrNoSession) {
		w.t.Fatal(err)
	}
	return err == nil
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestCreateRights(t *testing.T) {
	// ASVS 8.2.1
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", "grace@example.org")
	invited, _, err := w.Create(actor(admin), "Not Yet", "notyet@example.org", Administrator, noon)
	if err != nil {
		t.Fatal(err)
	}
	for name, who := range map[string]Actor{
		"a member": actor(member), "nobody": {}, "an unknown account": {Account: ID{1}}, "an administrator who has not activated": actor(invited),
	} {
		_, _, err := w.Create(who, "X Y", "xy@example.org", Member, noon)
		wantErr(t, name+" creates", err, ErrForbidden)
		_, err = w.SetRole(who, member.ID, Administrator, noon)
		wantErr(t, name+" sets a role", err, ErrForbidden)
		_, err = w.Disable(who, admin.ID, noon)
		wantErr(t, name+" disables", err, ErrForbidden)
		_, err = w.Enable(who, admin.ID, noon)
		wantErr(t, name+" enables", err, ErrForbidden)
		wantErr(t, name+" deletes", w.Delete(who, admin.ID, noon), ErrForbidden)
		_, err = w.Rename(who, admin.ID, "X Y", noon)
		wantErr(t, name+" renames", err, ErrForbidden)
		_, err = w.NewActivation(who, admin.ID, noon)
		wantErr(t, name+" makes a link", err, ErrForbidden)
		_, err = w.Sessions(who, admin.ID, noon)
		wantErr(t, name+" lists sessions", err, ErrForbidden)
		wantErr(t, name+" ends a session", w.EndSession(who, admin.ID, SessionID{}, noon), ErrForbidden)
		wantErr(t, name+" ends sessions", w.EndSessions(who, admin.ID, noon), ErrForbidden)
	}
	refused := 0
	for _, a := range w.actions() {
		if a == "access.refused refused" {
			refused++
		}
	}
	if refused != 4*10 {
		t.Errorf("%d refusals are recorded, want 40", refused)
	}
	// Its own account, a member may rename and sign out everywhere.
	if a, err := w.Rename(actor(member), member.ID, "Grace B. Hopper", noon); err != nil || a.Name != "Grace B. Hopper" {
		t.Errorf("renaming oneself: %+v, %v", a, err)
	}
	if err := w.EndSessions(actor(member), member.ID, noon); err != nil {
		t.Error(err)
	}
	// The operator at the machine has an administrator's rights.
	if _, _, err := w.Create(Operator(), "Op Erated", "op@example.org", Member, noon); err != nil {
		t.Error(err)
	}
	// An administrator who was disabled has none, also in a request that was under way.
	second, link, err := w.Create(actor(admin), "Second Admin", "second@example.org", Administrator, noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Activate(t.Context(), link.Token.Reveal(), adminPhrase, desk, noon); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Disable(actor(admin), second.ID, noon); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.Create(actor(second), "X Y", "xy@example.org", Member, noon)
	wantErr(t, "a disabled administrator", err, ErrForbidden)
}

func TestCreateChecks(t *testing.T) {
	// ASVS 2.2.1, 2.2.2
	w := newWorld(t)
	admin, _ := w.administrator()
	for _, c := range []struct {
		name, email string
		role        Role
		want        error
	}{
		{"Good Name", "good@example.org", Member, nil},
		{"Good Name", "good@example.org", Member, ErrEmailTaken},
		{"Good Name", " GOOD@Example.ORG ", Member, ErrEmailTaken},
		{"", "x@example.org", Member, ErrName},
		{"X", "not an address", Member, ErrEmail},
		{"X", "x@example.org", "owner", ErrRole},
		{"X", "x@example.org", "", ErrRole},
	} {
		_, _, err := w.Create(actor(admin), c.name, c.email, c.role, noon)
		if c.want == nil && err != nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("Create(%q, %q, %q): %v, want %v", c.name, c.email, c.role, err, c.want)
		}
	}
	if n, err := w.Count(); n != 2 || err != nil {
		t.Errorf("%d accounts, %v", n, err)
	}
}

func TestTheLastAdministratorStays(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	// One who is only invited does not count.
	second, link, err := w.Create(actor(admin), "Second Admin", "second@example.org", Administrator, noon)
	if err != nil {
		t.Fatal(err)
	}
	try := func(want error) {
		t.Helper()
		_, err := w.SetRole(actor(admin), admin.ID, Member, noon)
		wantErr(t, "demote", err, want)
		_, err = w.Disable(Operator(), admin.ID, noon)
		wantErr(t, "disable", err, want)
		wantErr(t, "delete", w.Delete(actor(admin), admin.ID, noon), want)
	}
	try(ErrLastAdministrator)
	if a, err := w.Get(admin.ID); err != nil || a.Role != Administrator || a.State != Active {
		t.Fatalf("%+v, %v", a, err)
	}
	if _, _, err := w.Activate(t.Context(), link.Token.Reveal(), adminPhrase, desk, noon); err != nil {
		t.Fatal(err)
	}
	w.plant(second.ID)
	if _, err := w.Disable(actor(admin), second.ID, noon); err != nil {
		t.Fatal(err)
	}
	try(ErrLastAdministrator) // one who is disabled does not count either
	if _, err := w.Enable(actor(admin), second.ID, noon); err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(actor(second), admin.ID, noon); err != nil {
		t.Errorf("with a second one: %v", err)
	}
	if needed, err := w.SetupNeeded(); needed || err != nil {
		t.Errorf("set-up is needed again: %v", err)
	}
}

func TestDisableEndsEverythingAtOnce(t *testing.T) {
	// ASVS 7.4.2, 8.3.2
	w := newWorld(t)
	admin, _ := w.administrator()
	member, token := w.member(admin, "Grace Hopper", "grace@example.org")
	link, err := w.NewActivation(actor(admin), member.ID, noon)
	if err != nil {
		t.Fatal(err)
	}
	w.takeEnded()
	a, err := w.Disable(actor(admin), member.ID, noon)
	if err != nil || a.State != Disabled {
		t.Fatalf("%+v, %v", a, err)
	}
	if got := w.takeEnded(); len(got) != 1 || got[0].Account != member.ID || !got[0].All() || got[0].Reason != AccountDisabled {
		t.Errorf("listeners were told %+v", got)
	}
	if w.signedIn(token, noon) {
		t.Error("the session of a disabled account counts")
	}
	_, err = w.Activation(link.Token.Reveal(), noon)
	wantErr(t, "the link", err, ErrActivation)
	_, err = w.NewActivation(actor(admin), member.ID, noon)
	wantErr(t, "a new link", err, ErrDisabled)
	_, _, err = w.Login(t.Context(), "grace@example.org", memberPhrase, desk, noon)
	wantErr(t, "signing in", err, ErrCredentials)
	if a, err = w.Enable(actor(admin), member.ID, noon); err != nil || a.State != Active {
		t.Fatalf("%+v, %v", a, err)
	}
	if w.signedIn(token, noon) {
		t.Error("the old session counts again")
	}
	if _, _, err := w.Login(t.Context(), "grace@example.org", memberPhrase, desk, noon); err != nil {
		t.Errorf("signing in after Enable: %v", err)
	}
}

func TestDelete(t *testing.T) {
	// ASVS 7.4.2
	w := newWorld(t)
	admin, _ := w.administrator()
	member, token := w.member(admin, "Grace Hopper", "grace@example.org")
	link, err := w.NewActivation(actor(admin), member.ID, noon)
	if err != nil {
		t.Fatal(err)
	}
	w.takeEnded()
	if err := w.Delete(actor(admin), member.ID, noon); err != nil {
		t.Fatal(err)
	}
	if got := w.takeEnded(); len(got) != 1 || !got[0].All() || got[0].Reason != AccountDeleted {
		t.Errorf("listeners were told %+v", got)
	}
	_, err = w.Get(member.ID)
	wantErr(t, "Get", err, ErrNotFound)
	wantErr(t, "Delete again", w.Delete(actor(admin), member.ID, noon), ErrNotFound)
	_, err = w.Activation(link.Token.Reveal(), noon)
	wantErr(t, "the link", err, ErrActivation)
	if w.signedIn(token, noon) {
		t.Error("the session of a deleted account counts")
	}
	if page, _, err := w.List("grace", "", 10); err != nil || len(page) != 0 {
		t.Errorf("found: %v, %v", page, err)
	}
	if n, err := w.Count(); n != 1 || err != nil {
		t.Errorf("%d accounts, %v", n, err)
	}
	if again, _ := w.member(admin, "Grace Hopper", "grace@example.org"); again.ID == member.ID {
		t.Error("the address leads to the old account")
	}
}

func TestSetRole(t *testing.T) {
	// ASVS 8.2.3
	w := newWorld(t)
	admin, _ := w.administrator()
	member, token := w.member(admin, "Grace Hopper", "grace@example.org")
	w.takeEnded()
	a, err := w.SetRole(actor(admin), member.ID, Administrator, noon)
	if err != nil || a.Role != Administrator {
		t.Fatalf("%+v, %v", a, err)
	}
	if w.signedIn(token, noon) {
		t.Error("a session gained rights")
	}
	if got := w.takeEnded(); len(got) != 1 || got[0].Reason != RoleChanged {
		t.Errorf("listeners were told %+v", got)
	}
	// The next sign-in brings the hash to the cost of the role.
	if _, _, err := w.Login(t.Context(), "grace@example.org", memberPhrase, desk, noon); err != nil {
		t.Fatal(err)
	}
	var r record
	if err := w.db.View(func(tx *store.Tx) (err error) { r, err = load(tx, member.ID); return err }); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.Hash, "m=64,") {
		t.Errorf("the hash is still %s", r.Hash)
	}
	if _, _, err := w.Login(t.Context(), "grace@example.org", memberPhrase, desk, noon); err != nil {
		t.Errorf("after the new hash: %v", err)
	}
	_, err = w.SetRole(actor(admin), member.ID, "owner", noon)
	wantErr(t, "an unknown role", err, ErrRole)

	_, link, err := w.Create(actor(admin), "Short Phrase", "short@example.org", Member, noon)
	if err != nil {
		t.Fatal(err)
	}
	short, _, err := w.Activate(t.Context(), link.Token.Reveal(), "kyxmuzo wrat", desk, noon)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.SetRole(actor(admin), short.ID, Administrator, noon)
	wantErr(t, "an administrator with twelve characters", err, ErrPassphraseForRole)
}

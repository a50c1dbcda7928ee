package accounts

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

const theIssuer = "https://id.example.org"

// zoe is what a provider says of somebody at noon.
func zoe() Vouched {
	return Vouched{Issuer: theIssuer, Subject: "z1", Name: "Zoé Durand", Email: "zoe@example.org", EmailVerified: true, Role: Member, At: noon, SID: "s1"}
}

func (w *world) arrive(v Vouched) SignedIn {
	w.t.Helper()
	in, err := w.Arrive(v, Proof{}, desk, v.At)
	if err != nil {
		w.t.Fatal(err)
	}
	return in
}

func refusedAs(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
}

func TestWhoArrivesFromTheProvider(t *testing.T) {
	w := newWorld(t)
	_, err := w.Arrive(zoe(), Proof{}, desk, noon)
	refusedAs(t, err, ErrNotSetUp) // whoever installs the appliance would find their own address taken
	ada, _ := w.administrator()

	in := w.arrive(zoe())
	a := in.Account
	if a.Name != "Zoé Durand" || a.Email != "zoe@example.org" || a.Role != Member || a.State != Active || a.Source != Provider || a.Absent || a.FactorMissing || in.Recovery {
		t.Errorf("%+v", in)
	}
	who, s, err := w.Session(in.Session.Reveal(), noon)
	if err != nil || who.ID != a.ID || !s.Provided {
		t.Errorf("%+v, %+v, %v", who, s, err)
	}
	if e := w.entry(audit.LoginOK); e.Detail["by"] != "oidc" || e.Object != a.ID.String() {
		t.Errorf("%+v", e)
	}
	if e := w.entry(audit.AccountCreated); e.Detail["source"] != "oidc" || e.Actor != audit.ActorSystem {
		t.Errorf("%+v", e)
	}
	// The same person, whatever they are called now: name and address follow, sessions stay.
	v := zoe()
	v.Name, v.Email = "Zoé Martin", "zoe.martin@example.org"
	if again := w.arrive(v); again.Account.ID != a.ID || again.Account.Name != "Zoé Martin" || again.Account.Email != "zoe.martin@example.org" {
		t.Errorf("%+v", again.Account)
	}
	if _, _, err := w.Session(in.Session.Reveal(), noon); err != nil {
		t.Error(err)
	}
	// An address that nobody has verified changes nothing.
	v.Email, v.EmailVerified = "ada@example.org", false
	if again := w.arrive(v); again.Account.Email != "zoe.martin@example.org" {
		t.Errorf("%+v", again.Account)
	}
	// Nor does the address of somebody else: who has an account signs in all the same.
	v.EmailVerified = true
	if again := w.arrive(v); again.Account.Email != "zoe.martin@example.org" {
		t.Errorf("%+v", again.Account)
	}
	// A new role counts at once, and ends what was begun with the old one.
	v = zoe()
	v.Role = Organiser
	w.takeEnded()
	organiser := w.arrive(v)
	if organiser.Account.Role != Organiser {
		t.Errorf("%+v", organiser.Account)
	}
	if _, _, err := w.Session(in.Session.Reveal(), noon); !errors.Is(err, ErrNoSession) {
		t.Errorf("a session outlives a role: %v", err)
	}
	if list := w.takeEnded(); len(list) != 1 || list[0].Reason != RoleChanged || !list[0].All() {
		t.Errorf("%+v", list)
	}
	// What the provider decides isn't changed here, and there is no passphrase of ours.
	_, err = w.SetRole(actor(ada), a.ID, Member, noon)
	refusedAs(t, err, ErrFromSource)
	_, err = w.NewActivation(actor(ada), a.ID, noon)
	refusedAs(t, err, ErrFromSource)
	_, err = w.ChangePassphrase(t.Context(), a.ID, Proof{}, memberPhrase, desk, noon)
	refusedAs(t, err, ErrFromSource)
	_, err = w.signIn("zoe@example.org", "", "", desk, noon)
	refusedAs(t, err, ErrCredentials)
	// Who is shut out here stays out, whatever the provider says.
	if _, err = w.Disable(actor(ada), a.ID, noon); err != nil {
		t.Fatal(err)
	}
	_, err = w.Arrive(v, Proof{}, desk, noon)
	refusedAs(t, err, ErrDisabled)
	if e := w.entry(audit.LoginRefused); e.Object != a.ID.String() || e.Detail["reason"] != "account-disabled" || e.Detail["by"] != "oidc" {
		t.Errorf("%+v", e)
	}
	if err = w.Delete(actor(ada), a.ID, noon); err != nil {
		t.Error(err)
	}
}

// An account is never joined to another by its address: not on either side, and nothing is left of the try.
func TestNobodyIsJoinedByAnAddress(t *testing.T) {
	// ASVS 10.5.2
	w := newWorld(t)
	ada, _ := w.administrator()
	before, _ := w.Count()
	for _, email := range []string{"ada@example.org", "ADA@Example.org"} {
		v := zoe()
		v.Email = email
		_, err := w.Arrive(v, Proof{}, desk, noon)
		refusedAs(t, err, ErrEmailTaken)
	}
	if n, _ := w.Count(); n != before {
		t.Errorf("%d accounts", n)
	}
	if e := w.entry(audit.LoginRefused); e.Object != "" || e.Detail["reason"] != "email-taken" || strings.Contains(e.Detail["reason"], "@") {
		t.Errorf("%+v", e)
	}
	// The same subject at another provider is another person, and so is one whose name runs into the other's.
	one := w.arrive(zoe())
	for _, other := range [][2]string{{"https://id.example.net", "z1"}, {theIssuer + "/x", "z1"}, {theIssuer, "z1#"}, {theIssuer, "Z1"}} {
		v := zoe()
		v.Issuer, v.Subject = other[0], other[1]
		_, err := w.Arrive(v, Proof{}, desk, noon)
		refusedAs(t, err, ErrEmailTaken)
		v.Email = "other@example.org"
		if in := w.arrive(v); in.Account.ID == one.Account.ID {
			t.Errorf("%v is taken for somebody else", other)
		} else if err := w.Delete(actor(ada), in.Account.ID, noon); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range []Vouched{{Subject: "z1", At: noon}, {Issuer: theIssuer, At: noon}, {Issuer: theIssuer + "#x", Subject: "z1", At: noon}, {Issuer: theIssuer, Subject: strings.Repeat("z", 256), At: noon}} {
		if _, err := w.Arrive(v, Proof{}, desk, noon); err == nil || Code(err) != "" {
			t.Errorf("%+v: %v", v, err)
		}
	}
}

func TestWhoHasNoRoleIsShutOut(t *testing.T) {
	w := newWorld(t)
	w.administrator()
	v := zoe()
	v.Role = ""
	_, err := w.Arrive(v, Proof{}, desk, noon)
	refusedAs(t, err, ErrNoRole)
	v = zoe()
	v.EmailVerified = false
	_, err = w.Arrive(v, Proof{}, desk, noon)
	refusedAs(t, err, ErrEmailUnverified)
	v.EmailVerified, v.Email = true, "none"
	_, err = w.Arrive(v, Proof{}, desk, noon)
	refusedAs(t, err, ErrEmail)
	v = zoe()
	v.Name = "\x00"
	_, err = w.Arrive(v, Proof{}, desk, noon)
	refusedAs(t, err, ErrName)
	if n, _ := w.Count(); n != 1 {
		t.Errorf("%d accounts", n)
	}
	in := w.arrive(zoe())
	v = zoe()
	v.Role = ""
	for range 2 {
		_, err = w.Arrive(v, Proof{}, desk, noon)
		refusedAs(t, err, ErrNoRole)
	}
	if _, _, err := w.Session(in.Session.Reveal(), noon); !errors.Is(err, ErrNoSession) {
		t.Errorf("a session outlives the role: %v", err)
	}
	if a, _ := w.Get(in.Account.ID); !a.Absent || a.State != Disabled {
		t.Errorf("%+v", a)
	}
	if again := w.arrive(zoe()); again.Account.ID != in.Account.ID || again.Account.State != Active {
		t.Errorf("%+v", again.Account)
	}
	// The provider's word holds for a while, and is of no time to come.
	for _, at := range []time.Time{noon.Add(-vouchLifetime), noon.Add(2 * time.Minute)} {
		v = zoe()
		v.At = at
		_, err = w.Arrive(v, Proof{}, desk, noon)
		refusedAs(t, err, ErrVouchOver)
	}
}

func TestASecondFactorAfterTheProvider(t *testing.T) {
	w := newWorld(t)
	w.administrator()
	v := zoe()
	v.Role = Auditor // as the settings map it
	in := w.arrive(v)
	if !in.Account.FactorMissing {
		t.Error("an auditor needs a second factor")
	}
	if a, _, err := w.Session(in.Session.Reveal(), noon); err != nil || !a.FactorMissing {
		t.Errorf("%+v, %v", a, err)
	}
	// One that was shown to the provider does, in that session.
	v.SecondFactor = true
	vouched := w.arrive(v)
	if a, _, err := w.Session(vouched.Session.Reveal(), noon); err != nil || a.FactorMissing || vouched.Account.FactorMissing {
		t.Errorf("%+v, %v", a, err)
	}
	if a, _, err := w.Session(in.Session.Reveal(), noon); err != nil || !a.FactorMissing {
		t.Errorf("another session: %+v, %v", a, err)
	}
	// So does an administrator's, and nobody else's word for it does.
	admin := zoe()
	admin.Subject, admin.Email, admin.SID, admin.Role, admin.SecondFactor = "b1", "bea@example.org", "s9", Administrator, true
	bea := w.arrive(admin)
	_, s, err := w.Session(bea.Session.Reveal(), noon)
	if err != nil || !s.Vouched {
		t.Errorf("%+v, %v", s, err)
	}
	_, err = w.CreateGroup(Actor{Account: bea.Account.ID, Vouched: s.Vouched}, "One", noon)
	if err != nil {
		t.Error(err)
	}
	_, err = w.CreateGroup(Actor{Account: bea.Account.ID}, "Two", noon)
	refusedAs(t, err, ErrFactorMissing)
	// Own acts: there is no passphrase; that the provider has just vouched stands for it, and for a while only.
	id := in.Account.ID
	for _, p := range []Proof{{}, {Passphrase: memberPhrase}, {Proved: noon.Add(-ProofLifetime)}, {Passphrase: "x", Proved: time.Time{}}} {
		_, err := w.BeginTOTP(t.Context(), id, p, desk, noon)
		refusedAs(t, err, ErrProofNeeded)
	}
	refusedAs(t, w.Prove(t.Context(), in.Session.Reveal(), Proof{Proved: noon}, desk, noon), ErrProofNeeded) // a proof doesn't prolong itself
	e, err := w.BeginTOTP(t.Context(), id, Proof{Proved: noon}, desk, noon)
	if err != nil {
		t.Fatal(err)
	}
	ph := newPhone(t, e)
	c, err := w.ConfirmTOTP(id, ph.code(noon), desk, noon)
	if err != nil {
		t.Fatal(err)
	}
	// What begins in the place of the sessions that ended belongs to the provider's session as they did.
	if _, s, err := w.Session(c.Session.Reveal(), noon); err != nil || !s.Provided {
		t.Errorf("%+v, %v", s, err)
	}
	if n, err := w.EndProvided(theIssuer, "", "s1", noon); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	// From now on ours is asked for, unless the provider vouches for one.
	v.SecondFactor = false
	later := noon.Add(time.Minute)
	v.At = later
	_, err = w.Arrive(v, Proof{}, desk, later)
	if needs, ok := errors.AsType[NeedsFactor](err); !ok || !needs.TOTP || needs.Passkey {
		t.Errorf("%v", err)
	}
	_, err = w.Arrive(v, Proof{Code: ph.wrong(later)}, desk, later)
	refusedAs(t, err, ErrCodeWrong)
	if e := w.entry(audit.FactorRefused); e.Object != id.String() || e.Detail["failures"] != "1" {
		t.Errorf("%+v", e)
	}
	code := ph.code(later)
	if in, err = w.Arrive(v, Proof{Code: code}, desk, later); err != nil || in.Account.FactorMissing {
		t.Errorf("%+v, %v", in, err)
	}
	_, err = w.Arrive(v, Proof{Code: code}, desk, later)
	refusedAs(t, err, ErrCodeWrong) // used
	if got, err := w.Arrive(v, Proof{Code: c.Recovery[0].Reveal()}, desk, later); err != nil || !got.Recovery || got.RecoveryLeft != len(c.Recovery)-1 {
		t.Errorf("%+v, %v", got, err)
	}
	v.SecondFactor = true
	w.arrive(v)
	// Who guesses codes waits; strangers who type passphrases for the address keep nobody out of the provider's way.
	v.SecondFactor = false
	for range 8 {
		_, err = w.Arrive(v, Proof{Code: ph.wrong(later)}, desk, later)
	}
	refusedAs(t, err, ErrTooMany{})
	v.SecondFactor = true
	w.arrive(v)
}

func TestProveByProvider(t *testing.T) {
	w := newWorld(t)
	_, adas := w.administrator()
	in := w.arrive(zoe())
	later := noon.Add(time.Hour)
	v := zoe()
	v.At, v.Fresh = later, true
	token := in.Session.Reveal()
	if err := w.ProveByProvider(token, v, Proof{}, desk, later); err != nil {
		t.Fatal(err)
	}
	if _, s, err := w.Session(token, later); err != nil || !s.Proved.Equal(later) {
		t.Errorf("%+v, %v", s, err)
	}
	stale := v
	stale.Fresh = false
	refusedAs(t, w.ProveByProvider(token, stale, Proof{}, desk, later), ErrVouchOver)
	refusedAs(t, w.ProveByProvider(token, v, Proof{}, desk, later.Add(vouchLifetime)), ErrVouchOver)
	refusedAs(t, w.ProveByProvider(adas.Reveal(), v, Proof{}, desk, later), ErrOtherPerson)
	other := v
	other.Subject = "y1"
	refusedAs(t, w.ProveByProvider(token, other, Proof{}, desk, later), ErrOtherPerson)
	refusedAs(t, w.ProveByProvider("x", v, Proof{}, desk, later), ErrNoSession)
	// With a second factor of ours it takes that too.
	e, err := w.BeginTOTP(t.Context(), in.Account.ID, Proof{Proved: later}, desk, later)
	if err != nil {
		t.Fatal(err)
	}
	ph := newPhone(t, e)
	c, err := w.ConfirmTOTP(in.Account.ID, ph.code(later), desk, later)
	if err != nil {
		t.Fatal(err)
	}
	later = later.Add(time.Minute)
	v.At, token = later, c.Session.Reveal()
	refusedAs(t, w.ProveByProvider(token, v, Proof{}, desk, later), ErrSecondFactorNeeded)
	refusedAs(t, w.ProveByProvider(token, v, Proof{Code: ph.wrong(later)}, desk, later), ErrCodeWrong)
	if err := w.ProveByProvider(token, v, Proof{Code: ph.code(later)}, desk, later); err != nil {
		t.Error(err)
	}
}

func TestEndProvided(t *testing.T) {
	w := newWorld(t)
	_, adas := w.administrator()
	sign := func(subject, sid string) Token {
		v := zoe()
		v.Subject, v.SID, v.Email = subject, sid, subject+"@example.org"
		return w.arrive(v).Session
	}
	live := func(list ...Token) (out []bool) {
		for _, s := range list {
			_, _, err := w.Session(s.Reveal(), noon)
			out = append(out, err == nil)
		}
		return out
	}
	one, two, three, four := sign("z1", "s1"), sign("z1", "s2"), sign("y1", "s3"), sign("z1", "")
	end := func(issuer, subject, sid string, want int) {
		t.Helper()
		if n, err := w.EndProvided(issuer, subject, sid, noon); n != want || err != nil {
			t.Errorf("%s %s %s: %d, %v", issuer, subject, sid, n, err)
		}
	}
	end("https://id.example.net", "", "s1", 0)
	end("https://id.example.net", "z1", "", 0)
	end(theIssuer, "", "none", 0)
	end(theIssuer, "nobody", "", 0)
	end(theIssuer, "y1", "s1", 0) // of somebody else
	end(theIssuer, "", "", 0)
	if got := live(one, two, three, four); slices.Contains(got, false) {
		t.Errorf("%v", got)
	}
	w.takeEnded()
	end(theIssuer, "z1", "s1", 1)
	if got := live(one, two, three, four); !reflect.DeepEqual(got, []bool{false, true, true, true}) {
		t.Errorf("%v", got)
	}
	if list := w.takeEnded(); len(list) != 1 || list[0].Reason != EndedAtProvider || list[0].All() {
		t.Errorf("%+v", list)
	}
	if e := w.entry(audit.SessionEnded); e.Detail["reason"] != "provider" || e.Actor != audit.ActorSystem {
		t.Errorf("%+v", e)
	}
	end(theIssuer, "", "s3", 1)
	end(theIssuer, "z1", "", 2)
	if got := live(one, two, three, four, adas); !reflect.DeepEqual(got, []bool{false, false, false, false, true}) {
		t.Errorf("%v", got)
	}
	// Nothing stays in the index.
	sign("z1", "s4")
	if err := w.Sweep(noon.AddDate(0, 0, 2)); err != nil {
		t.Fatal(err)
	}
	if err := w.db.View(func(tx *store.Tx) error {
		tx.Scan(providedBucket, nil, nil, 0, func(k, _ []byte) bool { t.Errorf("%x", k); return true })
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestWhoIsProvisionedAndVouchedFor(t *testing.T) {
	w := newWorld(t)
	ada, _ := w.administrator()
	hr, _ := w.provisioner(ada, ProvisionerWish{Organisers: true})
	made, err := w.Provision(hr, ProvisionedPerson{UserName: "zoe", Subject: "u-17", Display: "Zoé D.", Email: "zoe@example.org", Role: Organiser}, noon)
	if err != nil {
		t.Fatal(err)
	}
	id := made.Account.ID
	if w.record(id).state() != Invited {
		t.Fatal("a provisioned account waits for its passphrase")
	}
	// Without the setting, the address is somebody else's.
	_, err = w.Arrive(zoe(), Proof{}, desk, noon)
	refusedAs(t, err, ErrEmailTaken)
	v := zoe()
	v.Provisioned, v.Role, v.EmailVerified = "u-17", "", false
	in := w.arrive(v)
	// Name, address and role are those of whoever provisions.
	if a := in.Account; a.ID != id || a.Name != "Zoé D." || a.Role != Organiser || a.Source != Provisioned || a.State != Active {
		t.Errorf("%+v", a)
	}
	if e := w.entry(audit.AccountVouched); e.Object != id.String() {
		t.Errorf("%+v", e)
	}
	if again := w.arrive(v); again.Account.ID != id {
		t.Errorf("%+v", again.Account)
	}
	fresh := v
	fresh.Fresh = true
	if err := w.ProveByProvider(in.Session.Reveal(), fresh, Proof{}, desk, noon); err != nil {
		t.Error(err)
	}
	fresh.Provisioned = "u-18"
	refusedAs(t, w.ProveByProvider(in.Session.Reveal(), fresh, Proof{}, desk, noon), ErrOtherPerson)
	if n, err := w.EndProvided(theIssuer, "z1", "", noon); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	_, err = w.signIn("zoe@example.org", "", "", desk, noon)
	refusedAs(t, err, ErrCredentials) // it has no passphrase yet
	_, err = w.BeginTOTP(t.Context(), id, Proof{Passphrase: "x"}, desk, noon)
	refusedAs(t, err, ErrProofNeeded)
	// The provider's name of the person, and that of whoever provisions, are of two people.
	other := v
	other.Provisioned = "u-18"
	_, err = w.Arrive(other, Proof{}, desk, noon)
	refusedAs(t, err, ErrOtherPerson)
	other.Provisioned = ""
	_, err = w.Arrive(other, Proof{}, desk, noon)
	refusedAs(t, err, ErrOtherPerson)
	// Made anew at the provider, they are the same person, by the setting; who they were no longer comes in.
	anew := v
	anew.Subject = "z2"
	if in := w.arrive(anew); in.Account.ID != id {
		t.Errorf("%+v", in.Account)
	}
	// Where whoever provisions has shut them out, or an administrator, nobody vouches for them.
	if _, err := w.Disable(actor(ada), id, noon); err != nil {
		t.Fatal(err)
	}
	_, err = w.Arrive(anew, Proof{}, desk, noon)
	refusedAs(t, err, ErrDisabled)
}

func TestGroupsOfTheProvider(t *testing.T) {
	w := newWorld(t)
	ada, _ := w.administrator()
	ours, err := w.CreateGroup(actor(ada), "Bureau", noon)
	if err != nil {
		t.Fatal(err)
	}
	v := zoe()
	v.Groups = []string{"/visio", "staff", "bureau", "a\nb"} // one has the name of another of ours, one is no name
	a := w.arrive(v).Account
	names := func() (out []string) {
		list, err := w.Groups("", 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range list {
			if w.inGroup(a.ID, g.ID) {
				out = append(out, g.Name+" "+string(g.Source))
			}
		}
		return out
	}
	if got := names(); !reflect.DeepEqual(got, []string{"staff oidc", "visio oidc"}) {
		t.Errorf("%v", got)
	}
	if _, err := w.ChangeMembers(actor(ada), ours.ID, []ID{a.ID}, nil, noon); err != nil {
		t.Fatal(err)
	}
	v.Groups = []string{"staff"}
	w.arrive(v)
	if got := names(); !reflect.DeepEqual(got, []string{"Bureau ", "staff oidc"}) {
		t.Errorf("%v", got)
	}
	v.Groups = nil // followed no more
	w.arrive(v)
	if got := names(); len(got) != 2 {
		t.Errorf("%v", got)
	}
	v.Groups = []string{}
	w.arrive(v)
	if got := names(); !reflect.DeepEqual(got, []string{"Bureau "}) {
		t.Errorf("%v", got)
	}
}

func (w *world) inGroup(account ID, g GroupID) (in bool) {
	if err := w.db.View(func(tx *store.Tx) error { in = InGroups(tx, account, []GroupID{g}); return nil }); err != nil {
		w.t.Fatal(err)
	}
	return in
}

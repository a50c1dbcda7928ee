package ldap

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

// A house is accounts that are fed by a real directory.
type house struct {
	*slapd
	t        testing.TB
	client   *Client
	accounts *accounts.Accounts
	trail    *audit.Log
	sync     *Sync
	chief    accounts.Actor
	seed     []byte // of the chief's second factor
	ended    []accounts.Ended
	now      time.Time
	logged   *strings.Builder
}

const adminPhrase = "girofle tandem bruyant 93 escalier"

var desk = accounts.Client{Address: netip.MustParseAddr("192.0.2.7"), Agent: "test"}

func newHouse(t testing.TB, ldif string, change func(*Settings)) *house {
	t.Helper()
	h := &house{slapd: startSlapd(t, ldif, "", ""), t: t, now: time.Now(), logged: new(strings.Builder)}
	h.client, _ = h.slapd.client(change)
	dir := t.TempDir()
	db, err := store.Open(filepath.Join(dir, "db"), store.Options{})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	must(t, db.Migrate(append([]store.Migration{{Version: 1, Name: "audit", Run: audit.CreateAll}}, accounts.Migrations(2)...)))
	pepper, err := accounts.OpenPepper(db, filepath.Join(dir, "pepper"), rand.Reader)
	must(t, err)
	cheap := passhash.Params{Memory: 64, Time: 1, Threads: 1}
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader, Pepper: pepper, Refusal: cheap})
	must(t, err)
	h.trail = audit.New(db)
	h.accounts, err = accounts.New(db, h.trail, hasher, rand.Reader, accounts.Options{MemberHash: cheap, AdministratorHash: cheap, Directory: h.client,
		MemberSession: accounts.Lifetime{Idle: 12 * time.Hour, Absolute: 24 * time.Hour}}) // hours pass in these tests
	must(t, err)
	h.accounts.OnEnded(func(e accounts.Ended) { h.ended = append(h.ended, e) })
	code, _, err := h.accounts.SetupCode(h.now)
	must(t, err)
	a, _, err := h.accounts.Setup(t.Context(), code.Reveal(), "Racine", "racine@example.org", adminPhrase, desk, h.now)
	must(t, err)
	h.giveFactor(a.ID)
	h.chief = accounts.Actor{Account: a.ID, Client: desk.Address, Proved: h.now}
	h.sync = &Sync{Client: h.client, Accounts: h.accounts, Audit: h.trail, Log: slog.New(slog.NewTextHandler(h.logged, nil)),
		Now: func() time.Time { return h.now }, Within: time.Minute}
	return h
}

// giveFactor sets up the second factor without which an administrator may do nothing.
func (h *house) giveFactor(id accounts.ID) {
	h.t.Helper()
	e, err := h.accounts.BeginTOTP(h.t.Context(), id, accounts.Proof{Passphrase: adminPhrase}, desk, h.now)
	must(h.t, err)
	seed, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(e.Secret.Reveal(), " ", ""))
	must(h.t, err)
	h.seed = seed
	_, err = h.accounts.ConfirmTOTP(id, h.code(0), desk, h.now)
	must(h.t, err)
}

// code is what the chief's telephone shows so many steps from now (RFC 4226 §5.3, RFC 6238 §4.2).
func (h *house) code(ahead int64) string {
	mac := hmac.New(sha1.New, h.seed)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(h.now.Unix()/30+ahead)))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1000000)
}

// loginChief signs the administrator in, with the code of the step after the one that confirmed the factor.
func (h *house) loginChief() error {
	_, err := h.accounts.Login(h.t.Context(), "racine@example.org", accounts.Proof{Passphrase: adminPhrase, Code: h.code(1)}, desk, h.now)
	return err
}

func (h *house) run(o Order) Report {
	h.t.Helper()
	r, err := h.sync.Run(h.t.Context(), o)
	must(h.t, err)
	return r
}

func (h *house) login(email, passphrase string) (accounts.SignedIn, error) {
	return h.accounts.Login(h.t.Context(), email, accounts.Proof{Passphrase: passphrase}, desk, h.now)
}

func (h *house) account(email string) accounts.Account {
	h.t.Helper()
	list, _, err := h.accounts.List(email, "", 10)
	must(h.t, err)
	if len(list) != 1 {
		h.t.Fatalf("%d accounts with %s", len(list), email)
	}
	return list[0]
}

// actions are the log's actions since the entry with the sequence since, the oldest first.
func (h *house) actions(since uint64) (list []audit.Action) {
	h.t.Helper()
	entries, err := h.trail.List(0, audit.MaxPage)
	must(h.t, err)
	for _, e := range slices.Backward(entries) {
		if e.Sequence > since {
			list = append(list, e.Action)
		}
	}
	return list
}

func (h *house) head() uint64 {
	h.t.Helper()
	head, err := h.trail.Head()
	must(h.t, err)
	return head.Sequence
}

func many(n int) string {
	var b strings.Builder
	b.WriteString(root)
	for i := range n {
		uid := fmt.Sprintf("p%02d", i)
		b.WriteString(person(uid, "Personne "+uid, uid+"@example.org", "phrase de "+uid))
	}
	return b.String()
}

func TestSyncMakesFollowsAndShuts(t *testing.T) {
	h := newHouse(t, three(), func(o *Settings) { o.Groups = []Group{{"cn=chefs,dc=example,dc=org", accounts.Auditor}} })
	dry := h.run(Order{Dry: true})
	if n, _ := h.accounts.Count(); dry.Created != 3 || n != 1 || h.sync.Status().Last != (time.Time{}) {
		t.Errorf("dry run: %+v, %d accounts", dry, n)
	}
	r := h.run(Order{})
	if r.Created != 3 || r.People != 3 || r.Changed+r.Shut+r.Opened+r.Troubled+r.Refused != 0 {
		t.Errorf("first: %+v", r)
	}
	// The second one changes nothing, and says nothing.
	at := h.head()
	if r := h.run(Order{}); r.Created+r.Changed+r.Shut+r.Opened != 0 || h.head() != at {
		t.Errorf("second: %+v, %v", r, h.actions(at))
	}
	jean, err := h.login("jean@example.org", "vingt-quatre mille six cent un")
	must(t, err)
	if jean.Account.Source != accounts.Directory || jean.Account.Role != accounts.Member || jean.Account.FactorMissing {
		t.Errorf("jean is %+v", jean.Account)
	}
	// A role that is privileged needs the second factor that is ours.
	ada, err := h.login("ada@example.org", "ada a une phrase")
	must(t, err)
	if ada.Account.Role != accounts.Auditor || !ada.Account.FactorMissing {
		t.Errorf("ada is %+v", ada.Account)
	}
	enrolment, err := h.accounts.BeginTOTP(t.Context(), ada.Account.ID, accounts.Proof{Passphrase: "ada a une phrase"}, desk, h.now)
	if err != nil || enrolment.Secret.Reveal() == "" {
		t.Errorf("second factor: %v", err)
	}
	if _, err := h.accounts.BeginTOTP(t.Context(), ada.Account.ID, accounts.Proof{Passphrase: "a guess"}, desk, h.now); !errors.Is(err, accounts.ErrPassphraseWrong) {
		t.Errorf("second factor with a wrong passphrase: %v", err)
	}

	// Zoé marries and moves, Jean leaves, Ada is no longer in the group.
	h.set("uid=zoe", "displayName", "Zoé Martin")
	h.set("uid=zoe", "mail", "Zoe.Martin@example.org")
	h.set("cn=chefs", "member", "uid=zoe,dc=example,dc=org")
	h.remove("uid=jean")
	h.ended = nil
	r = h.run(Order{})
	if r.Changed != 2 || r.Shut != 1 || r.Missing != 1 || r.Held {
		t.Errorf("third: %+v", r)
	}
	for _, token := range []string{jean.Session.Reveal(), ada.Session.Reveal()} {
		if _, _, err := h.accounts.Session(token, h.now); !errors.Is(err, accounts.ErrNoSession) {
			t.Errorf("a session outlived the synchronisation: %v", err)
		}
	}
	if !slices.ContainsFunc(h.ended, func(e accounts.Ended) bool {
		return e.Account == jean.Account.ID && e.All() && e.Reason == accounts.SourceDecided
	}) {
		t.Errorf("told of %v", h.ended)
	}
	if _, err := h.login("jean@example.org", "vingt-quatre mille six cent un"); !errors.Is(err, accounts.ErrCredentials) {
		t.Errorf("jean signs in: %v", err)
	}
	if z := h.account("zoe.martin@example.org"); z.Name != "Zoé Martin" || z.Role != accounts.Auditor || z.Email != "Zoe.Martin@example.org" {
		t.Errorf("zoé is %+v", z)
	}
	if a := h.account("ada@example.org"); a.Role != accounts.Member {
		t.Errorf("ada is %+v", a)
	}
	if _, err := h.login("zoe.martin@example.org", "zoé, ça va ?"); err != nil {
		t.Errorf("zoé can't sign in under the new address: %v", err)
	}

	// Somebody new with Jean's address is not Jean.
	h.admin(func(c *ldap.Conn) error {
		add := ldap.NewAddRequest("uid=valj,"+base, nil)
		for name, value := range map[string]string{"objectClass": "inetOrgPerson", "uid": "valj", "cn": "Un autre Jean", "sn": "Jean", "mail": "jean@example.org",
			"userPassword": "je ne suis pas celui-là"} {
			add.Attribute(name, []string{value})
		}
		return c.Add(add)
	})
	r = h.run(Order{})
	if r.Created != 0 || r.Troubled != 1 || r.Problems[0].Code != "email-taken" {
		t.Errorf("fourth: %+v", r)
	}
	if _, err := h.login("jean@example.org", "je ne suis pas celui-là"); !errors.Is(err, accounts.ErrCredentials) {
		t.Errorf("another has Jean's account: %v", err)
	}
	// Once Jean's account is deleted, the address is free.
	must(t, h.accounts.Delete(h.chief, jean.Account.ID, h.now))
	if r = h.run(Order{}); r.Created != 1 || r.Troubled != 0 {
		t.Errorf("fifth: %+v", r)
	}
}

func TestAnAddressOfOursIsNeverTakenOver(t *testing.T) {
	// ASVS 6.8.1
	h := newHouse(t, root+person("eve", "Eve", "racine@example.org", "je veux tout")+person("zoe", "Zoé", "zoe@example.org", "zoé, ça va ?"), nil)
	r := h.run(Order{})
	if r.Created != 1 || r.Troubled != 1 || r.Problems[0] != (accounts.FollowedProblem{Code: "email-taken", Name: "Eve", Email: "racine@example.org"}) {
		t.Errorf("%+v", r)
	}
	if a := h.account("racine@example.org"); a.Source != accounts.Local || a.Name != "Racine" {
		t.Errorf("the account of ours is %+v", a)
	}
	if _, err := h.login("racine@example.org", "je veux tout"); !errors.Is(err, accounts.ErrCredentials) {
		t.Errorf("Eve: %v", err)
	}
	if err := h.loginChief(); err != nil {
		t.Errorf("the owner: %v", err)
	}
	// Nor later, by a change of address.
	h.set("uid=zoe", "mail", "RACINE@example.org")
	if r = h.run(Order{}); r.Troubled != 1 || r.Refused != 1 || r.Changed != 0 || r.Shut != 0 || h.account("zoe@example.org").Name != "Zoé" {
		t.Errorf("%+v", r)
	}
}

func TestTooManyGoneShutsNobody(t *testing.T) {
	h := newHouse(t, many(11), nil)
	if r := h.run(Order{}); r.Created != 11 {
		t.Fatalf("%+v", r)
	}
	in, err := h.login("p03@example.org", "phrase de p03")
	must(t, err)
	at := h.head()
	all := h.client.s.Filter
	h.client.s.Filter = "(&(objectClass=inetOrgPerson)(|(uid=p00)(uid=p01)(uid=p02)(uid=p04)(uid=p05)))"
	for range 3 {
		if r := h.run(Order{}); !r.Held || r.Missing != 6 || r.Accounts != 11 || r.Shut != 0 {
			t.Errorf("%+v", r)
		}
	}
	if got := h.actions(at); !slices.Equal(got, []audit.Action{audit.DirectoryHeld}) {
		t.Errorf("log: %v", got)
	}
	if _, _, err := h.accounts.Session(in.Session.Reveal(), h.now); err != nil || !strings.Contains(h.logged.String(), "more than half") {
		t.Errorf("session: %v; log: %s", err, h.logged)
	}
	// Five of eleven are not more than half.
	h.client.s.Filter = "(&(objectClass=inetOrgPerson)(!(|(uid=p06)(uid=p07)(uid=p08)(uid=p09)(uid=p10))))"
	if r := h.run(Order{}); r.Held || r.Shut != 5 {
		t.Errorf("%+v", r)
	}
	h.client.s.Filter = "(uid=p00)"
	if r := h.run(Order{By: &h.chief, Anyway: true}); r.Held || r.Shut != 5 {
		t.Errorf("%+v", r)
	}
	if _, _, err := h.accounts.Session(in.Session.Reveal(), h.now); !errors.Is(err, accounts.ErrNoSession) {
		t.Errorf("session: %v", err)
	}
	h.client.s.Filter = all
	if r := h.run(Order{}); r.Opened != 10 || r.Created != 0 {
		t.Errorf("%+v", r)
	}
	if _, err := h.login("p03@example.org", "phrase de p03"); err != nil {
		t.Error(err)
	}
}

// TestAnErrorInTheMiddleChangesNothing: the server gives two pages and no more (a size limit that pages count in).
func TestAnErrorInTheMiddleChangesNothing(t *testing.T) {
	h := newHouse(t, many(9), nil)
	h.run(Order{})
	at := h.head()
	h.stop()
	conf, err := readFile(h.path("slapd.conf"))
	must(t, err)
	must(t, writeFile(h.path("slapd.conf"), conf+"limits * size.prtotal=4 size=4\n"))
	h.start()
	for range 2 {
		_, err = h.sync.Run(t.Context(), Order{})
		if kind(err) != Limited {
			t.Fatalf("People: %v", err)
		}
	}
	h.stop()
	if _, err = h.sync.Run(t.Context(), Order{}); kind(err) != Unreachable {
		t.Errorf("%v", err)
	}
	if got := h.actions(at); !slices.Equal(got, []audit.Action{audit.DirectoryFailed}) {
		t.Errorf("log: %v", got)
	}
	if s := h.sync.Status(); s.Failure == nil || s.Report.People != 9 {
		t.Errorf("status %+v", s)
	}
	must(t, writeFile(h.path("slapd.conf"), conf))
	h.start()
	if r := h.run(Order{}); r.Shut+r.Changed+r.Created != 0 || h.sync.Status().Failure != nil {
		t.Errorf("%+v", r)
	}
	if got := h.actions(at); !slices.Equal(got, []audit.Action{audit.DirectoryFailed, audit.DirectoryBack}) {
		t.Errorf("log: %v", got)
	}
}

func TestADirectoryThatIsDown(t *testing.T) {
	h := newHouse(t, three(), nil)
	h.run(Order{})
	in, err := h.login("zoe@example.org", "zoé, ça va ?")
	must(t, err)
	h.stop()
	// Whoever fails gets the same answer, and is counted the same.
	for _, email := range []string{"zoe@example.org", "racine@example.org", "nobody@example.org", "no address"} {
		for n := range 5 {
			if _, err := h.login(email, "some passphrase"); !errors.Is(err, accounts.ErrSource) {
				t.Errorf("%s, try %d: %v", email, n, err)
			}
			h.now = h.now.Add(5 * time.Minute) // the waits of the network they come from are over
		}
		h.now = h.now.Add(time.Hour)
	}
	if _, err := h.login("zoe@example.org", "zoé, ça va ?"); !errors.Is(err, accounts.ErrSource) {
		t.Errorf("zoé: %v", err)
	}
	// Who has a passphrase of ours comes in, and sessions go on.
	if err := h.loginChief(); err != nil {
		t.Errorf("an account of ours: %v", err)
	}
	if _, _, err := h.accounts.Session(in.Session.Reveal(), h.now); err != nil {
		t.Errorf("the session: %v", err)
	}
	h.now = h.now.Add(time.Hour)
	if _, err := h.accounts.BeginTOTP(t.Context(), in.Account.ID, accounts.Proof{Passphrase: "zoé, ça va ?"}, desk, h.now); !errors.Is(err, accounts.ErrSource) {
		t.Errorf("second factor: %v", err)
	}
}

func TestWhatTheDirectoryDecidesIsNotOurs(t *testing.T) {
	h := newHouse(t, three(), nil)
	h.run(Order{})
	zoe := h.account("zoe@example.org")
	_, named := h.accounts.Rename(h.chief, zoe.ID, "Zoé à nous", h.now)
	_, roled := h.accounts.SetRole(h.chief, zoe.ID, accounts.Organiser, h.now)
	_, linked := h.accounts.NewActivation(h.chief, zoe.ID, h.now)
	_, changed := h.accounts.ChangePassphrase(t.Context(), zoe.ID, accounts.Proof{Passphrase: "zoé, ça va ?"}, "vingt vaches valsent vite", desk, h.now)
	for name, err := range map[string]error{"rename": named, "role": roled, "activation": linked, "passphrase": changed,
		"delete": h.accounts.Delete(h.chief, zoe.ID, h.now)} {
		if !errors.Is(err, accounts.ErrFromSource) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Our own word counts as well as the directory's: both must let somebody in.
	_, err := h.accounts.Disable(h.chief, zoe.ID, h.now)
	must(t, err)
	h.run(Order{})
	if _, err := h.login("zoe@example.org", "zoé, ça va ?"); !errors.Is(err, accounts.ErrCredentials) || h.account("zoe@example.org").State != accounts.Disabled {
		t.Errorf("zoé: %v", err)
	}
	h.remove("uid=zoe")
	h.run(Order{})
	_, err = h.accounts.Enable(h.chief, zoe.ID, h.now)
	must(t, err)
	if z := h.account("zoe@example.org"); z.State != accounts.Disabled || !z.Absent {
		t.Errorf("zoé is %+v", z)
	}
	if err := h.accounts.Delete(h.chief, zoe.ID, h.now); err != nil {
		t.Error(err)
	}
}

// TestOnlyAdministratorsOrderASync, and one runs at a time.
func TestOnlyAdministratorsOrderASync(t *testing.T) {
	h := newHouse(t, three(), nil)
	h.run(Order{By: &h.chief})
	zoe := accounts.Actor{Account: h.account("zoe@example.org").ID}
	for _, dry := range []bool{false, true} {
		if _, err := h.sync.Run(t.Context(), Order{By: &zoe, Dry: dry}); !errors.Is(err, accounts.ErrForbidden) {
			t.Errorf("dry %v: %v", dry, err)
		}
	}
	h.sync.running.Lock()
	if _, err := h.sync.Run(t.Context(), Order{}); !errors.Is(err, ErrRunning) {
		t.Error(err)
	}
	h.sync.running.Unlock()
}

// TestTheLastAdministratorIsOurs: a directory may shut its administrators out, whoever is left.
func TestTheLastAdministratorIsOurs(t *testing.T) {
	h := newHouse(t, three(), func(o *Settings) { o.Groups = []Group{{"cn=chefs,dc=example,dc=org", accounts.Administrator}} })
	h.run(Order{})
	if _, err := h.accounts.Disable(h.chief, h.chief.Account, h.now); !errors.Is(err, accounts.ErrLastAdministrator) {
		t.Errorf("the last of ours: %v", err)
	}
	h.remove("uid=ada")
	if r := h.run(Order{}); r.Shut != 1 {
		t.Errorf("%+v", r)
	}
	if a := h.account("ada@example.org"); a.State != accounts.Disabled {
		t.Errorf("ada is %+v", a)
	}
}

package accounts

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

// Killed in mixed writes: each is announced before and acknowledged after. What was acknowledged holds in every field that it
// changed, the one that was only announced has happened wholly or not at all, no index disagrees with a record, the audit log
// verifies from each acknowledged head, and the engine's own check of the file finds nothing.
//
//	make test-kill                (200 rounds; make test-kill ROUNDS=1000)
const mixedChild = "HUISCLOS_KILL_CHILD_ACCOUNTS" // path of the database; set in the child only

// step is a line of the child: what it is about to do, or has done.
type step struct {
	Did   bool   `json:"did,omitempty"`
	Op    string `json:"op"`
	ID    string `json:"id,omitempty"`
	Value string `json:"value,omitempty"` // the new name, passphrase or address; the session that ends
	Token string `json:"token,omitempty"` // of the session that begins
	Head  string `json:"head,omitempty"`
	Seq   uint64 `json:"seq,omitempty"`
}

func phraseOf(n int) string { return fmt.Sprintf("poivre lanterne %d gravier", n) }

// mixedActs makes accounts and does to each what is done to accounts, in an order of chance, until it is killed.
func mixedActs(path string) error {
	db, err := store.Open(path, store.Options{})
	if err != nil {
		return err
	}
	if err := db.Migrate(migrations); err != nil {
		return err
	}
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader, Refusal: cheap})
	if err != nil {
		return err
	}
	log := audit.New(db)
	a, err := New(db, log, hasher, rand.Reader, Options{MemberHash: cheap, AdministratorHash: cheap})
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	do := func(s step, f func(*step) error) error {
		if err := out.Encode(s); err != nil {
			return err
		}
		if err := f(&s); err != nil {
			return fmt.Errorf("%s: %w", s.Op, err)
		}
		s.Did = true
		return out.Encode(s)
	}
	for n := time.Now().UnixNano(); ; n++ {
		if err := mixedLife(a, do, int(n)); err != nil {
			return err
		}
		head, err := log.Head()
		if err != nil {
			return err
		}
		if err := out.Encode(step{Did: true, Op: "head", Head: head.Hash.String(), Seq: head.Sequence}); err != nil {
			return err
		}
	}
}

// mixedLife is one account's.
func mixedLife(a *Accounts, do func(step, func(*step) error) error, n int) error {
	ctx := context.Background()
	email := fmt.Sprintf("u%d@example.org", n)
	var account Account
	var link Activation
	var session Token
	err := do(step{Op: "create", Value: email}, func(s *step) (err error) {
		account, link, err = a.Create(Operator(), "Person", email, Member, noon)
		s.ID = account.ID.String()
		return err
	})
	if err != nil {
		return err
	}
	id, phrase, factor, disabled := account.ID.String(), phraseOf(n), false, false
	own, leaves, moved, undo, emails := Actor{Account: account.ID, Proved: noon}, false, 0, "", []string{email}
	err = do(step{Op: "activate", ID: id, Value: phrase}, func(s *step) (err error) {
		_, session, err = a.Activate(ctx, link.Token.Reveal(), phrase, desk, noon)
		s.Token = session.Reveal()
		return err
	})
	if err != nil {
		return err
	}
	for i := range 8 {
		var err error
		switch op := mathrand.IntN(9); {
		case disabled:
			err = do(step{Op: "enable", ID: id}, func(*step) error { disabled = false; _, err := a.Enable(Operator(), account.ID, noon); return err })
		case op == 0:
			name := fmt.Sprintf("Person Named %d %d", n, i)
			err = do(step{Op: "rename", ID: id, Value: name}, func(*step) error { _, err := a.Rename(Operator(), account.ID, name, noon); return err })
		case op == 1:
			disabled = true
			err = do(step{Op: "disable", ID: id}, func(*step) error { _, err := a.Disable(Operator(), account.ID, noon); return err })
		case op == 2 && !factor:
			next := phraseOf(n + 1 + i)
			err = do(step{Op: "phrase", ID: id, Value: next}, func(s *step) error {
				t, err := a.ChangePassphrase(ctx, account.ID, Proof{Passphrase: phrase}, next, desk, noon)
				phrase, session, s.Token = next, t, t.Reveal()
				return err
			})
		case op == 3 && !factor:
			factor = true
			err = mixedFactor(a, do, account.ID, phrase, &session)
		case op == 4 && !factor:
			err = do(step{Op: "login", ID: id}, func(s *step) error {
				in, err := a.Login(ctx, email, Proof{Passphrase: phrase}, desk, noon)
				session, s.Token = in.Session, in.Session.Reveal()
				return err
			})
		case op == 5 && session != (Token{}):
			err = do(step{Op: "logout", ID: id, Value: session.Reveal()}, func(*step) error { return a.Logout(session.Reveal(), desk, noon) })
			session = Token{}
		case op == 6 && !leaves:
			leaves = true
			err = do(step{Op: "leave", ID: id}, func(*step) error { _, err := a.Leave(own, account.ID, noon); return err })
		case op == 6:
			leaves = false
			err = do(step{Op: "stay", ID: id}, func(*step) error { _, err := a.Stay(own, account.ID, noon); return err })
		case op == 7 && moved < maxFormer:
			moved++
			email, undo, err = mixedMove(a, do, own, fmt.Sprintf("u%d.%d@example.org", n, i))
		case op == 8 && undo != "":
			// The latest: the address of the change before it is the account's again.
			moved, session = moved-1, Token{}
			former := emails[len(emails)-2]
			err = do(step{Op: "undo", ID: id, Value: former}, func(*step) error { _, err := a.UndoAddress(undo, desk, noon); return err })
			email, undo, leaves = former, "", false
			emails = emails[:len(emails)-1]
		}
		if email != emails[len(emails)-1] {
			emails = append(emails, email)
		}
		if err != nil {
			return err
		}
	}
	switch mathrand.IntN(4) {
	case 0, 1:
		return nil
	case 2:
		// Its day comes, with that of others who were left with it when a process was killed. No other account's does: they leave later.
		long := noon.AddDate(-1, 0, 0)
		if err := do(step{Op: "due", ID: id}, func(*step) error { _, err := a.Leave(Operator(), account.ID, long); return err }); err != nil {
			return err
		}
		return do(step{Op: "sweep", ID: id}, func(*step) error { return a.sweepLife(long.Add(a.Delay())) })
	}
	return do(step{Op: "delete", ID: id}, func(*step) error { return a.Delete(Operator(), account.ID, noon) })
}

// mixedMove gives an account another address, and returns the link that takes it back.
func mixedMove(a *Accounts, do func(step, func(*step) error) error, own Actor, email string) (now, undo string, err error) {
	id, code := own.Account.String(), ""
	if err := do(step{Op: "ask", ID: id}, func(*step) error {
		_, err := a.AskAddress(own, email, noon, func(_ *store.Tx, _ string, c Token, _ time.Time) error { code = c.Reveal(); return nil })
		return err
	}); err != nil {
		return "", "", err
	}
	err = do(step{Op: "move", ID: id, Value: email}, func(*step) error {
		_, err := a.ConfirmAddress(own, code, noon, func(_ *store.Tx, u Undo) error { undo = u.Link.Reveal(); return nil })
		return err
	})
	return email, undo, err
}

func mixedFactor(a *Accounts, do func(step, func(*step) error) error, id ID, phrase string, session *Token) error {
	var e Enrolment
	if err := do(step{Op: "enrol", ID: id.String()}, func(*step) (err error) {
		e, err = a.BeginTOTP(context.Background(), id, Proof{Passphrase: phrase}, desk, noon)
		return err
	}); err != nil {
		return err
	}
	seed, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(e.Secret.Reveal(), " ", ""))
	if err != nil {
		return err
	}
	code, err := codeAt(seed, stepAt(noon))
	if err != nil {
		return err
	}
	return do(step{Op: "factor", ID: id.String()}, func(s *step) error {
		c, err := a.ConfirmTOTP(id, code, desk, noon)
		*session, s.Token = c.Session, c.Session.Reveal()
		return err
	})
}

// life is what is known of one account.
type life struct {
	email, name, phrase       string
	factor, disabled, deleted bool
	leaving, due              bool            // due: by an administrator, and the next sweep deletes it
	sessions                  map[string]bool // that count
	ended                     map[string]bool
}

// endAll ends all but the one that begins.
func (l *life) endAll(begins string) {
	for t := range l.sessions {
		l.ended[t] = true
	}
	l.sessions = map[string]bool{}
	if begins != "" {
		l.sessions[begins] = true
	}
}

func (l *life) apply(s step) {
	switch s.Op {
	case "activate", "phrase":
		l.phrase = s.Value
		l.endAll(s.Token)
	case "rename":
		l.name = s.Value
	case "disable":
		l.disabled = true
		l.endAll("")
	case "enable":
		l.disabled = false
	case "factor":
		l.factor = true
		l.endAll(s.Token)
	case "login":
		l.sessions[s.Token] = true
	case "logout":
		delete(l.sessions, s.Value)
		l.ended[s.Value] = true
	case "leave":
		l.leaving = true
	case "stay":
		l.leaving = false
	case "move":
		l.email = s.Value
	case "undo":
		l.email, l.leaving = s.Value, false
		l.endAll("")
	case "due":
		l.leaving, l.due = true, true
		l.endAll("")
	case "sweep":
		if l.due {
			l.deleted = true
		}
	case "delete":
		l.deleted = true
		l.endAll("")
	}
}

func (l *life) clone() *life {
	c := *l
	c.sessions, c.ended = map[string]bool{}, map[string]bool{}
	for k := range l.sessions {
		c.sessions[k] = true
	}
	for k := range l.ended {
		c.ended[k] = true
	}
	return &c
}

// differs says how what is stored differs from what is known; "" where it does not.
func (l *life) differs(w *world, id ID) string {
	account, err := w.Get(id)
	if l.deleted {
		if !errors.Is(err, ErrNotFound) {
			return fmt.Sprintf("a deleted account is there: %v", err)
		}
	} else if err != nil {
		return err.Error()
	} else {
		state := Active
		switch {
		case l.disabled || l.due:
			state = Disabled
		case l.phrase == "":
			state = Invited
		}
		if account.Name != l.name || account.Email != l.email || account.State != state || account.SecondFactor != l.factor || (account.Leaving != nil) != l.leaving {
			return fmt.Sprintf("%+v, want %q, %q, %s, factor %v, leaving %v", account, l.name, l.email, state, l.factor, l.leaving)
		}
		r := w.record(id)
		if l.phrase != "" {
			if ok, _, err := w.hasher.Verify(w.t.Context(), r.Hash, l.phrase, cheap); err != nil || !ok {
				return fmt.Sprintf("the passphrase is another (%v)", err)
			}
		}
	}
	for t := range l.sessions {
		if _, _, err := w.Session(t, noon); err != nil {
			return fmt.Sprintf("a session is lost: %v", err)
		}
	}
	for t := range l.ended {
		if _, _, err := w.Session(t, noon); !errors.Is(err, ErrNoSession) {
			return fmt.Sprintf("an ended session counts (%v)", err)
		}
	}
	return ""
}

func TestKillInMixedWrites(t *testing.T) {
	rounds := killRounds(t)
	path := filepath.Join(t.TempDir(), "db")
	lives := map[ID]*life{}
	done := map[string]int{}
	var heads []audit.Head
	undecided := 0
	for round := range rounds {
		var pending *step
		touched := map[ID]bool{}
		for _, line := range crashRun(t, mixedChild, path) {
			var s step
			if err := json.Unmarshal([]byte(line), &s); err != nil {
				t.Fatalf("the child said %q: %v", line, err)
			}
			if !s.Did {
				pending = &s
				continue
			}
			pending = nil
			done[s.Op]++
			if s.Op == "head" {
				h, err := audit.ParseHash(s.Head)
				if err != nil {
					t.Fatal(err)
				}
				heads = append(heads, audit.Head{Sequence: s.Seq, Hash: h})
				continue
			}
			id, err := ParseID(s.ID)
			if err != nil {
				t.Fatal(err)
			}
			switch s.Op {
			case "sweep":
				for id, l := range lives {
					if l.due && !l.deleted {
						l.apply(s)
						touched[id] = true
					}
				}
			case "create":
				lives[id] = &life{email: s.Value, name: "Person", sessions: map[string]bool{}, ended: map[string]bool{}}
			default:
				lives[id].apply(s)
			}
			touched[id] = true
		}
		w := openWorld(t, path)
		if err := w.db.Check(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if _, err := w.log.Verify(t.Context(), heads...); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if pending != nil {
			undecided++
			adopt(t, w, lives, *pending)
		}
		for id, l := range lives {
			// Those of rounds before have been checked; they are asked for once more in the last.
			if !touched[id] && round < rounds-1 && mathrand.IntN(20) > 0 {
				continue
			}
			if why := l.differs(w, id); why != "" {
				t.Fatalf("round %d: account %s: %s", round, id, why)
			}
		}
		w.consistent()
		if err := w.db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	total := 0
	for _, op := range []string{"create", "activate", "rename", "disable", "enable", "phrase", "enrol", "factor", "login", "logout", "leave", "stay", "ask", "move", "undo", "due", "sweep", "delete"} {
		if done[op] == 0 && rounds >= 10 {
			t.Errorf("%s was never done: the test says nothing of it", op)
		}
		total += done[op]
	}
	t.Logf("%d rounds, %d acknowledged writes, none lost; %d kills with one under way; %v", rounds, total, undecided, done)
}

// adopt decides whether the act that was only announced has happened: wholly, or not at all.
func adopt(t *testing.T, w *world, lives map[ID]*life, s step) {
	t.Helper()
	if s.Op == "create" {
		list, _, err := w.List(s.Value, "", 2)
		if err != nil || len(list) > 1 {
			t.Fatalf("%v, %v", list, err)
		}
		if len(list) == 1 {
			lives[list[0].ID] = &life{email: s.Value, name: "Person", sessions: map[string]bool{}, ended: map[string]bool{}}
		}
		return
	}
	if s.Op == "sweep" {
		// Each whose day has come is deleted by itself.
		for id, l := range lives {
			if l.due && !l.deleted && l.differs(w, id) != "" {
				l.apply(s)
			}
		}
		return
	}
	id, err := ParseID(s.ID)
	if err != nil {
		t.Fatal(err)
	}
	before, after := lives[id], lives[id].clone()
	after.apply(s)
	delete(after.sessions, "") // one that nobody was told the token of
	if why := before.differs(w, id); why != "" {
		if also := after.differs(w, id); also != "" {
			t.Fatalf("account %s, killed in %s: neither before (%s) nor after (%s)", id, s.Op, why, also)
		}
		lives[id] = after
	}
}

// consistent fails the test where an index disagrees with the records.
func (w *world) consistent() {
	w.t.Helper()
	if err := w.db.View(func(tx *store.Tx) error {
		want, count := map[indexKey]bool{}, 0
		tx.Scan(recordsBucket, nil, nil, 0, func(k, _ []byte) bool {
			r, err := load(tx, ID(k))
			if err != nil {
				w.t.Fatal(err)
			}
			count++
			for _, key := range r.indexes() {
				want[key] = true
			}
			return true
		})
		for _, bucket := range []string{emailBucket, nameBucket, wordBucket, administratorsBucket, officersBucket, guestsBucket, subjectBucket, passkeysBucket, wantedBucket, formerBucket, undoBucket, leavingBucket} {
			tx.Scan(bucket, nil, nil, 0, func(k, v []byte) bool {
				key := indexKey{bucket, string(k), string(v)}
				if !want[key] {
					w.t.Fatalf("%s holds %q for no record", bucket, k)
				}
				delete(want, key)
				return true
			})
		}
		if len(want) > 0 {
			w.t.Fatalf("missing in the indexes: %+v", want)
		}
		if readCount(tx) != count {
			w.t.Fatalf("%d accounts are counted, there are %d", readCount(tx), count)
		}
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
}

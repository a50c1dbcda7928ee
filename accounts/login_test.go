package accounts

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"huisclos/crypto/passhash"
	"huisclos/store"
)

// from returns the n-th client; each has an address of its own.
func from(n int) Client {
	return Client{Address: netip.AddrFrom4([4]byte{203, 0, byte(n >> 8), byte(n)})}
}

func TestLogin(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", "grace@example.org")
	later := noon.Add(time.Hour)
	for _, email := range []string{"grace@example.org", " Grace@EXAMPLE.org"} {
		a, token, err := w.Login(t.Context(), email, memberPhrase, desk, later)
		if err != nil {
			t.Fatal(err)
		}
		if a.ID != member.ID || !a.LastLogin.Equal(later) {
			t.Errorf("%+v", a)
		}
		got, s, err := w.Session(token.Reveal(), later)
		if err != nil || got != a || s.Account != member.ID || s.Client != desk.Address || s.Agent != desk.Agent {
			t.Errorf("%+v, %+v, %v", got, s, err)
		}
	}
	// The same passphrase from another keyboard: other spaces, decomposed accents.
	_, link, err := w.Create(actor(admin), "Élodie Lefèvre", "elodie@example.org", Member, noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Activate(t.Context(), link.Token.Reveal(), "tr\u00e9teau moul\u00e9 fig\u00e9 33", desk, noon); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Login(t.Context(), "elodie@example.org", "tre\u0301teau\u00a0moule\u0301\u202ffige\u0301 33", desk, noon); err != nil {
		t.Errorf("decomposed: %v", err)
	}
	if _, _, err := w.Login(t.Context(), "elodie@example.org", "Tréteau moulé figé 33", desk, noon); !errors.Is(err, ErrCredentials) {
		t.Errorf("another case: %v", err)
	}
}

// A refusal says and costs the same, whatever it is for.
func TestRefusalsTellNothing(t *testing.T) {
	// ASVS 6.3.8
	w := newWorld(t)
	admin, _ := w.administrator()
	w.member(admin, "Grace Hopper", "grace@example.org")
	disabled, _ := w.member(admin, "Dis Abled", "disabled@example.org")
	if _, err := w.Disable(actor(admin), disabled.ID, noon); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Create(actor(admin), "Not Yet", "notyet@example.org", Member, noon); err != nil {
		t.Fatal(err)
	}
	w.keyedGuest(w.keyring(), w.organiserOf("Olga Hôte", "olga@example.org"), hall, "keyed@example.org", noon)
	type answer struct {
		text   string
		work   uint64
		writes uint64
	}
	var want answer
	for i, c := range []struct{ name, email, phrase string }{
		{"unknown account", "nobody@example.org", "wrong"},
		{"member", "grace@example.org", "wrong"},
		{"administrator", "ada@example.org", "wrong"},
		{"disabled, right passphrase", "disabled@example.org", memberPhrase},
		{"disabled, wrong passphrase", "disabled@example.org", "wrong"},
		{"not activated", "notyet@example.org", "wrong"},
		{"not activated, empty", "notyet@example.org", ""},
		{"a passkey alone", "keyed@example.org", guestPhrase},
		{"a passkey alone, empty", "keyed@example.org", ""},
		{"no address", "not an address", "wrong"},
		{"no UTF-8", "grace@example.org", "\xff\xff"},
		{"a control character", "grace@example.org", "a\x00b"},
		{"a very long one", "grace@example.org", string(make([]byte, 100000))},
		{"nothing", "", ""},
	} {
		work, writes := w.hasher.Computed(), w.db.Revision()
		a, token, err := w.Login(t.Context(), c.email, c.phrase, from(i), noon)
		if err == nil || a != (Account{}) || token != (Token{}) {
			t.Fatalf("%s: signed in", c.name)
		}
		got := answer{err.Error(), w.hasher.Computed() - work, w.db.Revision() - writes}
		if i == 0 {
			want = got
			if err != error(ErrCredentials) || want.work != uint64(dear.Memory) || want.writes != 1 {
				t.Fatalf("%s: %+v", c.name, got)
			}
		}
		if got != want {
			t.Errorf("%s: %+v, want %+v", c.name, got, want)
		}
	}
}

func TestFiveQuickTriesThenWaits(t *testing.T) {
	// ASVS 6.3.1
	path := filepath.Join(t.TempDir(), "db")
	w := openWorld(t, path)
	admin, _ := w.administrator()
	w.member(admin, "Grace Hopper", "grace@example.org")
	for _, email := range []string{"grace@example.org", "nobody@example.org"} {
		t.Run(email, func(t *testing.T) {
			now, n := noon, 0
			try := func(phrase string) error {
				n++
				_, _, err := w.Login(t.Context(), email, phrase, from(n), now)
				return err
			}
			for range 5 {
				wantErr(t, "a quick try", try("wrong"), ErrCredentials)
			}
			for _, wait := range []time.Duration{4, 8, 16, 32, 64, 128, 256, 512, 900, 900} {
				wait *= time.Second
				work := w.hasher.Computed()
				var many ErrTooMany
				if err := try(memberPhrase); !errors.As(err, &many) || many.Until.Sub(now) != wait {
					t.Fatalf("%v, want a wait of %v", err, wait)
				}
				if w.hasher.Computed() != work {
					t.Error("a try that is refused before was computed")
				}
				now = now.Add(wait - time.Millisecond)
				wantErr(t, "just before", try(memberPhrase), ErrTooMany{})
				now = now.Add(time.Millisecond)
				wantErr(t, "one try after the wait", try("wrong"), ErrCredentials)
			}
			// The counter is in the database: a restart gives no new tries.
			w = w.restart(path)
			wantErr(t, "after a restart", try(memberPhrase), ErrTooMany{})
			now = now.Add(24 * time.Hour)
			for range 4 {
				wantErr(t, "a day later", try("wrong"), ErrCredentials)
			}
		})
	}
	// The right passphrase sets the counter back.
	now := noon.Add(100 * time.Hour)
	for round := range 3 {
		for i := range 4 {
			_, _, err := w.Login(t.Context(), "grace@example.org", "wrong", from(1000+10*round+i), now)
			wantErr(t, "a quick try", err, ErrCredentials)
		}
		if _, _, err := w.Login(t.Context(), "grace@example.org", memberPhrase, from(1000+10*round+9), now); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTriesFromOneAddress(t *testing.T) {
	// ASVS 6.3.1
	w := newWorld(t)
	w.administrator()
	now := noon
	v6 := func(n int) Client { return Client{Address: netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", n+1))} }
	for i := range 5 {
		_, _, err := w.Login(t.Context(), fmt.Sprintf("nobody%d@example.org", i), "wrong", v6(i), now)
		wantErr(t, "a quick try", err, ErrCredentials)
	}
	var many ErrTooMany
	_, _, err := w.Login(t.Context(), "ada@example.org", adminPhrase, v6(99), now)
	if !errors.As(err, &many) || many.Until.Sub(now) != 2*time.Second {
		t.Fatalf("the sixth from one /64: %v", err)
	}
	other := Client{Address: netip.MustParseAddr("2001:db8:0:1::1")}
	if _, _, err := w.Login(t.Context(), "ada@example.org", adminPhrase, other, now); err != nil {
		t.Errorf("from the next /64: %v", err)
	}
	for range 12 { // the wait grows up to a minute
		now = many.Until
		_, _, err := w.Login(t.Context(), fmt.Sprintf("n%d@example.org", now.Unix()), "wrong", v6(0), now)
		wantErr(t, "after the wait", err, ErrCredentials)
		_, _, err = w.Login(t.Context(), "x@example.org", "wrong", v6(0), now)
		if !errors.As(err, &many) {
			t.Fatal(err)
		}
	}
	if got := many.Until.Sub(now); got != time.Minute {
		t.Errorf("the longest wait is %v", got)
	}
	now = now.Add(10 * time.Minute)
	if _, _, err := w.Login(t.Context(), "ada@example.org", adminPhrase, v6(0), now); err != nil {
		t.Errorf("ten minutes later: %v", err)
	}
}

func TestManyTriesAtOnceAreNoMoreThanFive(t *testing.T) {
	w := newWorld(t)
	w.administrator()
	var wg sync.WaitGroup
	results := make([]error, 64)
	for i := range results {
		wg.Go(func() { _, _, results[i] = w.Login(t.Context(), "ada@example.org", "wrong", from(i), noon) })
	}
	wg.Wait()
	looked := 0
	for _, err := range results {
		switch {
		case errors.Is(err, ErrCredentials):
			looked++
		case !errors.Is(err, ErrTooMany{}):
			t.Error(err)
		}
	}
	if looked > 5 || looked == 0 {
		t.Errorf("%d of 64 tries were looked at", looked)
	}
	if len(w.guard.running) != 0 {
		t.Errorf("still under way: %v", w.guard.running)
	}
}

func TestManyPeopleBehindOneAddressSignInAtOnce(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	for i := range 20 {
		w.member(admin, fmt.Sprintf("Person %d", i), fmt.Sprintf("p%d@example.org", i))
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, _, err := w.Login(t.Context(), fmt.Sprintf("p%d@example.org", i), memberPhrase, desk, noon); err != nil {
				t.Errorf("person %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

func TestCountersAreBounded(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	g := w.guard
	count := func(from, to int) {
		t.Helper()
		if err := w.db.Update(func(tx *store.Tx) error {
			for i := from; i < to; i++ {
				key := g.unknownAddressKey(fmt.Sprint(i))
				if _, err := g.countFailure(tx, key, noon.Add(time.Duration(i)*time.Millisecond)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.db.Update(func(tx *store.Tx) error {
		_, err := g.countFailure(tx, knownKey(admin.ID), noon)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for from := 0; from < maxUnknown; from += 500 {
		count(from, from+500)
	}
	count(maxUnknown, maxUnknown+50)
	for i := range maxAddresses + 50 {
		client := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		try, err := g.begin("", nil, client, noon)
		if err != nil {
			t.Fatal(err)
		}
		try.failed(noon.Add(time.Duration(i) * time.Millisecond))
	}
	stored := 0
	if err := w.db.View(func(tx *store.Tx) error {
		tx.Scan(triesBucket, nil, nil, 0, func(_, _ []byte) bool { stored++; return true })
		if b := tx.Get(triesBucket, []byte(knownKey(admin.ID))); b == nil {
			t.Error("the counter of an account was dropped for unknown ones")
		}
		if b := tx.Get(triesBucket, []byte(g.unknownAddressKey("0"))); b != nil {
			t.Error("the oldest counter was kept")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if stored != maxUnknown+1 || len(g.unknown) != maxUnknown || len(g.addresses) != maxAddresses {
		t.Errorf("%d stored, %d unknown, %d addresses", stored, len(g.unknown), len(g.addresses))
	}
	if err := w.Sweep(noon.Add(25 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := w.db.View(func(tx *store.Tx) error {
		tx.Scan(triesBucket, nil, nil, 0, func(k, _ []byte) bool { t.Errorf("left after a day: %x", k); return false })
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(g.unknown) != 0 || len(g.addresses) != 0 {
		t.Errorf("after a day: %d unknown, %d addresses", len(g.unknown), len(g.addresses))
	}
}

func TestLimitsAreAFunctionOfTime(t *testing.T) {
	l := Limits{Quick: 2, First: time.Second, Longest: 10 * time.Second, Forget: time.Minute}
	state := l.fail(l.fail(l.fail(tries{}, noon), noon), noon)
	if state.Failures != 3 || !state.Until.Equal(noon.Add(2*time.Second)) {
		t.Errorf("%+v", state)
	}
	for i := range 100 {
		state = l.fail(state, noon)
		if wait := state.Until.Sub(noon); wait <= 0 || wait > l.Longest {
			t.Fatalf("failure %d: wait %v", i, wait)
		}
	}
	// A clock set back by a year: the wait is never longer than the longest.
	if until, ok := l.allow(state, 0, noon.AddDate(-1, 0, 0)); ok || until.Sub(noon.AddDate(-1, 0, 0)) != l.Longest {
		t.Errorf("clock set back: %v, %v", until, ok)
	}
	if _, ok := l.allow(state, 0, noon.Add(l.Longest)); !ok {
		t.Error("refused after the wait")
	}
	if _, ok := l.allow(state, 1, noon.Add(l.Longest)); ok {
		t.Error("two at once after the wait")
	}
	if got := l.current(state, noon.Add(time.Minute)); got != (tries{}) {
		t.Errorf("not forgotten: %+v", got)
	}
	l.Parallel = 8
	if _, ok := l.allow(tries{}, 7, noon); !ok {
		t.Error("the eighth at once is refused")
	}
	if _, ok := l.allow(tries{}, 8, noon); ok {
		t.Error("the ninth at once is allowed")
	}
}

func TestACallerWhoLeavesIsNotCounted(t *testing.T) {
	w := newWorld(t)
	w.administrator()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	before := w.db.Revision()
	for range 20 {
		_, _, err := w.Login(gone, "ada@example.org", "wrong", desk, noon)
		wantErr(t, "with an ended context", err, context.Canceled)
	}
	if w.db.Revision() != before || len(w.guard.running) != 0 {
		t.Error("something was counted")
	}
	if _, _, err := w.Login(t.Context(), "ada@example.org", adminPhrase, desk, noon); err != nil {
		t.Error(err)
	}
}

func TestChangePassphrase(t *testing.T) {
	// ASVS 6.2.2, 6.2.3
	w := newWorld(t)
	admin, _ := w.administrator()
	member, token := w.member(admin, "Grace Hopper", "grace@example.org")
	_, other, err := w.Login(t.Context(), "grace@example.org", memberPhrase, desk, noon)
	if err != nil {
		t.Fatal(err)
	}
	const next = "poivre lanterne 77 gravier"
	change := func(old, new string) (Token, error) {
		return w.ChangePassphrase(t.Context(), member.ID, Proof{Passphrase: old}, new, desk, noon)
	}
	_, err = change("wrong", next)
	wantErr(t, "a wrong old one", err, ErrPassphraseWrong)
	_, err = change(memberPhrase, memberPhrase)
	wantErr(t, "the same", err, ErrPassphraseSame)
	_, err = change(memberPhrase, "short")
	wantErr(t, "a short one", err, ErrPassphraseShort)
	if !w.signedIn(token, noon) || !w.signedIn(other, noon) {
		t.Error("a refused change ended a session")
	}
	w.takeEnded()
	fresh, err := change(memberPhrase, next)
	if err != nil {
		t.Fatal(err)
	}
	if w.signedIn(token, noon) || w.signedIn(other, noon) || !w.signedIn(fresh, noon) {
		t.Error("not all sessions but the new one ended")
	}
	if got := w.takeEnded(); len(got) != 1 || !got[0].All() || got[0].Reason != PassphraseChanged {
		t.Errorf("listeners were told %+v", got)
	}
	_, _, err = w.Login(t.Context(), "grace@example.org", memberPhrase, desk, noon)
	wantErr(t, "the old passphrase", err, ErrCredentials)
	if _, _, err := w.Login(t.Context(), "grace@example.org", next, desk, noon); err != nil {
		t.Error(err)
	}
	// The tries with an old passphrase are limited as those at the door are.
	for i := range 5 {
		_, err = w.ChangePassphrase(t.Context(), member.ID, Proof{Passphrase: "wrong"}, next, from(i), noon)
		wantErr(t, "a quick try", err, ErrPassphraseWrong)
	}
	_, err = w.ChangePassphrase(t.Context(), member.ID, Proof{Passphrase: next}, memberPhrase, from(9), noon)
	wantErr(t, "the sixth", err, ErrTooMany{})
}

func TestHashesAreMadeAnewWhenTheCostRises(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	w := openWorld(t, path)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", "grace@example.org")
	hash := func() string {
		var r record
		if err := w.db.View(func(tx *store.Tx) (err error) { r, err = load(tx, member.ID); return err }); err != nil {
			t.Fatal(err)
		}
		return r.Hash
	}
	before := hash()
	if _, _, err := w.Login(t.Context(), "grace@example.org", memberPhrase, desk, noon); err != nil || hash() != before {
		t.Fatalf("made anew without a reason: %v", err)
	}
	w.Accounts.o.MemberHash = passhash.Params{Memory: 32, Time: 1, Threads: 1}
	if _, _, err := w.Login(t.Context(), "grace@example.org", memberPhrase, desk, noon); err != nil || hash() == before {
		t.Fatalf("not made anew: %v", err)
	}
	if _, _, err := w.Login(t.Context(), "grace@example.org", memberPhrase, desk, noon); err != nil {
		t.Error(err)
	}
}

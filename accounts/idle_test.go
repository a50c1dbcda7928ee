package accounts

import (
	"testing"
	"time"
)

// visits is what a session is good for when somebody, or something, asks with it.
func (w *world) visits(token Token, use Use, now time.Time) (Session, error) {
	w.t.Helper()
	_, s, err := w.SessionFor(token.Reveal(), use, now)
	return s, err
}

// TestPagesByThemselvesAreNoUse: what an open page asks by itself keeps no session.
func TestPagesByThemselvesAreNoUse(t *testing.T) {
	// ASVS 7.3.1
	w := newWorld(t)
	admin, token := w.administrator()
	_, other := w.member(admin, "Grace Hopper", grace)
	for _, one := range []Token{token, other} {
		for now := noon; now.Before(noon.Add(15 * time.Minute)); now = now.Add(10 * time.Second) {
			if _, err := w.visits(one, Quietly, now); err != nil {
				t.Fatalf("after %v: %v", now.Sub(noon), err)
			}
		}
		_, err := w.visits(one, ByPerson, noon.Add(15*time.Minute))
		wantErr(t, "after a quarter of an hour", err, ErrNoSession)
	}
}

// TestACallKeepsItsSession, for as long as a session lasts at all, and nothing that its owner may change: for that they prove themselves.
func TestACallKeepsItsSession(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	_, token := w.member(admin, "Grace Hopper", grace)
	now := noon
	for ; now.Before(noon.Add(2 * time.Hour)); now = now.Add(time.Minute) {
		if _, err := w.visits(token, ByCall, now); err != nil {
			t.Fatalf("after %v: %v", now.Sub(noon), err)
		}
	}
	s, err := w.visits(token, ByPerson, now)
	if err != nil || now.Before(s.Rights) {
		t.Fatalf("a call of two hours: rights until %v, %v", s.Rights, err)
	}
	// Whoever comes to the device keeps the session by using it, and gains no right by it.
	for range 5 {
		now = now.Add(10 * time.Minute)
		if s, err = w.visits(token, ByPerson, now); err != nil || now.Before(s.Rights) {
			t.Fatalf("used after the call: rights until %v, %v", s.Rights, err)
		}
	}
	if err := w.Prove(t.Context(), token.Reveal(), Proof{Passphrase: memberPhrase}, desk, now); err != nil {
		t.Fatal(err)
	}
	if s, err = w.visits(token, ByPerson, now); err != nil || !now.Before(s.Rights) {
		t.Errorf("after a proof: rights until %v, %v", s.Rights, err)
	}
	for ; now.Before(noon.Add(8 * time.Hour)); now = now.Add(5 * time.Minute) {
		if _, err := w.visits(token, ByCall, now); err != nil {
			t.Fatalf("after %v: %v", now.Sub(noon), err)
		}
	}
	_, err = w.visits(token, ByCall, noon.Add(8*time.Hour))
	wantErr(t, "after eight hours", err, ErrNoSession)
}

// TestTheConsoleShutsSooner: after five minutes without use, whatever else the session is used for; a proof opens it.
func TestTheConsoleShutsSooner(t *testing.T) {
	w := newWorld(t)
	_, token := w.administrator()
	now := noon
	for range 12 { // use keeps it open
		now = now.Add(4 * time.Minute)
		if _, err := w.visits(token, InConsole, now); err != nil {
			t.Fatalf("after %v: %v", now.Sub(noon), err)
		}
	}
	if _, err := w.visits(token, AtConsole, now.Add(5*time.Minute-time.Second)); err != nil {
		t.Error(err)
	}
	now = now.Add(4 * time.Minute)
	if _, err := w.visits(token, ByPerson, now); err != nil { // elsewhere: that is no use of the console
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	for _, use := range []Use{AtConsole, InConsole, InConsole} {
		s, err := w.visits(token, use, now)
		wantErr(t, "after five minutes", err, ErrConsoleIdle)
		if s.ID == (SessionID{}) {
			t.Error("the session is not told")
		}
	}
	if _, err := w.visits(token, ByPerson, now); err != nil {
		t.Errorf("the session ended with the console: %v", err)
	}
	if err := w.Prove(t.Context(), token.Reveal(), Proof{Passphrase: adminPhrase, Code: w.plantedCode("ada@example.org", now)}, desk, now); err != nil {
		t.Fatal(err)
	}
	if _, err := w.visits(token, InConsole, now.Add(4*time.Minute)); err != nil {
		t.Errorf("after a proof: %v", err)
	}
	_, err := w.visits(token, InConsole, now.Add(-10*time.Minute))
	wantErr(t, "the clock was set back", err, nil)
}

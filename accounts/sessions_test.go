package accounts

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"huisclos/store"
)

func TestSessionEndsIdle(t *testing.T) {
	// ASVS 7.3.1, 7.3.2
	for _, c := range []struct {
		role           Role
		idle, absolute time.Duration
	}{{Member, 15 * time.Minute, 8 * time.Hour}, {Administrator, 15 * time.Minute, 8 * time.Hour}} {
		t.Run(string(c.role), func(t *testing.T) {
			w := newWorld(t)
			admin, token := w.administrator()
			if c.role == Member {
				_, token = w.member(admin, "Grace Hopper", "grace@example.org")
			}
			if !w.signedIn(token, noon.Add(c.idle-time.Second)) {
				t.Fatal("ended before its idle time")
			}
			// That was a use: the idle time begins again.
			if !w.signedIn(token, noon.Add(2*c.idle-2*time.Second)) && 2*c.idle-2*time.Second < c.absolute {
				t.Fatal("ended although it was used")
			}
			now := noon
			for now.Before(noon.Add(c.absolute)) {
				w.signedIn(token, now)
				now = now.Add(c.idle / 2)
			}
			if w.signedIn(token, noon.Add(c.absolute)) {
				t.Error("outlives its absolute time")
			}
		})
	}
	w := newWorld(t)
	_, token := w.administrator()
	if w.signedIn(token, noon.Add(15*time.Minute)) {
		t.Error("outlives its idle time")
	}
}

func TestSessionUseIsWrittenByTheMinute(t *testing.T) {
	w := newWorld(t)
	_, token := w.administrator()
	before := w.db.Revision()
	for i := range 59 {
		if !w.signedIn(token, noon.Add(time.Duration(i)*time.Second)) {
			t.Fatal("ended")
		}
	}
	if w.db.Revision() != before {
		t.Error("written within a minute")
	}
	_, s, err := w.Session(token.Reveal(), noon.Add(61*time.Second))
	if err != nil || w.db.Revision() != before+1 || !s.Seen.Equal(noon.Add(61*time.Second)) {
		t.Errorf("%+v, %v", s, err)
	}
	// The clock is set back: no use is lost, none is written.
	if _, s, err = w.Session(token.Reveal(), noon); err != nil || !s.Seen.Equal(noon.Add(61*time.Second)) {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestSessionTokens(t *testing.T) {
	// ASVS 7.2.1, 7.2.3, 11.5.1
	w := newWorld(t)
	_, token := w.administrator()
	raw := token.Reveal()
	if len(raw) != 43 {
		t.Errorf("the token has %d characters", len(raw))
	}
	for _, bad := range []string{
		"", "x", raw + "=", raw + "\n", " " + raw, raw[:42], raw + raw, strings.Repeat("A", 43),
		strings.ToUpper(raw), strings.Repeat("\x00", 43), strings.Repeat("é", 21) + "A",
	} {
		if bad == raw {
			continue
		}
		_, _, err := w.Session(bad, noon)
		wantErr(t, fmt.Sprintf("token %q", bad), err, ErrNoSession)
	}
}

func TestListAndEndSessions(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	member, first := w.member(admin, "Grace Hopper", "grace@example.org")
	var tokens []Token
	for i := range 3 {
		client := Client{Address: desk.Address, Agent: fmt.Sprintf("browser %d\x1b\u202e", i)}
		_, token, err := w.Login(t.Context(), "grace@example.org", memberPhrase, client, noon.Add(time.Duration(i+1)*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	now := noon.Add(5 * time.Minute)
	list, err := w.Sessions(actor(member), member.ID, now)
	if err != nil || len(list) != 4 {
		t.Fatalf("%d sessions, %v", len(list), err)
	}
	if list[0].Agent != "browser 2" || list[3].Agent != "test" {
		t.Errorf("the newest is %q, the oldest %q", list[0].Agent, list[3].Agent)
	}
	w.takeEnded()
	if err := w.EndSession(actor(member), member.ID, list[0].ID, now); err != nil {
		t.Fatal(err)
	}
	if got := w.takeEnded(); len(got) != 1 || got[0].All() || got[0].Sessions[0] != list[0].ID || got[0].Account != member.ID {
		t.Errorf("listeners were told %+v", got)
	}
	if w.signedIn(tokens[2], now) || !w.signedIn(tokens[1], now) || !w.signedIn(first, now) {
		t.Error("not that session alone ended")
	}
	wantErr(t, "ended again", w.EndSession(actor(member), member.ID, list[0].ID, now), ErrNoSession)
	// A session is ended under its own account only.
	wantErr(t, "another's session", w.EndSession(actor(admin), admin.ID, list[1].ID, now), ErrNoSession)
	if !w.signedIn(tokens[1], now) {
		t.Error("another's session ended")
	}
	if err := w.Logout(tokens[1].Reveal(), desk, now); err != nil {
		t.Fatal(err)
	}
	if got := w.takeEnded(); len(got) != 1 || got[0].Reason != SignedOut {
		t.Errorf("listeners were told %+v", got)
	}
	for _, tok := range []string{tokens[1].Reveal(), "", "nonsense"} {
		if err := w.Logout(tok, desk, now); err != nil {
			t.Errorf("signing out again: %v", err)
		}
	}
	if err := w.EndSessions(actor(admin), member.ID, now); err != nil {
		t.Fatal(err)
	}
	if list, err := w.Sessions(actor(member), member.ID, now); err != nil || len(list) != 0 {
		t.Errorf("%d sessions left, %v", len(list), err)
	}
}

func TestSessionsOfOneAccountAreBounded(t *testing.T) {
	w := newWorld(t)
	_, first := w.administrator()
	for i := range maxSessions {
		if _, _, err := w.Login(t.Context(), "ada@example.org", adminPhrase, desk, noon.Add(time.Duration(i+1)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	now := noon.Add(time.Minute)
	if w.signedIn(first, now) {
		t.Error("the one used last longest ago was kept")
	}
	a, err := w.Get(firstAccount(t, w))
	if err != nil {
		t.Fatal(err)
	}
	if list, err := w.Sessions(actor(a), a.ID, now); err != nil || len(list) != maxSessions {
		t.Errorf("%d sessions, %v", len(list), err)
	}
	// Fewer are allowed from now on: nobody goes at once, and the next sign-in leaves as many as may be.
	w.SetSessions(3)
	if n, err := w.SessionsInUse(); err != nil || n != maxSessions {
		t.Errorf("%d sessions after the change, %v", n, err)
	}
	if _, _, err := w.Login(t.Context(), "ada@example.org", adminPhrase, desk, now); err != nil {
		t.Fatal(err)
	}
	if n, err := w.SessionsInUse(); err != nil || n != 3 {
		t.Errorf("%d sessions, %v", n, err)
	}
	for _, not := range []int{0, -1, maxSessions + 1} {
		if w.SetSessions(not); w.MaxSessions() != maxSessions {
			t.Errorf("%d is taken", not)
		}
	}
}

func firstAccount(t *testing.T, w *world) ID {
	t.Helper()
	page, _, err := w.List("", "", 1)
	if err != nil || len(page) != 1 {
		t.Fatalf("%v, %v", page, err)
	}
	return page[0].ID
}

func TestSweep(t *testing.T) {
	w := newWorld(t)
	admin, adminToken := w.administrator()
	member, token := w.member(admin, "Grace Hopper", "grace@example.org")
	invited, link, err := w.Create(actor(admin), "Not Yet", "notyet@example.org", Member, noon)
	if err != nil {
		t.Fatal(err)
	}
	w.takeEnded()
	before := w.db.Revision()
	if err := w.Sweep(noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if w.db.Revision() != before || len(w.takeEnded()) != 0 {
		t.Error("swept what counts")
	}
	if !w.signedIn(token, noon.Add(10*time.Minute)) {
		t.Fatal("ended before its time")
	}
	if err := w.Sweep(noon.Add(16 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	got := w.takeEnded()
	if len(got) != 1 || got[0].Account != admin.ID || got[0].All() || got[0].Reason != Expired {
		t.Errorf("listeners were told %+v", got)
	}
	if w.signedIn(adminToken, noon) || !w.signedIn(token, noon.Add(16*time.Minute)) {
		t.Error("the wrong session ended")
	}
	if err := w.Sweep(noon.Add(8 * 24 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := w.takeEnded(); len(got) != 1 || got[0].Account != member.ID {
		t.Errorf("listeners were told %+v", got)
	}
	if err := w.db.View(func(tx *store.Tx) error {
		for _, bucket := range []string{sessionsBucket, sessionsOfBucket, activationsBucket} {
			tx.Scan(bucket, nil, nil, 0, func(k, _ []byte) bool { t.Errorf("left in %s: %x", bucket, k); return false })
		}
		r, err := load(tx, invited.ID)
		if r.Activation != nil {
			t.Error("the account still names its link")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	_, err = w.Activation(link.Token.Reveal(), noon)
	wantErr(t, "the swept link", err, ErrActivation)
	if _, err := w.NewActivation(Operator(), invited.ID, noon.Add(8*24*time.Hour)); err != nil {
		t.Errorf("a new link: %v", err)
	}
}

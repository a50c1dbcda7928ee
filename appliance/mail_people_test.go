package appliance

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/meetings"
	"huisclos/store"
)

const peoplesPhrase = "girofle tandem bruyant 93 escalier"

// active makes an account that has chosen its passphrase, with a second factor where its role needs one.
func (c *correspondence) active(t *testing.T, email string, role accounts.Role, now time.Time) accounts.Actor {
	t.Helper()
	name, _, _ := strings.Cut(email, "@")
	a, link, err := c.accounts.Create(accounts.Operator(), name, email, role, now)
	must(t, err)
	_, _, err = c.accounts.Activate(t.Context(), link.Token.Reveal(), peoplesPhrase, accounts.Client{}, now)
	must(t, err)
	if role.Privileged() {
		e, err := c.accounts.BeginTOTP(t.Context(), a.ID, accounts.Proof{Passphrase: peoplesPhrase}, accounts.Client{}, now)
		must(t, err)
		_, err = c.accounts.ConfirmTOTP(a.ID, codeOf(t, e.Secret.Reveal(), now), accounts.Client{}, now)
		must(t, err)
	}
	return accounts.Actor{Account: a.ID, Proved: now}
}

// sent are the mails that arrive at an address, by their text; all of them are n.
func (c *correspondence) sent(t *testing.T, n int, now time.Time) map[string][]string {
	t.Helper()
	must(t, c.post.Turn(t.Context(), now))
	list := map[string][]string{}
	for _, m := range c.received(t, n) {
		to := m.Get("Envelope-To")
		list[to] = append(list[to], m.Get("Content-Language")+" "+m.parts[0])
	}
	return list
}

// TestMailsSpeakTheLanguageOfWhoReadsThem: a person's choice, else the organisation's; from outside, that of who invites.
func TestMailsSpeakTheLanguageOfWhoReadsThem(t *testing.T) {
	c := correspond(t, nil) // the organisation's is French
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	grace, jean := c.active(t, "grace@example.org", accounts.Organiser, now), c.active(t, "jean@example.org", accounts.Member, now)
	_, err := c.accounts.SetLanguage(grace, accounts.English, now)
	must(t, err)
	for _, who := range []accounts.Actor{grace, jean} {
		e := audit.Event{Time: now, Actor: who.Account.String(), Action: audit.PassphraseChange, Object: who.Account.String()}
		must(t, c.db.Update(func(tx *store.Tx) error { return c.post.recorded(tx, e) }))
	}
	_, err = c.accounts.NewActivation(accounts.Operator(), grace.Account, now, func(tx *store.Tx, to accounts.Account, link accounts.Activation) error {
		return c.post.link()(tx, to, "https://visio.example.org/activate#"+link.Token.Reveal(), link.Expires, now)
	})
	must(t, err)
	rooms := meetings.NewRooms(c.db, c.audit, rand.Reader)
	rooms.Planned = c.post.invitations()
	room, err := rooms.Create(accounts.Actor{Account: grace.Account}, "Office", now)
	must(t, err)
	plan := meetings.Plan{Start: now.AddDate(0, 0, 1), Zone: "Europe/Paris", Duration: time.Hour}
	_, err = rooms.Plan(accounts.Actor{Account: grace.Account}, room.ID, "Point", plan, []meetings.Invitee{{Account: jean.Account}, {Email: "eva@elsewhere.example"}}, now)
	must(t, err)
	got := c.sent(t, 5, now)
	for to, want := range map[string][]string{
		"grace@example.org":     {"en Hello grace", "passphrase of your account was changed"},
		"jean@example.org":      {"fr Bonjour jean", "phrase de passe de votre compte a été changée", "vous invite"},
		"eva@elsewhere.example": {"en Hello", "invites you"},
	} {
		all := strings.Join(got[to], "\n")
		for _, w := range want {
			if !strings.Contains(all, w) {
				t.Errorf("%s: no %q in %s", to, w, all)
			}
		}
		other := map[bool]string{true: "fr Bonjour", false: "en Hello"}[strings.HasPrefix(want[0], "en")]
		if strings.Contains(all, other) {
			t.Errorf("%s is written to in the other language: %s", to, all)
		}
	}
}

// TestTheSecondOfficerIsTold that a proposal waits, whoever proposes, and nobody else is; the mail says what to open and holds nothing that
// opens anything.
func TestTheSecondOfficerIsTold(t *testing.T) {
	c := correspond(t, nil)
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	ada := c.active(t, "ada@example.org", accounts.Administrator, now)
	olga, oona := c.active(t, "olga@example.org", accounts.Officer, now), c.active(t, "oona@example.org", accounts.Officer, now)
	_, err := c.accounts.SetLanguage(oona, accounts.English, now)
	must(t, err)
	waits := func(what string, err error) {
		t.Helper()
		var p accounts.Proposed
		if !errors.As(err, &p) {
			t.Fatalf("%s: %v", what, err)
		}
	}
	about := map[string]int{} // of the proposal's mails, to whom
	count := func(n int) {
		t.Helper()
		for to, list := range c.sent(t, n, now) {
			about[to] = 0
			for _, text := range list {
				if strings.Contains(text, "https://visio.example.org/console/proposals") {
					about[to]++
				}
			}
		}
	}
	const set = 3 // each second factor of the above was told to its owner
	_, err = c.accounts.ChangePolicy(olga, accounts.Policy{Member: accounts.Required}, now)
	must(t, err)
	count(set)
	if about["oona@example.org"] != 0 {
		t.Error("told of what needs nobody's agreement")
	}
	for range 2 { // twice the same is one proposal, and one mail
		_, err = c.accounts.ChangePolicy(olga, accounts.Policy{Member: accounts.Optional}, now)
		waits("less is asked", err)
	}
	count(set + 1)
	if about["oona@example.org"] != 1 || about["olga@example.org"] != 0 || about["ada@example.org"] != 0 {
		t.Errorf("told: %v", about)
	}
	// An administrator's, about an officer: the other one is told.
	_, err = c.accounts.Disable(ada, oona.Account, now)
	waits("an officer is shut out", err)
	count(set + 2)
	if about["oona@example.org"] != 1 || about["olga@example.org"] != 1 || about["ada@example.org"] != 0 {
		t.Errorf("told: %v", about)
	}
	for _, text := range c.sent(t, set+2, now)["oona@example.org"] {
		if strings.Contains(text, "console/proposals") && (!strings.Contains(text, "Monday 12 January 2026") || !strings.Contains(text, "olga proposes") || strings.Contains(text, "#")) {
			t.Errorf("the mail: %s", text)
		}
	}
}

package appliance

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"mime"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/control"
	"huisclos/audit"
	"huisclos/crypto/passhash"
	"huisclos/meetings"
	"huisclos/store"
)

// Each step of an account's life has its mail, to the right address; and when an organiser's account is deleted, whoever was invited
// is told.
func TestLifeIsMailed(t *testing.T) {
	c := correspond(t, nil)
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	rooms := meetings.NewRooms(c.db, c.audit, rand.Reader)
	rooms.Planned = c.post.invitations()
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader})
	must(t, err)
	cheap := passhash.Params{Memory: 8 << 10, Time: 1, Threads: 1}
	c.accounts, err = accounts.New(c.db, c.audit, hasher, rand.Reader, accounts.Options{MemberHash: cheap, AdministratorHash: cheap, Recorded: c.post.recorded,
		Gone: func(tx *store.Tx, account accounts.ID, actor string, now time.Time) (func(), error) {
			_, err := rooms.Forget(tx, account, actor, now)
			return nil, err
		}})
	must(t, err)
	a, link, err := c.accounts.Create(accounts.Operator(), "Zoé", "zoe@example.org", accounts.Organiser, now)
	must(t, err)
	_, _, err = c.accounts.Activate(t.Context(), link.Token.Reveal(), "muscade galop triste 41", accounts.Client{}, now)
	must(t, err)
	me, seen := accounts.Actor{Account: a.ID, Proved: now}, 0
	expect := func(what string, want ...string) (texts []string) {
		t.Helper()
		must(t, c.post.Turn(t.Context(), now))
		all := c.received(t, seen+len(want))
		var got []string
		for _, m := range all[seen:] {
			subject, err := new(mime.WordDecoder).DecodeHeader(m.Get("Subject"))
			must(t, err)
			subject, _, _ = strings.Cut(subject, " : ")
			got = append(got, m.Get("Envelope-To")+" "+subject)
			texts = append(texts, m.parts[0])
		}
		seen = len(all)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
		return texts
	}
	var code string
	_, err = c.accounts.AskAddress(me, "zoe@new.example", now, func(tx *store.Tx, to string, digits accounts.Token, until time.Time) error {
		code = digits.Reveal()
		return c.post.code()(tx, to, digits, until, "fr", now)
	})
	must(t, err)
	expect("asked", "zoe@new.example "+code[:4]+" "+code[4:])
	_, err = c.accounts.ConfirmAddress(me, code, now, func(tx *store.Tx, u accounts.Undo) error {
		return c.post.undo()(tx, u, "https://visio.example.org/undo#"+u.Link.Reveal(), now)
	})
	must(t, err)
	texts := expect("changed", "zoe@example.org L’adresse de votre compte a changé", "zoe@new.example Sécurité de votre compte")
	if !slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, "https://visio.example.org/undo#") }) {
		t.Errorf("no way to undo it in %q", texts)
	}
	_, err = c.accounts.SetAddress(accounts.Operator(), a.ID, "zoe@third.example", now)
	must(t, err)
	expect("changed by an administrator", "zoe@new.example Sécurité de votre compte")
	_, err = c.accounts.Export(me, a.ID, now)
	must(t, err)
	expect("exported", "zoe@third.example Sécurité de votre compte")
	_, err = c.accounts.Leave(me, a.ID, now)
	must(t, err)
	texts = expect("leaves", "zoe@third.example Votre compte sera supprimé")
	if !strings.Contains(texts[0], "4 février 2026") || !strings.Contains(texts[0], "Garder mon compte") {
		t.Errorf("it says %q", texts[0])
	}
	_, err = c.accounts.Stay(me, a.ID, now)
	must(t, err)
	expect("stays", "zoe@third.example Votre compte est gardé")

	room, err := rooms.Create(accounts.Actor{Account: a.ID}, "Bureau", now)
	must(t, err)
	later := now.Add(40 * 24 * time.Hour)
	_, err = rooms.Plan(accounts.Actor{Account: a.ID}, room.ID, "Point", meetings.Plan{Start: later, Zone: "Europe/Paris", Duration: time.Hour}, []meetings.Invitee{{Email: "eva@elsewhere.example"}}, now)
	must(t, err)
	_, err = c.accounts.Leave(accounts.Operator(), a.ID, now)
	must(t, err)
	expect("is shut", "eva@elsewhere.example Invitation", "zoe@third.example Votre compte sera supprimé")
	now = now.Add(30 * 24 * time.Hour)
	must(t, c.accounts.Sweep(now))
	expect("is deleted", "eva@elsewhere.example Annulé", "zoe@third.example Votre compte est supprimé")
	if _, err := rooms.Get(room.ID); err == nil {
		t.Error("the room is there still")
	}
	// Who has never come may know nothing of the account.
	b, _, err := c.accounts.Create(accounts.Operator(), "Nobody", "nobody@example.org", accounts.Member, now)
	must(t, err)
	_, err = c.accounts.SetAddress(accounts.Operator(), b.ID, "somebody@example.org", now)
	must(t, err)
	must(t, c.accounts.Delete(accounts.Operator(), b.ID, now))
	expect("one who never was")
	for _, e := range c.actions(t) {
		if e == audit.MailDropped {
			t.Error("a mail was not written")
		}
	}
}

// The whole of it is there by the command, from the account to its rooms, and the service's log says that it was handed out.
func TestAccountExport(t *testing.T) {
	s := testSettings(t)
	a, log := start(t, s)
	now := time.Now()
	zoe, _, err := a.accounts.Create(accounts.Operator(), "Zoé", "zoe@example.org", accounts.Organiser, now)
	must(t, err)
	_, err = a.rooms.Create(accounts.Actor{Account: zoe.ID}, "Bureau", now)
	must(t, err)
	run := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		got := control.ExportAccount(t.Context(), append(args, "--data", s.Data), io.Writer(&out), &errs)
		return got, out.String(), errs.String()
	}
	got, out, errs := run("Zoe@example.org")
	var e struct {
		Schema   string
		Account  struct{ Name, Email string }
		Meetings struct{ Rooms []struct{ Name string } }
		Audit    []struct{ Action, Actor string }
	}
	if err := json.Unmarshal([]byte(out), &e); err != nil || got != 0 || e.Schema != accounts.ExportSchema || e.Account.Name != "Zoé" || len(e.Meetings.Rooms) != 1 || e.Meetings.Rooms[0].Name != "Bureau" ||
		len(e.Audit) == 0 || e.Audit[0].Action != string(audit.AccountCreated) || e.Audit[0].Actor != audit.ActorOperator {
		t.Errorf("%d, %v, %+v\n%s", got, err, e, errs)
	}
	if got, _, errs := run("nobody@example.org"); got != 1 || !strings.Contains(errs, "nothing was written") {
		t.Errorf("%d %s", got, errs)
	}
	if !strings.Contains(log.String(), "an operator was given what is kept of an account") || strings.Contains(log.String(), "zoe@example.org") {
		t.Errorf("the log says %s", log)
	}
}

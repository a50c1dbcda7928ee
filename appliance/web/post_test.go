package web

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/store"
)

// posted is what a test's post was given.
type posted struct {
	to  accounts.Account
	url string
}

func TestLinksByMail(t *testing.T) {
	h := newHouse(t)
	b := h.asAdministrator()
	person := map[string]any{"name": "Zoé", "email": "zoe@example.org", "role": "member", "mail": true}
	total := func() float64 { return b.do("GET", "/api/admin/accounts", nil).json(t)["total"].(float64) }
	before := total()
	expect(t, "no mail leaves", b.do("POST", "/api/admin/accounts", person), http.StatusConflict, "no-mail")
	if got := b.do("GET", "/api/admin/status", nil).json(t)["mail"].(map[string]any); got["on"] != false || got["waiting"] != 0.0 {
		t.Errorf("status %v", got)
	}

	var sent []posted
	var fails error
	h.server.Post = func(_ *store.Tx, to accounts.Account, url string, expires, now time.Time) error {
		if !expires.Equal(now.Add(accounts.ActivationLifetime)) {
			t.Errorf("it expires %v", expires)
		}
		if fails == nil {
			sent = append(sent, posted{to, url})
		}
		return fails
	}
	h.server.PostStatus = func() (PostStatus, error) {
		return PostStatus{On: true, Waiting: 2, Oldest: h.clock(), GivenUp: 1, Failing: h.clock(), StepFR: "fr", StepEN: "en", LastWord: "x"}, nil
	}
	// What can't be mailed isn't made.
	fails = errors.Join(ErrPost, errors.New("full"))
	expect(t, "queue full", b.do("POST", "/api/admin/accounts", person), http.StatusConflict, "no-mail")
	if total() != before {
		t.Error("the account is there, and its link with nobody")
	}
	fails = nil
	a := b.do("POST", "/api/admin/accounts", person)
	expect(t, "mailed", a, http.StatusCreated, "")
	link := a.json(t)["activation"].(map[string]any)
	if link["mailed"] != true || link["url"] != nil || strings.Contains(string(a.body), "activate#") || len(sent) != 1 || sent[0].to.Email != "zoe@example.org" || !strings.Contains(sent[0].url, "/activate#") {
		t.Errorf("%s, %+v", a.body, sent)
	}
	// Once more, and to be passed on by hand.
	id := a.json(t)["account"].(map[string]any)["id"].(string)
	expect(t, "again", b.do("POST", "/api/admin/accounts/"+id+"/activation", map[string]any{"mail": true}), http.StatusOK, "")
	if len(sent) != 2 || sent[1].url == sent[0].url {
		t.Errorf("%+v", sent)
	}
	a = b.do("POST", "/api/admin/accounts/"+id+"/activation", map[string]any{})
	if link := a.json(t)["activation"].(map[string]any); link["mailed"] != nil || !strings.Contains(link["url"].(string), "/activate#") || len(sent) != 2 {
		t.Errorf("%s", a.body)
	}
	got := b.do("GET", "/api/admin/status", nil).json(t)["mail"].(map[string]any)
	if got["on"] != true || got["waiting"] != 2.0 || got["givenUp"] != 1.0 || got["failing"].(map[string]any)["fr"] != "fr" || got["sent"] != nil {
		t.Errorf("status %v", got)
	}
}

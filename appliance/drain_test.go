package appliance

import (
	"context"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/client"
)

// TestDrainCutsNothing: while no further call begins, a call that is in progress goes on without losing a frame and others come into it; the
// owner of another room is told why theirs doesn't begin, and begins it once that is over.
func TestDrainCutsNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("real calls")
	}
	h := newHousehold(t, 3)
	ada, bob := h.join(t, 0, nil), h.join(t, 1, nil)
	hear := func(what string) {
		t.Helper()
		n := len(bob.heard.of("Ada", true))
		eventually(t, what, func() bool { return len(bob.heard.of("Ada", true)) > n+20 })
	}
	drain := func(on bool) {
		t.Helper()
		changed, err := h.hall.Drain(on, audit.Event{Time: time.Now(), Actor: audit.ActorOperator})
		must(t, err)
		if !changed {
			t.Errorf("drain %v changes nothing", on)
		}
	}
	hear("before")
	drain(true)
	third := h.join(t, 2, nil)
	eventually(t, "the third is in", func() bool { return ada.Stats().People == 3 })
	hear("while the appliance empties")

	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	other := h.room(t, accounts.ID(h.link.Owner))
	begin := func() (*client.Call, error) {
		return client.Join(ctx, client.Config{Link: other, Account: h.people[0].email, Passphrase: h.people[0].passphrase, Pinned: &h.pin, Admit: true})
	}
	if c, err := begin(); client.Code(err) != "draining" {
		if err == nil {
			c.Leave()
		}
		t.Errorf("another call: %v", err)
	}
	drain(false)
	c, err := begin()
	must(t, err)
	c.Leave()
	third.Leave()
	hear("at the end")
	same(t, "Ada's picture at Bob's", bob.heard.of("Ada", true), ada.picture.frames())
}

package appliance

import (
	"context"
	"testing"
	"time"

	"huisclos/appliance/choices"
	"huisclos/client"
	"huisclos/meetings"
)

// TestLimitsCutNothing: a real call is under way, sealed frames go both ways, and every limit is lowered below what is used. Nobody loses
// a frame; who comes from then on is told which limit it is. The history says when the call was, also over a restart.
func TestLimitsCutNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("real calls")
	}
	h := newHousehold(t, 3)
	change := func(changes map[string]any) {
		t.Helper()
		must(t, h.choices.Change(choices.By{}, changes, time.Now()))
	}
	past := func() []meetings.NamedCall {
		t.Helper()
		h.diary.Note(time.Now())
		list, _, err := h.diary.Page(meetings.HistoryQuery{}, 10)
		must(t, err)
		return list
	}
	ada, bob := h.join(t, 0, nil), h.join(t, 1, nil)
	hear := func(what string) {
		t.Helper()
		n, m := len(ada.heard.of("Membre 1", false)), len(bob.heard.of("Ada", true))
		eventually(t, what, func() bool {
			return len(ada.heard.of("Membre 1", false)) > n+20 && len(bob.heard.of("Ada", true)) > m+20
		})
	}
	hear("before")
	// Two people are the fewest that can be set, which is as many as there are: one more is too many.
	change(map[string]any{"limits.people": 2, "limits.calls": 1, "limits.rooms": 1, "limits.sessions": 1})
	hear("after the limits were lowered")
	same(t, "Ada's picture at Bob's", bob.heard.of("Ada", true), ada.picture.frames())
	same(t, "Bob's sound at Ada's", ada.heard.of("Membre 1", false), bob.sound.frames())

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	refusal := func(link client.Link, who member) string {
		t.Helper()
		c, err := client.Join(ctx, client.Config{Link: link, Account: who.email, Passphrase: who.passphrase, Pinned: &h.pin})
		if err == nil {
			c.Leave()
		}
		return client.Code(err)
	}
	if code := refusal(h.link, h.people[2]); code != "full" {
		t.Errorf("a third person: %q", code)
	}
	if list := past(); len(list) != 1 || list[0].Most != 2 || !list[0].Ended.IsZero() {
		t.Fatalf("in progress: %+v", list)
	}
	// What is taken back holds at once as well.
	change(map[string]any{"limits.people": nil, "limits.sessions": nil, "limits.rooms": nil})
	third := h.join(t, 2, nil)
	eventually(t, "the third is in", func() bool { return ada.Stats().People == 3 })
	third.Leave()

	// Nothing is kept from the moment at which that is chosen, though the call goes on.
	change(map[string]any{"calls.history_days": 0})
	h.settleDiary(time.Now())
	if list := past(); len(list) != 0 {
		t.Fatalf("kept against the setting: %+v", list)
	}
	change(map[string]any{"calls.history_days": 30})
	hear("at the end")
	ada.Leave()
	bob.Leave()
	eventually(t, "the call is in the history", func() bool {
		list := past()
		return len(list) == 1 && !list[0].Ended.IsZero() && list[0].Most == 3 && list[0].How == meetings.EndLeft && !list[0].About
	})
}

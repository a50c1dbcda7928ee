package pace

import (
	"testing"
	"time"
)

func TestAgreement(t *testing.T) {
	var a Agreement
	now := time.Unix(1_700_000_000, 0)
	for i, s := range []struct {
		after time.Duration
		all   bool
		want  bool
	}{
		{0, true, false},
		{3900 * time.Millisecond, true, false},
		{0, false, false}, // somebody for a moment: the time begins anew, and nothing was broken
		{time.Second, true, false},
		{3900 * time.Millisecond, true, false},
		{100 * time.Millisecond, true, true},
		{time.Hour, true, true},
		{0, false, false}, // at once
		{time.Minute, false, false},
		{0, true, false},
		{5 * time.Second, true, false}, // who ended it may come back
		{10 * time.Second, true, true},
		{time.Second, false, false},
		{time.Second, true, false},
		{14 * time.Second, false, false},
		{0, true, false},
		{14900 * time.Millisecond, true, false},
		{100 * time.Millisecond, true, true},
	} {
		now = now.Add(s.after)
		if got := a.Update(s.all, now); got != s.want {
			t.Fatalf("step %d: %v", i, got)
		}
	}
}

package accounts

import "time"

// What comes with the product, and the ends of what officers can set.
const (
	DefaultGuestDays    = 30
	DefaultMaxGuestDays = 90
	DefaultMaxUses      = 100
	LongestGuestDays    = 366
	MostUses            = 500
)

// Permission is an officer's yes or no.
type Permission string

const (
	Yes Permission = "yes"
	No  Permission = "no"
)

// GuestRule is what officers decide about people from outside: whether there are any, how long their accounts last, and how many
// people one link brings. An empty field says nothing, and what comes with the product counts.
type GuestRule struct {
	Allowed Permission `json:"allowed,omitempty"`
	MaxDays int        `json:"maxDays,omitempty"` // the longest time of an account, from an acceptance or an extension on
	Days    int        `json:"days,omitempty"`    // the usual one
	MaxUses int        `json:"maxUses,omitempty"` // of one link
}

// Allows reports whether there are guests.
func (g GuestRule) Allows() bool { return g.Allowed != No }

// Longest is how many days a guest's account lasts at most.
func (g GuestRule) Longest() int {
	setDefault(&g.MaxDays, DefaultMaxGuestDays)
	return g.MaxDays
}

// Usual is how many days it lasts where nobody says a number.
func (g GuestRule) Usual() int {
	setDefault(&g.Days, DefaultGuestDays)
	return min(g.Days, g.Longest())
}

// Uses is how many people one link brings at most.
func (g GuestRule) Uses() int {
	setDefault(&g.MaxUses, DefaultMaxUses)
	return g.MaxUses
}

// stay is how long the account lasts of who accepts an invitation that names days.
func (g GuestRule) stay(days int) time.Duration {
	if days == 0 {
		days = g.Usual()
	}
	return time.Duration(min(days, g.Longest())) * 24 * time.Hour
}

// with returns the rule after a change. loosens reports whether more people, or longer, may come then.
func (g GuestRule) with(change GuestRule) (after GuestRule, loosens bool) {
	after = g
	if change.Allowed != "" {
		after.Allowed = change.Allowed
	}
	for _, f := range []struct{ to, from *int }{{&after.MaxDays, &change.MaxDays}, {&after.Days, &change.Days}, {&after.MaxUses, &change.MaxUses}} {
		if *f.from != 0 {
			*f.to = *f.from
		}
	}
	return after, after.Allows() && !g.Allows() || after.Longest() > g.Longest() || after.Uses() > g.Uses()
}

// accepts checks a change. The usual time is no longer than the longest one; where only that is lowered, it goes along. ErrGuestRule.
func (g GuestRule) accepts(change GuestRule) error {
	after, _ := g.with(change)
	within := func(n, most int) bool { return n >= 0 && n <= most }
	if change.Allowed != "" && change.Allowed != Yes && change.Allowed != No ||
		!within(change.MaxDays, LongestGuestDays) || !within(change.Days, after.Longest()) || !within(change.MaxUses, MostUses) {
		return ErrGuestRule
	}
	return nil
}

// details name what a change sets, for the log.
func (g GuestRule) details() []string {
	return []string{"guests", string(g.Allowed), "guest-days-most", count(g.MaxDays), "guest-days", count(g.Days), "guest-uses-most", count(g.MaxUses)}
}

// holdGuests makes a rule count for those who are there: where there are to be no guests, all their sessions end; who would stay
// longer than the rule allows from now on, stays shorter. It returns how many do.
func (t *act) holdGuests(before, after GuestRule) (shortened int, err error) {
	if before.Allows() == after.Allows() && after.Longest() >= before.Longest() {
		return 0, nil
	}
	guests, err := guestsOf(t.tx, ID{})
	if err != nil {
		return 0, err
	}
	last := t.now.Add(after.stay(after.Longest())).UTC()
	for _, r := range guests {
		if !after.Allows() {
			if err := t.endAll(r.ID, GuestsBarred); err != nil {
				return 0, err
			}
		}
		if !r.Guest.Until.After(last) {
			continue
		}
		g := *r.Guest
		g.Until, r.Guest = last, &g
		if err := save(t.tx, r); err != nil {
			return 0, err
		}
		shortened++
	}
	return shortened, nil
}

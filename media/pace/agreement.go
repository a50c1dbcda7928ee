package pace

import "time"

// Agreement decides whether a room sends what not every receiver may be able to
// take (VP9 in spatial layers). One who can't ends it at once; it begins when
// nobody like that was there for a while, so that a room does not change its
// mind with each who comes, goes or reloads. Its zero value is none.
type Agreement struct {
	stands bool
	since  time.Time // all can since; zero while one can't
	broken time.Time // when it ended last
}

const (
	// agreeAfter is how long all must be able to.
	agreeAfter = 4 * time.Second
	// agreeAgainAfter is it after an agreement that ended: whoever ended it may
	// be back in a moment, and each change costs everybody a key frame.
	agreeAgainAfter = 15 * time.Second
)

// Update takes whether all can now, and says whether the agreement stands.
func (a *Agreement) Update(all bool, now time.Time) bool {
	switch {
	case !all:
		if a.stands {
			a.broken = now
		}
		*a = Agreement{broken: a.broken}
	case a.since.IsZero():
		a.since = now
	case now.Sub(a.since) >= agreeAfter && (a.broken.IsZero() || now.Sub(a.since) >= agreeAgainAfter):
		a.stands = true
	}
	return a.stands
}

package accounts

import "time"

// Limits of tries against one secret or from one address.
type Limits struct {
	Quick    int           // failures without a wait
	Parallel int           // tries at the same time while fewer than Quick failed; 0: each counts as a failure until it ends
	First    time.Duration // wait after the Quick-th failure, doubled by each further one
	Longest  time.Duration // no wait is longer
	Forget   time.Duration // failures are forgotten so long after the last one
}

// tries is the state of one counter.
type tries struct {
	Failures int       `json:"n"`
	Last     time.Time `json:"last"`
	Until    time.Time `json:"until,omitzero"` // no try before
}

// current returns the state as it counts at now.
func (l Limits) current(t tries, now time.Time) tries {
	if t.Failures == 0 || now.Sub(t.Last) >= l.Forget {
		return tries{}
	}
	// A clock that was ahead and was set back must not shut anybody out for longer than the longest wait.
	if latest := now.Add(l.Longest); t.Until.After(latest) {
		t.Until = latest
	}
	return t
}

// allow reports whether a further try may begin while running others are under way; if not, when to come again.
func (l Limits) allow(t tries, running int, now time.Time) (until time.Time, ok bool) {
	t = l.current(t, now)
	if t.Failures < l.Quick {
		if running < max(l.Parallel, l.Quick-t.Failures) {
			return time.Time{}, true
		}
		return now.Add(l.First), false
	}
	// After the quick tries: one at a time, each after its wait.
	if t.Until.After(now) {
		return t.Until, false
	}
	if running > 0 {
		return now.Add(l.First), false
	}
	return time.Time{}, true
}

// fail returns the state after one more failure.
func (l Limits) fail(t tries, now time.Time) tries {
	t = l.current(t, now)
	t.Failures++
	t.Last = now
	if over := t.Failures - l.Quick; over >= 0 {
		wait := l.Longest
		if over < 30 {
			wait = min(l.First<<over, l.Longest)
		}
		t.Until = now.Add(wait)
	}
	return t
}

package passkey

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"sync"
	"time"
)

const (
	// maxChallenges bounds those of all browsers. What one address may ask for without a session in the lifetime of one challenge is
	// less than half of it (20 requests a second, see appliance/web), so that nobody pushes others' out alone.
	maxChallenges = 16384
	// maxPerBrowser bounds those of one cookie: a few tabs, and a page that asks anew.
	maxPerBrowser = 8
)

// asked is a challenge that waits for its answer.
type asked struct {
	purpose Purpose
	account [16]byte
	browser [sha256.Size]byte // of the cookie's secret
	origin  string
	until   time.Time
	order   uint64
}

// challenges are those that wait, in memory alone: a restart makes people touch their key once more and nothing else.
type challenges struct {
	mu    sync.Mutex
	by    map[string]asked // challenge in base64url → what it was asked for
	order uint64
}

func newChallenges() *challenges { return &challenges{by: map[string]asked{}} }

func browserOf(cookie string) [sha256.Size]byte {
	return sha256.Sum256([]byte("huisclos passkey visitor 1\x00" + cookie))
}

// put keeps a challenge. The browser's own oldest goes when it has too many, and the oldest of all when there are too many.
func (c *challenges) put(challenge []byte, purpose Purpose, v Visitor, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.order++
	a := asked{purpose: purpose, account: v.Account, browser: browserOf(v.Cookie), origin: v.Origin, until: now.Add(Lifetime), order: c.order}
	own := 0
	var oldestOwn, oldest string
	for k, b := range c.by {
		if !now.Before(b.until) {
			delete(c.by, k)
			continue
		}
		if oldest == "" || b.order < c.by[oldest].order {
			oldest = k
		}
		if b.browser != a.browser {
			continue
		}
		if own++; oldestOwn == "" || b.order < c.by[oldestOwn].order {
			oldestOwn = k
		}
	}
	switch {
	case own >= maxPerBrowser:
		delete(c.by, oldestOwn)
	case len(c.by) >= maxChallenges:
		delete(c.by, oldest)
	}
	c.by[base64.RawURLEncoding.EncodeToString(challenge)] = a
}

// take uses a challenge up. It is gone whether it was asked for this or not: who sends it back elsewhere has lost it.
func (c *challenges) take(challenge string, purpose Purpose, v Visitor, now time.Time) (asked, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.by[challenge]
	if !ok {
		return asked{}, ErrOver
	}
	browser := browserOf(v.Cookie)
	if subtle.ConstantTimeCompare(a.browser[:], browser[:]) != 1 {
		return asked{}, ErrOver // not theirs to use up
	}
	delete(c.by, challenge)
	if !now.Before(a.until) || a.purpose != purpose || a.account != v.Account || a.origin != v.Origin {
		return asked{}, ErrOver
	}
	return a, nil
}

package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"sync"
	"time"

	"huisclos/accounts"
	"huisclos/accounts/oidc"
)

const (
	// maxFlows bounds the ways to the provider and back that are under way at once. When the table is full, the oldest of a random
	// handful goes: whoever it was begins again, and signing in by a passphrase is not concerned.
	maxFlows = 8192
	// flowLifetime is how long one may take: signing in at the provider, and a second factor of ours after it.
	flowLifetime = 10 * time.Minute
	// maxHints bounds the ID tokens that are kept, and maxHint the size of one.
	maxHints, maxHint = 4096, 8 << 10
)

// A flow is one way to the provider and back, kept in memory. Only the browser that began it finishes it: it is bound to the cookie
// that this browser's CSRF token is bound to, so that nobody is signed in as somebody else by a link (login CSRF, RFC 9700 §4.7).
type flow struct {
	oidc.Flow
	bound    [sha256.Size]byte
	redirect string
	until    time.Time
	vouched  *oidc.Vouched // once the provider has spoken: a second factor of ours is what is missing
}

// flows are those that are under way, by state.
type flows struct {
	mu sync.Mutex
	by map[string]*flow
}

func newFlows() *flows { return &flows{by: map[string]*flow{}} }

func bound(cookie string) [sha256.Size]byte {
	return sha256.Sum256([]byte("huisclos flow 1\x00" + cookie))
}

func (t *flows) put(f *flow, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.by) >= maxFlows {
		t.makeRoom(now)
	}
	t.by[f.State] = f
}

func (t *flows) makeRoom(now time.Time) {
	oldest, looked := "", 0
	for state, f := range t.by {
		if !now.Before(f.until) {
			delete(t.by, state)
		} else if oldest == "" || f.until.Before(t.by[oldest].until) {
			oldest = state
		}
		if looked++; looked == sweepFraction {
			break
		}
	}
	if len(t.by) >= maxFlows {
		delete(t.by, oldest)
	}
}

// find returns the flow of that state if it is this browser's, and waits for what is asked: for the provider's answer, or, spoken, for a
// second factor. The answer is taken once, so that a flow is out of the table when it is found for it.
func (t *flows) find(state, cookie string, spoken bool, now time.Time) *flow {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, b := t.by[state], bound(cookie)
	if f == nil || cookie == "" || !hmac.Equal(f.bound[:], b[:]) || (f.vouched != nil) != spoken {
		return nil
	}
	if !spoken || !now.Before(f.until) {
		delete(t.by, state)
	}
	if !now.Before(f.until) {
		return nil
	}
	return f
}

func (t *flows) drop(state string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.by, state)
}

// hints keep the last ID token of each account, which tells the provider whom to sign out (RP-Initiated Logout §2). They are in memory
// alone: after a restart the provider asks the person.
type hints struct {
	mu sync.Mutex
	by map[accounts.ID]string
}

func newHints() *hints { return &hints{by: map[accounts.ID]string{}} }

func (h *hints) keep(id accounts.ID, token string) {
	if len(token) > maxHint {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, there := h.by[id]; !there && len(h.by) >= maxHints {
		for any := range h.by {
			delete(h.by, any)
			break
		}
	}
	h.by[id] = token
}

func (h *hints) of(id accounts.ID) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.by[id]
}

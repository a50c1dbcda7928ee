package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"huisclos/accounts"
)

// A waiting room is the wait of a house: its clock goes on by what is waited, and each wait is kept.
type waitingRoom struct {
	h *house

	mu    sync.Mutex
	waits []time.Duration
	slots int // the most that were taken while somebody waited
}

func (w *waitingRoom) wait(_ context.Context, d time.Duration) {
	w.mu.Lock()
	w.waits = append(w.waits, d)
	w.slots = max(w.slots, len(w.h.server.slots))
	w.mu.Unlock()
	w.h.advance(d)
}

func (w *waitingRoom) take() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.waits
	w.waits = nil
	return list
}

func heldHouse(h *house, after time.Duration) *waitingRoom {
	w := &waitingRoom{h: h}
	h.server.door.wait = w.wait
	h.server.RefuseAfter(after)
	return w
}

// wrongs are a wrong secret for each route at the door. A new route without a line fails the test.
var wrongs = map[string]struct {
	body   any
	status int
	code   string
}{
	"POST /api/login":      {map[string]string{"email": "nobody@example.org", "passphrase": "wrong"}, http.StatusUnauthorized, "bad-credentials"},
	"POST /api/setup":      {map[string]string{"code": "x", "name": "x", "email": "x@example.org", "passphrase": "a passphrase of somebody"}, http.StatusForbidden, "bad-setup-code"},
	"POST /api/activation": {map[string]string{"token": "x"}, http.StatusGone, "bad-activation"},
	"POST /api/activate":   {map[string]string{"token": "x", "passphrase": "a passphrase of somebody"}, http.StatusGone, "bad-activation"},

	"POST /api/activation/passkey": {map[string]string{"token": "x"}, http.StatusGone, "bad-activation"},
	"POST /api/invitation/passkey": {map[string]string{"token": "x", "email": "x@example.org", "code": "1", "name": "X"}, http.StatusGone, "invitation-unknown"},

	"POST /api/invitation":         {map[string]string{"token": "x"}, http.StatusGone, "invitation-unknown"},
	"POST /api/invitation/code":    {map[string]string{"token": "x", "email": "x@example.org"}, http.StatusGone, "invitation-unknown"},
	"POST /api/invitation/confirm": {map[string]string{"token": "x", "email": "x@example.org", "code": "1"}, http.StatusGone, "invitation-unknown"},
	"POST /api/invitation/accept": {map[string]string{"token": "x", "email": "x@example.org", "code": "1", "name": "X", "passphrase": "a passphrase of somebody"},
		http.StatusGone, "invitation-unknown"},
}

// noSecret are the routes at the door that take none; a passkey at the door, what the provider sends back and the code after it have
// tests of their own.
var noSecret = []string{"POST /api/oidc/start", "POST /api/oidc/finish", "POST /api/oidc/factor", "POST /api/logout", "POST /api/passkey/login/begin", "POST /api/passkey/login/finish"}

func TestWrongSecretsOfStrangersAreHeld(t *testing.T) {
	// ASVS 6.3.8
	h := emptyHouse(t)
	room := heldHouse(h, 2500*time.Millisecond)
	_, needed, err := h.accounts.SetupCode(h.now)
	must(t, err)
	if !needed {
		t.Fatal("no set-up code")
	}
	seen := 0
	for _, r := range h.server.routes() {
		if !r.atDoor() {
			if r.access == anyone && r.kind != foreign && r.method != http.MethodGet && r.method != http.MethodHead {
				t.Errorf("%s %s is open to strangers and not at the door", r.method, r.path)
			}
			continue
		}
		name := r.method + " " + r.path
		if slices.Contains(noSecret, name) {
			continue
		}
		wrong, ok := wrongs[name]
		if !ok {
			t.Errorf("%s: no wrong secret is tried", name)
			continue
		}
		seen++
		b := h.browser()
		b.token()
		expect(t, name, b.do(r.method, r.path, wrong.body), wrong.status, wrong.code)
		if got := room.take(); !slices.Equal(got, []time.Duration{2500 * time.Millisecond}) {
			t.Errorf("%s: waited %v, want once 2.5 s", name, got)
		}
		h.advance(time.Hour)
	}
	if seen != len(wrongs) {
		t.Errorf("%d routes were tried, %d have a line", seen, len(wrongs))
	}
	if room.slots != 0 {
		t.Errorf("%d slots were kept while somebody waited", room.slots)
	}
}

// Everybody is refused at the same time; who is right, and whom nothing is told, at once.
func TestRefusalsAtOneTime(t *testing.T) {
	// ASVS 6.3.8
	h := newHouse(t)
	actor := h.actor()
	disabled := h.newAccount("Dora Dehors", "dora@example.org", "treize tortues en tandem", accounts.Member)
	_, err := h.accounts.Disable(actor, disabled.ID, h.now)
	must(t, err)
	_, _, err = h.accounts.Create(actor, "Ivo Invité", "ivo@example.org", disabled.Role, h.now)
	must(t, err)
	room := heldHouse(h, 2*time.Second)
	sign := func(email, passphrase string) answer {
		b := h.browser()
		b.token()
		return b.do("POST", "/api/login", map[string]string{"email": email, "passphrase": passphrase})
	}
	for _, c := range []struct{ who, email, passphrase string }{
		{"administrator", "ada@example.org", "wrong"},
		{"member", "marie@example.org", "wrong"},
		{"unknown", "nobody@example.org", "wrong"},
		{"disabled, right passphrase", "dora@example.org", "treize tortues en tandem"},
		{"invited", "ivo@example.org", "wrong"},
		{"no address", "not an address", "wrong"},
	} {
		began := h.clock()
		expect(t, c.who, sign(c.email, c.passphrase), http.StatusUnauthorized, "bad-credentials")
		if took := h.clock().Sub(began); took != 2*time.Second {
			t.Errorf("%s: answered after %v, want 2 s", c.who, took)
		}
		room.take()
		h.advance(time.Hour)
	}
	if a := sign("marie@example.org", memberPassphrase); a.status != http.StatusOK {
		t.Errorf("the right passphrase: %d", a.status)
	}
	b := h.browser()
	b.token()
	expect(t, "malformed", b.do("POST", "/api/login", []byte("{")), http.StatusBadRequest, "bad-request")
	for range 5 {
		sign("nobody@example.org", "wrong")
	}
	room.take()
	a := sign("nobody@example.org", "wrong")
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("the sixth: %d %s", a.status, a.body)
	}
	if waits := room.take(); len(waits) > 0 {
		t.Errorf("waited %v for an answer that tells nothing", waits)
	}
}

func TestDoorIsBounded(t *testing.T) {
	// ASVS 15.2.2
	h := newHouse(t)
	h.server.RefuseAfter(time.Minute)
	for range maxAtDoor {
		h.server.door.places <- struct{}{}
	}
	b := h.browser()
	b.token()
	for _, passphrase := range []string{"wrong", memberPassphrase} { // nothing was looked at
		a := b.do("POST", "/api/login", map[string]string{"email": "marie@example.org", "passphrase": passphrase})
		expect(t, "full", a, http.StatusServiceUnavailable, "busy")
		if a.header.Get("Retry-After") == "" {
			t.Error("says not when to come back")
		}
	}
	expect(t, "others", b.do("GET", "/healthz", nil), http.StatusOK, "")
}

// A client that goes away gives its place back.
func TestNobodyIsWaitedFor(t *testing.T) {
	h := newHouse(t)
	h.server.RefuseAfter(time.Hour)
	b := h.browser()
	b.token()
	ctx, cancel := context.WithCancel(t.Context())
	req := b.request("POST", "/api/login", map[string]string{"email": "nobody@example.org", "passphrase": "wrong"}).WithContext(ctx)
	done := make(chan error, 1)
	go func() {
		res, err := b.client.Do(req)
		if err == nil {
			res.Body.Close()
		}
		done <- err
	}()
	for until := time.Now().Add(10 * time.Second); len(h.server.door.places) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("nobody is at the door")
		}
	}
	cancel()
	if err := <-done; err == nil {
		t.Fatal("answered before its time")
	}
	for until := time.Now().Add(10 * time.Second); len(h.server.door.places) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the place is kept")
		}
	}
}

func TestHeldUntil(t *testing.T) {
	for _, c := range []struct{ elapsed, after, want time.Duration }{
		{0, 2, 2}, {1, 2, 1}, {2, 2, 0}, {3, 2, 1}, {7, 2, 1}, {5, 0, 0}, {0, 0, 0},
	} {
		if got := heldUntil(c.elapsed, c.after); got != c.want {
			t.Errorf("heldUntil(%d, %d) = %d, want %d", c.elapsed, c.after, got, c.want)
		}
	}
	for _, c := range []struct {
		measured, want time.Duration
		enough         bool
	}{
		{10 * time.Millisecond, time.Second, true}, {400 * time.Millisecond, time.Second, true}, {time.Second, 2500 * time.Millisecond, true},
		{2 * time.Second, 5 * time.Second, true}, {3 * time.Second, 5 * time.Second, false},
	} {
		if got, enough := RefusalTime(c.measured); got != c.want || enough != c.enough {
			t.Errorf("RefusalTime(%v) = %v, %v", c.measured, got, enough)
		}
	}
}

// A body that trickles in must not move the answer's time against the work: the time counts from its last octet.
func TestTimeCountsFromTheWholeRequest(t *testing.T) {
	v := &visit{now: noon}
	if v.heardAt() != noon {
		t.Error("without a body the time counts from the request")
	}
	h := newHouse(t)
	room := heldHouse(h, 2*time.Second)
	b := h.browser()
	b.token()
	body := &slowBody{h: h, text: strings.NewReader(`{"email":"nobody@example.org","passphrase":"wrong"}`)}
	req := b.request("POST", "/api/login", nothing)
	req.Body, req.ContentLength = body, int64(body.text.Len())
	expect(t, "slow", b.send(req), http.StatusUnauthorized, "bad-credentials")
	if got := room.take(); !slices.Equal(got, []time.Duration{2 * time.Second}) {
		t.Errorf("waited %v, want 2 s from the end of the body", got)
	}
}

// slowBody takes 1.5 s of the house's clock for its second octet. The header was sent before.
type slowBody struct {
	h    *house
	text *strings.Reader
	n    int
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.n++; b.n == 2 {
		time.Sleep(50 * time.Millisecond) // so that the server has its header, and its clock's time
		b.h.advance(1500 * time.Millisecond)
	}
	return b.text.Read(p[:1])
}

func (b *slowBody) Close() error { return nil }

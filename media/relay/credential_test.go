package relay

import (
	"encoding/base64"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

func TestCredentialsEnd(t *testing.T) {
	eachWay(t, func(t *testing.T, way string) {
		s := newStage(t, Limits{})
		c := s.raw(way, "alice")
		if code := c.allocate(); code != 0 {
			t.Fatal(code)
		}
		late := s.raw(way, "alice")
		s.offset.Store(int64(CredentialLife - 5*time.Second))
		if _, code := c.request(stun.MethodRefresh); code != 0 {
			t.Errorf("a refresh before the end: %d", code)
		}
		s.offset.Store(int64(CredentialLife + time.Second))
		if code := late.allocate(); code != stun.CodeUnauthorized {
			t.Errorf("an allocation after the end: %d", code)
		}
		for _, method := range []stun.Method{stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind} {
			if _, code := c.request(method, number(stun.AttrChannelNumber, firstChannel<<16), peerOf(at(own4))); code != stun.CodeUnauthorized {
				t.Errorf("%v after the end: %d", method, code)
			}
		}
		// What is there stays for one unrefreshed lifetime, and no longer.
		s.relay.sweep(s.now().Add(allocationLife - 10*time.Second))
		if n := s.relay.Allocations(); n != 1 {
			t.Errorf("%d allocations soon after the end", n)
		}
		s.relay.sweep(s.now().Add(allocationLife + time.Second))
		until(t, "the allocation ends", func() bool { return s.relay.Allocations() == 0 })
	})
}

// TestRefreshKeepsAllocation: with a credential of later, an allocation lasts as long as that one. The account is the same.
func TestRefreshKeepsAllocation(t *testing.T) {
	s := newStage(t, Limits{})
	c := s.raw("udp", "alice")
	if code := c.allocate(); code != 0 {
		t.Fatal(code)
	}
	s.offset.Store(int64(50 * time.Minute))
	c.username, c.password = s.credential("alice")
	if _, code := c.request(stun.MethodRefresh); code != 0 {
		t.Fatalf("a refresh with the next credential: %d", code)
	}
	s.relay.sweep(s.now().Add(CredentialLife))
	if n := s.relay.Allocations(); n != 1 {
		t.Errorf("%d allocations", n)
	}
	c.username, c.password = s.credential("bob")
	if _, code := c.request(stun.MethodRefresh); code != stun.CodeWrongCredentials {
		t.Errorf("a refresh by somebody else: %d", code)
	}
}

func TestWrongCredentials(t *testing.T) {
	eachWay(t, func(t *testing.T, way string) {
		s := newStage(t, Limits{})
		username, password := s.credential("alice")
		seconds, rest, _ := strings.Cut(username, ":")
		unix, err := strconv.ParseInt(seconds, 10, 64)
		must(t, err)
		other, err := New(s.relay.cfg)
		must(t, err)
		defer other.Close()
		foreign, foreignPassword, _ := other.Credential("alice", "s", s.now())
		bob, _ := s.credential("bob")
		for name, c := range map[string][2]string{
			"another password": {username, base64.StdEncoding.EncodeToString(make([]byte, 32))}, "no password": {username, ""},
			"a longer life": {strconv.FormatInt(unix+1, 10) + ":" + rest, password}, "another account": {bob, password},
			"another process": {foreign, foreignPassword}, "an account's name": {"alice", password}, "an end far away": {"99999999999:" + rest, password},
			"the beginning of time": {"0:" + rest, password}, "no tags": {seconds + ":..1", password}, "a long name": {strings.Repeat("9", 120), password},
		} {
			r := s.raw(way, "alice")
			r.username, r.password = c[0], c[1]
			if code := r.allocate(); code != stun.CodeUnauthorized {
				t.Errorf("%s: %d", name, code)
			}
		}
		r := s.raw(way, "alice")
		r.nonce = stun.NewNonce("not one of ours")
		if code := r.allocate(); code != stun.CodeStaleNonce {
			t.Errorf("another nonce: %d", code)
		}
		if code := r.allocate(); code != 0 {
			t.Errorf("the right one then: %d", code)
		}
	})
}

func TestRevoke(t *testing.T) {
	eachWay(t, func(t *testing.T, way string) {
		s := newStage(t, Limits{})
		alice, bob, spare := s.raw(way, "alice"), s.raw(way, "bob"), s.raw(way, "alice")
		for _, c := range []*raw{alice, bob} {
			if code := c.allocate(); code != 0 {
				t.Fatal(code)
			}
			if _, code := c.request(stun.MethodCreatePermission, peerOf(at(own4))); code != 0 {
				t.Fatal(code)
			}
		}
		s.relay.Revoke("alice", s.now())
		if n := s.relay.Allocations(); n != 1 {
			t.Errorf("%d allocations after alice is out, bob in", n)
		}
		if way == "udp" {
			alice.indicate(at(own4), "from alice")
			if _, code := alice.request(stun.MethodRefresh); code != stun.CodeUnauthorized {
				t.Errorf("refresh: %d", code)
			}
		} else if b := alice.read(5 * time.Second); b != nil {
			t.Errorf("the connection gives %x", b)
		}
		bob.indicate(at(own4), "from bob")
		if heard, _ := s.heard(time.Second); heard != "from bob" {
			t.Errorf("media heard %q", heard)
		}
		if code := spare.allocate(); code != stun.CodeUnauthorized {
			t.Errorf("with a credential of before: %d", code)
		}
		again := s.raw(way, "alice") // signed in again at the same moment
		if code := again.allocate(); code != 0 {
			t.Errorf("with a credential of after: %d", code)
		}
		s.relay.Revoke("nobody", s.now().Add(2*CredentialLife))
		if n := len(s.relay.issuer.revoked); n != 1 {
			t.Errorf("%d revocations are kept after their hour", n)
		}
	})
}

// TestRevokeOneSession: somebody who signs out here stays in there.
func TestRevokeOneSession(t *testing.T) {
	s := newStage(t, Limits{})
	here, there, spare := s.raw("udp", "alice"), s.raw("udp", "alice"), s.raw("udp", "alice")
	there.username, there.password, _ = s.relay.Credential("alice", "there", s.now())
	for _, c := range []*raw{here, there} {
		if code := c.allocate(); code != 0 {
			t.Fatal(code)
		}
	}
	s.relay.Revoke("alice", s.now(), "session")
	if _, code := here.request(stun.MethodRefresh); code != stun.CodeUnauthorized {
		t.Errorf("here: %d", code)
	}
	if code := spare.allocate(); code != stun.CodeUnauthorized {
		t.Errorf("a spare of here: %d", code)
	}
	if _, code := there.request(stun.MethodRefresh); code != 0 || s.relay.Allocations() != 1 {
		t.Errorf("there: %d, %d allocations", code, s.relay.Allocations())
	}
}

// TestUsernamesTellNothing: over UDP they are in clear.
func TestUsernamesTellNothing(t *testing.T) {
	s := newStage(t, Limits{})
	now := s.now()
	a, pa, expires := s.relay.Credential("alice@example.org", "session", now)
	b, pb, _ := s.relay.Credential("alice@example.org", "session", now)
	if strings.Contains(a, "alice") || a == b || pa == pb || len(a) > maxUsername {
		t.Errorf("%s, %s", a, b)
	}
	if expires.Sub(now) > CredentialLife || expires.Sub(now) < CredentialLife-2*time.Second {
		t.Errorf("expires in %v", expires.Sub(now))
	}
	n, ok := parseUsername(a)
	if !ok || n.holder != s.relay.issuer.holder("alice@example.org", "session") || n.serial != 1 || !n.expires.Equal(expires) {
		t.Errorf("%s reads as %+v %v", a, n, ok)
	}
	if strings.Contains(a, "session") || s.relay.issuer.holder("a", "bc") == s.relay.issuer.holder("ab", "c") {
		t.Error("a session's tag is not its own")
	}
}

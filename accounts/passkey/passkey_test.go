package passkey

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"huisclos/accounts/passkey/passkeytest"
)

const (
	host   = "visio.example.org"
	origin = "https://visio.example.org:8443"
)

var (
	start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	marie = [16]byte{1, 2, 3}
	other = [16]byte{9, 9, 9}
)

func must[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func party(t testing.TB) *Party {
	t.Helper()
	p, err := New(host, "Huis Clos", rand.Reader)
	return must(t, p, err)
}

func at(account [16]byte) Visitor { return Visitor{Cookie: "cookie", Origin: origin, Account: account} }

// enrolled makes a passkey of marie's.
func enrolled(t testing.TB, p *Party, a *passkeytest.Authenticator) Made {
	t.Helper()
	options, err := p.BeginAdd(at(marie), "marie@example.org", "Marie", nil, start)
	must(t, options, err)
	answer, err := a.Create(options)
	must(t, answer, err)
	made, err := p.FinishAdd(answer, at(marie), start)
	return must(t, made, err)
}

func TestOptions(t *testing.T) {
	p := party(t)
	known := []Known{{Credential: []byte("an id of a passkey"), Transports: []string{"usb"}}}
	asked, err := p.BeginAdd(at(marie), "marie@example.org", "Marie Martin", known, start)
	must(t, asked, err)
	var o map[string]any
	must(t, 0, json.Unmarshal(asked, &o))
	selection := o["authenticatorSelection"].(map[string]any)
	for what, bad := range map[string]bool{
		"party":       o["rp"].(map[string]any)["id"] != host,
		"handle":      o["user"].(map[string]any)["id"] != "AQIDAAAAAAAAAAAAAAAAAA",
		"residentKey": selection["residentKey"] != "required" || selection["requireResidentKey"] != true,
		"verified":    selection["userVerification"] != "required",
		"attestation": o["attestation"] != "none",
		"excluded":    len(o["excludeCredentials"].([]any)) != 1,
		"timeout":     o["timeout"] != float64(Lifetime.Milliseconds()),
		"algorithms":  fmt.Sprint(o["pubKeyCredParams"]) != "[map[alg:-7 type:public-key] map[alg:-35 type:public-key] map[alg:-257 type:public-key]]",
		"challenge":   len(o["challenge"].(string)) != 43,
	} {
		if bad {
			t.Errorf("%s: %s", what, asked)
		}
	}
	asked, err = p.BeginUse(SignIn, at([16]byte{}), nil, start)
	must(t, asked, err)
	var u map[string]any
	must(t, 0, json.Unmarshal(asked, &u))
	if u["rpId"] != host || u["userVerification"] != "required" || u["allowCredentials"] != nil {
		t.Errorf("to sign in: %s", asked)
	}
	asked, err = p.BeginUse(Prove, at(marie), known, start)
	must(t, asked, err)
	must(t, 0, json.Unmarshal(asked, &u))
	if len(u["allowCredentials"].([]any)) != 1 {
		t.Errorf("to prove: %s", asked)
	}
}

func TestHostsThatCannotHavePasskeys(t *testing.T) {
	for _, id := range []string{"", "192.0.2.1", "2001:db8::1", "visio.example.org:8443", "https://visio.example.org", "visio..example"} {
		if _, err := New(id, "x", rand.Reader); err == nil {
			t.Errorf("%q was taken", id)
		}
	}
}

func TestMadeAndUsed(t *testing.T) {
	for name, a := range map[string]*passkeytest.Authenticator{
		"ES256": {Origin: origin}, "ES384": {Origin: origin, Algorithm: passkeytest.ES384}, "RS256": {Origin: origin, Algorithm: passkeytest.RS256},
		"synced": {Origin: origin, NoCounter: true, Backup: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := party(t)
			made := enrolled(t, p, a)
			if made.Party != host || !bytes.Equal(made.Credential, a.Keys[0].ID) || made.BackupEligible != a.Backup || made.BackedUp != a.Backup ||
				len(made.Transports) != 1 || made.Transports[0] != "internal" {
				t.Fatalf("made %+v", made)
			}
			asked, err := p.BeginUse(SignIn, at([16]byte{}), nil, start)
			must(t, asked, err)
			answer, err := a.Get(asked)
			must(t, answer, err)
			use, err := p.FinishUse(answer, SignIn, at([16]byte{}), start)
			must(t, use, err)
			counter, backedUp, err := use.Verify(marie, made.Key, made.BackupEligible)
			must(t, counter, err)
			if backedUp != a.Backup || counter != a.Keys[0].Counter || !bytes.Equal(use.Credential(), made.Credential) {
				t.Errorf("counter %d, backed up %v", counter, backedUp)
			}
			if _, _, err := use.Verify(other, made.Key, made.BackupEligible); reason(err) != WrongOwner {
				t.Errorf("of another: %v", err)
			}
			if _, _, err := use.Verify(marie, made.Key, !made.BackupEligible); reason(err) != WrongSignature {
				t.Errorf("a passkey that changed from one device to several: %v", err)
			}
		})
	}
}

func reason(err error) Reason {
	var r Refused
	if errors.As(err, &r) {
		return r.Why
	}
	return ""
}

func TestRefusedWhenMade(t *testing.T) {
	// W3C WebAuthn §7.1 steps 7 to 25.
	for name, c := range map[string]struct {
		a    passkeytest.Authenticator
		want Reason
	}{
		"another host":         {passkeytest.Authenticator{Origin: "https://evil.example"}, WrongOrigin},
		"another port":         {passkeytest.Authenticator{Origin: "https://visio.example.org"}, WrongOrigin},
		"plain HTTP":           {passkeytest.Authenticator{Origin: "http://visio.example.org:8443"}, WrongOrigin},
		"upper case":           {passkeytest.Authenticator{Origin: "https://VISIO.example.org:8443"}, WrongOrigin},
		"in a frame":           {passkeytest.Authenticator{Origin: origin, CrossOrigin: true}, WrongOrigin},
		"another party":        {passkeytest.Authenticator{Origin: origin, Party: "example.org"}, WrongParty},
		"no user verification": {passkeytest.Authenticator{Origin: origin, NotVerified: true}, NotVerified},
		"an assertion":         {passkeytest.Authenticator{Origin: origin, OtherType: "webauthn.get"}, WrongSignature},
		"an attestation":       {passkeytest.Authenticator{Origin: origin, Format: "fido-u2f"}, WrongKind},
		"a TPM's":              {passkeytest.Authenticator{Origin: origin, Format: "tpm"}, WrongKind},
		"packed, unsigned":     {passkeytest.Authenticator{Origin: origin, Format: "packed"}, WrongSignature},
		"a short key":          {passkeytest.Authenticator{Origin: origin, Algorithm: passkeytest.RS256, RSABits: 1024}, WrongKind},
	} {
		t.Run(name, func(t *testing.T) {
			p := party(t)
			options, err := p.BeginAdd(at(marie), "marie@example.org", "Marie", nil, start)
			must(t, options, err)
			answer, err := c.a.Create(options)
			must(t, answer, err)
			if _, err := p.FinishAdd(answer, at(marie), start); reason(err) != c.want {
				t.Errorf("%v, want %s", err, c.want)
			}
			if _, err := p.FinishAdd(answer, at(marie), start); !errors.Is(err, ErrOver) {
				t.Errorf("a refused challenge still counts: %v", err)
			}
		})
	}
}

func TestRefusedWhenUsed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*passkeytest.Authenticator)
		want   Reason
	}{
		"another host":         {func(a *passkeytest.Authenticator) { a.Origin = "https://visio.example.org.evil.example" }, WrongOrigin},
		"another port":         {func(a *passkeytest.Authenticator) { a.Origin = "https://visio.example.org:9443" }, WrongOrigin},
		"in a frame":           {func(a *passkeytest.Authenticator) { a.CrossOrigin = true }, WrongOrigin},
		"another party":        {func(a *passkeytest.Authenticator) { a.Party = "other.example.org" }, WrongParty},
		"no user verification": {func(a *passkeytest.Authenticator) { a.NotVerified = true }, NotVerified},
		"a registration":       {func(a *passkeytest.Authenticator) { a.OtherType = "webauthn.create" }, WrongSignature},
		"no user handle":       {func(a *passkeytest.Authenticator) { a.NoHandle = true }, WrongOwner},
		"another handle":       {func(a *passkeytest.Authenticator) { a.Keys[0].Handle = other[:] }, WrongOwner},
		"another key": {func(a *passkeytest.Authenticator) {
			b := &passkeytest.Authenticator{Origin: origin}
			_, _ = b.Create([]byte(`{"rp":{"id":"` + host + `"},"user":{"id":"AQIDAAAAAAAAAAAAAAAAAA"},"challenge":"x"}`))
			b.Keys[0].ID = a.Keys[0].ID
			a.Keys = b.Keys
		}, WrongSignature},
	} {
		t.Run(name, func(t *testing.T) {
			p, a := party(t), &passkeytest.Authenticator{Origin: origin}
			made := enrolled(t, p, a)
			c.change(a)
			asked, err := p.BeginUse(SignIn, at([16]byte{}), nil, start)
			must(t, asked, err)
			answer, err := a.Get(asked)
			must(t, answer, err)
			use, err := p.FinishUse(answer, SignIn, at([16]byte{}), start)
			must(t, use, err)
			if _, _, err := use.Verify(marie, made.Key, made.BackupEligible); reason(err) != c.want {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

// TestChallenges: single use, five minutes, for one browser, one account, one purpose and one origin.
func TestChallenges(t *testing.T) {
	// ASVS 6.7.2
	for name, c := range map[string]struct {
		v       Visitor
		purpose Purpose
		after   time.Duration
		want    error
	}{
		"as asked":          {at(marie), Prove, 0, nil},
		"at the last":       {at(marie), Prove, Lifetime - time.Second, nil},
		"too late":          {at(marie), Prove, Lifetime, ErrOver},
		"another account's": {at(other), Prove, 0, ErrOver},
		"another purpose":   {at(marie), SignIn, 0, ErrOver},
		"another browser":   {Visitor{"another cookie", origin, marie}, Prove, 0, ErrOver},
		"another origin":    {Visitor{"cookie", "https://visio.example.org", marie}, Prove, 0, ErrOver},
	} {
		t.Run(name, func(t *testing.T) {
			p, a := party(t), &passkeytest.Authenticator{Origin: origin}
			enrolled(t, p, a)
			asked, err := p.BeginUse(Prove, at(marie), nil, start)
			must(t, asked, err)
			answer, err := a.Get(asked)
			must(t, answer, err)
			if _, err := p.FinishUse(answer, c.purpose, c.v, start.Add(c.after)); !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			_, err = p.FinishUse(answer, Prove, at(marie), start)
			if name == "another browser" {
				// It was not theirs: whose it is, can still answer.
				if err != nil {
					t.Errorf("after another browser's try: %v", err)
				}
			} else if !errors.Is(err, ErrOver) {
				t.Errorf("a second time: %v", err)
			}
		})
	}
	t.Run("never asked", func(t *testing.T) {
		p, a := party(t), &passkeytest.Authenticator{Origin: origin}
		enrolled(t, p, a)
		answer, err := a.GetWith(a.Keys[0], strings.Repeat("A", 43))
		must(t, answer, err)
		if _, err := p.FinishUse(answer, SignIn, at([16]byte{}), start); !errors.Is(err, ErrOver) {
			t.Error(err)
		}
	})
}

func TestChallengesAreBounded(t *testing.T) {
	c := newChallenges()
	put := func(i int, cookie string) {
		c.put([]byte{byte(i >> 16), byte(i >> 8), byte(i)}, SignIn, Visitor{Cookie: cookie}, start)
	}
	for i := range 3 * maxPerBrowser {
		put(i, "one")
	}
	if len(c.by) != maxPerBrowser {
		t.Errorf("%d of one browser", len(c.by))
	}
	if _, err := c.take("AAAA", SignIn, Visitor{Cookie: "one"}, start); !errors.Is(err, ErrOver) {
		t.Error("the oldest is still there")
	}
	for k := range c.by {
		c.by[k] = asked{until: start.Add(Lifetime), order: c.by[k].order} // of a browser that is nobody's
	}
	for i := len(c.by); i < maxChallenges; i++ {
		c.by[fmt.Sprint(i)] = asked{until: start.Add(Lifetime), order: uint64(1000 + i)}
	}
	c.order = 1 << 20
	put(1<<20, "two")
	if len(c.by) != maxChallenges {
		t.Errorf("%d of all", len(c.by))
	}
	c.put([]byte("after all are over"), SignIn, Visitor{}, start.Add(Lifetime))
	if len(c.by) != 1 {
		t.Errorf("%d after their time", len(c.by))
	}
}

// FuzzFinish: whatever comes back, the ceremonies answer with one of their errors and do not fall over.
func FuzzFinish(f *testing.F) {
	p, a := party(f), &passkeytest.Authenticator{Origin: origin}
	made := enrolled(f, p, a)
	options, err := p.BeginAdd(at(marie), "marie", "Marie", nil, start)
	must(f, options, err)
	answer, err := a.Create(options)
	f.Add(must(f, answer, err))
	asked, err := p.BeginUse(SignIn, at([16]byte{}), nil, start)
	must(f, asked, err)
	answer, err = a.Get(asked)
	f.Add(must(f, answer, err))
	for _, s := range []string{"", "{}", "null", `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`, `{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA"}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		// Challenges that count for whatever the body says, so that what lies behind them is reached.
		q := party(t)
		for _, c := range []string{passkeytest.Challenge(options), passkeytest.Challenge(asked)} {
			q.challenges.by[c] = q.asked(SignIn)
		}
		if use, err := q.FinishUse(body, SignIn, at([16]byte{}), start); err == nil {
			if _, _, err := use.Verify(marie, made.Key, false); err != nil && reason(err) == "" {
				t.Errorf("verify: %v", err)
			}
		} else if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrOver) {
			t.Errorf("use: %v", err)
		}
		q.challenges.by[passkeytest.Challenge(options)] = q.asked(Add)
		if _, err := q.FinishAdd(body, at(marie), start); err != nil && reason(err) == "" && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrOver) {
			t.Errorf("add: %v", err)
		}
	})
}

func (p *Party) asked(purpose Purpose) asked {
	a := asked{purpose: purpose, browser: browserOf("cookie"), origin: origin, until: start.Add(Lifetime)}
	if purpose == Add {
		a.account = marie
	}
	return a
}

package accounts

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// The product's numbers, and what they make of each secret: so many tries at once, then these waits.
func TestLimitsOfEverySecret(t *testing.T) {
	// ASVS 6.3.1
	w := newWorld(t)
	admin, _ := w.administrator()
	if got, want := w.o.PerAccount, (Limits{Quick: 5, First: 4 * time.Second, Longest: 15 * time.Minute, Forget: 24 * time.Hour}); got != want {
		t.Errorf("by account %+v, want %+v", got, want)
	}
	if got, want := w.o.PerAddress, (Limits{Quick: 5, Parallel: 32, First: 2 * time.Second, Longest: time.Minute, Forget: 10 * time.Minute}); got != want {
		t.Errorf("by address %+v, want %+v", got, want)
	}
	if maxUnknown != 10000 || maxAddresses != 16384 {
		t.Errorf("tables of %d and %d", maxUnknown, maxAddresses)
	}
	perAccount := []time.Duration{4, 8, 16, 32, 64, 128, 256, 512, 900, 900}
	perAddress := []time.Duration{2, 4, 8, 16, 32, 60, 60}
	withFactor, _ := w.member(admin, "With Factor", "factor@example.org")
	w.enrol(withFactor, memberPhrase)
	now, n := noon.Add(time.Hour), 0
	elsewhere := func() Client { n++; return from(n) }
	sign := func(email, phrase, code string) error {
		_, err := w.Accounts.Login(t.Context(), email, Proof{Passphrase: phrase, Code: code}, elsewhere(), now)
		return err
	}
	for _, c := range []struct {
		name  string
		waits []time.Duration
		wrong error
		try   func() error
	}{
		{"passphrase", perAccount, ErrCredentials, func() error { return sign("ada@example.org", "wrong", "") }},
		{"passphrase of nobody", perAccount, ErrCredentials, func() error { return sign("nobody@example.org", "wrong", "") }},
		{"code of an application", perAccount, ErrCodeWrong, func() error { return sign("factor@example.org", memberPhrase, "abcdef") }},
		{"recovery code", perAccount, ErrCodeWrong, func() error { return sign("factor@example.org", memberPhrase, strings.Repeat("2", 16)) }},
		{"activation link", perAddress, ErrActivation, func() error {
			_, _, err := w.Activate(t.Context(), strings.Repeat("A", 43), memberPhrase, from(60000), now)
			return err
		}},
		{"passphrases of many from one address", perAddress, ErrCredentials, func() error {
			n++
			_, _, err := w.Login(t.Context(), "nobody"+now.String()+string(rune('a'+n%26))+"@example.org", "wrong", from(60001), now)
			return err
		}},
	} {
		for range 5 {
			wantErr(t, c.name+": a quick try", c.try(), c.wrong)
		}
		var waits []time.Duration
		for range c.waits {
			var many ErrTooMany
			if err := c.try(); !errors.As(err, &many) {
				t.Fatalf("%s: %v after %v, want a wait", c.name, err, waits)
			}
			waits = append(waits, many.Until.Sub(now)/time.Second)
			now = many.Until
			wantErr(t, c.name+": one try after the wait", c.try(), c.wrong)
		}
		if !slices.Equal(waits, c.waits) {
			t.Errorf("%s: waits of %d s, want %d", c.name, waits, c.waits)
		}
		now = now.Add(25 * time.Hour)
	}
	// The set-up code's counter is the guard's: see TestSetupCodeTriesAreLimited for its door.
	now = noon
	for i := range 5 + len(perAccount) {
		try, err := w.guard.begin(setupKeyOfGuard, nil, elsewhere().Address, now)
		if err != nil {
			t.Fatal(err)
		}
		try.failed(now)
		if i < 4 {
			continue
		}
		if i-4 < len(perAccount) {
			if got := w.guard.setup.Until.Sub(now) / time.Second; got != perAccount[i-4] {
				t.Errorf("set-up code: a wait of %d s, want %d", got, perAccount[i-4])
			}
		}
		now = w.guard.setup.Until
	}
}

func TestMeasureRefusal(t *testing.T) {
	w := newWorld(t)
	at, steps := noon, []time.Duration{0, 9, 0, 3, 0, 5} // before and after each of three runs
	clock := func() time.Time {
		at = at.Add(steps[0] * time.Second)
		steps = steps[1:]
		return at
	}
	before := w.hasher.Computed()
	got, err := w.MeasureRefusal(t.Context(), clock, 3)
	if err != nil || got != 5*time.Second || w.hasher.Computed()-before != 3*uint64(dear.Memory) {
		t.Errorf("%v, %v, %d KiB", got, err, w.hasher.Computed()-before)
	}
	if _, err := w.MeasureRefusal(t.Context(), clock, 0); err == nil {
		t.Error("a measure of nothing")
	}
}

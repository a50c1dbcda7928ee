package accounts

import (
	"errors"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestSetup(t *testing.T) {
	// ASVS 6.3.2
	w := newWorld(t)
	if needed, err := w.SetupNeeded(); !needed || err != nil {
		t.Fatalf("SetupNeeded: %v, %v", needed, err)
	}
	first, _, err := w.SetupCode(noon)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^([0-9A-HJKMNP-TV-Z]{5}-){3}[0-9A-HJKMNP-TV-Z]{5}$`).MatchString(first.Reveal()) {
		t.Errorf("the code is %q", first.Reveal())
	}
	second, _, err := w.SetupCode(noon)
	if err != nil {
		t.Fatal(err)
	}
	setup := func(code, phrase string) error {
		_, _, err := w.Setup(t.Context(), code, "Ada Lovelace", "ada@example.org", phrase, desk, noon)
		return err
	}
	wantErr(t, "the code of the start before", setup(first.Reveal(), adminPhrase), ErrSetupCode)
	wantErr(t, "no code", setup("", adminPhrase), ErrSetupCode)
	// What is wrong besides leaves the code as it is.
	wantErr(t, "a short passphrase", setup(second.Reveal(), "kyxmuzo wrat"), ErrPassphraseShort)
	typed := " " + strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(second.Reveal(), "-", " "), "0", "O")) + " "
	a, token, err := w.Setup(t.Context(), strings.ReplaceAll(typed, "1", "l"), "Ada Lovelace", "Ada@Example.org", adminPhrase, desk, noon)
	if err != nil {
		t.Fatal(err)
	}
	if a.Role != Administrator || a.State != Active || a.Name != "Ada Lovelace" || a.Email != "Ada@Example.org" || !a.Created.Equal(noon) {
		t.Errorf("%+v", a)
	}
	if !w.signedIn(token, noon) {
		t.Error("not signed in")
	}
	wantErr(t, "the code again", setup(second.Reveal(), adminPhrase), ErrSetupDone)
	if code, needed, err := w.SetupCode(noon); needed || err != nil || code.Reveal() != "" {
		t.Errorf("a code for an appliance that is set up: %v, %v", needed, err)
	}
	if needed, err := w.SetupNeeded(); needed || err != nil {
		t.Errorf("SetupNeeded: %v, %v", needed, err)
	}
}

func TestSetupWithoutACodeMade(t *testing.T) {
	w := newWorld(t)
	for _, code := range []string{"", "00000-00000-00000-00000"} {
		_, _, err := w.Setup(t.Context(), code, "Ada Lovelace", "ada@example.org", adminPhrase, desk, noon)
		wantErr(t, "code "+code, err, ErrSetupCode)
	}
}

func TestSetupHasOneWinner(t *testing.T) {
	// ASVS 2.3.4, 6.5.1
	w := newWorld(t)
	code, _, err := w.SetupCode(noon)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	results := make([]error, 4)
	for i := range results {
		wg.Go(func() {
			_, _, results[i] = w.Setup(t.Context(), code.Reveal(), "Ada Lovelace", "ada@example.org", adminPhrase, desk, noon)
		})
	}
	wg.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
		} else if !errors.Is(err, ErrSetupDone) {
			t.Error(err)
		}
	}
	if n, err := w.Count(); won != 1 || n != 1 || err != nil {
		t.Errorf("%d won, %d accounts, %v", won, n, err)
	}
}

func TestSetupCodeTriesAreLimited(t *testing.T) {
	w := newWorld(t)
	code, _, err := w.SetupCode(noon)
	if err != nil {
		t.Fatal(err)
	}
	now := noon
	try := func(code string, from int) error {
		client := Client{Address: netip.AddrFrom4([4]byte{198, 51, 100, byte(from)})}
		_, _, err := w.Setup(t.Context(), code, "Ada Lovelace", "ada@example.org", adminPhrase, client, now)
		return err
	}
	// From many addresses: the code itself is guarded.
	for i := range 5 {
		wantErr(t, "a quick try", try("wrong", i), ErrSetupCode)
	}
	err = try("wrong", 6)
	var many ErrTooMany
	if !errors.As(err, &many) || many.Until.Sub(now) != 4*time.Second {
		t.Fatalf("the sixth try: %v", err)
	}
	wantErr(t, "the right code meanwhile", try(code.Reveal(), 7), ErrTooMany{})
	now = many.Until
	if err := try(code.Reveal(), 7); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func TestActivation(t *testing.T) {
	// ASVS 6.4.1, 6.5.4
	w := newWorld(t)
	admin, _ := w.administrator()
	a, link, err := w.Create(actor(admin), "Grace Hopper", "grace@example.org", Member, noon)
	if err != nil {
		t.Fatal(err)
	}
	if a.State != Invited || !link.Expires.Equal(noon.Add(7*24*time.Hour)) {
		t.Errorf("%+v, expires %v", a, link.Expires)
	}
	if raw := link.Token.Reveal(); len(raw) != 43 || !wellFormed(raw) {
		t.Errorf("token %q", raw)
	}
	if got, err := w.Activation(link.Token.Reveal(), noon); err != nil || got != a {
		t.Errorf("the look: %+v, %v", got, err)
	}
	late := link.Expires
	_, err = w.Activation(link.Token.Reveal(), late)
	wantErr(t, "a look after seven days", err, ErrActivation)
	_, _, err = w.Activate(t.Context(), link.Token.Reveal(), memberPhrase, desk, late)
	wantErr(t, "use after seven days", err, ErrActivation)
	_, _, err = w.Activate(t.Context(), link.Token.Reveal(), "too short", desk, noon)
	wantErr(t, "a short passphrase", err, ErrPassphraseShort)

	again, err := w.NewActivation(actor(admin), a.ID, noon)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Activation(link.Token.Reveal(), noon)
	wantErr(t, "the link before", err, ErrActivation)
	b, token, err := w.Activate(t.Context(), again.Token.Reveal(), memberPhrase, desk, late.Add(-time.Second))
	if err != nil || b.State != Active || !w.signedIn(token, late) {
		t.Fatalf("%+v, %v", b, err)
	}
	_, _, err = w.Activate(t.Context(), again.Token.Reveal(), memberPhrase, desk, noon)
	wantErr(t, "a second use", err, ErrActivation)
	_, err = w.Activation(again.Token.Reveal(), noon)
	wantErr(t, "a look after use", err, ErrActivation)
	for _, bad := range []string{"", "x", strings.Repeat("A", 43), again.Token.Reveal() + "\n", again.Token.Reveal()[:42]} {
		_, err := w.Activation(bad, noon)
		wantErr(t, "token "+bad, err, ErrActivation)
	}
}

func TestActivationIsUsedOnce(t *testing.T) {
	// ASVS 2.3.4, 6.4.1, 6.5.1
	w := newWorld(t)
	admin, _ := w.administrator()
	_, link, err := w.Create(actor(admin), "Grace Hopper", "grace@example.org", Member, noon)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	results := make([]error, 4)
	for i := range results {
		wg.Go(func() { _, _, results[i] = w.Activate(t.Context(), link.Token.Reveal(), memberPhrase, desk, noon) })
	}
	wg.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
		} else if !errors.Is(err, ErrActivation) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d uses of one link", won)
	}
}

func TestResetOfAnActiveAccount(t *testing.T) {
	// ASVS 6.4.3
	w := newWorld(t)
	admin, _ := w.administrator()
	member, token := w.member(admin, "Grace Hopper", "grace@example.org")
	link, err := w.NewActivation(actor(admin), member.ID, noon)
	if err != nil {
		t.Fatal(err)
	}
	if !w.signedIn(token, noon) {
		t.Error("making a link ended the sessions")
	}
	w.takeEnded()
	const phrase = "poivre lanterne 77 gravier"
	if _, _, err := w.Activate(t.Context(), link.Token.Reveal(), phrase, desk, noon); err != nil {
		t.Fatal(err)
	}
	if w.signedIn(token, noon) {
		t.Error("a session outlived the reset")
	}
	if got := w.takeEnded(); len(got) != 1 || !got[0].All() || got[0].Reason != PassphraseChanged {
		t.Errorf("listeners were told %+v", got)
	}
	_, _, err = w.Login(t.Context(), "grace@example.org", memberPhrase, desk, noon)
	wantErr(t, "the old passphrase", err, ErrCredentials)
	if _, _, err := w.Login(t.Context(), "grace@example.org", phrase, desk, noon); err != nil {
		t.Error(err)
	}
	list, err := w.log.List(0, 10)
	if err != nil {
		t.Fatal(err)
	}
	marked := 0
	for _, e := range list {
		if e.Detail["reset"] == "yes" {
			marked++
		}
	}
	if marked != 2 {
		t.Errorf("%d entries say that it was a reset, want 2", marked)
	}
}

func TestAChangeOfPassphraseVoidsTheReset(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", "grace@example.org")
	link, err := w.NewActivation(actor(admin), member.ID, noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ChangePassphrase(t.Context(), member.ID, Proof{Passphrase: memberPhrase}, "poivre lanterne 77 gravier", desk, noon); err != nil {
		t.Fatal(err)
	}
	_, err = w.Activation(link.Token.Reveal(), noon)
	wantErr(t, "the link", err, ErrActivation)
}

func TestStateSurvivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	w := openWorld(t, path)
	admin, token := w.administrator()
	_, link, err := w.Create(actor(admin), "Grace Hopper", "grace@example.org", Member, noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.EndSessions(actor(admin), admin.ID, noon); err != nil {
		t.Fatal(err)
	}
	_, kept, err := w.Login(t.Context(), "ada@example.org", adminPhrase, desk, noon)
	if err != nil {
		t.Fatal(err)
	}
	w = w.restart(path)
	if w.signedIn(token, noon) {
		t.Error("an ended session counts again")
	}
	if !w.signedIn(kept, noon) {
		t.Error("a session was lost")
	}
	if _, err := w.Activation(link.Token.Reveal(), noon); err != nil {
		t.Error(err)
	}
}

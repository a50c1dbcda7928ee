package appliance

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/control"
	"huisclos/audit"
)

// TestResetAdministrator: the way out by the shell, from the command to a new session, with what the log keeps of it.
func TestResetAdministrator(t *testing.T) {
	s := testSettings(t)
	a, log := start(t, s)
	now, ctx := time.Now(), t.Context()
	const phrase = "quinze lapins sous la lune"
	code, _, err := a.accounts.SetupCode(now)
	must(t, err)
	admin, session, err := a.accounts.Setup(ctx, code.Reveal(), "Ada", "ada@example.org", phrase, accounts.Client{}, now)
	must(t, err)
	e, err := a.accounts.BeginTOTP(ctx, admin.ID, accounts.Proof{Passphrase: phrase}, accounts.Client{}, now)
	must(t, err)
	done, err := a.accounts.ConfirmTOTP(admin.ID, codeOf(t, e.Secret.Reveal(), now), accounts.Client{}, now)
	must(t, err)
	run := func(args ...string) (int, string) {
		var out, errs bytes.Buffer
		got := control.ResetAdministrator(ctx, append(args, "--data", s.Data), &out, &errs)
		return got, out.String() + errs.String()
	}
	if got, said := run("somebody@example.org"); got != 1 || !strings.Contains(said, "nothing was changed") {
		t.Errorf("somebody else: %d %s", got, said)
	}
	got, said := run("ada@example.org")
	link := regexp.MustCompile(`https://[^ ]+/activate#([A-Za-z0-9_-]{43})\n`).FindStringSubmatch(said)
	if got != 0 || link == nil {
		t.Fatalf("%d %s", got, said)
	}
	for _, old := range []accounts.Token{session, done.Session} {
		if _, _, err := a.accounts.Session(old.Reveal(), now); !errors.Is(err, accounts.ErrNoSession) {
			t.Errorf("a session is left: %v", err)
		}
	}
	account, _, err := a.accounts.Activate(ctx, link[1], "seize lapins sur la lune", accounts.Client{}, now)
	if err != nil || account.ID != admin.ID || !account.FactorMissing {
		t.Errorf("%+v, %v", account, err)
	}
	list, err := a.trail.List(0, 50)
	must(t, err)
	loud := map[audit.Action]bool{}
	for _, e := range list {
		if e.Actor == audit.ActorOperator && e.Object == admin.ID.String() {
			loud[e.Action] = true
		}
	}
	if !loud[audit.AdministratorReset] || !loud[audit.FactorTaken] || !loud[audit.ActivationMade] {
		t.Errorf("recorded: %v", loud)
	}
	if text := log.String(); !strings.Contains(text, "an operator has taken") || strings.Contains(text, link[1]) {
		t.Errorf("the service's log: %s", text)
	}
}

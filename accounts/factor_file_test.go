package accounts

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

func TestSeedAndCodesAreNotInTheFile(t *testing.T) {
	// ASVS 6.5.2, 14.2.4
	path := filepath.Join(t.TempDir(), "db")
	w := openWorld(t, path)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	w.unplant(admin.ID)
	begun, err := w.BeginTOTP(t.Context(), admin.ID, Proof{Passphrase: adminPhrase}, desk, noon)
	if err != nil {
		t.Fatal(err)
	}
	p, c := w.enrol(member, memberPhrase)
	now := noon.Add(time.Minute)
	if _, err := w.signIn(grace, memberPhrase, c.Recovery[0].Reveal(), desk, now); err != nil {
		t.Fatal(err)
	}
	typed := p.wrong(now)
	if _, err := w.signIn(grace, memberPhrase, typed, desk, now); !errors.Is(err, ErrCodeWrong) {
		t.Fatal(err)
	}
	entries, err := w.log.List(0, audit.MaxPage)
	if err != nil {
		t.Fatal(err)
	}
	w.db.Close()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{begun.Secret.Reveal(), begun.URI.Reveal()}
	for _, seed := range [][]byte{p.seed, newPhone(t, begun).seed} {
		secrets = append(secrets, string(seed), seedText(seed), strings.ToLower(seedText(seed)), inFours(seedText(seed)),
			fmt.Sprintf("%x", seed), fmt.Sprintf("%X", seed))
		for shift := range 3 { // base 64 at each offset, as JSON would hold it
			text := string(encodeBase64(append(make([]byte, shift), seed...)))
			secrets = append(secrets, text[4:len(text)-4])
		}
	}
	for _, code := range c.Recovery {
		text := code.Reveal()
		secrets = append(secrets, text, strings.ReplaceAll(text, "-", ""), strings.ToLower(text), string(encodeBase64([]byte(text))))
	}
	for _, secret := range secrets {
		if bytes.Contains(file, []byte(secret)) {
			t.Errorf("the database holds %q", secret)
		}
		if strings.Contains(fmt.Sprintf("%+v", entries), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if !bytes.Contains(file, []byte(grace)) || !bytes.Contains(file, []byte(`"totp"`)) {
		t.Error("the search finds nothing in the file at all")
	}
	for _, e := range entries {
		if slices.ContainsFunc([]string{e.Detail["reason"], e.Detail["left"], e.Detail["failures"]}, func(s string) bool { return s == typed }) {
			t.Errorf("a typed code is recorded: %+v", e)
		}
	}
	for _, v := range []any{Proof{Passphrase: memberPhrase, Code: "123456"}, begun, c} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			text := fmt.Sprintf(verb, v)
			for _, secret := range append(secrets, memberPhrase, "123456") {
				if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
					t.Errorf("%s prints %q", verb, secret)
				}
			}
		}
	}
}

// A second factor that is written into another account's record opens nothing there.
func TestASecondFactorCannotBeMoved(t *testing.T) {
	// ASVS 11.3.2
	w := newWorld(t)
	admin, _ := w.administrator()
	thief, _ := w.member(admin, "Thief", "thief@example.org")
	member, _ := w.member(admin, "Grace Hopper", grace)
	p, c := w.enrol(thief, memberPhrase)
	w.enrol(member, memberPhrase)
	from := w.record(thief.ID)
	if err := w.db.Update(func(tx *store.Tx) error {
		r, err := load(tx, member.ID)
		if err != nil {
			return err
		}
		r.TOTP, r.Recovery = from.TOTP, from.Recovery
		return save(tx, r)
	}); err != nil {
		t.Fatal(err)
	}
	now := noon.Add(time.Minute)
	_, err := w.signIn(grace, memberPhrase, p.code(now), desk, now)
	wantErr(t, "the thief's code", err, errSealed)
	if Code(err) != "" {
		t.Errorf("a fault of the store has the code %q", Code(err))
	}
	_, err = w.signIn(grace, memberPhrase, c.Recovery[0].Reveal(), desk, now)
	wantErr(t, "the thief's recovery code", err, ErrCodeWrong)
	if _, err := w.signIn("thief@example.org", memberPhrase, p.code(now), desk, now); err != nil {
		t.Errorf("in its own account: %v", err)
	}
}

func TestSecondFactorsAndThePepper(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	with := w.Accounts.hasher
	bare, err := passhash.New(passhash.Options{Random: w.random, Refusal: dear})
	if err != nil {
		t.Fatal(err)
	}
	p, c := w.enrol(member, memberPhrase)
	if s := w.record(member.ID).TOTP.Seed; s.Pepper == "" || s.Pepper != with.PepperID() {
		t.Errorf("sealed under %q", s.Pepper)
	}
	// The database without its pepper gives nothing.
	w.Accounts.hasher = bare
	if _, err := w.open(member.ID, w.record(member.ID).TOTP.Seed); !errors.Is(err, passhash.ErrPepper) {
		t.Errorf("without the pepper: %v", err)
	}
	if _, err := w.hashRecovery(member.ID, w.record(member.ID).Recovery, typedCode(c.Recovery[0].Reveal())); !errors.Is(err, passhash.ErrPepper) {
		t.Errorf("a recovery code without the pepper: %v", err)
	}
	w.Accounts.hasher = with
	// What was sealed before there was a pepper opens, and is sealed anew when it is used.
	w.Accounts.hasher = bare
	plain, err := w.seal(member.ID, p.seed)
	w.Accounts.hasher = with
	if err != nil || plain.Pepper != "" {
		t.Fatalf("%+v, %v", plain, err)
	}
	if err := w.db.Update(func(tx *store.Tx) error {
		r, err := load(tx, member.ID)
		if err != nil {
			return err
		}
		r.TOTP.Seed = plain
		return save(tx, r)
	}); err != nil {
		t.Fatal(err)
	}
	now := noon.Add(time.Minute)
	if _, err := w.signIn(grace, memberPhrase, p.code(now), desk, now); err != nil {
		t.Fatal(err)
	}
	if s := w.record(member.ID).TOTP.Seed; s.Pepper != with.PepperID() {
		t.Errorf("still sealed under %q", s.Pepper)
	}
	now = now.Add(time.Minute)
	if _, err := w.signIn(grace, memberPhrase, p.code(now), desk, now); err != nil {
		t.Error(err)
	}
}

func encodeBase64(b []byte) []byte { return base64.StdEncoding.AppendEncode(nil, b) }

package appliance

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/web"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

// The machine is measured once it serves, and a stranger waits for what it needs.
func TestRefusalsAreHeldForWhatThisMachineNeeds(t *testing.T) {
	// ASVS 6.3.8
	if testing.Short() {
		t.Skip("computes five dear hashes")
	}
	s := testSettings(t)
	s.refuseAfter, s.cost = 0, passhash.Params{}
	a, log := start(t, s)
	const said = "refused sign-ins are answered at one time"
	for until := time.Now().Add(2 * time.Minute); !strings.Contains(log.String(), said); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("not measured:\n%s", log)
		}
	}
	b := browser(t, a)
	began := time.Now()
	res, err := b.Post("https://"+a.at()+"/api/login", "application/json", strings.NewReader(`{}`))
	must(t, err)
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden || time.Since(began) >= web.LeastRefusal {
		t.Errorf("a request that is nobody's: %d after %v; it tells nothing and does not wait", res.StatusCode, time.Since(began))
	}
}

// Tests have cheap passphrases. What an organisation runs has those that the papers name, for who looks after the appliance and for everybody else.
func TestPassphrasesCostWhatThePapersSay(t *testing.T) {
	if read, err := readSettings(nil); err != nil || (read.cost == passhash.Params{}) == testBuild {
		t.Fatalf("the command line gives a cost of %+v, %v", read.cost, err)
	}
	s := testSettings(t)
	s.cost = passhash.Params{}
	a, _ := start(t, s)
	for role, want := range map[accounts.Role]string{accounts.Member: "$argon2id$v=19$m=65536,t=3,p=4,", accounts.Administrator: "$argon2id$v=19$m=262144,t=3,p=4,"} {
		now := time.Now()
		_, link, err := a.accounts.Create(accounts.Operator(), "Zoé", string(role)+"@example.org", role, now)
		must(t, err)
		_, _, err = a.accounts.Activate(t.Context(), link.Token.Reveal(), "quatre chevaux dans la brume", accounts.Client{Address: netip.MustParseAddr("192.0.2.7")}, now)
		must(t, err)
		found := 0
		must(t, a.db.View(func(tx *store.Tx) error {
			tx.Scan("accounts.records", nil, nil, 0, func(_, v []byte) bool {
				found += strings.Count(string(v), want)
				return true
			})
			return nil
		}))
		if found != 1 {
			t.Errorf("%s: %d hashes %s…", role, found, want)
		}
	}
}

package appliance

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"huisclos/appliance/web"
)

// The machine is measured once it serves, and a stranger waits for what it needs.
func TestRefusalsAreHeldForWhatThisMachineNeeds(t *testing.T) {
	// ASVS 6.3.8
	if testing.Short() {
		t.Skip("computes five dear hashes")
	}
	s := testSettings(t)
	s.refuseAfter = 0
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

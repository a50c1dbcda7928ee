package web

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/certs"
	"huisclos/appliance/certs/order"
	"huisclos/crypto/certtest"
)

// cabinet stands for the appliance's: a keeper of its own, and no audit log.
type cabinet struct {
	*certs.Keeper
	ordered int
}

func newCabinet(t testing.TB, now time.Time) *cabinet {
	t.Helper()
	k, err := certs.Open(certs.Options{Directory: t.TempDir(), Hostnames: []string{"visio.example.org"}, Random: rand.Reader}, now)
	must(t, err)
	return &cabinet{Keeper: k}
}

func (c *cabinet) State(now time.Time) (CertificateState, error) {
	list, err := c.Requests()
	s := CertificateState{Mode: c.Mode(), Names: []string{"visio.example.org"}, Serves: c.Facts(now), Requests: list,
		ACME: order.Status{Failures: 1, Next: now.Add(time.Hour), Failure: &order.Failure{Kind: order.NotReached, Name: "visio.example.org"}}}
	if f, ok := c.Stored(now); ok {
		s.Stored = &f
	}
	return s, err
}

func (c *cabinet) Examine(m certs.Material, now time.Time) (*certs.Pair, certs.Facts, error) {
	p, err := c.Keeper.Examine(m, now)
	if err != nil {
		return nil, certs.Facts{}, err
	}
	return p, c.FactsOf(p, now), nil
}

func (c *cabinet) Import(_ accounts.Actor, p *certs.Pair, now time.Time) error {
	return c.Store(p, now)
}

func (c *cabinet) Request(_ accounts.Actor, w certs.Wish, now time.Time) (certs.Request, error) {
	return c.Keeper.Request(w, now)
}

func (c *cabinet) Withdraw(_ accounts.Actor, id string, _ time.Time) error {
	return c.Keeper.Withdraw(id)
}

func (c *cabinet) Order(accounts.Actor, time.Time) error {
	c.ordered++
	return &certs.Refusal{Reason: certs.NotByACME}
}

func (c *cabinet) Look(_ context.Context, directory, _ string, _ time.Time) (order.Authority, error) {
	if strings.Contains(directory, "known") {
		return order.Authority{Terms: "https://known.example.org/terms", ExternalAccount: true}, nil
	}
	return order.Authority{}, &order.Failure{Kind: order.NoAuthority}
}

// signed is a certificate by an authority of the test's for a public key.
func signed(t *testing.T, public any, name string, now time.Time) (chain []byte) {
	t.Helper()
	return certtest.New(t).Issue(t, certtest.For{Names: []string{name}, From: now.Add(-time.Hour), Until: now.AddDate(1, 0, 0), Public: public}).Cert
}

func TestCertificateInTheConsole(t *testing.T) {
	// ASVS 13.3.2, 14.2.2
	h := newHouse(t)
	admin := h.asAdministrator()
	state := func() map[string]any {
		t.Helper()
		a := admin.do("GET", "/api/admin/tls", nil)
		expect(t, "state", a, http.StatusOK, "")
		return a.json(t)
	}
	if s := state(); s["mode"] != "self-signed" || s["stored"] != nil || s["acme"].(map[string]any)["failure"].(map[string]any)["fr"] == "" {
		t.Errorf("state %v", s)
	}
	// Asked for, answered, looked at, imported.
	asked := admin.do("POST", "/api/admin/tls/requests", map[string]any{"organisation": "Exemple", "country": "FR", "p384": true})
	expect(t, "a request", asked, http.StatusCreated, "")
	block, _ := pem.Decode([]byte(asked.json(t)["pem"].(string)))
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	must(t, err)
	answer := base64.StdEncoding.EncodeToString(signed(t, csr.PublicKey, "visio.example.org", h.clock()))
	look := admin.do("POST", "/api/admin/tls/certificate", map[string]any{"files": []string{answer}, "try": true})
	expect(t, "a try", look, http.StatusOK, "")
	if j := look.json(t); j["answersRequest"] != true || j["certificate"].(map[string]any)["key"] != "P-384" {
		t.Errorf("a try: %v", j)
	}
	if s := state(); s["stored"] != nil || len(s["requests"].([]any)) != 1 {
		t.Errorf("a try has changed something: %v", s)
	}
	expect(t, "an import", admin.do("POST", "/api/admin/tls/certificate", map[string]any{"files": []string{answer}}), http.StatusCreated, "")
	if s := state(); s["stored"] == nil || len(s["requests"].([]any)) != 0 {
		t.Errorf("after the import: %v", s)
	}
	// With a key, for another name: a remark, and no refusal. The key stands in no answer.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	files := []string{base64.StdEncoding.EncodeToString(signed(t, key.Public(), "other.example.org", h.clock())), base64.StdEncoding.EncodeToString(private)}
	other := admin.do("POST", "/api/admin/tls/certificate", map[string]any{"files": files, "try": true})
	expect(t, "for another name", other, http.StatusOK, "")
	if text := string(other.body); !strings.Contains(text, "no-name") || strings.Contains(text, "PRIVATE") {
		t.Errorf("for another name: %s", text)
	}
	for name, c := range map[string]struct {
		body   map[string]any
		status int
		code   string
	}{
		"no key":            {map[string]any{"files": files[:1]}, http.StatusUnprocessableEntity, "certificate"},
		"no base64":         {map[string]any{"files": []string{"!"}}, http.StatusBadRequest, "bad-request"},
		"nothing":           {map[string]any{}, http.StatusUnprocessableEntity, "certificate"},
		"a name of its own": {map[string]any{"files": files, "path": "/etc"}, http.StatusBadRequest, "bad-request"},
	} {
		expect(t, name, admin.do("POST", "/api/admin/tls/certificate", c.body), c.status, c.code)
	}
	for _, wish := range []map[string]any{{"country": "France"}, {"country": "1!"}, {"organisation": strings.Repeat("x", 65)}, {"organisation": "a\nb"}} {
		expect(t, "a wish", admin.do("POST", "/api/admin/tls/requests", wish), http.StatusBadRequest, "bad-request")
	}
	known := admin.do("POST", "/api/admin/tls/authority", map[string]any{"directory": "https://known.example.org/directory"})
	expect(t, "an authority", known, http.StatusOK, "")
	if known.json(t)["externalAccount"] != true {
		t.Errorf("an authority: %v", known.json(t))
	}
	// After a while each act asks for a proof; to look at a certificate does not.
	for range 3 {
		h.advance(4 * time.Minute)
		state()
	}
	for path, body := range map[string]map[string]any{"certificate": {"files": files}, "requests": {}, "order": {}, "authority": {"directory": "https://known.example.org/"}} {
		expect(t, path, admin.do("POST", "/api/admin/tls/"+path, body), http.StatusForbidden, "proofNeeded")
	}
	expect(t, "withdrawing", admin.do("DELETE", "/api/admin/tls/requests/0123456789abcdef", nil), http.StatusForbidden, "proofNeeded")
	expect(t, "a try", admin.do("POST", "/api/admin/tls/certificate", map[string]any{"files": files, "try": true}), http.StatusOK, "")
	if strings.Contains(h.log.String(), "PRIVATE") {
		t.Error("a key is in the log")
	}
}

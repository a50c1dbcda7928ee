package web

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/crypto/keylog"
)

// hashKeys stands for the pepper.
type hashKeys struct{}

func (hashKeys) PepperID() string { return "" }
func (hashKeys) Derive(label, _ string) ([]byte, error) {
	return bytes.Repeat([]byte{label[0]}, 32), nil
}

func TestAuditIsSearched(t *testing.T) {
	h := newHouse(t)
	b := h.asAdministrator()
	count := func(query string) int {
		t.Helper()
		r := b.do("GET", "/api/admin/audit?"+query, nil)
		if r.status != http.StatusOK {
			t.Fatalf("%s: %d %s", query, r.status, r.body)
		}
		return len(r.json(t)["entries"].([]any))
	}
	all := count("")
	if n := count("action=login."); n == 0 || n >= all {
		t.Errorf("%d of %d entries are sign-ins", n, all)
	}
	if byID, byName := count("person="+h.member.ID.String()), count("person="+h.member.Email); byID == 0 || byID != byName {
		t.Errorf("%d entries by id, %d by address", byID, byName)
	}
	if n := count("from=" + h.clock().Add(time.Hour).Format(time.RFC3339)); n != 0 {
		t.Errorf("%d entries of the future", n)
	}
	for _, query := range []string{"from=yesterday", "action=NO", "result=maybe", "after=0"} {
		expect(t, query, b.do("GET", "/api/admin/audit?"+query, nil), http.StatusBadRequest, "bad-request")
	}
}

func TestAuditIsVerifiedAndCopied(t *testing.T) {
	h := newHouse(t)
	b := h.asRole(accounts.Auditor)
	state := b.do("POST", "/api/admin/audit/verify", map[string]string{}).json(t)
	verified := state["verified"].(map[string]any)
	if verified["fault"] != nil || verified["entries"].(float64) == 0 {
		t.Errorf("%v", verified)
	}
	r := b.do("GET", "/api/admin/audit/export?format=jsonl", nil)
	if _, err := audit.VerifyExport(bytes.NewReader(r.body), audit.Noted{}); err != nil || r.status != http.StatusOK {
		t.Errorf("the copy: %d, %v", r.status, err)
	}
	if r := b.do("GET", "/api/admin/audit/export?format=cef", nil); !strings.HasPrefix(string(r.body), "CEF:0|") {
		t.Errorf("%.80s", r.body)
	}
	expect(t, "another format", b.do("GET", "/api/admin/audit/export?format=xml", nil), http.StatusBadRequest, "bad-request")
}

// A witness: an officer enrols it, an auditor takes it the file and brings back what it has signed.
func TestAuditIsWitnessed(t *testing.T) {
	h := newHouse(t)
	signer, err := audit.OpenSigner(h.audit, hashKeys{}, rand.Reader, h.clock())
	must(t, err)
	witness, err := keylog.NewKey("zoe", keylog.Witness, rand.Reader)
	must(t, err)
	officer, auditor := h.asRole(accounts.Officer), h.asRole(accounts.Auditor)
	key := map[string]string{"key": witness.Public().String()}
	expect(t, "of the log", officer.do("POST", "/api/admin/audit/witnesses", map[string]string{"key": signer.Public().String()}), http.StatusUnprocessableEntity, "witness-key")
	if r := officer.do("POST", "/api/admin/audit/witnesses", key); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	expect(t, "twice", officer.do("POST", "/api/admin/audit/witnesses", key), http.StatusConflict, "witness-known")
	_, err = signer.Sign(h.clock())
	must(t, err)
	growth, err := keylog.ParseGrowth([]byte(auditor.do("GET", "/api/admin/audit/growth?since=0", nil).json(t)["text"].(string)))
	must(t, err)
	if _, err := growth.Check(keylog.Checkpoint{}, signer.Public()); err != nil {
		t.Fatal(err)
	}
	line, err := witness.Cosign(growth.Note, h.clock())
	must(t, err)
	note, err := keylog.Join(growth.Note, line)
	must(t, err)
	state := auditor.do("POST", "/api/admin/audit/cosignature", map[string]string{"note": string(note)}).json(t)
	if list := state["witnesses"].([]any); len(list) != 1 || list[0].(map[string]any)["size"].(float64) == 0 {
		t.Errorf("%v", state)
	}
	h.advance(accounts.ProofLifetime)
	expect(t, "without a recent proof", officer.do("DELETE", "/api/admin/audit/witnesses/"+witness.Public().ID(), nil), http.StatusForbidden, "proofNeeded")
}

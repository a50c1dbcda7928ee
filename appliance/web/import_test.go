package web

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"

	"huisclos/accounts"
)

func TestImportFromThePage(t *testing.T) {
	h := newHouse(t)
	b := h.asAdministrator()
	post := func(text string, dry bool) answer {
		return b.do("POST", "/api/admin/accounts/import", map[string]any{"text": text, "dry": dry})
	}
	count := func() int {
		n, err := h.accounts.Count()
		must(t, err)
		return n
	}
	before := count()
	const good = "nom;courriel;rôle\nÉlodie Lefèvre;elodie@example.org;membre\n=cmd;cmd@example.org;\nMarie;marie@example.org;\n"
	a := post(good, true)
	expect(t, "dry", a, http.StatusOK, "")
	m := a.json(t)
	if c, _ := m["counts"].(map[string]any); c["create"] != 2.0 || c["exists"] != 1.0 || c["wrong"] != 0.0 || m["links"] != nil || count() != before {
		t.Errorf("dry: %s; %d accounts", a.body, count())
	}
	a = post(good+"Personne;pas une adresse;\nRoi;roi@example.org;administrator\n", false)
	expect(t, "a wrong row", a, http.StatusUnprocessableEntity, "import-wrong")
	rows, _ := a.json(t)["rows"].([]any)
	if len(rows) != 5 || count() != before {
		t.Fatalf("%s; %d accounts", a.body, count())
	}
	for i, want := range map[int]string{3: "bad-email", 4: "import-role"} {
		row, _ := rows[i].(map[string]any)
		said, _ := row["error"].(map[string]any)
		if row["what"] != "wrong" || row["line"] != float64(i+2) || said["code"] != want || said["fr"] == "" || said["en"] == "" {
			t.Errorf("row %d: %v", i, row)
		}
	}
	for text, want := range map[string]string{"x\n": "import-header", "": "import-header", "name,email\n": "import-rows", "name,email\na\n": "import-line", "name,email\n\x00,x\n": "import-text"} {
		a := post(text, true)
		expect(t, want, a, http.StatusUnprocessableEntity, want)
		if _, ok := a.json(t)["line"].(float64); !ok {
			t.Errorf("%s: without its line: %s", want, a.body)
		}
		if want == "import-line" && !strings.Contains(string(a.body), "Ligne 2 : ") {
			t.Errorf("the sentence does not name the line: %s", a.body)
		}
	}
	expect(t, "too large", post(strings.Repeat("x", maxImportBody), true), http.StatusRequestEntityTooLarge, "too-large")

	a = post(good, false)
	expect(t, "import", a, http.StatusCreated, "")
	text, _ := a.json(t)["links"].(string)
	links, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
	must(t, err)
	if len(links) != 3 || links[2][0] != "'=cmd" || count() != before+2 {
		t.Fatalf("%q; %d accounts", links, count())
	}
	_, token, ok := strings.Cut(links[1][2], "/activate#")
	if !ok || !strings.HasPrefix(links[1][2], "https://") {
		t.Fatalf("link %q", links[1][2])
	}
	if who, err := h.accounts.Activation(token, h.clock()); err != nil || who.Email != "elodie@example.org" || who.Role != accounts.Member {
		t.Errorf("%+v, %v", who, err)
	}
	if strings.Contains(h.log.String(), token) {
		t.Error("a link is in the log")
	}
}

package accounts

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
	"testing"

	"huisclos/audit"
)

func TestReadImport(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []ImportRow
		err        *Error
		line       int
	}{
		{"commas", "name,email,role\nGrace Hopper,grace@example.org,member\n", []ImportRow{{2, "Grace Hopper", "grace@example.org", Member}}, nil, 0},
		{"French, semicolons, a mark, CRLF", "\xef\xbb\xbfNom;Adresse e-mail;Rôle\r\nLefèvre, Élodie;elodie@example.org;organisateur\r\n",
			[]ImportRow{{2, "Lefèvre, Élodie", "elodie@example.org", Organiser}}, nil, 0},
		{"no role", "email,name\na@example.org,A\n", []ImportRow{{2, "A", "a@example.org", Organiser}}, nil, 0},
		{"quotes over lines, empty lines", "name,email\n\"A \"\"B\"\"\",a@example.org\n\n,\nC,c@example.org", []ImportRow{{2, `A "B"`, "a@example.org", Organiser}, {5, "C", "c@example.org", Organiser}}, nil, 0},
		{"another role", "name,email,role\nA,a@example.org,King\n", []ImportRow{{2, "A", "a@example.org", "king"}}, nil, 0},
		{"decomposed header", "nom,email,ro\u0302le\nA,a@example.org,membre\n", []ImportRow{{2, "A", "a@example.org", Member}}, nil, 0},
		{"nothing", "", nil, ErrImportHeader, 1},
		{"no header", "Grace,grace@example.org\n", nil, ErrImportHeader, 1},
		{"no address", "name,role\nA,member\n", nil, ErrImportHeader, 1},
		{"a column twice", "name,nom,email\nA,B,a@example.org\n", nil, ErrImportHeader, 1},
		{"an unknown column", "name,email,group\nA,a@example.org,x\n", nil, ErrImportHeader, 1},
		{"header alone", "name,email\n", nil, ErrImportRows, 0},
		{"a field too many", "name,email\nA,a@example.org\nB,b@example.org,x\n", nil, ErrImportLine, 3},
		{"an open quote", "name,email\nA,a@example.org\n\"B,b@example.org\n", nil, ErrImportLine, 3},
		{"Latin-1", "name,email\n\xc9lodie,a@example.org\n", nil, ErrImportText, 0},
		{"UTF-16", "\xff\xfen\x00a\x00", nil, ErrImportText, 0},
		{"too large", "name,email\n" + strings.Repeat("x", MaxImportSize), nil, ErrImportRows, 0},
		{"too many", "name,email\n" + strings.Repeat("A,a@example.org\n", MaxImportRows+1), nil, ErrImportRows, MaxImportRows + 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, err := ReadImport([]byte(c.text))
			if c.err != nil {
				var fault ImportFault
				if !errors.Is(err, c.err) || !errors.As(err, &fault) || fault.Line != c.line || Code(err) != c.err.Code() {
					t.Fatalf("%v (line %d), want %v in line %d", err, fault.Line, c.err, c.line)
				}
				return
			}
			if err != nil || fmt.Sprint(rows) != fmt.Sprint(c.want) {
				t.Errorf("%v, %v, want %v", rows, err, c.want)
			}
		})
	}
}

func TestImport(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", "grace@example.org")
	good := []ImportRow{
		{2, "Élodie  Lefèvre", " elodie@example.org ", Organiser},
		{3, "Somebody Else", "GRACE@example.org", Member},
		{4, "Luc Petit", "luc@example.org", Member},
	}
	before, revision := w.actions(), w.db.Revision()
	list, err := w.Import(actor(admin), good, true, noon)
	if err != nil || len(list) != 3 || list[0].Exists || !list[1].Exists || list[0].Name != "Élodie Lefèvre" || list[0].Account != (Account{}) || w.db.Revision() != revision {
		t.Fatalf("dry: %+v, %v", list, err)
	}
	// One wrong row: nothing is made.
	wrong := append(good[:3:3], ImportRow{5, "", "x@example.org", Member}, ImportRow{6, "X", "no address", Member}, ImportRow{7, "X", "x@example.org", Administrator},
		ImportRow{8, "X", "Luc@Example.org", Member}, ImportRow{9, "X", "y@example.org", Guest})
	for _, dry := range []bool{true, false} {
		list, err = w.Import(actor(admin), wrong, dry, noon)
		if dry != (err == nil) || !dry && !errors.Is(err, ErrImport) || len(list) != 8 {
			t.Fatalf("dry %v: %d rows, %v", dry, len(list), err)
		}
		for i, want := range []error{nil, nil, nil, ErrName, ErrEmail, ErrImportRole, ErrImportTwice, ErrImportRole} {
			if !errors.Is(list[i].Err, want) || want == nil && list[i].Err != nil {
				t.Errorf("row %d: %v, want %v", i, list[i].Err, want)
			}
		}
	}
	if n, err := w.Count(); n != 2 || err != nil || len(w.actions()) != len(before) {
		t.Fatalf("%d accounts, %v, after an import that was refused", n, err)
	}
	if list, err = w.Import(actor(admin), good, false, noon); err != nil {
		t.Fatal(err)
	}
	if n, _ := w.Count(); n != 4 {
		t.Errorf("%d accounts", n)
	}
	w.consistent()
	if a, err := w.Get(member.ID); err != nil || a.Name != "Grace Hopper" || list[1].Account != (Account{}) {
		t.Errorf("one that existed was touched: %+v, %v", a, err)
	}
	created := 0
	for _, a := range w.actions()[len(before):] {
		if a == string(audit.AccountCreated) {
			created++
		}
	}
	if created != 2 {
		t.Errorf("%d entries of creation, want one for each account: %v", created, w.actions()[len(before):])
	}
	if a, _, err := w.Activate(t.Context(), list[0].Activation.Token.Reveal(), memberPhrase, desk, noon); err != nil || a.Role != Organiser || a.Name != "Élodie Lefèvre" {
		t.Errorf("%+v, %v", a, err)
	}
	// Again: all are there.
	if list, err = w.Import(actor(admin), good, false, noon); err != nil || !list[0].Exists || !list[2].Exists {
		t.Errorf("again: %+v, %v", list, err)
	}
	_, err = w.Import(actor(member), good, true, noon)
	wantErr(t, "by a member, dry", err, ErrForbidden)
	_, err = w.Import(actor(member), good, false, noon)
	wantErr(t, "by a member", err, ErrForbidden)
	_, err = w.Import(actor(admin), nil, false, noon)
	wantErr(t, "of nobody", err, ErrImportRows)
}

func TestLinksForASpreadsheet(t *testing.T) {
	var list []Imported
	for i, name := range []string{"Ada", "=1+1", "+1", "-1", "@x", "＝x", "a=b", `a "b", c`} {
		list = append(list, Imported{ImportRow: ImportRow{Name: name, Email: "=x@example.org"}, Account: Account{ID: ID{byte(i + 1)}}, Activation: Activation{Token: newToken("t"), Expires: noon}})
	}
	list = append(list, Imported{ImportRow: ImportRow{Name: "was there"}, Exists: true})
	text, err := WriteLinks(list, func(a Activation) string { return "https://visio.example.org/activate#" + a.Token.Reveal() })
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))).ReadAll()
	if err != nil || len(rows) != 9 || !bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) || !bytes.Contains(text, []byte("\r\n")) {
		t.Fatalf("%q, %v", text, err)
	}
	for i, want := range []string{"Ada", "'=1+1", "'+1", "'-1", "'@x", "'＝x", "a=b", `a "b", c`} {
		r := rows[i+1]
		if r[0] != want || r[1] != "'=x@example.org" || r[2] != "https://visio.example.org/activate#t" || r[3] != "2026-03-01T12:00:00Z" {
			t.Errorf("%q", r)
		}
	}
}

func FuzzReadImport(f *testing.F) {
	f.Add([]byte("name,email,role\nGrace Hopper,grace@example.org,member\n"))
	f.Add([]byte("\xef\xbb\xbfNom;Courriel\r\n\"A;B\";a@example.org\r\n"))
	f.Add([]byte("name,email\n\"\n\"\"\",=x@example.org\n,,\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		rows, err := ReadImport(text)
		if err != nil {
			var fault ImportFault
			if !errors.As(err, &fault) || fault.Cause == nil || rows != nil {
				t.Fatalf("%v, %v", rows, err)
			}
			return
		}
		if len(rows) == 0 || len(rows) > MaxImportRows {
			t.Fatalf("%d rows", len(rows))
		}
		list := make([]Imported, len(rows))
		last := 1
		for i, r := range rows {
			if r.Line <= last {
				t.Fatalf("line %d after line %d", r.Line, last)
			}
			last = r.Line
			list[i] = Imported{ImportRow: r, Account: Account{ID: ID{1}}}
		}
		written, err := WriteLinks(list, func(a Activation) string { return a.Token.Reveal() })
		if err != nil {
			t.Fatal(err)
		}
		back, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(written, []byte("\xef\xbb\xbf")))).ReadAll()
		if err != nil || len(back) != len(rows)+1 {
			t.Fatalf("%d rows of links for %d, %v", len(back)-1, len(rows), err)
		}
		for _, r := range back[1:] {
			for _, cell := range r {
				if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
					t.Fatalf("a formula: %q", cell)
				}
			}
		}
	})
}

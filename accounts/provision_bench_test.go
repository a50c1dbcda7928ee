package accounts

import (
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"huisclos/audit"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

// BenchmarkProvisioned: what an identity system asks among a hundred thousand provisioned accounts.
// go test ./accounts -run '^$' -bench Provisioned -benchtime 100x
func BenchmarkProvisioned(b *testing.B) {
	const people = 100_000
	db, err := store.Open(filepath.Join(b.TempDir(), "db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(migrations); err != nil {
		b.Fatal(err)
	}
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader})
	if err != nil {
		b.Fatal(err)
	}
	w, err := New(db, audit.New(db), hasher, rand.Reader, Options{})
	if err != nil {
		b.Fatal(err)
	}
	for from := 0; from < people; from += 5000 {
		err := w.db.Update(func(tx *store.Tx) error {
			for n := from; n < from+5000; n++ {
				address := fmt.Sprintf("p%06d@example.org", n)
				err := save(tx, record{ID: ID{1, byte(n >> 16), byte(n >> 8), byte(n)}, Name: fmt.Sprint("Personne ", n), Email: address, Normal: address, Role: Member, Created: noon,
					Source: Provisioned, Subject: fmt.Sprint("e", n), Brought: &brought{UserName: address, Display: fmt.Sprint("Personne ", n), Changed: noon}})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	_, token, err := w.MakeProvisioner(Operator(), ProvisionerWish{Name: "x", Days: 1}, noon)
	if err != nil {
		b.Fatal(err)
	}
	p, err := w.ProvisionerOf(token.Reveal(), desk, noon)
	if err != nil {
		b.Fatal(err)
	}
	g, err := w.ProvisionGroup(p, SourcedGroup{Name: "Tous"}, noon)
	if err != nil {
		b.Fatal(err)
	}
	all := make([]ID, MaxMembers)
	for n := range all {
		all[n] = ID{1, byte(n >> 16), byte(n >> 8), byte(n)}
	}
	fill := func(members []ID) error {
		_, err := w.ReprovisionGroup(p, g.ID, func(ProvisionedGroup) (SourcedGroup, error) { return SourcedGroup{Name: "Tous", Members: members}, nil }, noon)
		return err
	}
	for name, ask := range map[string]func() error{
		"by user name":             func() error { _, err := w.ProvisionedBy("P050000@example.org", "", ""); return err },
		"by its name":              func() error { _, err := w.ProvisionedBy("", "e50000", ""); return err },
		"by address":               func() error { _, err := w.ProvisionedBy("", "", "p050000@example.org"); return err },
		"page 500":                 func() error { _, _, err := w.ListProvisioned(nil, 50_000, 100, 0); return err },
		"group filled and emptied": func() error { return errors.Join(fill(all), fill(nil)) },
		"one more of 9,999":        func() error { return errors.Join(fill(all[1:]), fill(all)) }, // but for the first time
		"looking at 20,000": func() error {
			n := 0
			_, _, err := w.ListProvisioned(func(p ProvisionedAccount) bool { n++; return n == 19_999 }, 0, 100, 20_000)
			if errors.Is(err, ErrTooMuch) {
				err = nil
			}
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := ask(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

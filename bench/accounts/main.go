// Accounts measures what 100,000 accounts cost: search, sign-in without the passphrase's hash, start and size of the database.
// They are made as an administrator imports them: with index, link and audit entries.
//
//	make bench-accounts                  (ARGS='-accounts 20000 -dir /var/tmp')
//
// It fails when a figure is above its limit.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/bench/crowd"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

const (
	searchLimit = 20 * time.Millisecond
	signInLimit = 10 * time.Millisecond
	startLimit  = time.Second

	active = 1000 // accounts with a passphrase, that sign in
)

var migrations = append([]store.Migration{{Version: 1, Name: "audit", Run: audit.CreateAll}}, accounts.Migrations(2)...)

type house struct {
	*accounts.Accounts
	db *store.DB
}

func open(path string) (h house, err error) {
	db, err := store.Open(path, store.Options{})
	if err != nil {
		return h, err
	}
	if err := db.Migrate(migrations); err != nil {
		return h, err
	}
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader, Refusal: crowd.Cheap})
	if err != nil {
		return h, err
	}
	a, err := accounts.New(db, audit.New(db), hasher, rand.Reader, accounts.Options{MemberHash: crowd.Cheap, AdministratorHash: crowd.Cheap})
	return house{a, db}, err
}

func main() {
	n := flag.Int("accounts", 100000, "how many")
	dir := flag.String("dir", os.TempDir(), "where the database is written; its disk is part of what is measured")
	samples := flag.Int("samples", 1000, "searches, and sign-ins, that are measured")
	flag.Parse()
	if flag.NArg() > 0 || *n < active || *samples < 20 || *samples > active {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := run(ctx, *dir, *n, *samples)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/accounts:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, n, samples int) (ok bool, err error) {
	if dir, err = os.MkdirTemp(dir, "huisclos-accounts-"); err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "huisclos.db")
	h, err := open(path)
	if err != nil {
		return false, err
	}
	began := time.Now()
	if err := crowd.Fill(ctx, h.Accounts, n, active); err != nil {
		return false, err
	}
	fmt.Printf("%d accounts imported, %d of them activated, in %.0f s.\n\n", n, active, time.Since(began).Seconds())
	if err := h.db.Close(); err != nil {
		return false, err
	}

	began = time.Now()
	if h, err = open(path); err != nil {
		return false, err
	}
	if page, _, err := h.List("", "", 50); err != nil || len(page) != 50 {
		return false, fmt.Errorf("first page: %d accounts, %w", len(page), err)
	}
	start := time.Since(began)
	defer func() { err = errors.Join(err, h.db.Close()) }()

	search, err := measure(samples, func(i int) error { return searchOne(h, i, n) })
	if err != nil {
		return false, err
	}
	signIn, err := measure(samples, func(i int) error {
		_, err := h.Login(ctx, crowd.Email(i), accounts.Proof{Passphrase: crowd.Phrase}, crowd.From(i), time.Now())
		return err
	})
	if err != nil {
		return false, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	began = time.Now()
	if err := h.db.Check(); err != nil {
		return false, err
	}
	checked := time.Since(began)

	fmt.Println("| what | median | p95 | most | limit | |\n|---|---|---|---|---|---|")
	ok = line("search, a page of 50", search, searchLimit)
	ok = line("sign-in, less argon2id", signIn, signInLimit) && ok
	ok = line("start: open, read counters, first page", []time.Duration{start}, startLimit) && ok
	fmt.Printf("\nThe database has %.1f MiB: %.0f octets for each account, with index, link and audit entries. Its whole check takes %.1f s and finds nothing.\n",
		float64(info.Size())/(1<<20), float64(info.Size())/float64(n), checked.Seconds())
	return ok, nil
}

// searchOne asks one of the questions that people ask: a common word, a rare one, two, an address, a page in the middle.
func searchOne(h house, i, n int) error {
	some := mathrand.IntN(n)
	query := []string{crowd.First[some%10], fmt.Sprint(some), crowd.First[some%10] + " " + crowd.Last[some/10%10], crowd.Email(some), "zo", ""}[i%6]
	page, _, err := h.List(query, "", 50)
	if err == nil && len(page) == 0 {
		err = fmt.Errorf("nobody is found by %q", query)
	}
	return err
}

func measure(samples int, f func(i int) error) ([]time.Duration, error) {
	list := make([]time.Duration, 0, samples)
	for i := range samples {
		began := time.Now()
		if err := f(i); err != nil {
			return nil, err
		}
		list = append(list, time.Since(began))
	}
	slices.Sort(list)
	return list, nil
}

// line prints the distribution of a sorted list and reports whether its 95th percentile is within the limit.
func line(what string, list []time.Duration, limit time.Duration) bool {
	p95 := list[min(len(list)-1, len(list)*95/100)]
	said := "within"
	if p95 > limit {
		said = "**above**"
	}
	fmt.Printf("| %s | %s | %s | %s | %s | %s |\n", what, ms(list[len(list)/2]), ms(p95), ms(list[len(list)-1]), ms(limit), said)
	return p95 <= limit
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }

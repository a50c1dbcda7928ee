// Login measures what the time of a refused sign-in tells: for administrators, members and addresses of nobody, the time of the
// work alone and the time of the program's answer over the network.
//
//	make bench-login                      (ARGS='-accounts 12 -tries 4')
//
// It fails when the medians of the answers differ by more than the allowed spread.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"huisclos/bench/program"
)

const (
	administratorPhrase = "girofle tandem bruyant 93 escalier"
	memberPhrase        = "muscade galop triste 41"
)

// kinds of who is guessed at, and the address of the n-th of each.
var kinds = []string{"administrator", "member", "unknown"}

func email(kind string, n int) string { return fmt.Sprintf("%s%d@example.org", kind, n) }

func main() {
	binary := flag.String("binary", "bin/huisclos", "the program that is measured")
	accounts := flag.Int("accounts", 6, "accounts of each kind")
	tries := flag.Int("tries", 4, "wrong passphrases for each account, at most 4: the fifth is the last without a wait")
	spread := flag.Duration("spread", 20*time.Millisecond, "most by which medians of the answers may differ")
	flag.Parse()
	if flag.NArg() > 0 || *accounts < 1 || *tries < 1 || *tries > 4 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := run(ctx, *binary, *accounts, *tries, *spread)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/login:", err)
		os.Exit(1)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string, accounts, tries int, spread time.Duration) (ok bool, err error) {
	dir, err := os.MkdirTemp("", "huisclos-login-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	// The program itself makes its database, whatever its migrations are.
	if err := program.Once(ctx, binary, filepath.Join(dir, "data")); err != nil {
		return false, err
	}
	work, err := prepare(ctx, dir, accounts)
	if err != nil {
		return false, err
	}
	s, err := start(ctx, binary, dir)
	if err != nil {
		return false, err
	}
	defer s.Stop()
	fmt.Printf("The program says: refused after %s, one passphrase takes %s.\n\n", s.after, s.measured)
	answers := map[string][]time.Duration{}
	from := 0
	for try := range tries {
		for n := range accounts {
			for _, kind := range kinds { // in turn, so that what else the machine does falls on all alike
				from++
				took, err := s.refused(ctx, email(kind, n), fmt.Sprintf("wrong %d", try), from)
				if err != nil {
					return false, fmt.Errorf("%s: %w", kind, err)
				}
				answers[kind] = append(answers[kind], took)
			}
		}
	}
	fmt.Printf("| refused | work: least | median | most | answer: least | median | most | tries |\n|---|---|---|---|---|---|---|---|\n")
	var medians []time.Duration
	for _, kind := range kinds {
		w, a := distribution(work[kind]), distribution(answers[kind])
		medians = append(medians, a.median)
		fmt.Printf("| %s | %s | %s | %s | %s | %s | %s | %d |\n", kind, ms(w.least), ms(w.median), ms(w.most), ms(a.least), ms(a.median), ms(a.most), len(answers[kind]))
	}
	between := slices.Max(medians) - slices.Min(medians)
	fmt.Printf("\nThe medians of the answers differ by %s; allowed: %s.\n", ms(between), ms(spread))
	return between <= spread, nil
}

type figures struct{ least, median, most time.Duration }

func distribution(list []time.Duration) figures {
	list = slices.Sorted(slices.Values(list))
	return figures{list[0], list[len(list)/2], list[len(list)-1]}
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }

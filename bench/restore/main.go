// Restore measures what the way back costs an organisation of 100,000 accounts: a backup of the running appliance, its verification
// and its restore on a blank machine's data directory, by the real program, beside a plain copy of the same database.
//
//	make bench-restore                   (ARGS='-accounts 20000 -dir /var/tmp')
//
// It fails when the restore takes longer than its limit, or when what came back is not what was saved.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/bench/crowd"
	"huisclos/bench/program"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

const (
	restoreLimit = 10 * time.Minute
	active       = 1000 // accounts with a passphrase
	signIns      = 20   // of them, that sign in at the end with the passphrase of before
)

func main() {
	binary := flag.String("binary", "bin/huisclos", "the program that is measured")
	n := flag.Int("accounts", 100000, "how many")
	dir := flag.String("dir", os.TempDir(), "where data and backup are written; its disk is part of what is measured")
	flag.Parse()
	if flag.NArg() > 0 || *n < active {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := run(ctx, *binary, *dir, *n)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/restore:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// house is a data directory of the program while the program is stopped.
type house struct {
	*accounts.Accounts
	db  *store.DB
	log *audit.Log
}

func open(data string) (h house, err error) {
	db, err := store.Open(filepath.Join(data, "huisclos.db"), store.Options{})
	if err != nil {
		return h, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	pepper, err := accounts.OpenPepper(db, filepath.Join(data, "pepper"), rand.Reader)
	if err != nil {
		return h, err
	}
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader, Pepper: pepper, Refusal: crowd.Cheap})
	if err != nil {
		return h, err
	}
	log := audit.New(db)
	a, err := accounts.New(db, log, hasher, rand.Reader, accounts.Options{MemberHash: crowd.Cheap, AdministratorHash: crowd.Cheap})
	return house{a, db, log}, err
}

func run(ctx context.Context, binary, dir string, n int) (ok bool, err error) {
	if dir, err = os.MkdirTemp(dir, "huisclos-restore-"); err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	data, blank, key, saved := filepath.Join(dir, "data"), filepath.Join(dir, "blank"), filepath.Join(dir, "key"), filepath.Join(dir, "saved.backup")
	database := filepath.Join(data, "huisclos.db")
	if err := program.Once(ctx, binary, data); err != nil {
		return false, err
	}
	began := time.Now()
	noted, err := fill(ctx, data, n)
	if err != nil {
		return false, err
	}
	fmt.Printf("%d accounts imported, %d of them activated, %d entries of the audit log, in %.0f s.\n\n", n, active, noted.Sequence, time.Since(began).Seconds())
	text, err := program.Run(ctx, binary, "backup", "key", "--output", key)
	if err != nil {
		return false, err
	}
	public := regexp.MustCompile(`age1[0-9a-z]+`).Find(text)
	if public == nil {
		return false, fmt.Errorf("backup key: no public key in %q", text)
	}

	var copies []time.Duration
	step := func(do func() error) (took time.Duration, err error) {
		c, err := plainCopy(database, filepath.Join(dir, "copy"))
		if err != nil {
			return 0, err
		}
		copies = append(copies, c)
		began := time.Now()
		err = do()
		return time.Since(began), err
	}
	s, err := program.Start(ctx, binary, data, nil)
	if err != nil {
		return false, err
	}
	create, err := step(func() error {
		_, err := program.Run(ctx, binary, "backup", "create", "--data", data, "--to", string(public), "--output", saved)
		return err
	})
	if err := errors.Join(err, s.Stop()); err != nil {
		return false, err
	}
	var verified, restored struct{ Accounts int }
	verify, err := step(func() error {
		return command(ctx, &verified, binary, "backup", "verify", saved, "--key", key, "--json")
	})
	if err != nil {
		return false, err
	}
	restore, err := step(func() error {
		return command(ctx, &restored, binary, "backup", "restore", saved, "--data", blank, "--key", key, "--yes", "--json")
	})
	if err != nil {
		return false, err
	}
	if verified.Accounts != n || restored.Accounts != n {
		return false, fmt.Errorf("%d accounts were saved; verify says %d, restore %d", n, verified.Accounts, restored.Accounts)
	}
	// On the restored data the program starts, and people are who they were.
	start, err := step(func() (err error) {
		s, err = program.Start(ctx, binary, blank, nil)
		return err
	})
	if err != nil {
		return false, err
	}
	if err := s.Stop(); err != nil {
		return false, err
	}
	if err := proved(ctx, blank, n, noted); err != nil {
		return false, err
	}

	slices.Sort(copies)
	plain := copies[len(copies)/2]
	size, err := os.Stat(database)
	if err != nil {
		return false, err
	}
	file, err := os.Stat(saved)
	if err != nil {
		return false, err
	}
	fmt.Printf("| what | seconds | times a plain copy | limit | |\n|---|---|---|---|---|\n")
	fmt.Printf("| plain copy of the database, to the disk: median of %d (%.2f to %.2f) | %.2f | 1 | | |\n", len(copies), copies[0].Seconds(), copies[len(copies)-1].Seconds(), plain.Seconds())
	ok = restore <= restoreLimit
	for _, r := range []struct {
		what  string
		took  time.Duration
		limit string
	}{
		{"backup create, of the running appliance", create, " | "},
		{"backup verify", verify, " | "},
		{"backup restore, on a blank data directory", restore, fmt.Sprintf("%.0f | %s", restoreLimit.Seconds(), map[bool]string{true: "within", false: "**above**"}[ok])},
		{"start on the restored data until it answers", start, " | "},
	} {
		fmt.Printf("| %s | %.2f | %.1f | %s |\n", r.what, r.took.Seconds(), r.took.Seconds()/plain.Seconds(), r.limit)
	}
	fmt.Printf("\nThe database has %.1f MiB, the backup %.1f MiB (%.0f %%). On the restored data %d accounts are counted, %d people sign in, and the chain of the audit log is whole.\n",
		mib(size), mib(file), 100*mib(file)/mib(size), n, signIns)
	return ok, nil
}

func mib(i os.FileInfo) float64 { return float64(i.Size()) / (1 << 20) }

// fill writes the accounts beside the stopped program, as its operator would, and returns the head of the audit log then.
func fill(ctx context.Context, data string, n int) (noted audit.Head, err error) {
	h, err := open(data)
	if err != nil {
		return noted, err
	}
	defer func() { err = errors.Join(err, h.db.Close()) }()
	if err := crowd.Fill(ctx, h.Accounts, n, active); err != nil {
		return noted, err
	}
	return h.log.Head()
}

// proved looks at the restored data themselves: accounts, passphrases under the pepper, and the audit log from its first entry on.
func proved(ctx context.Context, data string, n int, noted audit.Head) (err error) {
	h, err := open(data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.db.Close()) }()
	count, err := h.Count()
	if err != nil {
		return err
	}
	if count != n {
		return fmt.Errorf("%d accounts after the restore, not %d", count, n)
	}
	for i := range signIns {
		who := i * (active / signIns)
		if _, err := h.Login(ctx, crowd.Email(who), accounts.Proof{Passphrase: crowd.Phrase}, crowd.From(who), time.Now()); err != nil {
			return fmt.Errorf("sign-in of %s after the restore: %w", crowd.Email(who), err)
		}
	}
	_, err = h.log.Verify(ctx, noted)
	return err
}

// command reads the JSON that a command of the program answers with.
func command(ctx context.Context, into any, binary string, args ...string) error {
	text, err := program.Run(ctx, binary, args...)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// plainCopy reads and writes a file and waits until it is on the disk: what any way of saving it costs at the least.
func plainCopy(from, to string) (took time.Duration, err error) {
	began := time.Now()
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return 0, err
	}
	// Through memory: the kernel's own copying would share blocks where the file system can.
	_, err = io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, make([]byte, 1<<20))
	err = errors.Join(err, out.Sync(), out.Close())
	took = time.Since(began)
	return took, errors.Join(err, os.Remove(to))
}

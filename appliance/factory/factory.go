// Package factory takes a stopped appliance back to what it was before its first start.
//
// It decides what goes (everything in the data directory but the number of the database's version, by which a package refuses a
// downgrade), in which order (what opens the rest first, the database last, so that a reset that was cut short can be run again), and what
// must hold before: no appliance runs on that directory, it is an appliance's, and somebody typed the machine's name. It never
// touches a file of the administrator, and says which there are.
package factory

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"huisclos/appliance/control"
	"huisclos/audit"
	"huisclos/meetings"
	"huisclos/store"
)

const (
	database = "huisclos.db"
	pepper   = "pepper"
	// versionRecord is the package's note of the database's version.
	versionRecord = "database-version"
	// firstWithRooms is the version of the database from which on there are an audit log, accounts and rooms.
	firstWithRooms = 3
)

// An entry of the data directory.
type entry struct {
	Name   string `json:"name"`
	Octets int64  `json:"octets"` // of the files in it
}

// lost is what a reset takes away. A count is nil where the database can't be read.
type lost struct {
	Directory string  `json:"directory"`
	Accounts  *uint64 `json:"accounts,omitempty"`
	Rooms     *uint64 `json:"rooms,omitempty"`
	Entries   *uint64 `json:"auditEntries,omitempty"`
	Content   []entry `json:"content"`
}

var (
	errRuns = &control.Refusal{Code: "running", FR: "l'appliance est en marche ; arrêtez-la d'abord : systemctl stop huisclos.socket huisclos-media.socket huisclos-redirect.socket huisclos",
		EN: "the appliance runs; stop it first: systemctl stop huisclos.socket huisclos-media.socket huisclos-redirect.socket huisclos"}
	errNone = control.Unknown("no-data", "ce dossier n'est pas celui d'une appliance, ou il est vide déjà ; rien n'a changé. Dites où elle est avec --config ou --data.",
		"this directory is no appliance's, or it is empty already; nothing was changed. Say where it is with --config or --data.")
)

// hold opens the database and so keeps any appliance from starting on it; one that can't be read is locked all the same. It counts what is in it.
func hold(directory string, count func(tx *store.Tx) int) (l lost, release func(), err error) {
	l = lost{Directory: directory}
	path := filepath.Join(directory, database)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return l, func() {}, nil // a reset was cut short after the database, or the start before it
	} else if err != nil {
		return l, nil, fmt.Errorf("factory: %w", err)
	}
	db, err := store.Open(path, store.Options{Timeout: time.Second})
	switch {
	case errors.Is(err, store.ErrInUse):
		return l, nil, errRuns
	case err != nil:
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return l, nil, fmt.Errorf("factory: %w", err)
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			_ = f.Close()
			return l, nil, errRuns
		}
		return l, func() { _ = f.Close() }, nil
	}
	release = func() { _ = db.Close() }
	if v, err := db.Version(); err != nil || v < firstWithRooms {
		return l, release, nil
	}
	if head, err := audit.New(db).Head(); err == nil {
		l.Entries = &head.Sequence
	}
	if n, err := meetings.NewRooms(db, nil, nil).Count(); err == nil {
		l.Rooms = new(uint64(n))
	}
	if db.View(func(tx *store.Tx) error { l.Accounts = new(uint64(count(tx))); return nil }) != nil {
		l.Accounts = nil
	}
	return l, release, nil
}

// content lists what goes, in the order in which it goes.
func content(directory string) (list []entry, err error) {
	names, err := os.ReadDir(directory)
	if err != nil {
		return nil, fmt.Errorf("factory: %w", err)
	}
	for _, d := range names {
		if d.Name() == versionRecord {
			continue
		}
		e := entry{Name: d.Name()}
		err := filepath.WalkDir(filepath.Join(directory, d.Name()), func(_ string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err == nil {
				e.Octets += info.Size()
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("factory: %w", err)
		}
		list = append(list, e)
	}
	order := map[string]int{pepper: -1, database: 1}
	slices.SortStableFunc(list, func(a, b entry) int { return order[a.Name] - order[b.Name] })
	return list, nil
}

// empty deletes the entries, in their order, and makes the disk know it.
func empty(directory string, list []entry) error {
	for _, e := range list {
		if err := os.RemoveAll(filepath.Join(directory, e.Name)); err != nil {
			return fmt.Errorf("factory: %w", err)
		}
	}
	d, err := os.Open(directory)
	if err != nil {
		return fmt.Errorf("factory: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("factory: %w", err)
	}
	return nil
}

// Command is "huisclos factory-reset". count says how many accounts there are.
func Command(count func(tx *store.Tx) int) func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return func(_ context.Context, args []string, stdout, stderr io.Writer) int {
		host, err := os.Hostname()
		if err != nil {
			host = "huisclos"
		}
		return run(args, host, count, os.Stdin, stdout, stderr)
	}
}

func run(args []string, host string, count func(tx *store.Tx) int, stdin io.Reader, stdout, stderr io.Writer) int {
	var yes bool
	l, code := control.Read("factory-reset", args, stderr, 0, 0, func(f *flag.FlagSet) { f.BoolVar(&yes, "yes-delete-everything", false, "") })
	if l == nil {
		return code
	}
	what, err := reset(l, host, yes, count, stdin, stderr)
	if err != nil {
		return l.Fail(err)
	}
	if l.JSON {
		_ = json.NewEncoder(stdout).Encode(what)
		return 0
	}
	fmt.Fprint(stdout, remains(l.Settings().Files))
	return 0
}

func reset(l *control.Line, host string, yes bool, count func(tx *store.Tx) int, stdin io.Reader, stderr io.Writer) (lost, error) {
	if _, err := l.Status(); err == nil {
		return lost{}, errRuns
	}
	directory, err := filepath.Abs(l.Settings().Data)
	if err == nil {
		directory, err = filepath.EvalSymlinks(directory)
	}
	if errors.Is(err, fs.ErrNotExist) || err == nil && !isAppliances(directory) {
		return lost{}, errNone
	}
	if err != nil {
		return lost{}, refusedBySystem(err)
	}
	what, release, err := hold(directory, count)
	if err != nil {
		return lost{}, refusedBySystem(err)
	}
	defer release()
	if what.Content, err = content(directory); err != nil {
		return lost{}, refusedBySystem(err)
	}
	if !yes {
		fr, en := what.sentences()
		for _, e := range what.Content {
			fmt.Fprintf(stderr, "  %-24s %12d\n", e.Name, e.Octets)
		}
		fmt.Fprintln(stderr)
		if !control.Confirm(stdin, stderr, fr, en, host) {
			return lost{}, control.NotConfirmed()
		}
	}
	if err := empty(directory, what.Content); err != nil {
		return lost{}, &control.Refusal{Code: "cut-short", FR: "la remise à zéro n'est pas finie (" + cause(err) + ") ; corrigez cela et relancez-la.", EN: "the reset is not finished (" + cause(err) + "); mend this and run it again."}
	}
	return what, nil
}

// isAppliances reports whether a directory holds what an appliance makes at its start.
func isAppliances(directory string) bool {
	for _, name := range []string{database, pepper} {
		if info, err := os.Lstat(filepath.Join(directory, name)); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}

func refusedBySystem(err error) error {
	var r *control.Refusal
	if errors.As(err, &r) {
		return err
	}
	return &control.Refusal{Code: "system", FR: "le dossier des données ne peut pas être lu (" + cause(err) + ") ; essayez avec sudo. Rien n'a changé.", EN: "the data directory can't be read (" + cause(err) + "); try with sudo. Nothing was changed."}
}

func cause(err error) string { return strings.TrimPrefix(err.Error(), "factory: ") }

func (l lost) sentences() (fr, en string) {
	number := func(n *uint64) string {
		if n == nil {
			return "?"
		}
		return fmt.Sprint(*n)
	}
	return fmt.Sprintf("Tout ce qui se trouve dans %s sera supprimé, pour toujours : %s compte(s), %s salle(s) avec leurs réunions, le journal d'audit et ses %s entrée(s), les réglages faits dans la console, les certificats faits ici et leurs clés, et tout ce qui est listé ci-dessus. Seule une sauvegarde gardée ailleurs pourrait le rendre.",
			l.Directory, number(l.Accounts), number(l.Rooms), number(l.Entries)),
		fmt.Sprintf("Everything in %s will be deleted, for ever: %s account(s), %s room(s) with their meetings, the audit log and its %s entries, the settings made in the console, the certificates made here and their keys, and all that is listed above. Only a backup that is kept elsewhere could bring it back.",
			l.Directory, number(l.Accounts), number(l.Rooms), number(l.Entries))
}

// remains says what is not gone. files are the settings files that were read.
func remains(files []string) string {
	list := "/etc/huisclos"
	if len(files) > 0 {
		list = strings.Join(files, ", ")
	}
	return fmt.Sprintf(`Les données sont supprimées. Ce qui reste à faire :
  – vos réglages sont restés (%[1]s), vos certificats et mots de passe dans des fichiers aussi : supprimez-les si la machine change de mains ;
  – le journal du système : journalctl --rotate && journalctl --vacuum-time=1s ;
  – les sauvegardes, là où elles sont gardées, et le poivre confié à un TPM ou à systemd (/etc/credstore.encrypted) ;
  – un disque qui n'était pas chiffré peut encore livrer ce qui en est supprimé : détruisez-le ou effacez-le entièrement ;
  – pour repartir : systemctl start huisclos.socket huisclos-media.socket huisclos, puis huisclos setup-code.

The data is deleted. What remains to be done:
  – your settings have stayed (%[1]s), and so have your certificates and passwords in files: delete them if the machine goes to somebody else;
  – the system's journal: journalctl --rotate && journalctl --vacuum-time=1s;
  – backups, wherever they are kept, and a pepper that was entrusted to a TPM or to systemd (/etc/credstore.encrypted);
  – a disk that was not encrypted may still give what was deleted from it: destroy it or erase it as a whole;
  – to begin again: systemctl start huisclos.socket huisclos-media.socket huisclos, then huisclos setup-code.
`, list)
}

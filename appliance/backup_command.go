package appliance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"huisclos/appliance/backup"
	"huisclos/appliance/config"
	"huisclos/appliance/console"
	"huisclos/appliance/control"
	"huisclos/audit"
	"huisclos/store"
)

// createWithin is how long a backup may take that an operator waits for.
const createWithin = time.Hour

// backupKeys are the options by which a backup is opened, or made.
type backupKeys struct {
	to         many
	key        string
	passphrase string
	phrase     bool
}

// many is an option that may be repeated.
type many []string

func (m *many) String() string     { return strings.Join(*m, " ") }
func (m *many) Set(s string) error { *m = append(*m, s); return nil }

// refused says what is wrong, in both languages.
func refused(code, fr, en string, values ...any) *control.Refusal {
	return &control.Refusal{Code: code, FR: fmt.Sprintf(fr, values...), EN: fmt.Sprintf(en, values...)}
}

// explained turns what a backup is refused for into a refusal with a sentence; other errors stay as they are.
func explained(err error) error {
	var bad *backup.Error
	var perm *fs.PathError
	switch {
	case errors.As(err, &bad):
		fr, en := bad.Reason.Sentence()
		r := refused(string(bad.Reason), "%s Rien n'a été changé.", "%s Nothing was changed.", fr)
		r.EN = fmt.Sprintf("%s Nothing was changed.\n  (%v)", en, bad.Err)
		return r
	case errors.Is(err, backup.ErrPartial):
		return refused("part", "cette sauvegarde ne contient qu'une partie de l'appliance ; « huisclos backup create » sans --part en fait une entière.", "this backup holds a part of the appliance only; “huisclos backup create” without --part makes a whole one.")
	case errors.Is(err, backup.ErrInTheWay):
		return refused("in-the-way", "le dossier de données n'est pas vide ; avec --replace, il est mis de côté sous un autre nom et rien n'en est perdu.", "the data directory is not empty; with --replace it is kept aside under another name, and nothing of it is lost.")
	case errors.Is(err, store.ErrInUse):
		return refused("in-use", "l'appliance est en marche sur ces données ; arrêtez-la : systemctl stop huisclos.socket huisclos-media.socket huisclos", "the appliance runs on these data; stop it: systemctl stop huisclos.socket huisclos-media.socket huisclos")
	case errors.Is(err, errNoPepper):
		return refused("no-pepper", "le poivre des phrases de passe est scellé à cette machine et n'est remis qu'au service : démarrez l'appliance, puis faites la sauvegarde.", "the pepper of the passphrases is sealed to this machine and handed to the service alone: start the appliance, then make the backup.")
	case errors.Is(err, backup.ErrKey):
		return refused("key", "ce fichier n'est pas une clé privée de sauvegarde ; donnez celui qu'a écrit « huisclos backup key ».", "this file is no private key of backups; give the one that “huisclos backup key” has written.")
	case errors.As(err, &perm) && errors.Is(err, fs.ErrNotExist):
		return refused("no-file", "le fichier %s n'existe pas.", "there is no file %s.", perm.Path)
	}
	return err
}

// BackupKey makes a pair of keys. The private one goes to a file of whoever calls, or once to their terminal, and nowhere else.
func BackupKey(_ context.Context, args []string, stdout, stderr io.Writer) int {
	file := ""
	l, code := control.Read("backup key", args, stderr, 0, 0, func(f *flag.FlagSet) { f.StringVar(&file, "output", "", "") })
	if l == nil {
		return code
	}
	public, private, err := backup.MakeKey()
	if err != nil {
		return l.Fail(err)
	}
	if file != "" {
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return l.Fail(refused("exists", "%s existe déjà et n'est pas remplacé : une clé perdue, ce sont des sauvegardes perdues.", "%s exists and is not replaced: a lost key is lost backups.", file))
		}
		if err == nil {
			_, err = io.WriteString(f, private)
			err = errors.Join(err, f.Sync(), f.Close())
		}
		if err != nil {
			return l.Fail(err)
		}
	}
	id, err := backup.KeyID(public)
	if err != nil {
		return l.Fail(err)
	}
	if l.JSON {
		out := map[string]string{"id": id, "public": public}
		if file == "" {
			out["private"] = private
		}
		return printJSON(stdout, out)
	}
	fmt.Fprintf(stdout, "  Clé publique %[1]s, à mettre dans les réglages ([backup] recipients) / Public key %[1]s, for the settings:\n\n%[2]s\n\n", id, public)
	if file == "" {
		fmt.Fprintf(stdout, "  Clé privée, montrée une seule fois / Private key, shown once:\n\n%s\n", private)
	} else {
		fmt.Fprintf(stdout, "  Clé privée / Private key: %s\n\n", file)
	}
	fmt.Fprint(stdout, "  Gardez la clé privée hors de cette machine, en deux endroits : sans elle, personne ne peut ouvrir les sauvegardes.\n"+
		"  Keep the private key off this machine, in two places: without it nobody can open the backups.\n")
	return 0
}

func printJSON(w io.Writer, v any) int {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		return 1
	}
	return 0
}

// BackupCreate makes a backup of the running appliance, or of a data directory that nobody uses.
func BackupCreate(_ context.Context, args []string, stdout, stderr io.Writer) int {
	var k backupKeys
	var q askedBackup
	output := ""
	l, code := control.Read("backup create", args, stderr, 0, 0, func(f *flag.FlagSet) {
		f.Var(&k.to, "to", "")
		f.BoolVar(&k.phrase, "passphrase", false, "")
		f.StringVar(&k.passphrase, "passphrase-file", "", "")
		f.StringVar((*string)(&q.Part), "part", "", "")
		f.StringVar(&output, "output", "", "")
	})
	if l == nil {
		return code
	}
	if q.Part != backup.Whole && q.Part != backup.Settings && q.Part != backup.Secrets {
		return l.Fail(control.Usage("--part is settings or secrets"))
	}
	var err error
	if q.Recipients, err = recipientsOf(k.to); err != nil {
		return l.Fail(explained(err))
	}
	if k.phrase || k.passphrase != "" {
		if len(k.to) > 0 {
			return l.Fail(control.Usage("a backup is for keys or for a passphrase, not for both"))
		}
		if q.Passphrase, err = k.readPassphrase(stderr, true); err != nil {
			return l.Fail(explained(err))
		}
	}
	// Here too, so that a private key which was given by mistake goes nowhere.
	if q.Passphrase != "" || len(q.Recipients) > 0 {
		if _, err := q.recipients(config.Backup{}); err != nil {
			return l.Fail(recipientRefusal(err))
		}
	}
	var made madeBackup
	err = l.AskFor(actBackup, q, &made, createWithin, 1<<20)
	if control.Absent(err) {
		made, err = createStopped(l, q)
	}
	if err != nil {
		return l.Fail(explained(err))
	}
	if output != "" {
		if err := moveTo(made.Path, output); err != nil {
			return l.Fail(explained(err))
		}
		made.Path = output
	}
	if l.JSON {
		return printJSON(stdout, made)
	}
	rows := [][3]string{{"Sauvegarde", "Backup", made.Path}, {"Taille (octets)", "Size (bytes)", fmt.Sprint(made.Size)}, {"SHA-256", "", made.Sum}, {"Pour", "For", strings.Join(made.Keys, " ")}}
	for _, path := range made.Missing {
		rows = append(rows, [3]string{"Non lisible, absent de la sauvegarde", "Not readable, left out", path})
	}
	if made.NotCopied != "" {
		rows = append(rows, [3]string{"Pas copiée ailleurs", "Not copied elsewhere", made.NotCopied})
	}
	control.Rows(stdout, rows...)
	return 0
}

// recipientsOf are public keys, each given itself or as a file of them.
func recipientsOf(to []string) (keys []string, err error) {
	for _, s := range to {
		if strings.HasPrefix(s, "age1") || strings.HasPrefix(s, "ssh-") {
			keys = append(keys, s)
			continue
		}
		text, err := readSaved(s)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				keys = append(keys, line)
			}
		}
	}
	return keys, nil
}

// createStopped is BackupCreate where no appliance answers.
func createStopped(l *control.Line, q askedBackup) (madeBackup, error) {
	s := l.Settings()
	path := filepath.Join(s.Data, databaseFile)
	if _, err := os.Stat(path); err != nil {
		return madeBackup{}, refused("no-data", "aucune appliance ne répond, et il n'y a pas de données dans %s ; dites où elle est avec --config ou --data.", "no appliance answers, and there are no data in %s; say where it is with --config or --data.", s.Data)
	}
	to, err := q.recipients(s.Backup)
	if err != nil {
		return madeBackup{}, recipientRefusal(err)
	}
	db, err := store.Open(path, store.Options{})
	if err != nil {
		return madeBackup{}, err
	}
	defer db.Close()
	if version, err := db.Version(); err != nil || version != len(migrations()) {
		return madeBackup{}, errors.Join(err, refused("version", "ces données sont de la version de base %d, et ce programme connaît la %d : démarrez une fois l'appliance, ou faites la sauvegarde avec sa version d'avant.",
			"these data have database version %d, and this program knows %d: start the appliance once, or make the backup with its former version.", version, len(migrations())))
	}
	b := &backups{db: db, trail: audit.New(db), settings: l.Settings, now: time.Now, quit: make(chan struct{}), log: quiet()}
	made, err := b.make(wish{to: to, part: q.Part, by: audit.ActorOperator})
	if err == nil {
		err = ownedAs(made.Path, path)
	}
	return made, err
}

// readPassphrase reads a passphrase from a file, or asks for it; twice where it is new.
func (k backupKeys) readPassphrase(stderr io.Writer, fresh bool) (string, error) {
	switch {
	case k.passphrase == "-":
		text, err := io.ReadAll(io.LimitReader(os.Stdin, maxSecret))
		return strings.TrimRight(string(text), "\r\n"), err
	case k.passphrase != "":
		text, err := readSaved(k.passphrase)
		return strings.TrimRight(string(text), "\r\n"), err
	}
	first, err := console.Hidden(os.Stdin, stderr, "Phrase de passe de la sauvegarde / Passphrase of the backup: ")
	if err != nil {
		return "", notAsked(err)
	}
	if fresh {
		second, err := console.Hidden(os.Stdin, stderr, "Encore une fois / Once more: ")
		if err != nil {
			return "", notAsked(err)
		}
		if first != second {
			return "", refused("differ", "les deux phrases ne sont pas les mêmes.", "the two passphrases are not the same.")
		}
	}
	return first, nil
}

func notAsked(err error) error {
	return refused("not-said", "il n'y a pas de terminal où le demander, ou la réponse a été interrompue ; voyez --help pour le donner autrement.\n  (%v)", "there is no terminal to ask on, or the answer was given up; see --help for another way to give it.\n  (%v)", err)
}

// open are the keys that were given to open a backup.
func (k backupKeys) open(stderr io.Writer) (backup.Keys, error) {
	if k.key == "" {
		phrase, err := k.readPassphrase(stderr, false)
		if err != nil {
			return backup.Keys{}, err
		}
		if phrase == "" {
			return backup.Keys{}, refused("no-key", "donnez la clé privée avec --key, ou la phrase de passe avec --passphrase-file.", "give the private key with --key, or the passphrase with --passphrase-file.")
		}
		return backup.WithPassphrase(phrase)
	}
	text, err := readSaved(k.key)
	if err != nil {
		return backup.Keys{}, err
	}
	return backup.WithKeys(text, func() ([]byte, error) {
		phrase, err := console.Hidden(os.Stdin, stderr, "Phrase de passe de la clé SSH / Passphrase of the SSH key: ")
		return []byte(phrase), err
	})
}

func (k *backupKeys) flags(f *flag.FlagSet) {
	f.StringVar(&k.key, "key", "", "")
	f.StringVar(&k.passphrase, "passphrase-file", "", "")
}

// BackupList says what backups there are, in a folder or of files, by what stands in them in clear.
func BackupList(_ context.Context, args []string, stdout, stderr io.Writer) int {
	l, code := control.Read("backup list", args, stderr, 0, -1, nil)
	if l == nil {
		return code
	}
	files := l.Operands
	if len(files) == 0 {
		files = []string{l.Settings().BackupFolder()}
	}
	type listed struct {
		File string `json:"file"`
		Size int64  `json:"size"`
		backup.Header
		Wrong string `json:"wrong,omitempty"`
	}
	var list []listed
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil && len(l.Operands) > 0 {
			return l.Fail(explained(err))
		}
		paths := []string{name}
		if err != nil || info.IsDir() {
			stored, err := backup.Folder(name).List()
			if err != nil {
				return l.Fail(explained(err))
			}
			paths = nil
			for _, s := range stored {
				paths = append(paths, filepath.Join(name, s.Name))
			}
		}
		for _, path := range paths {
			one := listed{File: path}
			f, err := os.Open(path)
			if err != nil {
				return l.Fail(explained(err))
			}
			if info, err := f.Stat(); err == nil {
				one.Size = info.Size()
			}
			if one.Header, err = backup.ReadHeader(f); err != nil {
				one.Wrong = err.Error()
			}
			_ = f.Close()
			list = append(list, one)
		}
	}
	if l.JSON {
		return printJSON(stdout, list)
	}
	if len(list) == 0 {
		fmt.Fprintf(stdout, "Il n'y a pas de sauvegarde dans %[1]s.\nThere is no backup in %[1]s.\n", strings.Join(files, ", "))
	}
	for _, one := range list {
		if one.Wrong != "" {
			fmt.Fprintf(stdout, "%s\n  n'est pas une sauvegarde lisible / is no readable backup\n", one.File)
			continue
		}
		part := map[backup.Part][2]string{backup.Whole: {"entière", "whole"}, backup.Settings: {"réglages seuls", "settings only"}, backup.Secrets: {"secrets seuls", "secrets only"}}[one.Part]
		fmt.Fprintf(stdout, "%s\n  %s  %d octets / bytes  version %s  %s / %s  %s\n", one.File, one.Created.Local().Format("2006-01-02 15:04:05 -0700"), one.Size, one.Appliance, part[0], part[1], strings.Join(one.Keys, " "))
	}
	return 0
}

// BackupVerify proves that a backup can be restored: it decrypts and compares all of it, and looks at its database.
func BackupVerify(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var k backupKeys
	work := ""
	l, code := control.Read("backup verify", args, stderr, 1, 1, func(f *flag.FlagSet) {
		k.flags(f)
		f.StringVar(&work, "work", "", "")
	})
	if l == nil {
		return code
	}
	f, err := os.Open(l.Operands[0])
	if err != nil {
		return l.Fail(explained(err))
	}
	defer f.Close()
	keys, err := k.open(stderr)
	if err != nil {
		return l.Fail(explained(err))
	}
	var found inspected
	sum := sha256.New()
	o, err := backup.Verify(io.TeeReader(f, sum), keys, work, inspect(ctx, &found, nil))
	if err != nil {
		return l.Fail(explained(err))
	}
	hash := hex.EncodeToString(sum.Sum(nil))
	if l.JSON {
		return printJSON(stdout, map[string]any{"made": o.Header.Created, "version": o.Header.Appliance, "part": o.Header.Part, "accounts": found.Accounts, "audit": map[string]any{"sequence": found.Audit.Sequence, "hash": found.Audit.Hash.String()},
			"files": o.Manifest.Files, "sha256": hash})
	}
	fmt.Fprint(stdout, "Cette sauvegarde est entière et se lit jusqu'au bout.\nThis backup is whole and can be read to its end.\n")
	rows := [][3]string{{"Faite le", "Made", o.Header.Created.Local().Format("2006-01-02 15:04:05 -0700")}, {"Par la version", "By version", o.Header.Appliance}, {"Fichiers", "Files", fmt.Sprint(len(o.Manifest.Files))}, {"SHA-256", "", hash}}
	if o.Header.Part == backup.Whole {
		rows = append(rows, [3]string{"Comptes", "Accounts", fmt.Sprint(found.Accounts)}, [3]string{"Journal d'audit, dernière entrée", "Audit log, last entry", fmt.Sprintf("%d %s", found.Audit.Sequence, found.Audit.Hash)})
	}
	control.Rows(stdout, rows...)
	return 0
}

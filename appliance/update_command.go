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
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"huisclos/appliance/control"
	"huisclos/appliance/update"
	"huisclos/audit"
)

const (
	// updateStarts is how long a command waits for root's part to begin, and updatePatience for its end.
	updateStarts, updatePatience = 30 * time.Second, 30 * time.Minute
	updateLook                   = 200 * time.Millisecond
)

// updateLine is what the commands of updates share.
type updateLine struct {
	*control.Line
	home   string // root's own folder
	starts time.Duration
}

func (u *updateLine) flags(f *flag.FlagSet) {
	f.StringVar(&u.home, "folder", update.Home, "")
	f.DurationVar(&u.starts, "wait", updateStarts, "")
}

// explainedUpdate turns what an update is refused for into a refusal with a sentence.
func explainedUpdate(err error) error {
	var bad *update.Error
	switch {
	case errors.As(err, &bad):
		fr, en := bad.Reason.Sentence()
		detail := ""
		if bad.Err != nil {
			detail = bad.Err.Error()
		}
		return refusedUpdate(string(bad.Reason), fr, en, detail)
	case errors.Is(err, fs.ErrPermission):
		return refused("not-root", "il faut être root : sudo huisclos update …", "this takes root: sudo huisclos update …")
	case errors.Is(err, fs.ErrNotExist):
		return refused("no-file", "il n'y a pas de tel fichier : %v", "there is no such file: %v", err)
	}
	return err
}

// refusedUpdate has each sentence in its own language.
func refusedUpdate(code, fr, en, detail string) error {
	r := &control.Refusal{Code: code, FR: fr, EN: en}
	if detail != "" {
		r.EN += "\n  (" + detail + ")"
	}
	return r
}

// installed is where an update would go, as the files of this machine say it: the program that runs this is the one that is installed.
func (u *updateLine) installed() update.Here {
	here := update.Here{Version: Version, Architecture: runtime.GOARCH}
	if text, err := os.ReadFile(filepath.Join(u.Data(), update.VersionFile)); err == nil {
		here.Database, _ = strconv.Atoi(strings.TrimSpace(string(text))) // no number: not known
	}
	return here
}

// looked is a file that was looked at.
type looked struct {
	File string `json:"file"`
	update.Header
	Sum     string `json:"file_sha256"`
	Key     string `json:"key"`
	Fits    bool   `json:"fits"`
	Refused string `json:"refused,omitempty"`
	err     error
}

// look opens a file: signature first.
func (u *updateLine) look(path string) (looked, error) {
	keys, err := update.ReadKeys([]int{0, os.Geteuid()}, update.ReleaseKeys, u.Settings().Update.Keys)
	if err != nil {
		return looked{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return looked{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return looked{}, err
	}
	b, err := update.Open(f, info.Size(), keys)
	if err != nil {
		return looked{}, err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, info.Size())); err != nil {
		return looked{}, err
	}
	l := looked{File: path, Header: b.Header, Sum: hex.EncodeToString(sum.Sum(nil)), Key: b.Key.ID() + " " + b.Key.Name, err: b.Header.Fits(u.installed())}
	l.Fits = l.err == nil
	var bad *update.Error
	if errors.As(l.err, &bad) {
		l.Refused = string(bad.Reason)
	}
	return l, nil
}

// source looks at the files of the directory of the settings: the newest first, then those that are refused.
func (u *updateLine) source() (list []looked, refused map[string]string, err error) {
	refused = map[string]string{}
	source := u.Settings().Update.Source
	if source == "" {
		return nil, refused, nil
	}
	entries, err := os.ReadDir(source)
	if err != nil {
		return nil, refused, err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), update.Suffix) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(source, e.Name())
		l, err := u.look(path)
		if err == nil {
			err = l.err
		}
		var bad *update.Error
		switch {
		case errors.As(err, &bad):
			refused[path] = string(bad.Reason)
		case err != nil:
			refused[path] = err.Error()
		default:
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(a, b looked) int { return update.Compare(b.Version, a.Version) })
	return list, refused, nil
}

// UpdateCheck says what could be installed: a file, or what the source of the settings has. It changes nothing.
func UpdateCheck(_ context.Context, args []string, stdout, stderr io.Writer) int {
	u := &updateLine{}
	l, code := control.Read("update check", args, stderr, 0, 1, u.flags)
	if l == nil {
		return code
	}
	u.Line = l
	here := u.installed()
	if len(l.Operands) == 1 {
		one, err := u.look(l.Operands[0])
		if err == nil && one.err != nil && !l.JSON {
			err = one.err
		}
		if err != nil {
			return l.Fail(explainedUpdate(err))
		}
		if l.JSON {
			return printJSON(stdout, one)
		}
		fmt.Fprint(stdout, "La signature est bonne, et cette mise à jour peut être installée ici.\nThe signature holds, and this update can be installed here.\n")
		u.rows(stdout, one)
		return 0
	}
	list, bad, err := u.source()
	if err != nil {
		return l.Fail(explainedUpdate(err))
	}
	var former *update.Former
	var last *update.Outcome
	readHome(u.home, update.FormerFile, &former)
	readHome(u.home, update.OutcomeFile, &last)
	if l.JSON {
		return printJSON(stdout, map[string]any{"installed": here.Version, "architecture": here.Architecture, "database": here.Database, "source": u.Settings().Update.Source, "found": list, "refused": bad, "former": former, "last": last})
	}
	rows := [][3]string{{"Version installée", "Installed", here.Version}}
	if here.Database > 0 {
		rows = append(rows, [3]string{"Base de données", "Database", strconv.Itoa(here.Database)})
	}
	if former != nil {
		rows = append(rows, [3]string{"Version d'avant, gardée", "Former version, kept", former.Version})
	}
	if last != nil {
		rows = append(rows, [3]string{"Dernière demande", "Last request", fmt.Sprintf("%s %s: %s %s", last.Act, last.To, last.Result, last.Cause)})
	}
	control.Rows(stdout, rows...)
	for path, reason := range bad {
		fmt.Fprintf(stdout, "  %s : %s\n", path, reason)
	}
	switch {
	case len(list) > 0:
		fmt.Fprintf(stdout, "\nUne mise à jour est là : sudo huisclos update apply %[1]s\nAn update is there: sudo huisclos update apply %[1]s\n", list[0].File)
		u.rows(stdout, list[0])
	case u.Settings().Update.Source == "":
		fmt.Fprint(stdout, "\nAucun dossier de mises à jour n'est réglé (update.source) ; donnez un fichier : huisclos update check FICHIER. Avec le dépôt de paquets, apt dit ce qu'il y a : apt list --upgradable\n"+
			"No directory of updates is set (update.source); give a file: huisclos update check FILE. With the repository of packages, apt says what there is: apt list --upgradable\n")
	default:
		fmt.Fprintf(stdout, "\nRien de plus récent dans %[1]s.\nNothing newer in %[1]s.\n", u.Settings().Update.Source)
	}
	return 0
}

func (u *updateLine) rows(stdout io.Writer, l looked) {
	change := "aucun / none"
	if l.Database > u.installed().Database {
		change = fmt.Sprintf("→ %d", l.Database)
	}
	control.Rows(stdout, [3]string{"Version", "", l.Version}, [3]string{"Faite le", "Made", l.Made.Local().Format("2006-01-02 15:04:05 -0700")}, [3]string{"Changement de la base", "Change of the database", change},
		[3]string{"Signée par", "Signed by", l.Key}, [3]string{"SHA-256", "", l.Sum})
	for _, notes := range []string{l.French, l.English} {
		if notes != "" {
			fmt.Fprintf(stdout, "\n%s\n", printable(notes))
		}
	}
}

// printable is a text as a terminal may show it: its publisher has signed it, and may have copied it from anywhere.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && (r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0) {
			return -1
		}
		return r
	}, s)
}

// readHome reads a small file of root's own folder, where who calls may.
func readHome[T any](home, name string, into **T) {
	text, err := os.ReadFile(filepath.Join(home, name))
	if err != nil {
		return
	}
	var v T
	if json.Unmarshal(text, &v) == nil {
		*into = &v
	}
}

// UpdateApply has root's part install a file, or the newest of the source, and waits for what comes of it.
func UpdateApply(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	u := &updateLine{}
	yes := false
	l, code := control.Read("update apply", args, stderr, 0, 1, func(f *flag.FlagSet) {
		u.flags(f)
		f.BoolVar(&yes, "yes", false, "")
	})
	if l == nil {
		return code
	}
	u.Line = l
	var one looked
	var err error
	if len(l.Operands) == 1 {
		if one, err = u.look(l.Operands[0]); err == nil {
			err = one.err
		}
	} else {
		var list []looked
		if list, _, err = u.source(); err == nil && len(list) == 0 {
			err = refused("nothing", "il n'y a rien de plus récent dans le dossier des réglages (update.source) ; donnez un fichier.", "there is nothing newer in the directory of the settings (update.source); give a file.")
		}
		if err == nil {
			one = list[0]
		}
	}
	if err != nil {
		return l.Fail(explainedUpdate(err))
	}
	if !yes && !control.Confirm(os.Stdin, stderr, fmt.Sprintf("La version %s prend la place de la version %s. La base est d'abord gardée ; les appels sont coupés une minute environ, puis reprennent. Si la nouvelle version ne démarre pas comme il faut, celle d'avant revient avec sa base.", one.Version, Version),
		fmt.Sprintf("Version %s takes the place of version %s. The database is kept first; calls are cut for about a minute, then come back. If the new version does not start as it should, the former one comes back with its database.", one.Version, Version), one.Version) {
		return l.Fail(control.NotConfirmed())
	}
	r := update.Request{ID: update.NewID(), Act: update.Apply, By: audit.ActorOperator, SHA256: one.Sum}
	if err := u.put(r, one.File); err != nil {
		return l.Fail(explainedUpdate(err))
	}
	return u.await(ctx, r, stdout, stderr)
}

// UpdateRollback has root's part bring the former version back.
func UpdateRollback(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	u := &updateLine{}
	var yes, data bool
	l, code := control.Read("update rollback", args, stderr, 0, 0, func(f *flag.FlagSet) {
		u.flags(f)
		f.BoolVar(&yes, "yes", false, "")
		f.BoolVar(&data, "with-database", false, "")
	})
	if l == nil {
		return code
	}
	u.Line = l
	if _, err := os.ReadDir(u.home); errors.Is(err, fs.ErrPermission) {
		return l.Fail(explainedUpdate(err))
	}
	var former *update.Former
	readHome(u.home, update.FormerFile, &former)
	if former == nil {
		fr, en := update.NoFormer.Sentence()
		return l.Fail(refusedUpdate(string(update.NoFormer), fr, en, ""))
	}
	here := u.installed()
	if here.Database > former.Database && !data {
		fr, en := update.NeedsData.Sentence()
		return l.Fail(refusedUpdate(string(update.NeedsData), fr+" Avec --with-database, ce qui a été fait depuis est perdu.", en+" With --with-database, what was done since is lost.", ""))
	}
	if !yes {
		fr, en := fmt.Sprintf("La version %s revient à la place de la version %s.", former.Version, here.Version), fmt.Sprintf("Version %s comes back in place of version %s.", former.Version, here.Version)
		if data {
			since := former.Kept.Local().Format("2006-01-02 15:04")
			fr += fmt.Sprintf(" La base revient à celle du %s : comptes, salles, réglages et journal d'audit d'après sont perdus pour l'appliance.", since)
			en += fmt.Sprintf(" The database goes back to that of %s: accounts, rooms, settings and audit log since are lost to the appliance.", since)
		}
		if !control.Confirm(os.Stdin, stderr, fr, en, former.Version) {
			return l.Fail(control.NotConfirmed())
		}
	}
	r := update.Request{ID: update.NewID(), Act: update.Rollback, By: audit.ActorOperator, Data: data}
	if err := u.put(r, ""); err != nil {
		return l.Fail(explainedUpdate(err))
	}
	return u.await(ctx, r, stdout, stderr)
}

// put writes what is wanted into root's own folder, the request last.
func (u *updateLine) put(r update.Request, file string) error {
	if _, err := os.Stat(filepath.Join(u.home, update.JournalFile)); err == nil {
		return refused("update-runs", "une mise à jour est en cours ; attendez qu'elle soit finie.", "an update is under way; wait until it is done.")
	}
	if err := os.MkdirAll(u.home, 0o700); err != nil {
		return err
	}
	if file != "" {
		in, err := os.Open(file)
		if err != nil {
			return err
		}
		defer in.Close()
		tmp := filepath.Join(u.home, ".bundle.part")
		out, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, in)
		if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
			return errors.Join(err, os.Remove(tmp))
		}
		if err := os.Rename(tmp, filepath.Join(u.home, update.BundleFile)); err != nil {
			return err
		}
	}
	return writeRequest(u.home, r)
}

// await waits for root's part, and says how it ended.
func (u *updateLine) await(ctx context.Context, r update.Request, stdout, stderr io.Writer) int {
	began, step := time.Now(), ""
	for {
		var o *update.Outcome
		var j *struct {
			Step string `json:"step"`
		}
		readHome(u.home, update.OutcomeFile, &o)
		if o != nil && o.ID == r.ID {
			return u.ended(*o, stdout)
		}
		readHome(u.home, update.JournalFile, &j)
		if j != nil && j.Step != step {
			step = j.Step
			fmt.Fprintf(stderr, "  %s\n", stepSentence(step))
		}
		waited := time.Since(began)
		switch {
		case ctx.Err() != nil:
			return u.Fail(refused("not-awaited", "la mise à jour continue sans cette commande ; « huisclos update check » dit comment elle a fini.", "the update goes on without this command; “huisclos update check” says how it ended."))
		case waited >= u.starts && os.Remove(filepath.Join(u.home, update.RequestFile)) == nil:
			_ = os.Remove(filepath.Join(u.home, update.BundleFile)) // nobody wants it any more
			fr, en := update.NoUpdater.Sentence()
			return u.Fail(refusedUpdate(string(update.NoUpdater), fr, en, ""))
		case waited >= updatePatience:
			return u.Fail(refused("not-awaited", "rien n'a été entendu depuis une demi-heure : journalctl -u huisclos-update", "nothing was heard for half an hour: journalctl -u huisclos-update"))
		}
		time.Sleep(updateLook)
	}
}

// stepSentence says a step of the journal to whoever waits.
func stepSentence(step string) string {
	if s, ok := map[string]string{
		"taken":     "vérifiée ; la version en place est gardée / checked; the installed version is kept",
		"kept":      "version en place gardée / installed version kept",
		"stopping":  "arrêt, copie de la base / stopping, copying the database",
		"saved":     "base gardée / database kept",
		"placing":   "installation / installing",
		"trying":    "essai de la version, personne n'entre encore / trying the version, nobody is let in yet",
		"finishing": "elle reste / it stays",
		"reverting": "retour à la version d'avant / going back to the former version",
	}[step]; ok {
		return s
	}
	return step
}

func (u *updateLine) ended(o update.Outcome, stdout io.Writer) int {
	good := o.Cause == ""
	if u.JSON {
		code := printJSON(stdout, o)
		if !good {
			return 1
		}
		return code
	}
	if !good {
		fr, en := o.Cause.Sentence()
		if o.Result == update.Stuck {
			fr = "Aucune des deux versions ne démarre comme il faut. Ce qui a été gardé est dans " + u.home + " : voyez docs/administration.fr.md, « Mises à jour »."
			en = "Neither version starts as it should. What was kept is in " + u.home + ": see docs/administration.md, “Updates”."
		}
		return u.Fail(refusedUpdate(string(o.Cause), fr, en, o.Detail))
	}
	fmt.Fprintf(stdout, "La version %[1]s est en place.\nVersion %[1]s is in place.\n", o.To)
	control.Rows(stdout, [3]string{"Avant", "Before", o.From}, [3]string{"Interruption (s)", "Interruption (s)", fmt.Sprintf("%.0f", o.Stopped)})
	return 0
}

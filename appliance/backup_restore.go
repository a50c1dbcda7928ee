package appliance

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"huisclos/appliance/backup"
	"huisclos/appliance/console"
	"huisclos/appliance/control"
	"huisclos/store"
)

// BackupRestore puts a backup in the place of the data directory.
func BackupRestore(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var k backupKeys
	var replace, yes, settings bool
	l, code := control.Read("backup restore", args, stderr, 1, 1, func(f *flag.FlagSet) {
		k.flags(f)
		f.BoolVar(&replace, "replace", false, "")
		f.BoolVar(&yes, "yes", false, "")
		f.BoolVar(&settings, "settings", false, "")
	})
	if l == nil {
		return code
	}
	f, err := os.Open(l.Operands[0])
	if err != nil {
		return l.Fail(explained(err))
	}
	defer f.Close()
	data := l.Settings().Data
	release, full, err := holdStopped(data)
	if err != nil {
		return l.Fail(explained(err))
	}
	defer release()
	if full && !replace {
		return l.Fail(explained(backup.ErrInTheWay))
	}
	h, err := backup.ReadHeader(f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return l.Fail(explained(err))
	}
	if !yes {
		fmt.Fprintf(stderr, "La sauvegarde du %[1]s prend la place des données de %[2]s.\nThe backup of %[1]s takes the place of the data in %[2]s.\n", h.Created.Local().Format("2006-01-02 15:04:05 -0700"), data)
		if full {
			fmt.Fprint(stderr, "Ce qui a été fait depuis n'y sera plus ; les données de maintenant sont mises de côté.\nWhat was done since will not be in it; the data of now are kept aside.\n")
		}
		said, err := console.Shown(os.Stdin, stderr, "Oui ou non / Yes or no: ")
		if err != nil {
			return l.Fail(notAsked(err))
		}
		if !slices.Contains([]string{"oui", "o", "yes", "y"}, strings.ToLower(strings.TrimSpace(said))) {
			r := refused("not-said", "rien n'a été changé.", "nothing was changed.")
			r.Exit = control.ExitNotSaid
			return l.Fail(r)
		}
	}
	keys, err := k.open(stderr)
	if err != nil {
		return l.Fail(explained(err))
	}
	now, began := time.Now(), time.Now()
	var found inspected
	r, err := backup.Restore(f, keys, backup.Restoration{Data: data, Replace: replace, Now: now, Finish: func(o backup.Opened, s backup.Staged) error {
		if err := inspect(ctx, &found, finishRestore(o.Header, now))(o, s); err != nil {
			return err
		}
		return keepVersion(data, s.Data())
	}})
	if err != nil {
		return l.Fail(explained(err))
	}
	placed, err := placeSettings(r, data, settings, now)
	if err != nil {
		return l.Fail(explained(err))
	}
	if l.JSON {
		return printJSON(stdout, map[string]any{"data": data, "made": r.Header.Created, "accounts": found.Accounts, "former": r.Former, "seconds": time.Since(began).Seconds(), "settings": placed})
	}
	fmt.Fprint(stdout, "La sauvegarde est en place.\nThe backup is in place.\n")
	rows := [][3]string{{"Données", "Data", data}, {"Faite le", "Made", r.Header.Created.Local().Format("2006-01-02 15:04:05 -0700")}, {"Comptes", "Accounts", fmt.Sprint(found.Accounts)},
		{"Durée (s)", "Time (s)", fmt.Sprintf("%.1f", time.Since(began).Seconds())}}
	if r.Former != "" {
		rows = append(rows, [3]string{"Données d'avant", "Data of before", r.Former})
	}
	for _, p := range placed {
		rows = append(rows, [3]string{"Réglages", "Settings", p})
	}
	control.Rows(stdout, rows...)
	if len(placed) == 0 && len(r.Manifest.Settings()) > 0 {
		fmt.Fprintf(stdout, "\n  Les fichiers de réglages de la sauvegarde sont dans %[1]s ; ceux de cette machine n'ont pas été touchés.\n  The settings files of the backup are in %[1]s; those of this machine were not touched.\n", filepath.Join(data, backup.SettingsFolder))
	}
	fmt.Fprint(stdout, "\n  Démarrez l'appliance : systemctl start huisclos. Toutes les sessions sont fermées ; chacun se connecte à nouveau.\n  Start the appliance: systemctl start huisclos. All sessions are ended; everybody signs in again.\n")
	return 0
}

// holdStopped holds the database of a data directory, so that no appliance starts on it meanwhile, and reports whether anything is in
// the directory. One that is damaged, or of another version, is what a restore is for.
func holdStopped(data string) (release func(), full bool, err error) {
	release = func() {}
	list, err := os.ReadDir(data)
	if errors.Is(err, fs.ErrNotExist) {
		return release, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	path := filepath.Join(data, databaseFile)
	if _, err := os.Lstat(path); err != nil {
		return release, len(list) > 0, nil
	}
	db, err := store.Open(path, store.Options{Timeout: time.Second})
	switch {
	case errors.Is(err, store.ErrInUse):
		return nil, true, err
	case err == nil:
		release = func() { _ = db.Close() }
	}
	return release, true, nil
}

// keepVersion takes over what the package has noted of this machine.
func keepVersion(from, to string) error {
	text, err := os.ReadFile(filepath.Join(from, versionFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(to, versionFile), text, 0o600)
	}
	return err
}

// placeSettings puts the settings files of a backup where they stood, when that was asked for: what stands there and is another is
// kept beside under a dated name. It returns what it wrote.
func placeSettings(r backup.Restored, data string, wanted bool, now time.Time) (placed []string, err error) {
	if !wanted {
		return nil, nil
	}
	for _, path := range r.Manifest.Settings() {
		text, err := os.ReadFile(filepath.Join(data, backup.SettingsFolder, path))
		if err != nil {
			return placed, err
		}
		there, err := os.ReadFile(path)
		if err == nil && string(there) == string(text) {
			continue
		}
		mode := fs.FileMode(0o640)
		if err == nil {
			if info, err := os.Stat(path); err == nil {
				mode = info.Mode().Perm()
			}
			if err := os.Rename(path, path+".before-"+now.UTC().Format("20060102T150405Z")); err != nil {
				return placed, err
			}
		} else if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return placed, err
		}
		if err := os.WriteFile(path, text, mode); err != nil {
			return placed, err
		}
		// The service reads it, and nobody else but root.
		if err := groupOf(path, data); err != nil {
			return placed, err
		}
		placed = append(placed, path)
	}
	return placed, nil
}

// ownedAs gives a file that root has made the owner of another.
func ownedAs(path, like string) error {
	info, err := os.Stat(like)
	if err != nil {
		return err
	}
	at, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return os.Lchown(path, int(at.Uid), int(at.Gid))
}

// groupOf gives a file that root has made the group of another.
func groupOf(path, like string) error {
	info, err := os.Stat(like)
	if err != nil {
		return err
	}
	at, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return os.Lchown(path, -1, int(at.Gid))
}

// moveTo moves a file, also to another file system; one that is there is not replaced.
func moveTo(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return refused("exists", "%s existe déjà et n'est pas remplacé.", "%s exists and is not replaced.", to)
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(to), backup.Partial+"*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return err
	}
	if err := os.Link(out.Name(), to); err != nil {
		return err
	}
	return os.Remove(from)
}

// quiet is a log that nobody reads: a command says what happened itself.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

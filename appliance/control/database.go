package control

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"huisclos/hardening"
)

// Look reads the database in a data directory without changing it: the version of its schema, and the greatest that this program knows.
// Its errors are ErrDatabaseInUse, ErrDatabaseDamaged, one of package fs, or another.
type Look func(data string) (version, known int, err error)

// What Look can find.
var (
	ErrDatabaseInUse   = errors.New("control: the database is in use")
	ErrDatabaseDamaged = errors.New("control: the database is damaged")
)

// line says whether this program can open the database, which is what a start that failed leaves somebody asking.
func (look Look) line(data string) hardening.Line {
	say := func(state hardening.State, fr, en, doFR, doEN string) hardening.Line {
		return because(line("database", state, fr, en), "Sans sa base, l'appliance ne démarre pas.", "Without its database the appliance does not start.", doFR, doEN)
	}
	const noneFR, noneEN = "Il n'y a rien à faire.", "There is nothing to do."
	version, known, err := 0, 0, error(fs.ErrNotExist)
	if look != nil {
		version, known, err = look(data)
	}
	switch {
	case errors.Is(err, ErrDatabaseInUse):
		return say(hardening.OK, "une appliance en marche s'en sert.", "a running appliance uses it.", noneFR, noneEN)
	case errors.Is(err, fs.ErrNotExist):
		return say(hardening.Unknown, "il n'y en a pas encore : le premier démarrage la fait.", "there is none yet: the first start makes it.", noneFR, noneEN)
	case errors.Is(err, ErrDatabaseDamaged):
		return say(hardening.Missing, "la base est abîmée.", "the database is damaged.",
			"Gardez le dossier de côté, puis restaurez une sauvegarde (« huisclos backup restore »).", "Keep the directory aside, then restore a backup (“huisclos backup restore”).")
	case err != nil:
		return say(hardening.Unknown, "ne peut pas être lue d'ici.", "cannot be read from here.", "Lancez cette commande avec sudo.", "Run this command with sudo.")
	case version > known:
		return say(hardening.Missing, fmt.Sprintf("la base vient d'une version plus récente (schéma %d ; ce programme connaît %d).", version, known),
			fmt.Sprintf("the database was written by a newer version (schema %d; this program knows %d).", version, known),
			"Rien n'y a été changé. Réinstallez cette version, ou restaurez une sauvegarde faite avant elle, puis « systemctl start huisclos ».",
			"Nothing in it was changed. Install that version again, or restore a backup from before it, then “systemctl start huisclos”.")
	}
	return say(hardening.OK, fmt.Sprintf("ce programme peut l'ouvrir (schéma %d).", version), fmt.Sprintf("this program can open it (schema %d).", version), noneFR, noneEN)
}

// readOnly is ST_RDONLY of statvfs(3).
const readOnly = 1

// fileSystem says whether the data directory could be written at all.
func (d doctor) fileSystem() hardening.Line {
	l := line("file-system", hardening.Unknown, "ne peut pas être lu d'ici.", "cannot be read from here.")
	var s syscall.Statfs_t
	if err := syscall.Statfs(d.Data, &s); err == nil {
		l = line("file-system", hardening.OK, "les données sont sur un système de fichiers ouvert en écriture.", "the data are on a file system that is open for writing.")
		if s.Flags&readOnly != 0 {
			l = line("file-system", hardening.Missing, "le système de fichiers des données est en lecture seule.", "the file system of the data is read-only.")
		}
	}
	return because(l, "L'appliance n'enregistre rien, et ne démarre pas.", "The appliance keeps nothing, and does not start.",
		"Le noyau protège ainsi un disque en panne : voyez dmesg, vérifiez le disque (fsck), remontez-le, puis « systemctl restart huisclos ».",
		"The kernel so protects a disk that fails: look at dmesg, check the disk (fsck), mount it again, then “systemctl restart huisclos”.")
}

package appliance

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"huisclos/appliance/config"
	"huisclos/appliance/control"
	"huisclos/store"
)

// explain says why the program does not run: a sentence that tells what to do, in French and in English, then the cause
// for whoever wants to look it up.
func explain(w io.Writer, err error, s settings) {
	fr, en := sentencesFor(err, s)
	fmt.Fprintf(w, "huisclos : %s\nhuisclos: %s\n  (%v)\n", fr, en, err)
}

func sentencesFor(err error, s settings) (fr, en string) {
	var path *fs.PathError
	switch {
	case errors.Is(err, errUsage):
		return "la ligne de commande n'est pas comprise ; voyez « huisclos serve --help ».",
			"the command line is not understood; see “huisclos serve --help”."
	case errors.Is(err, config.ErrSettings):
		return "les réglages ne conviennent pas ; corrigez ce qui est dit ci-dessous.",
			"the settings do not do; mend what is said below."
	case errors.Is(err, errSockets):
		return "les ports ouverts par systemd ne conviennent pas ; corrigez les unités huisclos*.socket (systemctl edit), ou « listen » et « media_port » dans les réglages.",
			"the ports that systemd opened do not do; mend the units huisclos*.socket (systemctl edit), or listen and media_port in the settings."
	case errors.Is(err, errDirectory):
		return "l'annuaire ne peut pas être lu comme le disent les réglages ([directory]) ; corrigez ce qui est dit ci-dessous.",
			"the directory cannot be read as the settings say ([directory]); mend what is said below."
	case errors.Is(err, errProvider):
		return "le fournisseur d'identité ne peut pas servir comme le disent les réglages ([oidc]) ; corrigez ce qui est dit ci-dessous.",
			"the identity provider cannot be used as the settings say ([oidc]); mend what is said below."
	case errors.Is(err, errBackup):
		return "les sauvegardes ne peuvent pas se faire comme le disent les réglages ([backup]) ; corrigez ce qui est dit ci-dessous.",
			"backups cannot be made as the settings say ([backup]); mend what is said below."
	case errors.Is(err, errCollector):
		return "le journal d'audit ne peut pas être envoyé comme le disent les réglages ([audit.syslog]) ; corrigez ce qui est dit ci-dessous.",
			"the audit log cannot be forwarded as the settings say ([audit.syslog]); mend what is said below."
	case errors.Is(err, errMail):
		return "le courriel ne peut pas partir comme le disent les réglages ([mail]) ; corrigez ce qui est dit ci-dessous.",
			"mail cannot leave as the settings say ([mail]); mend what is said below."
	case errors.Is(err, control.ErrInUse):
		return fmt.Sprintf("une autre appliance répond déjà sur %s ; arrêtez-la, ou donnez un autre chemin à --control.", s.ControlPath()),
			fmt.Sprintf("another appliance answers at %s; stop it, or give another path to --control.", s.ControlPath())
	case errors.Is(err, errSecond):
		return fmt.Sprintf("le second port du média, UDP %d, ne s'ouvre pas ; choisissez-en un autre avec media_port, ou mettez 0 pour vous en passer.", s.MediaPort),
			fmt.Sprintf("the second port of media, UDP %d, can't be opened; choose another with media_port, or 0 to do without.", s.MediaPort)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Sprintf("l'adresse %s est déjà prise par un autre programme ; arrêtez-le, ou choisissez un autre port avec --listen.", s.Listen),
			fmt.Sprintf("the address %s is taken by another program; stop it, or choose another port with --listen.", s.Listen)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Sprintf("cette machine n'a pas l'adresse de %s ; donnez-en une autre à --listen.", s.Listen),
			fmt.Sprintf("this machine does not have the address of %s; give another to --listen.", s.Listen)
	case errors.Is(err, syscall.EACCES) && !errors.As(err, &path):
		return fmt.Sprintf("le système interdit d'écouter sur %s ; prenez un port à partir de 1024, ou donnez au programme CAP_NET_BIND_SERVICE.", s.Listen),
			fmt.Sprintf("the system forbids listening on %s; take a port from 1024 up, or give the program CAP_NET_BIND_SERVICE.", s.Listen)
	case errors.Is(err, store.ErrInUse):
		return fmt.Sprintf("les données de %s servent déjà à un autre processus ; arrêtez-le, ou choisissez un autre dossier avec --data.", s.Data),
			fmt.Sprintf("the data in %s are in use by another process; stop it, or choose another directory with --data.", s.Data)
	case errors.Is(err, store.ErrNewer):
		return fmt.Sprintf("les données de %s viennent d'une version plus récente ; rien n'y a été changé. Réinstallez cette version, ou restaurez une sauvegarde faite avant elle.", s.Data),
			fmt.Sprintf("the data in %s were written by a newer version; nothing in them was changed. Install that version again, or restore a backup from before it.", s.Data)
	case errors.Is(err, store.ErrDamaged):
		return fmt.Sprintf("la base de données de %s est abîmée ; restaurez une sauvegarde.", s.Data),
			fmt.Sprintf("the database in %s is damaged; restore a backup.", s.Data)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("le dossier de données %s n'est pas accessible en écriture ; changez ses droits, ou choisissez-en un autre avec --data.", s.Data),
			fmt.Sprintf("the data directory %s cannot be written; change its permissions, or choose another with --data.", s.Data)
	case errors.Is(err, syscall.EROFS):
		return fmt.Sprintf("le système de fichiers de %s est en lecture seule ; le noyau protège ainsi un disque en panne : voyez dmesg, vérifiez le disque (fsck) et remontez-le.", s.Data),
			fmt.Sprintf("the file system of %s is read-only; the kernel so protects a disk that fails: look at dmesg, check the disk (fsck) and mount it again.", s.Data)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Sprintf("il n'y a plus de place sur le disque de %s ; libérez-en ou agrandissez-le : ce qui ne peut pas être enregistré ne se fait pas, le démarrage non plus.", s.Data),
			fmt.Sprintf("the disk of %s is full; make room or enlarge it: what can't be recorded is not done, and neither is a start.", s.Data)
	}
	return "l'appliance ne peut pas continuer ; la cause est ci-dessous.", "the appliance cannot go on; the cause is below."
}

package posture

import (
	"fmt"
	"time"

	"huisclos/hardening"
)

// hoursOf is a time in whole hours.
func hoursOf(d time.Duration) hardening.Text {
	switch n := int(d / time.Hour); {
	case n < 1:
		return text("moins d'une heure", "less than an hour")
	case n == 1:
		return text("une heure", "one hour")
	default:
		return text(fmt.Sprintf("%d heures", n), fmt.Sprintf("%d hours", n))
	}
}

func (f Facts) pepper() Line {
	l := Line{Name: "pepper", Area: Secrets, Why: text("Qui vole la base et le poivre peut chercher les phrases de passe faibles.", "Whoever steals the database and the pepper can search for weak passphrases."),
		Do: text("S'il y a un TPM, confiez-le-lui (guide de durcissement, « Secrets »).", "If there is a TPM, entrust it to that (hardening guide, “Secrets”).")}
	switch f.Pepper {
	case Given:
		return l.found(Green, "il est remis au démarrage par le gestionnaire de services, et n'est pas à côté de la base ; « sudo huisclos posture » dit avec quoi il est scellé.", "it is handed in at the start by the service manager, and is not beside the database; “sudo huisclos posture” says with what it is sealed.")
	case File:
		return l.found(Attention, "c'est un fichier, à côté de la base.", "it is a file, beside the database.")
	}
	return l.found(Unknown, "ne peut pas être cherché d'ici.", "cannot be looked for from here.")
}

// Audit is how far the audit log is verified and signed.
type Audit struct {
	Known    bool      // it could be read
	Entries  uint64    // in it
	Verified time.Time // when somebody verified it the last time; zero: never
	Fault    bool      // it was not as it was recorded
	Size     uint64    // entries that the last checkpoint covers
	Signed   time.Time // when that was signed
	Waiting  time.Time // time of the first entry that it does not cover; zero: there is none
}

const (
	// verifyEvery is how old a verification may be.
	verifyEvery = 31 * 24 * time.Hour
	// signWithin is how long an entry may wait for its signature: twice what the signer takes (audit.Signer.Due).
	signWithin = 10 * time.Minute
)

func (f Facts) audit() Line {
	a := f.Audit
	l := Line{Name: "audit-verified", Area: Records, Section: "audit", Why: text("Une entrée changée, retirée ou déplacée se voit à la vérification, et seulement là.", "An entry that was changed, removed or moved is found by verifying, and only so."),
		Do: text("Vérifiez le journal d'audit (page Journal d'audit, ou « huisclos audit verify »).", "Verify the audit log (page Audit log, or “huisclos audit verify”).")}
	at, age := a.Verified.UTC().Format("2006-01-02 15:04 UTC"), f.Now.Sub(a.Verified)
	switch {
	case !a.Known:
		return l.found(Unknown, "ne peut pas être lu.", "cannot be read.")
	case a.Fault:
		l.Do = text("Gardez la machine telle qu'elle est, et comparez avec une copie ou un témoin : quelqu'un a changé le journal.", "Keep the machine as it is, and compare with a copy or a witness: somebody has changed the log.")
		return l.found(Red, "la dernière vérification, le "+at+", a trouvé une entrée changée.", "the last verification, on "+at+", found an entry that was changed.")
	case a.Verified.IsZero():
		return l.found(Attention, "il n'a jamais été vérifié.", "it was never verified.")
	case age > verifyEvery:
		return l.found(Attention, "la dernière vérification, du "+at+", date de plus d'un mois.", "the last verification, of "+at+", is older than a month.")
	}
	return l.found(Green, "vérifié le "+at+", sans faute.", "verified on "+at+", without a fault.")
}

func (f Facts) signed() Line {
	a := f.Audit
	l := Line{Name: "audit-signed", Area: Records, Section: "audit", Why: text("Ce que couvre un point de contrôle signé ne peut plus être refait sans que cela se voie.", "What a signed checkpoint covers can no longer be made anew unnoticed."),
		Do: text("Lisez « journalctl -u huisclos » : il dit pourquoi le journal n'est pas signé.", "Read “journalctl -u huisclos”: it says why the log is not signed.")}
	at := a.Signed.UTC().Format("2006-01-02 15:04 UTC")
	switch {
	case !a.Known:
		return l.found(Unknown, "ne peut pas être lu.", "cannot be read.")
	case a.Size > a.Entries:
		return l.found(Red, fmt.Sprintf("un point de contrôle couvre %d entrées, et il n'y en a que %d.", a.Size, a.Entries), fmt.Sprintf("a checkpoint covers %d entries, and there are only %d.", a.Size, a.Entries))
	case !a.Waiting.IsZero() && f.Now.Sub(a.Waiting) > signWithin:
		return l.found(Red, fmt.Sprintf("%d entrées attendent leur signature depuis plus de dix minutes.", a.Entries-a.Size), fmt.Sprintf("%d entries have waited for their signature for more than ten minutes.", a.Entries-a.Size))
	case a.Size == 0:
		l.Do = text("Rien à faire : le premier point de contrôle se signe dans les minutes qui suivent le démarrage.", "Nothing to do: the first checkpoint is signed within minutes of the start.")
		return l.found(Unknown, "aucun point de contrôle n'est encore signé.", "no checkpoint is signed yet.")
	}
	return l.found(Green, fmt.Sprintf("%d entrées sur %d sont couvertes par le point de contrôle du %s.", a.Size, a.Entries, at), fmt.Sprintf("%d entries of %d are covered by the checkpoint of %s.", a.Size, a.Entries, at))
}

// Devices is how the key log of devices stands.
type Devices struct {
	Known bool      // it could be read
	Fault bool      // it is not what its last checkpoint says
	Size  uint64    // records, all of which the last checkpoint covers
	Last  time.Time // when the last one was written, and signed
}

func (f Facts) devices() Line {
	d := f.Devices
	l := Line{Name: "device-log", Area: Records, Section: "backups", Why: text("Chaque client tient le serveur à ce journal : un appareil ajouté ou retiré en cachette se voit.", "Each client holds the server to this log: a device that is slipped in or taken out is seen."),
		Do: text("Gardez la machine telle qu'elle est, cherchez qui a pu écrire dans la base, puis reprenez une sauvegarde.", "Keep the machine as it is, find out who could write to the database, then bring a backup back.")}
	at := d.Last.UTC().Format("2006-01-02 15:04 UTC")
	switch {
	case d.Fault:
		return l.found(Red, "il n'est pas ce que dit son dernier point de contrôle signé ; plus aucun appareil n'y est inscrit.", "it is not what its last signed checkpoint says; no device is written into it any more.")
	case !d.Known:
		return l.found(Unknown, "ne peut pas être lu.", "cannot be read.")
	case d.Size == 0:
		l.Do = text("Rien à faire : le premier appareil s'inscrit en venant à un appel.", "Nothing to do: the first device is written down as it comes to a call.")
		return l.found(Unknown, "aucun appareil n'y est encore inscrit.", "no device is written into it yet.")
	}
	return l.found(Green, fmt.Sprintf("inscriptions : %d, couvertes par le point de contrôle du %s.", d.Size, at), fmt.Sprintf("records: %d, covered by the checkpoint of %s.", d.Size, at))
}

// Backup is how backups are doing.
type Backup struct {
	Known  bool
	On     bool          // they are made by themselves
	Every  time.Duration // as planned
	Good   time.Time     // the last one; zero: none
	Failed bool          // the last try failed
}

func (f Facts) backup() Line {
	b := f.Backup
	l := Line{Name: "backup", Area: Records, Section: "backups", Why: text("Sans sauvegarde récente, un disque perdu emporte comptes, salles et journal.", "Without a recent backup, a lost disk takes accounts, rooms and log along."),
		Do: text("Voyez la page Sauvegardes : elle dit pourquoi, et en fait une.", "See the page Backups: it says why, and makes one.")}
	old := hoursOf(f.Now.Sub(b.Good))
	switch {
	case !b.Known:
		return l.found(Unknown, "ne peut pas être lu.", "cannot be read.")
	case b.Good.IsZero() && b.Failed:
		return l.found(Red, "aucune n'a réussi.", "none has succeeded.")
	case b.Good.IsZero() && b.On:
		return l.found(Attention, "la première n'est pas encore faite.", "the first one is not made yet.")
	case b.Good.IsZero():
		return l.found(Attention, "il n'y a pas de sauvegarde, et aucune n'est prévue.", "there is no backup, and none is planned.")
	case b.On && f.Now.Sub(b.Good) > 3*b.Every:
		return l.found(Red, fmt.Sprintf("la dernière a %s, trois fois plus que prévu.", old.FR), fmt.Sprintf("the last one is %s old, three times what is planned.", old.EN))
	case b.Failed:
		return l.found(Attention, fmt.Sprintf("la dernière réussie a %s ; un essai plus récent a échoué.", old.FR), fmt.Sprintf("the last good one is %s old; a later try failed.", old.EN))
	case !b.On:
		return l.found(Attention, fmt.Sprintf("la dernière a %s, et aucune n'est prévue.", old.FR), fmt.Sprintf("the last one is %s old, and none is planned.", old.EN))
	}
	return l.found(Green, fmt.Sprintf("la dernière a %s, chiffrée pour votre clé.", old.FR), fmt.Sprintf("the last one is %s old, encrypted for your key.", old.EN))
}

// Program is what the linker recorded of this program.
type Program struct {
	Version  string // of Huis Clos
	Go       string // of the tool chain; "": nothing was recorded
	Platform string
	Test     bool // a build for tests, whose clients give their keys away
	CGO      bool
	Altered  bool // from sources that were not committed
	Trimmed  bool // without paths of the machine that built it
	Modules  int  // of Go
	Packages int  // of npm, in the clients; 0: not known
}

func (f Facts) program() Line {
	p := f.Program
	l := Line{Name: "program", Area: Build, Section: "about", Why: text("Un programme reproductible se compare, octet par octet, à celui qui est publié.", "A reproducible program can be compared, octet by octet, with the one that is published."),
		Do: text("Installez le paquet publié, ou refaites-le par « make deb ».", "Install the published package, or make it by “make deb”.")}
	name := "Huis Clos " + p.Version + ", " + p.Go + ", " + p.Platform
	switch {
	case p.Go == "":
		return l.found(Unknown, "rien n'est noté de la fabrication.", "nothing is recorded of how it was built.")
	case p.Test:
		return l.found(Red, name+" : une version d'essai, dont les clients livrent leurs clés.", name+": a build for tests, whose clients give their keys away.")
	case p.Altered:
		return l.found(Attention, name+" : fait de sources modifiées.", name+": built from sources that were changed.")
	case p.CGO || !p.Trimmed:
		return l.found(Attention, name+" : pas fait comme le paquet publié.", name+": not built as the published package is.")
	}
	return l.found(Green, name+".", name+".")
}

func (f Facts) components() Line {
	p := f.Program
	l := Line{Name: "components", Area: Build, Why: text("La liste dit si une faille publiée touche ce programme.", "The list says whether a published flaw is in this program."),
		Do: text("« make sbom » fait la liste à partir des sources.", "“make sbom” makes the list from the sources.")}
	if p.Modules == 0 || p.Packages == 0 {
		return l.found(Unknown, "la liste des composants n'est pas entière dans ce programme.", "the list of components is not whole in this program.")
	}
	l.Counts = []Count{{"Go", uint64(p.Modules)}, {"npm", uint64(p.Packages)}}
	return l.found(Green, fmt.Sprintf("%d composants, tels que l'éditeur de liens les a notés et que le verrou de npm les nomme.", p.Modules+p.Packages),
		fmt.Sprintf("%d components, as the linker recorded them and npm's lockfile names them.", p.Modules+p.Packages))
}

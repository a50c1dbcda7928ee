package appliance

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"syscall"
	"time"

	"huisclos/appliance/control"
	"huisclos/appliance/web"
	"huisclos/hardening"
	"huisclos/store"
)

// notWritten is the code of why the database takes no writes, "" while it does.
func notWritten(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, store.ErrFull):
		return "disk-full"
	case errors.Is(err, syscall.EROFS):
		return "read-only"
	}
	return "database"
}

// matter is what the command line says of a thing to look after, in the words of the console's sentence of the same code
// (admin-ui/src/words/watch.ts): the list itself is one (watch.Attention), and a test holds the codes together.
type matter struct {
	text, do func(web.Attention) hardening.Text
	// covered: "huisclos check" has a line of its own about it.
	covered bool
	// advice: it takes nothing from anybody yet.
	advice bool
}

func fixed(fr, en string) func(web.Attention) hardening.Text {
	return func(web.Attention) hardening.Text { return hardening.Text{FR: fr, EN: en} }
}

// filled puts values into both languages.
func filled(fr, en string, values func(web.Attention) []any) func(web.Attention) hardening.Text {
	return func(a web.Attention) hardening.Text {
		v := values(a)
		return hardening.Text{FR: fmt.Sprintf(fr, v...), EN: fmt.Sprintf(en, v...)}
	}
}

// caused is filled with what the part itself says, which has its own languages.
func caused(fr, en string) func(web.Attention) hardening.Text {
	return func(a web.Attention) hardening.Text {
		return hardening.Text{FR: fr + strings.TrimSuffix(a.FR, ".") + ".", EN: en + strings.TrimSuffix(a.EN, ".") + "."}
	}
}

// sinceGood has the moment at which it last went well, or another sentence where it never did.
func sinceGood(fr, en, neverFR, neverEN string) func(web.Attention) hardening.Text {
	return func(a web.Attention) hardening.Text {
		if a.Since.IsZero() {
			return hardening.Text{FR: neverFR, EN: neverEN}
		}
		return filled(fr, en, dated)(a)
	}
}

func mebibytes(a web.Attention) []any { return []any{int64(a.Number) >> 20} }
func percent(a web.Attention) []any   { return []any{int(math.Round(a.Number * 100))} }
func howMany(a web.Attention) []any   { return []any{int(a.Number)} }
func named(a web.Attention) []any     { return []any{strings.Join(a.What, ", ")} }
func dated(a web.Attention) []any     { return []any{a.Since.UTC().Format("2006-01-02 15:04 UTC")} }

// matters are the sentences by code.
var matters = map[string]matter{
	"database": {text: fixed("plus rien ne s'enregistre : le disque a signalé une erreur.", "nothing is kept any more: the disk has reported an error."),
		do: fixed("Les appels en cours continuent ; personne n'entre plus. Vérifiez le disque (dmesg), puis « systemctl restart huisclos ».",
			"Calls in progress go on; nobody comes in any more. Check the disk (dmesg), then “systemctl restart huisclos”.")},
	"disk-full": {text: fixed("le disque est plein : plus rien ne s'enregistre.", "the disk is full: nothing is kept any more."),
		do: fixed("Les appels en cours continuent ; personne ne se connecte ni n'entre plus. Libérez de la place ou agrandissez le disque : tout reprend sans redémarrage.",
			"Calls in progress go on; nobody signs in or comes in any more. Make room or enlarge the disk: everything resumes without a restart.")},
	"read-only": {text: fixed("le système de fichiers des données est passé en lecture seule : plus rien ne s'enregistre.", "the file system of the data has become read-only: nothing is kept any more."),
		do: fixed("Les appels en cours continuent ; personne n'entre plus. Le noyau protège ainsi un disque en panne : voyez dmesg, vérifiez le disque (fsck), remontez-le, puis « systemctl restart huisclos ».",
			"Calls in progress go on; nobody comes in any more. The kernel so protects a disk that fails: look at dmesg, check the disk (fsck), mount it again, then “systemctl restart huisclos”.")},
	"device-log": {text: fixed("le journal des clés des appareils n'est pas ce que dit son dernier point de contrôle signé.", "the key log of devices is not what its last signed checkpoint says."),
		do: fixed("Il a été abîmé, coupé ou modifié : aucun appareil n'y est plus inscrit. Cherchez qui a pu écrire dans la base, puis reprenez une sauvegarde (« huisclos backup restore »).",
			"It was damaged, cut or altered: no device is written into it any more. Find out who could write to the database, then bring a backup back (“huisclos backup restore”).")},
	"disk": {covered: true, text: filled("le disque est presque plein : %d Mio libres.", "the disk is nearly full: %d MiB free.", mebibytes),
		do: fixed("Libérez de la place, ou agrandissez-le : une fois plein, personne ne se connecte.", "Make room, or enlarge it: once it is full, nobody signs in.")},
	"certificate-expired": {covered: true, text: filled("le certificat a expiré le %s.", "the certificate expired on %s.", dated),
		do: fixed("Renouvelez-le (« huisclos cert ») ; les appels en cours continuent, les navigateurs refusent d'y venir.", "Renew it (“huisclos cert”); calls in progress go on, browsers refuse to come.")},
	"certificate-soon": {covered: true, text: filled("le certificat expire dans %d jours.", "the certificate expires in %d days.", howMany),
		do: fixed("Renouvelez-le avant (« huisclos cert »).", "Renew it before (“huisclos cert”).")},
	"mail": {text: caused("aucun courriel ne part : ", "no mail leaves: "),
		do: fixed("Les courriels attendent trois jours ; le reste continue. « huisclos check mail » dit à quelle étape.", "Mails wait for three days; all else goes on. “huisclos check mail” says at which step.")},
	"directory": {covered: true, text: caused("l'annuaire ne répond pas : ", "the directory does not answer: "),
		do: fixed("Ses personnes ne se connectent plus ; les comptes d'ici et les appels continuent. « huisclos check directory » dit pourquoi.",
			"Its people sign in no more; accounts of this appliance and calls go on. “huisclos check directory” says why.")},
	"directory-held": {covered: true, text: filled("%d personnes ne sont plus dans l'annuaire ; aucun compte n'a été fermé.", "%d people are no longer in the directory; no account was shut.", howMany),
		do: fixed("Vérifiez, puis synchronisez malgré tout depuis la console.", "Check, then synchronise anyway from the console.")},
	"provider": {covered: true, text: caused("le fournisseur d'identité ne répond pas : ", "the identity provider does not answer: "),
		do: fixed("On ne se connecte plus par lui ; les comptes d'ici et les appels continuent. « huisclos check oidc » dit pourquoi.",
			"Nobody signs in by it; accounts of this appliance and calls go on. “huisclos check oidc” says why.")},
	"forwarding": {covered: true, text: caused("le journal d'audit n'arrive plus au collecteur : ", "the audit log no longer reaches the collector: "),
		do: fixed("Les entrées attendent ici et partent dès qu'il répond. « huisclos check syslog » dit à quelle étape.", "Entries wait here, and go out once it answers. “huisclos check syslog” says at which step.")},
	"backup": {text: sinceGood("la dernière sauvegarde réussie date du %s, et l'essai suivant a échoué.", "the last good backup is of %s, and the next try failed.", "aucune sauvegarde n'a réussi.", "no backup has succeeded."),
		do: fixed("Un essai se fait toutes les heures. La page Sauvegardes de la console et le journal du service disent pourquoi.", "It is tried every hour. The console's page Backups and the service's log say why.")},
	"backup-copy": {text: sinceGood("l'autre machine n'a plus reçu de sauvegarde depuis le %s.", "the other machine has received no backup since %s.", "l'autre machine n'a encore reçu aucune sauvegarde.", "the other machine has not received a backup yet."),
		do: fixed("Les sauvegardes restent ici ; un disque perdu les emporterait. Vérifiez « backup.target » et cette machine.", "Backups stay here; a lost disk would take them along. Check “backup.target” and that machine.")},
	"backup-late": {text: sinceGood("la dernière sauvegarde date du %s, plus de deux fois le délai prévu.", "the last backup is of %s, more than twice as old as planned.", "aucune sauvegarde n'est encore faite.", "no backup has been made yet."),
		do: fixed("Faites-en une : « huisclos backup create ».", "Make one: “huisclos backup create”.")},
	"backup-off": {advice: true, text: sinceGood("aucune sauvegarde n'est prévue ; la dernière date du %s.", "no backup is planned; the last one is of %s.", "il n'y a pas de sauvegarde, et aucune n'est prévue.", "there is no backup, and none is planned."),
		do: fixed("Si le disque est perdu, comptes, salles et journal le sont aussi. « huisclos backup key » fait une clé, « backup.recipients » la nomme.",
			"If the disk is lost, so are accounts, rooms and log. “huisclos backup key” makes a key, “backup.recipients” names it.")},
	"drain": {advice: true, text: fixed("plus aucun appel ne commence : l'appliance se vide avant un arrêt.", "no further call begins: the appliance is emptying before a stop."),
		do: fixed("Ceux en cours continuent. « huisclos resume » y met fin.", "Those in progress go on. “huisclos resume” ends it.")},
	"webhook": {text: filled("des webhooks sont arrêtés après trop d'échecs : %s.", "webhooks were stopped after too many failures: %s.", named),
		do: fixed("Corrigez l'adresse, puis remettez-les en marche dans la console, page Programmes.", "Mend the address, then turn them on again in the console, page Programs.")},
	"load": {advice: true, text: filled("la machine est à %d %% de ce qu'elle peut transmettre.", "the machine is at %d%% of what it can forward.", percent),
		do: fixed("À partir de 75 %, aucun nouvel appel ne commence. Donnez-lui plus de processeurs.", "From 75% on no new call begins. Give it more processors.")},
	"memory": {advice: true, text: filled("la mémoire est prise à %d %%.", "the memory is taken to %d%%.", percent),
		do: fixed("Donnez plus de mémoire à la machine, ou répartissez les réunions dans le temps.", "Give the machine more memory, or spread the meetings over the day.")},
	"clock": {covered: true, text: func(a web.Attention) hardening.Text {
		by, at := time.Duration(a.Number*float64(time.Second)).Round(time.Second), a.Since.UTC().Format("2006-01-02 15:04 UTC")
		return hardening.Text{FR: fmt.Sprintf("l'horloge a sauté de %s le %s.", by, at), EN: fmt.Sprintf("the clock jumped by %s on %s.", by, at)}
	}, do: fixed("Vérifiez la date et le service d'heure (timedatectl). Les appels en cours continuent ; liens, codes et sessions comptent par la nouvelle heure.",
		"Check the date and the time service (timedatectl). Calls in progress go on; links, codes and sessions count by the new time.")},
	"sandbox": {covered: true, text: filled("des protections du programme ne sont pas en place : %s.", "protections of the program are not in force: %s.", named),
		do: fixed("« huisclos check » dit à quoi chacune sert et comment la rétablir.", "“huisclos check” says what each is good for and how to bring it back.")},
	"settings": {advice: true, text: filled("des réglages attendent un redémarrage : %s.", "settings wait for a restart: %s.", named),
		do: fixed("Redémarrez l'appliance à un moment calme ; chacun revient dans son appel.", "Restart the appliance at a quiet moment; everybody comes back to their call.")},
}

// said is one thing to look after in words. A code without a sentence has the part's own, or stands for itself.
func said(a web.Attention) control.Need {
	n := control.Need{Code: a.Code, Grave: a.Grave, Since: a.Since, Text: hardening.Text{FR: a.FR, EN: a.EN}}
	if m, ok := matters[a.Code]; ok {
		n.Text, n.Do = m.text(a), m.do(a)
	} else if n.Text.FR == "" {
		n.Text = hardening.Text{FR: a.Code, EN: a.Code}
	}
	return n
}

// needs is the list for "huisclos status".
func (a *Appliance) needs() (list []control.Need) {
	for _, one := range a.watched.Attention(a.settings.now()) {
		list = append(list, said(one))
	}
	return list
}

// needLines are those of "huisclos check" about what no other line looks at. The first says whether what happens can be recorded.
func (a *Appliance) needLines() hardening.Report {
	recorded := hardening.Line{Name: "recording", State: hardening.OK, Detail: hardening.Text{FR: "ce qui se passe s'enregistre.", EN: "what happens is recorded."}}
	var more hardening.Report
	for _, one := range a.watched.Attention(a.settings.now()) {
		m, known := matters[one.Code]
		n := said(one)
		l := hardening.Line{Name: one.Code, State: hardening.Missing, Detail: n.Text, Do: n.Do, Advice: m.advice || !known && !one.Grave}
		switch one.Code {
		case "database", "disk-full", "read-only":
			l.Name, recorded = "recording", l
			continue
		}
		if !m.covered {
			more = append(more, l)
		}
	}
	recorded.Why = hardening.Text{FR: "Ce qui ne peut pas être enregistré ne se fait pas : connexions, entrées, changements.", EN: "What can't be recorded is not done: sign-ins, entries, changes."}
	return append(hardening.Report{recorded}, more...)
}

// notRecorded is the refusal of an operator's act that can't be recorded; nil for other errors.
func notRecorded(err error) *control.Refusal {
	if !errors.Is(err, store.ErrFull) && !errors.Is(err, store.ErrFailed) {
		return nil
	}
	n := said(web.Attention{Code: notWritten(err)})
	return &control.Refusal{Code: "not-recorded", FR: "rien n'a changé : " + n.Text.FR + "\n  " + n.Do.FR, EN: "nothing was changed: " + n.Text.EN + "\n  " + n.Do.EN}
}

package invite

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Place is the appliance that writes.
type Place struct {
	Name string // as people see it
	URL  string // of its first page
}

// Activation brings the link with which somebody chooses a passphrase; again says that there was one before.
func Activation(l Language, to Address, at Place, link string, expires time.Time, again bool) Mail {
	name := line(at.Name)
	m := Mail{To: to, Language: l}
	if again {
		m.Subject = l.pick("Nouvelle phrase de passe : "+name, "A new passphrase: "+name)
		m.text = []paragraph{said(greeting(l, to)),
			said(l.pick("Un administrateur de « "+name+" » vous envoie ce lien pour choisir une nouvelle phrase de passe :",
				"An administrator of “"+name+"” sends you this link, with which you choose a new passphrase:"))}
	} else {
		m.Subject = l.pick("Votre compte : "+name, "Your account: "+name)
		m.text = []paragraph{said(greeting(l, to)),
			said(l.pick("Un compte a été créé pour vous sur « "+name+" ». Ce lien permet de choisir votre phrase de passe :",
				"An account was made for you at “"+name+"”. With this link you choose your passphrase:"))}
	}
	m.text = append(m.text, paragraph{link: link},
		said(l.pick("Il vaut une fois, jusqu’au "+when(l, expires.UTC())+". Ne le transmettez à personne.",
			"It can be used once, until "+when(l, expires.UTC())+". Give it to nobody.")),
		said(l.pick("Si vous n’attendiez pas ce message, ignorez-le, et dites-le à votre administrateur.",
			"If you did not expect this message, ignore it, and tell your administrator.")))
	return m
}

// Change is what happened to an account.
type Change int

// The changes that an account's owner is told of.
const (
	PassphraseChanged Change = iota
	PassphraseChosen
	KeyReplaced
	FactorAdded
	FactorReplaced
	FactorRemoved
	FactorTaken
	RecoveryUsed
	RecoveryRenewed
	AddressChanged
)

func (c Change) sentence(l Language) string {
	switch c {
	case PassphraseChanged:
		return l.pick("La phrase de passe de votre compte a été changée.", "The passphrase of your account was changed.")
	case PassphraseChosen:
		return l.pick("Une phrase de passe a été choisie pour votre compte, à côté de sa clé d’accès.", "A passphrase was chosen for your account, beside its passkey.")
	case KeyReplaced:
		return l.pick("Une nouvelle clé d’accès de votre compte a été créée, par un lien : ce qui vous connectait avant ne sert plus.",
			"A new passkey of your account was created, by a link: what signed you in before no longer does.")
	case FactorAdded:
		return l.pick("Un second facteur a été ajouté à votre compte.", "A second factor was added to your account.")
	case FactorReplaced:
		return l.pick("L’application d’authentification de votre compte a été remplacée : les codes de l’ancienne ne valent plus.",
			"The authenticator app of your account was replaced: codes of the old one no longer count.")
	case FactorRemoved:
		return l.pick("Un second facteur de votre compte a été retiré.", "A second factor of your account was removed.")
	case FactorTaken:
		return l.pick("Un administrateur a retiré le second facteur de votre compte.", "An administrator removed the second factor of your account.")
	case RecoveryUsed:
		return l.pick("Un code de secours a servi à se connecter à votre compte.", "A recovery code was used to sign in to your account.")
	case RecoveryRenewed:
		return l.pick("Les codes de secours de votre compte ont été renouvelés.", "The recovery codes of your account were renewed.")
	case AddressChanged:
		return l.pick("L’adresse électronique de votre compte a été changée.", "The e-mail address of your account was changed.")
	}
	panic("invite: a change has a sentence")
}

// Changed tells the owner of an account what happened to it, when, and from which address; that one may be unknown.
func Changed(l Language, to Address, at Place, c Change, client netip.Addr, now time.Time) Mail {
	name := line(at.Name)
	m := Mail{To: to, Language: l, Subject: l.pick("Sécurité de votre compte : "+name, "Security of your account: "+name)}
	moment := l.pick("C’était le ", "It was on ") + when(l, now.UTC())
	if client.IsValid() {
		moment += l.pick(", depuis l’adresse ", ", from the address ") + client.Unmap().WithZone("").String()
	}
	m.text = []paragraph{said(greeting(l, to)), said(c.sentence(l)), said(moment + "."),
		said(l.pick("Si c’était vous, il n’y a rien à faire. Sinon, prévenez tout de suite un administrateur de « "+name+" ».",
			"If it was you, there is nothing to do. If not, tell an administrator of “"+name+"” at once."))}
	return m
}

// Test is what "huisclos check mail" sends.
func Test(l Language, to Address, at Place) Mail {
	name := line(at.Name)
	return Mail{To: to, Language: l, Subject: l.pick("Essai : "+name, "Test: "+name),
		text: []paragraph{said(l.pick("Ce message a été envoyé par « huisclos check mail ». S’il arrive, « "+name+" » peut envoyer des courriels.",
			"This message was sent by “huisclos check mail”. If it arrives, “"+name+"” can send mails."))}}
}

func greeting(l Language, to Address) string {
	name := line(to.Name)
	if name == "" {
		return l.pick("Bonjour,", "Hello,")
	}
	return l.pick("Bonjour ", "Hello ") + name + ","
}

var (
	monthsFR = strings.Fields("janvier février mars avril mai juin juillet août septembre octobre novembre décembre")
	daysFR   = strings.Fields("dimanche lundi mardi mercredi jeudi vendredi samedi")
)

// day is a date with its weekday.
func day(l Language, t time.Time) string {
	if l == French {
		date := fmt.Sprint(t.Day())
		if t.Day() == 1 {
			date = "1er"
		}
		return fmt.Sprintf("%s %s %s %d", daysFR[t.Weekday()], date, monthsFR[t.Month()-1], t.Year())
	}
	return t.Format("Monday 2 January 2006")
}

// when is a moment in the zone of t, which is named.
func when(l Language, t time.Time) string {
	zone := t.Location().String()
	return day(l, t) + l.pick(" à ", " at ") + t.Format("15:04") + " (" + zone + ")"
}

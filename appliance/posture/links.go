package posture

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Handshakes are how many connections agreed on the same by TLS.
type Handshakes struct {
	Version, Suite uint16
	Group          tls.CurveID
	N              uint64
}

// hybrid are the groups that a quantum computer does not open (draft-ietf-tls-ecdhe-mlkem).
var hybrid = []tls.CurveID{tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024}

func (h Handshakes) name() string {
	return tls.VersionName(h.Version) + " · " + tls.CipherSuiteName(h.Suite) + " · " + h.Group.String()
}

// tls looks at what browsers and the appliance have agreed on.
func (f Facts) tls() Line {
	l := Line{Name: "tls", Area: Links, Why: text("Pages, messages et signalisation passent par TLS ; un échange hybride protège aussi ce qui serait enregistré aujourd'hui et déchiffré plus tard.",
		"Pages, messages and signalling pass by TLS; a hybrid exchange also protects what is recorded today and deciphered later."),
		Do: text("Mettez à jour les navigateurs et les mandataires qui n'ont pas d'échange hybride. Les réunions, elles, restent scellées de bout en bout.",
			"Update browsers and proxies that have no hybrid exchange. Meetings themselves stay sealed end to end.")}
	var all, old, plain uint64
	for _, h := range f.TLS {
		all += h.N
		l.Counts = append(l.Counts, Count{h.name(), h.N})
		switch {
		case h.Version < tls.VersionTLS13:
			old += h.N
		case !slices.Contains(hybrid, h.Group):
			plain += h.N
		}
	}
	most(l.Counts)
	switch {
	case all == 0:
		return l.found(Unknown, "aucune connexion depuis le démarrage.", "no connection since the start.")
	case old > 0:
		l.Do = text("Le programme ne propose que TLS 1.3 : c'est une erreur du programme ; signalez-la.", "The program offers TLS 1.3 alone: this is an error of the program; report it.")
		return l.found(Red, fmt.Sprintf("%d connexions d'avant TLS 1.3.", old), fmt.Sprintf("%d connections from before TLS 1.3.", old))
	case plain > 0:
		return l.found(Attention, fmt.Sprintf("%d connexions sur %d se sont faites sans échange hybride.", plain, all), fmt.Sprintf("%d connections of %d were made without a hybrid exchange.", plain, all))
	}
	return l.found(Green, "TLS 1.3 avec échange hybride, pour toutes les connexions.", "TLS 1.3 with a hybrid exchange, for all connections.")
}

// most puts what was seen most first.
func most(list []Count) {
	slices.SortFunc(list, func(a, b Count) int { return cmp.Or(cmp.Compare(b.N, a.N), strings.Compare(a.Name, b.Name)) })
}

// dtls looks at the connections of media. Media transport takes no suite that is not AES-GCM, so there is no red but that of an error.
func (f Facts) dtls() Line {
	l := Line{Name: "dtls-srtp", Area: Links, Counts: slices.Clone(f.DTLS),
		Why: text("Sur le chemin jusqu'ici, ce qui est déjà scellé de bout en bout est enveloppé une seconde fois.", "On the way here, what is sealed end to end already is wrapped a second time."),
		Do:  text("Le programme n'accepte qu'AES-GCM : c'est une erreur du programme ; signalez-la.", "The program takes AES-GCM alone: this is an error of the program; report it.")}
	most(l.Counts)
	if len(l.Counts) == 0 {
		l.Do = text("Rien à faire : la première réunion le dira.", "Nothing to do: the first meeting will tell.")
		return l.found(Unknown, "aucune connexion de médias depuis le démarrage.", "no connection of media since the start.")
	}
	for _, c := range l.Counts {
		if !strings.Contains(c.Name, "GCM") {
			return l.found(Red, "une connexion n'est pas protégée par AES-GCM.", "a connection is not protected by AES-GCM.")
		}
	}
	return l.found(Green, "toutes les connexions de médias sont protégées par AES-GCM.", "all connections of media are protected by AES-GCM.")
}

// Certificate is the one that is served.
type Certificate struct {
	Expires    time.Time
	SelfSigned bool
	Soon       bool // its owner should renew it
}

func (f Facts) certificate() Line {
	c := f.Certificate
	l := Line{Name: "certificate", Area: Links, Section: "tls", Why: text("Sans certificat valable, les navigateurs refusent la page.", "Without a valid certificate browsers refuse the page."),
		Do: text("Renouvelez-le, ou faites-le venir d'une autorité que les navigateurs connaissent (page Certificat).", "Renew it, or have it from an authority that browsers know (page Certificate).")}
	left := int(c.Expires.Sub(f.Now) / (24 * time.Hour))
	switch {
	case c.Expires.IsZero():
		return l.found(Unknown, "ne peut pas être lu.", "cannot be read.")
	case !f.Now.Before(c.Expires):
		return l.found(Red, "il a expiré.", "it has expired.")
	case c.SelfSigned:
		return l.found(Attention, fmt.Sprintf("auto-signé, encore %d jours ; il se renouvelle seul, mais les navigateurs mettent en garde.", left), fmt.Sprintf("self-signed, %d days left; it renews itself, but browsers warn.", left))
	case c.Soon:
		return l.found(Attention, fmt.Sprintf("il expire dans %d jours.", left), fmt.Sprintf("it expires in %d days.", left))
	}
	return l.found(Green, fmt.Sprintf("d'une autorité, encore %d jours.", left), fmt.Sprintf("from an authority, %d days left.", left))
}

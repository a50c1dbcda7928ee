package control

import (
	"context"
	"fmt"
	"io"
	"strings"
)

const resetHelp = ` E-MAIL

Pour un administrateur, ou un officier de sécurité, qui a tout perdu : retire ses seconds facteurs, ferme ses sessions et donne un
lien pour choisir une autre phrase de passe. L'ancienne vaut jusque-là. Le journal d'audit le dit.
For an administrator, or a security officer, who lost everything: takes their second factors, ends their sessions and gives a link to
choose another passphrase. The old one counts until then. The audit log says so.

huisclos reset-admin E-MAIL`

// ResetAdministrator lets an administrator who can no longer sign in begin again: who has a shell on the appliance vouches for them. It
// prints a link and sets no passphrase.
func ResetAdministrator(_ context.Context, args []string, stdout, stderr io.Writer) int {
	email := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		email, args = args[0], args[1:]
	}
	p, err := locate("reset-admin", args, packaged)
	if err == nil && email == "" {
		err = fmt.Errorf("%w: whose e-mail address?", errUsage)
	}
	return talkTo(p, err, "reset-admin", resetHelp, question{Act: actReset, Email: email}, stdout, stderr, func(a answer) {
		if a.Reset == nil || a.Status == nil || len(a.Status.Addresses) == 0 {
			return
		}
		rows(stdout,
			[3]string{"Compte", "Account", fmt.Sprintf("%s <%s> (%s)", a.Reset.Name, a.Reset.Email, a.Reset.Role)},
			// The token stands in the fragment, which no browser sends.
			[3]string{"Lien d'activation", "Activation link", a.Status.Addresses[0] + "activate#" + a.Reset.Token},
			[3]string{"Valable jusqu'au", "Valid until", a.Reset.Expires.Local().Format("2006-01-02 15:04 -0700")},
		)
		fmt.Fprint(stdout, "\n  Donnez ce lien à cette personne et à nulle autre : il choisit la phrase de passe, puis le compte demande un second facteur.\n"+
			"  Give this link to that person and to nobody else: it chooses the passphrase, then the account asks for a second factor.\n")
	})
}

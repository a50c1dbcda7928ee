package control

import (
	"context"
	"fmt"
	"io"
)

// whose reads a command line with one e-mail address.
func whose(name string, args []string) (p place, email string, err error) {
	p, operands, err := locateWith(name, args, packaged, nil)
	switch {
	case err != nil:
	case len(operands) == 0:
		err = fmt.Errorf("%w: whose e-mail address?", errUsage)
	case len(operands) > 1:
		err = fmt.Errorf("%w: unexpected %q", errUsage, operands[1])
	default:
		email = operands[0]
	}
	return p, email, err
}

// ResetAdministrator lets an administrator who can no longer sign in begin again: who has a shell on the appliance vouches for them. It
// prints a link and sets no passphrase.
func ResetAdministrator(_ context.Context, args []string, stdout, stderr io.Writer) int {
	p, email, err := whose("admin reset", args)
	return talkTo(p, err, "admin reset", question{Act: actReset, Email: email}, stdout, stderr, func(a answer) {
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

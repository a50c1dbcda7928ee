package invite

import (
	"strings"
	"testing"
	"time"
)

func TestMailsOfAnAccountsLife(t *testing.T) {
	to := Address{"Zoé Ångström", "zoe@example.net"}
	link, until := "https://visio.example/undo#abc", stamp.Add(7*24*time.Hour)
	for _, c := range []struct {
		mail    Mail
		subject string
		says    []string
	}{
		{AddressMoved(French, to, place, link, until, stamp), "L’adresse de votre compte a changé", []string{"Zoé Ångström", link, "8 mars 2026", "votre compte reprend cette adresse", "Prévenez aussi un administrateur"}},
		{AddressMoved(English, to, place, link, until, stamp), "The address of your account was changed", []string{link, "8 March 2026", "takes this address back", "Tell an administrator"}},
		{Leaving(French, to, place, until, true), "Votre compte sera supprimé", []string{"8 mars 2026", "Vous l’avez demandé", "« Garder mon compte »", place.URL + "/account"}},
		{Leaving(English, to, place, until, true), "Your account will be deleted", []string{"8 March 2026", "You asked for it", "“Keep my account”", place.URL + "/account"}},
		{Leaving(French, to, place, until, false), "Votre compte sera supprimé", []string{"8 mars 2026", "Un administrateur l’a demandé", "ne pouvez plus vous connecter"}},
		{Leaving(English, to, place, until, false), "Your account will be deleted", []string{"8 March 2026", "An administrator asked for it", "can no longer sign in"}},
		{Stays(French, to, place), "Votre compte est gardé", []string{"ne sera pas supprimé"}},
		{Stays(English, to, place), "Your account is kept", []string{"will not be deleted"}},
		{Erased(French, to, place), "Votre compte est supprimé", []string{"Le journal d’audit", "sans nom ni adresse"}},
		{Erased(English, to, place), "Your account is deleted", []string{"The audit log", "without name or address"}},
	} {
		o := open(t, compose(t, c.mail).Message)
		sound(t, o, to.Address, 2)
		if !strings.HasPrefix(o.subject(t), c.subject) {
			t.Errorf("subject %q", o.subject(t))
		}
		for _, part := range o.parts {
			for _, text := range c.says {
				if !strings.Contains(part, text) {
					t.Errorf("%q is not in %s", text, part)
				}
			}
		}
	}
}

package invite

import (
	"strings"
	"testing"
)

func TestGuestMails(t *testing.T) {
	to, organiser := Address{"", "gus@example.net"}, Address{"Hélène Hôte", "helene@example.org"}
	for _, c := range []struct {
		mail    Mail
		subject string
		says    []string
	}{
		{Guest(French, to, place, organiser, "Conseil", "https://visio.example/i#abc", stamp), "Invitation de Hélène Hôte : Conseil", []string{"Hélène Hôte vous invite dans la salle « Conseil »", "https://visio.example/i#abc", "rien à installer"}},
		{Guest(English, to, place, organiser, "Conseil", "https://visio.example/i#abc", stamp), "Invitation from Hélène Hôte: Conseil", []string{"Hélène Hôte invites you to the room “Conseil”", "https://visio.example/i#abc", "nothing to install"}},
		{Confirmation(French, to, place, "12345678", stamp), "1234 5678 : votre code", []string{"1234 5678", "Ne le donnez à personne"}},
		{Confirmation(English, to, place, "12345678", stamp), "1234 5678: your code", []string{"1234 5678", "Give it to nobody"}},
	} {
		e := compose(t, c.mail)
		o := open(t, e.Message)
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
	if got := compose(t, Guest(French, to, place, organiser, "x", "https://h/i#x", stamp)); !strings.Contains(string(got.Message), "<helene@example.org>") {
		t.Error("an answer does not reach who invites")
	}
}

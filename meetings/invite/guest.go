package invite

import "time"

// Guest brings somebody without an account the link with which they come to a room. organiser and room are what people have typed.
func Guest(l Language, to Address, at Place, organiser Address, room, link string, expires time.Time) Mail {
	name, who, where := line(at.Name), line(organiser.Name), line(room)
	return Mail{To: to, ReplyTo: organiser, Language: l, Subject: l.pick("Invitation de "+who+" : "+where, "Invitation from "+who+": "+where),
		text: []paragraph{said(greeting(l, to)),
			said(l.pick(who+" vous invite dans la salle « "+where+" » de « "+name+" ». Il n’y a rien à installer : ouvrez ce lien dans votre navigateur, sur un téléphone ou un ordinateur.",
				who+" invites you to the room “"+where+"” of “"+name+"”. There is nothing to install: open this link in your browser, on a phone or a computer.")),
			{link: link},
			said(l.pick("Il vous sera demandé un code, envoyé à cette adresse, puis votre nom et une phrase de passe.",
				"You will be asked for a code, which is sent to this address, then for your name and a passphrase.")),
			said(l.pick("Cette invitation vaut pour vous seul, jusqu’au "+when(l, expires.UTC())+".",
				"This invitation is for you alone, until "+when(l, expires.UTC())+".")),
			said(l.pick("Si vous ne connaissez pas cette personne, ignorez ce message.", "If you do not know this person, ignore this message."))}}
}

// Confirmation brings the code that confirms an address. It stands in the subject too: a phone shows that without opening the mail.
func Confirmation(l Language, to Address, at Place, code string, until time.Time) Mail {
	name, spaced := line(at.Name), grouped(code)
	return Mail{To: to, Language: l, Subject: l.pick(spaced+" : votre code pour "+name, spaced+": your code for "+name),
		text: []paragraph{said(greeting(l, to)),
			said(l.pick("Voici le code qui confirme votre adresse :", "Here is the code that confirms your address:")), said(spaced),
			said(l.pick("Saisissez-le dans la page d’où vous l’avez demandé, avant le "+when(l, until.UTC())+". Ne le donnez à personne.",
				"Type it into the page from which you asked for it, before "+when(l, until.UTC())+". Give it to nobody.")),
			said(l.pick("Si vous ne l’avez pas demandé, ignorez ce message : sans le code, rien ne se fait.",
				"If you did not ask for it, ignore this message: without the code nothing is done."))}}
}

// grouped writes a code in two halves, as people read it out.
func grouped(code string) string {
	half := len(code) / 2
	return code[:half] + " " + code[half:]
}

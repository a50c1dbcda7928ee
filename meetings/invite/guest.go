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
			said(l.pick("Il vous sera demandé un code, envoyé à cette adresse, puis votre nom, et une clé d’accès ou une phrase de passe.",
				"You will be asked for a code, which is sent to this address, then for your name, and a passkey or a passphrase.")),
			said(l.pick("Cette invitation vaut pour vous seul, jusqu’au "+when(l, expires.UTC())+".",
				"This invitation is for you alone, until "+when(l, expires.UTC())+".")),
			said(l.pick("Si vous ne connaissez pas cette personne, ignorez ce message.", "If you do not know this person, ignore this message."))}}
}

// GuestLink brings a guest a new way into their account. organiser is who sends it, and what people have typed.
func GuestLink(l Language, to Address, at Place, organiser Address, link string, expires time.Time) Mail {
	name, who := line(at.Name), line(organiser.Name)
	return Mail{To: to, ReplyTo: organiser, Language: l, Subject: l.pick("Votre accès d’invité : "+name, "Your guest access: "+name),
		text: []paragraph{said(greeting(l, to)),
			said(l.pick(who+", qui vous a invité sur « "+name+" », vous envoie ce lien. Vous y choisirez une nouvelle clé d’accès ou une phrase de passe ; ce qui vous connectait avant ne servira plus.",
				who+", who invited you to “"+name+"”, sends you this link. With it you choose a new passkey or a passphrase; what signed you in before will no longer do so.")),
			{link: link},
			said(l.pick("Il vaut une fois, jusqu’au "+when(l, expires.UTC())+". Ne le transmettez à personne.",
				"It can be used once, until "+when(l, expires.UTC())+". Give it to nobody.")),
			said(l.pick("Si vous ne l’avez pas demandé, ignorez ce message : sans le lien, rien ne change.",
				"If you did not ask for it, ignore this message: without the link nothing changes."))}}
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

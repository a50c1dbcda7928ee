package invite

import "time"

// AddressMoved tells the address that an account no longer has, with the link by which it is had back.
func AddressMoved(l Language, to Address, at Place, link string, until, now time.Time) Mail {
	name := line(at.Name)
	return Mail{To: to, Language: l, Subject: l.pick("L’adresse de votre compte a changé : "+name, "The address of your account was changed: "+name),
		text: []paragraph{said(greeting(l, to)),
			said(l.pick("Votre compte sur « "+name+" » a désormais une autre adresse électronique que celle-ci. C’était le "+when(l, now.UTC())+".",
				"Your account at “"+name+"” now has another e-mail address than this one. It was on "+when(l, now.UTC())+".")),
			said(l.pick("Si c’était vous, il n’y a rien à faire. Sinon, ouvrez ce lien : votre compte reprend cette adresse, et toutes ses sessions se ferment.",
				"If it was you, there is nothing to do. If not, open this link: your account takes this address back, and all its sessions end.")),
			{link: link},
			said(l.pick("Il vaut une fois, jusqu’au "+when(l, until.UTC())+". Ne le transmettez à personne. Prévenez aussi un administrateur : quelqu’un connaît sans doute votre phrase de passe.",
				"It can be used once, until "+when(l, until.UTC())+". Give it to nobody. Tell an administrator as well: somebody probably knows your passphrase."))}}
}

// Leaving tells the owner of an account when it will be deleted, and how that is taken back; own says that they have asked for it.
func Leaving(l Language, to Address, at Place, until time.Time, own bool) Mail {
	name, day := line(at.Name), when(l, until.UTC())
	m := Mail{To: to, Language: l, Subject: l.pick("Votre compte sera supprimé : "+name, "Your account will be deleted: "+name)}
	m.text = []paragraph{said(greeting(l, to)),
		said(l.pick("Votre compte sur « "+name+" » sera supprimé le "+day+", avec ses salles et les réunions qui y sont prévues.",
			"Your account at “"+name+"” will be deleted on "+day+", with its rooms and the meetings planned in them."))}
	if own {
		m.text = append(m.text,
			said(l.pick("Vous l’avez demandé. Jusque-là, tout fonctionne comme avant ; pour y renoncer, connectez-vous et choisissez « Garder mon compte » dans « Mon compte » :",
				"You asked for it. Until then everything works as before; to take it back, sign in and choose “Keep my account” in “My account”:")),
			paragraph{link: at.URL + "/account"},
			said(l.pick("Si ce n’était pas vous, faites-le tout de suite, changez votre phrase de passe et prévenez un administrateur.",
				"If it was not you, do so at once, change your passphrase and tell an administrator.")))
		return m
	}
	m.text = append(m.text, said(l.pick("Un administrateur l’a demandé ; vous ne pouvez plus vous connecter. Si c’est une erreur, dites-le-lui avant ce jour.",
		"An administrator asked for it; you can no longer sign in. If that is a mistake, tell them before that day.")))
	return m
}

// Stays tells the owner of an account that it will not be deleted after all.
func Stays(l Language, to Address, at Place) Mail {
	name := line(at.Name)
	return Mail{To: to, Language: l, Subject: l.pick("Votre compte est gardé : "+name, "Your account is kept: "+name),
		text: []paragraph{said(greeting(l, to)),
			said(l.pick("Votre compte sur « "+name+" » ne sera pas supprimé. Il n’y a rien à faire.", "Your account at “"+name+"” will not be deleted. There is nothing to do."))}}
}

// Erased is the last mail of an account.
func Erased(l Language, to Address, at Place) Mail {
	name := line(at.Name)
	return Mail{To: to, Language: l, Subject: l.pick("Votre compte est supprimé : "+name, "Your account is deleted: "+name),
		text: []paragraph{said(greeting(l, to)),
			said(l.pick("Votre compte sur « "+name+" » et ce qui en était gardé sont supprimés. Le journal d’audit, que la loi et la sécurité demandent de garder entier, conserve un identifiant sans nom ni adresse.",
				"Your account at “"+name+"” and what was kept of it are deleted. The audit log, which law and security ask to be kept whole, keeps an identifier without name or address.")),
			said(l.pick("C’est le dernier message que vous recevez de nous.", "This is the last message you get from us."))}}
}

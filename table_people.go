package main

import (
	"huisclos/appliance/command"
	"huisclos/appliance/control"
	"huisclos/appliance/operator"
)

// An account or a group is named by who it is, or by its id.
func account() []command.Operand { return []command.Operand{{Name: "E-MAIL|ID"}} }

func unknown() command.Exit {
	return command.Exit{Code: control.ExitUnknown, Means: command.Text{FR: "il n'y a rien ni personne de ce nom", EN: "there is nothing and nobody of this name"}}
}

func unconfirmed() command.Exit {
	return command.Exit{Code: control.ExitNotSaid, Means: command.Text{FR: "ce n'est pas confirmé : rien n'a changé", EN: "it is not confirmed: nothing was changed"}}
}

// sure is the option of the commands that ask whether one is.
func sure() command.Option {
	return option("yes", "", "ne demande pas de confirmation", "ask for no confirmation")
}

func named(fr, en string) command.Option { return option("names", "", fr, en) }

// people are the commands about accounts, groups and sessions.
func people() []command.Section {
	return []command.Section{{
		Title: command.Text{FR: "Comptes, groupes, sessions", EN: "Accounts, groups, sessions"},
		Commands: []command.Command{
			{
				Path: "user list", Asks: true, Operands: []command.Operand{{Name: "WORD", Optional: true, Many: true}}, Run: operator.ListUsers,
				Does: command.Text{FR: "liste les comptes, ou ceux que des mots du nom ou de l'adresse désignent", EN: "list the accounts, or those that words of name or address find"},
				More: command.Text{
					FR: "Adresse, rôle, état et nom, page après page, dans l'ordre des noms ; avec --json, un objet par ligne.",
					EN: "Address, role, state and name, page after page, in the order of the names; with --json one object a line.",
				},
			},
			{
				Path: "user show", Asks: true, Operands: account(), Exits: []command.Exit{unknown()}, Run: operator.ShowUser,
				Does: command.Text{FR: "montre un compte", EN: "show an account"},
			},
			{
				Path: "user add", Asks: true, Operands: []command.Operand{{Name: "E-MAIL"}, {Name: "NAME", Many: true}}, Run: operator.AddUser,
				Options: []command.Option{option("role", "ROLE", "rôle du compte (member)", "role of the account (member)", "administrator", "officer", "auditor", "organiser", "member")},
				Does:    command.Text{FR: "crée un compte et affiche son lien d'activation", EN: "make an account and print its activation link"},
				More: command.Text{
					FR: "Son propriétaire choisit sa phrase de passe par ce lien : donnez-le à cette personne et à nulle autre.\n\n  sudo huisclos user add --role organiser zoe@example.org Zoé Martin",
					EN: "Its owner chooses the passphrase by this link: give it to that person and to nobody else.\n\n  sudo huisclos user add --role organiser zoe@example.org Zoé Martin",
				},
			},
			{
				Path: "user disable", Asks: true, Operands: account(), Exits: []command.Exit{unknown()}, Run: operator.DisableUser,
				Does: command.Text{FR: "désactive un compte ; ses sessions et ses appels sont fermés aussitôt", EN: "disable an account; its sessions and its calls end at once"},
			},
			{
				Path: "user enable", Asks: true, Operands: account(), Exits: []command.Exit{unknown()}, Run: operator.EnableUser,
				Does: command.Text{FR: "rouvre un compte désactivé", EN: "open a disabled account again"},
			},
			{
				Path: "user delete", Asks: true, Operands: account(), Options: []command.Option{sure()}, Exits: []command.Exit{unknown(), unconfirmed()}, Run: operator.DeleteUser,
				Does: command.Text{FR: "supprime un compte, aussitôt et pour toujours", EN: "delete an account, at once and for ever"},
				More: command.Text{
					FR: "Dit d'abord ce qui part avec lui, salles et réunions, et demande de taper son adresse.",
					EN: "First says what goes with it, rooms and meetings, and asks for its address to be typed.",
				},
			},
			{
				Path: "user reset", Asks: true, Operands: account(), Exits: []command.Exit{unknown()}, Run: operator.ResetUser,
				Does: command.Text{FR: "fait un nouveau lien d'activation, qui annule le précédent", EN: "make a new activation link, which voids the one before"},
				More: command.Text{
					FR: "La phrase de passe et les seconds facteurs valent jusqu'à ce que le lien serve. Pour un administrateur qui a perdu aussi ses seconds facteurs : « huisclos admin reset ».",
					EN: "The passphrase and the second factors count until the link is used. For an administrator who lost the second factors too: “huisclos admin reset”.",
				},
			},
			{
				Path: "admin reset", Also: []string{"reset-admin"}, Asks: true, Operands: []command.Operand{{Name: "E-MAIL"}}, Run: control.ResetAdministrator,
				Does: command.Text{FR: "rend l'entrée à un administrateur, ou un officier de sécurité, qui a tout perdu", EN: "let an administrator, or a security officer, who lost everything in again"},
				More: command.Text{
					FR: "Retire ses seconds facteurs, ferme ses sessions et affiche un lien d'activation, avec lequel il choisit une autre phrase de passe. La commande n'en choisit aucune ; l'ancienne vaut jusque-là. Le journal d'audit et celui du système disent qu'un opérateur l'a fait.",
					EN: "Takes their second factors, ends their sessions and prints an activation link, with which they choose another passphrase. The command sets none; the old one counts until then. The audit log and the journal say that an operator did it.",
				},
			},
			{
				Path: "account export", Asks: true, Operands: []command.Operand{{Name: "E-MAIL"}}, Run: control.ExportAccount,
				Does: command.Text{FR: "écrit tout ce qui est gardé d'une personne (RGPD)", EN: "write everything that is kept of a person (GDPR)"},
				More: command.Text{
					FR: "En JSON, pour répondre à une demande d'accès (RGPD, articles 15 et 20) de qui ne peut pas la télécharger soi-même. Aucun secret n'y figure. Le journal d'audit et celui du système disent qu'un opérateur l'a fait ; la personne en est avertie par courriel.\n\n  sudo huisclos account export zoe@example.org > zoe.json",
					EN: "As JSON, to answer a request for access (GDPR, articles 15 and 20) of somebody who cannot download it themselves. No secret is in it. The audit log and the journal say that an operator did it; the person is told by mail.\n\n  sudo huisclos account export zoe@example.org > zoe.json",
				},
			},
			{
				Path: "group list", Asks: true, Operands: []command.Operand{{Name: "WORD", Optional: true, Many: true}}, Run: operator.ListGroups,
				Does: command.Text{FR: "liste les groupes : identifiant, source, nombre de membres, nom", EN: "list the groups: id, source, number of members, name"},
			},
			{
				Path: "group add", Asks: true, Operands: []command.Operand{{Name: "NAME", Many: true}}, Run: operator.AddGroup,
				Does: command.Text{FR: "crée un groupe", EN: "make a group"},
			},
			{
				Path: "group delete", Asks: true, Operands: []command.Operand{{Name: "NAME|ID"}}, Options: []command.Option{sure()}, Exits: []command.Exit{unknown(), unconfirmed()}, Run: operator.DeleteGroup,
				Does: command.Text{FR: "supprime un groupe ; ses membres restent", EN: "delete a group; its members stay"},
			},
			{
				Path: "group member", Asks: true, Operands: []command.Operand{{Name: "NAME|ID"}}, Exits: []command.Exit{unknown()}, Run: operator.GroupMembers,
				Options: []command.Option{
					option("add", "E-MAIL|ID", "ajoute ce compte ; répétable", "add this account; may be repeated"),
					option("remove", "E-MAIL|ID", "retire ce compte ; répétable", "take this account out; may be repeated"),
				},
				Does: command.Text{FR: "liste les membres d'un groupe, ou les change, tous ou aucun", EN: "list the members of a group, or change them, all or none"},
			},
			{
				Path: "session list", Asks: true, Operands: account(), Exits: []command.Exit{unknown()}, Run: operator.ListSessions,
				Does: command.Text{FR: "liste les sessions ouvertes d'un compte", EN: "list the open sessions of an account"},
			},
			{
				Path: "session end", Asks: true, Operands: append(account(), command.Operand{Name: "SESSION", Optional: true}), Exits: []command.Exit{unknown()}, Run: operator.EndSessions,
				Options: []command.Option{option("all", "", "toutes les sessions du compte", "all sessions of the account")},
				Does:    command.Text{FR: "ferme une session d'un compte, ou toutes, et les appels qu'elles ont ouverts", EN: "end a session of an account, or all, and the calls that they opened"},
			},
		},
	}}
}

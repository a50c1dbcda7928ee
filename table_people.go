package main

import (
	"huisclos/appliance/command"
	"huisclos/appliance/control"
)

// people are the commands about accounts.
func people() []command.Section {
	return []command.Section{{
		Title: command.Text{FR: "Comptes", EN: "Accounts"},
		Commands: []command.Command{
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
		},
	}}
}

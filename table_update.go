package main

import (
	"huisclos/appliance"
	"huisclos/appliance/command"
)

func theUpdates() []command.Section {
	folder := option("folder", "DIR", "dossier du service qui installe (/var/lib/huisclos-update)", "folder of the service that installs (/var/lib/huisclos-update)")
	wait := option("wait", "TIME", "combien de temps attendre que ce service commence (30s)", "how long to wait for that service to begin (30s)")
	return []command.Section{{
		Title: command.Text{FR: "Mises à jour", EN: "Updates"},
		Commands: []command.Command{
			{
				Path: "update check", Asks: true, Operands: []command.Operand{{Name: "FILE", Optional: true}}, Options: []command.Option{folder, wait}, Run: appliance.UpdateCheck,
				Does: command.Text{FR: "dit si une mise à jour peut être installée, sans rien changer", EN: "say whether an update can be installed, and change nothing"},
				More: command.Text{
					FR: "D'un fichier : vérifie sa signature avant d'en lire quoi que ce soit, puis la version et la base. Sans fichier : ce qui est installé, ce que contient le dossier des réglages (update.source), et ce qui est gardé.",
					EN: "Of a file: checks its signature before anything in it is read, then version and database. Without a file: what is installed, what the directory of the settings (update.source) has, and what is kept.",
				},
			},
			{
				Path: "update apply", Asks: true, Operands: []command.Operand{{Name: "FILE", Optional: true}}, Options: []command.Option{sure(), folder, wait}, Exits: []command.Exit{unconfirmed()}, Run: appliance.UpdateApply,
				Does: command.Text{FR: "installe une mise à jour signée, et revient en arrière si elle ne va pas", EN: "install a signed update, and go back if it does not do"},
				More: command.Text{
					FR: "En root. Le service huisclos-update vérifie encore une fois la signature, garde la version en place et sa base, installe, et attend que la nouvelle version soit prête ; sinon il remet tout comme avant. Personne n'entre pendant l'essai : rien de ce qui a été confirmé à quelqu'un ne se perd. Sans fichier : le plus récent du dossier des réglages.\n\n  sudo huisclos update apply huisclos_0.3.0_amd64.update",
					EN: "As root. The service huisclos-update checks the signature once more, keeps the installed version and its database, installs, and waits until the new version is ready; otherwise it puts everything back. Nobody is let in during the trial: nothing that was confirmed to anybody is lost. Without a file: the newest of the directory of the settings.\n\n  sudo huisclos update apply huisclos_0.3.0_amd64.update",
				},
			},
			{
				Path: "update rollback", Asks: true, Exits: []command.Exit{unconfirmed()}, Run: appliance.UpdateRollback,
				Options: []command.Option{
					option("with-database", "", "la base d'avant aussi ; ce qui a été fait depuis est perdu pour l'appliance", "the former database as well; what was done since is lost to the appliance"),
					sure(), folder, wait,
				},
				Does: command.Text{FR: "remet la version d'avant la dernière mise à jour", EN: "bring back the version of before the last update"},
				More: command.Text{
					FR: "En root, pendant trente jours. La base d'aujourd'hui reste, quand la version d'avant sait la lire ; sinon il faut --with-database. La base abandonnée est gardée à côté.",
					EN: "As root, for thirty days. The database of now stays where the former version can read it; otherwise --with-database is needed. The database that is given up is kept beside.",
				},
			},
		},
	}}
}

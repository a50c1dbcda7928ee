package main

import (
	"huisclos/appliance"
	"huisclos/appliance/command"
)

// settings are the commands about settings.
func settings() []command.Section {
	entry := command.Operand{Name: "ENTRY"}
	maybe := command.Operand{Name: "ENTRY", Optional: true, Many: true}
	return []command.Section{{
		Title: command.Text{FR: "Réglages", EN: "Settings"},
		Commands: []command.Command{
			{
				Path: "config check", Asks: true, Run: appliance.ConfigCheck,
				Does: command.Text{FR: "dit si les fichiers de réglages conviennent, sans rien changer", EN: "say whether the settings files do, and change nothing"},
				More: command.Text{
					FR: "À faire avant un redémarrage. Un fichier qui ne convient pas est nommé avec la ligne et la raison ; le code de retour est alors 2.",
					EN: "To be run before a restart. A file that does not do is named with the line and the reason; the exit code is then 2.",
				},
			},
			{
				Path: "config show", Asks: true, Operands: []command.Operand{{Name: "NAME", Optional: true, Many: true}}, Run: appliance.ConfigShow,
				Does:  command.Text{FR: "montre les réglages en vigueur, et d'où vient chacun", EN: "show the settings in force, and where each is from"},
				More:  command.Text{FR: "Aucun secret n'est montré.", EN: "No secret is shown."},
				Exits: []command.Exit{{Code: 3, Means: command.Text{FR: "aucun réglage de ce nom", EN: "no setting of that name"}}},
			},
			{
				Path: "config history", Asks: true, Run: appliance.ConfigHistory,
				Does: command.Text{FR: "montre comment les réglages ont changé, par qui et quand", EN: "show how the settings were changed, by whom and when"},
			},
			{
				Path: "config diff", Asks: true, Operands: []command.Operand{maybe}, Run: appliance.ConfigDiff,
				Does: command.Text{FR: "montre ce que disent les fichiers et qui n'est pas encore en vigueur", EN: "show what the files say that is not in force yet"},
				More: command.Text{
					FR: "Avec une entrée de l'historique : ce qu'elle a changé ; avec deux : ce qui a changé après la première, jusqu'à la seconde.",
					EN: "With an entry of the history: what it changed; with two: what changed after the first, up to the second.",
				},
				Exits: []command.Exit{{Code: 3, Means: command.Text{FR: "aucune entrée de ce numéro", EN: "no entry of that number"}}},
			},
			{
				Path: "config rollback", Asks: true, Operands: []command.Operand{entry}, Run: appliance.ConfigRollback,
				Options: []command.Option{option("yes", "", "le faire sans autre question", "do it without another question")},
				Does:    command.Text{FR: "ramène les réglages de la console à une entrée de l'historique", EN: "take the console's settings back to an entry of the history"},
				More: command.Text{
					FR: "Ils redeviennent ce qu'ils étaient juste après cette entrée ; 0 est avant toutes. Les fichiers ne changent jamais. Un secret remplacé depuis n'est pas retrouvé.",
					EN: "They become what they were right after that entry; 0 is before all. Files never change. A secret that was replaced since is not had back.",
				},
				Exits: []command.Exit{{Code: 3, Means: command.Text{FR: "aucune entrée de ce numéro", EN: "no entry of that number"}}, {Code: 4, Means: command.Text{FR: "--yes manque", EN: "--yes is missing"}}},
			},
		},
	}}
}

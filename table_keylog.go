package main

import (
	"huisclos/appliance"
	"huisclos/appliance/command"
)

// keylogs are the commands about the key log of devices.
func keylogs() []command.Section {
	return []command.Section{{
		Title: command.Text{FR: "Journal des clés des appareils", EN: "Key log of devices"},
		Commands: []command.Command{
			{
				Path: "keylog verify", Asks: true, Operands: []command.Operand{{Name: "FILE"}}, Run: appliance.Audit().KeylogVerify,
				Options: []command.Option{
					option("key", "KEY", "clé publique du journal, ou un fichier qui la contient ; répétable", "public key of the log, or a file that holds it; may be repeated"),
					option("checkpoint", "FILE", "point de contrôle noté ailleurs ; répétable", "checkpoint noted elsewhere; may be repeated"),
				},
				Does: command.Text{FR: "vérifie une copie du journal des clés des appareils", EN: "verify a copy of the key log of devices"},
				More: command.Text{
					FR: "Une copie prise par « keylog export », sans l'appliance : chaque inscription, l'arbre, la signature, et que le journal commence par chaque point de contrôle noté ailleurs. Avec une clé ou un point de contrôle notés ailleurs, un journal entièrement refait se voit aussi. Code de retour 1 si quelque chose n'est pas tel qu'il a été écrit.\n\n  huisclos keylog verify copie.jsonl --checkpoint note.txt",
					EN: "A copy taken by “keylog export”, without the appliance: each record, the tree, the signature, and that the log begins with each checkpoint noted elsewhere. With a key or a checkpoint noted elsewhere, a log that was made anew as a whole is found as well. Exit code 1 where something is not as it was written.\n\n  huisclos keylog verify copy.jsonl --checkpoint noted.txt",
				},
			},
			{
				Path: "keylog export", Asks: true, Run: appliance.Audit().KeylogExport,
				Does: command.Text{FR: "écrit une copie du journal des clés des appareils", EN: "write a copy of the key log of devices"},
				More: command.Text{
					FR: "Sur la sortie standard, en JSON Lines : une ligne par inscription, puis le point de contrôle signé. Elle nomme comptes et appareils par des identifiants tirés au hasard. Le journal d'audit dit qu'elle a été prise.\n\n  sudo huisclos keylog export > copie.jsonl",
					EN: "To standard output, in JSON Lines: a line for each record, then the signed checkpoint. It names accounts and devices by random ids. The audit log says that it was taken.\n\n  sudo huisclos keylog export > copy.jsonl",
				},
			},
			{
				Path: "keylog checkpoint", Asks: true, Run: appliance.Audit().KeylogCheckpoint,
				Does: command.Text{FR: "écrit le dernier point de contrôle signé, à noter ailleurs", EN: "write the last signed checkpoint, to be noted elsewhere"},
				More: command.Text{
					FR: "Gardé ailleurs, il prouve plus tard que rien de ce qu'il couvre n'a été retiré ni changé.\n\n  sudo huisclos keylog checkpoint > note.txt",
					EN: "Kept elsewhere, it proves later that nothing of what it covers was taken out or altered.\n\n  sudo huisclos keylog checkpoint > noted.txt",
				},
			},
		},
	}}
}

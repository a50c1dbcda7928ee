package main

import (
	"huisclos/appliance"
	"huisclos/appliance/command"
)

// auditing are the commands about the audit log.
func auditing() []command.Section {
	noted := []command.Option{
		option("key", "KEY", "clé publique du journal, ou un fichier qui la contient ; répétable", "public key of the log, or a file that holds it; may be repeated"),
		option("head", "ENTRY", "entrée notée ailleurs, NUMÉRO:EMPREINTE ; répétable", "entry noted elsewhere, NUMBER:HASH; may be repeated"),
		option("checkpoint", "FILE", "point de contrôle gardé ailleurs, par un témoin par exemple ; répétable", "checkpoint kept elsewhere, by a witness for instance; may be repeated"),
		option("witness", "KEY", "clé publique d'un témoin ; répétable", "public key of a witness; may be repeated"),
	}
	return []command.Section{{
		Title: command.Text{FR: "Journal d'audit", EN: "Audit log"},
		Commands: []command.Command{
			{
				Path: "audit verify", Asks: true, Operands: []command.Operand{{Name: "FILE", Optional: true}}, Options: noted, Run: appliance.Audit().Verify,
				Does: command.Text{FR: "vérifie que le journal d'audit est tel qu'il a été écrit", EN: "verify that the audit log is as it was recorded"},
				More: command.Text{
					FR: "Celui de l'appliance en marche ; si elle est arrêtée, celui de son dossier de données ; avec un fichier, une copie prise par « audit export ». Chaînage, arbre, points de contrôle, signatures. Avec une clé notée ailleurs, un journal entièrement refait se voit aussi. Code de retour 1 si quelque chose n'est pas tel qu'il a été écrit.\n\n  huisclos audit verify copie.jsonl --key journal.pub",
					EN: "That of the running appliance; where it is stopped, that of its data directory; with a file, a copy taken by “audit export”. Chain, tree, checkpoints, signatures. With a key noted elsewhere, a log that was made anew as a whole is found as well. Exit code 1 where something is not as it was recorded.\n\n  huisclos audit verify copy.jsonl --key log.pub",
				},
			},
			{
				Path: "audit export", Asks: true, Run: appliance.Audit().Export,
				Options: []command.Option{
					option("format", "FORMAT", "JSON Lines, qui se vérifie, ou Common Event Format (jsonl)", "JSON Lines, which can be verified, or Common Event Format (jsonl)", "jsonl", "cef"),
					option("from", "DATE", "depuis ce moment : 2026-11-29, ou 2026-11-29T12:00:00Z", "from this moment on: 2026-11-29, or 2026-11-29T12:00:00Z"),
					option("to", "DATE", "jusqu'avant ce moment", "up to before this moment"),
				},
				Does: command.Text{FR: "écrit une copie du journal d'audit", EN: "write a copy of the audit log"},
				More: command.Text{
					FR: "Sur la sortie standard, page après page, si long qu'il soit. La copie en JSON Lines se vérifie sans l'appliance. Le journal dit qu'elle a été prise.\n\n  sudo huisclos audit export --from 2026-11-01 > novembre.jsonl",
					EN: "To standard output, page after page, however long it is. The copy in JSON Lines can be verified without the appliance. The log says that it was taken.\n\n  sudo huisclos audit export --from 2026-11-01 > november.jsonl",
				},
			},
			{
				Path: "audit growth", Asks: true, Operands: []command.Operand{{Name: "N", Optional: true}}, Run: appliance.Audit().Growth,
				Does: command.Text{FR: "écrit le dernier point de contrôle, et la preuve que le journal n'a fait que croître", EN: "write the last checkpoint, and the proof that the log only grew"},
				More: command.Text{
					FR: "Depuis N entrées, celles que le témoin a signées en dernier (0). La console donne le même fichier.",
					EN: "Since N entries, those that the witness has signed last (0). The console gives the same file.",
				},
			},
			{
				Path: "audit witness", Operands: []command.Operand{{Name: "FILE", Optional: true}}, Run: appliance.Audit().Witness,
				Options: []command.Option{
					option("memory", "FILE", "fichier du témoin : sa clé, et ce qu'il a signé", "the witness's file: its key, and what it has signed"),
					option("new", "NAME", "fait ce fichier, et affiche la clé publique à inscrire", "make that file, and print the public key to enrol"),
					option("log", "KEY", "avec --new : la clé publique du journal", "with --new: the log's public key"),
					option("accept-restore", "N", "repart du point de contrôle de N entrées, après une restauration", "go on from the checkpoint of N entries, after a restore"),
				},
				Does: command.Text{FR: "contresigne un point de contrôle, si le journal n'a fait que croître", EN: "cosign a checkpoint, if the log only grew"},
				More: command.Text{
					FR: "Sur le poste de l'auditeur, jamais sur l'appliance. La console donne le fichier à vérifier et reprend ce que la commande écrit. Code de retour 5 si le journal n'est plus celui qui a été signé : rien n'est signé alors. Sans fichier, dit où en est ce témoin.\n\n  huisclos audit witness --memory temoin.json --new zoe --log CLÉ\n  huisclos audit witness --memory temoin.json croissance.txt > contreseing.txt",
					EN: "On the auditor's workstation, never on the appliance. The console gives the file to check and takes back what the command writes. Exit code 5 where the log is no longer the one that was signed: nothing is signed then. Without a file it says how far this witness is.\n\n  huisclos audit witness --memory witness.json --new zoe --log KEY\n  huisclos audit witness --memory witness.json growth.txt > cosigned.txt",
				},
				Exits: []command.Exit{{Code: 5, Means: command.Text{FR: "le journal n'est plus celui qui a été signé", EN: "the log is no longer the one that was signed"}}},
			},
		},
	}}
}

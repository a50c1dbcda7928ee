package main

import (
	"huisclos/appliance"
	"huisclos/appliance/command"
	"huisclos/appliance/control"
	"huisclos/appliance/operator"
	"huisclos/appliance/sizing"
	participant "huisclos/client/command"
)

func option(name, value, fr, en string, choices ...string) command.Option {
	return command.Option{Name: name, Value: value, Choices: choices, Does: command.Text{FR: fr, EN: en}}
}

// serving are the options of the processes that the service manager starts.
func serving() []command.Option {
	return []command.Option{
		option("config", "FILE", "fichier de réglages (TOML) ; la ligne de commande l'emporte", "settings file (TOML); the command line wins"),
		option("listen", "ADDR", "adresse et port, TCP et UDP (:8443)", "address and port, TCP and UDP (:8443)"),
		option("media-port", "PORT", "second port UDP, si le premier est inférieur à 1024 ; 0 : aucun (10443)", "second UDP port, where the first is below 1024; 0: none (10443)"),
		option("data", "DIR", "dossier des données (./var)", "directory of the data (./var)"),
		option("control", "FILE", "prise des commandes qui interrogent l'appliance (control.sock dans les données)", "socket of the commands that ask the appliance (control.sock in the data)"),
		option("hostname", "NAME", "nom sous lequel les gens viennent : liens, certificat ; répétable", "name under which people come: links, certificate; may be repeated"),
		option("address", "IP", "adresse publique par laquelle les clients viennent (NAT) ; répétable", "public address at which clients come (NAT); may be repeated"),
		option("tls-certificate", "FILE", "certificat à soi, avec sa chaîne (PEM) ; sinon auto-signé", "own certificate with its chain (PEM); otherwise self-signed"),
		option("tls-key", "FILE", "clé de ce certificat (PEM)", "key of that certificate (PEM)"),
		option("log-level", "LEVEL", "ce qui est écrit dans le journal du service (info)", "what is written to the service's log (info)", "debug", "info", "warn", "error"),
	}
}

func theService() []command.Section {
	return []command.Section{{
		Title: command.Text{FR: "Le service", EN: "The service"},
		Commands: []command.Command{
			{
				Path: "serve", Options: serving(), Run: appliance.Serve,
				Does: command.Text{FR: "démarre l'appliance", EN: "start the appliance"},
				More: command.Text{
					FR: "Le service du paquet s'en charge ; à la main, c'est pour essayer. Les options l'emportent sur les fichiers de réglages.",
					EN: "The package's service does this; by hand it is for trying out. The options win over the settings files.",
				},
			},
			{
				Path: "outward", Options: serving(), Run: appliance.Outward,
				Does: command.Text{FR: "ouvre les connexions vers ce que les réglages nomment", EN: "open the connections to what the settings name"},
				More: command.Text{
					FR: "Pour l'appliance seule, qui n'en ouvre elle-même aucune. Le service huisclos-outward s'en charge ; à la main, à côté de « huisclos serve », avec les mêmes options.",
					EN: "For the appliance alone, which opens none itself. The service huisclos-outward does this; by hand it runs beside “huisclos serve”, with the same options.",
				},
			},
			{
				Path: "outward ports", Options: serving(), Run: appliance.OutwardPorts,
				Does: command.Text{FR: "affiche les ports TCP que « huisclos outward » peut joindre", EN: "print the TCP ports that “huisclos outward” may reach"},
				More: command.Text{
					FR: "Pour un pare-feu qui ne laisse rien sortir d'autre : ceux que nomment les fichiers de réglages, et ceux de chaque espèce de serveur que la console peut choisir (console_destinations).",
					EN: "For a packet filter that lets out nothing else: those that the settings files name, and those of each kind of server that the console may choose (console_destinations).",
				},
			},
			{
				Path: "status", Asks: true, Run: appliance.Status,
				Does: command.Text{FR: "dit ce que fait l'appliance en marche", EN: "say what the running appliance does"},
			},
			{
				Path: "setup-code", Asks: true, Run: control.PrintSetupCode,
				Does: command.Text{FR: "donne le code d'installation, tant qu'il n'y a pas d'administrateur", EN: "print a set-up code while there is no administrator"},
				More: command.Text{
					FR: "Le code ne sert qu'une fois et fait de quelqu'un le premier administrateur. Il est affiché avec l'adresse à ouvrir et l'empreinte du certificat à comparer, et annule le précédent. Dès qu'il y a un administrateur, il n'y a plus de code.",
					EN: "The code works once and makes somebody the first administrator. It is printed with the address to open and the fingerprint of the certificate to compare, and voids the one before. Once there is an administrator there is no code.",
				},
			},
			{
				Path: "drain", Asks: true, Run: operator.Drain,
				Does: command.Text{FR: "ne laisse plus commencer d'appel ; ceux en cours continuent", EN: "have no further call begin; those in progress go on"},
				More: command.Text{
					FR: "Avant un arrêt : on entre encore dans un appel en cours, et qui veut en commencer un apprend pourquoi il ne le peut. « huisclos status » le dit. « huisclos resume » y met fin, un redémarrage aussi.",
					EN: "Before a stop: people still come into a call in progress, and whoever wants to begin one is told why they can't. “huisclos status” says so. “huisclos resume” ends it, and so does a restart.",
				},
			},
			{
				Path: "resume", Asks: true, Run: operator.Resume,
				Does: command.Text{FR: "laisse de nouveau commencer des appels", EN: "let calls begin again"},
			},
			{
				Path: "log-level", Asks: true, Operands: []command.Operand{{Name: "LEVEL", Optional: true, Choices: []string{"debug", "info", "warn", "error", "settings"}}}, Run: operator.LogLevel,
				Does: command.Text{FR: "dit ce qui est écrit dans le journal du service, ou le change", EN: "say what is written to the service's log, or set it"},
				More: command.Text{
					FR: "Jusqu'au prochain démarrage, ou à la prochaine lecture des réglages ; « settings » revient au niveau des réglages. Le journal d'audit le dit.",
					EN: "Until the next start, or the next time that the settings are read; “settings” goes back to the level of the settings. The audit log says so.",
				},
			},
		},
	}}
}

func checks() []command.Section {
	return []command.Section{{
		Title: command.Text{FR: "Vérifier", EN: "Checking"},
		Commands: []command.Command{
			{
				Path: "check", Asks: true, Run: appliance.Check,
				Does: command.Text{FR: "dit ce qui est en ordre, et quoi faire sinon", EN: "say what is in order, and what to do otherwise"},
				More: command.Text{
					FR: "Le contrôle que l'appliance fait d'elle-même, et ce qui se voit d'ici : réglages, port, certificat, noms, horloge, place sur le disque, noyau. Code de retour 1 quand quelque chose n'est pas en ordre ; un conseil au sujet de la machine n'y change rien.",
					EN: "The appliance's own self-check, and what can be seen from here: settings, port, certificate, names, clock, room on the disk, kernel. Exit code 1 when something is not in order; advice about the machine changes nothing in it.",
				},
			},
			{
				Path: "posture", Asks: true, Run: appliance.Posture,
				Does: command.Text{FR: "dit ce qui est scellé, et par quel mécanisme", EN: "say what is sealed, and by which mechanism"},
				More: command.Text{
					FR: "La page Protections de la console, ligne par ligne : programme, noyau, connexions et leurs suites, paquets refusés, poivre, journal d'audit, sauvegarde, fabrication. Ce qui n'a pas été mesuré est dit tel. Code de retour 1 quand quelque chose est à corriger.",
					EN: "The page Protections of the console, line by line: process, kernel, connections and their suites, refused packets, pepper, audit log, backup, build. What was not measured is said so. Exit code 1 when something is to be mended.",
				},
			},
			{
				Path: "check call", Asks: true, Run: appliance.CheckCall,
				Options: []command.Option{
					option("at", "HOST[:PORT]", "adresse par laquelle passer (celle de l'écoute, sinon localhost)", "address to go by (the one that is listened on, otherwise localhost)"),
					option("for", "TIME", "durée de la mesure (10s)", "how long to measure (10s)"),
				},
				Does: command.Text{FR: "passe un appel d'essai, scellé, entre deux participants", EN: "place a sealed test call of two participants"},
				More: command.Text{
					FR: "Dit leur temps d'entrée, le délai, les pertes, et si les deux voient les mêmes mots. Leur salle vit quelques minutes, et ils n'entrent dans aucune autre.",
					EN: "Says how long they took to join, the delay, what was lost, and whether both see the same words. Their room lives for minutes, and they enter no other.",
				},
			},
			{
				Path: "check network", Asks: true, Run: control.CheckNetwork,
				Does: command.Text{FR: "prend chacun des chemins que les clients doivent prendre", EN: "go every way that clients are told to take"},
				More: command.Text{
					FR: "Noms, adresses publiques, adresses de cette machine : TCP, TLS, la page, le son et l'image par UDP et par TCP. Nomme ce qui fait obstacle : le DNS, un pare-feu, une traduction d'adresses, un mandataire, une unité de prise. Ce qui se trouve entre d'autres réseaux et cette machine ne se voit pas d'elle : ouvrez-y https://NOM/test.",
					EN: "Names, public addresses, addresses of this machine: TCP, TLS, the page, sound and picture by UDP and by TCP. Names what is in the way: the name service, a firewall, an address translation, a proxy, a socket unit. What stands between other networks and this machine can't be seen from it: open https://NAME/test there.",
				},
			},
			{
				Path: "check mail", Asks: true, Operands: []command.Operand{{Name: "ADDRESS", Optional: true}}, Run: control.CheckMail,
				Does: command.Text{FR: "parcourt le chemin d'un courriel, étape par étape", EN: "go the way of a mail, step by step"},
				More: command.Text{
					FR: "Connexion, TLS, certificat, identification, expéditeur ; avec une adresse, y envoie un essai. Dit ce qui échoue.",
					EN: "Connection, TLS, certificate, sign-in, sender; with an address it sends a test there. Says what fails.",
				},
			},
			{
				Path: "check directory", Asks: true, Run: control.CheckDirectory,
				Does: command.Text{FR: "fait interroger l'annuaire de l'organisation", EN: "have the organisation's directory asked"},
				More: command.Text{
					FR: "Connexion, certificat, compte de lecture, groupes des réglages, et première page de personnes. Ne change rien.",
					EN: "Connection, certificate, the account that reads, the groups of the settings, and the first page of people. Changes nothing.",
				},
			},
			{
				Path: "check syslog", Asks: true, Run: control.CheckSyslog,
				Does: command.Text{FR: "envoie un message d'essai au collecteur du journal d'audit", EN: "send a test message to the collector of the audit log"},
				More: command.Text{
					FR: "Connexion, TLS, certificat du collecteur et le nôtre, envoi, confirmation. Dit ce qui échoue. Le message d'essai n'est pas une entrée.",
					EN: "Connection, TLS, the collector's certificate and ours, sending, confirmation. Says what fails. The test message is no entry.",
				},
			},
			{
				Path: "check oidc", Asks: true, Run: control.CheckProvider,
				Does: command.Text{FR: "fait interroger le fournisseur d'identité", EN: "have the identity provider asked"},
				More: command.Text{
					FR: "Connexion, certificat, description et clés, client et secret ; affiche l'adresse de retour à inscrire chez lui. Ne connecte personne.",
					EN: "Connection, certificate, description and keys, client and secret; prints the return address to register there. Signs nobody in.",
				},
			},
		},
	}}
}

func observing() []command.Section {
	return []command.Section{{
		Title: command.Text{FR: "Superviser", EN: "Monitoring"},
		Commands: []command.Command{
			{
				Path: "metrics", Asks: true, Run: control.Metrics,
				Does: command.Text{FR: "écrit ce que l'appliance compte, pour Prometheus", EN: "write what the appliance counts, for Prometheus"},
				More: command.Text{
					FR: "Les mêmes mesures que l'adresse /metrics. Elles ne nomment personne, ni salle, ni adresse.",
					EN: "The same figures as the address /metrics. They name nobody, no room and no address.",
				},
			},
			{
				Path: "metrics token", Asks: true, Run: control.MetricsToken,
				Does: command.Text{FR: "crée le jeton qui ouvre /metrics, et annule le précédent", EN: "make the token that opens /metrics, and void the one before"},
				More: command.Text{
					FR: "Le jeton est écrit une seule fois ; l'appliance n'en garde que l'empreinte. Prometheus le lit dans un fichier (credentials_file).",
					EN: "The token is printed once; the appliance keeps its hash alone. Prometheus reads it from a file (credentials_file).",
				},
			},
			{
				Path: "metrics revoke", Asks: true, Run: control.RevokeMetricsToken,
				Does: command.Text{FR: "révoque ce jeton et ferme /metrics", EN: "revoke that token and shut /metrics"},
			},
		},
	}}
}

func calls() []command.Section {
	return []command.Section{{
		Title: command.Text{FR: "Appels et salles", EN: "Calls and rooms"},
		Commands: []command.Command{
			{
				Path: "call list", Asks: true, Options: []command.Option{named("avec les noms des salles", "with the names of the rooms")}, Run: operator.ListCalls,
				Does: command.Text{FR: "liste les appels en cours : salle, début, personnes", EN: "list the calls in progress: room, beginning, people"},
			},
			{
				Path: "call end", Asks: true, Operands: []command.Operand{{Name: "ROOM"}}, Options: []command.Option{sure()}, Exits: []command.Exit{unknown(), unconfirmed()}, Run: operator.EndCall,
				Does: command.Text{FR: "met fin à l'appel d'une salle, pour tous ; la salle reste", EN: "end the call of a room, for everybody; the room stays"},
			},
			{
				Path: "room list", Asks: true, Options: []command.Option{named("avec les noms des salles", "with the names of the rooms")}, Run: operator.ListRooms,
				Does: command.Text{FR: "liste les salles : identifiant, création, personnes dans l'appel, propriétaire", EN: "list the rooms: id, creation, people in the call, owner"},
				More: command.Text{
					FR: "Page après page ; avec --json, un objet par ligne. Le nom d'une salle peut dire de quoi l'on y parle : il n'est montré que sur demande.",
					EN: "Page after page; with --json one object a line. A room's name can tell what is talked about in it: it is shown only where it is asked for.",
				},
			},
			{
				Path: "room show", Asks: true, Operands: []command.Operand{{Name: "ROOM"}}, Exits: []command.Exit{unknown()}, Run: operator.ShowRoom,
				Does: command.Text{FR: "montre une salle, avec son nom", EN: "show a room, with its name"},
			},
			{
				Path: "room delete", Asks: true, Operands: []command.Operand{{Name: "ROOM"}}, Options: []command.Option{sure()}, Exits: []command.Exit{unknown(), unconfirmed()}, Run: operator.DeleteRoom,
				Does: command.Text{FR: "supprime une salle, ses réunions et ses invitations, pour toujours", EN: "delete a room, its meetings and its invitations, for ever"},
			},
			{
				Path: "call join", Operands: []command.Operand{{Name: "LINK"}}, Run: participant.Join,
				Does: command.Text{FR: "entre dans un appel sans écran, joue et enregistre des fichiers", EN: "join a call without a screen, play and record files"},
				More: command.Text{
					FR: "Par le lien de la salle, avec la phrase secrète d'un compte. À lancer sous votre propre compte, pas en root.",
					EN: "By the room's link, with an account's passphrase. Run it as yourself, not as root.",
				},
				Options: []command.Option{
					option("account", "NAME", "adresse e-mail du compte (ou HUISCLOS_ACCOUNT)", "the account's e-mail address (or HUISCLOS_ACCOUNT)"),
					option("passphrase-file", "FILE", "fichier de mode 0600 avec la phrase secrète, « - » : entrée standard (ou HUISCLOS_PASSPHRASE) ; le code du second facteur, s'il y en a un, est demandé sur l'entrée standard (ou HUISCLOS_CODE)",
						"file of mode 0600 with the passphrase, “-”: standard input (or HUISCLOS_PASSPHRASE); the code of the second factor, if there is one, is asked for on standard input (or HUISCLOS_CODE)"),
					option("pin-file", "FILE", "fichier de mode 0600 avec le code de la salle ; sinon HUISCLOS_PIN, ou l'entrée standard, s'il est demandé",
						"file of mode 0600 with the room's PIN; otherwise HUISCLOS_PIN, or standard input, where it is asked for"),
					option("certificate-sha256", "HEX", "empreinte du certificat, si le système ne connaît pas son autorité", "the certificate's fingerprint, where the system does not know its authority"),
					option("play", "FILE", "image jouée en boucle (IVF, VP8) ; trois fois, de la petite à la grande : la même en trois tailles (simulcast)",
						"picture, played over and over (IVF, VP8); three times, from small to large: the same in three sizes (simulcast)"),
					option("sound", "FILE", "son joué en boucle (Ogg Opus)", "sound, played over and over (Ogg Opus)"),
					option("record", "DIR", "écrit, déchiffré, ce qui est reçu : un fichier par personne et par flux", "writes, decrypted, what is received: one file for each person and stream"),
					option("height", "LINES", "hauteur à laquelle les images des autres sont voulues (360 ; 0 : pas d'images)", "how high the others' pictures are wanted (360; 0: no pictures)"),
					option("for", "TIME", "durée dans l'appel, comme 30s ou 5m ; sinon jusqu'à l'interruption", "time in the call, as 30s or 5m; otherwise until interrupted"),
					option("wait", "TIME", "attente à la porte (10m)", "wait at the door (10m)"),
					option("admit", "", "fait entrer tous ceux qui frappent, si ce compte est hôte", "let everybody in who knocks, where this account is a host"),
					option("take-over", "", "prend la place du même appareil s'il est déjà dans l'appel", "take the place of the same device if it is in the call already"),
					option("state", "DIR", "dossier de la clé de l'appareil ($XDG_STATE_HOME/huisclos)", "directory of the device's key ($XDG_STATE_HOME/huisclos)"),
					option("accept-key-log", "", "oublie ce que cette machine a vu du journal des clés : l'appliance a été restaurée, on le sait",
						"forget what this machine has seen of the key log: the appliance was restored, as one knows"),
					option("transport", "WAY", "un seul chemin pour le média ; sinon celui qui passe, UDP d'abord", "one way for media; otherwise whichever works, UDP first", "udp", "tcp"),
					option("json", "", "un objet JSON par ligne", "one JSON object a line"),
				},
			},
		},
	}}
}

func theBackups() []command.Section {
	config := option("config", "FILE", "réglages de l'appliance (/etc/huisclos/huisclos.toml s'il existe)", "settings of the appliance (/etc/huisclos/huisclos.toml if there is one)")
	data := option("data", "DIR", "son dossier de données", "its data directory")
	asJSON := option("json", "", "réponse en JSON", "answer in JSON")
	key := option("key", "FILE", "fichier de la clé privée (de « huisclos backup key », d'age ou d'OpenSSH)", "file of the private key (of “huisclos backup key”, age or OpenSSH)")
	phrase := option("passphrase-file", "FILE", "fichier de la phrase de passe ; « - » : l'entrée standard. Sans clé ni fichier, elle est demandée au terminal", "file of the passphrase; “-”: standard input. Without key and file it is asked for on the terminal")
	return []command.Section{{
		Title: command.Text{FR: "Sauvegardes", EN: "Backups"},
		Commands: []command.Command{
			{
				Path: "backup key", Run: appliance.BackupKey,
				Options: []command.Option{option("output", "FILE", "fichier, nouveau, de la clé privée ; sinon elle est affichée, une seule fois", "new file of the private key; otherwise it is shown, once"), asJSON},
				Does:    command.Text{FR: "fait une paire de clés pour les sauvegardes", EN: "make a pair of keys for backups"},
				More: command.Text{
					FR: "La clé publique va dans les réglages ([backup] recipients). La clé privée reste hors de cette machine : c'est elle, et rien d'autre, qui ouvre les sauvegardes.",
					EN: "The public key goes into the settings ([backup] recipients). The private key stays off this machine: it, and nothing else, opens the backups.",
				},
			},
			{
				Path: "backup create", Asks: true, Run: appliance.BackupCreate,
				Options: []command.Option{
					option("to", "FILE", "clé publique, ou fichier de clés publiques, au lieu de celles des réglages ; répétable", "public key, or file of public keys, instead of those of the settings; may be repeated"),
					option("passphrase", "", "pour une phrase de passe, demandée au terminal", "for a passphrase, which is asked for on the terminal"),
					option("passphrase-file", "FILE", "pour la phrase de passe de ce fichier ; « - » : l'entrée standard", "for the passphrase in this file; “-”: standard input"),
					option("part", "PART", "une partie seulement : les fichiers de réglages, ou les secrets", "a part only: the settings files, or the secrets", "settings", "secrets"),
					option("output", "FILE", "fichier, nouveau ; sinon le dossier des sauvegardes", "new file; otherwise the folder of backups"),
				},
				Does: command.Text{FR: "fait une sauvegarde chiffrée, en un fichier", EN: "make an encrypted backup, in one file"},
				More: command.Text{
					FR: "De l'appliance en marche, sans l'arrêter ; sans elle, de son dossier de données. Le fichier contient la base, les clés, les certificats et une copie des réglages.",
					EN: "Of the running appliance, without stopping it; without one, of its data directory. The file holds the database, the keys, the certificates and a copy of the settings.",
				},
			},
			{
				Path: "backup list", Operands: []command.Operand{{Name: "FILE", Optional: true, Many: true}}, Run: appliance.BackupList,
				Options: []command.Option{config, data, asJSON},
				Does:    command.Text{FR: "dit quelles sauvegardes il y a, et pour quelles clés", EN: "say what backups there are, and for which keys"},
				More: command.Text{
					FR: "Dans le dossier des sauvegardes, ou dans les fichiers et dossiers nommés. Aucune clé n'est nécessaire ; ce qui est dit n'est prouvé que par « huisclos backup verify ».",
					EN: "In the folder of backups, or of the files and folders named. No key is needed; what it says is proved by “huisclos backup verify” only.",
				},
			},
			{
				Path: "backup verify", Operands: []command.Operand{{Name: "FILE"}}, Run: appliance.BackupVerify,
				Options: []command.Option{key, phrase, option("work", "DIR", "dossier où le contenu est déchiffré, puis effacé (/tmp)", "directory in which the content is decrypted, then removed (/tmp)"), asJSON},
				Does:    command.Text{FR: "prouve qu'une sauvegarde peut être restaurée", EN: "prove that a backup can be restored"},
				More: command.Text{
					FR: "La déchiffre en entier, compare chaque fichier, ouvre la base et en vérifie la structure et le journal d'audit. Comparez l'empreinte SHA-256 à celle que dit le journal d'audit.",
					EN: "Decrypts all of it, compares every file, opens the database and checks its structure and audit log. Compare the SHA-256 with the one that the audit log says.",
				},
			},
			{
				Path: "backup restore", Operands: []command.Operand{{Name: "FILE"}}, Run: appliance.BackupRestore,
				Options: []command.Option{
					key, phrase,
					option("replace", "", "quand le dossier de données n'est pas vide : le garde de côté sous un nom daté", "where the data directory is not empty: keep it aside under a dated name"),
					option("settings", "", "remet aussi les fichiers de réglages à leur place ; un autre qui s'y trouve est gardé à côté", "put the settings files in place too; another that stands there is kept beside"),
					option("yes", "", "ne demande pas confirmation", "do not ask for a yes"),
					config, data, asJSON,
				},
				Does: command.Text{FR: "remet une sauvegarde en place, l'appliance étant arrêtée", EN: "put a backup in place, while the appliance is stopped"},
				More: command.Text{
					FR: "Tout est déchiffré, comparé et vérifié à côté ; le dossier de données ne change qu'à la fin, d'un coup. Une sauvegarde refusée ne change rien.\n\n  systemctl stop huisclos.socket huisclos-media.socket huisclos\n  huisclos backup restore FICHIER --key CLÉ --replace\n  systemctl start huisclos.socket huisclos-media.socket huisclos",
					EN: "All of it is decrypted, compared and checked beside; the data directory changes at the end only, at once. A backup that is refused changes nothing.\n\n  systemctl stop huisclos.socket huisclos-media.socket huisclos\n  huisclos backup restore FILE --key KEY --replace\n  systemctl start huisclos.socket huisclos-media.socket huisclos",
				},
				Exits: []command.Exit{{Code: 4, Means: command.Text{FR: "la confirmation n'a pas été donnée", EN: "the yes was not given"}}},
			},
		},
	}}
}

func theMachine() []command.Section {
	return []command.Section{{
		Title: command.Text{FR: "La machine et le programme", EN: "The machine and the program"},
		Commands: []command.Command{
			{
				Path: "console", Run: appliance.Console,
				Does: command.Text{FR: "ouvre le menu de l'écran et de la ligne série de l'image", EN: "open the menu of the image's screen and serial line"},
				More: command.Text{
					FR: "L'adresse, l'empreinte du certificat, le code d'installation, le réseau, les noms, l'heure, le port 80, la connexion locale, la mise à jour depuis un disque, un diagnostic, le redémarrage et l'arrêt. Le menu n'a aucun pouvoir à lui : chaque chose qu'il change est une unité de l'image, à laquelle il la demande. Sur une machine qui n'a pas démarré depuis l'image, il ne montre que les adresses.",
					EN: "The address, the certificate's fingerprint, the set-up code, the network, the names, the time, port 80, the local login, updates from a disk, a diagnosis, restart and power-off. The menu has no power of its own: each thing that it changes is a unit of the image that it asks for. On a machine that wasn't started from the image it only shows the addresses.",
				},
			},
			{
				Path: "bench", Run: sizing.Command,
				Options: []command.Option{
					option("data", "DIR", "dossier dont le disque est essayé (le dossier temporaire)", "directory whose disk is tried (the temporary directory)"),
					option("json", "", "réponse en JSON", "answer in JSON"),
				},
				Does: command.Text{FR: "mesure cette machine en quelques secondes", EN: "measure this machine in a few seconds"},
				More: command.Text{
					FR: "Le calcul d'une phrase de passe, qui borne les connexions ; le chiffrement des paquets transmis, par un processeur ; l'écriture sûre sur le disque. N'interroge pas l'appliance, mais prend un processeur et 256 Mio pendant ce temps.",
					EN: "The hash of a passphrase, which bounds sign-ins; the cipher of the packets that are forwarded, by one processor; the safe write to the disk. Asks no appliance, but takes a processor and 256 MiB meanwhile.",
				},
			},
			{
				Path: "support-bundle", Asks: true, Run: appliance.SupportBundle, Exits: []command.Exit{unconfirmed()},
				Options: []command.Option{
					option("output", "FILE", "fichier à écrire (huisclos-support-DATE.tar.gz, dans le dossier courant)", "file to write (huisclos-support-DATE.tar.gz, in the current directory)"),
					sure(),
				},
				Does: command.Text{FR: "écrit un dossier d'assistance, sans secret", EN: "write a support bundle, without secrets"},
				More: command.Text{
					FR: "Liste d'abord ce qu'il contiendra, et demande : versions, rapport de « huisclos check », réglages donnés (leur nom, et leur valeur seulement quand elle ne peut pas porter de secret), compteurs, dernières lignes du journal du service. Ni nom ni adresse de personne, ni nom de salle, ni rien du dossier des données. Rien n'est envoyé.",
					EN: "First lists what it will hold, and asks: versions, the report of “huisclos check”, the settings that are given (their names, and their values only where these can carry no secret), counters, the latest lines of the service's log. No name or address of a person, no name of a room, nothing of the data directory. Nothing is sent.",
				},
			},
			{
				Path: "factory-reset", Asks: true, Run: appliance.FactoryReset, Exits: []command.Exit{unknown(), unconfirmed()},
				Options: []command.Option{option("yes-delete-everything", "", "ne demande pas le nom de la machine", "do not ask for the machine's name")},
				Does:    command.Text{FR: "supprime toutes les données d'une appliance arrêtée", EN: "delete all data of an appliance that is stopped"},
				More: command.Text{
					FR: "Comptes, salles, journal d'audit, réglages de la console, certificats et clés faits ici : dit combien, et demande de taper le nom de la machine. Les fichiers de réglages restent. Dit ensuite ce qui reste à faire.\n\n  sudo systemctl stop huisclos.socket huisclos-media.socket huisclos-redirect.socket huisclos\n  sudo huisclos factory-reset",
					EN: "Accounts, rooms, audit log, settings of the console, certificates and keys made here: says how many, and asks for the machine's name to be typed. The settings files stay. Then says what remains to be done.\n\n  sudo systemctl stop huisclos.socket huisclos-media.socket huisclos-redirect.socket huisclos\n  sudo huisclos factory-reset",
				},
			},
			{
				Path: "version", Run: appliance.PrintVersion,
				Does: command.Text{FR: "affiche la version", EN: "print the version"},
			},
		},
	}}
}

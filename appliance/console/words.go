package console

// A word is a sentence in both languages.
type word struct{ fr, en string }

// refusals are the codes of the acts, as sentences that say what to do.
var refusals = map[string]word{
	"account":              {"Cette adresse électronique ne convient pas.", "This e-mail address does not do."},
	"address":              {"Une adresse ne convient pas. Écrivez-la avec la longueur du réseau, par exemple 192.0.2.10/24.", "An address does not do. Write it with the length of its network, such as 192.0.2.10/24."},
	"admin-refused":        {"Le compte n'a pas été remis à zéro, pour la raison donnée ci-dessus.", "The account was not reset, for the reason given above."},
	"backup-name":          {"Ce nom de sauvegarde ne convient pas. Un nom est par exemple huisclos-20261130T020000Z.backup.", "This name of a backup does not do. A name is, for example, huisclos-20261130T020000Z.backup."},
	"backup-not-made":      {"La sauvegarde n'a pas été faite, pour la raison donnée ci-dessus.", "The backup was not made, for the reason given above."},
	"backup-refused":       {"La sauvegarde est refusée, pour la raison donnée ci-dessus. Les données en place ne changent pas.", "The backup is refused, for the reason given above. The data in place stay."},
	"busy":                 {"Cette action est déjà en cours depuis une autre console. Attendez sa fin.", "This is being done from another console already. Wait until it ends."},
	"certificate-refused":  {"Le certificat n'a pas été changé, pour la raison donnée ci-dessus.", "The certificate was not changed, for the reason given above."},
	"cut":                  {"La machine n'a pas répondu jusqu'au bout. Regardez le diagnostic, puis recommencez.", "The machine's answer was cut short. Look at the diagnosis, then try again."},
	"device":               {"Ce nom de disque ne convient pas. Un nom est par exemple /dev/sdb1.", "This name of a disk does not do. A name is, for example, /dev/sdb1."},
	"different":            {"Les deux phrases de passe ne sont pas les mêmes. Rien n'est changé.", "The two passphrases are not the same. Nothing is changed."},
	"disk-full":            {"La sauvegarde ne tient pas sur le disque. Prenez-en un plus grand.", "The backup does not fit on the disk. Take a larger one."},
	"disk-kind":            {"Le format du disque n'est pas reconnu. Il faut FAT32, ISO 9660 ou ext4.", "The disk's format is not known. It has to be FAT32, ISO 9660 or ext4."},
	"disk-read-only":       {"On ne peut pas écrire sur ce disque.", "This disk cannot be written to."},
	"disk-unreadable":      {"Le disque n'est pas lisible. Essayez-en un autre.", "The disk cannot be read. Try another one."},
	"dns":                  {"L'adresse d'un serveur de noms ne convient pas.", "The address of a name server does not do."},
	"failed":               {"La machine n'a pas pu le faire. Regardez le diagnostic.", "The machine could not do it. Look at the diagnosis."},
	"gateway":              {"La passerelle ne convient pas : une par famille d'adresses, et de la même famille qu'une adresse de la machine.", "The gateway does not do: one for each family of addresses, and of the family of one of the machine's addresses."},
	"host":                 {"Ce nom ou cette adresse ne convient pas. Exemples : mail.example.org, 192.0.2.1, mail.example.org:587, [2001:db8::1]:443.", "This name or address does not do. Examples: mail.example.org, 192.0.2.1, mail.example.org:587, [2001:db8::1]:443."},
	"hostname":             {"Un nom ne convient pas. Écrivez-le sans https:// ni port, par exemple visio.example.org.", "A name does not do. Write it without https:// and port, such as visio.example.org."},
	"language":             {"Cette langue n'est pas de cette image.", "This language is not one of this image."},
	"layout":               {"Ce clavier n'est pas de cette image.", "This keyboard is not one of this image."},
	"machine-name":         {"Ce n'est pas le nom de cette machine. Rien n'est changé.", "This is not the name of this machine. Nothing is changed."},
	"no-backup":            {"Il n'y a pas de cette sauvegarde sur le disque : un fichier dont le nom finit par .backup.", "There is no such backup on the disk: a file whose name ends with .backup."},
	"no-backup-disk":       {"Aucun disque nommé HUISCLOSBAK n'est branché.", "There is no disk called HUISCLOSBAK."},
	"no-disk":              {"Aucun disque nommé HUISCLOSUPD n'est branché.", "There is no disk called HUISCLOSUPD."},
	"no-key":               {"Il n'y a pas de clé privée sur le disque : un fichier dont le nom finit par .key. Sinon, donnez la phrase de passe.", "There is no private key on the disk: a file whose name ends with .key. Or else give the passphrase."},
	"not-applied":          {"Le réglage est enregistré, mais n'a pas pu entrer en vigueur. Redémarrez la machine ; voyez aussi le diagnostic.", "The setting is stored but could not be put in force. Restart the machine; see the diagnosis as well."},
	"not-running":          {"L'appliance ne répond pas. Elle démarre peut-être encore ; sinon, regardez le diagnostic.", "The appliance does not answer. It may still be starting; if not, look at the diagnosis."},
	"ntp":                  {"Un serveur de temps ne convient pas. Donnez un nom ou une adresse.", "A time server does not do. Give a name or an address."},
	"other-key":            {"Cette clé privée n'ouvre pas les sauvegardes de cette machine. Rien n'est changé.", "This private key does not open this machine's backups. Nothing is changed."},
	"passphrase":           {"La phrase de passe doit avoir de 12 à 256 caractères.", "The passphrase has to have 12 to 256 characters."},
	"port":                 {"Ce port ne convient pas. Un port va de 1 à 65535.", "This port does not do. A port is from 1 to 65535."},
	"public":               {"Une adresse publique ne convient pas. Exemple : 203.0.113.10", "A public address does not do. Example: 203.0.113.10"},
	"reset-cut":            {"La remise à zéro n'est pas finie, pour la raison donnée ci-dessus. Le service tourne ; recommencez-la (F).", "The factory reset is not finished, for the reason given above. The service runs; do it again (F)."},
	"reset-cut-stopped":    {"La remise à zéro n'est pas finie, pour la raison donnée ci-dessus, et le service ne démarre pas. Recommencez-la (F) ; voyez aussi le diagnostic.", "The factory reset is not finished, for the reason given above, and the service does not start. Do it again (F); see the diagnosis as well."},
	"reset-not-running":    {"La remise à zéro est faite, mais le service ne démarre pas. Regardez le diagnostic, puis redémarrez la machine.", "The factory reset is done, but the service does not start. Look at the diagnosis, then restart the machine."},
	"restored-not-running": {"La sauvegarde est en place, mais le service ne démarre pas. Regardez le diagnostic.", "The backup is in place, but the service does not start. Look at the diagnosis."},
	"several-backups":      {"Il y a plusieurs sauvegardes sur le disque : donnez le nom de l'une de celles que vous voyez ci-dessus.", "There are several backups on the disk: give the name of one of those that you see above."},
	"several-keys":         {"Il y a plusieurs clés privées sur le disque : n'en laissez qu'une.", "There are several private keys on the disk: leave only one there."},
	"stays":                {"Le service ne s'arrête pas : rien n'est changé. Regardez le diagnostic.", "The service does not stop: nothing is changed. Look at the diagnosis."},
	"synchronised":         {"L'heure vient déjà d'un serveur de temps : l'horloge ne se règle pas à la main.", "The time comes from a time server already: the clock is not set by hand."},
	"time":                 {"Cette date ne convient pas. Écrivez-la en temps universel, par exemple 2026-11-28T12:00:00Z.", "This date does not do. Write it in universal time, such as 2026-11-28T12:00:00Z."},
	"too-long":             {"C'est trop long.", "This is too long."},
	"too-many":             {"Il y a trop de valeurs.", "There are too many values."},
	"unavailable":          {"Cette action n'est pas possible sur cette machine : le menu est fait pour l'image de l'appliance.", "This cannot be done on this machine: the menu is made for the appliance's image."},
	"update-refused":       {"La mise à jour est refusée, pour la raison donnée ci-dessus. La version en place ne change pas.", "The update is refused, for the reason given above. The version in place stays."},
}

// other is what a code without a sentence says.
var other = word{"La machine a refusé (%s). Rien n'est changé.", "The machine has refused (%s). Nothing is changed."}

var (
	title       = word{"Huis Clos %s - console de la machine", "Huis Clos %s - the machine's console"}
	running     = word{"Service     : en marche ; appels : %d, personnes : %d", "Service     : running; calls: %d, people: %d"}
	stopped     = word{"Service     : ne répond pas", "Service     : does not answer"}
	waits       = word{"              Des réglages attendent un redémarrage.", "              Settings wait for a restart."}
	address     = word{"Adresse     : %s", "Address     : %s"}
	noAddress   = word{"Adresse     : aucune ; réglez le réseau (2)", "Address     : none; set the network (2)"}
	fingerprint = word{"Certificat  : empreinte SHA-256", "Certificate : SHA-256 fingerprint"}
	noAdmin     = word{"Il n'y a pas encore d'administrateur : tapez C pour un code d'installation.", "There is no administrator yet: type C for a set-up code."}
	codeIs      = word{"Code d'installation : %s", "Set-up code: %s"}
	codeHow     = word{"Ouvrez %sconsole/setup , comparez l'empreinte, puis entrez ce code.\nIl annule le précédent.", "Open %sconsole/setup , compare the fingerprint, then enter this code.\nIt voids the one before."}
	codeNone    = word{"Il y a déjà un administrateur : il n'y a plus de code d'installation.", "There is an administrator already: there is no set-up code any more."}

	insecureBoot = word{"Attention : Secure Boot est désactivé ; un autre système pourrait démarrer à la place de celui-ci.", "Note: Secure Boot is off; another system could be started in place of this one."}
	unknownBoot  = word{"Attention : la machine ne dit pas si Secure Boot est actif.", "Note: the machine does not say whether Secure Boot is on."}
	plainVar     = word{"Attention : le disque n'est pas chiffré ; qui le copie lit les comptes et le journal.", "Note: the disk is not encrypted; who copies it reads the accounts and the audit log."}
	noTPM        = word{"Attention : il n'y a pas de TPM ; la clé du disque ne peut pas être liée à cette machine.", "Note: there is no TPM; the disk's key cannot be bound to this machine."}
	protected    = word{"Protection  : Secure Boot actif, disque chiffré et lié au TPM", "Protection  : Secure Boot on, disk encrypted and bound to the TPM"}
	badSeed      = word{"Attention : le support d'amorçage a été refusé en entier (%s).", "Note: the seed medium was refused as a whole (%s)."}

	menu = word{` 1 Actualiser       2 Réseau            3 Noms             4 Heure
 5 Port 80          6 Connexion locale  7 Mise à jour      8 Diagnostic
 9 Redémarrer       0 Éteindre          B Sauvegarder      R Restaurer
 P Test du réseau   T Certificat        A Administrateur   F Remise à zéro
 K Clavier, langue  L English`, ` 1 Refresh          2 Network           3 Names            4 Time
 5 Port 80          6 Local login       7 Update           8 Diagnosis
 9 Restart          0 Power off         B Back up          R Restore
 P Network test     T Certificate       A Administrator    F Factory reset
 K Keyboard, lang.  L Français`}
	choose    = word{"Votre choix : ", "Your choice: "}
	notAnItem = word{"Ce choix n'existe pas.", "There is no such choice."}
	cancelled = word{"Annulé. Rien n'est changé.", "Cancelled. Nothing is changed."}
	done      = word{"C'est fait.", "Done."}
	goOn      = word{"Entrée pour continuer. ", "Enter to go on. "}
	emptyEnds = word{"Une ligne vide annule.", "An empty line cancels."}
	working   = word{"Un instant...", "One moment..."}

	networkMode    = word{"1 automatique (DHCP)   2 adresses fixes : ", "1 automatic (DHCP)   2 fixed addresses: "}
	networkAddress = word{"Adresses, avec la longueur du réseau, séparées par des espaces\n(par exemple 192.0.2.10/24 2001:db8::10/64) : ", "Addresses, with the length of their network, with spaces between them\n(such as 192.0.2.10/24 2001:db8::10/64): "}
	networkGateway = word{"Passerelles (vide : aucune) : ", "Gateways (empty: none): "}
	networkDNS     = word{"Serveurs de noms (vide : aucun) : ", "Name servers (empty: none): "}
	networkDNSAuto = word{"Serveurs de noms (vide : ceux du réseau) : ", "Name servers (empty: those of the network): "}
	networkWarns   = word{"Si les adresses changent, les appels en cours sont coupés.", "If addresses change, calls in progress are cut."}
	outside        = word{"La passerelle %s n'est dans le réseau d'aucune des adresses.", "The gateway %s is in the network of none of the addresses."}

	namesAsk    = word{"Noms sous lesquels on vient, le principal d'abord, séparés par des espaces : ", "Names under which people come, the main one first, with spaces between them: "}
	namesPublic = word{"Adresses publiques, si un routeur ou un pare-feu traduit celle de la machine (vide : aucune) : ", "Public addresses, if a router or firewall translates the machine's (empty: none): "}
	namesWarn   = word{"Le service redémarre : les appels s'interrompent quelques secondes, puis reprennent.", "The service restarts: calls pause for some seconds, then go on."}

	timeAsk      = word{"1 serveurs de temps   2 régler l'horloge : ", "1 time servers   2 set the clock: "}
	timeNTP      = word{"Serveurs de temps, séparés par des espaces : ", "Time servers, with spaces between them: "}
	timeSet      = word{"Date et heure en temps universel, par exemple %s : ", "Date and time in universal time, such as %s: "}
	keyboardWhat = word{"Le clavier est celui de la machine, ou de sa fenêtre chez l'hyperviseur ; une ligne série a celui de votre poste.", "The keyboard is the machine's, or that of its window in the hypervisor; a serial line has your own computer's."}
	keyboardAsk  = word{`1 AZERTY (France)        2 BÉPO (France)          3 AZERTY (Belgique)
4 QWERTZ (Suisse)        5 QWERTY (Canada)        6 QWERTY (États-Unis)
7 QWERTY (Royaume-Uni)   8 QWERTZ (Allemagne)
Votre clavier : `, `1 AZERTY (France)        2 BÉPO (France)          3 AZERTY (Belgium)
4 QWERTZ (Switzerland)   5 QWERTY (Canada)        6 QWERTY (US)
7 QWERTY (UK)            8 QWERTZ (Germany)
Your keyboard: `}
	languageAsk = word{"Langue du menu à son début. 1 français   2 anglais : ", "Language that the menu begins with. 1 French   2 English: "}
	keyboardTry = word{"Essayez quelques lettres, puis Entrée : ", "Try some letters, then Enter: "}

	redirect   = word{"Le port 80 ne fait que renvoyer vers https. 1 ouvrir   2 fermer : ", "Port 80 only sends people to https. 1 open   2 shut: "}
	shellAsk   = word{"Connexion de l'utilisateur admin à cette machine. 1 permettre   2 interdire : ", "Login of the user admin at this machine. 1 allow   2 forbid: "}
	shellWarn  = word{"Qui a l'écran ou la ligne série et cette phrase de passe pourra ouvrir une session\n(Alt+F2), sans autre pouvoir que ceux de ce menu.", "Whoever has the screen or the serial line and this passphrase can then log in\n(Alt+F2), with no more power than this menu has."}
	shellOff   = word{"Une session ouverte est fermée.", "A session that is open is ended."}
	passphrase = word{"Phrase de passe (12 caractères au moins ; elle ne s'affiche pas) : ", "Passphrase (at least 12 characters; it is not shown): "}
	again      = word{"Encore une fois : ", "Once more: "}

	updateHow = word{"Branchez le disque nommé HUISCLOSUPD.\nSon nom dans la machine, s'il y en a plusieurs (vide : le trouver) : ", "Plug in the disk that is called HUISCLOSUPD.\nIts name in the machine, if there are several (empty: find it): "}
	updateAsk = word{"La nouvelle version s'installe à côté de celle-ci et sert au prochain redémarrage.\nLes appels en cours continuent.", "The new version is installed beside this one and is used from the next restart on.\nCalls in progress go on."}

	backupHow = word{"La sauvegarde s'ouvrira par vos clés de sauvegarde (console, page Sauvegardes).\nBranchez un disque nommé HUISCLOSBAK, en FAT32 ou ext4, où il y a de la place.\nSon nom dans la machine, s'il y en a plusieurs (vide : le trouver) : ", "Your keys for backups will open it (console, page Backups).\nPlug in a disk that is called HUISCLOSBAK, in FAT32 or ext4, with room on it.\nIts name in the machine, if there are several (empty: find it): "}

	restoreHow    = word{"Branchez le disque nommé HUISCLOSBAK, avec la sauvegarde.\nSon nom dans la machine, s'il y en a plusieurs (vide : le trouver) : ", "Plug in the disk that is called HUISCLOSBAK, with the backup on it.\nIts name in the machine, if there are several (empty: find it): "}
	restoreFile   = word{"Nom du fichier, s'il y a plusieurs sauvegardes (vide : la seule) : ", "Name of the file, if there are several backups (empty: the only one): "}
	restoreOpens  = word{"La clé privée est un fichier .key du disque.\nElle s'ouvre par 1 la clé privée   2 une phrase de passe : ", "The private key is a .key file on the disk.\nIt is opened by 1 the private key   2 a passphrase: "}
	restoreSecret = word{"Sa phrase de passe (elle ne s'affiche pas) : ", "Its passphrase (it is not shown): "}
	restoreAsk    = word{"La sauvegarde est essayée d'abord, puis prend la place des données de cette machine.\nCe qui a été fait depuis n'y est plus ; les données de maintenant sont mises de côté.\nLes appels en cours se terminent (%s), et chacun se connecte à nouveau.", "The backup is tried first, then takes the place of this machine's data.\nWhat was done since is not in it; the data of now are kept aside.\nCalls in progress end (%s), and everybody signs in again."}

	reachAsk    = word{"Nom ou adresse, avec un port si vous voulez (par exemple mail.example.org:587).\nVide : la passerelle, les serveurs de noms et les serveurs de temps : ", "Name or address, with a port if you like (such as mail.example.org:587).\nEmpty: the gateway, the name servers and the time servers: "}
	reachBegins = word{"Chaque étape prend cinq secondes au plus.", "Each step takes five seconds at most."}

	certificateWarn = word{"Le certificat servi est remplacé par celui que la machine a fait elle-même. Les navigateurs avertissent : comparez l'empreinte, affichée ici. Qui est déjà venu avec un certificat reconnu peut se voir refuser la page pendant un an.\nLes appels en cours continuent. Un certificat importé reste dans la machine.", "The certificate that is served gives way to the one that the machine made itself. Browsers warn: compare the fingerprint, which is shown here. Whoever came before with a trusted certificate may be refused the page for a year.\nCalls in progress go on. An imported certificate stays in the machine."}
	certificateWord = word{"remplacer", "replace"}

	adminHow     = word{"Ce menu ne connaît personne : il faut la clé privée de vos sauvegardes, un fichier .key sur un disque nommé HUISCLOSBAK.\nSon nom dans la machine, s'il y en a plusieurs (vide : le trouver) : ", "This menu knows nobody: it takes the private key of your backups, a .key file on a disk that is called HUISCLOSBAK.\nIts name in the machine, if there are several (empty: find it): "}
	adminAccount = word{"Adresse électronique de l'administrateur : ", "The administrator's e-mail address: "}
	adminWarn    = word{"Les seconds facteurs de ce compte sont retirés, ses sessions fermées, et un lien d'activation s'affiche ici. L'ancienne phrase de passe vaut jusqu'à ce qu'il serve. Le journal d'audit dit qu'un opérateur l'a fait.", "This account's second factors are taken, its sessions ended, and an activation link is shown here. The old passphrase counts until it is used. The audit log says that an operator did it."}

	factoryWarn = word{"REMISE À ZÉRO. Sont effacés pour toujours : les comptes, les salles et leurs réunions prévues, le journal d'audit et celui des clés, les réglages de la console, les certificats et leurs clés, les sauvegardes gardées sur cette machine, ce qu'une restauration a mis de côté, et la connexion locale.\nRestent : le réseau, les noms, l'heure, le port 80, le clavier, le journal du système.\nPour tout garder ailleurs, faites d'abord une sauvegarde (B).\nLes appels en cours se terminent (%s).", "FACTORY RESET. Erased for ever: the accounts, the rooms and their planned meetings, the audit log and the key log, the console's settings, the certificates and their keys, the backups that are kept on this machine, what a restore put aside, and the local login.\nWhat stays: network, names, time, port 80, keyboard, the system's journal.\nTo keep all of it elsewhere, make a backup first (B).\nCalls in progress end (%s)."}
	factoryWord = word{"effacer", "erase"}
	factoryName = word{"Tapez le nom de cette machine, %s : ", "Type the name of this machine, %s: "}

	rebootWarn = word{"La machine redémarre. Les appels en cours sont coupés pendant ce temps (%s).", "The machine restarts. Calls in progress are cut meanwhile (%s)."}
	offWarn    = word{"La machine s'éteint. Les appels en cours se terminent (%s), et il faut\nla rallumer sur place.", "The machine powers off. Calls in progress end (%s), and somebody has to\nswitch it on again."}
	inCalls    = word{"maintenant : %d appels, %d personnes", "now: %d calls, %d people"}
	callsUnk   = word{"leur nombre n'est pas connu", "their number is not known"}
	sure       = word{"Tapez « %s » pour continuer : ", "Type \"%s\" to go on: "}
	yes        = word{"oui", "yes"}
)

// found are the lines of the act reach, as sentences. Each has as many values as the line.
var found = map[string]word{
	"link-none":        {"Carte       : la machine n'a pas de carte réseau.", "Card        : the machine has no network card."},
	"link-down":        {"Carte       : %s n'est reliée à rien. Vérifiez le câble ou le réseau virtuel.", "Card        : %s is connected to nothing. Check the cable or virtual network."},
	"link-up":          {"Carte       : %s est reliée.", "Card        : %s is connected."},
	"address":          {"Adresse     : %s", "Address     : %s"},
	"address-none":     {"Adresse     : %s n'en a pas. Réglez le réseau (2), ou voyez le serveur DHCP.", "Address     : %s has none. Set the network (2), or see to the DHCP server."},
	"gateway-none":     {"Passerelle  : aucune. La machine ne joint que son propre réseau.", "Gateway     : none. The machine reaches its own network only."},
	"gateway-answers":  {"Passerelle  : %s répond (%s ms).", "Gateway     : %s answers (%s ms)."},
	"gateway-silent":   {"Passerelle  : %s ne répond pas à l'écho. Certaines n'y répondent jamais.", "Gateway     : %s does not answer an echo request. Some never do."},
	"names-none":       {"Noms        : aucun serveur de noms n'est connu (2).", "Names       : no name server is known (2)."},
	"names-answers":    {"Noms        : le serveur %s répond.", "Names       : the server %s answers."},
	"names-silent":     {"Noms        : le serveur %s ne répond pas.", "Names       : the server %s does not answer."},
	"time-none":        {"Heure       : aucun serveur de temps n'est connu (4).", "Time        : no time server is known (4)."},
	"time-unknown":     {"Heure       : le nom %s ne mène à aucune adresse.", "Time        : the name %s leads to no address."},
	"time-answers":     {"Heure       : le serveur %s (%s) répond.", "Time        : the server %s (%s) answers."},
	"time-silent":      {"Heure       : le serveur %s (%s) ne répond pas.", "Time        : the server %s (%s) does not answer."},
	"name-leads":       {"Nom         : %s mène à %s.", "Name        : %s leads to %s."},
	"name-none":        {"Nom         : %s ne mène à aucune adresse. Voyez les serveurs de noms (P, vide).", "Name        : %s leads to no address. See the name servers (P, empty)."},
	"name-unusable":    {"Nom         : %s mène à %s, qui n'est l'adresse d'aucune autre machine.", "Name        : %s leads to %s, which is no other machine's address."},
	"host-answers":     {"Écho        : %s répond (%s ms).", "Echo        : %s answers (%s ms)."},
	"host-silent":      {"Écho        : %s ne répond pas. Beaucoup de machines n'y répondent jamais.", "Echo        : %s does not answer. Many machines never do."},
	"host-unreachable": {"Écho        : aucun chemin ne mène à %s. Voyez les adresses et la passerelle (2).", "Echo        : no way leads to %s. See the addresses and the gateway (2)."},
	"port-open":        {"Port        : %s, port %s : ouvert.", "Port        : %s, port %s: open."},
	"port-refused":     {"Port        : %s, port %s : fermé, cette machine-là refuse.", "Port        : %s, port %s: closed, that machine refuses."},
	"port-silent":      {"Port        : %s, port %s : pas de réponse. Un pare-feu entre les deux, peut-être.", "Port        : %s, port %s: no answer. A firewall between the two, perhaps."},
	"port-unreachable": {"Port        : %s, port %s : aucun chemin n'y mène.", "Port        : %s, port %s: no way leads there."},
	"port-shut":        {"Port        : non essayé. Le pare-feu de cette machine ne laisse rien sortir vers le port %s : aucun réglage ne nomme de service à ce port.", "Port        : not tried. This machine's own firewall lets nothing out to port %s: no setting names a service at this port."},
	"port-asleep":      {"Port        : non essayé. Les réglages nomment le port %s, mais le pare-feu de cette machine ne s'ouvre que quand le service sort, et ce qui sort n'a pas démarré. Voyez le diagnostic (8).", "Port        : not tried. The settings name port %s, but this machine's own firewall opens only while the service goes out, and what goes out has not started. See the diagnosis (8)."},
}

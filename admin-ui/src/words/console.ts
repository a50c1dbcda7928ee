/** Sentences of the console. */
import { groupWords } from "./groups.ts";
import { dictionary, plural } from "@huisclos/ui-kit";
import { logWords } from "./logs.ts";
import { lookWords } from "./appearance.ts";
import { backupWords } from "./backups.ts";
import { directoryWords } from "./directory.ts";
import { postureWords } from "./posture.ts";
import { programWords } from "./programs.ts";
import { provisioningWords } from "./provisioning.ts";
import { tlsWords } from "./tls.ts";
import { updateWords } from "./updates.ts";
import { profileWords } from "./profiles.ts";
import { roleWords } from "./roles.ts";
import { settingsWords } from "./settings.ts";
import { watchWords } from "./watch.ts";

export const words = dictionary(
  {
    skip: "Aller au contenu",
    console: "Console",
    nav: "Rubriques",
    groups: { people: "Personnes", meetings: "Réunions", appliance: "Appareil", security: "Sécurité", mine: "Vous" },
    overview: "État",
    accounts: "Comptes",
    calls: "Réunions",
    audit: "Journal d’audit",
    about: "À propos",
    account: "Mon compte",
    toMeetings: "Aller aux salles",
    signOut: "Se déconnecter",
    menu: (name: string) => `Compte de ${name}`,
    loading: "Chargement",
    retry: "Réessayer",
    save: "Enregistrer",
    mySecurity: "Ma sécurité",
    understood: "J’ai compris",
    notFound: { title: "Cette page n’existe pas", text: "Vérifiez l’adresse, ou choisissez une rubrique.", act: "Voir l’état" },
    broken: { title: "Cette page a rencontré un problème", text: "Rechargez-la. Si cela recommence, consultez le journal du système.", act: "Recharger la page" },
    shut: { title: "La console s’est fermée", text: "Elle est restée cinq minutes sans activité. Rien n’est perdu : confirmez que c’est vous, et elle se rouvre où vous étiez.", open: "Rouvrir la console" },
    notAllowed: { title: "Cette console n’est pas pour votre rôle", text: "Elle sert à qui administre l’appareil, en fixe les règles ou en lit le journal. Votre compte sert aux réunions." },

    state: {
      well: (calls: number, people: number, backup: string) => `${calls === 0 ? "Tout va bien : aucune réunion en cours" : `Tout va bien : ${plural("fr", calls, "réunion", "réunions")}, ${plural("fr", people, "personne", "personnes")}`}${backup && `, sauvegarde ${backup}`}.`,
      refused: (n: number) => `${plural("fr", n, "paquet refusé", "paquets refusés")} dans les réunions en cours : ils n’étaient pas scellés comme il faut et n’ont été transmis à personne.`,
      see: "Voir les réunions",
      lost: "L’appareil ne répond pas. Nous réessayons toutes les dix secondes.",
      asking: "Nous demandons son état à l’appareil.",
      now: "En ce moment",
      calls: "Réunions en cours", people: "Personnes connectées", forwarded: "Paquets transmis", refusedName: "Paquets refusés", accounts: "Comptes", rooms: "Salles",
      appliance: "L’appareil",
      version: "Version", started: "Démarré", address: "Adresse", fingerprint: "Empreinte du certificat", certificate: "Voir le certificat", backup: "Dernière sauvegarde", noBackup: "aucune", backups: "Voir les sauvegardes",
      fingerprintHint: "Avec un certificat autosigné, comparez cette empreinte à celle que montre le navigateur.",
      copy: "Copier l’empreinte",
    },

    signIn: {
      title: "Console d’administration", act: "Se connecter",
      setup: "Ce Huis Clos n’a pas encore d’administrateur.", setupAct: "Commencer l’installation",
    },

    people: {
      title: "Comptes", total: (n: number) => plural("fr", n, "compte", "comptes"),
      search: "Chercher un nom ou une adresse", create: "Créer un compte",
      name: "Nom", email: "Adresse électronique", role: "Rôle", state: "État", last: "Dernière connexion", created: "Créé", acts: "Actions",
      states: { invited: "Invité", active: "Actif", disabled: "Désactivé" },
      never: "Jamais", open: (n: string) => `Gérer le compte de ${n}`,
      none: "Aucun compte ne correspond", noneText: "Essayez un autre nom ou une autre adresse.",
      createTitle: "Créer un compte", createText: "La personne choisit elle-même sa phrase de passe, par un lien d’activation que vous lui remettez.", createAct: "Créer et obtenir le lien",
      linkTitle: "Lien d’activation", linkFor: (n: string) => `Remettez ce lien à ${n}, par un moyen sûr.`,
      linkOnce: "Il n’est montré qu’ici, une seule fois. Si vous le perdez, faites-en un nouveau : l’ancien ne servira plus.",
      linkExpires: (when: string) => `Il sert une seule fois, jusqu’au ${when}.`, linkCopy: "Copier le lien", linkDone: "C’est fait",
      newLink: "Faire un nouveau lien d’activation", newLinkHint: "Pour une personne qui n’a pas activé son compte ou qui a oublié sa phrase de passe. Le lien précédent ne servira plus.",
      renamed: "Le nom est changé.", roleChanged: "Le rôle est changé.",
      disable: "Désactiver le compte", enable: "Réactiver le compte",
      disableTitle: (n: string) => `Désactiver le compte de ${n} ?`, disableText: "Ses sessions se ferment et les réunions où cette personne se trouve la perdent aussitôt. Rien n’est effacé ; vous pourrez réactiver le compte.", disableAct: "Désactiver",
      disabled: "Le compte est désactivé.", enabled: "Le compte est réactivé.",
      remove: "Supprimer le compte",
      removed: "Le compte est supprimé.",
      self: "C’est votre compte : un autre administrateur peut le désactiver. Vous pouvez demander sa suppression dans « Mon compte ».",
      detail: "Compte",
      factor: "Second facteur", factorOn: "Oui", factorOff: "Non",
      factorRemove: "Retirer le second facteur", factorHint: "Pour une personne qui a perdu son téléphone et ses codes de secours.",
      factorTitle: (n: string) => `Retirer le second facteur de ${n} ?`,
      factorText: "Ses sessions se ferment, et ses codes de secours sont perdus. Si les règles demandent un second facteur pour son rôle, elle devra en mettre un nouveau en place à sa prochaine connexion ; sinon, sa phrase de passe suffira d’ici là. Assurez-vous d’abord que c’est bien elle qui le demande.",
      factorOwn: "C’est votre compte : votre session se ferme, et vos codes de secours sont perdus. À votre prochaine connexion, vous en mettrez un nouveau en place avant toute autre chose.",
      factorAct: "Retirer le second facteur", factorRemoved: "Le second facteur est retiré.",
    },

    live: {
      title: "Réunions en cours", none: "Aucune réunion en cours", noneText: "Cette page se met à jour toute seule.",
      since: (d: string) => `Depuis ${d}`, people: (n: number) => plural("fr", n, "personne", "personnes"), locked: "Verrouillée", epoch: (n: string) => `Clé n° ${n}`,
      epochHint: "La salle change de clé à chaque entrée et à chaque départ. Le serveur connaît ce numéro, pas la clé.",
      who: "Personne", entered: "Entrée", transport: "Chemin", link: "Connexion", received: "Reçus d’elle", sent: "Transmis à elle", rate: "Débit vers elle",
      connected: "Connectée", away: "Absente", transports: { udp: "UDP", tcp: "TCP", relay: "Relais", "": "En attente" } as Record<string, string>,
      forwarded: (n: string) => `${n} paquets transmis`, sending: (rate: string) => `${rate} vers les personnes présentes`, noRefused: "Aucun paquet refusé",
      refused: "Paquets refusés, par raison", reason: "Raison", count: "Paquets",
      end: "Terminer la réunion", endTitle: (r: string) => `Terminer la réunion dans « ${r} » ?`,
      endText: (n: number) => `${plural("fr", n, "personne sera déconnectée", "personnes seront déconnectées")} aussitôt et les messages de la réunion seront perdus. La salle reste ; son hôte pourra la rouvrir.`, ended: "La réunion est terminée.",
      blind: "Vous voyez ce que le serveur sait : qui, depuis quand, combien. Ni vous ni lui ne pouvez entendre, voir ou lire.",
      members: (r: string) => `Personnes dans ${r}`,
    },
    reasons: {
      "no-header": "Sans en-tête de scellement", "bad-header": "En-tête de scellement mal formé", "bad-prefix": "Préfixe de l’image inattendu", "bad-descriptor": "Description du paquet illisible",
      "wrong-kid": "Clé d’une autre personne ou d’un autre flux", "old-epoch": "Ancienne clé de la salle", "future-epoch": "Clé qui n’existe pas encore", replayed: "Déjà reçu",
      "no-room-for-tag": "Trop court pour être scellé", "no-first-packet": "Suite sans début", "held-too-long": "Début attendu trop longtemps", "held-too-much": "Trop de suites sans début",
      "not-admitted": "Personne non admise", "too-large": "Trop grand",
    } as Record<string, string>,

    log: {
      title: "Journal d’audit", text: "Chaque entrée contient l’empreinte de celle qui la précède : en modifier une se verrait.",
      head: (n: string) => `Dernière entrée : n° ${n}`, copyHead: "Copier son empreinte",
      time: "Date", action: "Action", actor: "Par", object: "Objet", result: "Résultat", client: "Depuis", number: "N°", more: (n: number) => `Détail de l’entrée ${n}`, moreTitle: (n: number) => `Entrée n° ${n}`,
      results: { ok: "Fait", refused: "Refusé", failed: "Échoué" }, system: "L’appareil", anonymous: "Personne non connectée", operator: "Opérateur, en ligne de commande", provisioning: "Provisionnement",
      none: "Le journal est vide", noneText: "Les actions apparaîtront ici.", hash: "Empreinte", code: "Nom technique", newest: "Revenir au début",
    },

    info: {
      title: "À propos de cette console",
      parts: [
        ["Ce qu’un administrateur peut faire", ["Créer, désactiver et supprimer des comptes ; remettre un lien d’activation ; retirer un second facteur perdu.", "Voir qui se trouve dans quelle réunion, depuis quand, et combien de paquets passent.", "Terminer une réunion et lire le journal d’audit."]],
        ["Ce qu’aucun administrateur ne peut faire", ["Entendre, voir ou lire une réunion : le serveur n’a aucune clé.", "Entrer dans une salle sans être admis par un hôte et sans apparaître dans la liste des personnes.", "Faire entrer un appareil qui n’est pas inscrit dans le journal des clés, ou raccourcir ce journal sans que les appareils qui l’ont vu le disent.", "Désactiver le scellement : ce réglage n’existe pas."]],
        ["Ce qui n’est pas encore là", ["Un appareil s’inscrit dans le journal des clés sans qu’un appareil plus ancien du compte le signe : un serveur malveillant pourrait associer un faux appareil à un nom. Il resterait dans le journal pour toujours ; les mots de vérification le révèlent.", "Aucun témoin ne contresigne ce journal, et un appareil perdu ne peut pas y être rayé."]],
      ] as [string, string[]][],
      safety: "Ce que Huis Clos protège",
    },
  },
  {
    skip: "Skip to content",
    console: "Console",
    nav: "Sections",
    groups: { people: "People", meetings: "Meetings", appliance: "Appliance", security: "Security", mine: "You" },
    overview: "Status",
    accounts: "Accounts",
    calls: "Meetings",
    audit: "Audit log",
    about: "About",
    account: "My account",
    toMeetings: "Go to rooms",
    signOut: "Sign out",
    menu: (name) => `Account of ${name}`,
    loading: "Loading",
    retry: "Try again",
    save: "Save",
    mySecurity: "My security",
    understood: "Understood",
    notFound: { title: "This page does not exist", text: "Check the address, or choose a section.", act: "See the status" },
    broken: { title: "Something went wrong on this page", text: "Reload it. If it happens again, look into the system’s journal.", act: "Reload the page" },
    shut: { title: "The console has shut", text: "It was left alone for five minutes. Nothing is lost: confirm that it is you, and it opens where you were.", open: "Open the console again" },
    notAllowed: { title: "This console is not for your role", text: "It is for whoever administers the appliance, sets its rules or reads its log. Your account is for meetings." },

    state: {
      well: (calls, people, backup) => `${calls === 0 ? "All well: no meeting in progress" : `All well: ${plural("en", calls, "meeting", "meetings")}, ${plural("en", people, "person", "people")}`}${backup && `, backup ${backup}`}.`,
      refused: (n) => `${plural("en", n, "packet", "packets")} refused in the meetings in progress: not sealed as they must be, and passed on to nobody.`,
      see: "See the meetings",
      lost: "The appliance does not answer. We try again every ten seconds.",
      asking: "Asking the appliance how it is.",
      now: "Right now",
      calls: "Meetings in progress", people: "People connected", forwarded: "Packets forwarded", refusedName: "Packets refused", accounts: "Accounts", rooms: "Rooms",
      appliance: "The appliance",
      version: "Version", started: "Started", address: "Address", fingerprint: "Certificate fingerprint", certificate: "See the certificate", backup: "Last backup", noBackup: "none", backups: "See the backups",
      fingerprintHint: "With a self-signed certificate, compare this fingerprint with the one your browser shows.",
      copy: "Copy the fingerprint",
    },

    signIn: {
      title: "Administration console", act: "Sign in",
      setup: "This Huis Clos has no administrator yet.", setupAct: "Start setting up",
    },

    people: {
      title: "Accounts", total: (n) => plural("en", n, "account", "accounts"),
      search: "Search a name or an address", create: "Create an account",
      name: "Name", email: "E-mail address", role: "Role", state: "State", last: "Last sign-in", created: "Created", acts: "Actions",
      states: { invited: "Invited", active: "Active", disabled: "Disabled" },
      never: "Never", open: (n) => `Manage the account of ${n}`,
      none: "No account matches", noneText: "Try another name or address.",
      createTitle: "Create an account", createText: "The person chooses their own passphrase, through an activation link that you hand over.", createAct: "Create and get the link",
      linkTitle: "Activation link", linkFor: (n) => `Hand this link to ${n}, by safe means.`,
      linkOnce: "It is shown here, once. If you lose it, make a new one: the old one will no longer work.",
      linkExpires: (when) => `It works once, until ${when}.`, linkCopy: "Copy the link", linkDone: "Done",
      newLink: "Make a new activation link", newLinkHint: "For somebody who has not activated their account or forgot their passphrase. The previous link will no longer work.",
      renamed: "The name is changed.", roleChanged: "The role is changed.",
      disable: "Disable the account", enable: "Enable the account",
      disableTitle: (n) => `Disable the account of ${n}?`, disableText: "Their sessions end and meetings that they are in lose them at once. Nothing is erased; you can enable the account again.", disableAct: "Disable",
      disabled: "The account is disabled.", enabled: "The account is enabled.",
      remove: "Delete the account",
      removed: "The account is deleted.",
      self: "This is your account: another administrator can disable it. You can ask for its deletion in “My account”.",
      detail: "Account",
      factor: "Second factor", factorOn: "Yes", factorOff: "No",
      factorRemove: "Remove the second factor", factorHint: "For somebody who lost their phone and their recovery codes.",
      factorTitle: (n) => `Remove the second factor of ${n}?`,
      factorText: "Their sessions end and their recovery codes are lost. If the rules ask for a second factor in their role, they will have to set up a new one at their next sign-in; otherwise their passphrase alone is enough until then. First make sure that it is really they who ask.",
      factorOwn: "This is your account: your session ends and your recovery codes are lost. At your next sign-in you set up a new one before anything else.",
      factorAct: "Remove the second factor", factorRemoved: "The second factor is removed.",
    },

    live: {
      title: "Meetings in progress", none: "No meeting in progress", noneText: "This page updates itself.",
      since: (d) => `For ${d}`, people: (n) => plural("en", n, "person", "people"), locked: "Locked", epoch: (n) => `Key no. ${n}`,
      epochHint: "The room changes its key at each arrival and departure. The server knows this number, not the key.",
      who: "Person", entered: "Entered", transport: "Path", link: "Connection", received: "Received from them", sent: "Forwarded to them", rate: "Rate to them",
      connected: "Connected", away: "Away", transports: { udp: "UDP", tcp: "TCP", relay: "Relay", "": "Pending" },
      forwarded: (n) => `${n} packets forwarded`, sending: (rate) => `${rate} to those present`, noRefused: "No packet refused",
      refused: "Packets refused, by reason", reason: "Reason", count: "Packets",
      end: "End the meeting", endTitle: (r) => `End the meeting in “${r}”?`,
      endText: (n) => `${plural("en", n, "person", "people")} will be disconnected at once and the messages of the meeting will be lost. The room stays; its host can open it again.`, ended: "The meeting is over.",
      blind: "You see what the server knows: who, since when, how much. Neither you nor it can hear, see or read.",
      members: (r) => `People in ${r}`,
    },
    reasons: {
      "no-header": "Without a sealing header", "bad-header": "Malformed sealing header", "bad-prefix": "Unexpected picture prefix", "bad-descriptor": "Unreadable packet description",
      "wrong-kid": "Key of another person or stream", "old-epoch": "Old key of the room", "future-epoch": "Key that does not exist yet", replayed: "Already received",
      "no-room-for-tag": "Too short to be sealed", "no-first-packet": "Continuation without a beginning", "held-too-long": "Beginning awaited for too long", "held-too-much": "Too many continuations without a beginning",
      "not-admitted": "Person not admitted", "too-large": "Too large",
    },

    log: {
      title: "Audit log", text: "Each entry holds the fingerprint of the one before it: changing one would show.",
      head: (n) => `Last entry: no. ${n}`, copyHead: "Copy its fingerprint",
      time: "Date", action: "Action", actor: "By", object: "Object", result: "Result", client: "From", number: "No.", more: (n) => `Detail of entry ${n}`, moreTitle: (n) => `Entry no. ${n}`,
      results: { ok: "Done", refused: "Refused", failed: "Failed" }, system: "The appliance", anonymous: "Somebody not signed in", operator: "Operator, on the command line", provisioning: "Provisioning",
      none: "The log is empty", noneText: "Acts will appear here.", hash: "Fingerprint", code: "Technical name", newest: "Back to the newest",
    },

    info: {
      title: "About this console",
      parts: [
        ["What an administrator can do", ["Create, disable and delete accounts; hand over an activation link; remove a second factor that was lost.", "See who is in which meeting, since when, and how many packets pass.", "End a meeting and read the audit log."]],
        ["Who watches with them", ["A security officer sets the rules. What loosens them, and what makes or unmakes an officer, takes one more officer’s agreement.", "An auditor reads the audit log. They enter no room.", "Nobody holds two of these three roles."]],
        ["What nobody can do here", ["Hear, see or read a meeting: the server has no key.", "Enter a room without being admitted by a host and without appearing in the list of people.", "Bring in a device that is not in the key log, or shorten that log without the devices that have seen it saying so.", "Turn sealing off: there is no such setting."]],
        ["What is not there yet", ["A device is written into the key log without an older device of its account signing it: a malicious server could tie a false device to a name. It would stay in the log for ever; the verification words reveal it.", "No witness cosigns this log, and a lost device can’t be struck off it."]],
      ],
      safety: "What Huis Clos protects",
    },
  },
);

/** What a section is called; nothing for an address that is none. */
export function sectionName(at: string): string | undefined {
  const t = words.value;
  return { "": t.overview, accounts: t.accounts, groups: groupWords.value.title, directory: directoryWords.value.name, provisioning: provisioningWords.value.name, programs: programWords.value.name, calls: t.calls, statistics: watchWords.value.stats.title, settings: settingsWords.value.title, appearance: lookWords.value.title, tls: tlsWords.value.name, backups: backupWords.value.title, posture: postureWords.value.title, updates: updateWords.value.name, policy: roleWords.value.rules.name, profiles: profileWords.value.name, proposals: roleWords.value.waiting.name, audit: t.audit, logs: logWords.value.title, about: t.about, account: t.account }[at];
}

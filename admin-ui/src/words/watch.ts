/** Sentences of the overview's attention and charts, and of the statistics. */
import { bind, count, date, dateTime, dictionary, lang, plural } from "@huisclos/ui-kit";
import type { Attention } from "../watch.ts";

/** What is the matter, and what to do. */
export interface Said { text: string; act: string; section?: string }

const part = (n: number) => new Intl.NumberFormat(lang.value === "fr" ? "fr" : "en-GB", { style: "percent", maximumFractionDigits: n < 0.1 ? 1 : 0 }).format(n);
const few = (n: number) => new Intl.NumberFormat(lang.value === "fr" ? "fr" : "en-GB", { maximumFractionDigits: n < 10 ? 1 : 0 }).format(n);
const scaled = (n: number, by: number, names: readonly string[]) => {
  let i = 0;
  for (; n >= by && i < names.length - 1; i++) n /= by;
  return `${few(n)} ${names[i]}`;
};

/** Values with their units, in the language of the page. */
export const units = {
  number: (n: number) => few(n),
  part,
  rate: (n: number) => scaled(n, 1000, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"]),
  packets: (n: number) => `${few(n)}/s`,
  octets: (n: number) => scaled(n, 1024, lang.value === "fr" ? ["o", "Kio", "Mio", "Gio", "Tio"] : ["B", "KiB", "MiB", "GiB", "TiB"]),
  hours: (minutes: number) => `${few(minutes / 60)} h`,
};

const fr: Record<string, (a: Attention) => Said> = {
  database: () => ({ text: "Plus rien ne s’enregistre : le disque a signalé une erreur.", act: "Vérifiez le disque, puis redémarrez l’appareil. Les réunions en cours continuent jusque-là." }),
  "disk-full": () => ({ text: "Le disque est plein : plus rien ne s’enregistre.", act: "Les réunions en cours continuent ; personne ne se connecte ni n’entre plus. Libérez de la place ou agrandissez le disque : tout reprend sans redémarrage." }),
  "read-only": () => ({ text: "Le système de fichiers des données est passé en lecture seule : plus rien ne s’enregistre.", act: "Les réunions en cours continuent ; personne n’entre plus. Le noyau protège ainsi un disque en panne : vérifiez-le, remontez-le, puis redémarrez l’appareil." }),
  "device-log": () => ({ text: "Le journal des clés des appareils n’est pas ce que dit son dernier point de contrôle signé.", act: "Il a été abîmé, coupé ou modifié : aucun appareil n’y est plus inscrit. Cherchez qui a pu écrire dans la base, puis reprenez une sauvegarde.", section: "backups" }),
  forwarding: (a) => ({ text: `Le journal d’audit n’arrive plus au collecteur depuis ${dateTime(a.since ?? 0)} : ${a.fr ?? ""}.`, act: "Les entrées attendent sur cet appareil, et partent dès que le collecteur répond. « huisclos check syslog » sur le serveur en dit plus." }),
  disk: (a) => ({ text: `Le disque est presque plein : ${units.octets(a.number ?? 0)} libres.`, act: "Libérez de la place ou agrandissez-le. Une fois plein, plus rien ne s’enregistre et personne ne peut se connecter." }),
  "certificate-expired": (a) => ({ text: `Le certificat a expiré le ${date(a.since ?? 0)}.`, act: "Renouvelez-le : d’ici là, les navigateurs refusent l’adresse ou mettent en garde.", section: "tls" }),
  "certificate-soon": (a) => ({ text: `Le certificat expire dans ${plural("fr", a.number ?? 0, "jour", "jours")}, le ${date(a.since ?? 0)}.`, act: "Renouvelez-le avant cette date.", section: "tls" }),
  mail: (a) => ({ text: `Aucun courriel ne part depuis ${dateTime(a.since ?? 0)} : ${a.fr ?? ""}.`, act: "Les courriels attendent, et sont abandonnés au bout de trois jours. « huisclos check mail » sur le serveur en dit plus.", section: "settings#mail" }),
  directory: (a) => ({ text: `L’annuaire ne répond pas : ${a.fr ?? ""}`, act: "Les personnes de l’annuaire ne peuvent pas se connecter. Voyez la cause.", section: "directory" }),
  "directory-held": (a) => ({ text: `${plural("fr", a.number ?? 0, "personne n’est", "personnes ne sont")} plus dans l’annuaire ; aucun compte n’a été fermé.`, act: "Vérifiez, puis synchronisez malgré tout si c’est juste.", section: "directory" }),
  provider: (a) => ({ text: `Le fournisseur d’identité ne répond pas : ${a.fr ?? ""}`, act: "On ne se connecte plus par lui ; les comptes d’ici se connectent toujours.", section: "settings#sources" }),
  load: (a) => ({ text: `La machine est à ${part(a.number ?? 0)} de ce qu’elle peut transmettre.`, act: "À partir de 75 %, aucune nouvelle réunion ne commence. Donnez-lui plus de processeurs.", section: "statistics" }),
  memory: (a) => ({ text: `La mémoire est prise à ${part(a.number ?? 0)}.`, act: "Donnez plus de mémoire à la machine, ou répartissez les réunions dans le temps.", section: "statistics" }),
  clock: (a) => ({ text: `L’horloge de la machine a sauté de ${units.hours(Math.abs(a.number ?? 0) / 60)} le ${dateTime(a.since ?? 0)}.`, act: "Vérifiez la date et le service d’heure : liens, codes et certificats en dépendent.", section: "posture" }),
  sandbox: (a) => ({ text: `Des protections du programme ne sont pas en place : ${(a.what ?? []).join(", ")}.`, act: "« huisclos check » dit à quoi chacune sert et comment la rétablir.", section: "posture" }),
  settings: (a) => ({ text: `${plural("fr", a.number ?? 0, "réglage attend", "réglages attendent")} un redémarrage : ${(a.what ?? []).join(", ")}.`, act: "Redémarrez l’appareil à un moment calme ; chacun revient dans sa réunion tout seul.", section: "settings" }),
  backup: (a) => ({ text: `${a.since ? `La dernière sauvegarde réussie date du ${dateTime(a.since)}` : "Aucune sauvegarde n’a réussi"} : ${({ recipient: "la clé publique des réglages n’est pas entière", space: "le disque n’a plus assez de place", folder: "le dossier des sauvegardes ne peut pas être écrit" } as Record<string, string>)[a.what?.[0] ?? ""] ?? "l’essai suivant a échoué"}.`, act: "Nous réessayons toutes les heures. Voyez la cause.", section: "backups" }),
  "backup-copy": (a) => ({ text: a.since ? `L’autre machine n’a plus reçu de sauvegarde depuis ${dateTime(a.since)}.` : "L’autre machine n’a encore reçu aucune sauvegarde.", act: "Les sauvegardes sont faites et restent ici ; un disque perdu les emporterait. Voyez la cause.", section: "backups" }),
  "backup-late": (a) => ({ text: `La dernière sauvegarde date du ${dateTime(a.since ?? 0)}, plus de deux fois le délai prévu.`, act: "Faites-en une maintenant, et voyez si l’appareil est resté éteint.", section: "backups" }),
  "backup-off": (a) => ({ text: a.since ? `Aucune sauvegarde n’est prévue ; la dernière date du ${dateTime(a.since)}.` : "Il n’y a pas de sauvegarde, et aucune n’est prévue.", act: "Si le disque est perdu, comptes, salles et journal le sont aussi. Donnez une clé publique : la première se fait aussitôt.", section: "backups" }),
  drain: () => ({ text: "Plus aucune réunion ne peut commencer : l’appareil se vide avant un arrêt.", act: "Celles en cours continuent. Pour y mettre fin : « Autoriser de nouvelles réunions », sur cette page, ou un redémarrage.", section: "calls" }),
  webhook: (a) => ({ text: `${plural("fr", a.number ?? 0, "webhook est arrêté", "webhooks sont arrêtés")} après trop d’échecs : ${(a.what ?? []).join(", ")}.`, act: "Le programme prévenu ne reçoit plus rien. Corrigez son adresse ou réparez-le, puis remettez-le en marche.", section: "programs" }),
};

const en: Record<string, (a: Attention) => Said> = {
  database: () => ({ text: "Nothing is kept any more: the disk has reported an error.", act: "Check the disk, then restart the appliance. Meetings in progress go on until then." }),
  "disk-full": () => ({ text: "The disk is full: nothing is kept any more.", act: "Meetings in progress go on; nobody signs in or comes in any more. Make room or enlarge the disk: everything resumes without a restart." }),
  "read-only": () => ({ text: "The file system of the data has become read-only: nothing is kept any more.", act: "Meetings in progress go on; nobody comes in any more. The kernel so protects a disk that fails: check it, mount it again, then restart the appliance." }),
  "device-log": () => ({ text: "The key log of devices is not what its last signed checkpoint says.", act: "It was damaged, cut or altered: no device is written into it any more. Find out who could write to the database, then bring a backup back.", section: "backups" }),
  forwarding: (a) => ({ text: `The audit log has not reached the collector since ${dateTime(a.since ?? 0)}: ${a.en ?? ""}.`, act: "Entries wait on this appliance, and go out once the collector answers. “huisclos check syslog” on the server says more." }),
  disk: (a) => ({ text: `The disk is nearly full: ${units.octets(a.number ?? 0)} free.`, act: "Make room or enlarge it. Once it is full nothing is kept, and nobody can sign in." }),
  "certificate-expired": (a) => ({ text: `The certificate expired on ${date(a.since ?? 0)}.`, act: "Renew it: until then browsers refuse the address or warn.", section: "tls" }),
  "certificate-soon": (a) => ({ text: `The certificate expires in ${plural("en", a.number ?? 0, "day", "days")}, on ${date(a.since ?? 0)}.`, act: "Renew it before that date.", section: "tls" }),
  mail: (a) => ({ text: `No mail has left since ${dateTime(a.since ?? 0)}: ${a.en ?? ""}.`, act: "Mails wait, and are given up after three days. “huisclos check mail” on the server says more.", section: "settings#mail" }),
  directory: (a) => ({ text: `The directory does not answer: ${a.en ?? ""}`, act: "People of the directory cannot sign in. See the cause.", section: "directory" }),
  "directory-held": (a) => ({ text: `${plural("en", a.number ?? 0, "person is", "people are")} no longer in the directory; no account was shut.`, act: "Check, then synchronise anyway if that is right.", section: "directory" }),
  provider: (a) => ({ text: `The identity provider does not answer: ${a.en ?? ""}`, act: "Nobody signs in by it; accounts of this appliance still do.", section: "settings#sources" }),
  load: (a) => ({ text: `The machine is at ${part(a.number ?? 0)} of what it can forward.`, act: "From 75% on no new meeting begins. Give it more processors.", section: "statistics" }),
  memory: (a) => ({ text: `The memory is taken to ${part(a.number ?? 0)}.`, act: "Give the machine more memory, or spread the meetings over the day.", section: "statistics" }),
  clock: (a) => ({ text: `The machine’s clock jumped by ${units.hours(Math.abs(a.number ?? 0) / 60)} on ${dateTime(a.since ?? 0)}.`, act: "Check the date and the time service: links, codes and certificates rely on it.", section: "posture" }),
  sandbox: (a) => ({ text: `Protections of the program are not in force: ${(a.what ?? []).join(", ")}.`, act: "“huisclos check” says what each is good for and how to bring it back.", section: "posture" }),
  settings: (a) => ({ text: `${plural("en", a.number ?? 0, "setting waits", "settings wait")} for a restart: ${(a.what ?? []).join(", ")}.`, act: "Restart the appliance at a quiet moment; everybody comes back to their meeting by themselves.", section: "settings" }),
  backup: (a) => ({ text: `${a.since ? `The last good backup is of ${dateTime(a.since)}` : "No backup has succeeded"}: ${({ recipient: "the public key in the settings is not whole", space: "the disk has no room left", folder: "the folder of backups cannot be written to" } as Record<string, string>)[a.what?.[0] ?? ""] ?? "the next try failed"}.`, act: "We try again every hour. See the cause.", section: "backups" }),
  "backup-copy": (a) => ({ text: a.since ? `The other machine has received no backup since ${dateTime(a.since)}.` : "The other machine has not received a backup yet.", act: "Backups are made and stay here; a lost disk would take them along. See the cause.", section: "backups" }),
  "backup-late": (a) => ({ text: `The last backup is of ${dateTime(a.since ?? 0)}, more than twice as old as planned.`, act: "Make one now, and see whether the appliance was off.", section: "backups" }),
  "backup-off": (a) => ({ text: a.since ? `No backup is planned; the last one is of ${dateTime(a.since)}.` : "There is no backup, and none is planned.", act: "If the disk is lost, so are accounts, rooms and log. Give a public key: the first one is made at once.", section: "backups" }),
  drain: () => ({ text: "No further meeting can begin: the appliance is emptying before a stop.", act: "Those in progress go on. To end it: “Allow new meetings”, on this page, or a restart.", section: "calls" }),
  webhook: (a) => ({ text: `${plural("en", a.number ?? 0, "webhook was stopped", "webhooks were stopped")} after too many failures: ${(a.what ?? []).join(", ")}.`, act: "The program that was told gets nothing any more. Mend its address or repair it, then turn it on again.", section: "programs" }),
};

export function attentionSaid(a: Attention): Said {
  const known = (lang.value === "fr" ? fr : en)[a.code];
  return bind(known ? known(a) : { text: a[lang.value] ?? a.code, act: "" });
}

export const watchWords = dictionary(
  {
    first: "À regarder d’abord",
    more: (n: number) => `(et ${plural("fr", n, "autre point", "autres points")})`,
    seeSection: (name: string) => `Voir « ${name} »`,
    past: "Évolution", span: "Période",
    spans: { hour: "Une heure", day: "Un jour", week: "Une semaine", month: "Un mois", year: "Un an" },
    charts: { people: "Personnes et réunions", peopleLine: "personnes", callsLine: "réunions", band: "Débit des médias", sent: "envoyé", received: "reçu", refused: "Paquets refusés", refusedLine: "refusés", cpu: "Processeur", cpuLine: "occupé", load: "transmission" },
    stats: {
      title: "Statistiques", from: "Du", to: "Au", wrong: "Choisissez deux dates, la première avant la seconde, à 400 jours au plus l’une de l’autre.",
      text: "Combien l’appareil sert : ni qui a rencontré qui, ni dans quelle salle, ni de quoi il a été question.",
      none: "Rien n’a encore été compté", noneText: "Les chiffres apparaissent à la fin de la première réunion. Les jours sont comptés en heure universelle.",
      calls: "Réunions", people: "Personnes", hours: "Heures passées", most: "En même temps", day: "Jour", days: "Par jour",
      total: { calls: "Réunions", hours: "Heures passées en réunion", most: "Le plus de personnes en même temps", people: "Le plus de personnes en un jour" },
      perDayCalls: "Réunions par jour", perDayHours: "Heures en réunion, toutes personnes ensemble",
      sizes: "Par taille de réunion", size: "Participants au plus", share: "Part",
      sizeOf: (low: number, high: number | null) => high === null ? `${count(low)} et plus` : low === high ? count(low) : `${count(low)} à ${count(high)}`,
      groups: "Par groupe", group: "Groupe", gone: "Un groupe supprimé", groupDays: "Jours comptés", groupPeople: "Personnes, environ", groupHours: "Heures, environ",
      groupText: (floor: number) => `Un groupe n’apparaît pour un jour que si ${count(floor)} de ses membres au moins s’y sont réunis, et ses chiffres sont arrondis : personne ne s’y reconnaît. Le jour en cours n’y est pas encore.`,
      noGroups: "Aucun groupe n’a réuni assez de personnes sur cette période.",
      csv: "Télécharger (CSV)", file: "statistiques",
    },
    token: {
      title: "Supervision", text: "Prometheus lit les mesures à cette adresse, avec un jeton. Elles ne nomment personne, ni salle, ni adresse.",
      address: "Adresse", made: "Jeton créé", none: "Il n’y a pas de jeton : la page est fermée.",
      make: "Créer un jeton", again: "Remplacer le jeton", revoke: "Révoquer le jeton",
      once: "Copiez ce jeton : il n’est montré qu’ici, une seule fois.", copy: "Copier le jeton", done: "C’est fait", yours: "Jeton des mesures",
      revokeTitle: "Révoquer le jeton des mesures ?", revokeText: "Ce qui lit les mesures avec ce jeton ne recevra plus rien. Les appels et la console continuent.", revoked: "Le jeton est révoqué.",
      againTitle: "Remplacer le jeton des mesures ?", againText: "Le jeton d’avant ne servira plus : la supervision s’arrête jusqu’à ce que vous lui donniez le nouveau.",
    },
  },
  {
    first: "To look after first",
    more: (n) => `(and ${plural("en", n, "other point", "other points")})`,
    seeSection: (name) => `See “${name}”`,
    past: "Over time", span: "Period",
    spans: { hour: "An hour", day: "A day", week: "A week", month: "A month", year: "A year" },
    charts: { people: "People and meetings", peopleLine: "people", callsLine: "meetings", band: "Media rate", sent: "sent", received: "received", refused: "Refused packets", refusedLine: "refused", cpu: "Processor", cpuLine: "in use", load: "forwarding" },
    stats: {
      title: "Statistics", from: "From", to: "To", wrong: "Choose two dates, the first before the second, 400 days apart at most.",
      text: "How much the appliance is used: not who met whom, nor in which room, nor what it was about.",
      none: "Nothing was counted yet", noneText: "Figures appear at the end of the first meeting. Days are counted in universal time.",
      calls: "Meetings", people: "People", hours: "Hours spent", most: "At once", day: "Day", days: "By day",
      total: { calls: "Meetings", hours: "Hours spent in meetings", most: "Most people at once", people: "Most people in a day" },
      perDayCalls: "Meetings by day", perDayHours: "Hours in meetings, of all people together",
      sizes: "By size of the meeting", size: "Most participants", share: "Share",
      sizeOf: (low, high) => high === null ? `${count(low)} and more` : low === high ? count(low) : `${count(low)} to ${count(high)}`,
      groups: "By group", group: "Group", gone: "A group that was deleted", groupDays: "Days counted", groupPeople: "People, about", groupHours: "Hours, about",
      groupText: (floor) => `A group stands here for a day only if ${count(floor)} of its members at least met on it, and its figures are rounded: nobody is singled out. The day in progress is not there yet.`,
      noGroups: "No group brought enough people together in this time.",
      csv: "Download (CSV)", file: "statistics",
    },
    token: {
      title: "Monitoring", text: "Prometheus reads the metrics at this address, with a token. They name nobody, no room and no address.",
      address: "Address", made: "Token made", none: "There is no token: the page is shut.",
      make: "Make a token", again: "Replace the token", revoke: "Revoke the token",
      once: "Copy this token: it is shown here only, once.", copy: "Copy the token", done: "Done", yours: "Token of the metrics",
      revokeTitle: "Revoke the token of the metrics?", revokeText: "What reads the metrics with this token gets nothing any more. Calls and the console go on.", revoked: "The token is revoked.",
      againTitle: "Replace the token of the metrics?", againText: "The token before is no longer good: monitoring stops until you give it the new one.",
    },
  },
);

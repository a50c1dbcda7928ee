/** Sentences about the protections. */
import { count, dateTime, dictionary, lang, plural } from "@huisclos/ui-kit";
import type { Area, Level } from "../api-posture.ts";

const names: Record<string, [string, string]> = {
  "no-new-privileges": ["Aucun droit nouveau", "No new privileges"], "not-dumpable": ["Mémoire fermée aux autres programmes", "Memory closed to other programs"],
  "no-core-dump": ["Aucune image de la mémoire", "No core dump"], "landlock": ["Fichiers et ports fermés (Landlock)", "Files and ports closed (Landlock)"],
  "seccomp": ["Appels au noyau filtrés (seccomp)", "System calls filtered (seccomp)"], "no-capabilities": ["Aucun privilège du noyau", "No capability"],
  "no-network": ["Aucune interface réseau", "No network interface"], "own-users": ["Espace de noms d’utilisateurs", "User namespace"],
  "read-only-system": ["Système en lecture seule", "System read-only"], "not-root": ["Un compte à part", "An account of its own"], "plain-tcp": ["Ports en TCP seulement", "Ports in TCP alone"],
  "memory-limit": ["Mémoire limitée", "Memory limited"], "no-swap": ["Mémoire hors du disque d’échange", "Memory off the swap disk"],
  "random": ["Source d’aléa", "Source of randomness"], "clock-steady": ["Horloge sans saut", "Clock without a jump"], "clock-kept": ["Horloge tenue à l’heure", "Clock kept right"],
  "tls": ["TLS avec les navigateurs", "TLS with browsers"], "certificate": ["Certificat", "Certificate"], "dtls-srtp": ["DTLS et SRTP des médias", "DTLS and SRTP of media"],
  "gate": ["Paquets non scellés refusés", "Unsealed packets refused"], "mls": ["Clés de bout en bout (MLS)", "End-to-end keys (MLS)"], "pepper": ["Poivre des phrases de passe", "Pepper of the passphrases"],
  "audit-verified": ["Journal d’audit vérifié", "Audit log verified"], "audit-signed": ["Journal d’audit signé", "Audit log signed"], "device-log": ["Journal des clés des appareils", "Key log of devices"], "backup": ["Sauvegarde", "Backup"],
  "program": ["Programme", "Program"], "components": ["Composants (SBOM)", "Components (SBOM)"],
};
/** What a line is called; a setting of the kernel keeps its own name. */
export const lineName = (name: string): string => names[name]?.[lang.value === "fr" ? 0 : 1] ?? name;

export const postureWords = dictionary(
  {
    title: "Protections", lead: "Ce qui est scellé, par quel mécanisme, mesuré à l’instant sur cet appareil. Rien n’est dit en ordre sans avoir été mesuré.",
    areas: { process: "Le programme et sa cellule", kernel: "Le noyau de la machine", links: "Les connexions", media: "Les réunions", secrets: "Les secrets", records: "Journal, sauvegarde, heure", build: "Le programme livré" } as Record<Area, string>,
    levels: { green: "En ordre", attention: "À voir", red: "À corriger", unknown: "Non mesuré" } as Record<Level, string>,
    counted: (n: Record<Level, number>) => `${plural("fr", n.red, "point à corriger", "points à corriger")}, ${count(n.attention)} à voir, ${count(n.unknown)} non mesurés, ${count(n.green)} en ordre.`,
    worst: { green: "Toutes les protections sont en place", attention: "Les protections sont en place ; certains points méritent votre avis", red: "Une protection au moins n’est pas en place", unknown: "Les protections mesurées sont en place" } as Record<Level, string>,
    measured: (at: string, since: string) => `Mesuré le ${dateTime(at)}. Les nombres comptent depuis le démarrage, le ${dateTime(since)}.`,
    show: "Montrer", filters: { all: "Tout", open: "Ce qui reste à voir" }, allWell: "Rien à voir ni à corriger", allWellText: "Toutes les lignes mesurées sont en ordre.",
    why: "Pourquoi", todo: "Que faire", see: (section: string) => `Voir « ${section} »`, seen: "Vu depuis le démarrage", bill: "Télécharger la liste (CycloneDX)", what: "Quoi", times: "Fois",
    sameBy: "La même liste sur le serveur, avec ce que le programme enfermé ne peut pas lire lui-même : sudo huisclos posture",
  },
  {
    title: "Protections", lead: "What is sealed, by which mechanism, measured on this appliance just now. Nothing is said to be in order that was not measured.",
    areas: { process: "The process and its cell", kernel: "The machine’s kernel", links: "Connections", media: "Meetings", secrets: "Secrets", records: "Log, backup, time", build: "The program as shipped" },
    levels: { green: "In order", attention: "To look at", red: "To mend", unknown: "Not measured" },
    counted: (n) => `${plural("en", n.red, "point to mend", "points to mend")}, ${count(n.attention)} to look at, ${count(n.unknown)} not measured, ${count(n.green)} in order.`,
    worst: { green: "All protections are in force", attention: "The protections are in force; some points deserve your opinion", red: "At least one protection is not in force", unknown: "The protections that were measured are in force" },
    measured: (at, since) => `Measured on ${dateTime(at)}. Figures count from the start, on ${dateTime(since)}.`,
    show: "Show", filters: { all: "All", open: "What is left to look at" }, allWell: "Nothing to look at, nothing to mend", allWellText: "All lines that were measured are in order.",
    why: "Why", todo: "What to do", see: (section) => `See “${section}”`, seen: "Seen since the start", bill: "Download the list (CycloneDX)", what: "What", times: "Times",
    sameBy: "The same list on the server, with what the confined program cannot read by itself: sudo huisclos posture",
  },
);

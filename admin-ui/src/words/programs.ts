/** Sentences about access for programs: tokens of the API, and webhooks. */
import { dictionary, plural } from "@huisclos/ui-kit";
import type { Outcome } from "../programs.ts";

const scopesFR: Readonly<Record<string, string>> = {
  "status:read": "Lire l’état de l’appareil", "accounts:read": "Lire les comptes, avec noms et adresses", "accounts:write": "Créer, renommer, désactiver des comptes de membres et d’organisateurs",
  "groups:read": "Lire les groupes", "groups:write": "Changer les groupes d’ici", "rooms:read": "Lire vos salles et réunions prévues", "rooms:write": "Ouvrir, changer et supprimer vos salles, y prévoir des réunions", "calls:read": "Lire les réunions en cours, sans contenu",
  "statistics:read": "Lire les chiffres d’usage, sans noms", "audit:read": "Lire le journal d’audit", "settings:read": "Lire les réglages, sans secrets", "backups:read": "Lire la liste des sauvegardes",
};
const scopesEN: Readonly<Record<string, string>> = {
  "status:read": "Read the state of the appliance", "accounts:read": "Read accounts, with names and addresses", "accounts:write": "Make, rename, disable accounts of members and organisers",
  "groups:read": "Read groups", "groups:write": "Change groups of here", "rooms:read": "Read your rooms and planned meetings", "rooms:write": "Open, change and delete your rooms, plan meetings in them", "calls:read": "Read meetings in progress, without content",
  "statistics:read": "Read figures of use, without names", "audit:read": "Read the audit log", "settings:read": "Read settings, without secrets", "backups:read": "Read the list of backups",
};
const eventsFR: Readonly<Record<string, string>> = {
  "account.created": "Compte créé", "account.disabled": "Compte désactivé", "account.enabled": "Compte réactivé", "account.deleted": "Compte supprimé", "account.role": "Rôle changé",
  "call.started": "Réunion commencée", "call.ended": "Réunion terminée, avec le nombre de personnes", "sign-in.refused-often": "Nombreuses connexions refusées", "settings.changed": "Réglages changés", "policy.changed": "Règles changées",
  "token.made": "Jeton créé", "token.revoked": "Jeton révoqué", "certificate.expiring": "Certificat bientôt expiré", "backup.made": "Sauvegarde faite", "backup.failed": "Sauvegarde échouée", "server.started": "Appareil démarré", "webhook.test": "Essai",
};
const eventsEN: Readonly<Record<string, string>> = {
  "account.created": "Account made", "account.disabled": "Account disabled", "account.enabled": "Account enabled", "account.deleted": "Account deleted", "account.role": "Role changed",
  "call.started": "Meeting started", "call.ended": "Meeting ended, with how many people", "sign-in.refused-often": "Many sign-ins refused", "settings.changed": "Settings changed", "policy.changed": "Rules changed",
  "token.made": "Token made", "token.revoked": "Token revoked", "certificate.expiring": "Certificate about to expire", "backup.made": "Backup made", "backup.failed": "Backup failed", "server.started": "Appliance started", "webhook.test": "Test",
};

export const programWords = dictionary(
  {
    name: "Programmes",
    title: "Accès des programmes",
    lead: "Vos outils de supervision et d’administration lisent et changent ici ce que leur jeton permet, et un webhook les prévient de ce qui se passe. Aucun n’entre dans une réunion, et aucun ne touche aux rôles d’administration, aux seconds facteurs, aux règles ou aux secrets.",
    url: "Adresse de l’API", copyUrl: "Copier l’adresse de l’API", description: "Description (OpenAPI)", open: "Ouvrir la description",
    tokens: "Jetons", make: "Créer un jeton", full: (n: number) => `Il y a ${n} jetons, et c’est le nombre le plus grand : révoquez-en un d’abord.`,
    none: "Aucun jeton", noneText: "Sans jeton, aucun programme n’accède à l’API. Créez-en un pour chaque programme, avec les portées qu’il lui faut.",
    of: "Nom", may: "Portées", networks: (n: number) => plural("fr", n, "réseau permis", "réseaux permis"), expires: "Expire", expired: "Expiré", soon: "Expire bientôt", used: "Dernier usage", never: "Jamais", from: (a: string) => `depuis ${a}`,
    by: (n: string) => n ? `créé par ${n}` : "par un compte supprimé : il ne vaut plus", acts: "Actions", revoke: (n: string) => `Révoquer le jeton ${n}`,
    revokeTitle: (n: string) => `Révoquer le jeton « ${n} » ?`, revokeText: "Le programme qui s’en sert n’accède plus à rien, dès maintenant. Un jeton révoqué ne revient pas.", revokeAct: "Révoquer", revoked: "Jeton révoqué",
    makeTitle: "Créer un jeton", makeText: "Le programme agit en votre nom, dans ces portées seulement. Si votre compte est désactivé ou n’est plus administrateur, le jeton ne vaut plus.",
    nameLabel: "Nom du programme", nameHint: "Supervision, par exemple. Il figure au journal d’audit.", days: "Le jeton dure", daysOf: (n: number) => n === 365 ? "1 an" : plural("fr", n, "jour", "jours"),
    scopes: "Ce que le programme peut faire", scopesHint: "Le moins possible.", scope: (s: string) => scopesFR[s] ?? s,
    networksLabel: "Réseaux permis (facultatif)", networksHint: "192.0.2.0/24 ou 2001:db8::/48, séparés par des espaces. Vide : tous.",
    makeAct: "Créer le jeton", failed: "Le jeton n’a pas été créé", onceTitle: "Jeton créé", token: "Jeton", once: "Ce jeton n’est montré qu’une fois. Copiez-le maintenant dans le programme.", copyToken: "Copier le jeton", onceUntil: (d: string) => `Il vaut jusqu’au ${d}.`, done: "C’est fait",
    hooks: {
      title: "Webhooks", make: "Créer un webhook", none: "Aucun webhook", noneText: "Un webhook envoie à une adresse https ce qui se passe ici : des identifiants, des nombres et des dates, jamais de nom ni de contenu.",
      full: (n: number) => `Il y a ${n} webhooks, et c’est le nombre le plus grand : supprimez-en un d’abord.`, state: "État", good: (d: string) => `Reçu ${d}`, fresh: "Rien n’a encore été envoyé", off: "Arrêté", failed: "Arrêté après trois jours d’échecs", failing: (d: string) => `Échoue depuis ${d}`,
      failedText: (n: string) => `Le webhook « ${n} » a échoué trois jours de suite et a été arrêté. Réparez le destinataire, puis modifiez le webhook et remettez-le en marche.`,
      waiting: (n: number) => plural("fr", n, "événement attend", "événements attendent"), lost: (n: number) => plural("fr", n, "événement perdu", "événements perdus"), events: (n: number) => plural("fr", n, "événement suivi", "événements suivis"),
      look: (n: string) => `Voir le webhook ${n}`, makeTitle: "Créer un webhook", change: "Modifier", changeTitle: "Modifier le webhook", save: "Enregistrer", notSaved: "Le webhook n’a pas été enregistré", saved: "Webhook enregistré",
      nameLabel: "Nom", url: "Adresse", urlHint: "https, sur une autre machine, au port 443 ou à un port que nomme le fichier de réglages.", what: "Événements", event: (e: string) => eventsFR[e] ?? e,
      authority: "Autorité de certification (facultatif)", authorityHint: "Certificats au format PEM, si le destinataire a un certificat de votre propre autorité.", on: "En marche", makeAct: "Créer le webhook",
      secret: "Secret de signature", secretTitle: "Secret du webhook", once: "Ce secret n’est montré qu’une fois. Copiez-le maintenant chez le destinataire, qui vérifie avec lui la signature de chaque requête.", copySecret: "Copier le secret",
      renew: "Nouveau secret", renewTitle: "Faire un nouveau secret ?", renewText: "Pendant un jour, chaque requête est signée des deux secrets : changez-le chez le destinataire d’ici là. Ensuite, l’ancien ne signe plus.", renewAct: "Faire un nouveau secret", former: (d: string) => `L’ancien secret signe aussi jusqu’au ${d}.`,
      test: "Envoyer un essai", tested: "L’essai est arrivé", remove: "Supprimer", removeTitle: (n: string) => `Supprimer le webhook « ${n} » ?`, removeText: "Ce qui attend n’est plus envoyé, et le secret est perdu. Le destinataire n’apprend plus rien d’ici.", removeAct: "Supprimer", removed: "Webhook supprimé",
      deliveries: "Derniers envois", noDeliveries: "Aucun envoi encore.", outcome: "Résultat", when: "Date", tries: (n: number) => `essai ${n}`, next: (d: string) => `nouvel essai ${d}`, givenUp: "abandonné",
      outcomes: { delivered: "Reçu", unreachable: "Injoignable", untrusted: "Certificat non reconnu", silent: "Pas de réponse en 15 secondes", redirected: "Renvoie ailleurs : ce n’est pas suivi", answered: "Refusé par le destinataire", unreadable: "Réponse illisible" } as Record<Outcome, string>,
    },
  },
  {
    name: "Programs",
    title: "Access for programs",
    lead: "Your monitoring and administration tools read and change here what their token allows, and a webhook tells them what happens. None of them enters a meeting, and none touches administrative roles, second factors, rules or secrets.",
    url: "Address of the API", copyUrl: "Copy the address of the API", description: "Description (OpenAPI)", open: "Open the description",
    tokens: "Tokens", make: "Make a token", full: (n: number) => `There are ${n} tokens, which is the most: revoke one first.`,
    none: "No token", noneText: "Without a token no program uses the API. Make one for each program, with the scopes that it needs.",
    of: "Name", may: "Scopes", networks: (n: number) => plural("en", n, "network allowed", "networks allowed"), expires: "Expires", expired: "Expired", soon: "Expires soon", used: "Last used", never: "Never", from: (a: string) => `from ${a}`,
    by: (n: string) => n ? `made by ${n}` : "by an account that was deleted: it no longer counts", acts: "Actions", revoke: (n: string) => `Revoke the token ${n}`,
    revokeTitle: (n: string) => `Revoke the token “${n}”?`, revokeText: "From this moment the program that uses it reaches nothing any more. A revoked token does not come back.", revokeAct: "Revoke", revoked: "Token revoked",
    makeTitle: "Make a token", makeText: "The program acts in your name, within these scopes only. When your account is disabled or no longer administers, the token no longer counts.",
    nameLabel: "Name of the program", nameHint: "Monitoring, for example. It stands in the audit log.", days: "The token lasts", daysOf: (n: number) => n === 365 ? "1 year" : plural("en", n, "day", "days"),
    scopes: "What the program may do", scopesHint: "As little as possible.", scope: (s: string) => scopesEN[s] ?? s,
    networksLabel: "Networks allowed (optional)", networksHint: "192.0.2.0/24 or 2001:db8::/48, with spaces between them. Empty: all.",
    makeAct: "Make the token", failed: "The token was not made", onceTitle: "Token made", token: "Token", once: "This token is shown once. Copy it into the program now.", copyToken: "Copy the token", onceUntil: (d: string) => `It is good until ${d}.`, done: "Done",
    hooks: {
      title: "Webhooks", make: "Make a webhook", none: "No webhook", noneText: "A webhook sends what happens here to an https address: ids, numbers and dates, never a name or any content.",
      full: (n: number) => `There are ${n} webhooks, which is the most: delete one first.`, state: "State", good: (d: string) => `Received ${d}`, fresh: "Nothing was sent yet", off: "Stopped", failed: "Stopped after failing for three days", failing: (d: string) => `Failing since ${d}`,
      failedText: (n: string) => `The webhook “${n}” failed for three days in a row and was stopped. Mend the receiver, then change the webhook and turn it on again.`,
      waiting: (n: number) => plural("en", n, "event waits", "events wait"), lost: (n: number) => plural("en", n, "event lost", "events lost"), events: (n: number) => plural("en", n, "event followed", "events followed"),
      look: (n: string) => `Look at the webhook ${n}`, makeTitle: "Make a webhook", change: "Change", changeTitle: "Change the webhook", save: "Save", notSaved: "The webhook was not saved", saved: "Webhook saved",
      nameLabel: "Name", url: "Address", urlHint: "https, on another machine, at port 443 or at a port that the settings file names.", what: "Events", event: (e: string) => eventsEN[e] ?? e,
      authority: "Certificate authority (optional)", authorityHint: "Certificates in PEM, if the receiver’s certificate comes from an authority of your own.", on: "Running", makeAct: "Make the webhook",
      secret: "Signing secret", secretTitle: "Secret of the webhook", once: "This secret is shown once. Copy it to the receiver now, which checks the signature of each request with it.", copySecret: "Copy the secret",
      renew: "New secret", renewTitle: "Make a new secret?", renewText: "For a day each request is signed by both secrets: change it at the receiver until then. After that, the one before no longer signs.", renewAct: "Make a new secret", former: (d: string) => `The secret before signs too until ${d}.`,
      test: "Send a test", tested: "The test arrived", remove: "Delete", removeTitle: (n: string) => `Delete the webhook “${n}”?`, removeText: "What waits is not sent any more, and the secret is lost. The receiver learns nothing more from here.", removeAct: "Delete", removed: "Webhook deleted",
      deliveries: "Latest deliveries", noDeliveries: "No delivery yet.", outcome: "Result", when: "Date", tries: (n: number) => `try ${n}`, next: (d: string) => `again ${d}`, givenUp: "given up",
      outcomes: { delivered: "Received", unreachable: "Not reached", untrusted: "Certificate not trusted", silent: "No answer within 15 seconds", redirected: "Leads elsewhere: that is not followed", answered: "Refused by the receiver", unreadable: "Answer not readable" } as Record<Outcome, string>,
    },
  },
);

/** Sentences about searching, verifying, copying and witnessing the audit log. */
import { dictionary, lang, plural } from "@huisclos/ui-kit";
import { names, actionName } from "./actions.ts";

const families: Readonly<Record<string, [fr: string, en: string]>> = {
  login: ["Connexion", "Signing in"], session: ["Sessions", "Sessions"], factor: ["Seconds facteurs", "Second factors"], passkey: ["Clés d’accès", "Passkeys"], recovery: ["Codes de secours", "Recovery codes"],
  passphrase: ["Phrases de passe", "Passphrases"], proof: ["Preuves d’identité", "Proofs of identity"], account: ["Comptes", "Accounts"], activation: ["Liens d’activation", "Activation links"], group: ["Groupes", "Groups"],
  guest: ["Invités", "Guests"], invitation: ["Invitations", "Invitations"], policy: ["Règles", "Rules"], proposal: ["Propositions", "Proposals"], profile: ["Profils de sécurité", "Security profiles"], access: ["Accès refusés", "Access refused"],
  room: ["Salles", "Rooms"], meeting: ["Réunions prévues", "Planned meetings"], call: ["Réunions", "Meetings"], knock: ["Demandes d’entrée", "Requests to enter"], commit: ["Changements de groupe refusés", "Refused group changes"],
  gate: ["Paquets refusés", "Refused packets"], calendar: ["Calendriers", "Calendars"], directory: ["Annuaire", "Directory"], provider: ["Fournisseur d’identité", "Identity provider"], provisioner: ["Provisionnement", "Provisioning"],
  mail: ["Courriels", "Mails"], server: ["Appareil", "Appliance"], settings: ["Réglages", "Settings"], certificate: ["Certificats", "Certificates"], audit: ["Journal d’audit", "Audit log"], backup: ["Sauvegardes", "Backups"], update: ["Mises à jour", "Updates"],
  restored: ["Restaurations", "Restores"], disk: ["Place sur le disque", "Room on the disk"], setup: ["Installation", "Set-up"], canary: ["Appels d’essai", "Test calls"],
};

/** The families of actions, for a choice: "login." and what it is called; of one action alone, that action. */
export function familyChoices(): { value: string; label: string }[] {
  const all = new Map<string, string>();
  for (const action of Object.keys(names)) {
    const dot = action.indexOf("."), family = dot < 0 ? action : action.slice(0, dot), named = families[family];
    const value = dot < 0 ? action : `${family}.`;
    if (!all.has(value)) all.set(value, named ? named[lang.value === "fr" ? 0 : 1] : actionName(action));
  }
  return [...all].map(([value, label]) => ({ value, label })).sort((a, b) => a.label.localeCompare(b.label, lang.value));
}

export const auditWords = dictionary(
  {
    tabs: "Parties du journal d’audit", entries: "Entrées", seals: "Vérification et témoins",
    search: "Chercher", from: "Du", to: "Au", person: "Personne", personHint: "Nom, adresse ou identifiant", action: "Action", allActions: "Toutes", result: "Résultat", allResults: "Tous", ok: "Fait", refused: "Refusé", failed: "Échoué",
    object: (o: string) => `Objet : ${o}`, clear: "Effacer les critères", only: "Chercher les entrées de cet objet", onlyPerson: "Chercher les entrées de cette personne",
    further: (d: string) => `Recherche plus loin en arrière, avant le ${d}…`, stop: "Arrêter", stopped: (d: string) => `Cherché jusqu’au ${d}.`, goOn: "Continuer",
    noneFound: "Aucune entrée ne répond à ces critères", noneFoundText: "Élargissez la période, ou retirez un critère.",
    copy: "Copie", copyText: "Une copie en JSON Lines se vérifie sans l’appareil, par « huisclos audit verify ». CEF est fait pour les collecteurs. La période choisie s’applique ; le journal dit que la copie a été prise.", jsonl: "Télécharger en JSON Lines", cef: "Télécharger en CEF",
    verify: "Vérifier le journal", verifying: (a: string, b: string) => `Vérification : ${a} entrées sur ${b}.`,
    verified: (n: string) => `Le journal est tel qu’il a été écrit : ${n} entrées.`, when: (d: string, who: string) => `Vérifié le ${d} par ${who}.`, neverVerified: "Le journal n’a pas encore été vérifié.",
    broken: (n: string) => `Le journal n’est pas tel qu’il a été écrit, à partir de l’entrée ${n}.`, brokenDo: "Ne changez plus rien sur cet appareil, gardez une copie du journal et de la base, et prévenez l’officier de sécurité.", reason: "Ce qui a été trouvé",
    signature: "Signatures", signatureText: "L’appareil signe son journal toutes les cinq minutes. Notez la clé publique ailleurs : avec elle, un journal entièrement refait se voit.",
    lastSigned: "Dernier point de contrôle", signed: (n: string, d: string) => `${n} entrées, le ${d}`, unsigned: "Aucun encore", key: "Clé publique", formerKeys: "Clés d’avant", copyKey: "Copier la clé publique",
    forwarding: "Envoi à un collecteur", forwardedNowhere: "Le journal n’est envoyé nulle part : cet appareil en a la seule copie. Le collecteur se règle dans les réglages, « Envoi du journal d’audit ».",
    forwardingFails: (d: string) => `Rien n’arrive au collecteur depuis le ${d}`, collector: "Collecteur", lastConfirmed: "Dernière entrée confirmée", confirmed: (n: string, d: string) => `${n}, le ${d}`,
    waiting: "En attente", entriesWaiting: (n: number) => n === 0 ? "Aucune entrée" : plural("fr", n, "entrée", "entrées"),
    witnesses: "Témoins", witnessesText: "Un témoin contresigne, depuis un autre poste, les points de contrôle d’un journal qui n’a fait que croître. Qui réécrirait tout le journal n’aurait pas sa signature.",
    noWitness: "Aucun témoin", noWitnessText: "Un officier de sécurité inscrit la clé publique que « huisclos audit witness » affiche sur le poste de l’auditeur.",
    witness: "Témoin", lastCosigned: "A signé", never: "Rien encore", behind: (n: number) => plural("fr", n, "entrée depuis", "entrées depuis"), added: "Inscrit", by: (n: string) => `par ${n}`, acts: "Actions",
    growth: "Fichier à contresigner", growthFor: (n: string) => `Télécharger le fichier à contresigner pour ${n}`, handIn: "Remettre une contresignature", handInHint: "Le fichier que « huisclos audit witness » a écrit.", handed: "Contresignature reçue",
    enrol: "Inscrire un témoin", enrolTitle: "Inscrire un témoin", enrolText: "Comparez la clé avec celle que le témoin lit sur son propre poste.", enrolKey: "Clé publique du témoin", enrolAct: "Inscrire", enrolled: "Témoin inscrit",
    dismiss: (n: string) => `Retirer le témoin ${n}`, dismissTitle: (n: string) => `Retirer le témoin « ${n} » ?`, dismissText: "Ses contresignatures restent et se vérifient avec sa clé publique, mais l’appareil ne les compte plus et n’en prend plus.", dismissAct: "Retirer", dismissed: "Témoin retiré",
  },
  {
    tabs: "Parts of the audit log", entries: "Entries", seals: "Verification and witnesses",
    search: "Search", from: "From", to: "To", person: "Person", personHint: "Name, address or identifier", action: "Action", allActions: "All", result: "Result", allResults: "All", ok: "Done", refused: "Refused", failed: "Failed",
    object: (o) => `Object: ${o}`, clear: "Clear the criteria", only: "Search this object’s entries", onlyPerson: "Search this person’s entries",
    further: (d) => `Searching further back, before ${d}…`, stop: "Stop", stopped: (d) => `Searched back to ${d}.`, goOn: "Go on",
    noneFound: "No entry meets these criteria", noneFoundText: "Widen the period, or remove a criterion.",
    copy: "Copy", copyText: "A copy in JSON Lines can be verified without the appliance, by “huisclos audit verify”. CEF is made for collectors. The chosen period applies; the log says that the copy was taken.", jsonl: "Download as JSON Lines", cef: "Download as CEF",
    verify: "Verify the log", verifying: (a, b) => `Verifying: ${a} entries of ${b}.`,
    verified: (n) => `The log is as it was recorded: ${n} entries.`, when: (d, who) => `Verified on ${d} by ${who}.`, neverVerified: "The log has not been verified yet.",
    broken: (n) => `The log is not as it was recorded, from entry ${n} on.`, brokenDo: "Change nothing more on this appliance, keep a copy of the log and of the database, and tell the security officer.", reason: "What was found",
    signature: "Signatures", signatureText: "The appliance signs its log every five minutes. Note the public key elsewhere: with it, a log that was made anew as a whole is found.",
    lastSigned: "Last checkpoint", signed: (n, d) => `${n} entries, on ${d}`, unsigned: "None yet", key: "Public key", formerKeys: "Former keys", copyKey: "Copy the public key",
    forwarding: "Forwarding to a collector", forwardedNowhere: "The log is forwarded nowhere: this appliance has the only copy. The collector is set in the settings, “Forwarding the audit log”.",
    forwardingFails: (d) => `Nothing has reached the collector since ${d}`, collector: "Collector", lastConfirmed: "Last entry confirmed", confirmed: (n, d) => `${n}, on ${d}`,
    waiting: "Waiting", entriesWaiting: (n) => n === 0 ? "No entry" : plural("en", n, "entry", "entries"),
    witnesses: "Witnesses", witnessesText: "A witness cosigns, from another machine, the checkpoints of a log that only grew. Whoever rewrote the whole log would not have that signature.",
    noWitness: "No witness", noWitnessText: "A security officer enrols the public key that “huisclos audit witness” prints on the auditor’s machine.",
    witness: "Witness", lastCosigned: "Has signed", never: "Nothing yet", behind: (n) => plural("en", n, "entry since", "entries since"), added: "Enrolled", by: (n) => `by ${n}`, acts: "Actions",
    growth: "File to cosign", growthFor: (n) => `Download the file to cosign for ${n}`, handIn: "Hand in a cosignature", handInHint: "The file that “huisclos audit witness” wrote.", handed: "Cosignature received",
    enrol: "Enrol a witness", enrolTitle: "Enrol a witness", enrolText: "Compare the key with the one that the witness reads on their own machine.", enrolKey: "Public key of the witness", enrolAct: "Enrol", enrolled: "Witness enrolled",
    dismiss: (n) => `Remove the witness ${n}`, dismissTitle: (n) => `Remove the witness “${n}”?`, dismissText: "Their cosignatures stay and can be verified with their public key, but the appliance no longer counts nor takes them.", dismissAct: "Remove", dismissed: "Witness removed",
  },
);

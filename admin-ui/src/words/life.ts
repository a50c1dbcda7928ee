/** Sentences about the address of an account, and its end. */
import { dictionary, plural } from "@huisclos/ui-kit";

export const lifeWords = dictionary(
  {
    email: "Adresse électronique",
    emailHint: "La personne se connecte avec elle, et les liens y arrivent : assurez-vous que c’est la sienne. L’ancienne adresse en est avertie.",
    emailChanged: "L’adresse est changée.",
    badge: "Sur le départ",
    leaving: (day: string) => `Sera supprimé le ${day}`,
    own: "La personne l’a demandé elle-même ; elle seule peut y renoncer. D’ici là, tout fonctionne.",
    shut: "Un administrateur l’a demandé. La personne ne peut plus se connecter ; ses salles restent jusque-là.",
    keep: "Annuler la suppression", kept: "Le compte est gardé.",
    title: (n: string) => `Supprimer le compte de ${n} ?`,
    text: "Seront effacés, sans retour : le compte, ses sessions, ses salles avec leurs liens, et les réunions qui y sont prévues, dont les personnes invitées sont averties. Le journal d’audit et le journal des clés des appareils gardent un identifiant, sans nom ni adresse.",
    later: "Supprimer après le délai",
    laterText: (days: number) => `Dès maintenant, la personne ne peut plus se connecter. La suppression se fait dans ${plural("fr", days, "jour", "jours")} ; vous pouvez l’annuler jusque-là.`,
    now: "Supprimer tout de suite",
    nowText: "Rien ne se rattrape.",
    leavesOn: (day: string) => `Le compte sera supprimé le ${day}.`,
  },
  {
    email: "E-mail address",
    emailHint: "The person signs in with it, and links arrive there: make sure that it is theirs. The old address is told.",
    emailChanged: "The address is changed.",
    badge: "Leaving",
    leaving: (day) => `Will be deleted on ${day}`,
    own: "The person asked for it; only they can take it back. Until then everything works.",
    shut: "An administrator asked for it. The person can no longer sign in; their rooms stay until then.",
    keep: "Take the deletion back", kept: "The account is kept.",
    title: (n) => `Delete the account of ${n}?`,
    text: "Erased for ever: the account, its sessions, its rooms with their links, and the meetings planned in them, of which those invited are told. The audit log and the key log of devices keep an identifier, without name or address.",
    later: "Delete after the delay",
    laterText: (days) => `From now on the person can no longer sign in. The deletion is done in ${plural("en", days, "day", "days")}; until then you can take it back.`,
    now: "Delete now",
    nowText: "Nothing of it can be had back.",
    leavesOn: (day) => `The account will be deleted on ${day}.`,
  },
);

/** Sentences of the history of meetings. */
import { dictionary, plural } from "@huisclos/ui-kit";

type How = "left" | "ended" | "interrupted" | "broken";

export const callsWords = dictionary(
  {
    title: "Réunions", parts: { live: "En cours", past: "Historique" },
    kept: (days: number) => `Une réunion reste notée ${plural("fr", days, "jour", "jours")} après sa fin : sa salle, son début, sa fin, combien de personnes au plus. Qui y était n’est pas noté ici, et rien de ce qui s’y est dit n’existe sur le serveur.`,
    off: "Rien n’est gardé des réunions passées : le réglage « Historique des réunions » est à 0.", change: "Changer la durée",
    from: "Du", to: "Au", search: "Chercher", clear: "Tout montrer", of: (r: string) => `Réunions de « ${r} »`, only: (r: string) => `Seulement « ${r} »`, save: "Télécharger (CSV)", saveHint: "Le téléchargement figure au journal d’audit.",
    room: "Salle", began: "Début", lasted: "Durée", most: "Personnes au plus", how: "Fin", going: "En cours", about: "environ",
    ways: { left: "La dernière personne est partie", ended: "Terminée par l’administration", interrupted: "Le serveur s’est arrêté, personne n’a repris", broken: "Le groupe scellé n’a pas pu être remis d’accord" } as Record<How, string>,
    none: "Aucune réunion passée", noneText: "Les réunions apparaîtront ici dès qu’elles commencent.", noneFound: "Aucune réunion ne correspond", older: "Plus anciennes",
  },
  {
    title: "Meetings", parts: { live: "In progress", past: "History" },
    kept: (days) => `A meeting is noted for ${plural("en", days, "day", "days")} after its end: its room, its beginning and end, how many people at most. Who was in it is not noted here, and nothing of what was said exists on the server.`,
    off: "Nothing is kept of past meetings: the setting “History of meetings” is 0.", change: "Change how long",
    from: "From", to: "To", search: "Search", clear: "Show all", of: (r) => `Meetings in “${r}”`, only: (r) => `Only “${r}”`, save: "Download (CSV)", saveHint: "The download is recorded in the audit log.",
    room: "Room", began: "Beginning", lasted: "Length", most: "People at most", how: "End", going: "In progress", about: "about",
    ways: { left: "The last person left", ended: "Ended by an administrator", interrupted: "The server stopped, and nobody took it up again", broken: "The sealed group could not be brought to agree again" },
    none: "No past meeting", noneText: "Meetings will appear here as soon as they begin.", noneFound: "No meeting fits", older: "Older ones",
  },
);

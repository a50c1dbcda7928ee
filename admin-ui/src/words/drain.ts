/** Sentences of the maintenance of the appliance: no further meeting begins before a stop. */
import { dictionary, plural } from "@huisclos/ui-kit";

export const drainWords = dictionary(
  {
    title: "Avant un arrêt",
    text: "Pour arrêter ou redémarrer la machine sans couper de réunion, laissez finir celles qui sont en cours et n’en laissez plus commencer.",
    act: "Préparer un arrêt", resume: "Autoriser de nouvelles réunions",
    asks: "Ne plus laisser commencer de réunion ?",
    going: (calls: number, people: number) => calls === 0 ? "Aucune réunion n’est en cours."
      : `${plural("fr", calls, "réunion est en cours et continue", "réunions sont en cours et continuent")}, avec ${plural("fr", people, "personne", "personnes")} ; on peut encore y entrer.`,
    shut: "Qui veut en commencer une ne le peut plus, et lit que l’administration prépare un arrêt et qu’il faut réessayer plus tard.",
    planned: (n: number, until: string) => n === 0 ? `Aucune réunion n’est planifiée avant ${until}.`
      : `${plural("fr", n, "réunion planifiée", "réunions planifiées")} avant ${until} ne ${n < 2 ? "pourra" : "pourront"} pas commencer à l’heure si cela dure.`,
    undo: "« Autoriser de nouvelles réunions » y met fin quand vous voulez ; un redémarrage aussi.",
    left: (calls: number, people: number) => calls === 0 ? "Plus aucune réunion ne commence, et aucune n’est en cours : vous pouvez arrêter la machine."
      : `Plus aucune réunion ne commence. ${plural("fr", calls, "réunion est encore en cours", "réunions sont encore en cours")}, avec ${plural("fr", people, "personne", "personnes")} : un arrêt maintenant les couperait.`,
    begun: "Plus aucune réunion ne commence.", over: "Des réunions peuvent commencer.",
  },
  {
    title: "Before a stop",
    text: "To stop or restart the machine without cutting a meeting, let those in progress come to their end and have no further one begin.",
    act: "Prepare a stop", resume: "Allow new meetings",
    asks: "Have no further meeting begin?",
    going: (calls, people) => calls === 0 ? "No meeting is in progress."
      : `${plural("en", calls, "meeting is in progress and goes on", "meetings are in progress and go on")}, with ${plural("en", people, "person", "people")}; one can still come in.`,
    shut: "Whoever wants to begin one can’t, and reads that the administrator is about to stop the server, and to try again later.",
    planned: (n, until) => n === 0 ? `No meeting is planned before ${until}.`
      : `${plural("en", n, "planned meeting", "planned meetings")} before ${until} can’t begin on time if this lasts.`,
    undo: "“Allow new meetings” ends this whenever you like; so does a restart.",
    left: (calls, people) => calls === 0 ? "No further meeting begins, and none is in progress: you can stop the machine."
      : `No further meeting begins. ${plural("en", calls, "meeting is still in progress", "meetings are still in progress")}, with ${plural("en", people, "person", "people")}: a stop now would cut them off.`,
    begun: "No further meeting begins.", over: "Meetings can begin.",
  },
);

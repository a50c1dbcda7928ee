/** Sentences about the service's own messages. */
import { dictionary, plural } from "@huisclos/ui-kit";

export const logWords = dictionary(
  {
    title: "Journal du service", text: "Ce que l’appareil dit de sa propre marche. Ni contenu, ni secret, ni nom de salle ; les adresses y sont masquées selon les réglages. Ces lignes restent en mémoire : le journal de la machine garde le reste.",
    level: "Montrer à partir de", levels: { debug: "Débogage", info: "Information", warn: "Avertissement", error: "Erreur" } as Record<string, string>, search: "Texte", searchHint: "Dans le message, ses détails ou sa partie",
    time: "Date", grade: "Niveau", part: "Partie", message: "Message", shown: (n: number) => plural("fr", n, "ligne montrée, la plus récente d’abord", "lignes montrées, les plus récentes d’abord"),
    none: "Aucune ligne", noneText: "Rien n’a été écrit à ce niveau, ou avec ce texte, depuis le démarrage.", pause: "Suspendre", goOn: "Reprendre", paused: "La page ne suit plus le journal.",
    writing: "Ce qui est écrit", writes: (level: string) => `Le service écrit à partir du niveau « ${level} ».`, until: (level: string, when: string) => `Le service écrit à partir du niveau « ${level} » jusqu’au ${when}, puis selon les réglages.`,
    other: (level: string) => `Les réglages disent « ${level} ».`, change: "Écrire à partir de", during: "Pendant", minutes: (n: number) => n < 60 ? plural("fr", n, "minute", "minutes") : plural("fr", n / 60, "heure", "heures"),
    apply: "Changer de niveau", back: "Revenir aux réglages", changed: "Niveau changé", isBack: "Niveau des réglages", recorded: "Le journal d’audit dit qui a changé le niveau, et jusqu’à quand.",
  },
  {
    title: "Service log", text: "What the appliance says of its own running. Neither content nor secrets nor names of rooms; addresses are masked as the settings say. These lines are in memory: the machine’s journal keeps the rest.",
    level: "Show from", levels: { debug: "Debugging", info: "Information", warn: "Warning", error: "Error" }, search: "Text", searchHint: "In the message, its details or its part",
    time: "Date", grade: "Level", part: "Part", message: "Message", shown: (n) => plural("en", n, "line shown, the newest first", "lines shown, the newest first"),
    none: "No line", noneText: "Nothing was written at this level, or with this text, since the start.", pause: "Pause", goOn: "Go on", paused: "The page no longer follows the log.",
    writing: "What is written", writes: (level) => `The service writes from the level “${level}” on.`, until: (level, when) => `The service writes from the level “${level}” on until ${when}, then as the settings say.`,
    other: (level) => `The settings say “${level}”.`, change: "Write from", during: "For", minutes: (n) => n < 60 ? plural("en", n, "minute", "minutes") : plural("en", n / 60, "hour", "hours"),
    apply: "Change the level", back: "Back to the settings", changed: "Level changed", isBack: "Level of the settings", recorded: "The audit log says who changed the level, and until when.",
  },
);

/** The few sentences that the components themselves say. */
import { dictionary } from "./i18n.ts";

export const kit = dictionary(
  {
    close: "Fermer",
    cancel: "Annuler",
    loading: "Chargement",
    show: "Afficher la phrase de passe",
    hide: "Masquer la phrase de passe",
    previous: "Page précédente",
    next: "Page suivante",
    page: (n: number) => `Page ${n}`,
    copied: "Copié",
    notifications: "Messages",
    language: "Langue",
    theme: "Apparence",
    themes: { system: "Celle du système", light: "Claire", dark: "Sombre" },
    level: "Niveau du son",
  },
  {
    close: "Close",
    cancel: "Cancel",
    loading: "Loading",
    show: "Show the passphrase",
    hide: "Hide the passphrase",
    previous: "Previous page",
    next: "Next page",
    page: (n: number) => `Page ${n}`,
    copied: "Copied",
    notifications: "Messages",
    language: "Language",
    theme: "Appearance",
    themes: { system: "As the system", light: "Light", dark: "Dark" },
    level: "Sound level",
  },
);

/** Sentences about mail. */
import { dictionary, plural } from "@huisclos/ui-kit";

export const mailWords = dictionary(
  {
    title: "Courriel",
    send: "Envoyer le lien par courriel",
    sendHint: "Il n’est alors montré à personne d’autre.",
    createAct: "Créer et envoyer le lien",
    newLink: "Envoyer un nouveau lien d’activation",
    sentTitle: "Lien envoyé",
    sentTo: (n: string) => `Un courriel porte à ${n} son lien d’activation.`,
    sentHint: "S’il n’arrive pas, faites un nouveau lien sans l’envoyer, et remettez-le par un autre moyen.",
    done: "C’est fait",
    off: "Aucun courriel ne part : le réglage [mail] n’est pas fait. Les liens d’activation se remettent à la main.",
    waiting: "En attente", waitingNow: (n: number) => plural("fr", n, "courriel", "courriels"), none: "Aucun",
    oldest: (when: string) => `le plus ancien depuis ${when}`,
    sent: "Dernier envoi", never: "Aucun depuis le démarrage",
    givenUp: "Abandonnés depuis le démarrage", givenUpHint: "Chacun figure au journal d’audit.",
  },
  {
    title: "Mail",
    send: "Send the link by e-mail",
    sendHint: "It is then shown to nobody else.",
    createAct: "Create and send the link",
    newLink: "Send a new activation link",
    sentTitle: "Link sent",
    sentTo: (n) => `An e-mail brings ${n} their activation link.`,
    sentHint: "If it does not arrive, make a new link without sending it, and hand it over by other means.",
    done: "Done",
    off: "No mail leaves: the setting [mail] is not made. Activation links are handed over by hand.",
    waiting: "Waiting", waitingNow: (n) => plural("en", n, "mail", "mails"), none: "None",
    oldest: (when) => `the oldest since ${when}`,
    sent: "Last sent", never: "None since the start",
    givenUp: "Given up since the start", givenUpHint: "Each one is in the audit log.",
  },
);

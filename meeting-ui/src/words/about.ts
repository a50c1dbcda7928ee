/** The safety page: what is protected, what the server learns, what is not there yet. Written from the product's own limits. */
import { dictionary } from "@huisclos/ui-kit";

export const about = dictionary(
  {
    title: "Ce que Huis Clos protège, et ce qui manque encore",
    lead: "Une réunion ici se tient à huis clos : la voix, l’image, l’écran partagé et les messages sont scellés sur votre appareil et ne s’ouvrent que sur ceux des personnes présentes. Il n’existe aucun réglage pour s’en passer.",
    parts: [
      {
        title: "Comment une salle se ferme",
        items: [
          "Chaque appareil possède sa propre clé. Elle est faite sur l’appareil et n’en sort pas.",
          "Chaque appareil est inscrit dans une liste que le serveur signe, qui ne peut que s’allonger et dont rien ne s’efface. Chacun prouve à tous, dans la salle, que le sien y est.",
          "Votre navigateur se souvient de la liste qu’il a vue. Si le serveur en montre une plus courte, une autre, ou une que signe une autre clé, il n’entre pas et vous le dit.",
          "Les appareils présents conviennent d’une clé commune, que le serveur ne connaît pas. Elle change à chaque entrée, à chaque départ et régulièrement pendant la réunion.",
          "Seul un hôte fait entrer quelqu’un de nouveau. Ni le serveur ni un administrateur ne peuvent ajouter une personne sans que tous la voient dans la liste.",
          "Quand une personne est retirée, le serveur cesse aussitôt de lui transmettre quoi que ce soit, et la salle change de clé.",
          "Si votre appareil refuse un changement que le serveur avait accepté, il cesse d’envoyer et vous le dit.",
        ],
      },
      {
        title: "Les mots de vérification",
        items: [
          "Douze mots résument la clé de la salle. S’ils sont les mêmes chez tous, personne ne s’est glissé entre vous.",
          "Comparez-les à voix haute, de préférence en vous voyant. « Comparer les mots » les fixe pour tous pendant trois minutes.",
          "Une personne arrivée après la comparaison n’en fait pas partie : comparez de nouveau.",
        ],
      },
      {
        title: "Ce que le serveur apprend",
        items: [
          "Qui a un compte, qui entre dans quelle salle, quand, et depuis quelle adresse du réseau.",
          "Le nom des salles, et combien de données chacun envoie.",
          "Jamais ce qui est dit, montré ou écrit.",
        ],
      },
      {
        title: "Ce qui n’est pas encore là",
        items: [
          "Un appareil s’inscrit sans qu’un appareil plus ancien du même compte, ou une clé de secours, le confirme. Le serveur, ou qui a pris le compte, pourrait en inscrire un au nom de quelqu’un : il resterait pour toujours dans la liste, serait signalé comme récent pendant un jour d’après l’heure que dit le serveur, et comme nouveau pour tout navigateur venu avant lui, et figurerait dans « Mon compte ». Que ce soit bien la personne, les mots comparés vous le disent.",
          "Personne d’autre que le serveur ne signe cette liste : deux groupes de personnes qui ne se rencontrent jamais pourraient en voir deux. Un appareil perdu ne peut pas encore y être rayé.",
          "La voix et l’image ne portent pas encore la signature de leur auteur : une personne présente et malveillante pourrait en imiter une autre.",
          "Les appareils ne se confirment pas encore, à intervalle régulier, qu’ils voient la même salle. Un serveur malveillant pourrait retarder l’annonce d’un retrait ; votre appareil ne le verrait qu’au changement de clé suivant.",
          "Cette page vient du serveur. Qui le contrôle pourrait un jour vous en servir une autre. Une application installée, que l’on peut vérifier, est prévue.",
        ],
      },
      {
        title: "Ce que rien ne peut empêcher",
        items: [
          "Une personne présente peut filmer son écran.",
          "Un appareil infecté voit ce que vous voyez.",
          "Le serveur peut être éteint.",
        ],
      },
    ],
    standards: "Pour les auditeurs",
    standardsText: "Accord de clés : MLS (RFC 9420), avec un mécanisme hybride ML-KEM-768 et P-256. Images et son : SFrame (RFC 9605), AES-256-GCM. Signatures : ECDSA P-256. Les signatures ne résistent pas à un ordinateur quantique ; la confidentialité des échanges enregistrés, si.",
  },
  {
    title: "What Huis Clos protects, and what is still missing",
    lead: "A meeting here is held behind closed doors: voice, picture, shared screen and messages are sealed on your device and open only on those of the people present. There is no setting to do without.",
    parts: [
      {
        title: "How a room closes",
        items: [
          "Each device has a key of its own. It is made on the device and does not leave it.",
          "Each device stands in a list that the server signs, that can only grow and from which nothing is erased. Everybody proves to all others in the room that theirs is in it.",
          "Your browser remembers the list that it has seen. If the server shows a shorter one, another, or one that another key has signed, it does not go in and tells you.",
          "The devices present agree on a common key, which the server does not know. It changes at each arrival, at each departure and regularly during the meeting.",
          "Only a host lets somebody new in. Neither the server nor an administrator can add a person without everybody seeing them in the list.",
          "When a person is removed, the server stops passing anything to them at once, and the room changes its key.",
          "If your device refuses a change that the server had accepted, it stops sending and tells you.",
        ],
      },
      {
        title: "The verification words",
        items: [
          "Twelve words sum up the key of the room. If everybody has the same, nobody slipped in between you.",
          "Compare them aloud, best while you see each other. “Compare the words” holds them for everybody for three minutes.",
          "A person who came after the comparison is not part of it: compare again.",
        ],
      },
      {
        title: "What the server learns",
        items: [
          "Who has an account, who enters which room, when, and from which network address.",
          "The names of rooms, and how much data each person sends.",
          "Never what is said, shown or written.",
        ],
      },
      {
        title: "What is not there yet",
        items: [
          "A device is put on the list without an older device of the same account, or a recovery key, confirming it. The server, or whoever took the account over, could put one there in somebody’s name: it would stay on the list for ever, would be marked as new for a day by the time that the server says, and as new to every browser that was here before it, and would stand in “My account”. That it is really the person, the words that you compare tell you.",
          "Nobody but the server signs this list: two groups of people who never meet could be shown two. A lost device can’t be struck off it yet.",
          "Voices and pictures do not carry their author’s signature yet: a malicious person in the room could imitate another.",
          "Devices do not yet confirm to each other, at regular intervals, that they see the same room. A malicious server could delay the news of a removal; your device would notice only at the next change of key.",
          "This page comes from the server. Whoever controls it could one day serve you another. An installed application that can be verified is planned.",
        ],
      },
      {
        title: "What nothing can prevent",
        items: [
          "A person in the room can film their screen.",
          "An infected device sees what you see.",
          "The server can be switched off.",
        ],
      },
    ],
    standards: "For auditors",
    standardsText: "Key agreement: MLS (RFC 9420), with a hybrid of ML-KEM-768 and P-256. Picture and sound: SFrame (RFC 9605), AES-256-GCM. Signatures: ECDSA P-256. Signatures do not resist a quantum computer; the confidentiality of recorded traffic does.",
  },
);

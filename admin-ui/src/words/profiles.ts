/** Sentences about security profiles in the console. What each condition asks is said by ui-kit, as in the rooms. */
import { dictionary } from "@huisclos/ui-kit";

/** What a profile will be able to ask, and what nothing keeps yet. The server refuses them too. */
export const notBuilt = ["managedClient", "highSuite", "recording", "files", "chatRetention"] as const;

export const profileWords = dictionary(
  {
    name: "Profils",
    title: "Profils de sécurité",
    lead: "Un profil dit à quelles conditions une réunion se tient. Qui possède une salle en choisit un ; il est scellé dans chaque réunion, et chaque appareil le fait respecter.",
    readOnly: "Seul un officier de sécurité peut les changer.",
    add: "Nouveau profil", addTitle: "Nouveau profil de sécurité", addAct: "Créer le profil", added: (name: string) => `Le profil ${name} est prêt.`,
    edit: "Modifier", editNamed: (name: string) => `Modifier le profil ${name}`, editTitle: (name: string) => `Profil ${name}`, editAct: "Enregistrer", edited: "Le profil est plus strict, ou le reste, dès la prochaine réunion.",
    editText: "Ajouter une condition vaut dès la prochaine réunion. En retirer une, ou admettre plus d’appareils, attend l’accord d’un second officier.",
    remove: "Supprimer", removeTitle: (name: string) => `Supprimer le profil ${name} ?`, removeText: "Aucune salle ne doit l’avoir. Cela ne se défait pas.", removed: "Le profil est supprimé.",
    builtIn: "Livré avec le produit", own: "Créé ici",
    field: "Nom", fieldHint: "Les participants le lisent à l’entrée de la salle.",
    asked: "Conditions", asks: "Le profil demanderait :",
    members: "Nombre d’appareils au plus", membersHint: "De 2 à 1 000. Vide : pas de limite.",
    membersWrong: "Un nombre de 2 à 1 000, ou rien.",
    later: "Pas encore possible", laterText: "Rien ne ferait respecter ces conditions dans cette version : elles ne peuvent pas être demandées.",
    notBuilt: {
      managedClient: "Application installée et vérifiée, pas le navigateur seul",
      highSuite: "Suite cryptographique haute (ML-KEM-1024 et P-384)",
      recording: "Règle d’enregistrement : il n’y en a aucun",
      files: "Règle de partage de fichiers : il n’y en a aucun",
      chatRetention: "Durée de conservation des messages : ils s’effacent à la fin de la réunion",
    } as Record<(typeof notBuilt)[number], string>,
    loosen: (name: string) => `Assouplir le profil de sécurité ${name}`,
  },
  {
    name: "Profiles",
    title: "Security profiles",
    lead: "A profile says under which conditions a meeting is held. Whoever owns a room chooses one; it is sealed into each meeting, and each device keeps it.",
    readOnly: "Only a security officer can change them.",
    add: "New profile", addTitle: "New security profile", addAct: "Create the profile", added: (name) => `The profile ${name} is ready.`,
    edit: "Change", editNamed: (name) => `Change the profile ${name}`, editTitle: (name) => `Profile ${name}`, editAct: "Save", edited: "The profile is as strict or stricter from the next meeting on.",
    editText: "Adding a condition counts from the next meeting on. Removing one, or admitting more devices, waits for a second officer’s agreement.",
    remove: "Remove", removeTitle: (name) => `Remove the profile ${name}?`, removeText: "No room may have it. This can’t be undone.", removed: "The profile is removed.",
    builtIn: "Comes with the product", own: "Made here",
    field: "Name", fieldHint: "Participants read it at the entrance of the room.",
    asked: "Conditions", asks: "The profile would ask:",
    members: "Most devices", membersHint: "2 to 1,000. Empty: no limit.",
    membersWrong: "A number from 2 to 1,000, or nothing.",
    later: "Not possible yet", laterText: "Nothing would keep these conditions in this version: they can’t be asked for.",
    notBuilt: {
      managedClient: "Installed and verified application, not the browser alone",
      highSuite: "High cipher suite (ML-KEM-1024 and P-384)",
      recording: "Rule for recording: there is none",
      files: "Rule for sharing files: there is none",
      chatRetention: "How long messages are kept: they are erased when the meeting ends",
    },
    loosen: (name) => `Loosen the security profile ${name}`,
  },
);

/** Sentences of the page about how the appliance looks. */
import { dictionary } from "@huisclos/ui-kit";

export const lookWords = dictionary(
  {
    title: "Apparence", lead: "Ce que voient les gens à l’entrée, dans la salle d’attente, dans cette console et dans les courriels.",
    organisation: "Organisation", name: "Nom de l’organisation", nameHint: "À l’entrée, dans la console et dans les courriels.", nameFixed: (by: string) => `Le nom est fixé par ${by}.`, nameAct: "Enregistrer le nom", nameSaved: "Le nom est enregistré.",
    logo: "Logo", logoText: "Une image PNG, JPEG ou WebP. Elle est redessinée et réduite à 512 points de large ; rien d’autre du fichier n’est gardé. Un dessin SVG n’est pas accepté : il peut contenir des programmes.",
    choose: "Choisir une image", remove: "Retirer le logo", logoNow: "Logo actuel", logoNone: "Pas de logo : le sceau de Huis Clos est montré.", logoDone: "Le logo est enregistré.", logoGone: "Le logo est retiré.", logoBad: "Votre navigateur ne sait pas lire cette image. Prenez un fichier PNG, JPEG ou WebP.", logoSmall: "Cette image est trop petite : il faut au moins 16 points de côté.",
    accent: "Couleur d’accent", accentHint: "Boutons et liens. Elle doit se lire sur fond clair ; celle du fond sombre en est tirée.", accentCode: "Code de la couleur", accentOwn: "Celle de Huis Clos", apply: "Utiliser cette couleur", accentDone: "La couleur est enregistrée.",
    proposal: (c: string) => `Prendre ${c} à la place`, preview: "Aperçu", light: "Fond clair", dark: "Fond sombre", sample: "Entrer", sampleText: "Un lien, et un choix", reset: "Revenir à la couleur de Huis Clos",
    texts: "Textes", textsHint: "Du texte simple, sans mise en forme. Il est montré au bas de l’entrée ; vide, rien n’est montré.",
    contact: "Contact", contactHint: "Qui aide les gens : montré à l’entrée et à la fin de chaque courriel.", legalFR: "Mentions légales, en français", legalEN: "Mentions légales, en anglais", privacyFR: "Données personnelles, en français", privacyEN: "Données personnelles, en anglais", save: "Enregistrer les textes", saved: "Les textes sont enregistrés.",
  },
  {
    title: "Appearance", lead: "What people see at the door, in the lobby, in this console and in mails.",
    organisation: "Organisation", name: "Name of the organisation", nameHint: "At the door, in the console and in mails.", nameFixed: (by) => `The name is fixed by ${by}.`, nameAct: "Save the name", nameSaved: "The name is saved.",
    logo: "Logo", logoText: "A PNG, JPEG or WebP picture. It is drawn anew and made at most 512 pixels wide; nothing else of the file is kept. An SVG drawing is not accepted: it can hold programs.",
    choose: "Choose a picture", remove: "Remove the logo", logoNow: "Present logo", logoNone: "No logo: the seal of Huis Clos is shown.", logoDone: "The logo is saved.", logoGone: "The logo is removed.", logoBad: "Your browser cannot read this picture. Take a PNG, JPEG or WebP file.", logoSmall: "This picture is too small: it takes at least 16 pixels a side.",
    accent: "Accent colour", accentHint: "Buttons and links. It has to be readable on light; the one on dark is made from it.", accentCode: "Code of the colour", accentOwn: "That of Huis Clos", apply: "Use this colour", accentDone: "The colour is saved.",
    proposal: (c) => `Take ${c} instead`, preview: "Preview", light: "On light", dark: "On dark", sample: "Enter", sampleText: "A link, and a choice", reset: "Back to the colour of Huis Clos",
    texts: "Texts", textsHint: "Plain text, without formatting. It is shown at the foot of the door; empty, nothing is shown.",
    contact: "Contact", contactHint: "Who helps people: shown at the door and at the end of each mail.", legalFR: "Legal notice, in French", legalEN: "Legal notice, in English", privacyFR: "Personal data, in French", privacyEN: "Personal data, in English", save: "Save the texts", saved: "The texts are saved.",
  },
);

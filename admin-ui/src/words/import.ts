/** Sentences about lists of people. */
import { dictionary, plural } from "@huisclos/ui-kit";

export const importWords = dictionary(
  {
    open: "Importer une liste", title: "Importer une liste de personnes",
    text: "Un fichier CSV en UTF-8, avec virgules ou points-virgules, dont la première ligne nomme les colonnes : nom, e-mail et, si vous voulez, rôle (organisateur ou membre ; organisateur s’il n’y a rien). 5 000 personnes et 1 Mio au plus.",
    file: "Fichier", notText: "Le fichier n’est pas du texte en UTF-8. Dans votre tableur, enregistrez-le en « CSV UTF-8 ».", tooLarge: "Le fichier dépasse 1 Mio.",
    look: "Vérifier", again: "Choisir un autre fichier", rows: "Lignes du fichier",
    create: (n: number) => plural("fr", n, "compte à créer", "comptes à créer"),
    exists: (n: number) => plural("fr", n, "adresse a déjà un compte, qui reste tel quel", "adresses ont déjà un compte, qui reste tel quel"),
    wrong: (n: number) => plural("fr", n, "ligne à corriger", "lignes à corriger"),
    nothing: "Rien n’est encore créé.", correct: "Tant qu’une ligne ne convient pas, rien n’est créé. Corrigez le fichier, puis choisissez-le de nouveau.",
    line: "Ligne", who: "Personne", role: "Rôle", what: "Ce qui se passe",
    will: { create: "Compte créé", exists: "Existe déjà" }, more: (n: number) => plural("fr", n, "autre ligne n’est pas montrée", "autres lignes ne sont pas montrées"),
    act: (n: number) => `Créer ${plural("fr", n, "compte", "comptes")}`,
    done: (n: number) => `${plural("fr", n, "compte est créé", "comptes sont créés")}. Remettez à chaque personne son lien d’activation, par un moyen sûr.`,
    once: "Les liens ne peuvent être téléchargés qu’ici, une seule fois : ils ne sont gardés nulle part. Qui tient ce fichier peut activer ces comptes.",
    download: "Télécharger les liens", fileName: "liens-activation.csv", close: "C’est fait",
  },
  {
    open: "Import a list", title: "Import a list of people",
    text: "A CSV file in UTF-8, with commas or semicolons, whose first row names the columns: name, email and, if you like, role (organiser or member; organiser where there is nothing). At most 5,000 people and 1 MiB.",
    file: "File", notText: "The file is not text in UTF-8. In your spreadsheet, save it as “CSV UTF-8”.", tooLarge: "The file is larger than 1 MiB.",
    look: "Check it", again: "Choose another file", rows: "Rows of the file",
    create: (n: number) => plural("en", n, "account to create", "accounts to create"),
    exists: (n: number) => plural("en", n, "address has an account already, which stays as it is", "addresses have an account already, which stays as it is"),
    wrong: (n: number) => plural("en", n, "row to correct", "rows to correct"),
    nothing: "Nothing is created yet.", correct: "While one row does not do, nothing is created. Correct the file, then choose it again.",
    line: "Line", who: "Person", role: "Role", what: "What happens",
    will: { create: "Account created", exists: "There already" }, more: (n: number) => plural("en", n, "more row is not shown", "more rows are not shown"),
    act: (n: number) => `Create ${plural("en", n, "account", "accounts")}`,
    done: (n: number) => `${plural("en", n, "account is created", "accounts are created")}. Hand each person their activation link, by a safe way.`,
    once: "The links can be downloaded here only, once: they are kept nowhere. Whoever holds this file can activate these accounts.",
    download: "Download the links", fileName: "activation-links.csv", close: "Done",
  },
);

/** Sentences about the organisation's OpenID Connect provider. */
import { dictionary } from "@huisclos/ui-kit";

export const providerOfHouse = dictionary(
  {
    title: "Fournisseur d’identité",
    lead: (name: string) => `Qui a un compte chez ${name} se connecte ici par un bouton, sans phrase de passe d’ici. La connexion avec phrase de passe ou clé d’accès reste possible pour les autres comptes.`,
    off: "Aucun fournisseur n’est réglé", offText: "Pour que votre organisation se connecte avec son propre fournisseur (OpenID Connect, ou ProConnect), remplissez [oidc] dans les réglages de l’appareil, puis redémarrez-le.",
    failed: "Le fournisseur n’a pas pu servir", meanwhile: "Les sessions ouvertes continuent. D’ici là, personne ne peut se connecter par lui.", cause: "Cause :",
    issuer: "Émetteur", client: "Identifiant de l’appareil chez lui", last: "Dernier échange", good: "Dernier échange réussi", never: "Pas encore depuis le démarrage",
    register: "Adresses à déclarer chez le fournisseur",
    callback: "Retour après la connexion", signedOut: "Retour après la déconnexion", back: "Déconnexion par le fournisseur, de serveur à serveur", front: "Déconnexion par le fournisseur, par le navigateur",
    copy: (what: string) => `Copier : ${what}`, copyRefused: "Votre navigateur ne permet pas la copie. Sélectionnez le texte vous-même.",
    fromHere: "Fournisseur", of: "Ce compte vient du fournisseur d’identité de l’organisation : nom, adresse et rôle s’y décident, et la connexion s’y fait.",
  },
  {
    title: "Identity provider",
    lead: (name) => `Whoever has an account with ${name} signs in here by one button, without a passphrase of this place. Signing in with a passphrase or a passkey stays possible for other accounts.`,
    off: "No provider is set", offText: "To have your organisation sign in with its own provider (OpenID Connect, or ProConnect), fill in [oidc] in the appliance’s settings, then restart it.",
    failed: "The provider could not be used", meanwhile: "Open sessions go on. Until it answers, nobody can sign in by it.", cause: "Cause:",
    issuer: "Issuer", client: "The appliance’s identifier there", last: "Last exchange", good: "Last exchange that went well", never: "Not yet since the start",
    register: "Addresses to register with the provider",
    callback: "Return after signing in", signedOut: "Return after signing out", back: "Sign-out by the provider, from server to server", front: "Sign-out by the provider, through the browser",
    copy: (what) => `Copy: ${what}`, copyRefused: "Your browser does not allow copying. Select the text yourself.",
    fromHere: "Provider", of: "This account comes from the organisation’s identity provider: name, address and role are decided there, and signing in is done there.",
  },
);

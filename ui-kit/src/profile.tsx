/** A security profile as people read it: each condition is one sentence, the same in the room and in the console. */
import { dictionary, plural } from "./i18n.ts";
import { Icon } from "./icon.tsx";

/** The conditions of this version, in the order in which they are read (crypto/mls.Condition). */
export const profileConditions = ["twoFactors", "noGuests", "noMembers", "compared", "padded"] as const;
export type ProfileCondition = (typeof profileConditions)[number];
export interface ProfileShown { name: string; conditions: readonly ProfileCondition[]; members: number }

export const profileWords = dictionary(
  {
    none: "Aucune condition particulière : toute personne qui a le lien et un compte peut frapper.",
    conditions: {
      twoFactors: "Chacun s’est connecté avec deux facteurs.",
      noGuests: "Aucun invité n’entre.",
      noMembers: "Les comptes du rôle « membre » n’entrent pas.",
      compared: "Images et messages ne partent qu’une fois les mots de vérification comparés avec toutes les personnes présentes.",
      padded: "Le son garde une taille et un rythme constants : son débit ne dit rien de ce qui se dit.",
    } as Record<ProfileCondition, string>,
    members: (n: number) => `Pas plus de ${plural("fr", n, "appareil", "appareils")} dans la réunion.`,
  },
  {
    none: "No particular condition: whoever has the link and an account may knock.",
    conditions: {
      twoFactors: "Everybody signed in with two factors.",
      noGuests: "No guest comes in.",
      noMembers: "Accounts of the role “member” do not come in.",
      compared: "Pictures and messages leave only once the verification words were compared with everybody who is there.",
      padded: "Sound keeps one size and one pace: its rate tells nothing of what is said.",
    },
    members: (n) => `No more than ${plural("en", n, "device", "devices")} in the meeting.`,
  },
);

/** The sentences of what a profile asks. */
export function profileSentences(p: Pick<ProfileShown, "conditions" | "members">): string[] {
  const t = profileWords.value;
  return [...profileConditions.filter((c) => p.conditions.includes(c)).map((c) => t.conditions[c]), ...(p.members > 0 ? [t.members(p.members)] : [])];
}

export function ProfileConditions({ profile }: { profile: Pick<ProfileShown, "conditions" | "members"> }) {
  const said = profileSentences(profile);
  if (said.length === 0) return <p class="muted small">{profileWords.value.none}</p>;
  return <ul class="conditions small">{said.map((s) => <li key={s}><Icon name="check" size="s" /><span>{s}</span></li>)}</ul>;
}

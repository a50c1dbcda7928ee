/** Hints while one chooses a passphrase. The server decides; it also knows a list of common ones. */
import { Rule } from "../field.tsx";
import { privileged, type Role } from "./port.ts";
import { own } from "./words.ts";

export interface Chooser { name: string; email: string; role: Role }

/** The shortest passphrase, in characters, as the server has it (accounts.checkPassphrase). */
export const shortest = (who: Chooser): number => (privileged(who.role) ? 15 : 12);

export function met(passphrase: string, who: Chooser): { length: boolean; notYou: boolean; all: boolean } {
  const length = [...passphrase].length >= shortest(who);
  const said = passphrase.toLocaleLowerCase().trim();
  const notYou = said !== "" && said !== who.email.trim().toLocaleLowerCase() && said !== who.name.trim().toLocaleLowerCase();
  return { length, notYou, all: length && notYou };
}

export function Rules({ passphrase, who }: { passphrase: string; who: Chooser }) {
  const t = own.value.rules;
  const m = met(passphrase, who);
  return (
    <ul class="rules" aria-label={t.title}>
      <Rule met={m.length}>{t.length(shortest(who))}</Rule>
      <Rule met={passphrase.trim().split(/[\s-]+/u).length >= 3}>{t.words}</Rule>
      <Rule met={m.notYou}>{t.notYou}</Rule>
    </ul>
  );
}

/** Hints while one chooses a passphrase. The server decides; it also knows a list of common ones. */
import { Rule } from "@huisclos/ui-kit";
import { desk } from "../words/desk.ts";

export interface Who { name: string; email: string; administrator?: boolean }

export const shortest = (who: Who) => (who.administrator ? 15 : 12);

export function met(passphrase: string, who: Who): { length: boolean; notYou: boolean; all: boolean } {
  const length = [...passphrase].length >= shortest(who);
  const said = passphrase.toLocaleLowerCase().trim();
  const notYou = said !== "" && said !== who.email.toLocaleLowerCase() && said !== who.name.toLocaleLowerCase();
  return { length, notYou, all: length && notYou };
}

export function Rules({ passphrase, who }: { passphrase: string; who: Who }) {
  const t = desk.value.rules;
  const m = met(passphrase, who);
  return (
    <ul class="rules" aria-label={t.title}>
      <Rule met={m.length}>{t.length(shortest(who))}</Rule>
      <Rule met={passphrase.trim().split(/[\s-]+/u).length >= 3}>{t.words}</Rule>
      <Rule met={m.notYou}>{t.notYou}</Rule>
    </ul>
  );
}

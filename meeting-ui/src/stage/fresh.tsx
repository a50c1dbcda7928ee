/** Marks a device that is new: one that an impostor has just made of somebody's account is among them. */
import { Icon, time, tip } from "@huisclos/ui-kit";
import { sealWords } from "../words/seal.ts";
import { ageOf } from "./age.ts";

/** inscribed is in ms. What it means stands in the seal's panel. */
export function Fresh({ inscribed }: { inscribed: number }) {
  const t = sealWords.value, age = ageOf(inscribed, Date.now());
  if (age === null) return null;
  return <span class="fresh small" {...tip(t.freshTip)}><Icon name="laptop" size="s" /><span>{t.fresh(age === "today" ? time(inscribed) : t.yesterday(time(inscribed)))}</span></span>;
}

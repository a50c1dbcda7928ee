/** Marks a device that is new: one that an impostor has just made of somebody's account is among them. */
import { Icon, time, tip } from "@huisclos/ui-kit";
import type { Knock, Person } from "../call/state.ts";
import { sealWords } from "../words/seal.ts";
import { ageOf } from "./age.ts";

type Device = Pick<Person | Knock, "inscribed" | "unmet">;

/** By the server's clock, or to this browser, whatever that clock says. */
export const isFresh = (d: Device) => d.unmet || ageOf(d.inscribed, Date.now()) !== null;

/** What it means stands in the seal's panel. */
export function Fresh({ device }: { device: Device }) {
  const t = sealWords.value, age = ageOf(device.inscribed, Date.now());
  if (!isFresh(device)) return null;
  const text = age === null ? t.unmet : t.fresh(age === "today" ? time(device.inscribed) : t.yesterday(time(device.inscribed)));
  return <span class="fresh small" {...tip(age === null ? t.unmetTip : t.freshTip)}><Icon name="laptop" size="s" /><span>{text}</span></span>;
}

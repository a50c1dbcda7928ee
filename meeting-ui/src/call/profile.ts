/**
 * The security profile of a call, at this device: what was agreed to at the door is the least that is taken, and what a room was
 * like before is remembered, so that a server that makes it weaker is seen. The profile that counts is the group's own.
 */
import type { Condition, Profile } from "@huisclos/e2ee";

export type { Condition, Profile };

export const conditions: readonly Condition[] = ["twoFactors", "noGuests", "noMembers", "compared", "padded"];

/** Whether p demands everything that o does (crypto/mls.Profile.AtLeast). */
export function atLeast(p: Profile, o: Profile): boolean {
  return o.conditions.every((c) => p.conditions.includes(c)) && (o.members === 0 || (p.members !== 0 && p.members <= o.members));
}

/** What p lacks of what o demanded; "members" is a bound that is higher or gone. */
export function lost(p: Profile, o: Profile): (Condition | "members")[] {
  const list: (Condition | "members")[] = o.conditions.filter((c) => !p.conditions.includes(c));
  return o.members === 0 || (p.members !== 0 && p.members <= o.members) ? list : [...list, "members"];
}

export function sameProfile(a: Profile, b: Profile): boolean { return a.name === b.name && atLeast(a, b) && atLeast(b, a); }

type Memory = Record<string, { profile: Profile; at: number }>;
type Kept = Pick<Storage, "getItem" | "setItem">;
const memoryKey = "huisclos.profiles", kept = 200;

function isProfile(v: unknown): v is Profile {
  const p = v as Partial<Profile> | null;
  return typeof p === "object" && p !== null && typeof p.name === "string" && typeof p.members === "number" && Array.isArray(p.conditions) &&
    p.conditions.every((c) => conditions.includes(c));
}

function memory(storage: Kept | undefined): Memory {
  try {
    const read = JSON.parse(storage?.getItem(memoryKey) ?? "{}") as Memory;
    return Object.fromEntries(Object.entries(read).filter(([, v]) => isProfile(v?.profile) && typeof v.at === "number"));
  } catch { return {}; }
}

/** The profile under which this device was in a room last. */
export function remembered(storage: Kept | undefined, room: string): Profile | null { return memory(storage)[room]?.profile ?? null; }

export function rememberProfile(storage: Kept | undefined, room: string, profile: Profile, now = Date.now()): void {
  const all = { ...memory(storage), [room]: { profile, at: now } };
  const newest = Object.entries(all).sort((a, b) => b[1].at - a[1].at).slice(0, kept);
  try { storage?.setItem(memoryKey, JSON.stringify(Object.fromEntries(newest))); } catch { /* full, or not allowed: nothing is remembered */ }
}

/** Whether the profile keeps pictures and messages back: the words were not compared with everybody who is there. */
export function holdsBack(profile: Profile | null, people: readonly { me: boolean; compared: boolean }[]): boolean {
  return profile !== null && profile.conditions.includes("compared") && people.some((p) => !p.me && !p.compared);
}

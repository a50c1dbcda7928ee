/**
 * What this device's person has said about a room's co-hosts and about who comes straight in. Both lists are kept by the
 * server; a server that adds a name must not by that put somebody into the sealed group. So a device acts only on what
 * its own person set or confirmed here, and asks about the rest.
 */
import { recall, remember } from "@huisclos/ui-kit";

const key = (room: string, what: "hosts" | "straight") => `room.${room}.${what}`;

export function knownCohosts(room: string): string[] {
  try {
    const list: unknown = JSON.parse(recall(key(room, "hosts")) ?? "[]");
    return Array.isArray(list) ? list.filter((x): x is string => typeof x === "string") : [];
  } catch { return []; }
}
export function knowCohosts(room: string, accounts: readonly string[]): void { remember(key(room, "hosts"), JSON.stringify(accounts)); }

/** The stamp names the rule with all whom it names; another rule has another one. */
export function knowsStraight(room: string, stamp: string): boolean { return recall(key(room, "straight")) === stamp; }
export function knowStraight(room: string, stamp: string): void { remember(key(room, "straight"), stamp); }

/**
 * What this device remembers of the server's key log: the last state that it saw, in which every older one that it saw is contained.
 * It is one for all accounts of this browser at this server, in IndexedDB; the core decides what may follow it.
 */
import type { Bytes } from "./bytes.ts";
import { logTable, open, request } from "./store.ts";

/** What the server answers a device that it has inscribed (statement.Answer); hashes in base64url. */
export interface LogAnswer {
  /** The text of the log's key. */
  log: string;
  /** Number of the device's statement. */
  index: number;
  /** Of that statement, seconds since 1970. */
  time: number;
  /** The log's checkpoint now. */
  note: string;
  proof: string[];
  growth: string[];
}

/** The last state that was seen: `kept` is the core's, empty where nothing was seen; `size` its number of statements. */
export interface SeenLog { kept: Bytes; size: number }

/** How long the log was when this browser saw it, and when that was by its own clock. */
interface Mark { size: number; at: number }
/** Marks are at least a day apart, the oldest first. A record of before there were marks has none. */
interface Kept extends SeenLog { marks?: Mark[] }

/** For how long a device is new to a browser that has not met it (ms). */
export const newToBrowser = 24 * 60 * 60 * 1000;

/**
 * How many statements this browser has known for a day, or since it first saw the log; 0 where it saw none. Devices of later ones
 * are new to it, whatever time the server says. Within a day that does not change, however often a page is loaded.
 */
export function knownFor(marks: readonly Mark[], now: number): number {
  return (marks.findLast((m) => now - m.at >= newToBrowser) ?? marks[0])?.size ?? 0;
}

/** The marks with what is seen now, where that is a mark; of those that are a day old the last one is enough. */
export function marked(marks: readonly Mark[], size: number, now: number): Mark[] {
  const last = marks.at(-1), next = !last || now - last.at >= newToBrowser ? [...marks, { size, at: now }] : [...marks];
  return next.slice(Math.max(0, next.findLastIndex((m) => now - m.at >= newToBrowser)));
}

const entry = "seen";

/** known: see knownFor. */
export async function readSeenLog(now = Date.now()): Promise<SeenLog & { known: number }> {
  const db = await open();
  try {
    const seen = await request<Kept | undefined>(db.transaction(logTable).objectStore(logTable).get(entry));
    return { kept: seen?.kept ?? new Uint8Array(), size: seen?.size ?? 0, known: knownFor(seen?.marks ?? [], now) };
  } finally {
    db.close();
  }
}

/** Keeps a state unless a later one is kept already (two tabs may be here at once), and marks how long the log was. */
export async function keepSeenLog(seen: SeenLog, now = Date.now()): Promise<void> {
  const db = await open();
  try {
    const store = db.transaction(logTable, "readwrite", { durability: "strict" }).objectStore(logTable);
    const before = await request<Kept | undefined>(store.get(entry));
    const last = before && before.size >= seen.size ? before : seen;
    const kept: Kept = { kept: last.kept, size: last.size, marks: marked(before?.marks ?? [], last.size, now) };
    await request(store.put(kept, entry));
  } finally {
    db.close();
  }
}

/** Forgets what was seen: a person has decided that the log which the server shows now is the right one. */
export async function forgetSeenLog(): Promise<void> {
  const db = await open();
  try {
    await request(db.transaction(logTable, "readwrite", { durability: "strict" }).objectStore(logTable).delete(entry));
  } finally {
    db.close();
  }
}

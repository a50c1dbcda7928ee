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

const entry = "seen";

export async function readSeenLog(): Promise<SeenLog> {
  const db = await open();
  try {
    return await request<SeenLog | undefined>(db.transaction(logTable).objectStore(logTable).get(entry)) ?? { kept: new Uint8Array(), size: 0 };
  } finally {
    db.close();
  }
}

/** Keeps a state unless a later one is kept already: two tabs may be here at once. */
export async function keepSeenLog(seen: SeenLog): Promise<void> {
  const db = await open();
  try {
    const store = db.transaction(logTable, "readwrite", { durability: "strict" }).objectStore(logTable);
    const before = await request<SeenLog | undefined>(store.get(entry));
    if (!before || before.size < seen.size) await request(store.put(seen, entry));
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

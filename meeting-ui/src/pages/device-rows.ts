/** One's own devices as they are shown: with the short form of their keys, and which of them is this browser. */
import { fromBase64url, toBase64url, toHex } from "@huisclos/e2ee/bytes.ts";
import type { Device } from "@huisclos/e2ee/device.ts";
import type { Inscribed } from "../api/index.ts";

/** number is the statement's in the log; time is in ms. */
export interface DeviceRow { number: number; time: number; id: string; key: string; here: boolean }

/** In the order given, the newest first. `own` is this browser's device of the account; null: it has none yet. */
export async function deviceRows(list: readonly Inscribed[], own: Device | null): Promise<DeviceRow[]> {
  const id = own && toBase64url(own.id), key = own && toBase64url(own.publicKey);
  return Promise.all(list.map(async (d) => ({ number: d.index, time: d.time * 1000, id: spaced(d.device), key: await shortKey(d.key), here: d.device === id && d.key === key })));
}

/** A key, short enough to read aloud: the first eight hexadecimal digits of its SHA-256. */
async function shortKey(key: string): Promise<string> {
  return spaced(toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", fromBase64url(key)))));
}

/** The first eight signs, as the seal's panel shows devices. */
const spaced = (text: string) => `${text.slice(0, 4)} ${text.slice(4, 8)}`;

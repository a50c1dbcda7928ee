/**
 * The device's key: ECDSA P-256, made here, kept by the browser in IndexedDB as a CryptoKey that can't be read out, one
 * per account. The page uses it to say who it is; the MLS worker opens the same entry and signs with it.
 */
import type { Bytes } from "./bytes.ts";
import { deviceTable as table, open, request } from "./store.ts";

export interface Device {
  /** 16 random bytes, made with the key. */
  id: Bytes;
  /** Uncompressed point, as MLS writes it (RFC 9420 §5.1.1). */
  publicKey: Bytes;
}

interface Stored { account: string; id: Bytes; publicKey: Bytes; keys: CryptoKeyPair }

const algorithm = { name: "ECDSA", namedCurve: "P-256" } as const;

/** Makes or loads this device's key for an account (its id in base64url). */
export async function openDevice(account: string): Promise<Device> {
  const { id, publicKey } = await load(account);
  return { id, publicKey };
}

/** This device's key for an account, where it has one: none is made. */
export async function knownDevice(account: string): Promise<Device | null> {
  const db = await open();
  try {
    const found = await request<Stored | undefined>(db.transaction(table).objectStore(table).get(account));
    return found ? { id: found.id, publicKey: found.publicKey } : null;
  } finally {
    db.close();
  }
}

/** Signs with the device's key; the answer is WebCrypto's r‖s. Used inside the MLS worker. */
export async function deviceSigner(account: string, expected: Uint8Array): Promise<(message: Bytes) => Promise<Bytes>> {
  const { publicKey, keys } = await load(account);
  if (publicKey.length !== expected.length || publicKey.some((octet, i) => octet !== expected[i])) {
    throw new Error("the device key of this account is another than the page's");
  }
  return async (message) => new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, keys.privateKey, message));
}

async function load(account: string): Promise<Stored> {
  const db = await open();
  try {
    const found = await request<Stored | undefined>(db.transaction(table).objectStore(table).get(account));
    if (found) return found;
    const keys = await crypto.subtle.generateKey(algorithm, false, ["sign", "verify"]);
    const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", keys.publicKey));
    const made: Stored = { account, id: crypto.getRandomValues(new Uint8Array(16)), publicKey, keys };
    // Two tabs may be here at once: whoever writes first has made the device, the other takes that one.
    const store = db.transaction(table, "readwrite", { durability: "strict" }).objectStore(table);
    const first = await request<Stored | undefined>(store.get(account));
    if (first) return first;
    await request(store.add(made));
    return made;
  } finally {
    db.close();
  }
}

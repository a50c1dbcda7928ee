/** A key log in memory (crypto/keylog, RFC 6962 §2.1, C2SP signed-note): written apart from the Go one, so that each checks the other. */
import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { fromBase64url, toBase64url, type Bytes } from "../src/bytes.ts";
import type { LogAnswer } from "../src/log.ts";

export interface Inscribed { account: string; device: string; publicKey: Bytes }

const sha256 = (...parts: Uint8Array[]): Buffer => {
  const h = createHash("sha256");
  for (const p of parts) h.update(p);
  return h.digest();
};
const leafHash = (record: Uint8Array): Buffer => sha256(Uint8Array.of(0), record);
const nodeHash = (left: Uint8Array, right: Uint8Array): Buffer => sha256(Uint8Array.of(1), left, right);

/** The largest power of two smaller than n. */
function split(n: number): number {
  let k = 1;
  while (2 * k < n) k *= 2;
  return k;
}

function root(leaves: Buffer[]): Buffer {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0]!;
  const k = split(leaves.length);
  return nodeHash(root(leaves.slice(0, k)), root(leaves.slice(k)));
}

/** RFC 6962 §2.1.1. */
function path(n: number, leaves: Buffer[]): Buffer[] {
  if (leaves.length <= 1) return [];
  const k = split(leaves.length);
  return n < k ? [...path(n, leaves.slice(0, k)), root(leaves.slice(k))] : [...path(n - k, leaves.slice(k)), root(leaves.slice(0, k))];
}

/** RFC 6962 §2.1.2. */
function subproof(old: number, leaves: Buffer[], whole: boolean): Buffer[] {
  if (old === leaves.length) return whole ? [] : [root(leaves)];
  const k = split(leaves.length);
  return old <= k ? [...subproof(old, leaves.slice(0, k), whole), root(leaves.slice(k))] : [...subproof(old - k, leaves.slice(k), false), root(leaves.slice(0, k))];
}

const name = "huisclos.devices/test", type = Buffer.from("\xffhuisclos/ecdsa-p256-sha256/v1\x00", "latin1");

export class KeyLog {
  readonly #private: KeyObject;
  readonly #id: Buffer;
  readonly text: string;
  leaves: Buffer[] = [];
  /** Device → its statement: the same device is inscribed once. */
  readonly #known = new Map<string, number>();

  constructor(of?: KeyLog) {
    if (of) {
      [this.#private, this.#id, this.text] = [of.#private, of.#id, of.text];
      return;
    }
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const jwk = publicKey.export({ format: "jwk" });
    const point = Buffer.concat([Uint8Array.of(4), fromBase64url(jwk.x!), fromBase64url(jwk.y!)]);
    this.#private = privateKey;
    this.#id = sha256(Buffer.from(`${name}\n`), type, point).subarray(0, 4);
    this.text = `${name}+${this.#id.toString("hex")}+${Buffer.concat([type, point]).toString("base64")}`;
  }

  /** The log as it was after `size` statements, under the same key. */
  fork(size: number): KeyLog {
    const other = new KeyLog(this);
    other.leaves = this.leaves.slice(0, size);
    for (const [device, index] of this.#known) if (index < size) other.#known.set(device, index);
    return other;
  }

  note(): string {
    const text = `${name}\n${this.leaves.length}\n${root(this.leaves).toString("base64")}\n`;
    const signature = sign("sha256", Buffer.from(text), { key: this.#private, dsaEncoding: "der" });
    return `${text}\n— ${name} ${Buffer.concat([this.#id, signature]).toString("base64")}\n`;
  }

  async inscribe(who: Inscribed, since = 0): Promise<LogAnswer> {
    const time = 1_700_000_000, known = this.#known.get(who.device);
    if (known !== undefined) return this.answer(known, time, since);
    const index = this.leaves.length;
    this.#known.set(who.device, index);
    const head = Buffer.from([1, 1]), size = Buffer.alloc(2), at = Buffer.alloc(8);
    size.writeUInt16BE(who.publicKey.length);
    at.writeBigUInt64BE(BigInt(time));
    const ids = [who.account, who.device].map((text) => Buffer.from(text, "base64url"));
    this.leaves.push(leafHash(Buffer.concat([head, ...ids, size, who.publicKey, at])));
    return this.answer(index, time, since);
  }

  answer(index: number, time: number, since = 0): LogAnswer {
    return {
      log: this.text, index, time, note: this.note(), proof: path(index, this.leaves).map(toBase64url),
      growth: since > 0 && since < this.leaves.length ? subproof(since, this.leaves, true).map(toBase64url) : [],
    };
  }

  growth(sizes: number[]): string[][] {
    return sizes.slice(1).map((size, i) => subproof(sizes[i]!, this.leaves.slice(0, size), true).map(toBase64url));
  }
}

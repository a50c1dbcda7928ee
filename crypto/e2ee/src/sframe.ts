/**
 * What a sealed frame looks like (RFC 9605 as calls lay it out; the twin of the Go package crypto/sframe, held to it by the
 * vectors of crypto/testdata/frames):
 *
 *     clear prefix ‖ SFrame header ‖ ciphertext ‖ tag
 *
 * KIDs and counters are unsigned 32-bit numbers. They are packed by arithmetic: JavaScript's shifts are signed.
 */
import type { Bytes } from "./bytes.ts";
import type { DropReason } from "./frame-messages.ts";

export type Codec = "opus" | "vp8" | "vp9";

export const maxLeaf = 0xffff;
export const maxContext = 0xff;
export const maxCounter = 0xffffffff;
export const tagSize = 16;
export const windowSize = 1024;
/** The registry's number of AES_256_GCM_SHA512_128, the only suite of calls. */
export const suite = 5;

/** RFC 9605 §5.2 with 16 bits of sender and 8 of epoch: context<<24 | leaf<<8 | epoch mod 256. */
export function packKID(context: number, leaf: number, epoch: number): number {
  if (!(Number.isInteger(leaf) && leaf >= 0 && leaf <= maxLeaf)) throw new RangeError(`leaf ${leaf} does not fit a KID`);
  if (!(Number.isInteger(context) && context >= 0 && context <= maxContext)) throw new RangeError(`context ${context} does not fit a KID`);
  return context * 0x1000000 + leaf * 0x100 + (epoch % 0x100);
}

export function unpackKID(kid: number): { context: number; leaf: number; epochByte: number } {
  return { context: Math.floor(kid / 0x1000000), leaf: Math.floor(kid / 0x100) % 0x10000, epochByte: kid % 0x100 };
}

/** The class of a stream, authenticated with every frame: 0 microphone, 1 camera, 2 screen, 3 a screen's sound. */
export function streamKind(context: number): number {
  return context < 2 ? context : 2 + (context % 2);
}

/** What a context's frames are usually in; a camera's may be in VP9 as well. */
export function codecOf(context: number): Codec {
  const kind = streamKind(context);
  return kind === 0 || kind === 3 ? "opus" : "vp8";
}

const vp8Key = Uint8Array.of(0x10, 0x00, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01);
const vp8Delta = Uint8Array.of(0x11, 0x00, 0x00);
const none = new Uint8Array(0);

/** The constant that stands in the clear before a frame. It says key or delta, and nothing for audio and VP9. */
export function clearPrefix(codec: Codec, key: boolean): Uint8Array {
  if (codec !== "vp8") return none;
  return key ? vp8Key : vp8Delta;
}

function octets(value: number): number {
  return value < 0x100 ? 1 : value < 0x10000 ? 2 : value < 0x1000000 ? 3 : 4;
}

/** Bytes of a header; RFC 9605 §4.3, always the shortest. */
export function headerSize(kid: number, ctr: number): number {
  return 1 + (kid < 8 ? 0 : octets(kid)) + (ctr < 8 ? 0 : octets(ctr));
}

export function writeHeader(into: Uint8Array, at: number, kid: number, ctr: number): void {
  const start = at++;
  let config = 0;
  if (kid < 8) {
    config += kid * 0x10;
  } else {
    const n = octets(kid);
    config += 0x80 + (n - 1) * 0x10;
    for (let i = n - 1; i >= 0; i--) into[at++] = Math.floor(kid / 256 ** i) % 256;
  }
  if (ctr < 8) {
    config += ctr;
  } else {
    const n = octets(ctr);
    config += 0x08 + (n - 1);
    for (let i = n - 1; i >= 0; i--) into[at++] = Math.floor(ctr / 256 ** i) % 256;
  }
  into[start] = config;
}

/** `key` is what the prefix says, null where there is none that could. */
export interface FrameHeader { key: boolean | null; kid: number; ctr: number; prefix: number; size: number }

/** Reads what stands before the ciphertext, or says why it is no header of a call's frame. */
export function parseFrameHeader(codec: Codec, frame: Uint8Array): FrameHeader | DropReason {
  let key = codec === "vp9" ? null : false;
  let at = 0;
  if (codec === "vp8") {
    key = startsWith(frame, vp8Key);
    if (!key && !startsWith(frame, vp8Delta)) return "bad-prefix";
    at = clearPrefix(codec, key).length;
  }
  const prefix = at;
  if (frame.length <= at) return "no-header";
  const config = frame[at++]!;
  const values = [config >> 4, config & 15];
  for (let i = 0; i < 2; i++) {
    const half = values[i]!;
    if (half < 8) continue;
    const n = half - 7;
    if (frame.length - at < n) return "no-header";
    // RFC 9605 §4.3: the shortest form only, so that a KID has one spelling.
    if (frame[at] === 0 || (n === 1 && frame[at]! < 8)) return "bad-header";
    let value = 0;
    for (const end = at + n; at < end; at++) value = value * 256 + frame[at]!;
    values[i] = value;
  }
  const [kid, ctr] = values as [number, number];
  // Eight bytes may have rounded above, but never to below 2^32.
  if (kid > 0xffffffff || ctr > maxCounter) return "wrong-kid";
  return { key, kid, ctr, prefix, size: at };
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  if (bytes.length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (bytes[i] !== prefix[i]) return false;
  return true;
}

const innerKey = 1;
const innerPadding = 2;
const maxPadding = 0xffff;

/** Length of the plaintext of a frame: kind byte, padding with its length if any, the encoder's frame. */
export function innerSize(frame: number, padding: number): number {
  return 1 + (padding > 0 ? 2 + padding : 0) + frame;
}

/** What sealed frames of sound are filled up to where a call's profile asks for that; a larger one to a multiple (crypto/sframe.SoundSize). */
export const soundSize = 240;

/** The padding with which a frame of sound of so many octets is a multiple of `soundSize` once it is sealed behind a header of `header` octets. */
export function soundPadding(frame: number, header: number): number {
  const length = 2;
  const fill = (soundSize - (header + innerSize(frame, 0) + tagSize) % soundSize) % soundSize;
  return fill === 0 ? 0 : fill <= length ? fill + soundSize - length : fill - length;
}

export function writeInner(into: Uint8Array, key: boolean, padding: number, frame: Uint8Array): void {
  if (padding < 0 || padding > maxPadding) throw new RangeError(`padding of ${padding} bytes`);
  into[0] = (key ? innerKey : 0) + (padding > 0 ? innerPadding : 0);
  if (padding > 0) {
    into[1] = padding >> 8;
    into[2] = padding & 255;
    into.fill(0, 3, 3 + padding);
  }
  into.set(frame, innerSize(0, padding));
}

/**
 * Where the encoder's frame begins and whether it is a key frame, or null: unknown bits, empty or non-zero padding, another kind than
 * the prefix says.
 */
export function parseInner(inner: Uint8Array, said: boolean | null): { start: number; key: boolean } | null {
  const kind = inner[0];
  if (kind === undefined || kind > innerKey + innerPadding) return null;
  const key = (kind & innerKey) !== 0;
  if (said !== null && key !== said) return null;
  if ((kind & innerPadding) === 0) return { start: 1, key };
  if (inner.length < 3) return null;
  const padding = inner[1]! * 256 + inner[2]!;
  if (padding === 0 || inner.length < 3 + padding) return null;
  for (let i = 3; i < 3 + padding; i++) if (inner[i] !== 0) return null;
  return { start: 3 + padding, key };
}

/** Which counters of one KID were seen: "not twice", never "must grow". */
export class Window {
  readonly #seen = new Uint32Array(windowSize / 32);
  #newest = -1;

  fresh(ctr: number): boolean {
    if (ctr > this.#newest) return true;
    if (this.#newest - ctr >= windowSize) return false;
    return (this.#seen[Math.floor(ctr / 32) % this.#seen.length]! & (1 << (ctr % 32))) === 0;
  }

  /** Records a counter that authenticated. */
  mark(ctr: number): void {
    if (ctr > this.#newest) {
      if (this.#newest < 0 || ctr - this.#newest >= windowSize) this.#seen.fill(0);
      else for (let c = this.#newest + 1; c < ctr; c++) this.#seen[Math.floor(c / 32) % this.#seen.length]! &= ~(1 << (c % 32));
      this.#newest = ctr;
    }
    this.#seen[Math.floor(ctr / 32) % this.#seen.length]! |= 1 << (ctr % 32);
  }
}

export interface StreamKey { key: CryptoKey; salt: Bytes }

const encoder = new TextEncoder();

/** derive_key_salt of RFC 9605 §4.4.2 for one KID, by WebCrypto; the key can't be read out. */
export async function deriveStreamKey(base: CryptoKey, kid: number, use: "encrypt" | "decrypt"): Promise<StreamKey> {
  const parameters = (text: string): HkdfParams => {
    const start = encoder.encode(text);
    const info = new Uint8Array(start.length + 10);
    info.set(start);
    const view = new DataView(info.buffer, start.length);
    view.setUint32(4, kid);
    view.setUint16(8, suite);
    return { name: "HKDF", hash: "SHA-512", salt: none, info };
  };
  const [key, salt] = await Promise.all([
    crypto.subtle.deriveKey(parameters("SFrame 1.0 Secret key "), base, { name: "AES-GCM", length: 256 }, false, [use]),
    crypto.subtle.deriveBits(parameters("SFrame 1.0 Secret salt "), base, 96),
  ]);
  return { key, salt: new Uint8Array(salt) };
}

/** The salt XOR the counter (RFC 9605 §4.4.3). */
export function nonce(salt: Uint8Array, ctr: number): Bytes {
  const iv = new Uint8Array(salt);
  for (let i = 0; i < 4; i++) iv[11 - i]! ^= Math.floor(ctr / 256 ** i) % 256;
  return iv;
}

/** What is authenticated besides the ciphertext: SFrame header ‖ stream kind ‖ clear prefix. */
export function authenticated(frame: Uint8Array, prefix: number, size: number, context: number): Bytes {
  const aad = new Uint8Array(size + 1);
  aad.set(frame.subarray(prefix, size));
  aad[size - prefix] = streamKind(context);
  aad.set(frame.subarray(0, prefix), size - prefix + 1);
  return aad;
}

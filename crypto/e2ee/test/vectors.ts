import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromHex, type Bytes } from "../src/bytes.ts";

declare const __ROOT__: string;

/** Reads a file of crypto/testdata. */
export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(join(__ROOT__, "crypto", "testdata", name), "utf8")) as T;
}

export const root = __ROOT__;

export function hex(text: string | undefined): Bytes { return fromHex(text ?? ""); }

export function importBase(raw: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", raw, "HKDF", false, ["deriveKey", "deriveBits"]);
}

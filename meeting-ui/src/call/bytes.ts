/** Small acts on octets; base64url has its one implementation in the sealed side. */
import { toBase64url } from "@huisclos/e2ee/bytes.ts";

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** n random octets as text, for ids that only have to differ. */
export function randomText(n: number): string { return toBase64url(crypto.getRandomValues(new Uint8Array(n))); }

export async function sha256(b: Uint8Array): Promise<Uint8Array> { return new Uint8Array(await crypto.subtle.digest("SHA-256", b as Uint8Array<ArrayBuffer>)); }

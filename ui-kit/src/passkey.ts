/**
 * Passkeys as browsers have them (W3C Web Authentication Level 3, §5.1): the server's JSON to what navigator.credentials takes, and its
 * answer to JSON again. Done here and not by parseCreationOptionsFromJSON and toJSON, which not every browser in use has.
 */
import { signal } from "@preact/signals";
import type { Lang } from "./i18n.ts";

/** Whether passkeys can be had at this address, and else why not; at: where to come to. As /api/me says. */
export interface PasskeysHere { possible: boolean; reason?: "noName" | "untrusted" | "otherName"; at?: string }
export const passkeysHere = signal<PasskeysHere>({ possible: false });

export function notePasskeys(said: unknown): void {
  if (typeof said === "object" && said !== null && typeof (said as PasskeysHere).possible === "boolean") passkeysHere.value = said as PasskeysHere;
}

/** Whether this browser has them at all. */
export const browserHasPasskeys = (): boolean => typeof PublicKeyCredential === "function" && "credentials" in navigator;
/** Whether one can be used here and now. */
export const passkeysUsable = (): boolean => passkeysHere.value.possible && browserHasPasskeys();

/** The person closed the browser's question or it took too long ("cancelled"), the passkey is on this device already, or the browser would not. */
export class PasskeyTrouble extends Error {
  readonly until = null;
  constructor(readonly code: "passkey-cancelled" | "passkey-there" | "passkey-failed", cause?: unknown) { super(code, { cause }); }
  text(lang: Lang): string { return sentences[this.code][lang]; }
}

const sentences: Record<PasskeyTrouble["code"], Record<Lang, string>> = {
  "passkey-cancelled": {
    fr: "La demande a été fermée ou a pris trop de temps. Rien n’a changé ; vous pouvez recommencer.",
    en: "The request was closed or took too long. Nothing has changed; you can try again.",
  },
  "passkey-there": {
    fr: "Cet appareil a déjà une clé d’accès pour votre compte.",
    en: "This device already has a passkey for your account.",
  },
  "passkey-failed": {
    fr: "Votre navigateur n’a pas pu utiliser de clé d’accès. Essayez avec un autre appareil, ou autrement.",
    en: "Your browser could not use a passkey. Try another device, or another way.",
  },
};

export function fromBase64url(text: string): Uint8Array<ArrayBuffer> {
  const raw = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(raw, (c) => c.charCodeAt(0));
}
export function toBase64url(data: ArrayBuffer): string {
  let raw = "";
  for (const b of new Uint8Array(data)) raw += String.fromCharCode(b);
  return btoa(raw).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

interface Described { id: string; type: "public-key"; transports?: AuthenticatorTransport[] }
const described = (list: Described[] | undefined) => list?.map((d) => ({ ...d, id: fromBase64url(d.id) }));

type Creation = Omit<PublicKeyCredentialCreationOptions, "challenge" | "user" | "excludeCredentials"> & { challenge: string; user: { id: string; name: string; displayName: string }; excludeCredentials?: Described[] };
type Request = Omit<PublicKeyCredentialRequestOptions, "challenge" | "allowCredentials"> & { challenge: string; allowCredentials?: Described[] };

function trouble(e: unknown): PasskeyTrouble {
  const name = e instanceof DOMException ? e.name : "";
  return new PasskeyTrouble(name === "NotAllowedError" || name === "AbortError" ? "passkey-cancelled" : name === "InvalidStateError" ? "passkey-there" : "passkey-failed", e);
}

const common = (c: PublicKeyCredential) => ({ id: c.id, rawId: toBase64url(c.rawId), type: c.type, ...(c.authenticatorAttachment ? { authenticatorAttachment: c.authenticatorAttachment } : {}), clientExtensionResults: {} });

/** Makes a passkey; options and answer are the server's JSON. */
export async function createPasskey(options: unknown): Promise<object> {
  const o = options as Creation;
  let made: Credential | null;
  try {
    made = await navigator.credentials.create({ publicKey: { ...o, challenge: fromBase64url(o.challenge), user: { ...o.user, id: fromBase64url(o.user.id) }, excludeCredentials: described(o.excludeCredentials) } });
  } catch (e) { throw trouble(e); }
  if (!(made instanceof PublicKeyCredential)) throw new PasskeyTrouble("passkey-failed");
  const r = made.response as AuthenticatorAttestationResponse;
  return { ...common(made), response: { clientDataJSON: toBase64url(r.clientDataJSON), attestationObject: toBase64url(r.attestationObject), transports: r.getTransports?.() ?? [] } };
}

/** Uses one. With offered, the browser shows them among what it fills in, and waits until one is chosen or signal aborts. */
export async function getPasskey(options: unknown, offered?: AbortSignal): Promise<object> {
  const o = options as Request;
  let used: Credential | null;
  try {
    used = await navigator.credentials.get({
      publicKey: { ...o, challenge: fromBase64url(o.challenge), allowCredentials: described(o.allowCredentials) },
      ...(offered ? { mediation: "conditional" as CredentialMediationRequirement, signal: offered } : {}),
    });
  } catch (e) { throw trouble(e); }
  if (!(used instanceof PublicKeyCredential)) throw new PasskeyTrouble("passkey-failed");
  const r = used.response as AuthenticatorAssertionResponse;
  return {
    ...common(used),
    response: { clientDataJSON: toBase64url(r.clientDataJSON), authenticatorData: toBase64url(r.authenticatorData), signature: toBase64url(r.signature), ...(r.userHandle ? { userHandle: toBase64url(r.userHandle) } : {}) },
  };
}

/** Whether the browser can offer passkeys in the field for the address. */
export async function canOffer(): Promise<boolean> {
  try { return await PublicKeyCredential.isConditionalMediationAvailable?.() ?? false; } catch { return false; }
}

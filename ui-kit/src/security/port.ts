/** What the pages about one's own account ask of the server. Each client brings its own; every answer is the server's to check. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Lang } from "../i18n.ts";
import { PasskeyTrouble } from "../passkey.ts";

/** guest: made by an invitation only. Which role may do what is the server's to say; pages show only what can work. */
export type Role = "administrator" | "officer" | "auditor" | "organiser" | "member" | "guest";
/** Roles that look after the appliance: longer passphrases, a second factor always, shorter sessions. */
export const privileged = (role: Role): boolean => role === "administrator" || role === "officer" || role === "auditor";

/** source: "ldap" where the organisation's directory decides name, role and passphrase, "oidc" where its provider does. */
export interface Person {
  id: string; name: string; email: string; role: Role; source?: string;
  /** This session came by the provider: signing in there again is what stands for a passphrase. */
  provided?: boolean;
}
/** The second factors of an account: since when, how many recovery codes are left, and whether the rules ask for one. */
export interface Factors {
  totp: { since: string } | null; passkeys: Passkey[]; recoveryLeft: number; required?: boolean;
  /** There is no passphrase: a passkey signs in by itself, and is the only proof. */
  keyed?: boolean;
}
/** party: the host name that it is for, where that is no longer this one's. */
export interface Passkey { id: string; name: string; created: string; used?: string; backedUp: boolean; party?: string }
/** Which second factors there are; keyed: there is no passphrase beside them. */
export interface Kinds { totp: boolean; passkey: boolean; keyed?: boolean }
export const kindsOf = (f: Factors | null): Kinds => ({ totp: !!f?.totp, passkey: !!f && f.passkeys.length > 0, keyed: !!f?.keyed });
/** What is given again before an act on oneself: a passkey stands for passphrase and code. Who came by the provider gives no passphrase, and has signed in there lately. */
export type Given = { passphrase?: string; code?: string } | { passkey: object };
/** A second factor that is being set up: what the authenticator has to know, and the modules of its QR code. */
export interface Enrolment { secret: string; uri: string; qr: string[] }
export interface OwnSession { id: string; created: string; seen: string; address?: string; agent?: string; current: boolean }

/** A failure with a stable code and a sentence in both languages. */
export interface Refusal {
  readonly code: string;
  /** After too many tries: when the next one makes sense. */
  readonly until: Date | null;
  text(lang: Lang): string;
  /** Of "secondFactorNeeded": which kinds do. */
  readonly factors?: Kinds | null;
}

/** What the browser itself refused has its own sentence. */
export const whyOf = (refusal: (e: unknown) => Refusal, e: unknown): Refusal => (e instanceof PasskeyTrouble ? e : refusal(e));

export interface OwnAccount {
  factors(): Promise<Factors>;
  /** replace: another authenticator in the place of the one that there is, which counts until the new one is confirmed. */
  enrol(given: Given, replace?: boolean): Promise<Enrolment>;
  confirmEnrolment(code: string): Promise<{ recovery: string[] }>;
  removeFactor(given: Given): Promise<unknown>;
  newRecovery(given: Given): Promise<string[]>;
  /** Of an account without one: the recovery codes that come with it. */
  choosePassphrase(fresh: string, passkey: object): Promise<string[]>;
  /** by: a code, or a passkey in its place. */
  changePassphrase(old: string, fresh: string, by?: { code: string } | { passkey: object }): Promise<unknown>;
  /** The options of a passkey as proof. */
  proofOptions(): Promise<unknown>;
  beginPasskey(given: Given): Promise<unknown>;
  addPasskey(name: string, credential: object): Promise<{ passkey: Passkey; recovery: string[] }>;
  renamePasskey(id: string, name: string): Promise<unknown>;
  removePasskey(id: string, given: Given): Promise<unknown>;
  sessions(): Promise<OwnSession[]>;
  endSession(id: string): Promise<unknown>;
  endOtherSessions(): Promise<unknown>;
}

export interface Security {
  api: OwnAccount;
  /** What a page says of anything that was thrown. */
  refusal(e: unknown): Refusal;
  /** Nothing need be said any more of how many recovery codes are left. */
  recoveryRenewed(): void;
}

export const SecurityContext = createContext<Security | null>(null);

export function useSecurity(): Security {
  const s = useContext(SecurityContext);
  if (!s) throw new Error("no SecurityContext around a page about one's own account");
  return s;
}

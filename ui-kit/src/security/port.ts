/** What the pages about one's own account ask of the server. Each client brings its own; every answer is the server's to check. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Lang } from "../i18n.ts";

/** guest: made by an invitation only. Which role may do what is the server's to say; pages show only what can work. */
export type Role = "administrator" | "officer" | "auditor" | "organiser" | "member" | "guest";
/** Roles that look after the appliance: longer passphrases, a second factor always, shorter sessions. */
export const privileged = (role: Role): boolean => role === "administrator" || role === "officer" || role === "auditor";

/** source: "ldap" where the organisation's directory decides name, role and passphrase. */
export interface Person { id: string; name: string; email: string; role: Role; source?: string }
/** The second factor of an account: since when, how many recovery codes are left, and whether the rules ask for one. */
export interface Factors { totp: { since: string } | null; recoveryLeft: number; required?: boolean }
/** A second factor that is being set up: what the authenticator has to know, and the modules of its QR code. */
export interface Enrolment { secret: string; uri: string; qr: string[] }
export interface OwnSession { id: string; created: string; seen: string; address?: string; agent?: string; current: boolean }

/** A failure with a stable code and a sentence in both languages. */
export interface Refusal {
  readonly code: string;
  /** After too many tries: when the next one makes sense. */
  readonly until: Date | null;
  text(lang: Lang): string;
}

export interface OwnAccount {
  factors(): Promise<Factors>;
  enrol(passphrase: string): Promise<Enrolment>;
  confirmEnrolment(code: string): Promise<{ recovery: string[] }>;
  removeFactor(passphrase: string, code: string): Promise<unknown>;
  newRecovery(passphrase: string, code: string): Promise<string[]>;
  changePassphrase(old: string, fresh: string, code?: string): Promise<unknown>;
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

/** What the console asks the appliance: the same client, session and token as the meeting pages; every answer is the server's to check. */
import { withProof, type ProfileShown, type Role } from "@huisclos/ui-kit";
import { api as shared, codes, request, ApiError, type Account as Person, type Me } from "../../meeting-ui/src/api/index.ts";
import type { Attention } from "./watch.ts";

export { ApiError, codes };
export type { Me, Role };
export const own = shared;

export type State = "invited" | "active" | "disabled";
export interface Account extends Person { state: State; created: string; lastLogin?: string; secondFactor: boolean; absent?: boolean; /** It is deleted then; own: its owner has asked. */ leaving?: { until: string; own: boolean }; /** Of a guest: who invited first ("" when nobody is left), to how many rooms, until when. */ guest?: { organiser: string; name: string; rooms: number; until: string; /** Who wishes a full account for them. */ asked?: { id: string; name: string } }; /** By a passkey alone: there is no passphrase. */ keyed?: boolean }
/** What a reading of the directory did, or would do. troubled counts all problems, of which the first are listed. */
export interface DirectoryReport {
  people: number; created: number; changed: number; shut: number; opened: number; missing: number; accounts: number; held: boolean; roleless: number; took: number; troubled: number;
  changes: { kind: string; name: string; to?: string }[]; problems: { code: string; who: string; at?: string }[];
  /** Where groups of the directory come here; added and taken are memberships, groups is how many there were. */
  groups?: { created: number; renamed: number; deleted: number; added: number; taken: number; missing: number; groups: number; held: boolean };
}
export interface DirectoryFailure { kind: string; fr: string; en: string; detail: string }
export type ProviderState = { configured: false } | {
  configured: true; name: string; preset?: string; issuer: string; client: string; last?: string; good?: string; failure?: DirectoryFailure;
  addresses: { callback: string; signedOut: string; backChannel: string; frontChannel: string };
};
export interface Directory { configured: boolean; last?: string; good?: string; failure?: DirectoryFailure; report?: DirectoryReport }
/** url is shown once; a link that was mailed has none. */
export interface Activation { url?: string; mailed?: true; expires: string }
export interface Mail {
  on: boolean; waiting: number; oldest?: string; sent?: string; givenUp: number;
  failing?: { since: string; fr: string; en: string; detail: string };
}
export interface Member { account: string; name: string; leaf: number; since: string; connected: boolean; transport: string; forwarded?: number; received?: number; /** Bits a second that the network carries to them. */ sending?: number }
export interface Call {
  call: string; room: { id: string; name: string }; since: string; epoch: number; locked: boolean; members: Member[];
  forwarded: number; refused: Record<string, number>;
}
/** All that is kept of a call. about: the end is known to the minute only. */
export interface PastCall { room: { id: string; name: string }; began: string; ended?: string; about: boolean; most: number; how?: "left" | "ended" | "interrupted" | "broken" }
/** days: how long it is kept; 0: not at all. */
export interface PastCalls { calls: PastCall[]; next: string; days: number }
export interface CallQuery { from: string; to: string; room: string }
export interface Entry {
  sequence: number; time: string; actor: string; client?: string; action: string; object?: string; result: "ok" | "refused" | "failed";
  detail?: Record<string, string>; hash: string;
}
/** Whether further calls are refused, and whom that touches. planned: meetings that are to begin before until, in rooms without a call. */
export interface Drain { draining: boolean; calls: number; people: number; planned: number; until: string }
export interface Status {
  /** No further call begins. */
  draining: boolean;
  version: string; started: string; accounts: number; rooms: number; calls: number; people: number; forwarded: number; refused: number;
  fingerprint: string; address: string; /** The last good one. */ backup: string | null; mail: Mail; attention: Attention[];
}
/** A token of an identity system (SCIM), without the token. by: name of who made it, "" when that account is gone. */
export interface Provisioner { id: string; name: string; organisers: boolean; mails: boolean; by: string; created: string; expires: string; expired: boolean; used?: string; from?: string }
export interface Provisioning { url: string; mail: boolean; most: number; tokens: Provisioner[]; accounts: number; groups: number }
export interface Group { id: string; name: string; source: string; members: number; created: string }
export interface GroupMember { id: string; name: string; email: string }
export interface AccountPage { accounts: Account[]; next: string; total?: number }
/** A row of a list of people, and what happens with it. */
export interface ImportedRow { line: number; name: string; email: string; role: Role; what: "create" | "exists" | "wrong"; error?: { code: string; fr: string; en: string } }
export interface Imported {
  rows: ImportedRow[]; counts: Record<ImportedRow["what"], number>;
  /** The links, as a file for a spreadsheet; not of a dry run. */
  links?: string;
}
export interface AuditPage {
  entries: Entry[]; next: string; head: { sequence: number; hash: string };
  /** The time of the oldest entry that was looked at, where there are older ones. */
  reached?: string;
  /** Of the accounts that the entries name by their id. */
  names?: Record<string, string>;
}
export interface AuditQuery { from: string; to: string; person: string; action: string; object: string; result: string }
export interface Witness { id: string; name: string; key: string; added: string; by: string; /** The last checkpoint that it has signed; 0: none. */ size: number; signed?: string }
export interface AuditState {
  entries: number; keys: string[]; witnesses: Witness[]; names: Record<string, string>;
  checkpoint?: { size: number; time: string };
  verified?: { time: string; by: string; entries: number; covered: number; cosigned: number; fault?: number; reason?: string };
  verifying?: { done: number; of: number };
  forwarding?: Forwarding;
}
export type LogLevel = "debug" | "info" | "warn" | "error";
export interface LogLine { number: number; time: string; level: LogLevel; part?: string; message: string; detail?: string }
/** The service's own messages, the newest first; until: when the level of the settings holds again. */
export interface ServiceLog { lines: LogLine[]; last: string; level: LogLevel; settled: LogLevel; until?: string }
/** The way of the audit log to its collector: what that one has confirmed, and since when it fails. */
export interface Forwarding {
  on: boolean; collector?: string; sequence?: number; confirmed?: string; waiting?: number;
  failing?: { since: string; fr: string; en: string; lastWord: string };
}
/** Roles whose second factor the rules decide; of the others it is asked for always. */
export type RuledRole = "organiser" | "member";
export type TwoFactors = "always" | "required" | "optional";
export interface Policy { twoFactors: Record<Exclude<Role, "guest">, TwoFactors>; addresses: Addresses; officers: number; guests: GuestRule }
/** Whether there are guests, the usual and the longest days of their accounts, and for how many people a link is at most. */
export interface GuestRule { allowed: boolean; days: number; maxDays: number; maxUses: number }
export interface PolicyChange { twoFactors?: Partial<Record<RuledRole, TwoFactors>>; addresses?: Addresses; guests?: Partial<GuestRule> }
/** Whether members see the e-mail addresses of others. */
export type Addresses = "shown" | "hidden";
/** A security profile of rooms, with what its rooms ask. */
export interface Profile extends ProfileShown { id: string; builtIn: boolean; changed?: string }
export type ProfileWish = Pick<ProfileShown, "name" | "members"> & { conditions: string[] };
/** An act that waits for an officer other than the one who proposed it, and than the account concerned. */
export interface Proposal {
  id: string; kind: string; by: { id: string; name: string }; at: string; until: string; account?: { id: string; name: string };
  change: { guests?: Partial<GuestRule>; addresses?: Addresses; twoFactors?: Partial<Record<RuledRole, TwoFactors>>; from?: Role; to?: Role; name?: string; email?: string; role?: Role; disabled?: boolean; profile?: Profile };
  canApprove: boolean; waits: "" | "secondOfficer";
}
export interface Proposed { proposal: Proposal }
export interface Happened { account?: Account; activation?: Activation; policy?: Policy }

/** The act was not done: it waits for an officer. */
export function isProposed(answer: unknown): answer is Proposed {
  return typeof answer === "object" && answer !== null && "proposal" in answer;
}

const id = encodeURIComponent;
const query = (o: Record<string, string | number>) => {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(o)) if (v !== "") q.set(k, String(v));
  return q.size ? `?${q}` : "";
};

/** The address of a copy of the audit log, which the browser saves as it comes. */
export const callsCopy = (o: CallQuery) => `/api/admin/calls/history/export${query({ ...o })}`;
export const auditCopy = (format: "jsonl" | "cef", o: { from: string; to: string }) => `/api/admin/audit/export${query({ format, ...o })}`;

/** Acts that may need a recent proof of who acts ask for it by themselves (withProof); several may become proposals instead. */
export const admin = {
  status: () => request<Status>("GET", "/api/admin/status"),
  accounts: (o: { query: string; after: string; limit: number }) => request<AccountPage>("GET", `/api/admin/accounts${query(o)}`),
  create: (o: { name: string; email: string; role: Role; mail: boolean }) => withProof(() => request<{ account: Account; activation: Activation } | Proposed>("POST", "/api/admin/accounts", o)),
  importAccounts: (text: string, dry: boolean) => request<Imported>("POST", "/api/admin/accounts/import", { text, dry }),
  newLink: (account: string, mail: boolean) => withProof(() => request<{ activation: Activation } | Proposed>("POST", `/api/admin/accounts/${id(account)}/activation`, { mail })),
  change: (account: string, o: { name?: string; email?: string; role?: Role; disabled?: boolean; asked?: false }) => withProof(() => request<{ account: Account } | Proposed>("PATCH", `/api/admin/accounts/${id(account)}`, o)),
  remove: (account: string) => withProof(() => request<Proposed | null>("DELETE", `/api/admin/accounts/${id(account)}`)),
  leave: (account: string) => withProof(() => request<{ account: Account } | Proposed>("POST", `/api/admin/accounts/${id(account)}/leaving`, {})),
  stay: (account: string) => withProof(() => request<{ account: Account } | Proposed>("DELETE", `/api/admin/accounts/${id(account)}/leaving`)),
  removeFactors: (account: string) => withProof(() => request<Proposed | null>("DELETE", `/api/admin/accounts/${id(account)}/factors`)),
  provider: () => request<ProviderState>("GET", "/api/admin/provider"),
  directory: () => request<Directory>("GET", "/api/admin/directory"),
  syncDirectory: (o: { dry?: boolean; anyway?: boolean }) => withProof(() => request<{ report?: DirectoryReport; failure?: DirectoryFailure }>("POST", "/api/admin/directory/sync", o)),
  provisioning: () => request<Provisioning>("GET", "/api/admin/provisioning"),
  makeProvisioner: (o: { name: string; days: number; organisers: boolean; mails: boolean }) => withProof(() => request<{ provisioner: Provisioner; token: string }>("POST", "/api/admin/provisioning", o)),
  revokeProvisioner: (token: string) => request<void>("DELETE", `/api/admin/provisioning/${id(token)}`),
  groups: async (words: string) => (await request<{ groups: Group[] }>("GET", `/api/admin/groups${query({ query: words })}`)).groups,
  createGroup: (name: string) => request<Group>("POST", "/api/admin/groups", { name }),
  group: (group: string, after: string) => request<{ group: Group; members: GroupMember[]; next: string }>("GET", `/api/admin/groups/${id(group)}${query({ after })}`),
  changeGroup: (group: string, o: { name?: string; add?: string[]; take?: string[] }) => request<Group>("PATCH", `/api/admin/groups/${id(group)}`, o),
  removeGroup: (group: string) => request<void>("DELETE", `/api/admin/groups/${id(group)}`),
  calls: async () => (await request<{ calls: Call[] }>("GET", "/api/admin/calls")).calls,
  pastCalls: (o: CallQuery & { after: string }) => request<PastCalls>("GET", `/api/admin/calls/history${query({ ...o })}`),
  limits: () => request<{ limits: { setting: string; most: number; used: number }[]; rooms: number }>("GET", "/api/admin/limits"),
  endCall: (room: string) => request<void>("POST", `/api/admin/calls/${id(room)}/end`, {}),
  drained: () => request<Drain>("GET", "/api/admin/drain"),
  drain: () => request<void>("POST", "/api/admin/drain", {}),
  resume: () => request<void>("DELETE", "/api/admin/drain"),
  audit: (o: AuditQuery & { after: string; limit: number }) => request<AuditPage>("GET", `/api/admin/audit${query({ ...o })}`),
  serviceLog: (o: { level: LogLevel; text: string }) => request<ServiceLog>("GET", `/api/admin/log${query({ ...o, limit: 200 })}`),
  /** minutes 0 takes the level of the settings again. */
  setLogLevel: (level: LogLevel | "", minutes: number) => request<Pick<ServiceLog, "level" | "settled" | "until">>("POST", "/api/admin/log/level", { level, minutes }),
  auditState: () => request<AuditState>("GET", "/api/admin/audit/state"),
  verifyAudit: () => request<AuditState>("POST", "/api/admin/audit/verify", {}),
  auditGrowth: async (since: number) => (await request<{ text: string }>("GET", `/api/admin/audit/growth?since=${since}`)).text,
  cosignAudit: (note: string) => request<AuditState>("POST", "/api/admin/audit/cosignature", { note }),
  enrolWitness: (key: string) => withProof(() => request<AuditState>("POST", "/api/admin/audit/witnesses", { key })),
  dismissWitness: (witness: string) => withProof(() => request<AuditState>("DELETE", `/api/admin/audit/witnesses/${id(witness)}`)),

  policy: () => request<Policy>("GET", "/api/admin/policy"),
  changePolicy: (change: PolicyChange) => withProof(() => request<Policy | Proposed>("PATCH", "/api/admin/policy", change)),
  profiles: async () => (await request<{ profiles: Profile[] }>("GET", "/api/admin/profiles")).profiles,
  createProfile: (wish: ProfileWish) => withProof(() => request<unknown>("POST", "/api/admin/profiles", wish)),
  changeProfile: (profile: string, wish: ProfileWish) => withProof(() => request<unknown>("PATCH", `/api/admin/profiles/${id(profile)}`, wish)),
  removeProfile: (profile: string) => withProof(() => request<unknown>("DELETE", `/api/admin/profiles/${id(profile)}`)),
  proposals: async () => (await request<{ proposals: Proposal[] }>("GET", "/api/admin/proposals")).proposals,
  approve: (proposal: string) => withProof(() => request<Happened | null>("POST", `/api/admin/proposals/${id(proposal)}/approve`, {})),
  reject: (proposal: string) => withProof(() => request<void>("POST", `/api/admin/proposals/${id(proposal)}/reject`, {})),
};

/** Every account, at most a thousand. */
export async function allAccounts(): Promise<Account[]> {
  const all: Account[] = [];
  for (let i = 0, after = ""; i < 5; i++) {
    const page = await admin.accounts({ query: "", after, limit: 200 });
    all.push(...page.accounts);
    if (!page.next) break;
    after = page.next;
  }
  return all;
}

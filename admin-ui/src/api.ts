/** What the console asks the appliance: the same client, session and token as the meeting pages; every answer is the server's to check. */
import { api as shared, codes, request, ApiError, type Account as Me } from "../../meeting-ui/src/api/index.ts";

export { ApiError, codes };
export const { me, setup, login, logout, factors } = shared;

export type Role = Me["role"];
export type State = "invited" | "active" | "disabled";
export interface Account extends Me { state: State; created: string; lastLogin?: string; secondFactor: boolean }
/** url is shown once; a link that was mailed has none. */
export interface Activation { url?: string; mailed?: true; expires: string }
export interface Mail {
  on: boolean; waiting: number; oldest?: string; sent?: string; givenUp: number;
  failing?: { since: string; fr: string; en: string; detail: string };
}
export interface Member { account: string; name: string; leaf: number; since: string; connected: boolean; transport: string; forwarded?: number; received?: number }
export interface Call {
  call: string; room: { id: string; name: string }; since: string; epoch: number; locked: boolean; members: Member[];
  forwarded: number; refused: Record<string, number>;
}
export interface Entry {
  sequence: number; time: string; actor: string; client?: string; action: string; object?: string; result: "ok" | "refused" | "failed";
  detail?: Record<string, string>; hash: string;
}
export interface Status {
  version: string; started: string; accounts: number; rooms: number; calls: number; people: number; forwarded: number; refused: number;
  fingerprint: string; address: string; mail: Mail;
}
export interface Group { id: string; name: string; source: string; members: number; created: string }
export interface Person { id: string; name: string; email: string }
export interface AccountPage { accounts: Account[]; next: string; total?: number }
export interface AuditPage { entries: Entry[]; next: string; head: { sequence: number; hash: string } }

const id = encodeURIComponent;
const query = (o: Record<string, string | number>) => {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(o)) if (v !== "") q.set(k, String(v));
  return q.size ? `?${q}` : "";
};

export const admin = {
  status: () => request<Status>("GET", "/api/admin/status"),
  accounts: (o: { query: string; after: string; limit: number }) => request<AccountPage>("GET", `/api/admin/accounts${query(o)}`),
  create: (o: { name: string; email: string; role: Role; mail: boolean }) => request<{ account: Account; activation: Activation }>("POST", "/api/admin/accounts", o),
  newLink: async (account: string, mail: boolean) => (await request<{ activation: Activation }>("POST", `/api/admin/accounts/${id(account)}/activation`, { mail })).activation,
  change: async (account: string, o: { name?: string; role?: Role; disabled?: boolean }) => (await request<{ account: Account }>("PATCH", `/api/admin/accounts/${id(account)}`, o)).account,
  remove: (account: string) => request<void>("DELETE", `/api/admin/accounts/${id(account)}`),
  removeFactors: (account: string) => request<void>("DELETE", `/api/admin/accounts/${id(account)}/factors`),
  groups: async (words: string) => (await request<{ groups: Group[] }>("GET", `/api/admin/groups${query({ query: words })}`)).groups,
  createGroup: (name: string) => request<Group>("POST", "/api/admin/groups", { name }),
  group: (group: string, after: string) => request<{ group: Group; members: Person[]; next: string }>("GET", `/api/admin/groups/${id(group)}${query({ after })}`),
  changeGroup: (group: string, o: { name?: string; add?: string[]; take?: string[] }) => request<Group>("PATCH", `/api/admin/groups/${id(group)}`, o),
  removeGroup: (group: string) => request<void>("DELETE", `/api/admin/groups/${id(group)}`),
  calls: async () => (await request<{ calls: Call[] }>("GET", "/api/admin/calls")).calls,
  endCall: (room: string) => request<void>("POST", `/api/admin/calls/${id(room)}/end`, {}),
  audit: (o: { after: string; limit: number }) => request<AuditPage>("GET", `/api/admin/audit${query(o)}`),
};

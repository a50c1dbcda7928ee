/**
 * The HTTP side of the client (signalling is in ../call). One function per route; every failure is an ApiError with a
 * stable code and a sentence in French and in English.
 */

import type { LogAnswer } from "@huisclos/e2ee";
import type { Enrolment, Factors, Given, Kinds, Lang, Life, OwnSession, Person } from "@huisclos/ui-kit";
import { quiet } from "@huisclos/ui-kit/activity.ts";
import { codes } from "@huisclos/ui-kit/factor.ts";
import type { Profile } from "../call/profile.ts";
import { notePasskeys } from "@huisclos/ui-kit/passkey.ts";
import { leaving, noteLeaving, noteProvider } from "@huisclos/ui-kit/provider.ts";
import type { RelayGrant } from "../call/relay.ts";
import { passkeyCalls } from "./passkeys.ts";
import { providerCalls } from "./provider.ts";

export { codes };
export type { Enrolment, Factors, Lang, OwnSession };
export type Account = Person;
export interface Me {
  account: Account; csrf: string; version: string; protocol: number;
  /** The rules ask for a second factor and there is none: nothing else is open to this session. */
  must?: "factor";
  /** The first start was left before there was a second factor: it goes on there. */
  wizard?: boolean;
  secondFactor?: boolean;
  /** Which second factors there are. */
  factors?: Kinds;
  /** After how many seconds without use the session ends, and the console shuts. */
  idle?: { session: number; console: number };
  /** When the account is deleted, as its owner has asked. */
  leaving?: string;
}
/** A security profile; of a room in which a call is under way, that of the call. */
export interface RoomProfile extends Profile { id: string }
export interface Room {
  id: string; name: string; owner: { id: string; name: string }; created: string; live: boolean; people: number; profile: RoomProfile;
  /** What a call may be sent, in bits a second: all who are in it together, and each of them. 0: as much as the lines take. */
  budget?: Budget;
  /** Its PIN has to be given first. */
  pin?: boolean;
  /** To the owner and the co-hosts. */
  host?: boolean;
  cohosts?: Named[];
  straight?: Straight;
}
export interface Budget { call: number; person: number }
/** Whom a host's device lets in by itself. */
export interface Straight { stamp: string; persons: number; groups: string[] }
export interface Named { id: string; name: string; email?: string }
export interface Group { id: string; name: string; source: string; members: number }
export interface Naming { on: boolean; persons: Named[]; groups: Group[] }
export interface Rules { access: Naming; straight: Naming; cohosts: Named[]; pin: boolean; stamp: string; /** Whom an invitation to a meeting lets knock, until its end. */ invited: (Named & { meeting: string; until: string })[] }
export interface RulesChange { access?: NamingIds; straight?: NamingIds; cohosts?: string[]; pin?: string }
export interface NamingIds { on: boolean; persons: string[]; groups: string[] }
/** What the key log says of one of one's own devices: ids and key in base64url, time in seconds. */
export interface Inscribed { device: string; index: number; time: number; key: string }
/** Somebody in the directory; presence is absent when away, or turned off. */
export interface Entry extends Named { presence?: "here" | "call"; contact?: boolean }

export interface Clock { date: string; time: string }
export interface Recurrence { frequency: "daily" | "weekly" | "monthly"; every: number; /** 0 is Sunday. */ days: number[] | null; nth: number; count: number; until: string }
export interface Invitee { account?: string; email?: string; name?: string }
export interface PlanForm { title: string; start: Clock; zone: string; minutes: number; recurrence: Recurrence | null; invitees: Invitee[] }
/** One time at which a meeting takes place; original names it. */
export interface Occurrence { original: string; start: string; minutes: number }
export interface Planned extends PlanForm { id: string; next: Occurrence[]; exceptions: number }
export interface Coming extends Occurrence { id: string; title: string; room: { id: string; name: string; owner: { id: string; name: string } }; mine: boolean; repeats: boolean; zone: string; live: boolean }

/** What an invitation says to who holds it; email is "" for one that whoever holds it may use. */
export interface Invitation { organiser: string; room: string; email: string; expires: string }
/** Where an invitation leads: room and owner. */
export interface Place { id: string; owner: string }
/** An invitation as its organiser sees it; without an address it is a link. */
export interface Sent { id: string; email?: string; made: string; expires: string; uses: number; used: number; withdrawn?: boolean; /** Days that the account of who accepts lasts. */ stay?: number }
/** asked: an organiser wishes a full account for them. */
export interface Guest { id: string; name: string; email: string; until: string; asked?: boolean }
/** bounds: what the organisation lets an organiser choose. */
export interface Guests { mail: boolean; allowed: boolean; bounds: { days: number; maxDays: number; uses: number; maxUses: number }; invitations: Sent[]; guests: Guest[] }
/** Who comes by an invitation, before there is an account. */
export interface Arriving { token: string; email: string; code: string; name: string }
/** What somebody signs in with from now on. */
export type Chosen = { passphrase: string } | { credential: object; keyName: string };

export class ApiError extends Error {
  constructor(
    readonly status: number,
    /** "not-signed-in", "wrong-credentials", "too-many", …; "offline" and "bad-answer" are the client's own. */
    readonly code: string,
    readonly fr: string,
    readonly en: string,
    /** 429: when the next try makes sense. */
    readonly until: Date | null = null,
    /** GET /api/me without a session: no administrator exists yet. */
    readonly setupNeeded = false,
    /** Of "secondFactorNeeded": which kinds do. */
    readonly factors: Kinds | null = null,
    /** The whole answer, for refusals that say more. */
    readonly more: Readonly<Record<string, unknown>> = {},
  ) {
    super(`${code}: ${en}`);
    this.name = "ApiError";
  }
  text(lang: Lang): string { return lang === "fr" ? this.fr : this.en; }
}

/** The token of the current session (or, before login, of the browser's cookie); state changes carry it. */
let csrf = "";

const offline = () => new ApiError(0, "offline",
  "Le serveur ne répond pas. Vérifiez votre connexion au réseau, puis réessayez.",
  "The server does not answer. Check your network connection, then try again.");
const badAnswer = (status: number) => new ApiError(status, "bad-answer",
  "Le serveur a donné une réponse que cette page ne comprend pas. Rechargez la page.",
  "The server gave an answer that this page does not understand. Reload the page.");

function object(v: unknown): Record<string, unknown> | null {
  return typeof v === "object" && v !== null && !Array.isArray(v) ? (v as Record<string, unknown>) : null;
}

function failure(response: Response, body: unknown): ApiError {
  const all = object(body), e = object(all?.error);
  if (!all || !e || typeof e.code !== "string") return badAnswer(response.status);
  if (typeof all.csrf === "string") csrf = all.csrf;
  let until: Date | null = null;
  if (typeof all.until === "string" && !Number.isNaN(Date.parse(all.until))) until = new Date(all.until);
  else if (response.headers.has("Retry-After")) {
    const seconds = Number(response.headers.get("Retry-After"));
    if (Number.isFinite(seconds)) until = new Date(Date.now() + seconds * 1000);
  }
  const known = sentences[e.code];
  return new ApiError(response.status, e.code, typeof e.fr === "string" ? e.fr : known?.[0] ?? badAnswer(0).fr,
    typeof e.en === "string" ? e.en : known?.[1] ?? badAnswer(0).en, until, all.setupNeeded === true, object(all.factors) as Kinds | null, all);
}

/** For answers that come without sentences. */
const sentences: Record<string, [fr: string, en: string]> = {
  "not-signed-in": ["Vous n'êtes pas connecté. Connectez-vous pour continuer.", "You are not signed in. Sign in to go on."],
  "not-found": ["Cette page ou cette salle n'existe pas, ou plus.", "This page or room does not exist, or no longer."],
  "forbidden": ["Votre compte ne permet pas cette action.", "Your account does not allow this."],
  "factorRequired": ["Les règles de cette installation demandent un second facteur pour votre compte. Mettez-le en place pour continuer.", "The rules here ask for a second factor on your account. Set it up to go on."],
  "proofNeeded": ["Confirmez que c'est vous, puis recommencez.", "Confirm that it is you, then try again."],
  "too-many": ["Trop d'essais. Attendez un moment, puis réessayez.", "Too many tries. Wait a moment, then try again."],
  "csrf": ["Cette page est ouverte depuis trop longtemps. Rechargez-la.", "This page has been open for too long. Reload it."],
};

type Method = "GET" | "POST" | "PATCH" | "DELETE";

export async function request<T>(method: Method, path: string, body?: object, again = true): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (quiet()) headers["X-Huisclos-Quiet"] = "1";
  if (method !== "GET") headers["X-Huisclos-CSRF"] = csrf || (await token());
  const file = body instanceof Blob; // a file goes as it is
  if (body !== undefined) headers["Content-Type"] = file ? "application/octet-stream" : "application/json";
  let response: Response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : file ? body : JSON.stringify(body), credentials: "same-origin", redirect: "error", cache: "no-store" });
  } catch {
    throw offline();
  }
  const text = await response.text().catch(() => { throw offline(); });
  let answer: unknown = null;
  if (text !== "") {
    try { answer = JSON.parse(text); } catch { throw badAnswer(response.status); }
  }
  if (path === "/api/me" && answer !== null) { notePasskeys(object(answer)?.passkeys); noteProvider(object(answer)?.provider); if (response.ok) leaving.value = null; }
  if (response.ok) {
    const o = object(answer);
    if (typeof o?.csrf === "string") csrf = o.csrf;
    return answer as T;
  }
  const e = failure(response, answer);
  // The session changed in another tab: its token is stale. One fresh token, one more try.
  if (e.code === "csrf" && again && method !== "GET") { csrf = ""; await token(); return request<T>(method, path, body, false); }
  throw e;
}

/** A file that is handed out, whole. */
export async function download(path: string): Promise<Blob> {
  let response: Response;
  try { response = await fetch(path, { credentials: "same-origin", redirect: "error", cache: "no-store" }); } catch { throw offline(); }
  if (response.ok) return response.blob().catch(() => { throw offline(); });
  let answer: unknown;
  try { answer = await response.json(); } catch { throw badAnswer(response.status); }
  throw failure(response, answer);
}

/** Learns the token: /api/me gives one with and without a session. */
async function token(): Promise<string> {
  try { await request<Me>("GET", "/api/me"); } catch (e) { if (!(e instanceof ApiError) || e.code !== "not-signed-in") throw e; }
  return csrf;
}

const id = encodeURIComponent;

export const api = {
  me: () => request<Me>("GET", "/api/me"),
  setup: async (o: { code: string; name: string; email: string; passphrase: string; wizard: true }) => { await request("POST", "/api/setup", o); return api.me(); },
  /** recoveryLeft: after a recovery code, how many are left. */
  login: async (email: string, passphrase: string, code?: string): Promise<{ me: Me; recoveryLeft: number | null }> => {
    const answer = await request<{ recoveryLeft?: number } | null>("POST", "/api/login", { email, passphrase, ...(code ? { code } : {}) });
    return { me: await api.me(), recoveryLeft: answer?.recoveryLeft ?? null };
  },
  logout: async () => {
    leaving.value = null;
    const answer = await request<{ provider?: unknown } | null>("POST", "/api/logout", {});
    csrf = "";
    noteLeaving(answer?.provider);
  },
  /** Looks at an activation link without using it. */
  activation: (activation: string) => request<{ name: string; email: string; role: Account["role"]; passkey: boolean }>("POST", "/api/activation", { token: activation }),
  /** The options of a passkey, where the link may give one. */
  activationPasskey: async (activation: string) => (await request<{ options: unknown }>("POST", "/api/activation/passkey", { token: activation })).options,
  activate: async (activation: string, by: Chosen) => { await request("POST", "/api/activate", { token: activation, ...by }); return api.me(); },

  /** Looks at an invitation without using it. */
  invitation: (token: string) => request<Invitation>("POST", "/api/invitation", { token }),
  sendCode: (token: string, email: string, language: Lang) => request<void>("POST", "/api/invitation/code", { token, email, language }),
  confirmAddress: (token: string, email: string, code: string) => request<{ next: "name" | "guest" | "account"; room: Place }>("POST", "/api/invitation/confirm", { token, email, code }),
  guestPasskey: async (o: Arriving) => (await request<{ options: unknown }>("POST", "/api/invitation/passkey", o)).options,
  accept: async (o: Arriving & Chosen) => { const { room } = await request<{ room: Place }>("POST", "/api/invitation/accept", o); return { room, me: await api.me() }; },

  choosePassphrase: async (fresh: string, passkey: object) => (await request<{ recovery: string[] }>("POST", "/api/account/passphrase", { old: "", new: fresh, passkey })).recovery,
  changePassphrase: (old: string, fresh: string, by?: { code: string } | { passkey: object }) => request<void>("POST", "/api/account/passphrase", { old, new: fresh, ...by }),
  factors: () => request<Factors>("GET", "/api/account/factors"),
  enrol: (given: Given, replace = false) => request<Enrolment>("POST", replace ? "/api/account/totp/replace" : "/api/account/totp", given),
  confirmEnrolment: (code: string) => request<{ recovery: string[]; since: string }>("POST", "/api/account/totp/confirm", { code }),
  removeFactor: (given: Given) => request<void>("DELETE", "/api/account/totp", given),
  newRecovery: async (given: Given) => (await request<{ recovery: string[] }>("POST", "/api/account/recovery", given)).recovery,
  ...providerCalls(request, (): Promise<Me> => request<Me>("GET", "/api/me")),
  ...passkeyCalls(request, (): Promise<Me> => request<Me>("GET", "/api/me")),
  keepLanguage: (language: Lang) => request<void>("PATCH", "/api/account", { language }),
  life: () => request<Life>("GET", "/api/account/life"),
  askAddress: (email: string, language: Lang) => request<{ until: string }>("POST", "/api/account/email", { email, language }),
  confirmOwnAddress: (code: string) => request<{ account: Account }>("POST", "/api/account/email/confirm", { code }),
  exportData: () => request<object>("POST", "/api/account/export", {}),
  leave: () => request<unknown>("POST", "/api/account/leaving", {}),
  stay: () => request<unknown>("DELETE", "/api/account/leaving"),
  /** Looks at a link that brings a former address back, without using it. */
  formerAddress: (token: string) => request<{ email: string; until: string }>("POST", "/api/address", { token }),
  restoreAddress: (token: string) => request<{ email: string }>("POST", "/api/address/restore", { token }),
  rename: (name: string) => request<void>("PATCH", "/api/account", { name }),
  sessions: async () => (await request<{ sessions: OwnSession[] }>("GET", "/api/account/sessions")).sessions,
  /** Proves again who one is, for acts that need a recent proof. The session stays the same. */
  prove: (given: Given) => request<void>("POST", "/api/proof", given),
  /** One's own devices in the key log, the newest first, at most 200. */
  devices: async () => (await request<{ devices: Inscribed[] }>("GET", "/api/devices")).devices,
  endOtherSessions: () => request<void>("DELETE", "/api/account/sessions", {}),
  endSession: (session: string) => request<void>("DELETE", `/api/account/sessions/${id(session)}`),

  /** A media connection that carries nothing: the server's answer to an offer with one audio section, what opens the relay to it, if asked for, and whether this page comes by a proxy of the server's. */
  tryConnection: (offer: string, mid: string, relay: boolean) => request<{ answer: string; relay?: RelayGrant; proxied?: boolean }>("POST", "/api/connection", { offer, mid, relay }),

  rooms: async () => (await request<{ rooms: Room[] }>("GET", "/api/rooms")).rooms,
  createRoom: (name: string) => request<Room>("POST", "/api/rooms", { name }),
  room: (room: string) => request<Room>("GET", `/api/rooms/${id(room)}`),
  renameRoom: (room: string, name: string) => request<Room>("PATCH", `/api/rooms/${id(room)}`, { name }),
  /** The profiles that a room may have, from the weakest that came with the product. */
  profiles: async () => (await request<{ profiles: RoomProfile[] }>("GET", "/api/profiles")).profiles,
  setProfile: (room: string, profile: string) => request<Room>("PATCH", `/api/rooms/${id(room)}`, { profile }),
  rules: (room: string) => request<Rules>("GET", `/api/rooms/${id(room)}/rules`),
  changeRules: (room: string, change: RulesChange) => request<Rules>("PATCH", `/api/rooms/${id(room)}/rules`, change),
  givePIN: (room: string, pin: string) => request<void>("POST", `/api/rooms/${id(room)}/pin`, { pin }),
  straightIn: async (room: string, accounts: string[]) => (await request<{ accounts: string[] }>("POST", `/api/rooms/${id(room)}/straight`, { accounts })).accounts,

  guests: (room: string) => request<Guests>("GET", `/api/rooms/${id(room)}/guests`),
  /** Without addresses: a link, which is in the answer. */
  invite: (room: string, o: { emails: string[]; language: Lang; stay: number; uses?: number }) => request<{ invitations: Sent[]; url?: string }>("POST", `/api/rooms/${id(room)}/invitations`, o),
  withdraw: (room: string, invitation: string) => request<void>("DELETE", `/api/rooms/${id(room)}/invitations/${id(invitation)}`),
  extendInvitation: (room: string, invitation: string, days: number) => request<void>("PATCH", `/api/rooms/${id(room)}/invitations/${id(invitation)}`, { days }),
  extendGuest: async (room: string, account: string, days: number) => (await request<{ guest: Guest }>("PATCH", `/api/rooms/${id(room)}/guests/${id(account)}`, { days })).guest,
  askFull: (room: string, account: string, full: boolean) => request<unknown>("PATCH", `/api/rooms/${id(room)}/guests/${id(account)}`, { full }),
  guestLink: (room: string, account: string, language: Lang) => request<void>("POST", `/api/rooms/${id(room)}/guests/${id(account)}/link`, { language }),
  removeGuest: (room: string, account: string) => request<void>("DELETE", `/api/rooms/${id(room)}/guests/${id(account)}`),

  coming: async () => (await request<{ meetings: Coming[] }>("GET", "/api/meetings")).meetings,
  /** mail: invitations are sent. */
  planned: (room: string) => request<{ meetings: Planned[]; mail: boolean }>("GET", `/api/rooms/${id(room)}/meetings`),
  plan: (room: string, form: PlanForm) => request<Planned>("POST", `/api/rooms/${id(room)}/meetings`, form),
  replan: (meeting: string, form: PlanForm) => request<Planned>("PATCH", `/api/meetings/${id(meeting)}`, form),
  except: (meeting: string, o: { original: string; start?: Clock; zone?: string; minutes?: number }) => request<Planned>("POST", `/api/meetings/${id(meeting)}/occurrence`, o),
  /** Cancels an own one; takes another's off the list. */
  unplan: (meeting: string) => request<void>("DELETE", `/api/meetings/${id(meeting)}`),

  calendar: async () => (await request<{ since: string | null }>("GET", "/api/account/calendar")).since,
  makeCalendar: async () => (await request<{ url: string }>("POST", "/api/account/calendar", {})).url,
  removeCalendar: () => request<void>("DELETE", "/api/account/calendar"),

  directory: (words: string) => request<{ people: Entry[]; groups: Group[] }>("GET", `/api/directory?q=${id(words)}`),
  contacts: async () => (await request<{ people: Entry[] }>("GET", "/api/contacts")).people,
  setContact: (account: string, on: boolean) => request<void>(on ? "POST" : "DELETE", `/api/contacts/${id(account)}`, on ? {} : undefined),
  presence: async () => (await request<{ shown: boolean }>("GET", "/api/account/presence")).shown,
  showPresence: (shown: boolean) => request<void>("PATCH", "/api/account/presence", { shown }),

  deleteRoom: (room: string) => request<void>("DELETE", `/api/rooms/${id(room)}`),
};

/** Has this device's statement written into the key log; the answer is checked by the sealed core. */
export function inscribe(room: string, d: { device: string; key: string; since: number }): Promise<LogAnswer> {
  return request<LogAnswer>("POST", `/api/rooms/${id(room)}/device`, d);
}

/** The proofs that the key log of each size begins that of the next. */
export async function growth(room: string, sizes: number[]): Promise<string[][]> {
  return (await request<{ proofs: string[][] }>("GET", `/api/rooms/${id(room)}/device/growth?sizes=${sizes.join(",")}`)).proofs;
}

/** The public tree that a welcome refers to (octets, see sealed-calls.md "Ordering"). */
export async function roomTree(room: string, epoch: number): Promise<Uint8Array> {
  let response: Response;
  try { response = await fetch(`/api/rooms/${id(room)}/tree/${epoch}`, { credentials: "same-origin", redirect: "error" }); } catch { throw offline(); }
  if (!response.ok) throw failure(response, await response.json().catch(() => null));
  return new Uint8Array(await response.arrayBuffer());
}

/** The link of a room; the owner's account id stands in the fragment, which never reaches the server. */
export function roomLink(room: Pick<Room, "id" | "owner">, origin = location.origin): string { return `${origin}/r/${room.id}#${room.owner.id}`; }

/** Parses `/r/{room}#{owner}`; null when it is no such link. */
export function parseRoomLink(url: URL): { room: string; owner: string } | null {
  const m = /^\/r\/([A-Za-z0-9_-]{22})$/.exec(url.pathname), owner = /^#([A-Za-z0-9_-]{22})$/.exec(url.hash);
  return m?.[1] && owner?.[1] ? { room: m[1], owner: owner[1] } : null;
}

/** A WebSocket that repeats what it is sent. */
export function echoURL(origin = location.origin): string { return `${origin.replace(/^http/, "ws")}/api/connection/echo`; }

export function signalURL(room: string, origin = location.origin): string { return `${origin.replace(/^http/, "ws")}/api/rooms/${id(room)}/signal`; }

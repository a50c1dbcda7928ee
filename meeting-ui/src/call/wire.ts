/**
 * The messages of the signalling protocol `huisclos.2` as this client sends and reads them. `decode` takes one text
 * frame of the server apart: a message of an unknown type or of the wrong shape is an error, never a guess.
 * Nothing in them is trusted about who is in the call: that comes from the MLS tree.
 */
import { fromBase64url } from "@huisclos/e2ee/bytes.ts";
import { conditions, type Profile } from "./profile.ts";

export const protocolVersion = 2;
export const subprotocol = `huisclos.${protocolVersion}`;

/** WebSocket close codes of the server. */
export const closeCode = { reload: 4001, replaced: 4002, removed: 4003, sessionEnded: 4004, roomDeleted: 4005, badMessage: 4006, denied: 4007, barred: 4008 } as const;

/** How a media connection goes: straight over UDP, over ICE-TCP, or through the relay (TURN); "" when it fell. */
export type Transport = "udp" | "tcp" | "relay" | "";

export type MediaKind = "audio" | "video";
export interface StreamDecl { mid: string; kind: MediaKind; context: number }
export interface TrackDecl { mid: string; leaf: number; context: number; kind: MediaKind }
export interface Want { leaf: number; context: number; height: number }
/** A place in the order of a call; seq counts commits, messages and welcomes of the group. */
export interface Position { group: string; epoch: number; seq: number }
export interface RoomChange { locked?: boolean; hosts?: string[] }

export type ClientMessage =
  | { type: "hello"; protocol: number; device: string; signatureKey: string; name: string; replace?: boolean; resume?: Position }
  | { type: "create"; groupInfo: string; tree: string; restarts?: string }
  | { type: "knock"; keyPackage: string }
  | { type: "admit"; knock: string; admission: string }
  | { type: "deny"; knock: string }
  | { type: "commit"; epoch: number; commit: string; welcomes: string[]; groupInfo: string }
  | { type: "refresh" }
  | ({ type: "change" } & RoomChange)
  | { type: "remove"; leaf: number }
  | { type: "leave" }
  | { type: "message"; epoch: number; data: string; id: string }
  | { type: "groupState"; groupInfo: string; tree: string }
  | { type: "wedged"; epoch: number; commit: string; reason: string }
  | { type: "publish"; offer: string; streams: StreamDecl[] }
  | { type: "subscribe"; vp9: boolean }
  | { type: "answer"; answer: string }
  | { type: "wants"; wants: Want[] }
  | { type: "restartIce" }
  | { type: "relay" };

export type RoomStateName = "empty" | "waiting-host" | "call" | "recover";
export interface RoomMessage {
  type: "room";
  room: { id: string; name: string; owner: string; profile: Profile };
  you: { account: string; name: string; connection: string };
  state: RoomStateName;
  group: Position | null;
  hosts: string[];
  locked: boolean;
  member: boolean;
  leaf: number | null;
}
export interface LobbyEntry { id: string; account: string; name: string; email: string; keyPackage: Uint8Array; since: number; /** The server says it was in the group that this one restarts. */ rejoin: boolean; /** The server says it came by an invitation. */ guest: boolean }
export interface CommitRequest {
  type: "commitRequest";
  epoch: number;
  deadlineMs: number;
  adds: { knock: string; keyPackage: Uint8Array; admission: Uint8Array | null }[];
  removes: { leaf: number; reason: string }[];
  change: RoomChange | null;
  refresh: boolean;
  /** First commit of a group that restarts another: bind it to this epoch by a resumption PSK. */
  restarts: Position | null;
}

export type ServerMessage =
  | RoomMessage
  | { type: "deviceBusy" }
  | { type: "created"; group: string; epoch: number }
  | { type: "createLost"; group: string; epoch: number }
  | { type: "lobby"; knocks: LobbyEntry[] }
  | { type: "waiting"; reason: "host-absent" | "lobby" | "locked" }
  | { type: "denied" }
  | CommitRequest
  | { type: "commit"; epoch: number; commit: Uint8Array; hash: Uint8Array; seq: number }
  | { type: "commitRefused"; epoch: number; reason: string }
  | { type: "welcome"; welcome: Uint8Array; epoch: number; seq: number }
  | { type: "removed"; reason: string }
  | { type: "roster"; members: { leaf: number; account: string; connected: boolean; guest: boolean }[] }
  | { type: "message"; epoch: number; data: Uint8Array; time: number; seq: number }
  | { type: "messageRefused"; reason: string; id: string }
  | { type: "published"; answer: string }
  | { type: "offer"; offer: string; tracks: TrackDecl[] }
  | { type: "layers"; streams: { context: number; layers: string[]; vp9: boolean }[] }
  | { type: "mediaRefused"; counts: Record<string, number> }
  | { type: "relay"; username: string; credential: string; lifetimeMs: number }
  | { type: "media"; transport: Transport; direction: "publish" | "subscribe" }
  | { type: "groupStateWanted" }
  | { type: "recovered"; group: string; epoch: number }
  | { type: "reenter" }
  | { type: "restart"; group: Position; without: number[]; role: "create" | "join" }
  | { type: "error"; code: string; request: string }
  | { type: "ended"; reason: string };

export class WireError extends Error { override name = "WireError"; }

type Fields = Record<string, unknown>;
const bad = (what: string): never => { throw new WireError(`signalling: ${what}`); };
const fields = (v: unknown, what: string): Fields => typeof v === "object" && v !== null && !Array.isArray(v) ? (v as Fields) : bad(`${what} is no object`);
const text = (f: Fields, k: string): string => typeof f[k] === "string" ? (f[k] as string) : bad(`${k} is no text`);
const count = (f: Fields, k: string): number => Number.isSafeInteger(f[k]) && (f[k] as number) >= 0 ? (f[k] as number) : bad(`${k} is no count`);
const flag = (f: Fields, k: string): boolean => f[k] === undefined || f[k] === null ? false : typeof f[k] === "boolean" ? (f[k] as boolean) : bad(`${k} is no truth value`);
const list = (f: Fields, k: string): unknown[] => f[k] === undefined || f[k] === null ? [] : Array.isArray(f[k]) ? (f[k] as unknown[]) : bad(`${k} is no list`);
const octets = (f: Fields, k: string): Uint8Array => { try { return fromBase64url(text(f, k)); } catch (e) { return bad(`${k}: ${(e as Error).message}`); } };
const optional = <T>(f: Fields, k: string, read: (f: Fields, k: string) => T): T | null => f[k] === undefined || f[k] === null ? null : read(f, k);
const oneOf = <T extends string>(f: Fields, k: string, allowed: readonly T[]): T => allowed.includes(f[k] as T) ? (f[k] as T) : bad(`${k} is none of ${allowed.join(", ")}`);
const leafOf = (f: Fields, k = "leaf"): number => { const n = count(f, k); return n <= 0xffff ? n : bad(`${k} is no leaf`); };
const contextOf = (f: Fields): number => { const n = count(f, "context"); return n <= 255 ? n : bad("context out of range"); };
/** Times come as milliseconds or as RFC 3339; both mean the same and neither decides anything. */
const time = (f: Fields, k: string): number => {
  const v = f[k];
  if (typeof v === "number" && Number.isFinite(v)) return v;
  if (typeof v === "string" && !Number.isNaN(Date.parse(v))) return Date.parse(v);
  return v === undefined || v === null ? Date.now() : bad(`${k} is no time`);
};
const texts = (f: Fields, k: string): string[] => list(f, k).map((v) => typeof v === "string" ? v : bad(`${k} holds no texts`));
const seq = (f: Fields): number => optional(f, "seq", count) ?? 0;
const positionOf = (f: Fields): Position => ({ group: text(f, "group"), epoch: count(f, "epoch"), seq: seq(f) });
const position = (f: Fields, k: string): Position => positionOf(fields(f[k], k));
const change = (f: Fields, k: string): RoomChange => {
  const c = fields(f[k], k), out: RoomChange = {};
  if (c.locked !== undefined && c.locked !== null) out.locked = flag(c, "locked");
  if (c.hosts !== undefined && c.hosts !== null) out.hosts = texts(c, "hosts");
  return out;
};
const profile = (f: Fields): Profile => ({
  name: text(f, "name"), members: f.members === undefined ? 0 : count(f, "members"),
  conditions: list(f, "conditions").map((_, i, all) => oneOf(all as unknown as Fields, String(i), conditions)),
});

export function decode(frame: string): ServerMessage {
  let v: unknown;
  try { v = JSON.parse(frame); } catch { return bad("no JSON"); }
  const f = fields(v, "message"), type = text(f, "type");
  switch (type) {
    case "room": {
      const room = fields(f.room, "room"), you = fields(f.you, "you");
      return {
        type, room: { id: text(room, "id"), name: text(room, "name"), owner: text(room, "owner"), profile: profile(fields(room.profile, "profile")) },
        you: { account: text(you, "account"), name: text(you, "name"), connection: text(you, "connection") },
        state: oneOf(f, "state", ["empty", "waiting-host", "call", "recover"]), group: optional(f, "group", position),
        hosts: texts(f, "hosts"), locked: flag(f, "locked"), member: flag(f, "member"), leaf: optional(f, "leaf", leafOf),
      };
    }
    case "deviceBusy": case "denied": case "groupStateWanted": case "reenter": return { type };
    case "ended": return { type, reason: typeof f.reason === "string" ? f.reason : "" };
    case "created": case "createLost": case "recovered": return { type, group: text(f, "group"), epoch: count(f, "epoch") };
    case "lobby": return {
      type, knocks: list(f, "knocks").map((k) => {
        const e = fields(k, "knock");
        return { id: text(e, "id"), account: text(e, "account"), name: text(e, "name"), email: typeof e.email === "string" ? e.email : "", keyPackage: octets(e, "keyPackage"), since: time(e, "since"), rejoin: flag(e, "rejoin"), guest: flag(e, "guest") };
      }),
    };
    case "waiting": return { type, reason: oneOf(f, "reason", ["host-absent", "lobby", "locked"]) };
    case "commitRequest": return {
      type, epoch: count(f, "epoch"), deadlineMs: count(f, "deadlineMs"),
      adds: list(f, "adds").map((a) => { const e = fields(a, "add"); return { knock: text(e, "knock"), keyPackage: octets(e, "keyPackage"), admission: optional(e, "admission", octets) }; }),
      removes: list(f, "removes").map((r) => { const e = fields(r, "remove"); return { leaf: leafOf(e), reason: text(e, "reason") }; }),
      change: optional(f, "change", change), refresh: flag(f, "refresh"), restarts: optional(f, "restarts", position),
    };
    case "commit": return { type, epoch: count(f, "epoch"), commit: octets(f, "commit"), hash: octets(f, "hash"), seq: seq(f) };
    case "commitRefused": return { type, epoch: count(f, "epoch"), reason: text(f, "reason") };
    case "welcome": return { type, welcome: octets(f, "welcome"), epoch: count(f, "epoch"), seq: seq(f) };
    case "removed": return { type, reason: typeof f.reason === "string" ? f.reason : "" };
    case "roster": return { type, members: list(f, "members").map((m) => { const e = fields(m, "member"); return { leaf: leafOf(e), account: text(e, "account"), connected: flag(e, "connected"), guest: flag(e, "guest") }; }) };
    case "message": return { type, epoch: count(f, "epoch"), data: octets(f, "data"), time: time(f, "time"), seq: seq(f) };
    case "messageRefused": return { type, reason: text(f, "reason"), id: typeof f.id === "string" ? f.id : "" };
    case "published": return { type, answer: text(f, "answer") };
    case "offer": return {
      type, offer: text(f, "offer"),
      tracks: list(f, "tracks").map((t) => { const e = fields(t, "track"); return { mid: text(e, "mid"), leaf: leafOf(e), context: contextOf(e), kind: oneOf(e, "kind", ["audio", "video"]) }; }),
    };
    case "layers": return {
      type,
      streams: list(f, "streams").map((s) => { const e = fields(s, "stream"); return { context: contextOf(e), layers: list(e, "layers").map((l) => oneOf({ layer: l }, "layer", ["l", "m", "h"])), vp9: flag(e, "vp9") }; }),
    };
    case "mediaRefused": {
      const counts: Record<string, number> = {};
      const c = fields(f.counts, "counts");
      for (const k of Object.keys(c)) counts[k] = count(c, k);
      return { type, counts };
    }
    case "relay": return { type, username: text(f, "username"), credential: text(f, "credential"), lifetimeMs: count(f, "lifetimeMs") };
    case "media": return { type, transport: oneOf(f, "transport", ["udp", "tcp", "relay", ""]), direction: oneOf(f, "direction", ["publish", "subscribe"]) };
    case "restart": return { type, group: position(f, "group"), without: list(f, "without").map((n) => leafOf({ leaf: n })), role: oneOf(f, "role", ["create", "join"]) };
    case "error": return { type, code: text(f, "code"), request: typeof f.request === "string" ? f.request : "" };
    default: return bad(`unknown type ${JSON.stringify(type.slice(0, 40))}`);
  }
}

export const encode = (m: ClientMessage): string => JSON.stringify(m);

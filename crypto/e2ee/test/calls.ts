import { readFileSync } from "node:fs";
import { toBase64url, type Bytes } from "../src/bytes.ts";
import { Core, type Session } from "../src/core.ts";
import type { LogAnswer, SeenLog } from "../src/log.ts";
import type { CommitRequest, GroupView, PendingCommit, Profile, RestartOf, RoomInfo } from "../src/mls.ts";

import { KeyLog } from "./keylog.ts";

declare const __CORE__: string;

let core: Promise<Core> | undefined;

/** The WASM core, one for all sessions of a test file. */
export function startCore(): Promise<Core> {
  core ??= Core.start(async (imports) => (await WebAssembly.instantiate(readFileSync(__CORE__), imports)).instance);
  return core;
}

export function id(): string { return toBase64url(crypto.getRandomValues(new Uint8Array(16))); }

export interface DeviceKeys { account: string; device: string; publicKey: Bytes; keys: CryptoKeyPair }

export async function deviceKeys(account = id()): Promise<DeviceKeys> {
  const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]) as CryptoKeyPair;
  return { account, device: id(), publicKey: new Uint8Array(await crypto.subtle.exportKey("raw", keys.publicKey)), keys };
}

/** Who inscribes devices. */
export interface Inscriber { inscribe(who: DeviceKeys, since?: number): Promise<LogAnswer> }

/** The log that the peers of a test file go by, unless it says otherwise. */
export const keyLog = new KeyLog();

/** One device with its session in the WASM core; signs by WebCrypto with a key that can't be read out. */
export class Peer {
  readonly session: Session;
  readonly me: DeviceKeys;
  signatures = 0;

  private constructor(core: Core, me: DeviceKeys, name: string, log: { before: Bytes; answer: LogAnswer }) {
    this.me = me;
    this.session = core.session({
      ...me, name, log,
      sign: async (message) => {
        this.signatures++;
        return new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, me.keys.privateKey, message));
      },
    });
  }

  static async make(name: string, me?: DeviceKeys, log: Inscriber = keyLog, before: SeenLog = { kept: new Uint8Array(), size: 0 }): Promise<Peer> {
    const who = me ?? await deviceKeys();
    return new Peer(await startCore(), who, name, { before: before.kept, answer: await log.inscribe(who, before.size) });
  }

  get account(): string { return this.me.account; }

  create(room: RoomInfo, group?: Bytes) { return this.session.call<{ groupInfo: Bytes; tree: Bytes; view: GroupView }>("create", { room, group }); }
  keyPackage() { return this.session.call<{ keyPackage: Bytes; ref: Bytes }>("keyPackage"); }
  inspect(keyPackage: Bytes) { return this.session.call<{ account: string; device: string; name: string; ref: Bytes }>("inspect", { keyPackage }); }
  admit(keyPackage: Bytes, expiry = Date.now() / 1000 + 300) { return this.session.call<Bytes>("admit", { keyPackage, expiry: Math.floor(expiry) }); }
  commit(o: Partial<CommitRequest>) { return this.session.call<PendingCommit>("commit", { adds: [], removes: [], ...o }); }
  accepted() { return this.session.call<GroupView>("accepted"); }
  refused() { return this.session.call<undefined>("refused"); }
  process(commit: Bytes) { return this.session.call<GroupView>("process", { commit }); }
  join(welcome: Bytes, tree: Bytes, expect: { room: string; owner: string; restartOf?: RestartOf }) {
    return this.session.call<GroupView>("join", { welcome, tree, ...expect });
  }
  seal(text: string) { return this.session.call<{ epoch: number; message: Bytes }>("seal", { data: new TextEncoder().encode(text) }); }
  async open(message: Bytes) {
    const opened = await this.session.call<{ sender: number; epoch: number; data: Bytes }>("open", { message });
    return { sender: opened.sender, epoch: opened.epoch, text: new TextDecoder().decode(opened.data) };
  }
  groupState() { return this.session.call<{ groupInfo: Bytes; tree: Bytes }>("groupState"); }
  unproven() { return this.session.call<number[]>("unproven"); }
  proven(proofs: string[][]) { return this.session.call<SeenLog>("proven", { proofs }); }
  seen() { return this.session.call<SeenLog>("seen"); }
  view() { return this.session.call<GroupView>("view"); }
  frameKey() { return this.session.call<Bytes>("frameKey"); }
  leave() { return this.session.call<undefined>("leave"); }
}

/** A call with its owner and guests, each admitted. */
export const standard: Profile = { name: "Standard", conditions: [], members: 0 };

export async function call(guests: number): Promise<{ host: Peer; others: Peer[]; room: RoomInfo }> {
  const host = await Peer.make("Hôte");
  const room: RoomInfo = { id: id(), owner: host.account, profile: standard };
  await host.create(room);
  const others = await Promise.all(Array.from({ length: guests }, (_, i) => Peer.make(`Guest ${i + 1}`)));
  await enter(host, [], others, room);
  return { host, others, room };
}

/** The host admits and adds newcomers; those who are in already process the commit. */
export async function enter(host: Peer, present: Peer[], newcomers: Peer[], room: RoomInfo): Promise<void> {
  const adds = [];
  for (const peer of newcomers) {
    const { keyPackage } = await peer.keyPackage();
    adds.push({ keyPackage, admission: await host.admit(keyPackage) });
  }
  const { commit, welcomes } = await host.commit({ adds });
  await host.accepted();
  for (const peer of present) await peer.process(commit);
  const { tree } = await host.groupState();
  for (const [i, peer] of newcomers.entries()) await peer.join(welcomes[i]!, tree, { room: room.id, owner: room.owner });
}

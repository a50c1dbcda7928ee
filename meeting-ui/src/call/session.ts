/**
 * The sealed group of a call as one device lives it: enters (creates, or knocks and is welcomed), follows every commit in
 * the server's order, makes the commits that the server asks for, seals and opens what people say.
 *
 * What it decides: which requests of the server are carried out (never a change of the room that its own user has not
 * asked for, never its own removal), and what happens when something does not open: a commit that breaks the Policy ends
 * in "not safe" without a way back; one that merely can't be processed is reported and the device enters anew. It never
 * sees a key. Everything runs in one queue, since MLS operations and the server's messages have one order.
 */
import { toBase64url } from "@huisclos/e2ee/bytes.ts";
import { randomText, sameBytes, sha256 } from "./bytes.ts";
import { decodeSealed, encodeSealed, type SealedMessage } from "./messages.ts";
import { LogWatch } from "./keylog.ts";
import type { GroupView, KeyPackageInfo, MLSPort, SeenLog } from "./ports.ts";
import { atLeast, sameProfile, type Profile } from "./profile.ts";
import { Queue } from "./queue.ts";
import type { ReasonCode } from "./state.ts";
import type { ClientMessage, CommitRequest, Position, RoomChange, RoomMessage, ServerMessage } from "./wire.ts";

export interface SessionOptions { room: string; /** From the link's fragment. */ owner: string; account: string; /** What the person entered under. */ profile: Profile; /** Hosts beside the owner, of a new group. */ cohosts?: () => readonly string[] }

export interface SessionEvents {
  send(m: ClientMessage): boolean;
  tree(epoch: number): Promise<Uint8Array>;
  /** This device is a member now, by creation or by a Welcome. */
  entered(view: GroupView): void;
  /** The next epoch. */
  moved(view: GroupView): void;
  /** A new line to the server, the same group: nothing changed but the connection. */
  resumed(view: GroupView): void;
  /** Not a member any more, and on the way back in: media of the old leaf ends here. */
  left(): void;
  /** Knocked: `again` when a device that was in the call comes back. */
  knocked(again: boolean): void;
  /** Something that the server accepted is refused here. Nothing more is sent. */
  unsafe(code: ReasonCode, detail: string): void;
  failed(code: ReasonCode, detail: string): void;
  said(view: GroupView, sender: number, m: SealedMessage, time: number): void;
  /** The server's proofs that the key log of each size begins that of the next. */
  growth(sizes: number[]): Promise<string[][]>;
  /** What this device has seen of the key log by now. */
  seen(log: SeenLog): void;
}

const nothing = (): void => undefined;
const silent: SessionEvents = {
  send: () => false, tree: () => Promise.reject(new Error("the session is over")), entered: nothing, moved: nothing, resumed: nothing, left: nothing,
  knocked: nothing, unsafe: nothing, failed: nothing, said: nothing, growth: () => Promise.reject(new Error("the session is over")), seen: nothing,
};

interface Outgoing { m: SealedMessage; tries: number; at: number }
type Failure = { rule?: string; message: string };
const failureOf = (e: unknown): Failure => {
  const f = e as { rule?: unknown; message?: unknown };
  return { ...(typeof f?.rule === "string" ? { rule: f.rule } : {}), message: typeof f?.message === "string" ? f.message : String(e) };
};

const weaker = "the call's security profile is weaker than the one that was shown before";
const joinTries = 4, sealTries = 6, rejoinPause = 1000;
/** The server gives no receipt; what was said this shortly before a break is said again, under the same id. */
const uncertainMs = 5000;

export class Session {
  view: GroupView | null = null;
  private readonly queue = new Queue();
  private pending: Uint8Array | null = null;
  private seq = 0;
  /** The group was here once: coming back is a re-entry, not a first knock. */
  private wasIn = false;
  private creating = false;
  private stopped = false;
  private joins = 0;
  private readonly asked: RoomChange[] = [];
  private readonly outbox = new Map<string, Outgoing>();
  /** A KeyPackage of ours waits at the server, on this line. */
  private knocking = false;
  private retryTimer: ReturnType<typeof setTimeout> | null = null;
  /** The last epoch of a group that this device stepped out of and is coming back to. */
  private past: GroupView | null = null;
  private restart: { of: Position; from: GroupView; without: number[] } | null = null;
  /** The view before a commit that did not open: its resumption secret is kept until this device is in a group again. */
  private wedgedFrom: GroupView | null = null;
  /** The group that this host's new one replaces: who was in it comes back without a click. */
  private replaced: { from: GroupView; without: number[]; relock: boolean } | null = null;

  private readonly log: LogWatch;

  constructor(private readonly mls: MLSPort, private readonly o: SessionOptions, private events: SessionEvents) {
    this.told = o.profile;
    this.log = new LogWatch(mls, { growth: (sizes) => this.events.growth(sizes), seen: (log) => this.events.seen(log), unsafe: (code, detail) => this.events.unsafe(code, detail) });
  }

  /** What hello offers to resume from. */
  get position(): Position | undefined { return this.view ? { group: this.view.group, epoch: this.view.epoch, seq: this.seq } : undefined; }

  /** Refuses everything from here on, and says nothing more: what the core is still busy with comes to nothing. */
  stop(): void { this.stopped = true; this.log.stop(); this.events = silent; this.queue.clear(); if (this.retryTimer !== null) clearTimeout(this.retryTimer); }

  /** A new line: what waited at the server on the old one is gone. */
  lineUp(): void { this.knocking = false; }

  take(m: ServerMessage): void {
    void this.queue.run(async () => {
      if (this.stopped) return;
      switch (m.type) {
        case "room": return this.onRoom(m);
        case "created": return this.onCreated(m.group);
        case "createLost": await this.drop(); return this.knock();
        case "commitRequest": return this.onRequest(m);
        case "commit": return this.onCommit(m.epoch, m.commit, m.hash, m.seq);
        case "commitRefused": if (this.pending) { this.pending = null; await this.mls.refused(); } return;
        case "welcome": return this.onWelcome(m.welcome, m.epoch, m.seq);
        case "message": return this.onMessage(m.data, m.time, m.seq);
        case "messageRefused": return this.onMessageRefused(m.reason, m.id);
        case "groupStateWanted": {
          if (!this.view) return;
          const s = await this.mls.groupState();
          this.events.send({ type: "groupState", groupInfo: toBase64url(s.groupInfo), tree: toBase64url(s.tree) });
          return;
        }
        case "recovered": if (this.view?.group === m.group && this.view.epoch === m.epoch) this.events.resumed(this.view); return;
        case "reenter": return this.reenter();
        case "restart": return this.onRestart(m.group, m.without, m.role);
        case "error": return this.onError(m.request, m.code);
      }
    }).catch((e: unknown) => { if (!this.stopped) this.events.failed("core-failed", failureOf(e).message); });
  }

  /** A host's own click: signs this one KeyPackage for this one group. */
  admit(keyPackage: Uint8Array, expiry: Date): Promise<Uint8Array | undefined> {
    return this.queue.run(() => { if (!this.view || this.stopped) throw new Error("not in the call"); return this.mls.admit(keyPackage, expiry); });
  }

  /** The server says that it was in the group that this one restarts; here it counts only if it really was. */
  returns(who: { account: string; device: string; signatureKey: string }): boolean {
    const r = this.replaced;
    return r !== null && r.from.members.some((m) => m.signatureKey === who.signatureKey && m.account === who.account && m.device === who.device && !r.without.includes(m.leaf));
  }

  inspect(keyPackage: Uint8Array): Promise<KeyPackageInfo | undefined> {
    return this.queue.run(() => this.mls.inspect(keyPackage));
  }

  /**
   * A call restarts without a member that could not go on, in a group that this device made: those who were in the old
   * one had been admitted, and prove by its secret that they were in it. So their host's device lets them in by itself.
   */
  wasInside(who: { account: string; device: string; signatureKey: string }): boolean {
    const r = this.restart;
    return r !== null && this.view !== null && this.view.own === 0 &&
      r.from.members.some((m) => !r.without.includes(m.leaf) && m.signatureKey === who.signatureKey && m.account === who.account && m.device === who.device);
  }

  /** Own user asks for other rules of the room; the server then names this leaf as committer. */
  change(c: RoomChange): void {
    this.asked.push(c);
    if (this.asked.length > 8) this.asked.shift();
    this.events.send({ type: "change", ...c });
  }

  say(m: SealedMessage): Promise<boolean> {
    const id = randomText(9);
    if (m.t === "chat") this.outbox.set(id, { m, tries: 0, at: Date.now() });
    return this.queue.run(() => this.seal(id, m)).then((ok) => ok ?? false);
  }

  /** After a line was made again: what may not have reached the server is said once more; the id inside shows repeats. */
  flush(): void {
    for (const [id, out] of this.outbox) void this.queue.run(() => this.seal(id, out.m));
  }

  /** The line broke now: older messages have arrived, the last ones may not have. */
  uncertain(now = Date.now()): void {
    for (const [id, out] of this.outbox) if (out.tries > 0 && now - out.at > uncertainMs) this.outbox.delete(id);
  }

  private async onRoom(m: RoomMessage): Promise<void> {
    if (m.room.id !== this.o.room) { this.events.unsafe("wrong-room", "the server answers for another room"); return; }
    if (m.state === "recover" && this.view) return; // groupStateWanted follows
    if (this.view && m.group === null) return; // the call is over: "ended" follows
    const same = this.view !== null && m.group !== null && m.group.group === this.view.group;
    if (same && m.member) { this.events.resumed(this.view!); return; }
    // This device had been away for too long, and its leaf is gone.
    if (this.view) { await this.drop(); this.events.left(); this.wasIn = false; }
    // Its leaf is in the tree, its secrets are not here (the page was loaded anew): it comes back without a knock.
    if (m.member) this.wasIn = true;
    if (this.creating) return; // "created" or another's group follows
    if (m.state !== "empty" || this.o.account !== this.o.owner) return this.knocking ? undefined : this.knock();
    if (m.room.owner !== this.o.owner) { this.events.unsafe("creator-not-owner", "the server names another owner than the link"); return; }
    if (!atLeast(m.room.profile, this.o.profile)) { this.events.unsafe("weaker", weaker); return; }
    this.told = m.room.profile;
    return this.create();
  }

  private async create(restarts?: Position): Promise<void> {
    this.creating = true;
    this.knocking = false;
    const from = this.restart?.from;
    const room = from
      ? { id: this.o.room, owner: this.o.owner, profile: from.profile, hosts: from.hosts, admits: from.admits }
      : { id: this.o.room, owner: this.o.owner, profile: this.told, ...this.hosts() };
    const g = await this.mls.create({ room });
    this.made = g.view;
    this.events.send({ type: "create", groupInfo: toBase64url(g.groupInfo), tree: toBase64url(g.tree), ...(restarts ? { restarts: restarts.group } : {}) });
  }
  private made: GroupView | null = null;
  /** What the server says the profile of a call that begins now is. */
  private told: Profile;

  /** Absent where the owner is the only one. */
  private hosts(): { hosts?: string[] } {
    const others = (this.o.cohosts?.() ?? []).filter((a) => a !== this.o.owner);
    return others.length > 0 ? { hosts: [this.o.owner, ...others] } : {};
  }

  private onCreated(group: string): void {
    if (!this.creating || !this.made) return;
    const view = this.made;
    this.creating = false;
    this.made = null;
    const r = this.restart;
    this.replaced = r && { from: r.from, without: r.without, relock: r.from.locked };
    if (view.group !== group) { this.events.unsafe("forked", "the server took another group than the one made here"); return; }
    this.enter(view, 0);
  }

  private enter(view: GroupView, seq: number): void {
    this.view = view;
    this.seq = seq;
    this.joins = 0;
    this.past = null;
    this.knocking = false;
    this.wasIn = true;
    this.wedgedFrom = null;
    this.events.entered(view);
    this.log.look();
  }

  private async knock(): Promise<void> {
    const kp = await this.mls.keyPackage();
    this.knocking = this.events.send({ type: "knock", keyPackage: toBase64url(kp.keyPackage) });
    if (this.knocking) this.events.knocked(this.wasIn);
  }

  private onError(request: string, code: string): void {
    if (request === "knock" && code === "not-added") {
      // The committers left this KeyPackage out (it may have been too old for them): a fresh one, after a pause.
      this.knocking = false;
      if (++this.joins >= joinTries) { this.events.failed("key-failed", code); return; }
      this.retryTimer = setTimeout(() => { void this.queue.run(() => this.stopped || this.view || this.knocking ? undefined : this.knock()); }, rejoinPause);
    } else if (request === "knock") {
      this.events.failed(code === "full" || code === "two-factors" || code === "role" || code === "not-recorded" || code === "clock" ? code : "protocol", code);
    } else if (request === "create" && code !== "recover") {
      this.events.failed(code === "capacity" || code === "calls" || code === "draining" || code === "two-factors" || code === "role" || code === "not-recorded" ? code : "protocol", code);
    } else if (request === "change") {
      this.asked.length = 0;
    }
  }

  /** The core keeps what it holds of the group: should the call restart, that is the proof of having been in it. */
  private async reenter(): Promise<void> {
    if (this.view) {
      this.wasIn = true;
      await this.stepOut();
      this.events.left();
    }
    return this.knock();
  }

  private async stepOut(): Promise<void> {
    this.past = this.view ?? this.past;
    this.view = null;
    this.asked.length = 0;
    if (this.pending) { this.pending = null; await this.mls.refused(); }
  }

  private async drop(): Promise<void> {
    this.view = null;
    this.past = null;
    this.restart = null;
    this.made = null;
    this.creating = false;
    this.pending = null;
    this.asked.length = 0;
    if (!this.restart && !this.wedgedFrom) await this.mls.leave();
  }

  private async onRequest(r: CommitRequest): Promise<void> {
    const view = this.view;
    if (!view || r.epoch !== view.epoch) return;
    if (this.pending) { this.pending = null; await this.mls.refused(); }
    const removes = r.removes.map((x) => x.leaf);
    if (removes.includes(view.own)) return;
    let wish: RoomChange | undefined;
    if (r.change) {
      const at = this.asked.findIndex((a) => sameChange(a, r.change!));
      // A change that nobody here asked for is the server's idea: it waits for its deadline in vain.
      if (at < 0) return;
      wish = this.asked[at];
    }
    if (r.restarts && (!this.restart || r.restarts.group !== this.restart.of.group || r.restarts.epoch !== this.restart.of.epoch)) return;
    let made;
    try {
      made = await this.mls.commit({
        adds: r.adds.map((a) => ({ keyPackage: a.keyPackage, ...(a.admission ? { admission: a.admission } : {}) })), removes,
        ...(wish ? { change: wish } : {}), ...(r.restarts ? { restartOf: { group: r.restarts.group, epoch: r.restarts.epoch } } : {}),
      });
    } catch {
      // Our own core refuses what was asked (an unadmitted add, an expired KeyPackage): not made, and the server asks another.
      return;
    }
    this.pending = made.commit;
    this.events.send({ type: "commit", epoch: made.epoch, commit: toBase64url(made.commit), welcomes: made.welcomes.map(toBase64url), groupInfo: toBase64url(made.groupInfo) });
  }

  private async onCommit(epoch: number, commit: Uint8Array, hash: Uint8Array, seq: number): Promise<void> {
    const view = this.view;
    if (!view || epoch <= view.epoch) return;
    if (epoch !== view.epoch + 1) return this.reenter();
    let next: GroupView;
    if (this.pending && sameBytes(this.pending, commit)) {
      this.pending = null;
      next = await this.mls.accepted();
      for (let i = this.asked.length - 1; i >= 0; i--) if (holds(next, this.asked[i]!)) this.asked.splice(i, 1);
    } else {
      if (this.pending) { this.pending = null; await this.mls.refused(); }
      try {
        next = await this.mls.process(commit);
      } catch (e) {
        const f = failureOf(e);
        if (f.rule !== undefined) { this.events.unsafe("policy", f.rule); return; }
        const own = await sha256(commit);
        this.events.send({ type: "wedged", epoch, commit: toBase64url(sameBytes(own, hash) ? hash : own), reason: f.message.slice(0, 120) });
        this.wedgedFrom = view;
        return this.reenter();
      }
    }
    this.view = next;
    this.seq = Math.max(this.seq, seq);
    this.events.moved(next);
    this.log.look();
    if (this.restart && epoch > 0) {
      if (this.restart.from.locked && !next.locked) this.change({ locked: true });
      this.restart = null;
    }
    // Nobody but hosts can be added to a locked room, so a new group is made open and locked with those who came back.
    if (this.replaced?.relock && !next.locked) { this.replaced.relock = false; this.change({ locked: true }); }
  }

  private async onWelcome(welcome: Uint8Array, epoch: number, seq: number): Promise<void> {
    let view: GroupView;
    try {
      const tree = await this.events.tree(epoch);
      const restartOf = this.restart ? { group: this.restart.of.group, epoch: this.restart.of.epoch } : undefined;
      view = await this.mls.join(welcome, tree, { room: this.o.room, owner: this.o.owner, ...(restartOf ? { restartOf } : {}) });
    } catch (e) {
      const f = failureOf(e);
      if (f.rule !== undefined) { this.events.unsafe(codeOfRule(f.rule), f.rule); return; }
      if (++this.joins < joinTries) return this.knock();
      this.events.failed("key-failed", f.message);
      return;
    }
    if (!atLeast(view.profile, this.o.profile)) { this.events.unsafe("weaker", weaker); return; }
    const r = this.restart;
    if (r) {
      const refusal = restartRefusal(view, r.from, r.without);
      this.restart = null;
      if (refusal) { this.events.unsafe("restart-refused", refusal); return; }
    }
    this.enter(view, seq);
  }

  private async onRestart(of: Position, without: number[], role: "create" | "join"): Promise<void> {
    const from = this.view ?? this.wedgedFrom;
    if (!from || from.group !== of.group) return;
    // Only who was a host may lead the others into another group.
    if (role === "create" && !from.hosts.includes(this.o.account)) return;
    this.restart = { of, from, without };
    this.wedgedFrom = null;
    this.pending = null;
    if (this.view) { this.view = null; this.events.left(); }
    return role === "create" ? this.create(of) : this.knock();
  }

  private async seal(id: string, m: SealedMessage): Promise<boolean> {
    if (!this.view || this.stopped) return false;
    const out = this.outbox.get(id);
    if (out && ++out.tries > sealTries) { this.outbox.delete(id); return false; }
    const sealed = await this.mls.seal(encodeSealed(m));
    if (out) out.at = Date.now();
    const sent = this.events.send({ type: "message", epoch: sealed.epoch, data: toBase64url(sealed.message), id });
    if (!out && sent) this.remember(id, m);
    return sent;
  }

  /** State, hands and reactions are sealed again when their epoch passed them by, but not after a break. */
  private remember(id: string, m: SealedMessage): void {
    this.outbox.set(id, { m, tries: 1, at: 0 });
    for (const old of this.outbox.keys()) { if (this.outbox.size <= 64) break; this.outbox.delete(old); }
  }

  private async onMessageRefused(reason: string, id: string): Promise<void> {
    const out = this.outbox.get(id);
    if (!out) return;
    if (reason !== "epoch") { this.outbox.delete(id); return; }
    await this.seal(id, out.m);
  }

  private async onMessage(data: Uint8Array, time: number, seq: number): Promise<void> {
    const view = this.view;
    this.seq = Math.max(this.seq, seq);
    if (!view) return;
    let opened;
    try { opened = await this.mls.open(data); } catch { return; } // repeated, own, or from nobody: nothing was said
    if (opened.epoch !== view.epoch) return;
    const m = decodeSealed(opened.data);
    if (m) this.events.said(view, opened.sender, m, time);
  }
}

export function sameChange(a: RoomChange, b: RoomChange): boolean {
  if (a.locked !== b.locked) return false;
  const ah = a.hosts ?? [], bh = b.hosts ?? [];
  return (a.hosts === undefined) === (b.hosts === undefined) && ah.length === bh.length && ah.every((h) => bh.includes(h));
}

function holds(view: GroupView, c: RoomChange): boolean {
  return (c.locked === undefined || c.locked === view.locked) && (c.hosts === undefined || (c.hosts.length === view.hosts.length && c.hosts.every((h) => view.hosts.includes(h))));
}

/** The new group of a restart: led by a host of the old one, with nobody who was not in it. */
export function restartRefusal(view: GroupView, from: GroupView, without: number[]): string | null {
  // Who makes a group has its first leaf, and a committer can't remove itself (RFC 9420 §12.2).
  const leader = view.members.find((m) => m.leaf === 0);
  if (!leader || !from.hosts.includes(leader.account)) return "the new group was not made by a host";
  const known = new Map(from.members.filter((m) => !without.includes(m.leaf)).map((m) => [m.signatureKey, m]));
  for (const m of view.members) {
    const old = known.get(m.signatureKey);
    if (!old || old.account !== m.account || old.device !== m.device) return "somebody is in the new group who was not in the old one";
  }
  if (!sameProfile(view.profile, from.profile) || view.hosts.length !== from.hosts.length || !view.hosts.every((h) => from.hosts.includes(h))) return "the new group has other rules";
  return null;
}

function codeOfRule(rule: string): ReasonCode {
  if (rule.includes("room")) return "wrong-room";
  if (rule.includes("owner")) return "creator-not-owner";
  if (rule.includes("profile")) return "profile";
  return "policy";
}

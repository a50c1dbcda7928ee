import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBase64url, toBase64url } from "@huisclos/e2ee/bytes.ts";
import type { SealedMessage } from "../messages.ts";
import type { GroupView } from "../ports.ts";
import type { Profile } from "../profile.ts";
import { restartRefusal, sameChange, Session } from "../session.ts";
import type { ClientMessage, CommitRequest, RoomMessage, ServerMessage } from "../wire.ts";
import { FakeCore, read } from "./core.ts";

const standard: Profile = { name: "Standard", conditions: [], members: 0 };

class Device {
  readonly core: FakeCore;
  readonly session: Session;
  readonly sent: ClientMessage[] = [];
  readonly log: string[] = [];
  readonly said: { from: number; m: SealedMessage }[] = [];
  view: GroupView | null = null;
  up = true;
  /** What the server answers about its key log. */
  proofs: (sizes: number[]) => string[][] = (sizes) => sizes.slice(1).map(() => []);

  constructor(readonly account: string, device: string, profile = standard) {
    this.core = new FakeCore(account, device, `Name of ${account}`);
    this.session = new Session(this.core, { room: "room", owner: "owner", account, profile }, {
      send: (m) => { if (this.up) this.sent.push(m); return this.up; },
      tree: async () => new Uint8Array(1),
      entered: (v) => { this.view = v; this.log.push(`entered ${v.epoch}`); },
      moved: (v) => { this.view = v; this.log.push(`moved ${v.epoch}`); },
      resumed: (v) => { this.view = v; this.log.push(`resumed ${v.epoch}`); },
      left: () => { this.view = null; this.log.push("left"); },
      knocked: (again) => { this.log.push(again ? "knocked again" : "knocked"); },
      unsafe: (code, detail) => { this.log.push(`unsafe ${code} ${detail}`); this.session.stop(); },
      failed: (code, detail) => { this.log.push(`failed ${code} ${detail}`); },
      said: (_v, from, m) => { this.said.push({ from, m }); },
      growth: async (sizes) => { this.log.push(`asks ${sizes.join(" ")}`); return this.proofs(sizes); },
      seen: (log) => { this.log.push(`has seen ${log.size}`); },
    });
  }
  /** Everything that the message set off has run, however busy the machine is: the session's own queue is empty again. */
  async take(m: ServerMessage): Promise<void> { this.session.take(m); await this.session["queue"].run(() => undefined); await settled(); }
  last<T extends ClientMessage["type"]>(type: T): Extract<ClientMessage, { type: T }> {
    const found = this.sent.filter((m) => m.type === type).at(-1);
    assert.ok(found, `no ${type} was sent by ${this.account}`);
    return found as Extract<ClientMessage, { type: T }>;
  }
  count(type: ClientMessage["type"]): number { return this.sent.filter((m) => m.type === type).length; }
}
const settled = () => new Promise((done) => setTimeout(done, 2));
const room = (o: Partial<RoomMessage> = {}): RoomMessage => ({
  type: "room", room: { id: "room", name: "Room", owner: "owner", profile: standard }, you: { account: "x", name: "x", connection: "c" }, state: "empty", group: null, hosts: ["owner"], locked: false, member: false, leaf: null, ...o,
});
const request = (epoch: number, o: Partial<CommitRequest> = {}): CommitRequest => ({ type: "commitRequest", epoch, deadlineMs: 2000, adds: [], removes: [], change: null, refresh: false, restarts: null, ...o });

/** What the server does with an accepted commit. */
async function accept(from: Device, all: Device[], seq: number, joiners: Device[] = []): Promise<void> {
  const c = from.last("commit"), raw = fromBase64url(c.commit);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", raw));
  for (const d of all) await d.take({ type: "commit", epoch: c.epoch + 1, commit: raw, hash, seq });
  for (const [i, d] of joiners.entries()) await d.take({ type: "welcome", welcome: fromBase64url(c.welcomes[i]!), epoch: c.epoch + 1, seq });
}
async function started(): Promise<Device> {
  const host = new Device("owner", "host-device");
  await host.take(room());
  await host.take({ type: "created", group: host.core.state!.group, epoch: 0 });
  assert.deepEqual(host.log, ["entered 0"]);
  return host;
}
async function withGuest(): Promise<{ host: Device; guest: Device }> {
  const host = await started(), guest = new Device("guest", "guest-device");
  await guest.take(room({ state: "call", group: { group: host.view!.group, epoch: 0, seq: 0 } }));
  const keyPackage = fromBase64url(guest.last("knock").keyPackage);
  const admission = (await host.session.admit(keyPackage, new Date()))!;
  await host.take(request(0, { adds: [{ knock: "k1", keyPackage, admission }] }));
  await accept(host, [host], 1, [guest]);
  assert.deepEqual(guest.log, ["knocked", "entered 1"]);
  assert.deepEqual(host.log, ["entered 0", "moved 1"]);
  return { host, guest };
}

test("the owner creates, a guest knocks, is admitted and both stand in the same epoch", async () => {
  const { host, guest } = await withGuest();
  assert.deepEqual(host.view!.words, guest.view!.words);
  assert.deepEqual(guest.session.position, { group: host.view!.group, epoch: 1, seq: 1 });
});

test("nobody but the owner of the link creates, and not for another room or owner", async () => {
  const guest = new Device("guest", "g");
  await guest.take(room({ state: "waiting-host" }));
  await guest.take(room({ state: "empty" }));
  assert.equal(guest.count("create"), 0);
  assert.equal(guest.count("knock"), 1, "a repeated state is no new knock");

  const wrong = new Device("owner", "w");
  await wrong.take(room({ room: { id: "other", name: "", owner: "owner", profile: standard } }));
  assert.deepEqual(wrong.log, ["unsafe wrong-room the server answers for another room"]);

  const stolen = new Device("owner", "s");
  await stolen.take(room({ room: { id: "room", name: "", owner: "somebody", profile: standard } }));
  assert.equal(stolen.count("create"), 0);
  assert.match(stolen.log[0]!, /^unsafe creator-not-owner/);
});

test("the loser of the creation drops its group and knocks", async () => {
  const d = new Device("owner", "second");
  await d.take(room());
  await d.take({ type: "createLost", group: "other", epoch: 3 });
  assert.ok(d.core.calls.includes("leave"));
  assert.equal(d.count("knock"), 1);
});

test("a change of the room that its own user did not ask for is not committed", async () => {
  const host = await started();
  await host.take(request(0, { change: { locked: true } }));
  assert.equal(host.count("commit"), 0);
  host.session.change({ locked: true });
  await host.take(request(0, { change: { hosts: ["owner", "intruder"] } }));
  assert.equal(host.count("commit"), 0);
  await host.take(request(0, { change: { locked: true } }));
  assert.equal(host.count("commit"), 1);
  await accept(host, [host], 1);
  assert.equal(host.view!.locked, true);
  await host.take(request(1, { change: { locked: true } }));
  assert.equal(host.count("commit"), 1, "an answered wish is used once");
});

test("an add that nobody admitted is not made, nor its own removal, nor one for another epoch", async () => {
  const { host } = await withGuest();
  const before = host.count("commit");
  const ghost = new TextEncoder().encode(JSON.stringify({ account: "ghost", device: "gd", name: "Ghost", signatureKey: "gk" }));
  await host.take(request(1, { adds: [{ knock: "k9", keyPackage: ghost, admission: null }] }));
  await host.take(request(1, { removes: [{ leaf: host.view!.own, reason: "removed" }] }));
  await host.take(request(7, { removes: [{ leaf: 1, reason: "left" }] }));
  assert.equal(host.count("commit"), before);
  assert.equal(host.log.at(-1), "moved 1", "a refused request is not unsafe by itself");
});

test("an accepted commit that breaks the policy ends in not-safe, and nothing is done afterwards", async () => {
  const { host, guest } = await withGuest();
  const bad = { group: host.view!.group, epoch: 1, by: 0, n: 999, adds: [{ kp: { account: "ghost", device: "gd", name: "Ghost", signatureKey: "gk" }, admission: null }], removes: [], change: null };
  await guest.take({ type: "commit", epoch: 2, commit: new TextEncoder().encode(JSON.stringify(bad)), hash: new Uint8Array(32), seq: 2 });
  assert.equal(guest.log.at(-1), "unsafe policy add-without-admission");
  const sent = guest.sent.length;
  await guest.take(request(1));
  await guest.take({ type: "reenter" });
  assert.equal(guest.sent.length, sent);
});

test("a commit that can't be processed is reported by its hash, and the device enters anew", async () => {
  const { guest } = await withGuest();
  const raw = new TextEncoder().encode(JSON.stringify({ broken: true }));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", raw));
  await guest.take({ type: "commit", epoch: 2, commit: raw, hash, seq: 2 });
  assert.deepEqual(guest.last("wedged"), { type: "wedged", epoch: 2, commit: toBase64url(hash), reason: "path secret does not open" });
  assert.deepEqual(guest.log.slice(-2), ["left", "knocked again"]);
});

test("a gap in the commits leads to re-entry; a repeated commit is nothing", async () => {
  const { host, guest } = await withGuest();
  await host.take(request(1, { refresh: true }));
  const c = fromBase64url(host.last("commit").commit);
  await guest.take({ type: "commit", epoch: 1, commit: c, hash: new Uint8Array(32), seq: 1 });
  assert.equal(guest.log.at(-1), "entered 1");
  await guest.take({ type: "commit", epoch: 3, commit: c, hash: new Uint8Array(32), seq: 4 });
  assert.deepEqual(guest.log.slice(-2), ["left", "knocked again"]);
});

test("who loses the race for an epoch takes the other's commit", async () => {
  const { host, guest } = await withGuest();
  await host.take(request(1, { refresh: true }));
  await guest.take(request(1, { refresh: true }));
  await accept(guest, [host, guest], 2);
  assert.deepEqual([host.view!.epoch, guest.view!.epoch], [2, 2]);
  assert.ok(host.core.calls.includes("refused"));
});

test("a message that its epoch passed by is sealed again; repeats keep their id", async () => {
  const { host, guest } = await withGuest();
  await guest.session.say({ t: "chat", id: "chat-id-1", text: "bonjour" });
  const first = guest.last("message");
  assert.equal(first.epoch, 1);
  await host.take(request(1, { refresh: true }));
  await accept(host, [host, guest], 2);
  await guest.take({ type: "messageRefused", reason: "epoch", id: first.id });
  const second = guest.last("message");
  assert.equal(second.epoch, 2);
  assert.equal(second.id, first.id);
  await host.take({ type: "message", epoch: 2, data: fromBase64url(second.data), time: 1, seq: 3 });
  assert.deepEqual(host.said, [{ from: guest.view!.own, m: { t: "chat", id: "chat-id-1", text: "bonjour" } }]);
  await host.take({ type: "message", epoch: 1, data: fromBase64url(first.data), time: 1, seq: 3 });
  assert.equal(host.said.length, 1, "a message of a past epoch says nothing");
});

test("what was said just before a break is said again, older words are not", async () => {
  const { guest } = await withGuest();
  await guest.session.say({ t: "chat", id: "chat-id-1", text: "old" });
  guest.session.uncertain(Date.now() + 60_000);
  await guest.session.say({ t: "chat", id: "chat-id-2", text: "new" });
  guest.up = false;
  await guest.session.say({ t: "chat", id: "chat-id-3", text: "unsent" });
  guest.session.uncertain();
  guest.up = true;
  const before = guest.count("message");
  guest.session.flush();
  await settled();
  const texts = guest.sent.filter((m) => m.type === "message").slice(before)
    .map((m) => (JSON.parse(new TextDecoder().decode(Uint8Array.from((read(fromBase64url((m as { data: string }).data)) as { data: number[] }).data))) as { text: string }).text);
  assert.deepEqual(texts, ["new", "unsent"]);
});

test("after a restart of the server the group is handed back and goes on", async () => {
  const { host } = await withGuest();
  host.session.lineUp();
  await host.take(room({ state: "recover" }));
  await host.take({ type: "groupStateWanted" });
  assert.equal(host.count("groupState"), 1);
  await host.take({ type: "recovered", group: host.view!.group, epoch: 1 });
  assert.equal(host.log.at(-1), "resumed 1");
  assert.equal(host.count("create"), 1);
});

test("a page loaded anew comes back by its place in the tree", async () => {
  const { host, guest } = await withGuest();
  const again = new Device("guest", "guest-device");
  await again.take(room({ state: "call", member: true, leaf: guest.view!.own, group: { group: host.view!.group, epoch: 1, seq: 0 } }));
  assert.deepEqual(again.log, ["knocked again"]);
  await host.take(request(1, { adds: [{ knock: "k", keyPackage: fromBase64url(again.last("knock").keyPackage), admission: null }], removes: [{ leaf: guest.view!.own, reason: "re-entry" }] }));
  await accept(host, [host], 2, [again]);
  assert.equal(again.view!.epoch, 2);
  assert.equal(host.view!.members.length, 2);
});

test("a leaf that is gone after a long absence knocks like anybody", async () => {
  const { host, guest } = await withGuest();
  guest.session.lineUp();
  await guest.take(room({ state: "call", member: false, group: { group: host.view!.group, epoch: 2, seq: 0 } }));
  assert.deepEqual(guest.log.slice(-2), ["left", "knocked"]);
});

test("a Welcome into a group that breaks the rules is refused for good", async () => {
  const host = await started(), guest = new Device("guest", "g");
  await guest.take(room({ state: "call", group: { group: host.view!.group, epoch: 0, seq: 0 } }));
  guest.core.failNext = "owner";
  await guest.take({ type: "welcome", welcome: new TextEncoder().encode("{}"), epoch: 1, seq: 1 });
  assert.equal(guest.log.at(-1), "unsafe creator-not-owner owner");
});

test("a call that can't go on restarts in a group of its host, and who was inside is let in", async () => {
  const { host, guest } = await withGuest();
  host.session.change({ locked: true });
  await host.take(request(1, { change: { locked: true } }));
  await accept(host, [host, guest], 2);
  const old = host.view!.group, broken = new TextEncoder().encode(JSON.stringify({ broken: true }));
  for (const d of [host, guest]) await d.take({ type: "commit", epoch: 3, commit: broken, hash: new Uint8Array(await crypto.subtle.digest("SHA-256", broken)), seq: 3 });
  assert.ok(!guest.core.calls.includes("leave"), "the proof of having been inside is kept");
  const restart = { type: "restart" as const, group: { group: old, epoch: 2, seq: 0 }, without: [5] };
  await host.take({ ...restart, role: "create" });
  assert.equal(host.last("create").restarts, old);
  await guest.take({ ...restart, role: "create" });
  assert.equal(guest.count("create"), 0, "who was no host leads nobody");
  await host.take({ type: "created", group: host.core.state!.group, epoch: 0 });
  await guest.take({ ...restart, role: "join" });
  const keyPackage = fromBase64url(guest.last("knock").keyPackage), who = (await host.session.inspect(keyPackage))!;
  assert.ok(host.session.wasInside(who));
  assert.ok(!host.session.wasInside({ ...who, signatureKey: "another" }));
  const before = host.count("commit");
  await host.take(request(0, { restarts: { group: "other", epoch: 2, seq: 0 }, adds: [{ knock: "k", keyPackage, admission: await host.core.admit(keyPackage) }] }));
  assert.equal(host.count("commit"), before);
  await host.take(request(0, { restarts: restart.group, adds: [{ knock: "k", keyPackage, admission: await host.core.admit(keyPackage) }] }));
  assert.equal(host.count("commit"), before + 1, "bound to the group that is restarted and to no other");
  await accept(host, [host], 1, [guest]);
  assert.equal(guest.view!.group, host.view!.group);
  assert.deepEqual(host.last("change"), { type: "change", locked: true }, "it was locked, and will be again");
});

test("a restart is followed only into a group of a host, with nobody new and the same rules", () => {
  const core = new FakeCore("owner", "d0", "Host");
  core.state = { group: "g", epoch: 4, locked: false, hosts: ["owner"], profile: standard, members: [
    { leaf: 0, account: "owner", device: "d0", name: "Host", signatureKey: "k0", since: 0, statement: 0 }, { leaf: 1, account: "a", device: "d1", name: "A", signatureKey: "k1", since: 0, statement: 0 }, { leaf: 2, account: "b", device: "d2", name: "B", signatureKey: "k2", since: 0, statement: 0 } ] };
  const from = core.view(), view = { ...from, group: "h", epoch: 1, committer: 0, members: from.members.slice(0, 2) };
  assert.equal(restartRefusal(view, from, [2]), null);
  assert.match(restartRefusal({ ...view, members: [from.members[1]!] }, from, [2])!, /not made by a host/);
  assert.match(restartRefusal({ ...view, members: from.members }, from, [2])!, /not in the old/);
  assert.match(restartRefusal({ ...view, members: [...view.members, { leaf: 3, account: "x", device: "dx", name: "X", signatureKey: "kx", since: 0, statement: 0 }] }, from, [2])!, /not in the old/);
  assert.match(restartRefusal({ ...view, profile: { ...standard, conditions: ["padded"] } }, from, [2])!, /other rules/);
  assert.equal(restartRefusal(view, { ...from, locked: true }, [2]), null, "a locked room's new group is locked by its first change");
  assert.match(restartRefusal({ ...view, hosts: ["owner", "a"] }, from, [2])!, /other rules/);
});

test("a commit that does not open is reported, and the restart that follows is still joined from the last good group", async () => {
  const { host, guest } = await withGuest();
  const old = guest.view!;
  const commit = new TextEncoder().encode(JSON.stringify({ broken: true })), hash = new Uint8Array(await crypto.subtle.digest("SHA-256", commit));
  await guest.take({ type: "commit", epoch: 2, commit, hash, seq: 2 });
  assert.equal(guest.last("wedged").epoch, 2);
  const knocks = guest.count("knock");
  await guest.take({ type: "restart", group: { group: old.group, epoch: 1, seq: 0 }, without: [0], role: "join" });
  assert.equal(guest.count("knock"), knocks + 1, "knocks for the new group");
  assert.ok(!guest.core.calls.includes("leave"), "the resumption secret is kept");
  // A host that makes the new group knows who comes back, and who does not.
  const key = (leaf: number) => old.members.find((m) => m.leaf === leaf)!;
  await host.take({ type: "restart", group: { group: old.group, epoch: 1, seq: 0 }, without: [], role: "create" });
  assert.ok(!host.session.returns(key(1)), "not before the group is made");
  await host.take({ type: "created", group: host.core.state!.group, epoch: 0 });
  assert.ok(host.session.returns(key(1)));
  assert.ok(!host.session.returns({ ...key(1), signatureKey: "another" }));
});

test("changes are compared as sets", () => {
  assert.ok(sameChange({ hosts: ["a", "b"] }, { hosts: ["b", "a"] }));
  assert.ok(!sameChange({ hosts: ["a", "b"] }, { hosts: ["a", "c"] }));
  assert.ok(!sameChange({ locked: true }, { locked: false }));
  assert.ok(!sameChange({ locked: true }, { locked: true, hosts: ["a"] }));
});

test("who is removed while the core is still busy with a commit stays removed: the session says nothing more", async () => {
  const { guest } = await withGuest();
  const raw = new TextEncoder().encode(JSON.stringify({ broken: true })), said = guest.log.length, sent = guest.sent.length;
  let busy = (): void => undefined;
  const process = guest.core.process.bind(guest.core);
  guest.core.process = async (commit) => { await new Promise<void>((done) => { busy = done; }); return process(commit); };
  guest.session.take({ type: "commit", epoch: 2, commit: raw, hash: new Uint8Array(32), seq: 2 });
  await settled();
  guest.session.stop(); // the server said "removed"
  busy();
  await guest.session["queue"].run(() => undefined);
  assert.deepEqual(guest.log.slice(said), []);
  assert.equal(guest.sent.length, sent);
});

const strict: Profile = { name: "Restreint", conditions: ["padded", "compared"], members: 25 };
const shown = (profile: Profile) => ({ id: "room", name: "Room", owner: "owner", profile });

test("a call begins under the profile that the server names, and never under a weaker one than the door showed", async () => {
  const host = new Device("owner", "h", strict);
  await host.take(room({ room: shown({ ...strict, members: 10 }) }));
  await host.take({ type: "created", group: host.core.state!.group, epoch: 0 });
  assert.deepEqual(host.log, ["entered 0"]);
  assert.equal(host.view!.profile.members, 10, "stricter than shown is taken");

  for (const weaker of [standard, { ...strict, conditions: ["padded" as const] }, { ...strict, members: 0 }, { ...strict, members: 26 }]) {
    const fooled = new Device("owner", "f", strict);
    await fooled.take(room({ room: shown(weaker) }));
    assert.equal(fooled.count("create"), 0);
    assert.match(fooled.log[0]!, /^unsafe weaker/);
  }
});

test("a joiner refuses a call that is held under less than the door showed", async () => {
  const host = await started(), guest = new Device("guest", "g", strict);
  await guest.take(room({ state: "call", group: { group: host.view!.group, epoch: 0, seq: 0 }, room: shown(strict) }));
  const keyPackage = fromBase64url(guest.last("knock").keyPackage);
  await host.take(request(0, { adds: [{ knock: "k1", keyPackage, admission: (await host.session.admit(keyPackage, new Date()))! }] }));
  await accept(host, [host], 1, [guest]);
  assert.match(guest.log.at(-1)!, /^unsafe weaker/);
});

test("who does not meet the profile is told which condition it is", async () => {
  for (const code of ["two-factors", "role", "full", "not-recorded", "clock"] as const) {
    const guest = new Device("guest", code);
    await guest.take(room({ state: "call", group: { group: "g", epoch: 0, seq: 0 } }));
    await guest.take({ type: "error", request: "knock", code });
    assert.equal(guest.log.at(-1), `failed ${code} ${code}`);
  }
});

test("a host is told why no call begins", async () => {
  for (const code of ["capacity", "calls", "draining", "not-recorded"] as const) {
    const host = new Device("host", code);
    await host.take(room({ state: "empty" }));
    await host.take({ type: "error", request: "create", code });
    assert.equal(host.log.at(-1), `failed ${code} ${code}`);
  }
});

test("what a group shows of the key log is proven, state by state, and kept", async () => {
  const host = new Device("owner", "host-device");
  host.core.log = [[3, 5], [5, 9]];
  await host.take(room({ state: "empty" }));
  await host.take({ type: "created", group: host.core.state!.group, epoch: 0 });
  assert.deepEqual(host.log.slice(-5), ["entered 0", "asks 3 5", "has seen 5", "asks 5 9", "has seen 9"]);
});

test("a log that forks ends the stay, and so does a server that proves nothing", async () => {
  for (const [forked, refuse, code] of [[true, false, "log-forked"], [false, true, "log-unproven"]] as const) {
    const host = new Device("owner", "host-device");
    host.core.log = [[3, 5]];
    host.core.forked = forked;
    if (refuse) host.proofs = () => { throw Object.assign(new Error("no such size"), { status: 400 }); };
    await host.take(room({ state: "empty" }));
    await host.take({ type: "created", group: host.core.state!.group, epoch: 0 });
    assert.match(host.log.at(-1)!, new RegExp(`^unsafe ${code} `));
  }
});

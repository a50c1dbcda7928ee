/**
 * Groups of members that run crypto/mls (native Go) and members that run ts-mls, an implementation by others, on two suites
 * of RFC 9420: who creates, commits, joins and talks changes from operation to operation, at random from a fixed seed.
 *
 * Where the two differ, and this keeps within what both share:
 *
 * - If one half of the tree is empty, the committer's filtered direct path ends below the root. RFC 9420 §12.4.1 takes the
 *   commit secret from the last node of that path; ts-mls 1.6.4 derives on to the blank root. So leaf 0 stays occupied here.
 * - ts-mls refuses at joining a tree in which a parent and one above it have different unmerged_leaves. RFC 9420 §12.4.3.1 only
 *   wants an entry to stand in every node between its leaf and the parent that has it. Such a joiner is taken out again by
 *   the next commit, and the group goes on.
 * - ts-mls leaves the making of an Update's leaf to its user: Updates come from Go here.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { toHex } from "../src/bytes.ts";
import { b64, GoPeer, unb64 } from "./gopeer.ts";
import { implementation, TSMember } from "./tsmls.ts";

const go = GoPeer.start();
after(() => go.end());

interface Commit { keyPackages: Uint8Array[]; removes: number[]; private: boolean; byReference?: boolean }

/** What both kinds of member can do. */
interface Member {
  readonly name: string;
  keyPackage(): Promise<Uint8Array>;
  create(group: Uint8Array): Promise<void>;
  join(welcome: Uint8Array, tree: Uint8Array): Promise<void>;
  commit(o: Commit): Promise<{ commit: Uint8Array; welcomes: Uint8Array[]; tree: Uint8Array }>;
  apply(): Promise<void>;
  process(commit: Uint8Array): Promise<void>;
  seal(data: Uint8Array): Promise<Uint8Array>;
  open(message: Uint8Array): Promise<Uint8Array>;
  leafOf(name: string): Promise<number>;
  proposeRemove(leaf: number): Promise<Uint8Array>;
  receive(proposal: Uint8Array): Promise<void>;
  state(): Promise<{ epoch: number; own: number; treeHash: string; authenticator: string; secret: string }>;
}

const exporterContext = new TextEncoder().encode("context");

class GoMember implements Member {
  readonly name: string;
  readonly #suite: number;
  constructor(name: string, suite: number) { this.name = name; this.#suite = suite; }
  #call(op: string, more: object = {}) { return go.call(op, this.name, more); }
  async open_(): Promise<this> { await this.#call("new", { suite: this.#suite, identity: this.name }); return this; }
  async keyPackage() { return unb64((await this.#call("keyPackage")).keyPackage); }
  async create(group: Uint8Array) { await this.#call("create", { group: b64(group) }); }
  async join(welcome: Uint8Array, tree: Uint8Array) { await this.#call("join", { welcome: b64(welcome), tree: b64(tree) }); }
  async commit(o: Commit) {
    const { commit, welcomes, tree } = await this.#call("commit", { ...o, keyPackages: o.keyPackages.map(b64) });
    return { commit: unb64(commit), welcomes: (welcomes ?? []).map(unb64), tree: unb64(tree) };
  }
  async apply() { await this.#call("apply"); }
  async process(commit: Uint8Array) { await this.#call("process", { message: b64(commit) }); }
  async seal(data: Uint8Array) { return unb64((await this.#call("seal", { message: b64(data) })).message); }
  async open(message: Uint8Array) { return unb64((await this.#call("open", { message: b64(message) })).data); }
  async proposeRemove(leaf: number) { return unb64((await this.#call("proposeRemove", { leaf })).message); }
  async proposeUpdate() { return unb64((await this.#call("proposeUpdate")).message); }
  async receive(proposal: Uint8Array) { await this.#call("receive", { message: b64(proposal) }); }
  async leafOf(name: string) {
    const found = Object.entries((await this.#call("state")).members ?? {}).find(([, identity]) => identity === name);
    assert.ok(found);
    return Number(found[0]);
  }
  async state() {
    const { epoch, own, treeHash, authenticator } = await this.#call("state");
    const { secret } = await this.#call("export", { label: "interop", context: b64(exporterContext), length: 48 });
    return { epoch, own, treeHash: toHex(unb64(treeHash)), authenticator: toHex(unb64(authenticator)), secret: toHex(unb64(secret)) };
  }
}

class OtherMember implements Member {
  readonly name: string;
  readonly #member: TSMember;
  constructor(name: string, member: TSMember) { this.name = name; this.#member = member; }
  keyPackage() { return this.#member.keyPackage(); }
  create(group: Uint8Array) { return this.#member.create(group); }
  join(welcome: Uint8Array, tree: Uint8Array) { return this.#member.join(welcome, tree); }
  async commit(o: Commit) {
    const { commit, welcome, tree } = await this.#member.commit(o);
    // ts-mls makes one Welcome for all who are added.
    return { commit, tree, welcomes: o.keyPackages.map(() => welcome!) };
  }
  async apply() { this.#member.apply(); }
  async process(commit: Uint8Array) { await this.#member.receive(commit); }
  seal(data: Uint8Array) { return this.#member.seal(data); }
  async open(message: Uint8Array) {
    const data = await this.#member.receive(message);
    assert.ok(data);
    return data;
  }
  proposeRemove(leaf: number) { return this.#member.propose({ proposalType: "remove", remove: { removed: leaf } }); }
  async receive(proposal: Uint8Array) { await this.#member.receive(proposal); }
  async leafOf(name: string) { return this.#member.leafOf(name); }
  async state() {
    const m = this.#member;
    return {
      epoch: m.epoch, own: m.own, treeHash: toHex(m.treeHash), authenticator: toHex(m.authenticator),
      secret: toHex(await m.exported("interop", exporterContext, 48)),
    };
  }
}

/** A small generator, so that a run that fails can be run again (mulberry32). */
function randomFrom(seed: number): (n: number) => number {
  return (n) => {
    seed = (seed + 0x6d2b79f5) >>> 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

let made = 0;
const joins = { go: 0, ts: 0, refused: 0 };

const knownRefusal = /non-blank intermediate node must list leaf node in its unmerged_leaves/;

class Scene {
  readonly members: Member[] = [];
  readonly random: (n: number) => number;
  readonly #suite: number;
  readonly #cs: Awaited<ReturnType<typeof implementation>>;
  readonly log: string[] = [];

  constructor(suite: number, cs: Awaited<ReturnType<typeof implementation>>, seed: number) {
    this.#suite = suite;
    this.#cs = cs;
    this.random = randomFrom(seed);
  }

  async newcomer(native: boolean): Promise<Member> {
    const name = `${native ? "go" : "ts"}-${++made}`;
    return native ? new GoMember(name, this.#suite).open_() : new OtherMember(name, new TSMember(this.#cs, name));
  }

  /** Somebody else than these who may be removed: not the one at leaf 0. */
  async removable(...not: Member[]): Promise<Member | undefined> {
    const own = await Promise.all(this.members.map(async (m) => (await m.state()).own));
    const free = this.members.filter((m, i) => own[i] !== 0 && !not.includes(m));
    return free[this.random(free.length)];
  }

  any(): Member { return this.members[this.random(this.members.length)]!; }

  /** One commit by `committer`; everybody else processes it or joins by it. */
  async commit(committer: Member, adds: Member[], removes: Member[], isPrivate: boolean): Promise<void> {
    this.log.push(`${committer.name} adds ${adds.map((m) => m.name)} removes ${removes.map((m) => m.name)}${isPrivate ? " privately" : ""}`);
    const keyPackages = await Promise.all(adds.map((m) => m.keyPackage()));
    const leaves = await Promise.all(removes.map(async (m) => (await m.state()).own));
    const { commit, welcomes, tree } = await committer.commit({ keyPackages, removes: leaves, private: isPrivate });
    for (const m of removes) this.members.splice(this.members.indexOf(m), 1);
    await Promise.all(this.members.map((m) => m === committer ? m.apply() : m.process(commit)));
    const refused: string[] = [];
    await Promise.all(adds.map(async (m, i) => {
      try {
        await m.join(welcomes[i]!, tree);
      } catch (error) {
        if (m instanceof GoMember || !knownRefusal.test(String(error))) throw error;
        refused.push(m.name);
        joins.refused++;
        return;
      }
      joins[m instanceof GoMember ? "go" : "ts"]++;
      this.members.push(m);
    }));
    await this.agree();
    if (refused.length > 0) await this.takeOut(committer, refused);
  }

  /** Takes those out again who were added and could not join. */
  async takeOut(committer: Member, names: string[]): Promise<void> {
    this.log.push(`${committer.name} takes ${names} out again`);
    const removes = await Promise.all(names.map((name) => committer.leafOf(name)));
    const { commit } = await committer.commit({ keyPackages: [], removes, private: false });
    await Promise.all(this.members.map((m) => m === committer ? m.apply() : m.process(commit)));
    await this.agree();
  }

  /** Proposals sent by themselves, and a commit that refers to them. */
  async byReference(committer: Member): Promise<void> {
    const others = this.members.filter((m) => m !== committer);
    const target = await this.removable(committer);
    if (!target) return;
    const proposer = this.members.filter((m) => m !== target)[this.random(this.members.length - 1)]!;
    const proposals = new Map([[proposer, await proposer.proposeRemove((await target.state()).own)]]);
    const updater = others.find((m): m is GoMember => m instanceof GoMember && m !== target && m !== proposer);
    if (updater) proposals.set(updater, await updater.proposeUpdate());
    this.log.push(`${committer.name} commits by reference: ${proposer.name} removes ${target.name}${updater ? `, ${updater.name} updates` : ""}`);
    for (const [from, proposal] of proposals) await Promise.all(this.members.filter((m) => m !== from).map((m) => m.receive(proposal)));
    const { commit } = await committer.commit({ keyPackages: [], removes: [], private: this.random(2) === 0, byReference: true });
    this.members.splice(this.members.indexOf(target), 1);
    await Promise.all(this.members.map((m) => m === committer ? m.apply() : m.process(commit)));
    await this.agree();
  }

  async agree(): Promise<void> {
    const states = await Promise.all(this.members.map((m) => m.state()));
    for (const [i, { own: _, ...state }] of states.entries()) {
      const { own: __, ...first } = states[0]!;
      assert.deepEqual(state, first, `${this.members[i]!.name} and ${this.members[0]!.name} differ`);
    }
    assert.equal(new Set(states.map((s) => s.own)).size, states.length);
  }

  async talk(): Promise<void> {
    const sender = this.any();
    for (let i = 0; i < 2; i++) {
      const data = new TextEncoder().encode(`message ${i} of ${sender.name}`);
      const message = await sender.seal(data);
      await Promise.all(this.members.filter((m) => m !== sender).map(async (m) => assert.deepEqual(toHex(await m.open(message)), toHex(data))));
    }
  }
}

const seeds = Number(process.env["INTEROP_SEEDS"] ?? 4);
const steps = Number(process.env["INTEROP_STEPS"] ?? 14);

for (const suite of [1, 2]) {
  for (let seed = 1; seed <= seeds; seed++) {
    test(`suite ${suite}, seed ${seed}: random operations among native Go and ts-mls`, async () => {
      const scene = new Scene(suite, await implementation(suite), seed * 1000 + suite);
      const creator = await scene.newcomer(seed % 2 === 0);
      await creator.create(crypto.getRandomValues(new Uint8Array(16)));
      scene.members.push(creator);
      try {
        await scene.commit(creator, [await scene.newcomer(true), await scene.newcomer(false), await scene.newcomer(seed % 4 < 2)], [], false);
        for (let step = 0; step < steps; step++) {
          const committer = scene.any();
          const isPrivate = scene.random(3) === 0;
          switch (scene.members.length < 3 ? 0 : scene.members.length > 9 ? 1 : scene.random(5)) {
            case 0: {
              const adds = await Promise.all(Array.from({ length: 1 + scene.random(3) }, () => scene.newcomer(scene.random(2) === 0)));
              await scene.commit(committer, adds, [], isPrivate);
              break;
            }
            case 1: {
              const target = await scene.removable(committer);
              await scene.commit(committer, [], target ? [target] : [], isPrivate);
              break;
            }
            case 2: {
              // A native newcomer may take leaf 0: it never has to be taken out again.
              const others = scene.members.filter((m) => m !== committer);
              const native = scene.random(2) === 0;
              const target = native ? others[scene.random(others.length)] : await scene.removable(committer);
              await scene.commit(committer, [await scene.newcomer(native)], target ? [target] : [], isPrivate);
              break;
            }
            case 3:
              await scene.byReference(committer);
              break;
            default:
              await scene.commit(committer, [], [], isPrivate);
          }
          if (step % 3 === 0) await scene.talk();
        }
      } catch (error) {
        throw new Error(`${(error as Error).stack}\nafter\n${scene.log.join("\n")}`);
      }
    });
  }
}

test("both kinds joined groups of both kinds", () => {
  assert.ok(joins.go > 10 && joins.ts > 10, JSON.stringify(joins));
});

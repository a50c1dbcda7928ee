/** A stand-in for the MLS core in tests of the driver: messages are JSON in the clear, and the rules are the few that the tests need. */
import { MLSError, type GroupView, type Member, type PendingCommit, type Profile } from "@huisclos/e2ee";
import type { MLSPort } from "../ports.ts";

const bytes = (v: unknown): Uint8Array<ArrayBuffer> => new TextEncoder().encode(JSON.stringify(v));
export const read = (b: Uint8Array): Record<string, unknown> => JSON.parse(new TextDecoder().decode(b)) as Record<string, unknown>;

interface State { group: string; epoch: number; locked: boolean; hosts: string[]; members: Member[]; profile: Profile }
interface Commit { group: string; epoch: number; by: number; adds: { kp: Member; admission: string | null }[]; removes: number[]; change: { locked?: boolean; hosts?: string[] } | null; n: number; broken?: boolean }

let serial = 0;

export class FakeCore implements MLSPort {
  state: State | null = null;
  own = 0;
  pending: { made: Commit; bytes: Uint8Array } | null = null;
  calls: string[] = [];
  failNext: string | null = null;

  constructor(readonly account: string, readonly device: string, readonly name: string) {}

  private get member(): Member { return { leaf: -1, account: this.account, device: this.device, name: this.name, signatureKey: `key-${this.device}`, since: 1_700_000_000, statement: 7 }; }

  view(over: Partial<GroupView> = {}): GroupView {
    const s = this.state!;
    return { group: s.group, epoch: s.epoch, own: this.own, room: "room", owner: "owner", locked: s.locked, hosts: s.hosts, admits: [], profile: s.profile, members: s.members,
      words: Array.from({ length: 12 }, (_, i) => (s.epoch * 17 + i) % 2048), entered: false, addOnly: false, added: [], removed: [], committer: 0, hash: "", ...over };
  }

  async create(o: { room: { id: string; owner: string; hosts?: string[]; profile: Profile } }) {
    this.calls.push("create");
    this.own = 0;
    this.state = { group: `group${++serial}`, epoch: 0, locked: false, hosts: o.room.hosts ?? [o.room.owner], members: [{ ...this.member, leaf: 0 }], profile: o.room.profile };
    return { groupInfo: bytes(this.state), tree: bytes(this.state), view: this.view() };
  }
  async keyPackage() { this.calls.push("keyPackage"); return { keyPackage: bytes({ ...this.member, n: ++serial }), ref: bytes(serial) }; }
  async inspect(kp: Uint8Array) {
    const k = read(kp) as unknown as Member;
    if (!k.account) throw new MLSError({ message: "bad key package", reason: "refused" });
    return { account: k.account, device: k.device, name: k.name, signatureKey: k.signatureKey, since: k.since, statement: k.statement, ref: bytes(1) };
  }
  async admit(kp: Uint8Array) { return bytes({ for: (read(kp) as unknown as Member).device, by: this.account }); }
  async commit(o: Parameters<MLSPort["commit"]>[0]): Promise<PendingCommit> {
    this.calls.push("commit");
    const s = this.state!;
    const made: Commit = { group: s.group, epoch: s.epoch, by: this.own, n: ++serial, removes: o.removes, change: o.change ?? null,
      adds: o.adds.map((a) => ({ kp: read(a.keyPackage) as unknown as Member, admission: a.admission ? String(read(a.admission).for) : null })) };
    this.check(made);
    const raw = bytes(made);
    this.pending = { made, bytes: raw };
    const next = this.apply(s, made);
    return { epoch: s.epoch, commit: raw, hash: "", groupInfo: bytes(next), welcomes: made.adds.map((a) => bytes({ to: a.kp.device, state: next })) };
  }
  async accepted() { const p = this.pending!; this.pending = null; return this.go(p.made); }
  async refused() { this.calls.push("refused"); this.pending = null; }
  async process(raw: Uint8Array) {
    this.calls.push("process");
    this.pending = null;
    const c = read(raw) as unknown as Commit;
    if (c.broken) throw new MLSError({ message: "path secret does not open", reason: "refused" });
    this.check(c);
    return this.go(c);
  }
  async join(welcome: Uint8Array, _tree: Uint8Array, expect: { room: string; owner: string }) {
    this.calls.push("join");
    const w = read(welcome) as unknown as { to: string; state: State };
    if (this.failNext) { const rule = this.failNext; this.failNext = null; throw new MLSError({ message: rule, reason: "policy", rule }); }
    if (w.to !== this.device || expect.owner !== "owner") throw new MLSError({ message: "not for this device", reason: "refused" });
    this.state = structuredClone(w.state);
    this.own = this.state.members.find((m) => m.device === this.device)!.leaf;
    return this.view();
  }
  async seal(data: Uint8Array) { return { epoch: this.state!.epoch, message: bytes({ epoch: this.state!.epoch, by: this.own, data: [...data] }) }; }
  async open(message: Uint8Array) {
    const m = read(message) as unknown as { epoch: number; by: number; data: number[] };
    if (m.epoch !== this.state!.epoch) throw new MLSError({ message: "epoch", reason: "refused" });
    return { sender: m.by, epoch: m.epoch, data: Uint8Array.from(m.data) };
  }
  async groupState() { return { groupInfo: bytes(this.state), tree: bytes(this.state) }; }
  /** The states of the key log that are still to be proven, question by question. */
  log: number[][] = [];
  /** What the next proofs are found to be. */
  forked = false;
  async unproven(): Promise<number[]> { return this.log[0] ?? []; }
  async proven(proofs: string[][]) {
    const asked = this.log.shift()!;
    if (this.forked || proofs.length !== asked.length - 1) throw new MLSError({ message: "two logs", reason: "log-forked", rule: "log-forked" });
    return { kept: bytes(asked.at(-1)), size: asked.at(-1)! };
  }
  async leave() { this.calls.push("leave"); this.state = null; this.pending = null; }
  terminate(): void { this.calls.push("terminate"); }

  /** The one rule of the tests: who is added was admitted, or comes back. */
  private check(c: Commit): void {
    for (const a of c.adds) {
      const back = this.state!.members.some((m) => c.removes.includes(m.leaf) && m.signatureKey === a.kp.signatureKey);
      if (!back && a.admission !== a.kp.device) throw new MLSError({ message: "add without admission", reason: "policy", rule: "add-without-admission" });
    }
  }
  private apply(s: State, c: Commit): State {
    const members = s.members.filter((m) => !c.removes.includes(m.leaf));
    for (const a of c.adds) { let leaf = 0; while (members.some((m) => m.leaf === leaf)) leaf++; members.push({ ...a.kp, leaf }); }
    members.sort((a, b) => a.leaf - b.leaf);
    return { ...s, epoch: s.epoch + 1, members, locked: c.change?.locked ?? s.locked, hosts: c.change?.hosts ?? s.hosts };
  }
  private go(c: Commit): GroupView {
    const before = this.state!;
    this.state = this.apply(before, c);
    const added = this.state.members.filter((m) => c.adds.some((a) => a.kp.device === m.device));
    return this.view({ added, removed: before.members.filter((m) => c.removes.includes(m.leaf)), addOnly: c.removes.length === 0 && !c.change, committer: c.by });
  }
}

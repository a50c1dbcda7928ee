import assert from "node:assert/strict";
import { test } from "node:test";
import { fromAmplitude, loudness, problemOf } from "../devices.ts";
import { Gauge, judge, levels, ofLoss, Speaker } from "../gauge.ts";
import { decodeSealed, encodeSealed } from "../messages.ts";
import { People } from "../people.ts";
import type { FrameStats, GroupView } from "../ports.ts";
import { Queue } from "../queue.ts";
import { CallSignals } from "../state.ts";
import { Verify } from "../verify.ts";
import { decode, WireError } from "../wire.ts";

const text = (s: string) => new TextEncoder().encode(s);

test("sealed messages: what is said is read back, everything else is nothing", () => {
  for (const m of [{ t: "chat", id: "12345678", text: "été" }, { t: "state", mic: true, cam: false, screen: true, hand: 17 }, { t: "compare", epoch: 3 }, { t: "reaction", kind: "clap" }] as const) {
    assert.deepEqual(decodeSealed(encodeSealed(m)), m);
  }
  for (const bad of ["", "null", "[]", "{}", '{"t":"chat"}', '{"t":"chat","id":"12345678","text":" "}', '{"t":"chat","id":"1","text":"a"}', `{"t":"chat","id":"12345678","text":"${"x".repeat(9000)}"}`,
    '{"t":"state","mic":1,"cam":true,"screen":true,"hand":0}', '{"t":"state","mic":true,"cam":true,"screen":true,"hand":-1}', '{"t":"compare","epoch":-1}', '{"t":"compare","epoch":1.5}', '{"t":"reaction","kind":"rage"}', '{"t":"new"}']) {
    assert.equal(decodeSealed(text(bad)), null, bad);
  }
  assert.equal(decodeSealed(Uint8Array.of(0xff, 0xfe)), null);
});

test("server messages: shapes are checked, unknown fields ignored", () => {
  assert.deepEqual(decode('{"type":"commit","epoch":4,"commit":"AQ","hash":"AA","seq":9,"more":1}'), { type: "commit", epoch: 4, commit: Uint8Array.of(1), hash: Uint8Array.of(0), seq: 9 });
  assert.deepEqual(decode('{"type":"offer","offer":"v=0","tracks":[{"mid":"0","leaf":3,"context":1,"kind":"video"}]}'), { type: "offer", offer: "v=0", tracks: [{ mid: "0", leaf: 3, context: 1, kind: "video" }] });
  for (const bad of ['{"type":"commit","epoch":-1,"commit":"AQ","hash":"AA"}', '{"type":"commit","epoch":1,"commit":"A","hash":"AA"}', '{"type":"commit","epoch":1,"commit":"AQ==","hash":"AA"}', '{"type":"welcome","welcome":1,"epoch":1}',
    '{"type":"offer","offer":"v=0","tracks":[{"mid":"0","leaf":70000,"context":1,"kind":"video"}]}', '{"type":"offer","offer":"v=0","tracks":[{"mid":"0","leaf":1,"context":256,"kind":"video"}]}', '{"type":"waiting","reason":"because"}', '{"type":7}', '{"type":"hello"}', "7"]) {
    assert.throws(() => decode(bad), WireError, bad);
  }
});

test("a queue keeps the order and goes on after a failure", async () => {
  const q = new Queue(), log: number[] = [];
  const slow = q.run(async () => { await new Promise((r) => setTimeout(r, 5)); log.push(1); });
  await assert.rejects(q.run(() => { log.push(2); throw new Error("x"); }));
  await q.run(() => { log.push(3); });
  await slow;
  assert.deepEqual(log, [1, 2, 3]);
  const dropped = q.run(() => log.push(4));
  q.clear();
  assert.equal(await dropped, undefined);
  assert.deepEqual(log, [1, 2, 3]);
});

const view = (o: Partial<GroupView> = {}): GroupView => ({
  group: "g", epoch: 1, own: 0, room: "r", owner: "a", locked: false, hosts: ["a"], admits: [], profile: { name: "Standard", conditions: [], members: 0 }, words: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], entered: false, addOnly: true, added: [], removed: [], committer: 0, hash: "",
  members: [{ leaf: 0, account: "a", device: "d0", name: "Ada", signatureKey: "k0", since: 0, statement: 0 }, { leaf: 1, account: "b", device: "d1", name: "Bo", signatureKey: "k1", since: 0, statement: 0 }], ...o,
});
const stats = (opened: number, refused: Record<string, number>, id = 1): FrameStats => ({ epoch: 1, sending: 1, senders: [], receivers: [{ id, leaf: 1, context: 1, opened, refused, lastOpened: null, epoch: 1, held: 0 }] });

test("the people are the tree's: a ghost in the roster is nowhere, a name of the server's counts for nothing", () => {
  const s = new CallSignals(), people = new People(s);
  people.take(view());
  people.setRoster([{ leaf: 0, connected: true, guest: false }, { leaf: 1, connected: false, guest: true }, { leaf: 9, connected: true, guest: true }]);
  people.announce(9, { mic: true, cam: true, screen: true, hand: 1 });
  assert.deepEqual(s.people.value.map((p) => [p.leaf, p.name, p.connected, p.host, p.me]), [[0, "Ada", true, true, true], [1, "Bo", false, false, false]]);
  people.announce(1, { mic: true, cam: true, screen: false, hand: 5 });
  assert.deepEqual(s.people.value.map((p) => [p.mic, p.cam, p.hand]), [[false, false, null], [true, true, 5]]);
  people.take(view({ epoch: 2, members: [view().members[0]!, { leaf: 1, account: "c", device: "d2", name: "Cy", signatureKey: "k2", since: 0, statement: 0 }] }));
  assert.deepEqual(s.people.value.map((p) => [p.name, p.mic, p.hand]), [["Ada", false, null], ["Cy", false, null]], "what the leaf's last owner announced is void");
  const come = view({ epoch: 3, added: [{ leaf: 1, account: "b", device: "d1", name: "Bo", signatureKey: "k1", since: 0, statement: 0 }] });
  people.take(come);
  people.announce(1, { mic: true, cam: true, screen: false, hand: 0 });
  people.take({ ...come });
  assert.deepEqual(s.people.value.map((p) => p.cam), [false, true], "the line broke and came back within one epoch: what was announced stands");
  people.take({ ...come, epoch: 4 });
  assert.deepEqual(s.people.value.map((p) => p.cam), [false, false], "who came back by re-entry starts from nothing");
});

test("frames that do not open are named after a second, and forgotten when they open again", () => {
  const s = new CallSignals(), people = new People(s);
  people.take(view());
  people.counted(stats(10, {}), 1000);
  people.counted(stats(10, { "bad-tag": 5 }), 2000);
  assert.equal(s.people.value[1]!.refused, null);
  people.counted(stats(10, { "bad-tag": 9, "wrong-kid": 1 }), 3000);
  assert.equal(s.people.value[1]!.refused, "bad-tag");
  assert.deepEqual(s.people.value[1]!.frames.value.camera, { opened: 10, refused: { "bad-tag": 9, "wrong-kid": 1 } });
  people.counted(stats(12, { "bad-tag": 9, "wrong-kid": 1 }), 4000);
  assert.equal(s.people.value[1]!.refused, null);
});

test("a comparison pins its epoch; only those who were in it are compared", () => {
  const s = new CallSignals(), people = new People(s), verify = new Verify(s, people);
  s.state.value = { phase: "in-call", since: 0 };
  const take = (v: GroupView) => { people.take(v); verify.take(v); };
  take(view());
  assert.equal(s.seal.value, "sealed");
  assert.equal(verify.begin(5, "Bo"), false, "an epoch that was never seen");
  assert.equal(verify.begin(1, "Bo"), true);
  assert.equal(verify.begin(1, "Ada"), false, "one at a time");
  const joined = [...view().members, { leaf: 2, account: "c", device: "d2", name: "Cy", signatureKey: "k2", since: 0, statement: 0 }];
  take(view({ epoch: 2, members: joined, words: Array(12).fill(9) as number[] }));
  assert.deepEqual(s.comparison.value!.indexes, view().words, "a join in the middle changes nothing");
  assert.deepEqual(s.words.value, { epoch: 2, indexes: Array(12).fill(9) });
  verify.same();
  verify.seal();
  assert.deepEqual(s.people.value.map((p) => p.compared), [true, true, false]);
  assert.equal(s.seal.value, "unverified");
  take(view({ epoch: 3 }));
  verify.seal();
  assert.equal(s.seal.value, "sealed");
  verify.end();
});

const report = (...entries: Record<string, unknown>[]): RTCStatsReport => new Map(entries.map((e, i) => [String(i), e])) as unknown as RTCStatsReport;

test("levels come from decoded sound of the streams that stand for a leaf", () => {
  const r = report({ type: "inbound-rtp", kind: "audio", mid: "0", audioLevel: 0.5 }, { type: "inbound-rtp", kind: "audio", mid: "7", audioLevel: 1 }, { type: "inbound-rtp", kind: "video", mid: "1" });
  const list = levels(r, (mid) => (mid === "0" ? { leaf: 4, context: 0 } : mid === "7" ? { leaf: 4, context: 3 } : null));
  assert.deepEqual(list, [{ leaf: 4, level: 0.9 }]);
  assert.equal(fromAmplitude(0), 0);
  assert.equal(fromAmplitude(1), 1);
  assert.equal(loudness(new Float32Array(4)), 0);
});

test("the active speaker is who is clearly the loudest, and stays for a breath", () => {
  const s = new Speaker();
  let now = 0;
  const hear = (a: number, b: number) => s.take([{ leaf: 1, level: a }, { leaf: 2, level: b }], (now += 200));
  for (let i = 0; i < 5; i++) hear(0.8, 0);
  assert.equal(hear(0.8, 0), 1);
  assert.equal(hear(0.8, 0.85), 1, "hardly louder is no reason to jump");
  for (let i = 0; i < 3; i++) hear(0, 0);
  assert.equal(hear(0, 0), 1);
  for (let i = 0; i < 5; i++) hear(0, 0.8);
  assert.equal(hear(0, 0.8), 2);
  for (let i = 0; i < 20; i++) hear(0, 0);
  assert.equal(hear(0, 0), null);
});

test("the judgement names the worse way and its cause", () => {
  const g = new Gauge(), target = (mid: string) => (mid === "a" ? { leaf: 1, context: 1 } : null);
  const down = (packets: number, lost: number) => report({ type: "inbound-rtp", id: "x", mid: "a", packetsReceived: packets, packetsLost: lost });
  g.measure(null, down(100, 0), target);
  const m = g.measure(report({ type: "candidate-pair", state: "succeeded", currentRoundTripTime: 0.05 }), down(180, 20), target);
  assert.equal(m.lossDown, 0.2);
  assert.equal(m.perLeaf.get(1), 0.2);
  const q = judge(m, { lineOpen: true, upConnected: true, downConnected: true, transport: "udp" });
  assert.deepEqual([q.up, q.down, q.cause, q.rttMs], ["good", "bad", "loss", 50]);
  assert.equal(judge(m, { lineOpen: false, upConnected: true, downConnected: true, transport: "udp" }).cause, "signalling");
  assert.deepEqual([judge(m, { lineOpen: true, upConnected: false, downConnected: true, transport: "" }).up, ofLoss(0.05), ofLoss(0)], ["none", "weak", "good"]);
});

test("why a device does not open", () => {
  assert.deepEqual(["NotAllowedError", "NotFoundError", "OverconstrainedError", "NotReadableError", "TypeError", "Odd"].map((name) => problemOf({ name })), ["refused", "not-found", "not-found", "in-use", "unsupported", "failed"]);
  assert.equal(problemOf(null), "failed");
});

/** The media side with connections that do nothing: what is built, how often, and which answer belongs to what. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { OwnMedia } from "../devices.ts";
import { Media } from "../media.ts";
import { People } from "../people.ts";
import { rtcConfig } from "../relay.ts";
import type { FramePort } from "../ports.ts";
import { CallSignals } from "../state.ts";
import type { ClientMessage } from "../wire.ts";

const made: FakeConnection[] = [];
class FakeConnection {
  connectionState = "new"; iceConnectionState = "new"; iceGatheringState = "new"; signalingState = "stable";
  localDescription: { sdp: string } | null = null;
  remote: string[] = [];
  closed = false;
  transceivers: { sender: object; mid: string | null; setCodecPreferences(): void }[] = [];
  configured: RTCConfiguration[];
  stats = new Map<string, object>();
  constructor(c: RTCConfiguration) { this.configured = [c]; made.push(this); }
  setConfiguration(c: RTCConfiguration) { this.configured.push(c); }
  addTransceiver() { const t = { sender: { replaceTrack: async () => undefined }, mid: null, setCodecPreferences: () => undefined }; this.transceivers.push(t); return t; }
  getTransceivers() { return this.transceivers; }
  async createOffer() { return { sdp: "offer" }; }
  async createAnswer() { return { sdp: "answer" }; }
  async setLocalDescription(d: { sdp: string }) { this.localDescription = d; this.signalingState = d.sdp === "offer" ? "have-local-offer" : "stable"; this.transceivers.forEach((t, i) => { (t as { mid: string | null }).mid = String(i); }); }
  async setRemoteDescription(d: { sdp: string }) { this.remote.push(d.sdp); this.signalingState = "stable"; }
  async getStats() { return this.stats; }
  close() { this.closed = true; }
}
class FakeFrames implements FramePort {
  ended = false;
  die: () => void = () => undefined;
  dump: undefined;
  sealSender(): void { if (this.ended) throw new Error("given to a worker that has ended"); }
  openReceiver(): void { /* nothing arrives */ }
  retarget(): void { /* nothing arrives */ }
  onStats(): void { /* none */ }
  onDeath(cb: (e: Error) => void): void { this.die = () => { this.ended = true; cb(new Error("dead")); }; }
  terminate(): void { this.ended = true; }
}
const globals = globalThis as unknown as Record<string, unknown>;
beforeEach(() => { made.length = 0; globals.RTCPeerConnection = FakeConnection; globals.RTCRtpReceiver = { getCapabilities: () => ({ codecs: [] }) }; });
afterEach(() => { delete globals.RTCPeerConnection; delete globals.RTCRtpReceiver; });

function setup() {
  const sent: ClientMessage[] = [], workers: FakeFrames[] = [], s = new CallSignals();
  let release: () => void = () => undefined;
  const gate = { wait: Promise.resolve() as Promise<void>, hold() { this.wait = new Promise((done) => { release = done; }); } };
  const own = { tracks: { mic: null, camera: null, screen: null, "screen-sound": null } } as unknown as OwnMedia;
  const media = new Media(s, new People(s), own, async () => { const w = new FakeFrames(); workers.push(w); await gate.wait; return w as unknown as FramePort; },
    { send: (m) => { sent.push(m); return true; }, lineOpen: () => true, stuck: () => undefined, refused: () => undefined });
  return { media, sent, workers, gate, shown: () => s.quality.peek().transport, release: () => release(), count: (t: string) => sent.filter((m) => m.type === t).length };
}
const settled = () => new Promise((done) => setTimeout(done, 5));

test("asked for twice at once, one worker is started and it lives", async () => {
  const { media, workers, gate, release, count } = setup();
  gate.hold();
  const first = media.open(), second = media.open();
  release();
  await Promise.all([first, second]);
  assert.deepEqual(workers.map((w) => w.ended), [false]);
  assert.equal(count("publish"), 1);
  assert.equal(made.filter((c) => !c.closed).length, 2, "one connection up, one down");
  media.destroy();
  assert.ok(workers[0]!.ended);
});

test("closed while the worker starts: it is ended, and nothing is built", async () => {
  const { media, workers, gate, release, count } = setup();
  gate.hold();
  const opening = media.open();
  media.destroy();
  release();
  await opening;
  await settled();
  assert.deepEqual(workers.map((w) => w.ended), [true]);
  assert.equal(count("publish"), 0);
});

test("a dead worker: a new epoch is asked for, everything is built on a new worker, and asking ends with the epoch", async () => {
  const { media, workers, count } = setup();
  await media.open();
  workers[0]!.die();
  await settled();
  assert.equal(count("refresh"), 1);
  assert.deepEqual(workers.map((w) => w.ended), [true, false]);
  assert.deepEqual(made.map((c) => c.closed), [true, true, false, false]);
  assert.equal(media.frames, workers[1]);
  media.epoch();
  media.destroy();
});

test("an answer goes to the offer that it answers, not to a later connection", async () => {
  const { media } = setup();
  await media.open();
  await media.open();
  const [old, , fresh] = made;
  media.published("for the first");
  await settled();
  assert.deepEqual([old!.remote, fresh!.remote], [[], []]);
  media.published("for the second");
  await settled();
  assert.deepEqual(fresh!.remote, ["for the second"]);
  media.destroy();
});

test("offers of another connection of the server's are not taken for this one's", async () => {
  const { media, count } = setup();
  await media.open();
  const down = made[1]!;
  const offer = (session: number, version: number) => `v=0\r\no=- ${session} ${version} IN IP4 0.0.0.0\r\ns=-\r\n`;
  media.offered(offer(7, 4), []);
  await settled();
  assert.equal(count("answer"), 0, "late, of the one before");
  media.offered(offer(8, 1), []);
  media.offered(offer(8, 2), []);
  await settled();
  assert.equal(count("answer"), 2);
  assert.deepEqual(down.remote.length, 2);
  media.destroy();
});

test("of both connections, the way that is further from the straight one is shown", () => {
  const { media, shown } = setup();
  for (const [up, down, want] of [["udp", "", "udp"], ["udp", "udp", "udp"], ["udp", "tcp", "tcp"], ["relay", "tcp", "relay"], ["udp", "relay", "relay"], ["", "", ""]] as const) {
    media.link(up, "publish");
    media.link(down, "subscribe");
    assert.equal(shown(), want);
  }
});

const grant = (n: number) => ({ username: `9:a.b.${n}`, credential: `secret ${n}`, lifetimeMs: 3_600_000 });
const servers = (pc: FakeConnection) => pc.configured.map((c) => (c.iceServers ?? []).map((s) => `${String(s.urls)} ${s.username ?? ""} ${String(s.credential)}`).join());
const throughRelay = new Map<string, object>([
  ["T", { type: "transport", selectedCandidatePairId: "P" }], ["P", { type: "candidate-pair", localCandidateId: "L" }], ["L", { type: "local-candidate", candidateType: "relay" }],
]);

test("the relay is heard of after a search in vain, and from then on at once; its grant is renewed", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  globals.location = { hostname: "visio.example.org", port: "" };
  const { media, sent } = setup();
  const asked = () => sent.filter((m) => m.type === "relay").length;
  media.relay(grant(1));
  await media.open();
  media.published("answer");
  for (let i = 0; i < 5; i++) await Promise.resolve();
  const [up, down] = made as [FakeConnection, FakeConnection];
  up.iceConnectionState = "checking";
  up.iceGatheringState = "complete";
  t.mock.timers.tick(2000);
  assert.deepEqual([servers(up), servers(down)], [[""], [""]], "it has just begun to look");
  up.iceConnectionState = "connected";
  t.mock.timers.tick(2000);
  up.iceConnectionState = "disconnected";
  t.mock.timers.tick(2000);
  assert.deepEqual(servers(up), [""], "a path that is lost for a moment");
  t.mock.timers.tick(2000);
  const ours = "turn:visio.example.org:443?transport=udp,turn:visio.example.org:443?transport=tcp,turns:visio.example.org:443?transport=tcp 9:a.b.1 secret 1";
  assert.deepEqual([servers(up), servers(down)], [["", ours], ["", ours]]);
  for (let i = 0; i < 9; i++) await Promise.resolve();
  assert.equal(sent.filter((m) => m.type === "publish").length, 2, "it looks again");
  await media.open();
  for (const pc of made.slice(2)) assert.deepEqual(servers(pc), [ours]);
  assert.equal(asked(), 0);
  t.mock.timers.tick(3_600_000 * 0.75);
  assert.equal(asked(), 1);
  media.destroy();
  t.mock.timers.tick(3_600_000 * 2);
  assert.equal(asked(), 1, "after the end nothing is asked for");
  delete globals.location;
});

test("a later grant moves what goes through the relay, and nothing else", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const pause = async () => { for (let i = 0; i < 20; i++) await Promise.resolve(); };
  globals.location = { hostname: "[2001:db8::1]", port: "8443" };
  const { media, sent } = setup();
  await media.open();
  const restarted = () => ({ publish: sent.filter((m) => m.type === "publish").length - 1, subscribe: sent.filter((m) => m.type === "restartIce").length });
  media.published("answer");
  await pause();
  const [up, down] = made as [FakeConnection, FakeConnection];
  media.relay(grant(1));
  down.iceConnectionState = "checking"; // it has not begun to gather: it need not look again
  t.mock.timers.tick(4000);
  for (const pc of made) { pc.iceGatheringState = "complete"; pc.connectionState = pc.iceConnectionState = "connected"; }
  up.stats = throughRelay;
  down.stats = new Map(throughRelay).set("L", { type: "local-candidate", candidateType: "host" });
  media.relay(grant(2));
  await pause();
  assert.deepEqual(servers(up), ["", "turn:[2001:db8::1]:8443?transport=udp,turn:[2001:db8::1]:8443?transport=tcp,turns:[2001:db8::1]:8443?transport=tcp 9:a.b.1 secret 1", "turn:[2001:db8::1]:8443?transport=udp,turn:[2001:db8::1]:8443?transport=tcp,turns:[2001:db8::1]:8443?transport=tcp 9:a.b.2 secret 2"]);
  assert.deepEqual(servers(down), servers(up));
  assert.deepEqual(restarted(), { publish: 1, subscribe: 0 });
  // Firefox marks the pair itself.
  down.stats = new Map<string, object>([["P", { type: "candidate-pair", selected: true, localCandidateId: "L" }], ["L", { type: "local-candidate", candidateType: "relay" }]]);
  up.stats = new Map();
  media.published("answer");
  media.relay(grant(3));
  await pause();
  assert.deepEqual(restarted(), { publish: 1, subscribe: 1 });
  // One that searches in vain searches again with the grant.
  down.connectionState = "connecting";
  down.stats = new Map();
  media.relay(grant(4));
  await pause();
  assert.deepEqual(restarted(), { publish: 1, subscribe: 2 });
  media.destroy();
  delete globals.location;
});

test("the relay without UDP, as a network leaves it that blocks UDP", () => {
  const grant = { username: "9:a.b.1", credential: "secret", lifetimeMs: 1 }, page = { hostname: "visio.example.org", port: "" };
  assert.deepEqual(rtcConfig(grant, page, false).iceServers?.[0]?.urls, ["turn:visio.example.org:443?transport=tcp", "turns:visio.example.org:443?transport=tcp"]);
  assert.equal(rtcConfig(grant, page).iceServers?.[0]?.urls.length, 3);
  assert.deepEqual(rtcConfig(null, page, false).iceServers, []);
});

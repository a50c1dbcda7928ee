/** The media side with connections that do nothing: what is built, how often, and which answer belongs to what. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { OwnMedia } from "../devices.ts";
import { Media } from "../media.ts";
import { People } from "../people.ts";
import type { FramePort } from "../ports.ts";
import { CallSignals } from "../state.ts";
import type { ClientMessage } from "../wire.ts";

const made: FakeConnection[] = [];
class FakeConnection {
  connectionState = "new"; iceConnectionState = "new"; signalingState = "stable";
  localDescription: { sdp: string } | null = null;
  remote: string[] = [];
  closed = false;
  transceivers: { sender: object; mid: string | null; setCodecPreferences(): void }[] = [];
  constructor() { made.push(this); }
  addTransceiver() { const t = { sender: { replaceTrack: async () => undefined }, mid: null, setCodecPreferences: () => undefined }; this.transceivers.push(t); return t; }
  getTransceivers() { return this.transceivers; }
  async createOffer() { return { sdp: "offer" }; }
  async createAnswer() { return { sdp: "answer" }; }
  async setLocalDescription(d: { sdp: string }) { this.localDescription = d; this.signalingState = d.sdp === "offer" ? "have-local-offer" : "stable"; this.transceivers.forEach((t, i) => { (t as { mid: string | null }).mid = String(i); }); }
  async setRemoteDescription(d: { sdp: string }) { this.remote.push(d.sdp); this.signalingState = "stable"; }
  async getStats() { return new Map(); }
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
  return { media, sent, workers, gate, release: () => release(), count: (t: string) => sent.filter((m) => m.type === t).length };
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

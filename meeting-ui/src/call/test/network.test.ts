/** What happens when the network changes under a call: when a path is searched again, and when the line is given up with it. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { watchNetwork, type Surroundings } from "../network.ts";
import type { FramePort } from "../ports.ts";
import { Publisher } from "../publisher.ts";
import type { ClientMessage } from "../wire.ts";

class FakeConnection {
  connectionState = "new"; iceConnectionState = "new"; signalingState = "stable";
  oniceconnectionstatechange: (() => void) | null = null;
  localDescription: { sdp: string } | null = null;
  offers: boolean[] = [];
  closed = false;
  transceivers: { sender: object; mid: string | null; setCodecPreferences(): void }[] = [];
  addTransceiver() { const t = { sender: {}, mid: String(this.transceivers.length), setCodecPreferences: () => undefined }; this.transceivers.push(t); return t; }
  getTransceivers() { return this.transceivers; }
  async createOffer(o: { iceRestart: boolean }) { this.offers.push(o.iceRestart); return { sdp: "offer" }; }
  async setLocalDescription(d: { sdp: string }) { this.localDescription = d; this.signalingState = "have-local-offer"; }
  async setRemoteDescription() { this.signalingState = "stable"; }
  ice(state: string) { this.iceConnectionState = state; this.oniceconnectionstatechange?.(); }
  close() { this.closed = true; }
}
const globals = globalThis as unknown as Record<string, unknown>;
let pc: FakeConnection;
beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  globals.RTCPeerConnection = class { constructor() { return (pc = new FakeConnection()); } };
  globals.RTCRtpReceiver = { getCapabilities: () => ({ codecs: [] }) };
});
afterEach(() => { mock.timers.reset(); delete globals.RTCPeerConnection; delete globals.RTCRtpReceiver; });

const settled = async () => { for (let i = 0; i < 5; i++) await new Promise((done) => setImmediate(done)); };
async function connected() {
  const sent: ClientMessage[] = [], failed: string[] = [];
  const p = new Publisher({ sealSender: () => undefined } as unknown as FramePort, { mic: null, camera: null, screen: null, "screen-sound": null }, null, false,
    { send: (m) => { sent.push(m); return true; }, failed: (why) => failed.push(why) });
  await p.start();
  await p.answered("answer");
  pc.ice("connected");
  return { p, sent, failed };
}

test("a lost path is searched again 300 ms after the browser says so, if it has not come back", async () => {
  const { sent } = await connected();
  pc.ice("disconnected");
  mock.timers.tick(200);
  pc.ice("connected");
  mock.timers.tick(1000);
  await settled();
  assert.deepEqual(pc.offers, [false], "it came back");
  pc.ice("disconnected");
  mock.timers.tick(300);
  await settled();
  assert.deepEqual(pc.offers, [false, true]);
  assert.equal(sent.length, 2);
});

test("a restart that nobody answers gives the line up after 1.5 s: detection, new line and new connections fit into 3 s", async () => {
  const { p, failed } = await connected();
  p.networkChanged();
  await settled();
  assert.deepEqual(pc.offers, [false, true]);
  mock.timers.tick(1499);
  assert.deepEqual(failed, []);
  mock.timers.tick(1);
  assert.deepEqual(failed, ["no-answer"]);
  assert.ok(pc.closed);
});

test("a first offer has the time that it always had", async () => {
  const failed: string[] = [];
  const p = new Publisher({ sealSender: () => undefined } as unknown as FramePort, { mic: null, camera: null, screen: null, "screen-sound": null }, null, false,
    { send: () => true, failed: (why) => failed.push(why) });
  await p.start();
  mock.timers.tick(7999);
  assert.deepEqual(failed, []);
  mock.timers.tick(1);
  assert.deepEqual(failed, ["no-answer"]);
});

test("an answered restart is over; one wish for another while it is under way is kept", async () => {
  const { p, failed } = await connected();
  p.networkChanged();
  await settled();
  p.networkChanged();
  await settled();
  assert.deepEqual(pc.offers, [false, true]);
  await p.answered("answer");
  await settled();
  assert.deepEqual(pc.offers, [false, true, true]);
  await p.answered("answer");
  mock.timers.tick(10_000);
  assert.deepEqual(failed, []);
});

test("a network that keeps changing does not use up the tries", async () => {
  const { p, failed } = await connected();
  for (let i = 0; i < 10; i++) { p.networkChanged(); await settled(); await p.answered("answer"); }
  assert.deepEqual(failed, []);
  assert.equal(pc.offers.length, 11);
});

test("the network has changed when it is back, or of another kind; its estimates of speed are no change", () => {
  const w = new EventTarget(), connection = Object.assign(new EventTarget(), { type: "wifi" as string | undefined });
  let changes = 0;
  const stop = watchNetwork({ window: w, connection } as Surroundings, () => changes++);
  w.dispatchEvent(new Event("online"));
  assert.equal(changes, 1);
  connection.dispatchEvent(new Event("change"));
  assert.equal(changes, 1, "still Wi-Fi");
  connection.type = "none";
  connection.dispatchEvent(new Event("change"));
  assert.equal(changes, 1, "nothing to restart on");
  connection.type = "ethernet";
  connection.dispatchEvent(new Event("change"));
  assert.equal(changes, 2);
  stop();
  w.dispatchEvent(new Event("online"));
  connection.type = "wifi";
  connection.dispatchEvent(new Event("change"));
  assert.equal(changes, 2);
  watchNetwork({ window: w, connection: undefined }, () => changes++)();
  watchNetwork(null, () => changes++)();
});

/** Which layers a camera is sent in, by how large its picture is and by what the server asks for. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { context, type FramePort } from "../ports.ts";
import { Publisher, soundRepaired } from "../publisher.ts";

type Encoding = { rid?: string; active?: boolean; scaleResolutionDownBy?: number };
class FakeSender {
  track: unknown = null;
  constructor(readonly encodings: Encoding[]) {}
  getParameters() { return { encodings: this.encodings.map((e) => ({ ...e })) }; }
  async setParameters(p: { encodings: Encoding[] }) { p.encodings.forEach((e, i) => { this.encodings[i] = e; }); }
  async replaceTrack(t: unknown) { this.track = t; }
}
const globals = globalThis as unknown as Record<string, unknown>;
let senders: FakeSender[];
beforeEach(() => {
  senders = [];
  globals.RTCPeerConnection = class {
    addTransceiver(_: string, o: { sendEncodings: Encoding[] }) {
      const sender = new FakeSender(o.sendEncodings);
      senders.push(sender);
      return { sender, setCodecPreferences: () => undefined };
    }
    close() { /* nothing to close */ }
  };
  globals.RTCRtpReceiver = { getCapabilities: () => ({ codecs: [] }) };
});
afterEach(() => { delete globals.RTCPeerConnection; delete globals.RTCRtpReceiver; });

const track = (width: number, height: number) => ({ getSettings: () => ({ width, height }) }) as unknown as MediaStreamTrack;
const publisher = (camera: MediaStreamTrack | null) => new Publisher({ sealSender: () => undefined } as unknown as FramePort,
  { mic: null, camera, screen: null, "screen-sound": null }, null, { send: () => true, failed: assert.fail });
const sent = () => senders[1]!.encodings.filter((e) => e.active !== false).map((e) => `${e.rid!} ${e.scaleResolutionDownBy!}`).join();
const settled = () => new Promise((done) => setImmediate(done));

test("the best layer of a camera is its whole picture, however small it is", () => {
  for (const [width, height, layers] of [[1280, 720, "l 4,m 2,h 1"], [720, 1280, "l 4,m 2,h 1"], [960, 540, "l 4,m 2,h 1"], [640, 480, "l 2,m 1"], [640, 360, "l 2,m 1"], [320, 180, "l 1"]] as const) {
    senders = [];
    publisher(track(width, height)).close();
    assert.equal(sent(), layers, `${width} × ${height}`);
  }
});

test("another camera has other layers, and those that nobody receives rest all the same", async () => {
  const p = publisher(null);
  assert.equal(sent(), "l 4,m 2,h 1", "before there is a camera");
  await p.replace("camera", track(640, 480));
  await settled();
  assert.equal(sent(), "l 2,m 1");
  p.layers(context.camera, ["l", "h"]);
  await settled();
  assert.equal(sent(), "l 2");
  await p.replace("camera", track(1280, 720));
  await settled();
  assert.equal(sent(), "l 4,h 1");
  await p.replace("camera", null);
  p.layers(context.camera, ["l", "m"]);
  await settled();
  assert.equal(sent(), "l 4,m 2");
});

test("a screen rests when nobody sees it, and a microphone never", async () => {
  const p = publisher(track(1280, 720));
  for (const c of [context.screen, context.mic]) p.layers(c, []);
  await settled();
  assert.equal(senders[2]!.encodings[0]!.active, false);
  assert.notEqual(senders[0]!.encodings[0]!.active, false);
  p.layers(context.screen, ["l"]);
  await settled();
  assert.equal(senders[2]!.encodings[0]!.active, true);
});

test("sound may be asked for again, once said for each payload type of Opus", () => {
  const sdp = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n";
  const said = soundRepaired(sdp);
  assert.equal(said, sdp.replace("opus/48000/2\r\n", "opus/48000/2\r\na=rtcp-fb:111 nack\r\n"));
  assert.equal(soundRepaired(said), said);
});

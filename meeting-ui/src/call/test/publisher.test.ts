/** Which layers a camera is sent in, by how large its picture is and by what the server asks for. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { context, type FramePort } from "../ports.ts";
import { Publisher, allowedCodecs, soundRepaired } from "../publisher.ts";
import { makesVP9, takesVP9, type Encoding } from "../spatial.ts";

const codec = (mimeType: string, sdpFmtpLine?: string) => ({ mimeType, clockRate: 90000, ...(sdpFmtpLine ? { sdpFmtpLine } : {}) });
const vp8 = codec("video/VP8"), vp9 = codec("video/VP9", "profile-id=0"), vp9of12 = codec("video/VP9", "profile-id=2"), rtx = codec("video/rtx");
class FakeSender {
  track: unknown = null;
  refuses = "";
  tried: string[] = [];
  constructor(readonly encodings: Encoding[]) {}
  getParameters() { return { codecs: [vp8, vp9of12, vp9], encodings: this.encodings.map((e) => ({ ...e })) }; }
  async setParameters(p: { encodings: Encoding[] }) {
    const named = p.encodings[0]!.codec?.mimeType ?? "";
    this.tried.push(named);
    if (named && named === this.refuses) throw new Error("refused");
    p.encodings.forEach((e, i) => { this.encodings[i] = e; });
  }
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
  globals.RTCRtpReceiver = globals.RTCRtpSender = { getCapabilities: () => ({ codecs: [rtx, vp9of12, vp9, vp8, codec("video/AV1")] }) };
});
afterEach(() => { delete globals.RTCPeerConnection; delete globals.RTCRtpReceiver; delete globals.RTCRtpSender; });

const track = (width: number, height: number) => ({ getSettings: () => ({ width, height }) }) as unknown as MediaStreamTrack;
const publisher = (camera: MediaStreamTrack | null, has9 = false) => new Publisher({ sealSender: () => undefined } as unknown as FramePort,
  { mic: null, camera, screen: null, "screen-sound": null }, null, has9, { send: () => true, failed: assert.fail });
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
  p.layers(context.camera, ["l", "h"], true); // whatever the server says: this browser has no VP9
  await settled();
  assert.equal(sent(), "l 2");
  await p.replace("camera", track(1280, 720));
  await settled();
  assert.equal(sent(), "l 4,h 1");
  await p.replace("camera", null);
  p.layers(context.camera, ["l", "m"], false);
  await settled();
  assert.equal(sent(), "l 4,m 2");
  assert.ok(senders[1]!.encodings.every((e) => e.codec === undefined), "no codec is named");
});

test("a screen rests when nobody sees it, and a microphone never", async () => {
  const p = publisher(track(1280, 720));
  for (const c of [context.screen, context.mic]) p.layers(c, [], true);
  await settled();
  assert.equal(senders[2]!.encodings[0]!.active, false);
  assert.notEqual(senders[0]!.encodings[0]!.active, false);
  p.layers(context.screen, ["l"], false);
  await settled();
  assert.equal(senders[2]!.encodings[0]!.active, true);
});

test("sound may be asked for again, once said for each payload type of Opus", () => {
  const sdp = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n";
  const said = soundRepaired(sdp);
  assert.equal(said, sdp.replace("opus/48000/2\r\n", "opus/48000/2\r\na=rtcp-fb:111 nack\r\n"));
  assert.equal(soundRepaired(said), said);
});

const layers9 = () => senders[1]!.encodings.filter((e) => e.active !== false).map((e) => `${e.rid!} ${e.codec?.mimeType ?? "-"} ${e.scalabilityMode!} ${e.scaleResolutionDownBy!} ${e.maxBitrate!}`).join();
const in8 = "l video/VP8 L1T3 4 150000,m video/VP8 L1T3 2 500000,h video/VP8 L1T3 1 1700000";

test("VP9 in spatial layers while all take it: the first encoding alone, as many layers as anybody receives", async () => {
  const p = publisher(track(1280, 720), true);
  for (const [names, want] of [
    [["l", "m", "h"], "l video/VP9 L3T3 1 1950000"], [["l", "h"], "l video/VP9 L3T3 1 1950000"], [["l", "m"], "l video/VP9 L2T3 2 575000"],
    [["l"], "l video/VP9 L1T3 4 150000"], [[], ""],
  ] as const) {
    p.layers(context.camera, [...names], true);
    await settled();
    assert.equal(layers9(), want, names.join());
  }
  p.layers(context.camera, ["l", "m", "h"], false);
  await settled();
  assert.equal(layers9(), in8, "back to VP8 as it was");
  p.layers(context.camera, ["l", "h"], true);
  await p.replace("camera", track(640, 360));
  await settled();
  assert.equal(layers9(), "l video/VP9 L2T3 1 575000", "a small camera has two layers");
  await p.replace("camera", track(320, 180));
  await settled();
  assert.equal(layers9(), "l video/VP9 L1T3 1 150000", "or one");
});

test("VP9 that the browser refuses is not tried again", async () => {
  const p = publisher(track(1280, 720), true), camera = senders[1]!;
  camera.refuses = "video/VP9";
  p.layers(context.camera, ["l", "m", "h"], true);
  await settled();
  assert.equal(sent(), "l 4,m 2,h 1");
  p.layers(context.camera, ["l", "m"], true);
  await settled();
  assert.equal(sent(), "l 4,m 2");
  assert.deepEqual(camera.tried, ["video/VP9", ""]);
  // Refused in the middle of it: VP8 takes its place.
  const q = publisher(track(1280, 720), true), other = senders[5]!;
  q.layers(context.camera, ["l", "m", "h"], true);
  await settled();
  other.refuses = "video/VP9";
  q.layers(context.camera, ["l"], true);
  await settled();
  assert.deepEqual(other.encodings.filter((e) => e.active !== false).map((e) => [e.rid, e.codec?.mimeType]), [["l", "video/VP8"]]);
});

test("codecs of a section: VP8 first, VP9 of 8 bits where it is asked for, and no other", () => {
  assert.deepEqual(allowedCodecs("video"), [vp8, rtx]);
  assert.deepEqual(allowedCodecs("video", true), [vp8, vp9, rtx]);
});

test("who takes VP9 is asked of the browser", () => {
  const says = (encoding: Encoding | undefined) => {
    let closed = 0;
    globals.RTCPeerConnection = class {
      addTransceiver(_: string, o: { sendEncodings: Encoding[] }) {
        assert.deepEqual(o.sendEncodings, [{ codec: vp9, scalabilityMode: "L3T3" }]);
        return { sender: { getParameters: () => ({ encodings: encoding ? [encoding] : [] }) } };
      }
      close() { closed++; }
    };
    const takes = takesVP9();
    assert.equal(closed, 1);
    return takes;
  };
  assert.equal(says({ codec: vp9, scalabilityMode: "L3T3" }), true);
  const makes = (hardwareConcurrency: number, mobile?: boolean) => makesVP9(mobile === undefined ? { hardwareConcurrency } : { hardwareConcurrency, userAgentData: { mobile } });
  globals.RTCPeerConnection = class {
    addTransceiver() { return { sender: { getParameters: () => ({ encodings: [{ codec: vp9, scalabilityMode: "L3T3" }] }) } }; }
    close() { /* nothing is open */ }
  };
  assert.deepEqual([makes(4), makes(8, false), makes(2, false), makes(8, true)], [true, true, false, false], "who makes it: with four processors, and not a phone");
  assert.equal(says({ codec: vp9 }), false, "Firefox knows no mode");
  assert.equal(says({ codec: vp9, scalabilityMode: "L1T1" }), false);
  assert.equal(says({ scalabilityMode: "L3T3" }), false, "codecs can't be chosen");
  assert.equal(says(undefined), false);
  globals.RTCPeerConnection = class { constructor() { throw new Error("no"); } };
  assert.equal(takesVP9(), false);
  globals.RTCRtpReceiver = { getCapabilities: () => ({ codecs: [vp8, rtx] }) };
  assert.equal(takesVP9(), false);
});

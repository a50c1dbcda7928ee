/**
 * The sending connection. Its four streams (microphone, camera, screen, screen sound) are laid out once, each with its
 * sealing transform set before the first offer; afterwards only `replaceTrack` changes what they carry. There is no way
 * in here to send a stream without its transform, and `sender.transform` is never touched again: setting it to null makes
 * Firefox send plain media (sealed-calls.md "Frames").
 */
import { context, type FramePort } from "./ports.ts";
import type { Tracks } from "./devices.ts";
import { camera, cameraRates, cameraSizes, screenRate, screenSoundRate, soundRate } from "./rates.ts";
import { regrant, rtcConfig, type RelayGrant } from "./relay.ts";
import { spatial, vp8Of, vp9Of, type Encoding } from "./spatial.ts";
import type { StreamKind } from "./state.ts";
import type { ClientMessage, MediaKind } from "./wire.ts";

/**
 * VP8 in three sizes, each in three temporal layers where the browser makes them: what a receiver gets is the server's
 * choice by the tile's height and the receiver's line. While all take VP9, the first of the encodings sends spatial layers of it.
 */
const cameraLayers: Encoding[] = [
  { rid: "l", maxBitrate: cameraRates.l, scalabilityMode: "L1T3" },
  { rid: "m", maxBitrate: cameraRates.m, scalabilityMode: "L1T3" },
  { rid: "h", maxBitrate: cameraRates.h, scalabilityMode: "L1T3" },
];
const screenLayer: RTCRtpEncodingParameters[] = [{ maxBitrate: screenRate }];
const layout: { stream: StreamKind; kind: MediaKind; context: number; encodings: RTCRtpEncodingParameters[] }[] = [
  { stream: "mic", kind: "audio", context: context.mic, encodings: [{ maxBitrate: soundRate }] },
  { stream: "camera", kind: "video", context: context.camera, encodings: cameraLayers },
  { stream: "screen", kind: "video", context: context.screen, encodings: screenLayer },
  { stream: "screen-sound", kind: "audio", context: context.screenSound, encodings: [{ maxBitrate: screenSoundRate }] },
];

const rids = cameraLayers.map((e) => e.rid ?? "");

/** What a camera's picture is divided by in each of the layers that are made of it. */
function sizesOf(track: MediaStreamTrack | null): Partial<Record<string, number>> {
  const { width = camera.width, height = camera.height } = track?.getSettings() ?? {};
  return cameraSizes(width, height);
}

/**
 * VP8 with its retransmission, after it VP9 where that is asked for, and Opus alone: no RED, no comfort noise, nothing whose packets
 * look into the payload.
 */
export function allowedCodecs(kind: MediaKind, vp9 = false): RTCRtpCodec[] {
  const every = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [], one = vp9Of(every);
  const all = every.filter((c) => c.mimeType.toLowerCase() !== "video/vp9" || c === one);
  const names = kind === "audio" ? ["audio/opus"] : vp9 ? ["video/vp8", "video/vp9", "video/rtx"] : ["video/vp8", "video/rtx"];
  return all.filter((c) => names.includes(c.mimeType.toLowerCase())).sort((a, b) => names.indexOf(a.mimeType.toLowerCase()) - names.indexOf(b.mimeType.toLowerCase()));
}

/**
 * An offer in which lost packets of sound may be asked for again (RFC 4585 §4.2): Chromium sends them again if its description says
 * so, but never says so by itself. What another browser makes of the line is in its own description, which is the one that is sent.
 */
export function soundRepaired(sdp: string): string {
  return sdp.replace(/^a=rtpmap:(\d+) opus\/48000\/2\r\n/gim, (line, pt: string) => (new RegExp(`^a=rtcp-fb:${pt} nack\\r$`, "m").test(sdp) ? line : `${line}a=rtcp-fb:${pt} nack\r\n`));
}

/** An answer that asks for sound at a constant rate (RFC 7587 §6.1): this client's own wish, whatever the server's answer says. */
export function constantRate(sdp: string): string {
  const opus = [...sdp.matchAll(/^a=rtpmap:(\d+) opus\/48000\/2\r$/gim)].map((m) => m[1]);
  return sdp.replace(/^a=fmtp:(\d+) ([^\r]*)\r$/gm, (line, pt: string, said: string) => (!opus.includes(pt) || /(^|;)cbr=1/.test(said) ? line : `a=fmtp:${pt} ${said};cbr=1\r`));
}

export interface PublisherEvents {
  send(m: ClientMessage): boolean;
  /** The connection can't be saved by an ICE restart: build everything anew. */
  failed(why: string): void;
}

/** How long an offer may go unanswered, and how often a lost path is searched again before giving up. */
const answerLimit = 8000;
/**
 * When the network changes under a call, the line to the server is often dead as well, and no browser says so: a restart that is
 * not answered by then makes a new line and new connections. With what goes before and after, that is under 3 s.
 */
const restartAnswerLimit = 1500;
/**
 * After "disconnected". Browsers say it when nothing has come for seconds, or at once when the interface has gone; a restart costs
 * little, and the old path goes on until there is a better one.
 */
export const lostLimit = 300;
export const restarts = 4;

export class Publisher {
  private readonly pc: RTCPeerConnection;
  private readonly senders = new Map<StreamKind, RTCRtpSender>();
  private cameraSizes: Partial<Record<string, number>>;
  private cameraWanted = rids;
  /** All who receive take VP9, the server says, and this browser makes it. */
  private all9 = false;
  private answerTimer: ReturnType<typeof setTimeout> | null = null;
  private lostTimer: ReturnType<typeof setTimeout> | null = null;
  private restartsLeft = restarts;
  private closed = false;
  private again = false;
  /** Parameters are read and written one change at a time. */
  private parameters: Promise<unknown> = Promise.resolve();

  constructor(frames: FramePort, tracks: Tracks, grant: RelayGrant | null, private vp9: boolean, private readonly events: PublisherEvents, private readonly constant = false) {
    this.pc = new RTCPeerConnection(rtcConfig(grant));
    this.cameraSizes = sizesOf(tracks.camera);
    for (const l of layout) {
      const t = this.pc.addTransceiver(l.kind, { direction: "sendonly", sendEncodings: l.encodings.map((e) => ({ ...e, ...(l.stream === "camera" ? this.cameraLayer(e) : {}) })) });
      t.setCodecPreferences(allowedCodecs(l.kind, vp9 && l.stream === "camera"));
      frames.sealSender(t.sender, l.context);
      this.senders.set(l.stream, t.sender);
      const track = tracks[l.stream];
      if (track) void t.sender.replaceTrack(track).catch(() => this.fail("replace-track"));
    }
    this.pc.oniceconnectionstatechange = () => this.watch();
    this.pc.onconnectionstatechange = () => { if (this.pc.connectionState === "failed") this.restart(); };
  }

  get connection(): RTCPeerConnection { return this.pc; }

  async start(): Promise<void> { await this.negotiate(false); }

  async replace(stream: StreamKind, track: MediaStreamTrack | null): Promise<void> {
    if (this.closed) return;
    if (stream === "camera" && track) { this.cameraSizes = sizesOf(track); this.setCamera(); }
    try { await this.senders.get(stream)?.replaceTrack(track); } catch { this.fail("replace-track"); }
  }

  /**
   * Sends these layers of a stream and rests the others; in spatial layers of VP9 if all take it, and this browser makes them. What a stream carries is `replaceTrack`'s alone: resting and waking
   * its layers neither mutes nor unmutes, whatever a server says.
   */
  layers(streamContext: number, names: string[], all9: boolean): void {
    if (streamContext === context.camera) { this.cameraWanted = names; this.all9 = all9 && this.vp9; this.setCamera(); }
    else if (streamContext === context.screen) this.set("screen", (e) => { e.active = names.includes(e.rid ?? "l"); });
  }

  private setCamera(): void {
    this.set("camera", (e, { codecs }) => {
      const vp9 = this.all9 ? vp9Of(codecs) : undefined;
      if (vp9) Object.assign(e, e.rid === rids[0] ? spatial(this.cameraSizes, this.cameraWanted) : { active: false }, { codec: vp9 });
      else Object.assign(e, e.codec ? { ...cameraLayers.find((l) => l.rid === e.rid), codec: vp8Of(codecs) } : {}, this.cameraLayer(e));
    }, () => {
      // VP9 that was refused is not tried again: VP8 in three sizes is what every browser has.
      if (!this.all9) return;
      this.all9 = this.vp9 = false;
      this.setCamera();
    });
  }

  /** Whether a layer of the camera is sent, and how large. */
  private cameraLayer({ rid = "" }: RTCRtpEncodingParameters): { active: boolean; scaleResolutionDownBy: number } {
    const size = this.cameraSizes[rid];
    return { active: size !== undefined && this.cameraWanted.includes(rid), scaleResolutionDownBy: size ?? 1 };
  }

  private set(stream: "camera" | "screen", change: (e: Encoding, p: RTCRtpSendParameters) => void, refused?: () => void): void {
    const sender = this.senders.get(stream);
    this.parameters = this.parameters.then(async () => {
      if (this.closed || !sender) return;
      const p = sender.getParameters(), was = JSON.stringify(p.encodings);
      for (const e of p.encodings) change(e, p);
      if (JSON.stringify(p.encodings) !== was) await sender.setParameters(p);
    }).catch(() => refused?.()); // the browser keeps what it had: more is sent than need be
  }

  async answered(answer: string): Promise<void> {
    if (this.closed || this.pc.signalingState !== "have-local-offer") return;
    this.stopAnswerTimer();
    try {
      await this.pc.setRemoteDescription({ type: "answer", sdp: this.constant ? constantRate(answer) : answer });
    } catch (e) { this.fail(`answer: ${(e as Error).message}`); return; }
    if (this.again) { this.again = false; await this.negotiate(true); }
  }

  /** The network changed: what failed on the one before says nothing of this one. */
  networkChanged(): void { this.restartsLeft = restarts; this.restart(); }

  /** Looks for a path again: the network changed, or packets stopped. */
  restart(): void {
    if (this.closed) return;
    if (this.lostTimer !== null) { clearTimeout(this.lostTimer); this.lostTimer = null; }
    if (this.pc.signalingState === "have-local-offer") { this.again = true; return; }
    if (this.restartsLeft-- <= 0) { this.fail("ice"); return; }
    void this.negotiate(true);
  }

  async relay(grant: RelayGrant): Promise<void> {
    if (!this.closed && await regrant(this.pc, grant)) this.restart();
  }

  close(): void {
    this.closed = true;
    this.stopAnswerTimer();
    if (this.lostTimer !== null) clearTimeout(this.lostTimer);
    this.pc.onconnectionstatechange = this.pc.oniceconnectionstatechange = null;
    this.pc.close();
  }

  private async negotiate(iceRestart: boolean): Promise<void> {
    try {
      const offer = await this.pc.createOffer({ iceRestart });
      if (this.closed) return;
      // A browser that takes no change of its description has its own back.
      await this.pc.setLocalDescription({ type: "offer", sdp: soundRepaired(offer.sdp ?? "") }).catch(() => this.pc.setLocalDescription(offer));
    } catch (e) { this.fail(`offer: ${(e as Error).message}`); return; }
    if (this.closed) return;
    const sdp = this.pc.localDescription?.sdp ?? "";
    const streams = layout.map((l) => ({ mid: this.midOf(l.stream), kind: l.kind, context: l.context }));
    this.stopAnswerTimer();
    this.answerTimer = setTimeout(() => this.fail("no-answer"), iceRestart ? restartAnswerLimit : answerLimit);
    this.events.send({ type: "publish", offer: sdp, streams });
  }

  private midOf(stream: StreamKind): string {
    const sender = this.senders.get(stream);
    const mid = this.pc.getTransceivers().find((t) => t.sender === sender)?.mid;
    if (!mid) throw new Error(`publisher: stream ${stream} has no mid after the offer`);
    return mid;
  }

  private watch(): void {
    if (this.lostTimer !== null) { clearTimeout(this.lostTimer); this.lostTimer = null; }
    switch (this.pc.iceConnectionState) {
      case "connected": case "completed": this.restartsLeft = restarts; break;
      case "disconnected": this.lostTimer = setTimeout(() => this.restart(), lostLimit); break;
      case "failed": this.restart(); break;
    }
  }

  private stopAnswerTimer(): void { if (this.answerTimer !== null) clearTimeout(this.answerTimer); this.answerTimer = null; }
  private fail(why: string): void { if (this.closed) return; this.close(); this.events.failed(why); }
}

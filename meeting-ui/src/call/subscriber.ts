/**
 * The receiving connection. The server offers m-lines, one per (leaf, context); each receiver gets its opening transform
 * synchronously in `ontrack`, told which (leaf, context) it may open, and drops every other KID. An m-line that the server
 * gives to another stream is retargeted before the offer is applied, and its picture is not handed on until a frame of
 * the new leaf has opened.
 */
import type { FramePort, FrameStats } from "./ports.ts";
import { lostLimit, restarts } from "./publisher.ts";
import { Queue } from "./queue.ts";
import { regrant, rtcConfig, type RelayGrant } from "./relay.ts";
import type { ClientMessage, MediaKind, TrackDecl } from "./wire.ts";

interface Line { mid: string; leaf: number; context: number; kind: MediaKind; receiver: RTCRtpReceiver | null; stream: MediaStream | null; waitsForFrame: boolean; active: boolean }

export interface SubscriberEvents {
  send(m: ClientMessage): boolean;
  /** The set of streams changed; read `stream()`. */
  changed(): void;
  failed(why: string): void;
}

export class Subscriber {
  private readonly pc: RTCPeerConnection;
  private readonly lines = new Map<string, Line>();
  private readonly queue = new Queue();
  private lostTimer: ReturnType<typeof setTimeout> | null = null;
  private restartsLeft = restarts;
  private closed = false;

  constructor(private readonly frames: FramePort, grant: RelayGrant | null, private readonly vp9: boolean, private readonly events: SubscriberEvents) {
    this.pc = new RTCPeerConnection(rtcConfig(grant));
    this.pc.ontrack = (e) => {
      const mid = e.transceiver.mid ?? "", line = this.lines.get(mid);
      const expect = line ?? { leaf: 0xffff, context: 255 };
      if (line?.receiver === e.receiver) { /* its transform stands since the first time; retargeted in `take` */ }
      else {
        // Also for an undeclared m-line: it gets a target that nobody is, so that nothing can come through.
        this.frames.openReceiver(e.receiver, { leaf: expect.leaf, context: expect.context });
        if (line) { line.receiver = e.receiver; line.stream = new MediaStream([e.track]); }
      }
      if (line && "playoutDelayHint" in e.receiver && line.kind === "video") (e.receiver as { playoutDelayHint?: number }).playoutDelayHint = 0;
    };
    this.pc.oniceconnectionstatechange = () => this.watch();
    this.pc.onconnectionstatechange = () => { if (this.pc.connectionState === "failed") this.restart(); };
  }

  get connection(): RTCPeerConnection { return this.pc; }
  start(): void { this.events.send({ type: "subscribe", vp9: this.vp9 }); }

  /** The server's own number of the connection that it offers, from the SDP's origin line. */
  private origin = "";

  offered(offer: string, tracks: TrackDecl[]): Promise<void> {
    return this.queue.run(() => this.take(offer, tracks)).then(() => undefined);
  }

  /** What there is to show or hear of a leaf. */
  stream(leaf: number, context: number): MediaStream | null {
    for (const l of this.lines.values()) if (l.active && l.leaf === leaf && l.context === context && !l.waitsForFrame) return l.stream;
    return null;
  }

  /** (leaf, context) of an m-line, for statistics. */
  target(mid: string): { leaf: number; context: number } | null {
    const l = this.lines.get(mid);
    return l?.active ? { leaf: l.leaf, context: l.context } : null;
  }

  /** All receivers of sound with the leaf they stand for. */
  opened(stats: FrameStats): void {
    let changed = false;
    for (const l of this.lines.values()) {
      if (!l.waitsForFrame) continue;
      if (stats.receivers.some((r) => r.leaf === l.leaf && r.context === l.context && r.opened > 0)) { l.waitsForFrame = false; changed = true; }
    }
    if (changed) this.events.changed();
  }

  /** As the publisher's. */
  networkChanged(): void { this.restartsLeft = restarts; this.restart(); }

  restart(): void {
    if (this.closed) return;
    if (this.lostTimer !== null) { clearTimeout(this.lostTimer); this.lostTimer = null; }
    if (this.restartsLeft-- <= 0) { this.fail("ice"); return; }
    this.events.send({ type: "restartIce" });
  }

  async relay(grant: RelayGrant): Promise<void> {
    if (!this.closed && await regrant(this.pc, grant)) this.restart();
  }

  close(): void {
    this.closed = true;
    this.queue.clear();
    if (this.lostTimer !== null) clearTimeout(this.lostTimer);
    this.pc.ontrack = this.pc.onconnectionstatechange = this.pc.oniceconnectionstatechange = null;
    this.pc.close();
    this.lines.clear();
  }

  private async take(offer: string, tracks: TrackDecl[]): Promise<void> {
    if (this.closed) return;
    const [, origin = "", version = ""] = /^o=\S+ (\d+) (\d+) /m.exec(offer) ?? [];
    if (this.origin === "") {
      // Not the beginning: an offer of the connection before this one that was still on its way.
      if (version !== "1") return;
      this.origin = origin;
    } else if (origin !== this.origin) { this.fail("offer of another connection"); return; }
    const declared = new Map(tracks.map((t) => [t.mid, t]));
    for (const [mid, line] of this.lines) if (!declared.has(mid)) line.active = false;
    for (const t of tracks) {
      const line = this.lines.get(t.mid);
      if (!line) { this.lines.set(t.mid, { ...t, receiver: null, stream: null, waitsForFrame: false, active: true }); continue; }
      line.active = true;
      if (line.leaf === t.leaf && line.context === t.context) continue;
      line.leaf = t.leaf;
      line.context = t.context;
      line.waitsForFrame = line.receiver !== null;
      if (line.receiver) {
        this.frames.retarget(line.receiver, { leaf: t.leaf, context: t.context });
        // A new stream object, so that an element drops the last picture of the one before.
        line.stream = new MediaStream([line.receiver.track]);
      }
    }
    try {
      await this.pc.setRemoteDescription({ type: "offer", sdp: offer });
      if (this.closed) return;
      await this.pc.setLocalDescription(await this.pc.createAnswer());
    } catch (e) { this.fail(`offer: ${(e as Error).message}`); return; }
    if (this.closed) return;
    this.events.send({ type: "answer", answer: this.pc.localDescription?.sdp ?? "" });
    this.events.changed();
  }

  private watch(): void {
    if (this.lostTimer !== null) { clearTimeout(this.lostTimer); this.lostTimer = null; }
    switch (this.pc.iceConnectionState) {
      case "connected": case "completed": this.restartsLeft = restarts; break;
      case "disconnected": this.lostTimer = setTimeout(() => this.restart(), lostLimit); break;
      case "failed": this.restart(); break;
    }
  }

  private fail(why: string): void { if (this.closed) return; this.close(); this.events.failed(why); }
}

/**
 * The media side of one stay in the call: the sending and the receiving connection, tied to a frame worker. Both are built
 * anew when this device's leaf or its line to the server changes, when they can't be saved, and when the frame worker
 * dies; then the device first asks for a commit of its own, since only a new epoch may seal again (sealed-calls.md "A
 * nonce never repeats").
 */
import { Gauge, judge, levels, Speaker } from "./gauge.ts";
import type { OwnMedia, Tracks } from "./devices.ts";
import type { People } from "./people.ts";
import { context, type FramePort, type FrameStats } from "./ports.ts";
import { Publisher } from "./publisher.ts";
import type { RelayGrant } from "./relay.ts";
import type { CallSignals, StreamKind, Tile } from "./state.ts";
import { makesVP9, takesVP9 } from "./spatial.ts";
import { Subscriber } from "./subscriber.ts";
import type { ClientMessage, TrackDecl, Transport, Want } from "./wire.ts";

export interface MediaEvents {
  send(m: ClientMessage): boolean;
  lineOpen(): boolean;
  /** The server does not answer on a line that looks open. */
  stuck(): void;
  refused(): void;
}

const levelEvery = 200, qualityEvery = 2000, wantsAfter = 80, firstRebuild = 400, longestRebuild = 8000, refusedFor = 5000, refreshEvery = 5000;
/** The part of its life after which a grant is renewed: what goes through the relay moves to a new one in time. */
const grantUsed = 0.75;
/** ICE over UDP and over TCP has had two to four seconds by then; where it works it takes less than one. */
const pathlessLooks = 2;
/** Before the page says what it shows: enough for a small call. */
const defaultHeight = { camera: 360, screen: 1080 };

export class Media {
  publisher: Publisher | null = null;
  subscriber: Subscriber | null = null;
  private port: FramePort | null = null;
  private opening: Promise<FramePort | null> | null = null;
  /** The next frame worker takes a dead one's place. */
  private successor = false;
  /** Grows at the end: what was begun before does not count after. */
  private life = 0;
  private epochTimer: ReturnType<typeof setTimeout> | null = null;
  /** The server answers offers in their order and without a number: an answer belongs to the offer of the same count. */
  private offers = 0;
  private answers = 0;
  private offerOfPublisher = 0;
  private wantOpen = false;
  private generation = 0;
  private tiles: Tile[] | null = null;
  private lastWants = "";
  private wantsTimer: ReturnType<typeof setTimeout> | null = null;
  private rebuildTimer: ReturnType<typeof setTimeout> | null = null;
  private rebuilds = 0;
  private builtAt = 0;
  private timers: ReturnType<typeof setInterval>[] = [];
  private gauge = new Gauge();
  private speaker = new Speaker();
  private transport: Record<"publish" | "subscribe", Transport> = { publish: "", subscribe: "" };
  /** Whether this browser makes and takes spatial layers of VP9; null before that was asked for. */
  private vp9: { makes: boolean; takes: boolean } | null = null;
  private grant: RelayGrant | null = null;
  private grantTimer: ReturnType<typeof setTimeout> | null = null;
  /** Looks in a row that found a connection without a path, and whether that has led to the relay. */
  private pathless = 0;
  private byRelay = false;
  private refusedTotal = 0;
  private refusedTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly s: CallSignals, private readonly people: People, private readonly own: OwnMedia,
    private readonly makeFrames: () => Promise<FramePort>, private readonly events: MediaEvents) {}

  get frames(): FramePort | null { return this.port; }

  /** Builds both connections; those that stood before are closed. */
  async open(): Promise<void> {
    this.wantOpen = true;
    const g = ++this.generation;
    this.tear();
    const frames = await this.worker();
    if (g !== this.generation || !this.wantOpen || !frames) return;
    this.builtAt = Date.now();
    const failed = (why: string) => { if (g === this.generation) this.rebuild(why); };
    this.vp9 ??= { makes: makesVP9(), takes: takesVP9() };
    this.publisher = new Publisher(frames, this.tracks(), this.byRelay ? this.grant : null, this.vp9.makes, {
      failed,
      send: (m) => {
        if (!this.events.send(m)) return false;
        if (m.type === "publish") this.offerOfPublisher = ++this.offers;
        return true;
      },
    }, this.s.profile.peek()?.conditions.includes("padded"));
    this.subscriber = new Subscriber(frames, this.byRelay ? this.grant : null, this.vp9.takes, { send: this.events.send, failed, changed: () => { this.people.draw(); this.wish(); } });
    this.people.setStreams(this.subscriber);
    this.timers.push(setInterval(() => void this.listen(), levelEvery), setInterval(() => void this.look(), qualityEvery));
    await this.publisher.start();
    if (g !== this.generation) return;
    this.subscriber.start();
    this.lastWants = "";
    this.wish();
  }

  /** Ends the connections; the frame worker stays, since it owns the counters. */
  close(): void {
    this.wantOpen = false;
    this.generation++;
    this.rebuilds = 0;
    this.tear();
  }

  /** The end: the frame worker goes too. */
  destroy(): void {
    this.close();
    this.epoch();
    if (this.grantTimer !== null) clearTimeout(this.grantTimer);
    this.life++;
    this.port?.terminate();
    this.port = null;
    this.opening = null;
  }

  published(answer: string): void {
    // An answer to the offer of a connection that is closed by now is not for its successor.
    if (++this.answers === this.offerOfPublisher) void this.publisher?.answered(answer);
  }
  offered(offer: string, tracks: TrackDecl[]): void { void this.subscriber?.offered(offer, tracks); }
  requestFailed(request: string): void {
    if (request === "publish") this.answers++;
    if (this.wantOpen && ["publish", "subscribe", "answer", "restartIce"].includes(request)) this.rebuild(request);
  }
  replaced(kind: StreamKind): void { void this.publisher?.replace(kind, this.tracks()[kind]); }

  /** What may leave: sound alone while the profile holds pictures back. A screen's sound belongs to its picture. */
  private tracks(): Tracks { return this.s.heldBack.peek() ? { mic: this.own.tracks.mic, camera: null, screen: null, "screen-sound": null } : this.own.tracks; }
  /** The network changed under us. */
  restart(): void { this.publisher?.networkChanged(); this.subscriber?.networkChanged(); }

  /** What opens the relay. Before it ends, the next is asked for; after a time without a line it comes unasked. */
  relay(grant: RelayGrant): void {
    this.grant = grant;
    if (this.grantTimer !== null) clearTimeout(this.grantTimer);
    this.grantTimer = setTimeout(() => { this.events.send({ type: "relay" }); }, grant.lifetimeMs * grantUsed);
    if (this.byRelay) this.regrant(grant);
  }

  /**
   * A browser allocates at every relay that it knows, needed or not: over UDP, and a connection each with TCP and TLS, for as long as the
   * call. And of a socket that it shares between TURN over UDP and its own checks, Chromium gives what comes from the relay's
   * address to TURN first (AllocationSequence::OnReadPacket in libwebrtc), where media that came straight from there would be lost.
   * So it hears of ours only when it has looked for a path in vain, and from then on at once.
   */
  private seekRelay(): void {
    const searches = (pc: RTCPeerConnection | undefined) => pc !== undefined && ["checking", "disconnected", "failed"].includes(pc.iceConnectionState);
    this.pathless = searches(this.publisher?.connection) || searches(this.subscriber?.connection) ? this.pathless + 1 : 0;
    if (this.byRelay || this.pathless < pathlessLooks || !this.grant) return;
    this.byRelay = true;
    this.regrant(this.grant);
  }

  private regrant(grant: RelayGrant): void {
    void this.publisher?.relay(grant).catch(() => undefined);
    void this.subscriber?.relay(grant).catch(() => undefined);
  }

  link(transport: Transport, direction: "publish" | "subscribe"): void {
    this.transport[direction] = transport;
    const both = [this.transport.publish, this.transport.subscribe];
    // Of two, the one that is further from the straight way.
    this.s.quality.value = { ...this.s.quality.peek(), transport: (["relay", "tcp", "udp"] as const).find((t) => both.includes(t)) ?? "" };
  }

  /** Layers that nobody receives cost the encoder and the uplink for nothing. */
  layers(streams: { context: number; layers: string[]; vp9: boolean }[]): void { for (const s of streams) this.publisher?.layers(s.context, s.layers, s.vp9); }

  /** The gate's count of own frames that it refused; shown while it grows. */
  refused(counts: Record<string, number>): void {
    const total = Object.values(counts).reduce((a, b) => a + b, 0);
    if (total <= this.refusedTotal) { this.refusedTotal = total; return; }
    this.refusedTotal = total;
    if (!this.s.mediaRefused.peek()) this.events.refused();
    this.s.mediaRefused.value = counts;
    if (this.refusedTimer !== null) clearTimeout(this.refusedTimer);
    this.refusedTimer = setTimeout(() => { this.s.mediaRefused.value = null; }, refusedFor);
  }

  setTiles(tiles: Tile[]): void { this.tiles = tiles; this.wish(); }

  /** Says which streams are shown, and how high; soon, and only when it changed. */
  wish(): void {
    if (this.wantsTimer !== null) return;
    this.wantsTimer = setTimeout(() => {
      this.wantsTimer = null;
      if (!this.subscriber) return;
      const wants = this.wants(), text = JSON.stringify(wants);
      if (text !== this.lastWants && this.events.send({ type: "wants", wants })) this.lastWants = text;
    }, wantsAfter);
  }

  private wants(): Want[] {
    return this.s.people.peek().filter((p) => !p.me).sort((a, b) => a.leaf - b.leaf).flatMap((p) => (["camera", "screen"] as const).map((kind): Want => {
      const shown = this.tiles?.filter((t) => t.leaf === p.leaf && t.kind === kind).map((t) => t.height) ?? [defaultHeight[kind]];
      return { leaf: p.leaf, context: context[kind], height: Math.max(0, ...shown.map((h) => Math.round(h))) };
    }));
  }

  /** The frame worker, started once however many ask for it at the same time. */
  private worker(): Promise<FramePort | null> {
    if (this.port) return Promise.resolve(this.port);
    this.opening ??= this.startWorker();
    return this.opening;
  }

  private async startWorker(): Promise<FramePort | null> {
    const life = this.life;
    let port: FramePort | null;
    try { port = await this.makeFrames(); } catch { port = null; }
    if (life !== this.life) { port?.terminate(); return null; }
    this.opening = null;
    this.port = port;
    if (!port) { if (this.wantOpen) this.rebuild("frames"); return null; }
    port.onStats((stats) => { if (this.port === port) this.counted(stats); });
    port.onDeath(() => { if (this.port === port) this.died(); });
    // It opens at once, but seals only from an epoch that comes after it was given the keys: one that came while there
    // was no worker counts as the dead one's.
    if (this.successor) { this.successor = false; this.askForEpoch(); }
    return port;
  }

  private died(): void {
    this.port = null;
    this.successor = true;
    if (this.wantOpen) void this.open();
  }

  /** Asks until there is a new epoch: the line may be down just now, or the request lost. */
  private askForEpoch(): void {
    if (this.epochTimer !== null) clearTimeout(this.epochTimer);
    if (this.wantOpen) this.events.send({ type: "refresh" });
    this.epochTimer = setTimeout(() => this.askForEpoch(), refreshEvery);
  }

  /** The group went on. */
  epoch(): void {
    if (this.epochTimer !== null) { clearTimeout(this.epochTimer); this.epochTimer = null; }
  }

  /** This device has another place at the server: what was asked of the old one gets no answer any more. */
  newPeer(): void { this.offers = this.answers = 0; }

  /** The worker's last word, for the test hook. */
  stats: FrameStats | null = null;
  private counted(stats: FrameStats): void {
    if (__TESTHOOK__) this.stats = stats;
    this.people.counted(stats, Date.now());
    this.subscriber?.opened(stats);
  }

  private rebuild(why: string): void {
    if (why === "ice") this.byRelay = true;
    if (!this.wantOpen || this.rebuildTimer !== null) return;
    if (why === "no-answer") this.events.stuck();
    if (Date.now() - this.builtAt > 30_000) this.rebuilds = 0;
    this.rebuildTimer = setTimeout(() => {
      this.rebuildTimer = null;
      // Without a line there is nobody to offer to; the call opens media again when it is back.
      if (this.wantOpen && this.events.lineOpen()) void this.open();
    }, Math.min(longestRebuild, firstRebuild * 2 ** this.rebuilds++));
  }

  private tear(): void {
    if (this.rebuildTimer !== null) { clearTimeout(this.rebuildTimer); this.rebuildTimer = null; }
    for (const t of this.timers) clearInterval(t);
    this.timers = [];
    this.publisher?.close();
    this.subscriber?.close();
    this.publisher = null;
    this.subscriber = null;
    this.people.setStreams(null);
    this.gauge = new Gauge();
    this.transport = { publish: "", subscribe: "" };
    this.s.speaker.value = null;
  }

  private async listen(): Promise<void> {
    const sub = this.subscriber;
    if (!sub) return;
    const report = await sub.connection.getStats().catch(() => null);
    if (!report || sub !== this.subscriber) return;
    const list = levels(report, (mid) => sub.target(mid));
    for (const { leaf, level } of list) this.people.level(leaf, level);
    const me = this.s.people.peek().find((p) => p.me);
    if (me && this.s.mic.peek().on) list.push({ leaf: me.leaf, level: this.s.micLevel.peek() });
    const speaker = this.speaker.take(list, Date.now());
    if (speaker !== this.s.speaker.peek()) this.s.speaker.value = speaker;
  }

  private async look(): Promise<void> {
    const pub = this.publisher, sub = this.subscriber;
    if (!pub || !sub) return;
    this.seekRelay();
    const [up, down] = await Promise.all([pub.connection.getStats().catch(() => null), sub.connection.getStats().catch(() => null)]);
    if (pub !== this.publisher || sub !== this.subscriber) return;
    const m = this.gauge.measure(up, down, (mid) => sub.target(mid));
    const standing = (pc: RTCPeerConnection) => pc.connectionState === "connected";
    const others = this.s.people.peek().some((p) => !p.me);
    this.s.quality.value = judge(m, { lineOpen: this.events.lineOpen(), upConnected: standing(pub.connection), downConnected: standing(sub.connection) || !others, transport: this.s.quality.peek().transport });
    // When one person's streams lose packets and the others' don't, it is their link; when all do, it is ours.
    let changed = false;
    for (const [leaf, loss] of m.perLeaf) changed = this.people.setQuality(leaf, loss > 2 * m.lossDown || m.perLeaf.size === 1 ? (loss > 0.1 ? "bad" : loss > 0.03 ? "weak" : "good") : "good") || changed;
    if (changed) this.people.draw();
  }
}

/**
 * A call as one device takes part in it. It ties the line to the server, the sealed group and the media together, and
 * decides the phase; each of those decides its own part. Where they disagree the sealed group wins: no membership, no media.
 */
import { batch, effect } from "@preact/signals";
import { toBase64url } from "@huisclos/e2ee/bytes.ts";
import { forgetSeenLog, keepSeenLog } from "@huisclos/e2ee";
import { api, ApiError, growth, roomTree, signalURL } from "../api/index.ts";
import { randomText } from "./bytes.ts";
import { OwnMedia } from "./devices.ts";
import { installHook } from "./hook.ts";
import { logCode, refusedCode } from "./keylog.ts";
import { Line, type Socket } from "./line.ts";
import { Lobby } from "./lobby.ts";
import { Media } from "./media.ts";
import { surroundings, watchNetwork } from "./network.ts";
import type { SealedMessage } from "./messages.ts";
import { People, personKey } from "./people.ts";
import type { GroupView, SealedSide, SeenLog } from "./ports.ts";
import { rememberProfile } from "./profile.ts";
import { missing, openSealedSide } from "./sealed.ts";
import { Session } from "./session.ts";
import { Sound } from "./sound.ts";
import { CallSignals, maxChatBytes, type CallActions, type CallOptions, type NoticeKind, type Phase, type ReactionKind, type ReasonCode, type StreamKind, type Tile } from "./state.ts";
import { Verify } from "./verify.ts";
import { closeCode, protocolVersion, subprotocol, type ServerMessage } from "./wire.ts";

/** The outside, replaced in tests. */
export interface CallParts {
  socket(room: string): Socket;
  sealed(room: string, account: string, name: string): Promise<SealedSide>;
  tree(room: string, epoch: number): Promise<Uint8Array>;
  /** The server's proofs about its key log; what was seen of it is kept, or forgotten. */
  growth(room: string, sizes: number[]): Promise<string[][]>;
  keepLog(seen: SeenLog): Promise<void>;
  forgetLog(): Promise<void>;
  /** Why no connection comes about, when the server can say it over HTTP. */
  diagnose(room: string): Promise<ReasonCode | null>;
  missing(): string | null;
}

export const browserParts: CallParts = {
  socket: (room) => new WebSocket(signalURL(room), [subprotocol]) as unknown as Socket,
  sealed: openSealedSide,
  tree: roomTree,
  growth, keepLog: keepSeenLog, forgetLog: forgetSeenLog,
  diagnose: async (room) => {
    try { return (await api.room(room)).pin ? "pin-needed" : null; } catch (e) {
      if (!(e instanceof ApiError)) return null;
      if (e.code === "room-barred") return "room-barred";
      return e.status === 401 ? "not-signed-in" : e.status === 404 || e.status === 400 ? "room-unknown" : null;
    }
  },
  missing,
};

const reactionMs = 5000, noticesKept = 50, chatKept = 1000, announceAfter = 30, diagnoseEvery = 3;
/** A page that was left this recently and comes back is the same tab: it takes its own place without asking. */
const sameTabMs = 15_000;

export class Call extends CallSignals implements CallActions {
  private readonly people_ = new People(this);
  private readonly verify = new Verify(this, this.people_);
  private readonly own: OwnMedia;
  private readonly storage: CallOptions["storage"];
  private readonly sound: Sound;
  private readonly line: Line;
  private readonly waiting: Lobby;
  private session: Session | null = null;
  private media: Media | null = null;
  private sealed: Promise<SealedSide> | null = null;
  private side: SealedSide | null = null;
  private replace = false;
  private failures = 0;
  private handAt = 0;
  private announceTimer: ReturnType<typeof setTimeout> | null = null;
  private readonly disposers: (() => void)[] = [];
  private closed = false;

  constructor(private readonly o: CallOptions, private readonly parts: CallParts = browserParts) {
    super();
    this.storage = o.storage ?? (typeof localStorage === "undefined" ? undefined : localStorage);
    this.own = new OwnMedia(this, this.storage, (kind) => this.tracksChanged(kind), (kind) => this.notice(kind === "mic" ? "mic-lost" : "cam-lost", ""));
    this.sound = new Sound(this, this.own.speaker);
    this.waiting = new Lobby(this, () => this.session, (m) => this.line.send(m), (name) => this.notice("knock", name), (name) => this.notice("straight", name));
    if (o.straight) {
      this.straight.value = { persons: o.straight.persons, groups: o.straight.groups, on: o.straight.on };
      if (o.straight.on) this.waiting.keepRule(o.straight.names);
    }
    this.line = new Line(() => this.parts.socket(o.room), {
      up: () => this.hello(), message: (m) => this.message(m), down: (everOpen) => this.lineDown(everOpen), closed: (code, reason) => this.lineClosed(code, reason),
    });
    this.disposers.push(
      effect(() => { this.sound.follow(this.people.value); }),
      effect(() => {
        // Everybody sees what is really sent: a camera that could not be opened is off for all.
        this.people_.setOwn({ mic: this.mic.value.on, cam: this.cam.value.on, screen: this.screen.value.on, hand: this.handAt });
        void this.heldBack.value;
        void this.hand.value;
        void this.ownCamera.value;
        void this.ownScreen.value;
        this.announceSoon();
      }),
      effect(() => { void this.people.value; void this.state.value; this.verify.seal(); }),
      effect(() => { void this.heldBack.value; for (const kind of ["camera", "screen", "screen-sound"] as const) this.media?.replaced(kind); }),
    );
    if (typeof window !== "undefined") {
      const listen = <K extends keyof WindowEventMap>(type: K, run: (e: WindowEventMap[K]) => void) => { window.addEventListener(type, run); this.disposers.push(() => window.removeEventListener(type, run)); };
      listen("pagehide", () => this.pageLeft());
      listen("pageshow", (e) => { if (e.persisted && this.state.value.phase === "reconnecting") this.line.start(); });
    }
    this.disposers.push(watchNetwork(surroundings(), () => { this.line.hurry(); this.media?.restart(); }));
    if (__TESTHOOK__) installHook(this, () => this.media);
  }

  // ——— entering and leaving

  async prepare(o: { mic?: boolean; cam?: boolean } = {}): Promise<void> {
    if (this.closed) return;
    if (this.parts.missing() === null) void this.load().catch(() => undefined);
    await this.own.listDevices();
    await Promise.all([this.own.setMic(o.mic ?? this.own.remembered.mic), this.own.setCam(o.cam ?? this.own.remembered.cam)]);
  }

  async start(): Promise<void> {
    if (this.closed || !["idle", "denied", "ended", "removed", "error", "not-safe"].includes(this.state.value.phase)) return;
    const lacks = this.parts.missing();
    if (lacks !== null) return this.enterPhase("error", "unsupported", lacks);
    if (!/^[A-Za-z0-9_-]{22}$/.test(this.o.owner)) return this.enterPhase("error", "link-without-owner");
    this.enterPhase("connecting");
    try {
      this.side = await this.load();
    } catch (e) {
      this.sealed = null;
      if (this.closed || this.state.peek().phase !== "connecting") return;
      return this.enterPhase("error", await this.why(e), (e as Error).message);
    }
    if (this.closed || this.state.peek().phase !== "connecting") return;
    this.build(this.side);
    this.failures = 0;
    this.line.start();
  }

  /** Why the sealed side did not come about. */
  private async why(e: unknown): Promise<ReasonCode> {
    const caught = logCode(e) ?? refusedCode(e);
    if (caught) return caught;
    const status = (e as { status?: unknown }).status;
    if (typeof status !== "number") return "core-failed";
    return status === 0 || status >= 500 ? "network" : await this.parts.diagnose(this.o.room) ?? "core-failed";
  }

  async acceptLog(): Promise<void> {
    if (this.state.peek().phase !== "error" || !this.logProblem.value) return;
    try { await this.parts.forgetLog(); } catch (e) { return this.enterPhase("error", "key-failed", (e as Error).message); }
    await this.start();
  }

  takeOver(): void {
    if (this.state.value.phase !== "device-busy") return;
    this.enterPhase("joining");
    this.replace = true;
    this.hello();
  }

  async retry(): Promise<void> {
    if (this.state.value.phase === "device-busy") return this.takeOver();
    await this.start();
  }

  async leave(): Promise<void> {
    this.line.send({ type: "leave" });
    this.finish("ended", "left");
  }

  close(): void {
    if (this.closed) return;
    if (["in-call", "reconnecting", "joining", "waiting-lobby", "waiting-host"].includes(this.state.value.phase)) this.line.send({ type: "leave" });
    this.finish("ended", "left");
    this.closed = true;
    this.own.close();
    for (const d of this.disposers) d();
  }

  // ——— acts of a host

  admit(knock: string): Promise<void> { return this.waiting.admit(knock); }
  deny(knock: string): void { this.waiting.deny(knock); }
  letStraightIn(on: boolean): void {
    const rule = this.straight.value;
    if (!rule || !this.o.straight || rule.on === on) return;
    this.straight.value = { ...rule, on };
    this.waiting.keepRule(on ? this.o.straight.names : null);
  }
  remove(leaf: number): void {
    const who = this.people.value.find((p) => p.leaf === leaf);
    if (!this.isHost.value || !who || who.me) return;
    this.removing.add(who.key);
    this.line.send({ type: "remove", leaf });
  }
  /** Those whom this host is turning out: the group itself does not say why somebody went. */
  private readonly removing = new Set<string>();
  lock(locked: boolean): void { if (this.isHost.value && locked !== this.locked.value) this.session?.change({ locked }); }
  makeHost(account: string): void {
    const hosts = this.session?.view?.hosts;
    if (this.isHost.value && hosts && !hosts.includes(account) && this.people.value.some((p) => p.account === account)) this.session?.change({ hosts: [...hosts, account] });
  }

  // ——— own media

  setMic(on: boolean): Promise<void> { return this.own.setMic(on); }
  setCam(on: boolean): Promise<void> { return this.own.setCam(on); }
  shareScreen(): Promise<void> { return this.own.share(); }
  stopShare(): void { this.own.stopShare(); }
  async setDevices(o: { mic?: string; cam?: string; speaker?: string }): Promise<void> {
    if (o.speaker !== undefined) this.sound.setSink(o.speaker);
    await this.own.setDevices(o);
  }
  testSound(): Promise<void> { return this.sound.test(); }
  resumeSound(): Promise<void> { return this.sound.resume(); }
  setTiles(tiles: Tile[]): void { this.tiles = tiles; this.media?.setTiles(tiles); }
  private tiles: Tile[] | null = null;

  // ——— what people say

  async send(text: string): Promise<void> {
    const me = this.me.value, clean = text.trim();
    if (!me || !this.session || this.heldBack.value || clean === "" || new TextEncoder().encode(clean).length > maxChatBytes) return;
    const id = randomText(12);
    this.chat.value = [...this.chat.value, { id, leaf: me.leaf, account: me.account, name: me.name, me: true, text: clean, time: Date.now(), pending: true, failed: false }].slice(-chatKept);
    const sent = await this.session.say({ t: "chat", id, text: clean });
    this.chat.value = this.chat.value.map((m) => m.id === id ? { ...m, pending: !sent && this.state.peek().phase === "reconnecting", failed: !sent && this.state.peek().phase !== "reconnecting" } : m);
  }

  raiseHand(up: boolean): void {
    if (up === this.hand.value) return;
    this.handAt = up ? Date.now() : 0;
    this.hand.value = up;
  }

  react(kind: ReactionKind): void {
    const me = this.me.value;
    if (!me || !this.session || this.heldBack.value) return;
    this.showReaction(me.leaf, me.name, true, kind);
    void this.session.say({ t: "reaction", kind });
  }

  async compare(): Promise<void> {
    const view = this.session?.view;
    if (!view || this.comparison.value) return;
    if (this.verify.begin(view.epoch, this.o.me.name)) await this.session?.say({ t: "compare", epoch: view.epoch });
  }

  answerComparison(answer: "same" | "different"): void {
    if (!this.comparison.value) return;
    if (answer === "same") this.verify.same();
    else this.unsafe("words-differ", "the words read aloud were others");
  }

  dismissNotice(id: string): void { this.notices.value = this.notices.value.filter((n) => n.id !== id); }

  // ——— inside

  private load(): Promise<SealedSide> {
    this.sealed ??= this.parts.sealed(this.o.room, this.o.me.account, this.o.me.name).catch((e: unknown) => { this.sealed = null; throw e; });
    return this.sealed;
  }

  private build(side: SealedSide): void {
    this.session?.stop();
    this.media?.destroy();
    this.known = side.known;
    this.media = new Media(this, this.people_, this.own, () => side.frames(), {
      send: (m) => this.line.send(m), lineOpen: () => this.line.open, stuck: () => this.line.reset(), refused: () => this.notice("own-media-refused", ""),
    });
    if (this.tiles) this.media.setTiles(this.tiles);
    this.session = new Session(side.mls, { room: this.o.room, owner: this.o.owner, account: this.o.me.account, profile: this.o.profile, ...(this.o.cohosts ? { cohosts: this.o.cohosts } : {}) }, {
      send: (m) => this.line.send(m),
      tree: (epoch) => this.parts.tree(this.o.room, epoch),
      entered: (v) => this.entered(v),
      moved: (v) => this.moved(v),
      resumed: (v) => this.resumed(v),
      left: () => { this.media?.close(); this.verify.end(); this.enterPhase("reconnecting"); },
      knocked: (again) => { if (again) { if (this.state.peek().phase !== "reconnecting") this.enterPhase("joining"); } else this.enterPhase("joining"); },
      unsafe: (code, detail) => this.unsafe(code, detail),
      failed: (code, detail) => { this.line.send({ type: "leave" }); this.finish("error", code, detail); },
      said: (v, sender, m, time) => this.said(v, sender, m, time),
      growth: (sizes) => this.parts.growth(this.o.room, sizes),
      seen: (log) => { void this.parts.keepLog(log).catch(() => undefined); },
    });
    side.onDeath(() => { if (this.side === side) void this.coreDied(side); });
  }

  /** The core holds the group's secrets: without it this device enters anew, by the place that it has in the tree. */
  private async coreDied(dead: SealedSide): Promise<void> {
    this.session?.stop();
    this.media?.destroy();
    dead.terminate();
    this.side = null;
    this.sealed = null;
    if (!["in-call", "reconnecting", "joining", "waiting-lobby", "waiting-host"].includes(this.state.peek().phase)) return;
    this.enterPhase("reconnecting");
    this.line.stop();
    try { this.side = await this.load(); } catch (e) { this.finish("error", await this.why(e), (e as Error).message); return; }
    if (this.closed || this.state.peek().phase !== "reconnecting") return;
    this.build(this.side);
    this.replace = true;
    this.line.start();
  }

  private hello(): void {
    const side = this.side, resume = this.session?.position;
    if (!side) return;
    this.line.send({
      type: "hello", protocol: protocolVersion, device: toBase64url(side.device.id), signatureKey: toBase64url(side.device.publicKey), name: this.o.me.name,
      ...(this.replace || resume ? { replace: true } : {}), ...(resume ? { resume } : {}),
    });
    this.replace = false;
    this.session?.lineUp();
  }

  private message(m: ServerMessage): void {
    switch (m.type) {
      case "room":
        this.failures = 0;
        this.room.value = m.room;
        // The server's word until the group's own; it decides nothing.
        if (!this.session?.view) { this.locked.value = m.locked; this.profile.value = m.room.profile; }
        this.session?.take(m);
        break;
      case "deviceBusy":
        if (this.cameBack()) { this.replace = true; this.hello(); } else this.enterPhase("device-busy");
        break;
      case "lobby": void this.waiting.take(m.knocks); break;
      case "waiting": this.enterPhase(m.reason === "locked" ? "locked" : m.reason === "lobby" ? "waiting-lobby" : "waiting-host"); break;
      case "denied": this.finish("denied"); break;
      case "removed": this.gone(m.reason); break;
      case "roster": this.people_.setRoster(m.members); break;
      case "published": this.media?.published(m.answer); break;
      case "offer": this.media?.offered(m.offer, m.tracks); break;
      case "media": this.media?.link(m.transport, m.direction); break;
      case "layers": this.media?.layers(m.streams); break;
      case "relay": this.media?.relay(m); break;
      case "mediaRefused": this.media?.refused(m.counts); break;
      case "error":
        this.media?.requestFailed(m.request);
        if (m.request === "admit") {
          this.waiting.failed();
          if (m.code === "admission-expired") this.notice("clocks", "");
        }
        this.session?.take(m);
        break;
      case "ended": this.finish("ended", "over"); break;
      default: this.session?.take(m);
    }
  }

  private entered(view: GroupView): void {
    if (this.lastView) this.notice(this.lastView.group === view.group ? "reconnected" : "restarted", "");
    batch(() => {
      this.takeView(view);
      if (this.joinedAt.value === null) this.joinedAt.value = Date.now();
      this.enterPhase("in-call");
    });
    this.media?.epoch();
    this.openMedia();
  }

  private openMedia(): void {
    this.media?.newPeer();
    void this.media?.open();
    this.session?.flush();
    this.announceSoon();
  }

  private resumed(view: GroupView): void {
    const was = this.state.peek().phase;
    batch(() => { this.takeView(view); this.enterPhase("in-call"); });
    if (was === "reconnecting") this.notice("reconnected", "");
    this.openMedia();
  }

  private moved(view: GroupView): void {
    const before = this.session?.view === view ? this.lastView : null;
    batch(() => this.takeView(view));
    const back = new Set(view.added.map((m) => m.signatureKey)), had = new Set(view.removed.map((m) => m.signatureKey));
    for (const m of view.added) if (!had.has(m.signatureKey) && m.leaf !== view.own) this.notice("joined", m.name, personKey(m));
    for (const m of view.removed) if (!back.has(m.signatureKey)) this.notice(this.removing.delete(personKey(m)) ? "removed" : "left", m.name, personKey(m));
    if (before?.locked && !view.locked) this.waiting.again();
    if (before && before.locked !== view.locked) this.notice(view.locked ? "locked" : "unlocked", view.members.find((m) => m.leaf === view.committer)?.name ?? "");
    if (before) for (const h of view.hosts) if (!before.hosts.includes(h)) this.notice("host-added", view.members.find((m) => m.account === h)?.name ?? "");
    this.lastView = view;
    this.media?.epoch();
    if (view.added.length > 0) this.announceSoon();
    this.media?.wish();
  }
  private lastView: GroupView | null = null;

  private takeView(view: GroupView): void {
    if (this.lastView?.group !== view.group) this.lastView = view;
    this.people_.take(view);
    this.verify.take(view);
    this.locked.value = view.locked;
    this.profile.value = view.profile;
    rememberProfile(this.storage, this.o.room, view.profile);
    this.isHost.value = view.hosts.includes(this.o.me.account);
    this.waiting.drawn();
    void this.waiting.applyRule();
  }

  private said(view: GroupView, sender: number, m: SealedMessage, time: number): void {
    const from = view.members.find((x) => x.leaf === sender);
    if (!from) return;
    switch (m.t) {
      case "chat":
        // Said again after a break: the id is the sender's own, so it counts within that sender only.
        if (this.chat.value.some((c) => c.id === m.id && c.account === from.account)) return;
        this.chat.value = [...this.chat.value, { id: m.id, leaf: sender, account: from.account, name: from.name, me: false, text: m.text, time, pending: false, failed: false }].slice(-chatKept);
        return;
      case "state": {
        const before = this.people_.announced(sender);
        this.people_.announce(sender, { mic: m.mic, cam: m.cam, screen: m.screen, hand: m.hand });
        if (m.hand > 0 && before.hand === 0) this.notice("hand", from.name, personKey(from));
        if (m.screen !== before.screen) this.notice(m.screen ? "screen-started" : "screen-stopped", from.name, personKey(from));
        this.media?.wish();
        return;
      }
      case "compare":
        if (m.epoch === view.epoch && this.verify.begin(m.epoch, from.name)) this.notice("compare", from.name, personKey(from));
        return;
      case "reaction": this.showReaction(sender, from.name, false, m.kind);
    }
  }

  private showReaction(leaf: number, name: string, me: boolean, kind: ReactionKind): void {
    const id = randomText(6);
    this.reactions.value = [...this.reactions.value, { id, leaf, name, me, kind, time: Date.now() }].slice(-noticesKept);
    setTimeout(() => { this.reactions.value = this.reactions.value.filter((r) => r.id !== id); }, reactionMs);
  }

  private tracksChanged(kind: StreamKind): void { this.media?.replaced(kind); }

  /** Tells the group what this person's tile is like: at each change, and to those who have just come. */
  private announceSoon(): void {
    if (this.announceTimer !== null || !this.session?.view) return;
    this.announceTimer = setTimeout(() => {
      this.announceTimer = null;
      if (!this.session?.view) return;
      const seen = !this.heldBack.value;
      void this.session.say({ t: "state", mic: this.mic.value.on, cam: seen && this.cam.value.on, screen: seen && this.screen.value.on, hand: this.handAt });
    }, announceAfter);
  }

  private lineDown(everOpen: boolean): void {
    const phase = this.state.peek().phase;
    this.failures++;
    this.session?.uncertain();
    if (phase === "in-call") this.enterPhase("reconnecting");
    else if (["joining", "waiting-lobby", "waiting-host", "locked", "device-busy"].includes(phase)) this.enterPhase("connecting");
    if (!everOpen && this.failures === 1 || this.failures % diagnoseEvery === 0) {
      void this.parts.diagnose(this.o.room).then((code) => { if (code && ["connecting", "reconnecting"].includes(this.state.peek().phase)) this.finish("error", code); });
    }
  }

  private lineClosed(code: number, reason: string): void {
    switch (code) {
      case closeCode.reload: return this.finish("reload-needed");
      case closeCode.replaced: return this.finish("ended", "other-tab");
      case closeCode.removed: return this.gone("removed");
      case closeCode.sessionEnded: return this.finish("ended", "session-ended");
      case closeCode.roomDeleted: return this.finish("ended", "room-deleted");
      case closeCode.denied: return this.finish("denied");
      case closeCode.barred: return this.finish("error", "room-barred");
      default: return this.finish("error", "protocol", reason);
    }
  }

  private gone(reason: string): void {
    const phase = this.state.peek().phase;
    if (phase === "removed" || phase === "ended") return;
    switch (reason) {
      case "left": return this.finish("ended", "left");
      case "absent": return this.finish("removed", "absent");
      case "wedged": return this.finish("removed", "wedged");
      default: return this.finish("removed", "removed-by-host");
    }
  }

  private unsafe(code: ReasonCode, detail: string): void {
    this.line.send({ type: "leave" });
    this.finish("not-safe", code, detail);
  }

  /** Ends the stay: nothing is sent from here on, keys and workers go, the camera's light goes out. */
  private finish(phase: Phase, code?: ReasonCode, detail?: string): void {
    this.session?.stop();
    this.session = null;
    this.media?.destroy();
    this.media = null;
    this.line.stop();
    const side = this.side;
    this.side = null;
    this.sealed = null;
    void side?.mls.leave().catch(() => undefined).finally(() => side.terminate());
    this.sound.close();
    this.own.stopShare();
    this.handAt = 0;
    this.lastView = null;
    this.own.release();
    batch(() => {
      this.hand.value = false;
      this.people_.take(null);
      this.verify.take(null);
      this.lobby.value = [];
      this.isHost.value = false;
      this.joinedAt.value = null;
      this.mediaRefused.value = null;
      this.enterPhase(phase, code, detail);
    });
  }

  private enterPhase(phase: Phase, code?: ReasonCode, detail?: string): void {
    const now = this.state.peek();
    if (now.phase === phase && now.code === code) return;
    this.state.value = { phase, since: Date.now(), ...(code ? { code } : {}), ...(detail ? { detail } : {}) };
  }

  private notice(kind: NoticeKind, name: string, key?: string): void {
    this.notices.value = [...this.notices.value, { id: randomText(6), kind, name, ...(key ? { key } : {}), time: Date.now() }].slice(-noticesKept);
  }

  private get marker(): string { return `huisclos.left:${this.o.room}`; }
  private pageLeft(): void {
    if (!["in-call", "reconnecting", "joining"].includes(this.state.peek().phase)) return;
    try { sessionStorage.setItem(this.marker, String(Date.now())); } catch { /* then the page asks */ }
    this.line.stop(1001, "");
    this.enterPhase("reconnecting");
  }
  private cameBack(): boolean {
    try {
      const at = Number(sessionStorage.getItem(this.marker));
      sessionStorage.removeItem(this.marker);
      return at > 0 && Date.now() - at < sameTabMs;
    } catch { return false; }
  }
}

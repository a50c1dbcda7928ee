/**
 * Who is in the call: the members of the MLS tree, with what each has announced in sealed messages, what the frames of
 * its leaf gave, and the server's hint whether it is connected. A roster entry without a leaf in the tree is a ghost and
 * is nowhere to be seen.
 */
import { signal, type Signal } from "@preact/signals";
import type { FrameStats, GroupView } from "./ports.ts";
import { context } from "./ports.ts";
import type { CallSignals, FrameCount, LinkQuality, Person, StreamKind } from "./state.ts";

export interface Announced { mic: boolean; cam: boolean; screen: boolean; hand: number }
interface Entry {
  signatureKey: string;
  announced: Announced;
  level: Signal<number>;
  frames: Signal<Record<StreamKind, FrameCount>>;
  /** When frames began to be refused with none opening; 0 when all is well. */
  refusedSince: number;
  refused: string | null;
  quality: LinkQuality;
}
export interface Streams { stream(leaf: number, context: number): MediaStream | null }

export const kinds: Record<number, StreamKind> = { [context.mic]: "mic", [context.camera]: "camera", [context.screen]: "screen", [context.screenSound]: "screen-sound" };
const noFrames = (): Record<StreamKind, FrameCount> => ({ mic: { opened: 0, refused: {} }, camera: { opened: 0, refused: {} }, screen: { opened: 0, refused: {} }, "screen-sound": { opened: 0, refused: {} } });
const silentState: Announced = { mic: false, cam: false, screen: false, hand: 0 };
export const personKey = (m: { account: string; device: string }): string => `${m.account}/${m.device}`;
const refusedAfterMs = 1000;

export class People {
  private readonly entries = new Map<number, Entry>();
  private view: GroupView | null = null;
  private connected = new Map<number, boolean>();
  private guests = new Set<number>();
  private streams: Streams | null = null;
  private own: Announced = silentState;
  /** Signature keys of the devices that were there when the words were compared. */
  private readonly compared = new Set<string>();
  private lastCounts = new Map<string, { opened: number; refused: number }>();

  constructor(private readonly s: CallSignals) {}

  /** Takes the tree of an epoch. A leaf that another key took over starts from nothing. */
  take(view: GroupView | null): void {
    // The same epoch may be taken again, after a break of the line: who came with it has announced things since.
    const added = view && (view.group !== this.view?.group || view.epoch !== this.view.epoch) ? view.added : [];
    this.view = view;
    const keys = new Map(view?.members.map((m) => [m.leaf, m.signatureKey]));
    for (const [leaf, e] of this.entries) if (keys.get(leaf) !== e.signatureKey) this.entries.delete(leaf);
    // A device that came back by re-entry may hold its old leaf; what it had announced is void.
    for (const a of added) if (a.leaf !== view?.own) this.entries.delete(a.leaf);
    for (const m of view?.members ?? []) {
      if (this.entries.has(m.leaf)) continue;
      this.entries.set(m.leaf, { signatureKey: m.signatureKey, announced: silentState, level: signal(0), frames: signal(noFrames()), refusedSince: 0, refused: null, quality: "good" });
    }
    this.draw();
  }

  setStreams(streams: Streams | null): void { this.streams = streams; this.draw(); }
  setOwn(own: Announced): void { this.own = own; this.draw(); }

  setRoster(members: { leaf: number; connected: boolean; guest: boolean }[]): void {
    this.guests = new Set(members.filter((m) => m.guest).map((m) => m.leaf));
    this.connected = new Map(members.map((m) => [m.leaf, m.connected]));
    this.draw();
  }

  announced(leaf: number): Announced { return this.entries.get(leaf)?.announced ?? silentState; }
  announce(leaf: number, a: Announced): void {
    const e = this.entries.get(leaf);
    if (!e) return;
    e.announced = a;
    this.draw();
  }

  level(leaf: number, level: number): void { const e = this.entries.get(leaf); if (e && e.level.peek() !== level) e.level.value = level; }
  setQuality(leaf: number, q: LinkQuality): boolean {
    const e = this.entries.get(leaf);
    if (!e || e.quality === q) return false;
    e.quality = q;
    return true;
  }

  markCompared(signatureKeys: Iterable<string>): void { for (const k of signatureKeys) this.compared.add(k); this.draw(); }
  get anyCompared(): boolean { return this.compared.size > 0; }

  /** Once a second: what opened and what did not, and why. */
  counted(stats: FrameStats, now: number): void {
    const newest = new Map<string, FrameStats["receivers"][number]>();
    for (const r of stats.receivers) { const k = `${r.leaf}-${r.context}`, before = newest.get(k); if (!before || before.id < r.id) newest.set(k, r); }
    let changed = false;
    const bad = new Map<number, string>(), good = new Set<number>();
    for (const [k, r] of newest) {
      const kind = kinds[r.context], e = this.entries.get(r.leaf);
      if (!kind || !e) continue;
      const counts = r.refused as Record<string, number>, refused = Object.values(counts).reduce((a, b) => a + b, 0);
      const last = this.lastCounts.get(`${k}-${r.id}`) ?? { opened: 0, refused: 0 };
      this.lastCounts.set(`${k}-${r.id}`, { opened: r.opened, refused });
      if (r.opened > last.opened) good.add(r.leaf);
      else if (refused > last.refused) bad.set(r.leaf, Object.entries(counts).sort((a, b) => b[1] - a[1])[0]?.[0] ?? "error");
      const shown = e.frames.peek()[kind];
      if (shown.opened !== r.opened || refused !== last.refused) e.frames.value = { ...e.frames.peek(), [kind]: { opened: r.opened, refused: { ...counts } } };
    }
    for (const [leaf, e] of this.entries) {
      const reason = good.has(leaf) ? undefined : bad.get(leaf);
      if (reason === undefined) { if (good.has(leaf) || !bad.has(leaf)) e.refusedSince = 0; } else if (e.refusedSince === 0) e.refusedSince = now;
      const refused = e.refusedSince !== 0 && now - e.refusedSince >= refusedAfterMs - 50 ? reason ?? e.refused : good.has(leaf) ? null : e.refusedSince === 0 ? null : e.refused;
      if (refused !== e.refused) { e.refused = refused; changed = true; }
    }
    if (changed) this.draw();
  }

  draw(): void {
    const view = this.view;
    if (!view) { if (this.s.people.peek().length > 0) this.s.people.value = []; return; }
    const hosts = new Set(view.hosts);
    const people = view.members.flatMap((m): Person[] => {
      const e = this.entries.get(m.leaf);
      if (!e) return [];
      const me = m.leaf === view.own, a = me ? this.own : e.announced;
      const of = (c: number) => (me ? null : this.streams?.stream(m.leaf, c) ?? null);
      return [{
        key: personKey(m), leaf: m.leaf, account: m.account, device: m.device, name: m.name, me, host: hosts.has(m.account),
        mic: a.mic, cam: a.cam, screen: a.screen, hand: a.hand > 0 ? a.hand : null,
        camera: me ? this.s.ownCamera.peek() : of(context.camera), screenStream: me ? this.s.ownScreen.peek() : of(context.screen),
        audio: of(context.mic), screenAudio: of(context.screenSound),
        level: me ? this.s.micLevel : e.level, frames: e.frames,
        connected: me || (this.connected.get(m.leaf) ?? true), guest: this.guests.has(m.leaf), refused: me ? null : e.refused, quality: e.quality,
        compared: me ? this.compared.size > 0 : this.compared.has(m.signatureKey), inscribed: m.since * 1000, unmet: !me && this.s.unmet(m.statement),
      }];
    });
    const before = this.s.people.peek();
    if (before.length === people.length && before.every((p, i) => samePerson(p, people[i]!))) return;
    this.s.people.value = people;
  }
}

function samePerson(a: Person, b: Person): boolean {
  for (const k of Object.keys(a) as (keyof Person)[]) if (a[k] !== b[k]) return false;
  return true;
}

/**
 * Reads the browser's own statistics: how loud each person is (from what was decoded here, never from the network: the
 * server is told nobody's level), and how good the way up and the way down are, with the most telling cause.
 */
import { fromAmplitude } from "./devices.ts";
import { context } from "./ports.ts";
import type { LinkQuality, Quality } from "./state.ts";

export interface Loudness { leaf: number; level: number }

/** Levels of all who are heard, by m-line. */
export function levels(report: RTCStatsReport, target: (mid: string) => { leaf: number; context: number } | null): Loudness[] {
  const out = new Map<number, number>();
  report.forEach((s: Record<string, unknown>) => {
    if (s.type !== "inbound-rtp" || s.kind !== "audio" || typeof s.mid !== "string" || typeof s.audioLevel !== "number") return;
    const t = target(s.mid);
    if (t?.context === context.mic) out.set(t.leaf, fromAmplitude(s.audioLevel));
  });
  return [...out].map(([leaf, level]) => ({ leaf, level }));
}

/** Who speaks: the loudest for a while. Holds on for 1.5 s of silence, and a challenger has to be clearly louder. */
export class Speaker {
  private readonly smooth = new Map<number, number>();
  private current: number | null = null;
  private heardAt = 0;

  take(list: Loudness[], now: number): number | null {
    const seen = new Set(list.map((l) => l.leaf));
    for (const leaf of this.smooth.keys()) if (!seen.has(leaf)) this.smooth.delete(leaf);
    let best: number | null = null, bestLevel = speaks;
    for (const { leaf, level } of list) {
      const v = (this.smooth.get(leaf) ?? 0) * 0.6 + level * 0.4;
      this.smooth.set(leaf, v);
      if (v >= bestLevel) { best = leaf; bestLevel = v; }
    }
    const mine = this.current === null ? 0 : this.smooth.get(this.current) ?? 0;
    if (mine >= speaks) this.heardAt = now;
    if (best !== null && best !== this.current && (mine < speaks || bestLevel > mine + 0.1)) { this.current = best; this.heardAt = now; }
    else if (this.current !== null && now - this.heardAt > 1500) this.current = null;
    return this.current;
  }
}
const speaks = 0.3;

interface Counter { packets: number; lost: number }
export interface Measure { rttMs: number | null; lossUp: number; lossDown: number; limited: "none" | "bandwidth" | "cpu"; received: boolean; expects: boolean; perLeaf: Map<number, number> }

/** Turns two successive readings into rates. */
export class Gauge {
  private down = new Map<string, Counter>();

  measure(up: RTCStatsReport | null, down: RTCStatsReport | null, target: (mid: string) => { leaf: number; context: number } | null): Measure {
    const m: Measure = { rttMs: null, lossUp: 0, lossDown: 0, limited: "none", received: false, expects: false, perLeaf: new Map() };
    up?.forEach((s: Record<string, unknown>) => {
      if (s.type === "remote-inbound-rtp") {
        if (typeof s.fractionLost === "number") m.lossUp = Math.max(m.lossUp, s.fractionLost);
        if (typeof s.roundTripTime === "number" && s.roundTripTime > 0) m.rttMs = Math.max(m.rttMs ?? 0, s.roundTripTime * 1000);
      } else if (s.type === "candidate-pair" && s.state === "succeeded" && typeof s.currentRoundTripTime === "number") {
        m.rttMs = Math.max(m.rttMs ?? 0, s.currentRoundTripTime * 1000);
      } else if (s.type === "outbound-rtp" && s.active !== false && (s.qualityLimitationReason === "bandwidth" || s.qualityLimitationReason === "cpu")) {
        if (m.limited !== "bandwidth") m.limited = s.qualityLimitationReason;
      }
    });
    const next = new Map<string, Counter>(), all: Counter = { packets: 0, lost: 0 }, leaves = new Map<number, Counter>();
    down?.forEach((s: Record<string, unknown>) => {
      if (s.type !== "inbound-rtp" || typeof s.id !== "string") return;
      const now = { packets: Number(s.packetsReceived ?? 0), lost: Math.max(0, Number(s.packetsLost ?? 0)) }, before = this.down.get(s.id) ?? now;
      next.set(s.id, now);
      const packets = Math.max(0, now.packets - before.packets), lost = Math.max(0, now.lost - before.lost);
      all.packets += packets;
      all.lost += lost;
      const t = typeof s.mid === "string" ? target(s.mid) : null;
      if (!t) return;
      m.expects = true;
      const l = leaves.get(t.leaf) ?? { packets: 0, lost: 0 };
      l.packets += packets;
      l.lost += lost;
      leaves.set(t.leaf, l);
    });
    this.down = next;
    m.received = all.packets > 0;
    m.lossDown = rate(all);
    for (const [leaf, c] of leaves) m.perLeaf.set(leaf, rate(c));
    return m;
  }
}

function rate(c: Counter): number { const n = c.packets + c.lost; return n < 20 ? 0 : c.lost / n; }

export function ofLoss(loss: number): LinkQuality { return loss > 0.1 ? "bad" : loss > 0.03 ? "weak" : "good"; }
const worse = (a: LinkQuality, b: LinkQuality): LinkQuality => { const order: LinkQuality[] = ["good", "weak", "bad", "none"]; return order[Math.max(order.indexOf(a), order.indexOf(b))]!; };

/** One sentence's worth of truth about the link. */
export function judge(m: Measure, o: { lineOpen: boolean; upConnected: boolean; downConnected: boolean; transport: Quality["transport"] }): Quality {
  const delay: LinkQuality = m.rttMs === null ? "good" : m.rttMs > 800 ? "bad" : m.rttMs > 350 ? "weak" : "good";
  const limited: LinkQuality = m.limited === "bandwidth" ? "weak" : "good";
  const up = o.upConnected ? worse(worse(ofLoss(m.lossUp), delay), limited) : "none";
  const down = o.downConnected ? worse(ofLoss(m.lossDown), delay) : "none";
  const loss = Math.max(m.lossUp, m.lossDown);
  const cause: Quality["cause"] = !o.lineOpen ? "signalling" : up === "none" || down === "none" ? "no-media"
    : loss > 0.03 ? "loss" : delay !== "good" ? "delay" : m.limited === "bandwidth" ? "bandwidth" : m.limited === "cpu" ? "cpu" : "none";
  return { up, down, cause, rttMs: Math.round(m.rttMs ?? 0), lossUp: m.lossUp, lossDown: m.lossDown, transport: o.transport };
}

/**
 * What the browser's connectivity checks say of a path: how long an answer takes, how much that varies, and how many got none.
 * A few checks a second are not a call's fifty packets: a lost one in ten is a hint and no measurement, and the page says so.
 */
import { join } from "./answer.ts";

export interface Measured {
  rttMs: number | null;
  /** Mean difference between one answer's time and the next one's, as RFC 3550 §6.4.1 looks at jitter. */
  spreadMs: number | null;
  answered: number;
  /** Checks that stayed without an answer; null: not counted. */
  lost: number | null;
}
export const noChecks: Measured = { rttMs: null, spreadMs: null, answered: 0, lost: null };

/** The statistics of the pair of addresses in use. */
export interface Pair { sent: number | null; consent: number | null; answered: number; total: number | null; current: number | null; reached: string | null; /** How the relay is reached, "udp", "tcp" or "tls"; null without one. */ relay: string | null }

type Stat = Record<string, unknown>;
const number = (v: unknown): number | null => (typeof v === "number" && Number.isFinite(v) ? v : null);

/** Chromium and Safari name the pair in the transport's report; Firefox marks it. */
export function pairOf(report: RTCStatsReport): Pair | null {
  let named: unknown = null, marked: Stat | null = null;
  report.forEach((s: Stat) => {
    if (s.type === "transport" && typeof s.selectedCandidatePairId === "string") named = s.selectedCandidatePairId;
    if (s.type === "candidate-pair" && s.state === "succeeded" && (s.selected === true || s.nominated === true)) marked = s;
  });
  const pair = (typeof named === "string" ? (report.get(named) as Stat | undefined) : undefined) ?? (marked as Stat | null);
  if (!pair) return null;
  const near = typeof pair.localCandidateId === "string" ? (report.get(pair.localCandidateId) as Stat | undefined) : undefined;
  const far = typeof pair.remoteCandidateId === "string" ? (report.get(pair.remoteCandidateId) as Stat | undefined) : undefined;
  const host = far?.address ?? far?.ip;
  return {
    sent: number(pair.requestsSent), consent: number(pair.consentRequestsSent), answered: number(pair.responsesReceived) ?? 0,
    total: number(pair.totalRoundTripTime), current: number(pair.currentRoundTripTime),
    relay: near?.candidateType === "relay" && typeof near.relayProtocol === "string" ? near.relayProtocol : null,
    reached: typeof host === "string" && host !== "" ? join(host, number(far?.port) ?? 0) : null,
  };
}

/** An answer may take this long and still count: what was asked later is not lost yet. */
const grace = 1500;

export class Checks {
  reached: string | null = null;
  relay: string | null = null;
  private readonly times: number[] = [];
  private readonly readings: { at: number; p: Pair }[] = [];
  private first: Pair | null = null;
  private last: Pair | null = null;
  private lastAt = 0;

  /** A round trip, in milliseconds. */
  add(ms: number): void { this.times.push(ms); }

  /** One reading of the statistics, at a time in milliseconds. */
  take(p: Pair | null, at: number): void {
    if (!p) return;
    const before = this.last;
    this.reached = p.reached ?? this.reached;
    this.relay = p.relay ?? this.relay;
    this.first ??= p;
    this.last = p;
    this.lastAt = at;
    this.readings.push({ at, p });
    const fresh = p.answered - (before?.answered ?? 0);
    if (p.total !== null && before?.total != null) { if (fresh > 0) this.add(((p.total - before.total) / fresh) * 1000); }
    else if (p.current !== null && p.current > 0 && (p.current !== before?.current || fresh > 0)) this.add(p.current * 1000);
  }

  measured(): Measured {
    const t = this.times;
    let spread = 0;
    for (let i = 1; i < t.length; i++) spread += Math.abs(t[i]! - t[i - 1]!);
    return {
      rttMs: t.length > 0 ? median(t) : null, spreadMs: t.length > 2 ? spread / (t.length - 1) : null,
      answered: this.last && this.first ? this.last.answered : t.length, lost: this.lost(),
    };
  }

  private lost(): number | null {
    const { first, last } = this;
    if (!first || !last || (first.sent === null && first.consent === null)) return null;
    const due = this.readings.filter((r) => r.at <= this.lastAt - grace).at(-1)?.p;
    if (!due) return null;
    // After the first answer some browsers count a check as a request and as one for consent, others as one of the two.
    const asked = Math.max((due.sent ?? 0) - (first.sent ?? 0), (due.consent ?? 0) - (first.consent ?? 0));
    return Math.max(0, asked - (last.answered - first.answered));
  }
}

function median(list: number[]): number {
  const s = [...list].sort((a, b) => a - b), middle = s.length >> 1;
  return s.length % 2 ? s[middle]! : (s[middle - 1]! + s[middle]!) / 2;
}

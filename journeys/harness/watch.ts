/** What one person sees and hears of another, as the receiving browser itself counts it. */
import { until } from './browser.ts';
import type { Player } from './cast.ts';

/** A reading of the statistics of what is received. */
interface Reading { at: number; decoded: number; /** Of pictures: whole ones that came, thrown away undecoded, key frames, and what was asked for again. */ counts: Record<Counted, number>; packets: number; events: number; concealed: number; samples: number }
const counted = ['framesReceived', 'framesDropped', 'keyFramesDecoded', 'pliCount', 'nackCount', 'packetsLost', 'retransmittedPacketsReceived'] as const;
type Counted = (typeof counted)[number];
interface Notes { drawn: { at: number; height: number }[]; read: Reading[] }

export interface Summary {
  seconds: number;
  /** Pictures drawn, and decoded, a second. */
  drawn: number; decoded: number;
  /** The longest time between two drawn pictures, and between the last one and now. */
  freeze: number;
  /** Heights of what was drawn, each with its share of the pictures. */
  heights: Record<number, number>;
  /** The longest sound without a break that was made up by the receiver since nothing had come, and all of it together, in ms. */
  gap: number; concealed: number; gaps: number;
  /** The share of sound that was played at all, and the longest time without a packet of it, as seen every 50 ms. */
  played: number; silence: number;
  /** Of pictures, since the beginning: where those that are missing were lost. */
  counts: Partial<Record<Counted, number>>;
}

export class Watched {
  constructor(private readonly by: Player) {}
  now(): Promise<number> { return this.by.tab.run(() => performance.now()); }

  notes(): Promise<Notes> { return this.by.tab.run(() => (window as unknown as { __watched: Notes }).__watched); }

  /** From a time of the page until another one, or now. */
  async since(from: number, to?: number): Promise<Summary> {
    const end = to ?? await this.now(), notes = await this.notes();
    const drawn = notes.drawn.filter((d) => d.at >= from && d.at <= end), read = notes.read.filter((r) => r.at >= from && r.at <= end);
    const heights: Record<number, number> = {};
    for (const height of new Set(drawn.map((d) => d.height))) heights[height] = drawn.filter((d) => d.height === height).length / drawn.length;
    const longest = (times: number[]) => Math.round(Math.max(...times.slice(1).map((t, i) => t - times[i]!)));
    const sum = { decoded: 0, concealed: 0, gaps: 0, samples: 0, gap: 0 }, heard: number[] = [];
    let run = 0;
    for (const [i, r] of read.slice(1).entries()) {
      // A new connection counts from nought again.
      const last = read[i]!, before = r.samples < last.samples || r.packets < last.packets ? { decoded: 0, packets: 0, events: 0, concealed: 0, samples: 0 } : last;
      if (r.packets > before.packets) heard.push(r.at);
      // What is concealed begins a gap when the browser counts another event, else it is the rest of the one before. Of several within
      // one reading the others are taken to be as short as they can be, 10 ms: what browsers play sound in.
      const ms = (r.concealed - before.concealed) / 48;
      if (ms <= 0) run = 0; else if (r.events > before.events) run = ms - 10 * (r.events - before.events - 1); else run += ms;
      sum.gap = Math.max(sum.gap, run);
      sum.concealed += ms;
      sum.gaps += r.events - before.events;
      sum.samples += r.samples - before.samples;
      sum.decoded += Math.max(0, r.decoded - before.decoded);
    }
    const ms = read.length > 1 ? read.at(-1)!.at - read[0]!.at : Infinity, tenth = (n: number) => Math.round(n * 10) / 10;
    return {
      seconds: tenth((end - from) / 1000), drawn: tenth((1000 * drawn.length) / (end - from)), decoded: tenth((1000 * sum.decoded) / ms), heights, freeze: longest([from, ...drawn.map((d) => d.at), end]),
      gap: Math.round(sum.gap), concealed: Math.round(sum.concealed), gaps: sum.gaps, played: Math.round((100 * sum.samples) / 48 / ms) / 100, silence: longest([from, ...heard, end]),
      counts: Object.fromEntries(counted.map((k) => [k, (read.at(-1)?.counts[k] ?? 0) - (read[0]?.counts[k] ?? 0)])),
    };
  }
}

/**
 * Notes each picture of somebody's camera as the page's own tile draws it, and reads the statistics every 50 ms; also when connections,
 * tiles or the leaf are others after a while. The page asks for so many lines, as a window of that size would.
 */
export async function watch(by: Player, name: string, height: number): Promise<Watched> {
  await by.tab.run(([who, lines, names]) => {
    const call = window.__huisclos!.call, ask = call.setTiles.bind(call), known = new WeakSet<HTMLVideoElement>();
    call.setTiles = () => undefined;
    const notes: { drawn: unknown[]; read: unknown[] } = { drawn: [], read: [] };
    (window as unknown as { __watched: unknown }).__watched = notes;
    let asked = -1;
    const look = async () => {
      const person = call.people.value.find((p) => p.name === who && !p.me), track = person?.camera?.getVideoTracks()[0];
      if (person && person.leaf !== asked) { asked = person.leaf; ask([{ leaf: person.leaf, kind: 'camera', height: lines }]); }
      for (const video of document.querySelectorAll('video')) {
        if (!track || known.has(video) || (video.srcObject as MediaStream | null)?.getVideoTracks()[0] !== track) continue;
        known.add(video);
        const note = (at: number, frame: VideoFrameCallbackMetadata) => { notes.drawn.push({ at, height: frame.height }); video.requestVideoFrameCallback(note); };
        video.requestVideoFrameCallback(note);
      }
      const r = { counts: {} as Record<string, number>, at: 0, decoded: 0, packets: 0, events: 0, concealed: 0, samples: 0 };
      (await window.__huisclos!.connections().down?.getStats().catch(() => null))?.forEach((s: Record<string, number | string>) => {
        if (s.type !== 'inbound-rtp') return;
        const n = (k: string) => Number(s[k] ?? 0);
        if (s.kind === 'video') { r.decoded += n('framesDecoded'); for (const k of names) r.counts[k] = (r.counts[k] ?? 0) + n(k); }
        if (s.kind === 'audio') { r.packets += n('packetsReceived'); r.events += n('concealmentEvents'); r.concealed += n('concealedSamples'); r.samples += n('totalSamplesReceived'); }
      });
      r.at = performance.now();
      notes.read.push(r);
      setTimeout(look, 50);
    };
    void look();
  }, [name, height, counted] as const);
  const w = new Watched(by);
  await until(`pictures of ${name}`, async () => (await w.since(await w.now() - 1000)).drawn > 0, 30_000);
  return w;
}

/**
 * What is heard: one element per stream, outside the page, on the chosen output. A browser that wants a touch first is
 * reported, and `resume` is called from that touch.
 */
import type { CallSignals, Person } from "./state.ts";

type Player = HTMLAudioElement & { setSinkId?(id: string): Promise<void> };

export class Sound {
  private readonly players = new Map<MediaStream, Player>();
  private sink = "";

  constructor(private readonly s: CallSignals, sink: string) { this.sink = sink; }

  /** Plays the streams of everybody else, and stops those that are gone. */
  follow(people: Person[]): void {
    if (typeof Audio === "undefined") return;
    const wanted = new Set<MediaStream>();
    for (const p of people) if (!p.me) for (const stream of [p.audio, p.screenAudio]) if (stream) wanted.add(stream);
    for (const [stream, player] of this.players) if (!wanted.has(stream)) { player.pause(); player.srcObject = null; this.players.delete(stream); }
    for (const stream of wanted) {
      if (this.players.has(stream)) continue;
      const player: Player = new Audio();
      player.autoplay = true;
      player.srcObject = stream;
      this.players.set(stream, player);
      this.route(player);
      void this.play(player);
    }
    if (this.players.size === 0) this.s.soundBlocked.value = false;
  }

  setSink(id: string): void { this.sink = id; for (const p of this.players.values()) this.route(p); }

  async resume(): Promise<void> { await Promise.all([...this.players.values()].map((p) => this.play(p))); }

  /** Two soft notes on the chosen output. */
  async test(): Promise<void> {
    if (typeof AudioContext === "undefined") return;
    const ctx = new AudioContext() as AudioContext & { setSinkId?(id: string): Promise<void> };
    try {
      if (this.sink !== "" && ctx.setSinkId) await ctx.setSinkId(this.sink).catch(() => undefined);
      await ctx.resume();
      const gain = ctx.createGain();
      gain.connect(ctx.destination);
      gain.gain.setValueAtTime(0.0001, ctx.currentTime);
      gain.gain.exponentialRampToValueAtTime(0.2, ctx.currentTime + 0.05);
      gain.gain.exponentialRampToValueAtTime(0.0001, ctx.currentTime + 0.9);
      for (const [i, hz] of [523.25, 659.25].entries()) {
        const o = ctx.createOscillator();
        o.frequency.value = hz;
        o.connect(gain);
        o.start(ctx.currentTime + i * 0.3);
        o.stop(ctx.currentTime + 0.9);
      }
      await new Promise((done) => setTimeout(done, 1000));
    } finally { await ctx.close(); }
  }

  close(): void { for (const p of this.players.values()) { p.pause(); p.srcObject = null; } this.players.clear(); this.s.soundBlocked.value = false; }

  private route(player: Player): void { if (player.setSinkId && (this.sink !== "" || player.sinkId)) void player.setSinkId(this.sink).catch(() => undefined); }

  private async play(player: Player): Promise<void> {
    try {
      await player.play();
      if ([...this.players.values()].every((p) => !p.paused)) this.s.soundBlocked.value = false;
    } catch (e) {
      if ((e as { name?: string }).name === "NotAllowedError") this.s.soundBlocked.value = true;
    }
  }
}

/**
 * VP9 in spatial layers, which no client that is handed out asks for yet: two Chromium send it to each other, each receiver gets as much of it as its tile needs, and with the first
 * who can't take it everybody is back in VP8.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import { until } from './harness/browser.ts';
import { arrive, gather, scatter, type Player } from './harness/cast.ts';
import { watch } from './harness/watch.ts';

let h: House;
before(async () => { h = await house(3); });
after(async () => { await h?.appliance.end(); });

interface Line { codec: string; height: number; keys: number; frames: number; mode: string; plis: number }
/** What is sent or received of cameras now, by the browser's statistics. */
const lines = (p: Player, way: 'up' | 'down'): Promise<Line[]> => p.tab.run(async (w) => {
  const all: Record<string, string & number>[] = [], out: Line[] = [];
  (await window.__huisclos!.connections()[w]?.getStats())?.forEach((s: Record<string, string & number>) => all.push(s));
  for (const s of all) {
    if (s.kind !== 'video' || s.type !== (w === 'up' ? 'outbound-rtp' : 'inbound-rtp') || (w === 'up' && (!s.rid || !(s as unknown as { active: boolean }).active))) continue; // a screen has no rid
    out.push({ codec: all.find((c) => c.id === s.codecId)?.mimeType ?? '', height: s.frameHeight ?? 0, keys: s.keyFramesDecoded ?? 0, frames: s.framesDecoded ?? s.framesEncoded ?? 0, mode: s.scalabilityMode ?? '', plis: s.pliCount ?? 0 });
  }
  return out;
}, way);
const shows = (p: Player, height: number) => p.tab.run((lines_) => {
  const call = window.__huisclos!.call, other = call.people.value.find((x) => !x.me)!;
  const ask = (window as unknown as { __ask?: typeof call.setTiles }).__ask ??= call.setTiles.bind(call);
  call.setTiles = () => undefined;
  ask([{ leaf: other.leaf, kind: 'camera', height: lines_ }]);
}, height);
const pause = (ms: number) => new Promise((done) => { setTimeout(done, ms); });

test('VP9 in spatial layers where everybody takes it, VP8 as soon as one does not', { timeout: 150_000 }, async () => {
  const players = await gather(h, ['chromium', 'chromium'], { look: { width: 1280, height: 720 }, size: { width: 1280, height: 720, fps: 12, frames: 48 },
    prepare: (p) => p.tab.run(() => { localStorage.setItem('huisclos.vp9', 'on'); }) });
  const [a, b] = players as [Player, Player], began = Date.now();
  const say = (what: string) => console.log(`  ${((Date.now() - began) / 1000).toFixed(1)} s: ${what}`);
  try {
    const whole = async (p: Player) => {
      const up = await lines(p, 'up'), down = await lines(p, 'down');
      return up.length === 1 && up[0]!.codec === 'video/VP9' && /^L[23]T3$/.test(up[0]!.mode) && down.some((d) => d.codec === 'video/VP9' && d.height === 720);
    };
    try {
      await until('both send spatial layers and see the highest', async () => (await whole(a)) && (await whole(b)), 40_000);
    } catch (e) { throw new Error(`${(e as Error).message}\n${JSON.stringify([await lines(a, 'up'), await lines(a, 'down'), await lines(b, 'up'), await lines(b, 'down')])}\n${await a.report()}`); }
    say(`both see 720 lines of VP9: ${JSON.stringify(await lines(b, 'down'))}`);
    await Promise.all([a.sensesOf(b), b.sensesOf(a)]);

    // A small tile: fewer layers at once, and no key picture for it, while the sender goes on as before.
    await until('a second without a key picture', async () => { const l = (await lines(b, 'down'))[0]!; await pause(2000); return (await lines(b, 'down'))[0]!.keys === l.keys; }, 20_000);
    const before = (await lines(b, 'down'))[0]!;
    await shows(b, 150);
    const small = await until('the lowest layer in a small tile', async () => { const l = (await lines(b, 'down'))[0]!; return l.height === 180 && l.frames > before.frames ? l : null; }, 4_000);
    const sender = (await lines(a, 'up'))[0]!;
    say(`a small tile has 180 lines, the sender ${sender.mode} of ${sender.height}; ${JSON.stringify(before)} ${JSON.stringify(small)}`);
    assert.equal(sender.height, 720, 'the sender goes on');
    assert.equal(small.keys, before.keys, 'no key picture for leaving layers out');
    assert.equal(small.codec, 'video/VP9');
    assert.ok((await lines(a, 'down')).some((l) => l.height === 720), 'the other sees as much as before');
    // In time, what nobody receives is not sent any more; and it comes back.
    await until('the sender leaves out what nobody receives', async () => (await lines(a, 'up'))[0]?.mode === 'L1T3', 15_000);
    await shows(b, 720);
    await until('the highest layer again', async () => (await lines(b, 'down'))[0]!.height === 720, 15_000);
    say('and 720 lines again');

    const watched = await watch(a, b.account.name, 720), from = await watched.now();
    const c = await arrive(h, 2, 'firefox', { look: { width: 900, height: 560 } });
    players.push(c);
    await c.start();
    await a.admits(c.account.name);
    await c.reaches('in-call');
    say('Firefox is in the call');
    await Promise.all([a.sees(3), b.sees(3)]);
    // What is watched has the page's own wishes in its hands: the newcomer is wished for as well.
    for (const p of [a, b]) await p.tab.run(() => {
      const call = window.__huisclos!.call, wish = (Object.getPrototypeOf(call) as typeof call).setTiles;
      wish.call(call, call.people.value.filter((x) => !x.me).map((x) => ({ leaf: x.leaf, kind: 'camera' as const, height: 360 })));
    });
    await Promise.all([c.sensesOf(a, { ms: 15_000 }), c.sensesOf(b, { ms: 15_000 }), a.sensesOf(c), b.sensesOf(c)]);
    await Promise.all([a.sensesOf(b), b.sensesOf(a)]);
    for (const p of [a, b]) for (const l of await lines(p, 'up')) assert.equal(l.codec, 'video/VP8');
    const seen = await watched.since(from);
    say(`everybody sees everybody in VP8; one Chromium of the other, meanwhile: ${JSON.stringify(seen)}`);
    assert.ok(seen.freeze < 3000, `a freeze of ${seen.freeze} ms`);
    await c.tab.run(() => { window.__huisclos!.call.leave(); });
    await Promise.all([a.sees(2), b.sees(2)]);
    await pause(2000);
    for (const p of [a, b]) for (const l of await lines(p, 'up')) assert.equal(l.codec, 'video/VP8', 'whoever left may be back in a moment');
    await Promise.all([a.sensesOf(b), b.sensesOf(a)]);
  } finally { await scatter(players); }
});

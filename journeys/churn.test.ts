/** Twenty joins and leaves, and those who stay see no freeze over 300 ms. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import { arrive, gather, scatter, type Player } from './harness/cast.ts';

let h: House;
let players: Player[] = [];
before(async () => { h = await house(3); });
after(async () => { await h?.appliance.end(); });
afterEach(async () => { await scatter(players); players = []; });

test('twenty times in and out: no freeze over 300 ms', { timeout: 300_000 }, async () => {
  players = await gather(h, ['chromium', 'chromium']);
  const [host, other] = players as [Player, Player];
  await host.sensesOf(other);
  const third = await arrive(h, 2, 'chromium', { mic: false, cam: false });
  players.push(third);
  const leaf = (await host.people()).find((p) => !p.me)!.leaf;
  // Time between two pictures that were really drawn, as the browser presents them.
  await host.tab.run((l) => {
    const stream = window.__huisclos!.call.people.value.find((p) => p.leaf === l)!.camera!, video = document.createElement('video');
    video.muted = true;
    video.srcObject = stream;
    document.body.append(video);
    void video.play();
    const gaps: { gap: number; at: number }[] = [];
    (window as unknown as { __gaps: typeof gaps }).__gaps = gaps;
    let last = 0;
    const drawn = (now: number) => { if (last) gaps.push({ gap: now - last, at: now }); last = now; video.requestVideoFrameCallback(drawn); };
    video.requestVideoFrameCallback(drawn);
  }, leaf);
  await new Promise((done) => setTimeout(done, 3000));
  const gaps = () => host.tab.run(() => (window as unknown as { __gaps: { gap: number; at: number }[] }).__gaps);
  const quiet = (await gaps()).map((g) => g.gap), usual = Math.max(...quiet.slice(5));
  const from = (await gaps()).length, epoch = (await host.words())!.epoch;
  for (let i = 0; i < 20; i++) {
    await third.start();
    await host.admits(third.account.name);
    await third.reaches('in-call');
    await third.tab.run(() => window.__huisclos!.call.leave());
    await third.reaches('ended');
    await host.sees(2);
  }
  const frames = await host.tab.run((l) => JSON.stringify(window.__huisclos!.call.people.value.find((p) => p.leaf === l)!.frames.value), leaf);
  const during = (await gaps()).slice(from).map((g) => g.gap).sort((a, b) => b - a);
  console.log(`epochs ${epoch} → ${(await host.words())!.epoch}; ${during.length} pictures; longest gaps ${during.slice(0, 5).map(Math.round).join(', ')} ms; in quiet times ${Math.round(usual)} ms; ${frames}`);
  assert.ok((await host.words())!.epoch >= epoch + 40, 'every join and every leave is an epoch');
  assert.ok(during.length > 100);
  assert.ok(during[0]! <= Math.max(300, usual + 200), `a freeze of ${Math.round(during[0]!)} ms`);
});

/** A nonce never repeats: not when a share starts and stops a hundred times, not when the frame worker dies. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import { until } from './harness/browser.ts';
import { gather, scatter, type Player } from './harness/cast.ts';

let h: House;
let players: Player[] = [];
before(async () => { h = await house(2); });
after(async () => { await h?.appliance.end(); });
afterEach(async () => { await scatter(players); players = []; });

const used = (p: Player) => p.tab.run(async () => (await window.__huisclos!.kidctr()).map((k) => `${k.group}/${k.epoch} ${k.kid} ${k.ctr}`));

test('a hundred shares and a dead frame worker: no (KID, CTR) twice', { timeout: 240_000 }, async () => {
  // ASVS 11.3.4
  players = await gather(h, ['chromium', 'chromium']);
  const [a, b] = players as [Player, Player];
  await b.sensesOf(a);
  await a.tab.run(async () => {
    const call = window.__huisclos!.call;
    for (let i = 0; i < 100; i++) {
      await call.shareScreen();
      await new Promise((done) => setTimeout(done, 120));
      call.stopShare();
      await new Promise((done) => setTimeout(done, 20));
    }
  });
  const shares = await used(a);
  assert.equal(new Set(shares).size, shares.length, 'no repeated (KID, CTR) over a hundred shares');
  assert.ok(shares.some((k) => Number(k.split(' ')[1]) >>> 24 === 2), 'the screen was sealed too');

  // The worker dies as a crash kills it. The page asks for a commit of its own before the next one seals.
  const epoch = (await a.words())!.epoch, before = shares.length;
  await a.tab.run(() => window.__huisclos!.keep());
  const page = (a.tab as unknown as { page: { workers(): { url(): string; evaluate(f: string): Promise<unknown> }[] } }).page;
  const frames = page.workers().find((w) => /\/w\/frame/.test(w.url()));
  assert.ok(frames, 'the frame worker is found');
  await frames.evaluate('self.close()').catch(() => undefined);
  await until('a new epoch', async () => (await a.words())!.epoch > epoch, 40_000);
  await b.sensesOf(a, { ms: 30_000 });
  const all = await used(a);
  assert.ok(all.length > before + 20, 'it seals again');
  assert.equal(new Set(all).size, all.length, 'no repeated (KID, CTR) over the death of the worker');
});

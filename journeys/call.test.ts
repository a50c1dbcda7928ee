/** Two browsers in a sealed call: each sees the other's numbers and hears the other's tones, and both show the same twelve words. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import type { Engine } from './harness/browser.ts';
import { full } from './harness/clip.ts';
import { gather, sameWords, scatter } from './harness/cast.ts';

let h: House;
before(async () => { h = await house(2); });
after(async () => { await h?.appliance.end(); });

for (const engines of [['chromium', 'chromium'], ['chromium', 'firefox'], ['firefox', 'firefox']] as Engine[][]) {
  test(`${engines.join(' ↔ ')}: pictures and sound both ways, the same words`, async () => {
    const players = await gather(h, engines, { size: full });
    try {
      const [a, b] = players;
      await Promise.all([a!.sensesOf(b!), b!.sensesOf(a!)]);
      const words = await sameWords(players);
      assert.ok(new Set(words).size > 1, 'twelve equal words would be no words');
      for (const p of players) {
        const other = (await p.people()).find((x) => !x.me)!;
        assert.deepEqual([other.mic, other.cam, other.refused], [true, true, null]);
      }
    } finally { await scatter(players); }
  });
}

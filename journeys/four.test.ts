/** Four people, two engines: each sees and hears the three others, as themselves. */
import { after, before, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import { gather, sameWords, scatter } from './harness/cast.ts';

let h: House;
before(async () => { h = await house(4); });
after(async () => { await h?.appliance.end(); });

test('four people, Chromium and Firefox mixed', async () => {
  // Four browsers fill two cores; smaller windows leave more of them to the calls.
  const players = await gather(h, ['chromium', 'firefox', 'chromium', 'firefox'], { look: { width: 900, height: 560 } });
  try {
    for (const a of players) {
      await Promise.all(players.filter((b) => b !== a).map((b) => a.sensesOf(b, { ms: 90_000 })));
      await a.tab.run(() => window.__readers!.rest());
    }
    await sameWords(players);
  } finally { await scatter(players); }
});

/** Two browsers in a sealed call: each sees the other's numbers and hears the other's tones, and both show the same twelve words. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import { open, until, type Engine } from './harness/browser.ts';
import { full, small } from './harness/clip.ts';
import { gather, Player, sameWords, scatter, signIn } from './harness/cast.ts';

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

test('who presses the button the moment that it is there comes in with camera and microphone', async () => {
  const account = h.members[0]!, person = await open({ engine: 'chromium', id: 1, size: small });
  try {
    const tab = await person.tab(), player = new Player(person, tab, account, h);
    await signIn(tab, h, account);
    await tab.goto(`${h.appliance.url}/`);
    await tab.run((link) => {
      new MutationObserver(() => {
        [...document.querySelectorAll<HTMLButtonElement>('.door__side button')].find((b) => ['Entrer', 'Enter'].includes(b.textContent!.trim()))?.click();
      }).observe(document.body, { childList: true, subtree: true });
      history.pushState(null, '', link);
      dispatchEvent(new PopStateEvent('popstate'));
    }, h.room.link);
    await until('the call', () => tab.run(() => window.__huisclos?.call.state.value.phase === 'in-call'), 30_000);
    await until('camera and microphone', async () => { const me = (await player.people()).find((p) => p.me); return me?.mic && me.cam; }, 10_000);
  } finally { await person.close(); }
});

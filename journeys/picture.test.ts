/** Pictures of a call for people to look at, in build/screenshots/picture-*: a real sealed call, with drawn persons before the cameras. */
import path from 'node:path';
import { after, before, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import { until } from './harness/browser.ts';
import { gather, scatter } from './harness/cast.ts';

const pictures = path.join(process.env.HUISCLOS_TOP ?? '.', 'build/screenshots');
let h: House;
before(async () => { h = await house(3); });
after(async () => { await h?.appliance.end(); });

test('three people, the seal opened, wide and on a phone', async () => {
  const players = await gather(h, ['chromium', 'firefox', 'chromium'], { portrait: true, size: { width: 640, height: 360, fps: 10, frames: 1 }, look: { lang: 'fr' } });
  try {
    const host = players[0]!, t = host.tab;
    await until('three pictures', () => t.run(() => [...document.querySelectorAll('video')].filter((v) => v.videoWidth > 0 && v.readyState >= 2).length >= 3), 30_000);
    await new Promise((done) => setTimeout(done, 2500));
    await t.screenshot(path.join(pictures, 'picture-call.png'));
    await t.press('k');
    await until('the seal\'s panel', () => t.run(() => document.querySelector('aside') !== null), 5000);
    await new Promise((done) => setTimeout(done, 1500));
    await t.screenshot(path.join(pictures, 'picture-seal.png'));
    await t.press('k');
    await t.resize(360, 720);
    await new Promise((done) => setTimeout(done, 1500));
    await t.screenshot(path.join(pictures, 'picture-phone.png'));
  } finally { await scatter(players); }
});

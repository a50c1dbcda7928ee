/** "Test my connection" on the real page: all open, UDP blocked, media blocked; in both browsers, on a phone's width, with axe. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import { open, until, type Engine, type Tab } from './harness/browser.ts';
import { signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const pictures = path.join(process.env.HUISCLOS_TOP ?? '.', 'build/screenshots');
const nft = ['/usr/sbin/nft', '/sbin/nft', '/usr/bin/nft'].find(existsSync) ?? 'nft';
const drop = (what: string) => `table inet journeys {\n chain input {\n  type filter hook input priority 0;\n  ${what}\n }\n}\n`;

let h: House;
before(async () => { h = await house(1); });
after(async () => { await h?.appliance.end(); });

/** Runs the test on the page that is open, and gives what it concludes. */
async function conclusion(t: Tab): Promise<string> {
  await t.run(() => { document.querySelector<HTMLButtonElement>('main .button--primary')!.click(); });
  await until('a test begins', () => t.run(() => document.querySelector('.ways .spinner') !== null));
  return until('a conclusion', () => t.run(() => /\[([a-z-]+)\]$/.exec(document.querySelector('.report')?.textContent ?? '')?.[1] ?? null), 30_000);
}

async function faults(t: Tab): Promise<string[]> {
  await (t as unknown as { page: { evaluate(text: string): Promise<unknown> } }).page.evaluate(axe);
  return t.run(async () => {
    type Axe = { run(o: unknown): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    const r = await (window as unknown as { axe: Axe }).axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return [...r.violations.map((v) => `${v.id}: ${v.nodes[0]!.html.slice(0, 160)}`), ...(document.documentElement.scrollWidth > innerWidth + 1 ? ['wider than the window'] : [])];
  });
}

for (const engine of ['chromium', 'firefox'] as Engine[]) {
  test(`${engine}: what passes and what does not`, { timeout: 240_000 }, async () => {
    const person = await open({ engine, id: 1, size: small }), tab = await person.tab();
    try {
      await signIn(tab, h, h.owner);
      // Without UDP and ICE-TCP the relay inside TLS is left. Chromium is told to take the appliance's own certificate; Firefox does so for pages alone.
      for (const [lang, width, blocked, want] of [
        ['fr', 360, '', 'good'], ['en', 1280, 'meta l4proto udp drop', 'udp-blocked'],
        ['en', 360, 'meta l4proto udp drop; tcp dport 8443 @ih,0,8 0 drop; tcp dport 8443 @ih,0,8 1 drop', engine === 'chromium' ? 'relay-only' : 'media-blocked'],
      ] as const) {
        await tab.resize(width, 740);
        await tab.run((l) => { localStorage.setItem('huisclos.lang', l); }, lang);
        await tab.goto(`${h.appliance.url}/test`);
        await until('the page', () => tab.run(() => document.querySelector('main .button--primary') !== null));
        assert.deepEqual(await faults(tab), []);
        if (blocked) execFileSync(nft, ['-f', '-'], { input: drop(blocked.replaceAll('; ', '\n  ')) });
        try { assert.equal(await conclusion(tab), want); } finally { if (blocked) execFileSync(nft, ['delete', 'table', 'inet', 'journeys']); }
        assert.deepEqual(await faults(tab), []);
        await tab.screenshot(path.join(pictures, `connection-${engine}-${want}.png`));
      }
    } finally { await person.close(); }
  });
}

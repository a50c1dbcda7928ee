/**
 * Every page, in French and English, light and dark, wide and at 360 px: axe finds nothing, nothing is cut off sideways,
 * and the content policy refuses nothing. Pictures of each are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Appliance, house, type House } from './harness/appliance.ts';
import { open, until, type Person, type Tab } from './harness/browser.ts';
import { full, small } from './harness/clip.ts';
import { arrive, Player, scatter, signIn } from './harness/cast.ts';
import { short } from './harness/form.ts';
import { faultsOf, pageOf, refusedByPolicy, type Sight } from './harness/sight.ts';

/** Each page in all four corners: both languages, both themes, both widths, in pairs that differ; in the short form in two that have nothing in common. */
const looks: Sight[] = short ? [{ lang: 'fr', theme: 'light', width: 1280 }, { lang: 'en', theme: 'dark', width: 360 }] : [
  { lang: 'fr', theme: 'light', width: 1280 }, { lang: 'en', theme: 'dark', width: 1280 }, { lang: 'en', theme: 'light', width: 360 }, { lang: 'fr', theme: 'dark', width: 360 },
];
const faults: string[] = [];

let h: House, bare: Appliance, person: Person, tab: Tab;
before(async () => {
  h = await house(2);
  bare = await Appliance.start({ port: 8444 });
  person = await open({ engine: 'chromium', id: 1, size: small });
  tab = await person.tab();
});
after(async () => {
  await person?.close();
  await bare?.end();
  await h?.appliance.end();
});

async function wear(t: Tab, look: Sight): Promise<void> {
  await pageOf(t).emulateMedia({ colorScheme: look.theme, reducedMotion: 'reduce' });
  await t.resize(look.width, look.width === 360 ? 720 : 800);
  await t.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
}

const check = async (t: Tab, name: string, look: Sight, lang?: string) => { faults.push(...await faultsOf(t, name, look, lang)); };

async function every(name: string, address: string, ready: (t: Tab) => Promise<unknown>, lang?: string): Promise<void> {
  for (const look of looks) {
    await wear(tab, look);
    await tab.goto('about:blank');
    await tab.goto(address);
    await until(`${name} is drawn`, () => tab.run(() => document.querySelector('h1') !== null && !document.querySelector('.spinner, .skeleton')), 15_000).catch(() => undefined);
    await ready(tab);
    await check(tab, name, look, lang);
  }
}
const nothing = async () => undefined;
const verdict = () => { const found = faults.splice(0); assert.deepEqual(found, []); };

test('before anybody is signed in', { timeout: 180_000 }, async () => {
  await tab.goto(`${h.appliance.url}/about`);
  await every('about', `${h.appliance.url}/about`, nothing);
  await every('sign-in', `${h.appliance.url}/`, nothing);
  await every('sign-in-to-room', h.room.link, nothing);
  const made = await h.admin.must('POST', '/api/admin/accounts', { name: 'Eve Essai', email: 'eve@example.test', role: 'organiser' });
  await every('activate', (made.activation as { url: string }).url, nothing);
  await every('activate-bad', `${h.appliance.url}/activate#AAAAAAAAAAAAAAAAAAAAAA`, nothing);
  await every('console-sign-in', `${h.appliance.url}/console/`, nothing);
  await tab.goto(`${bare.url}/about`);
  await every('setup', `${bare.url}/console/setup`, nothing);
  verdict();
});

test('signed in: rooms, account, links that lead nowhere, the door', { timeout: 180_000 }, async () => {
  await signIn(tab, h, h.owner);
  await every('rooms', `${h.appliance.url}/`, async (t) => { await until('the room is listed', () => t.run(() => document.body.innerText.includes('Salle des essais'))); });
  await every('account', `${h.appliance.url}/account`, nothing);
  await every('bad-link', `${h.appliance.url}/r/${h.room.id}`, nothing);
  await every('unknown-room', `${h.appliance.url}/r/AAAAAAAAAAAAAAAAAAAAAA#${h.owner.id}`, nothing);
  // The server's own page says its sentence in both languages, the browser's first; it knows nothing of the choice made in the client.
  await every('not-found', `${h.appliance.url}/account/nowhere`, async (t) => { for (const s of [/Retour à l'accueil/, /Back to the start/]) assert.match(await t.run(() => document.body.innerText), s); }, 'en');
  await every('door', h.room.link, async (t) => { await until('the preview', () => t.run(() => window.__huisclos?.call.ownCamera.value !== null)); });
  verdict();
});

test('the console', { timeout: 300_000 }, async () => {
  await signIn(tab, h, h.ada);
  for (const section of ['', 'accounts', 'directory', 'calls', 'policy', 'profiles', 'proposals', 'audit', 'about', 'account', 'nowhere']) await every(`console-${section || 'overview'}`, `${h.appliance.url}/console/${section}`, nothing);
  verdict();
});

test('the call: alone, waiting, together, each panel, and after', { timeout: 300_000 }, async () => {
  const host = await arrive(h, 0, 'chromium', { size: full }), guest = await arrive(h, 1, 'chromium', { clip: false });
  try {
    const t = host.tab;
    const again = async (p: Player) => { await p.tab.reload(); await p.prepare(); await p.start(); await p.reaches('in-call'); };
    await host.start();
    await host.reaches('in-call');
    for (const look of looks) {
      await wear(t, look);
      await again(host);
      await check(t, 'call-alone', look);
      // Somebody knocks; the first time only.
      if ((await guest.phase()) === 'idle') { await guest.start(); await guest.reaches('waiting-lobby'); }
    }
    for (const look of looks) { await wear(guest.tab, look); await check2(guest, 'waiting', look); }
    await t.press('p');
    await check(t, 'call-lobby', looks.at(-1)!);
    await host.admits(guest.account.name);
    await guest.reaches('in-call');
    await guest.tab.run(async () => { await window.__huisclos!.call.send('Bonjour, vous m’entendez ?'); });
    await guest.tab.run(async () => { await window.__huisclos!.call.shareScreen(); });
    for (const look of looks) {
      await wear(t, look);
      await again(host);
      await host.sees(2);
      // On a phone what is shared fills the screen, and the camera is not asked for.
      if (look.width > 360) await host.sensesOf(guest, { sound: false });
      const leaf = (await host.people()).find((p) => !p.me)!.leaf;
      await until('what is shared is seen', async () => (await host.frames(leaf, 'screenStream')).seen.filter((f) => f.id === guest.id + 8).length > 5);
      await guest.tab.run(async () => { await window.__huisclos!.call.send('Une phrase un peu plus longue, pour voir comment elle se plie.'); });
      await check(t, 'call', look);
      for (const [panel, key] of [['chat', 'c'], ['people', 'p'], ['seal', 'k']] as const) {
        await t.run(() => { (document.activeElement as HTMLElement | null)?.blur(); });
        await t.press(key);
        await until(`the ${panel} panel`, () => t.run(() => document.querySelector('aside') !== null), 5000);
        await check(t, `call-${panel}`, look);
        await t.run(() => { (document.activeElement as HTMLElement | null)?.blur(); });
        await t.press(key);
      }
    }
    assert.deepEqual(refusedByPolicy(t), []);
    await guest.tab.run(() => window.__huisclos!.call.leave());
    await guest.reaches('ended');
    for (const look of looks) { await pageOf(guest.tab).emulateMedia({ colorScheme: look.theme }); await guest.tab.resize(look.width, 720); await check(guest.tab, 'after', { ...look, lang: (await guest.tab.run(() => document.documentElement.lang)) as 'fr' | 'en' }); }
    verdict();
  } finally { await scatter([host, guest]); }

  async function check2(p: Player, name: string, look: Sight): Promise<void> {
    await p.tab.reload();
    await p.prepare();
    await p.start();
    await p.reaches('waiting-lobby');
    await check(p.tab, name, look);
  }
});

test('no policy of the pages was broken on the way', () => { assert.deepEqual(refusedByPolicy(tab), []); });

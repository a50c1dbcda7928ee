/**
 * The house as its administrator sets it: a name, by the settings, which holds at once and stands in the history; its looks, on
 * the door too; and where its certificate may come from. Pictures of each state are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import { open, until, type Person } from './harness/browser.ts';
import { signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { also } from './harness/form.ts';
import { reads } from './harness/keyboard.ts';
import { fill, touch } from './harness/pointer.ts';
import { faultsOf, pageOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const said = {
  fr: {
    name: /^Nom de l’organisation/, save: /^Enregistrer les changements$/, saved: /Les réglages sont enregistrés/, mail: /^Courriel$/, sources: /^Sources d’identité$/, all: /^Tous les réglages$/, history: /^Historique$/,
    colour: /^Code de la couleur/, pale: /trop claire/, take: /^Prendre/, use: /^Utiliser cette couleur$/, coloured: /La couleur est enregistrée/, logo: /Le logo est enregistré/, texts: /^Enregistrer les textes$/, written: /Les textes sont enregistrés/, legal: /^Mentions légales$/,
    served: /Certificat servi/, csr: /^Autorité interne \(CSR\)/,
  },
  en: {
    name: /^Name of the organisation/, save: /^Save the changes$/, saved: /The settings are saved/, mail: /^Mail$/, sources: /^Identity sources$/, all: /^All settings$/, history: /^History$/,
    colour: /^Code of the colour/, pale: /too light/, take: /^Take/, use: /^Use this colour$/, coloured: /The colour is saved/, logo: /The logo is saved/, texts: /^Save the texts$/, written: /The texts are saved/, legal: /^Legal notice$/,
    served: /Certificate in use/, csr: /^Internal authority \(CSR\)/,
  },
} as const;

const opened: Person[] = [];
let h: House | null = null;
afterEach(async () => {
  await Promise.all(opened.splice(0).map((p) => p.close().catch(() => undefined)));
  await h?.appliance.end();
  h = null;
});

async function furnished(look: Sight): Promise<void> {
  const w = said[look.lang], faults: string[] = [];
  h = await house(1);
  const url = h.appliance.url;
  const person = await open({ engine: 'chromium', id: 1, size: small, clip: false, look: { lang: look.lang, dark: look.theme === 'dark', width: look.width, height: look.width < 500 ? 780 : 860 } });
  opened.push(person);
  const t = await person.tab();
  await t.goto(`${url}/about`);
  await t.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
  const see = async (name: string) => { faults.push(...await faultsOf(t, `house-${name}`, look), ...refusedByPolicy(t)); };
  await signIn(t, h, h.ada);

  await t.goto(`${url}/console/settings`);
  await fill(t, w.name, 'Mairie de Lutèce');
  await see('changed');
  await touch(t, w.save);
  await reads(t, w.saved);
  for (const part of ['mail', 'sources', 'all'] as const) {
    await touch(t, w[part]);
    await see(part);
  }
  await touch(t, w.history);
  await reads(t, /→ Mairie de Lutèce/);
  await see('history');

  await t.goto(`${url}/console/appearance`);
  await until('the form', () => t.run(() => document.querySelector('input[type=color]') !== null));
  await fill(t, w.colour, '#ffcc00');
  await reads(t, w.pale);
  await see('pale');
  await touch(t, w.take);
  await until('the proposal', () => t.run(() => !/#ffcc00/i.test([...document.querySelectorAll('input')].map((i) => i.value).join(' '))));
  await touch(t, w.use);
  await reads(t, w.coloured);
  const drawn = await t.run(() => {
    const c = document.createElement('canvas'), x = c.getContext('2d');
    c.width = 300; c.height = 100;
    if (x) { x.fillStyle = '#224488'; x.fillRect(0, 0, 300, 100); }
    return c.toDataURL('image/webp').split(',')[1] ?? '';
  });
  await pageOf(t).setInputFiles('input[type=file]', { name: 'logo.webp', mimeType: 'image/webp', buffer: Buffer.from(drawn, 'base64') });
  await reads(t, w.logo);
  await pageOf(t).fill('textarea >> nth=1', 'Édité par la mairie.\n\nDirecteur : M. le maire.');
  await touch(t, w.texts);
  await reads(t, w.written);
  await see('looks');

  await t.goto(`${url}/console/tls`);
  await reads(t, w.served);
  await see('certificate');
  await touch(t, w.csr);
  await see('request');

  await pageOf(t).context().clearCookies();
  // Whoever reads it before the page knows who has come reads on.
  let knows = () => {};
  const asked = new Promise<void>((go) => { knows = go; });
  await pageOf(t).route('**/api/me', async (r) => { await asked; await r.continue(); });
  await t.goto(`${url}/`);
  await touch(t, w.legal);
  await reads(t, /Directeur : M. le maire/);
  knows();
  await until('the form of the sign-in', () => t.run(() => document.querySelector('input[type=password]') !== null));
  assert.ok(await t.run(() => /Directeur : M. le maire/.test(document.querySelector<HTMLElement>('dialog[open]')?.innerText.replaceAll('\u00a0', ' ') ?? '')), 'the dialog has closed by itself');
  await see('legal');
  assert.deepEqual(faults, []);
}

test('Chromium, French, a desktop: the house is named, dressed, and shows its certificate', { timeout: 180_000 }, () => furnished({ lang: 'fr', theme: 'light', width: 1280 }));
also('Chromium, English, a phone: the house is named, dressed, and shows its certificate', { timeout: 180_000 }, () => furnished({ lang: 'en', theme: 'dark', width: 390 }));

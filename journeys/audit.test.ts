/**
 * The audit log: an administrator searches it, by keyboard, finds nothing where there is nothing, reads an entry,
 * has the log verified, and takes a copy. Pictures of each state are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Appliance, setUp, type House } from './harness/appliance.ts';
import { open, until, type Person } from './harness/browser.ts';
import { signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { also } from './harness/form.ts';
import { pressOn, reads } from './harness/keyboard.ts';
import { fill, touch } from './harness/pointer.ts';
import { faultsOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const said = {
  fr: {
    started: /L’appareil a démarré/, person: /^Personne/, search: /^Chercher$/, none: /Aucune entrée ne répond/, clear: /^Effacer les critères$/, detail: /^Détail de l’entrée/,
    seals: /^Vérification et témoins$/, never: /n’a pas encore été vérifié/, verify: /^Vérifier le journal$/, fine: /Le journal est tel qu’il a été écrit/, noWitness: /Aucun témoin/, copied: /Télécharger en JSON Lines/, entries: /^Entrées$/,
  },
  en: {
    started: /The appliance started/, person: /^Person/, search: /^Search$/, none: /No entry meets/, clear: /^Clear the criteria$/, detail: /^Detail of entry/,
    seals: /^Verification and witnesses$/, never: /has not been verified yet/, verify: /^Verify the log$/, fine: /The log is as it was recorded/, noWitness: /No witness/, copied: /Download as JSON Lines/, entries: /^Entries$/,
  },
} as const;

const opened: Person[] = [];
let appliance: Appliance | null = null;
afterEach(async () => {
  await Promise.all(opened.splice(0).map((p) => p.close().catch(() => undefined)));
  await appliance?.end();
  appliance = null;
});

async function audited(look: Sight): Promise<void> {
  const w = said[look.lang], faults: string[] = [];
  appliance = await Appliance.start({});
  const { admin, ada } = await setUp(appliance), house = { appliance, admin, ada } as unknown as House;
  const person = await open({ engine: 'chromium', id: 1, size: small, clip: false, look: { lang: look.lang, dark: look.theme === 'dark', width: look.width, height: look.width < 500 ? 780 : 860 } });
  opened.push(person);
  const t = await person.tab();
  await t.goto(`${appliance.url}/about`);
  await t.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
  const see = async (name: string) => { faults.push(...await faultsOf(t, `audit-${name}`, look)); };
  await signIn(t, house, ada);
  await t.goto(`${appliance.url}/console/audit`);
  await reads(t, w.started);
  await see('entries');

  await fill(t, w.person, 'nobody@example.test');
  await pressOn(t, w.search);
  await reads(t, w.none);
  await see('none');
  await touch(t, w.clear);
  await reads(t, w.started);

  await touch(t, w.detail);
  await see('entry');
  await t.run(() => { document.querySelector<HTMLDialogElement>('dialog[open]')?.close(); });

  await touch(t, w.seals);
  await reads(t, w.never);
  await reads(t, w.noWitness);
  await pressOn(t, w.verify);
  await reads(t, w.fine);
  await see('verified');

  await touch(t, w.entries);
  await reads(t, w.copied);
  const copy = await until('the copy', () => t.run(async () => {
    const link = [...document.querySelectorAll<HTMLAnchorElement>('a[href*="format=jsonl"]')][0];
    return link ? await (await fetch(link.href)).text() : null;
  }));
  assert.match(copy, /^\{"export":"huisclos audit 1"/);
  assert.match(copy, /"action":"audit.verified"/);
  assert.match(copy, /\{"end":\d+,"checkpoint":"huisclos.audit\//);
  assert.deepEqual(refusedByPolicy(t), []);
  assert.deepEqual(faults, []);
}

also('Chromium, French, a desktop: the audit log is searched and verified', { timeout: 120_000 }, () => audited({ lang: 'fr', theme: 'light', width: 1280 }));
test('Chromium, English, a phone: the audit log is searched and verified', { timeout: 120_000 }, () => audited({ lang: 'en', theme: 'dark', width: 390 }));

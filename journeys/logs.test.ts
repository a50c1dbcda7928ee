/**
 * The service's own log in the console: an administrator reads it as it is written, looks for a text, finds nothing where there is
 * nothing, and has more written for an hour; then tries a collector that is not set. Pictures of each state are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Appliance, setUp, type House } from './harness/appliance.ts';
import { open, type Person } from './harness/browser.ts';
import { signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { also } from './harness/form.ts';
import { reads } from './harness/keyboard.ts';
import { fill, touch } from './harness/pointer.ts';
import { faultsOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const said = {
  fr: { title: /Journal du service/, text: /^Texte/, none: /Aucune ligne/, apply: /^Changer de niveau$/, until: /à partir du niveau « Débogage » jusqu’au/, back: /^Revenir aux réglages$/, info: /écrit à partir du niveau « Information »\./,
    shown: /lignes? montrées?/, syslog: /^Envoi du journal d’audit$/, test: /^Envoyer un message d’essai$/, nowhere: /envoyé nulle part/, seals: /^Vérification et témoins$/, collector: /Envoi à un collecteur/ },
  en: { title: /Service log/, text: /^Text/, none: /No line/, apply: /^Change the level$/, until: /from the level “Debugging” on until/, back: /^Back to the settings$/, info: /writes from the level “Information” on\./,
    shown: /lines? shown/, syslog: /^Forwarding the audit log$/, test: /^Send a test message$/, nowhere: /forwarded nowhere/, seals: /^Verification and witnesses$/, collector: /Forwarding to a collector/ },
} as const;

const opened: Person[] = [];
let appliance: Appliance | null = null;
afterEach(async () => {
  await Promise.all(opened.splice(0).map((p) => p.close().catch(() => undefined)));
  await appliance?.end();
  appliance = null;
});

async function read(look: Sight): Promise<void> {
  const w = said[look.lang], faults: string[] = [];
  appliance = await Appliance.start({});
  const { admin, ada } = await setUp(appliance), house = { appliance, admin, ada } as unknown as House;
  const person = await open({ engine: 'chromium', id: 1, size: small, clip: false, look: { lang: look.lang, dark: look.theme === 'dark', width: look.width, height: look.width < 500 ? 780 : 860 } });
  opened.push(person);
  const t = await person.tab();
  await t.goto(`${appliance.url}/about`);
  await t.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
  const see = async (name: string) => { faults.push(...await faultsOf(t, `logs-${name}`, look)); };
  await signIn(t, house, ada);
  await t.goto(`${appliance.url}/console/logs`);
  await reads(t, w.title);
  await reads(t, w.info);
  await touch(t, w.apply);
  await reads(t, w.until);
  await reads(t, w.shown); // that the level was changed is a line itself, and comes without a reload
  await see('lines');
  await fill(t, w.text, 'no such text anywhere');
  await reads(t, w.none);
  await see('none');
  await touch(t, w.back);
  await reads(t, w.info);

  await t.goto(`${appliance.url}/console/settings#syslog`);
  await touch(t, w.test);
  await reads(t, w.nowhere);
  await see('collector');
  await t.goto(`${appliance.url}/console/audit`);
  await touch(t, w.seals);
  await reads(t, w.collector);
  await see('seals');
  assert.deepEqual(refusedByPolicy(t), []);
  assert.deepEqual(faults, []);
}

also('Chromium, French, a desktop: the service log is read, and its level changed for a time', { timeout: 120_000 }, () => read({ lang: 'fr', theme: 'light', width: 1280 }));
test('Chromium, English, a phone: the service log is read, and its level changed for a time', { timeout: 120_000 }, () => read({ lang: 'en', theme: 'dark', width: 360 }));

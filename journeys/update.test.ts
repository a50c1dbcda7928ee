/**
 * Updates in the console: a file that nobody has signed is refused with a sentence, a signed one says what it is and is asked to be
 * installed; and since no service that installs runs beside this appliance, the page says so, and nothing was changed. Installing is
 * packaging/test-update's. Pictures are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Appliance, setUp, type House } from './harness/appliance.ts';
import { open, type Engine, type Person } from './harness/browser.ts';
import { signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { also } from './harness/form.ts';
import { reads } from './harness/keyboard.ts';
import { touch } from './harness/pointer.ts';
import { faultsOf, pageOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const said = {
  fr: { title: /Mises à jour/, none: /Aucune mise à jour n’a encore été demandée/, send: /^Envoyer et vérifier$/, refused: /Aucune des clés publiques d/, ready: /Prête à installer/, key: /Signée par/, install: /^Installer la version 99\.0\.0$/, running: /est en cours d’installation/, outcome: /Le service qui installe n'a pas pris la demande/, drop: /^Retirer ce fichier$/, dropped: /Fichier retiré/ },
  en: { title: /Updates/, none: /No update was asked for yet/, send: /^Send and check$/, refused: /None of the public keys here has signed/, ready: /Ready to install/, key: /Signed by/, install: /^Install version 99\.0\.0$/, running: /is being installed/, outcome: /The service that installs did not take the request/, drop: /^Remove this file$/, dropped: /File removed/ },
} as const;

const top = process.env.HUISCLOS_TOP ?? '.', made = mkdtempSync(path.join(tmpdir(), 'huisclos-update-')), keys = path.join(made, 'keys'), good = path.join(made, 'good.update'), bad = path.join(made, 'bad.update');
before(() => {
  const bundle = (...args: string[]) => execFileSync('go', ['run', './packaging/bundle', ...args], { cwd: top, stdio: ['ignore', 'pipe', 'pipe'] });
  const key = path.join(made, 'release.key'), payload = path.join(made, 'huisclos_99.0.0_amd64.deb');
  bundle('key', key);
  mkdirSync(keys, { mode: 0o755 });
  copyFileSync(`${key}.pub.pem`, path.join(keys, 'release.pem'));
  writeFileSync(payload, Buffer.alloc(300_000, 'not a package'));
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
  bundle('sign', '--key', key, '--package', payload, '--version', '99.0.0', '--architecture', architecture, '--database', '1000', '--out', good);
  const altered = readFileSync(good);
  altered[altered.length - 1]! ^= 1;
  writeFileSync(bad, altered);
});
after(() => { rmSync(made, { recursive: true, force: true }); });

const opened: Person[] = [];
let appliance: Appliance | null = null;
afterEach(async () => {
  await Promise.all(opened.splice(0).map((p) => p.close().catch(() => undefined)));
  await appliance?.end();
  appliance = null;
});

async function brought(engine: Engine, look: Sight): Promise<void> {
  const w = said[look.lang], faults: string[] = [];
  appliance = await Appliance.start({ settings: `[update]\nkeys = ${JSON.stringify(keys)}\n` });
  const { admin, ada } = await setUp(appliance), house = { appliance, admin, ada } as unknown as House;
  const person = await open({ engine, id: 1, size: small, clip: false, look: { lang: look.lang, dark: look.theme === 'dark', width: look.width, height: look.width < 500 ? 780 : 860 } });
  opened.push(person);
  const t = await person.tab();
  await t.goto(`${appliance.url}/about`);
  await t.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
  const see = async (name: string) => { faults.push(...await faultsOf(t, `update-${name}`, look)); };
  await signIn(t, house, ada);
  await t.goto(`${appliance.url}/console/updates`);
  await reads(t, w.title);
  await reads(t, w.none);
  await see('none');
  const choose = (file: string) => pageOf(t).setInputFiles('input[type=file]', file);
  await choose(bad);
  await touch(t, w.send);
  await reads(t, w.refused);
  await see('refused');
  await choose(good);
  await touch(t, w.send);
  await reads(t, w.ready);
  await reads(t, w.key);
  await see('ready');
  await touch(t, w.install);
  await see('confirm');
  await touch(t, w.install); // in the dialog
  await reads(t, w.running);
  await see('running');
  await reads(t, w.outcome, 90_000);
  await see('outcome');
  await touch(t, w.drop);
  await reads(t, w.dropped);
  assert.deepEqual([...faults, ...refusedByPolicy(t)], []);
}

test('Chromium, French, a desktop: an update is brought, checked and asked for', { timeout: 150_000 }, () => brought('chromium', { lang: 'fr', theme: 'light', width: 1280 }));
also('Chromium, English, a phone: an update is brought, checked and asked for', { timeout: 150_000 }, () => brought('chromium', { lang: 'en', theme: 'dark', width: 360 }));

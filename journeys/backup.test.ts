/**
 * A backup from the console to a blank machine: the administrator gives a public key, makes a backup, has it compared, downloads it; the
 * data are lost; the command restores the file that was downloaded into a blank folder, the appliance starts on it, and the administrator
 * signs in. Then the page of the protections. In French on a desktop, in English at a phone's width. Pictures are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { afterEach, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import { open, until, type Engine, type Person } from './harness/browser.ts';
import { signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { reads } from './harness/keyboard.ts';
import { touch } from './harness/pointer.ts';
import { faultsOf, pageOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const binary = process.env.HUISCLOS_BINARY ?? 'build/huisclos-testhook';
const said = {
  fr: { off: /Aucune sauvegarde ne se fait/, save: /^Enregistrer les changements$/, saved: /Les réglages sont enregistrés/, make: /^Faire une sauvegarde maintenant$/, compare: /^Comparer la sauvegarde/, intact: /Le fichier est intact/, close: /^Fermer$/, take: /^Télécharger la sauvegarde/, taken: /Le fichier est téléchargé/, well: /Tout va bien/, red: /Une protection au moins n’est pas en place/, open: /^Ce qui reste à voir$/ },
  en: { off: /No backup is made/, save: /^Save the changes$/, saved: /The settings are saved/, make: /^Make a backup now$/, compare: /^Compare the backup/, intact: /The file is intact/, close: /^Close$/, take: /^Download the backup/, taken: /The file is downloaded/, well: /All well/, red: /At least one protection is not in force/, open: /^What is left to look at$/ },
} as const;

function huisclos(...args: string[]): string {
  const r = spawnSync(binary, args, { encoding: 'utf8' });
  assert.equal(r.status, 0, `huisclos ${args.join(' ')}: ${r.stdout}${r.stderr}`);
  return r.stdout;
}

const opened: Person[] = [];
let h: House | null = null;
afterEach(async () => {
  await Promise.all(opened.splice(0).map((p) => p.close().catch(() => undefined)));
  await h?.appliance.end();
  h = null;
});

async function saved(engine: Engine, look: Sight): Promise<void> {
  const w = said[look.lang], faults: string[] = [];
  h = await house(1);
  const { appliance } = h, key = path.join(appliance.folder, 'backup.key');
  const made = JSON.parse(huisclos('backup', 'key', '--output', key, '--json')) as Record<string, string>;
  const publicKey = Object.values(made).find((v) => v.startsWith('age1pq1'));
  assert.ok(publicKey, `a public key is in ${JSON.stringify(made)}`);
  const person = await open({ engine, id: 1, size: small, clip: false, look: { lang: look.lang, dark: look.theme === 'dark', width: look.width, height: look.width < 500 ? 780 : 860 } });
  opened.push(person);
  const t = await person.tab();
  await t.goto(`${appliance.url}/about`);
  await t.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
  const see = async (name: string) => { faults.push(...await faultsOf(t, `backup-${name}`, look)); };
  await signIn(t, h, h.ada);

  await t.goto(`${appliance.url}/console/backups`);
  await reads(t, w.off);
  await see('none');
  // Pasted: it has two thousand characters.
  await t.run((text) => {
    const field = document.querySelector<HTMLTextAreaElement>('.setting textarea');
    if (!field) return;
    field.focus();
    field.setRangeText(text);
    field.dispatchEvent(new Event('input', { bubbles: true }));
  }, publicKey);
  await touch(t, w.save);
  await reads(t, w.saved);
  // The appliance looks once a minute whether one is due: it may have begun by itself.
  const rows = () => t.run(() => document.querySelectorAll('.table tbody tr').length);
  await until('one can be made', () => t.run((make) => [...document.querySelectorAll('button')].some((b) => new RegExp(make).test(b.textContent ?? '') && !b.disabled) || document.querySelectorAll('.table tbody tr').length > 0, w.make.source));
  if (await rows() === 0) await touch(t, w.make);
  await until('the backup is listed', async () => (await rows()) > 0);
  await see('made');
  await touch(t, w.compare);
  await reads(t, w.intact);
  await see('compared');
  await touch(t, w.close);
  // What the browser was handed is what is restored; Firefox, as it is driven here, keeps downloads to itself: there it is the file itself.
  let file = path.join(appliance.folder, 'taken.backup');
  const handed = engine === 'chromium' ? pageOf(t).waitForEvent('download') : null;
  await touch(t, w.take);
  await reads(t, w.taken);
  if (handed) await (await handed).saveAs(file);
  else file = path.join(`${appliance.data}.lost`, 'backups', await t.run(() => document.querySelector('.table tbody code')?.textContent ?? ''));

  await t.goto(`${appliance.url}/console/posture`);
  await reads(t, w.red); // a program that no service manager has started is not shut in as it should be
  const levels = await t.run(() => Object.fromEntries([...document.querySelectorAll<HTMLElement>('[data-line]')].map((l) => [l.dataset.line, l.dataset.level])));
  // This connection is one of TLS; nobody was in a meeting; no unit filters the calls to the kernel; it is a build for tests.
  assert.equal(levels['backup'], 'green');
  assert.equal(levels['dtls-srtp'], 'unknown');
  assert.equal(levels['mls'], 'unknown');
  assert.equal(levels['gate'], 'unknown');
  assert.equal(levels['seccomp'], 'red');
  assert.equal(levels['program'], 'red');
  assert.equal(levels['components'], 'green');
  assert.ok(['green', 'attention'].includes(String(levels['tls'])), `TLS is ${levels['tls']}`);
  await see('posture');
  await touch(t, w.open);
  await until('what is in order is hidden', () => t.run(() => document.querySelectorAll('[data-level=green]').length === 0 && document.querySelectorAll('[data-level=red]').length > 0));
  const components = await t.run(async () => (await (await fetch('/api/admin/sbom')).json() as { components: { name: string }[] }).components.map((c) => c.name));
  for (const name of ['std', 'filippo.io/age', 'preact']) assert.ok(components.includes(name), `${name} is listed`);

  // The disk is lost. The file that was downloaded, and the key, are not.
  await t.goto('about:blank');
  await appliance.down();
  renameSync(appliance.data, `${appliance.data}.lost`);
  assert.match(readFileSync(file, 'latin1').slice(0, 32), /^huisclos-backup 1\n/);
  const restored = JSON.parse(huisclos('backup', 'restore', file, '--key', key, '--data', appliance.data, '--yes', '--json')) as { accounts: number };
  assert.equal(restored.accounts, 2);
  assert.ok(existsSync(path.join(appliance.data, 'huisclos.db')));
  await appliance.up();
  await t.goto(`${appliance.url}/about`);
  await signIn(t, h, h.ada);
  await t.goto(`${appliance.url}/console/`);
  await reads(t, w.well);
  await see('overview');
  assert.deepEqual([...faults, ...refusedByPolicy(t)], []);
}

test('from the console to a blank machine, in French on a desktop', { timeout: 180_000 }, () => saved('chromium', { lang: 'fr', theme: 'light', width: 1280 }));
test('from the console to a blank machine, in English on a phone', { timeout: 180_000 }, () => saved('firefox', { lang: 'en', theme: 'dark', width: 360 }));

/**
 * The first start with every step filled in, from the set-up code to a first meeting: left before the second factor and taken up again by
 * the console's own address, a certificate imported, a mail sent, two people made, the connection tried. What has the focus while a
 * step's form is on its way keeps it. Says how long it took. Pictures of each step are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Appliance } from './harness/appliance.ts';
import { Authenticator } from './harness/authenticator.ts';
import { open, until, type Person } from './harness/browser.ts';
import { small } from './harness/clip.ts';
import { MailServer } from './harness/exim.ts';
import { reach, reads } from './harness/keyboard.ts';
import { fill, keepCodes, pick, secretOn, touch } from './harness/pointer.ts';
import { faultsOf, pageOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const port = 2525, binary = process.env.HUISCLOS_BINARY ?? 'build/huisclos-testhook', address = process.env.HUISCLOS_ADDRESS ?? '127.0.0.1';
const passphrase = 'galet rivière chaise lune';

let server: MailServer, appliance: Appliance, outward: ChildProcess, person: Person;
before(async () => {
  server = await MailServer.start(port);
  // The one setting that no wizard has: a mail server at an address of the machine itself, for the test's.
  appliance = await Appliance.start({ settings: `destinations = ["mail=127.0.0.1:${port}"]\n` });
  outward = spawn(binary, ['outward', '--config', path.join(appliance.folder, 'huisclos.toml'), '--data', appliance.data], { stdio: 'inherit' });
  await until('the process outward listens', async () => existsSync(path.join(appliance.data, 'outward.sock')));
});
after(async () => {
  await person?.close();
  outward?.kill();
  await appliance?.end();
  await server?.end();
});

test('the first start, every step filled in', { timeout: 300_000 }, async () => {
  const look: Sight = { lang: 'fr', theme: 'light', width: 1280 }, faults: string[] = [];
  person = await open({ engine: 'chromium', id: 1, size: small, look: { lang: 'fr', dark: false, width: look.width, height: 860 } });
  const t = await person.tab(), page = pageOf(t);
  const see = async (name: string) => { faults.push(...await faultsOf(t, `wizard-${name}`, look)); };
  const step = (n: number) => reads(t, new RegExp(`Étape ${n} sur 10`), 60_000);
  const began = Date.now(), took: [string, number][] = [];
  let last = began;
  const stood = (name: string) => { took.push([name, (Date.now() - last) / 1000]); last = Date.now(); };

  await t.goto(`${appliance.url}/console/`);
  await touch(t, /^Commencer l’installation$/);
  await fill(t, /^Code d’installation/, appliance.setupCode);
  await fill(t, /^Votre nom/, 'Hélène Hôte');
  await fill(t, /^Votre adresse/, 'helene@example.test');
  await fill(t, /^Phrase de passe/, passphrase);
  await see('account');
  await touch(t, /^Créer le compte$/);
  await step(2);
  stood('account');

  // The page is closed here, as people do to look for their phone. Whoever signs in again, at whatever address, is where they were.
  await page.context().clearCookies();
  await t.goto(`${appliance.url}/console/`);
  await fill(t, /^Adresse/, 'helene@example.test');
  await fill(t, /^Phrase de passe/, passphrase);
  await touch(t, /^Se connecter$/);
  await step(2);
  await page.context().clearCookies();
  await t.goto(`${appliance.url}/console/setup`);
  await reads(t, /L’installation a commencé/);
  await see('again');
  await fill(t, /^Adresse/, 'helene@example.test');
  await fill(t, /^Phrase de passe/, passphrase);
  await touch(t, /^Se connecter$/);
  await step(2);
  const phone = new Authenticator(await secretOn(t));
  await see('factor');
  await fill(t, /^Code à six chiffres/, await phone.next());
  await keepCodes(t, /^Je les ai mis en lieu sûr/, /^Terminer$/);
  await step(3);
  stood('factor');

  await fill(t, /^Nom de l’organisation/, 'Mairie de Lutèce');
  await see('organisation');
  await touch(t, /^Enregistrer/);
  await step(4);
  stood('organisation');

  await fill(t, /^Adresses publiques/, address);
  await see('addresses');
  await touch(t, /^Enregistrer et continuer$/);
  await step(5);
  stood('addresses');

  // A certificate of one's own, right here.
  await reads(t, /Certificat servi/);
  await see('tls');
  await touch(t, /^Votre certificat/);
  const pem = execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '90', '-subj', '/O=Mairie', '-addext', `subjectAltName=IP:${address}`, '-keyout', '-', '-out', '-'], { stdio: ['ignore', 'pipe', 'ignore'] });
  await page.setInputFiles('input[type=file]', { name: 'mairie.pem', mimeType: 'application/x-pem-file', buffer: pem });
  await touch(t, /^Examiner$/);
  await reads(t, /Ce que verront les navigateurs/);
  await see('tls-seen');
  const before = await appliance.key();
  await touch(t, /^Importer et servir$/);
  await reads(t, /Importé ici/);
  assert.notEqual(await appliance.key(), before);
  await touch(t, /^Continuer$/);
  await step(6);
  stood('tls');

  await fill(t, /^Serveur de courriel/, '127.0.0.1');
  await pick(t, /^Chiffrement/, /^Aucune/);
  await fill(t, /^Port/, String(port));
  await fill(t, /^Expéditeur/, 'visio@example.test');
  await see('mail');
  await touch(t, /^Enregistrer, puis envoyer un message d’essai$/);
  await reads(t, /Tout s’est bien passé/, 30_000);
  await see('mail-tried');
  await until('the test message has arrived', async () => server.mails().some((m) => m.includes('helene@example.test')), 10_000);
  // The next step's settings take their time: what the keyboard stands on meanwhile is still there when they come.
  let asked = false, release = () => undefined as void;
  const held = new Promise<void>((go) => { release = go; });
  await page.route('**/api/admin/settings', async (r) => { asked = true; await held; await r.continue(); });
  await touch(t, /^Continuer$/);
  await step(7);
  await reach(t, /^Plus tard$/);
  assert.equal(await t.run(() => document.querySelector('main form')), null, 'the form is there already: nothing was tried');
  await until('the settings are asked for', async () => asked);
  release();
  await until('the form has come', () => t.run(() => document.querySelector('main form') !== null));
  assert.equal(await t.run(() => document.activeElement?.textContent), 'Plus tard');
  await page.unroute('**/api/admin/settings');
  await see('sources');
  await t.press('Enter');
  await step(8);
  stood('mail and sources');

  for (const [n, who] of ['Olga Ohm', 'Aude Auger'].entries()) {
    await until('the form', () => t.run((left) => document.querySelectorAll('main form').length === left, 2 - n));
    await fill(t, /^Nom/, who);
    await fill(t, /^Adresse/, `${who.split(' ')[0]!.toLowerCase()}@example.test`);
    await touch(t, /^Créer et envoyer le lien$/);
    await reads(t, new RegExp(`Un courriel porte à ${who}`));
  }
  await see('people');
  await touch(t, /^Continuer$/);
  await step(9);
  stood('people');

  await touch(t, /^(Commencer|Essayer|Lancer|Tester)/);
  await until('the verdict', () => t.run(() => document.querySelector('[role=status] .notice, [role=status].notice, [role=status] [class*=notice]') !== null), 40_000);
  await see('connection');
  const rooms = await t.run(() => document.querySelector<HTMLAnchorElement>('a[target=_blank]')?.href ?? '');
  await touch(t, /^Continuer$/);
  await step(10);
  await reads(t, /Une étape reste à faire/);
  await see('ready');
  stood('connection');

  const r = await person.tab();
  await r.goto(rooms);
  await fill(r, /^Nom/, 'Conseil du lundi');
  await touch(r, /^Créer/);
  await touch(r, /^(Entrer|Ouvrir)/);
  await until('the door', () => r.run(() => location.pathname.startsWith('/r/')));
  await touch(r, /^Entrer$/);
  await until('the first call', () => r.run(() => window.__huisclos?.call.state.value.phase === 'in-call'), 30_000);
  stood('first call');
  console.log(`first start: ${took.map(([name, s]) => `${name} ${s.toFixed(1)} s`).join(', ')}; ${((Date.now() - began) / 1000).toFixed(0)} s in all`);

  await touch(t, /^Aller à la console$/);
  await reads(t, /Mairie de Lutèce|État/);
  // The first meeting is in the history, and in use of the limits; at a phone's width, too.
  await touch(t, /^Réunions$/);
  await touch(t, /^Historique$/);
  await reads(t, /Conseil du lundi[^]*En cours/);
  await see('history');
  await touch(t, /^Réglages$/);
  await touch(t, /^Limites$/);
  await reads(t, /dans la plus grande réunion en cours/);
  await see('limits');
  await t.resize(390, 780);
  faults.push(...await faultsOf(t, 'wizard-limits', { ...look, width: 390 }));
  await touch(t, /^Rubriques/);
  await touch(t, /^Réunions$/);
  await touch(t, /^Historique$/);
  await reads(t, /Conseil du lundi/);
  faults.push(...await faultsOf(t, 'wizard-history', { ...look, width: 390 }));
  assert.deepEqual([...faults, ...refusedByPolicy(t)], []);
});

/**
 * Somebody from outside who makes a passkey instead of a passphrase: from the mail to the lobby on a phone, where passkeys are possible
 * (a host name and a certificate that browsers trust); they come back by it, lose it, get a new way in from the organiser, and choose a
 * passphrase beside it. Who has no passkey, or wants none, takes a passphrase. The authenticator is Chromium's own for tests.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { CDPSession } from 'playwright-core';
import { Appliance, furnish, type Account, type Client, type House } from './harness/appliance.ts';
import { open, until, type Engine, type Tab } from './harness/browser.ts';
import { Player, scatter } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { MailServer } from './harness/exim.ts';
import { reads } from './harness/keyboard.ts';
import { certify } from './harness/nginx.ts';
import { fill, keepCodes, touch } from './harness/pointer.ts';
import { faultsOf, pageOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const address = process.env.HUISCLOS_ADDRESS ?? '127.0.0.1', name = 'visio.test', port = 8443, mailPort = 2527, binary = process.env.HUISCLOS_BINARY ?? 'build/huisclos-testhook';
let folder: string, authority: string, server: MailServer, h: House, outward: ChildProcess, owner: Client;
const players: Player[] = [];
before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'huisclos-guests-'));
  // In the mount namespace of the journeys.
  writeFileSync(path.join(folder, 'hosts'), `127.0.0.1 localhost\n${address} ${name}\n`);
  execFileSync('mount', ['--bind', path.join(folder, 'hosts'), '/etc/hosts']);
  const made = certify(folder, name);
  authority = made.authority;
  server = await MailServer.start(mailPort);
  h = await furnish(await Appliance.start({ port, front: `https://${name}:${port}`,
    settings: `hostnames = ["${name}"]\n[tls]\ncertificate = "${made.certificate}"\nkey = "${made.key}"\n[mail]\nhost = "127.0.0.1"\nport = ${mailPort}\nsecurity = "none"\nfrom = "visio@example.test"\n` }), 1);
  outward = spawn(binary, ['outward', '--config', path.join(h.appliance.folder, 'huisclos.toml'), '--data', h.appliance.data], { stdio: 'inherit' });
  owner = h.appliance.client();
  await owner.login(h.owner);
});
after(async () => {
  await scatter(players);
  outward?.kill();
  await h?.appliance.end();
  await server?.end();
  try { execFileSync('umount', ['/etc/hosts'], { stdio: 'ignore' }); } catch { /* it was not mounted */ }
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const words = {
  fr: { ask: /^Envoyer le code$/, code: /^Code à 8 chiffres/, check: /^Continuer$/, name: /^Votre nom/, byKey: /^Créer une clé d’accès et entrer$/, instead: /^Plutôt une phrase de passe$/, insteadKey: /^Plutôt une clé d’accès$/, phrase: /^Choisissez une phrase de passe/, enter: /^Aller à la salle$/, signIn: /^Se connecter avec une clé d’accès$/, rooms: /Vos salles|salles/i, manage: /^Gérer l’invité/, link: /^Envoyer un nouvel accès$/, send: /^Envoyer le lien$/, newWay: /Choisissez avec quoi vous connecter/, create: /^Créer une clé d’accès$/, fresh: /^Nouvelle phrase de passe/, choose: /^Choisir cette phrase de passe$/, kept: /^Je les ai mis en lieu sûr$/, done: /^Terminer$/ },
  en: { ask: /^Send the code$/, code: /^8-digit code/, check: /^Continue$/, name: /^Your name/, byKey: /^Create a passkey and go in$/, instead: /^A passphrase instead$/, insteadKey: /^A passkey instead$/, phrase: /^Choose a passphrase/, enter: /^Go to the room$/, signIn: /^Sign in with a passkey$/, rooms: /rooms/i, manage: /^Manage the guest/, link: /^Send a new way in$/, send: /^Send the link$/, newWay: /Choose what signs you in/, create: /^Create a passkey$/, fresh: /^New passphrase/, choose: /^Choose this passphrase$/, kept: /^I have put them somewhere safe$/, done: /^Finish$/ },
} as const;
const passphrase = 'tilleul comete rapide 58';

const mailTo = (email: string, has: RegExp, after = 0) => until(`a mail to ${email} with ${String(has)}`, () => Promise.resolve(server.mails().filter((m) => m.includes(`To: `) && m.includes(`<${email}>`)).slice(after).map((m) => has.exec(m)?.[0]).findLast((x) => x !== undefined)), 30_000);

async function phone(engine: Engine, look: Sight, id: number, email: string): Promise<{ guest: Player; tab: Tab; key: { session: CDPSession; id: string } | null }> {
  const person = await open({ engine, id, size: small, authority, look: { lang: look.lang, dark: look.theme === 'dark', width: 390, height: 844, touch: true } });
  const tab = await person.tab(), guest = new Player(person, tab, { name: 'Gaëlle', email, passphrase, id: '' } as Account, h);
  players.push(guest);
  let key = null;
  if (engine === 'chromium') {
    const session = await pageOf(tab).context().newCDPSession(pageOf(tab));
    await session.send('WebAuthn.enable', { enableUI: false });
    const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
    key = { session, id: authenticatorId };
  }
  await tab.goto(`${h.appliance.url}/about`);
  await tab.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
  return { guest, tab, key };
}

/** From the link to the name. */
async function confirms(tab: Tab, w: (typeof words)['fr' | 'en'], link: string, email: string): Promise<void> {
  await tab.goto(link);
  await until('the address is there', () => tab.run((e) => [...document.querySelectorAll('input')].some((f) => f.value === e), email));
  await touch(tab, w.ask);
  await until('the field for the code', () => tab.run(() => document.querySelector('input[autocomplete="one-time-code"]') !== null));
  await fill(tab, w.code, await mailTo(email, /\b\d{4} \d{4}\b/));
  await touch(tab, w.check);
  await fill(tab, w.name, 'Gaëlle').catch(async (e: Error) => { throw new Error(`${e.message}: ${await tab.run(() => document.body.innerText)} ${tab.console.join('\n')}`); });
}

async function invited(email: string, lang: 'fr' | 'en'): Promise<{ room: string; link: string }> {
  const room = (await owner.must('POST', '/api/rooms', { name: `Conseil ${lang}` }) as { id: string }).id;
  await owner.must('POST', `/api/rooms/${room}/invitations`, { emails: [email], stay: 5, language: lang });
  return { room, link: await mailTo(email, /https:\S+\/i#[\w-]{43}/) };
}

test('a passkey, and nothing to remember (chromium, fr)', { timeout: 180_000 }, async () => {
  const look: Sight = { lang: 'fr', theme: 'light', width: 390 }, w = words.fr, email = 'gaelle@example.test', faults: string[] = [];
  const { room, link } = await invited(email, 'fr');
  const { guest, tab, key } = await phone('chromium', look, 2, email);
  const see = async (what: string) => { const at = Date.now(); faults.push(...await faultsOf(tab, `guest-key-${what}`, look)); return Date.now() - at; };
  const from = Date.now();
  await confirms(tab, w, link, email);
  const aside = await see('name');
  // Whoever closes the browser's question loses nothing.
  await key!.session.send('WebAuthn.setUserVerified', { authenticatorId: key!.id, isUserVerified: false });
  await touch(tab, w.byKey);
  await reads(tab, /fermée ou a pris trop de temps|n’a pas pu utiliser de clé/);
  await key!.session.send('WebAuthn.setUserVerified', { authenticatorId: key!.id, isUserVerified: true });
  await touch(tab, w.byKey);
  await until('the door', () => tab.run(() => window.__huisclos !== undefined), 30_000);
  await guest.prepare();
  await guest.start();
  await guest.reaches('waiting-host');
  const took = (Date.now() - from - aside) / 1000;
  console.log(`# chromium, passkey: ${took.toFixed(1)} s from the link to the lobby`);
  assert.ok(took < 60, `${took} s from the link to the lobby`);

  // The organiser sees until when, and sends a new way in for a key that is lost.
  const listed = async () => ((await owner.must('GET', `/api/rooms/${room}/guests`)).guests as { id: string; until: string; asked?: boolean }[])[0]!;
  assert.ok(Math.abs(new Date((await listed()).until).getTime() - Date.now() - 5 * 86_400_000) < 3_600_000, (await listed()).until);
  await key!.session.send('WebAuthn.clearCredentials', { authenticatorId: key!.id });
  await tab.goto(`${h.appliance.url}/about`);
  const desk: Sight = { lang: 'fr', theme: 'light', width: 1280 }, host = await open({ engine: 'chromium', id: 1, size: small, authority, look: { lang: 'fr', width: 1280, height: 800 } });
  const own = new Player(host, await host.tab(), h.owner, h);
  players.push(own);
  await own.tab.goto(`${h.appliance.url}/`);
  await own.tab.run(async ([e, p]) => {
    const csrf = ((await (await fetch('/api/me')).json()) as { csrf: string }).csrf;
    await fetch('/api/login', { method: 'POST', headers: { 'X-Huisclos-CSRF': csrf, 'Content-Type': 'application/json' }, body: JSON.stringify({ email: e, passphrase: p }) });
    localStorage.setItem('huisclos.lang', 'fr');
  }, [h.owner.email, h.owner.passphrase] as const);
  await own.tab.goto(`${h.appliance.url}/r/${room}/settings`);
  const part = () => own.tab.run(() => { document.getElementById('part-guests')?.scrollIntoView(); });
  await touch(own.tab, w.manage);
  await part();
  faults.push(...await faultsOf(own.tab, 'guest-key-manage', desk));
  await touch(own.tab, /^Prolonger le compte$/);
  await fill(own.tab, /^Jours, à partir/, '40');
  faults.push(...await faultsOf(own.tab, 'guest-key-extend', desk));
  await touch(own.tab, /^Prolonger$/);
  await until('forty days', async () => Math.abs(new Date((await listed()).until).getTime() - Date.now() - 40 * 86_400_000) < 3_600_000);
  await touch(own.tab, w.manage);
  await touch(own.tab, /^Demander un compte complet$/);
  await touch(own.tab, /^Demander$/);
  await until('asked', async () => (await listed()).asked === true);
  await touch(own.tab, w.manage);
  await touch(own.tab, w.link);
  await touch(own.tab, w.send);
  const fresh = await mailTo(email, /https:\S+\/activate#[\w-]{43}/);
  assert.equal(await own.tab.run(() => document.documentElement.innerHTML.includes('/activate#')), false, 'the organiser sees the guest’s link');
  await own.tab.resize(390, 844);
  await part();
  faults.push(...await faultsOf(own.tab, 'guest-key-settings', look));

  // The guest makes another key with it, and comes back by that.
  await tab.goto(fresh);
  await reads(tab, w.newWay);
  await see('new-way');
  await touch(tab, w.create);
  await reads(tab, /Conseil fr/);
  await tab.run(async () => {
    const csrf = ((await (await fetch('/api/me')).json()) as { csrf: string }).csrf;
    await fetch('/api/logout', { method: 'POST', headers: { 'X-Huisclos-CSRF': csrf, 'Content-Type': 'application/json' }, body: '{}' });
  });
  await key!.session.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId: key!.id, enabled: false });
  await tab.goto(`${h.appliance.url}/`);
  await until('the door', () => tab.run(() => document.querySelector('input[type=password]') !== null));
  await key!.session.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId: key!.id, enabled: true });
  await until('back by the passkey', async () => {
    if (await tab.run(() => /Conseil fr/.test(document.body.innerText))) return true;
    await tab.run(() => { [...document.querySelectorAll('button')].find((b) => b.textContent === 'Se connecter avec une clé d’accès')?.click(); });
    return false;
  }, 20_000, 500);

  // A passphrase beside it, with the codes for a day without the phone.
  await tab.goto(`${h.appliance.url}/account`);
  await fill(tab, w.fresh, passphrase);
  await see('account');
  await touch(tab, w.choose);
  await keepCodes(tab, w.kept, w.done);
  const later = await h.appliance.client().call('POST', '/api/login', { email, passphrase });
  assert.equal((later.body.error as { code: string }).code, 'secondFactorNeeded');
  assert.deepEqual([...faults, ...refusedByPolicy(tab), ...refusedByPolicy(own.tab)], []);

  // The administrator sees the request, and makes it a full account that keeps both.
  const of = async () => ((await h.admin.must('GET', '/api/admin/accounts?query=gaelle')).accounts as { id: string; role: string; guest?: { asked?: { name: string } } }[])[0]!;
  assert.equal((await of()).guest?.asked?.name, h.owner.name);
  await scatter(players.splice(0));
});

test('a passphrase where somebody prefers one (firefox, en)', { timeout: 120_000 }, async () => {
  const look: Sight = { lang: 'en', theme: 'dark', width: 390 }, w = words.en, email = 'gil@example.test', faults: string[] = [];
  const { link } = await invited(email, 'en');
  const { guest, tab } = await phone('firefox', look, 3, email);
  const from = Date.now();
  await confirms(tab, w, link, email);
  const at = Date.now();
  faults.push(...await faultsOf(tab, 'guest-key-name-firefox', look));
  await touch(tab, w.instead);
  faults.push(...await faultsOf(tab, 'guest-key-phrase-firefox', look));
  const aside = Date.now() - at;
  await fill(tab, w.phrase, passphrase);
  await touch(tab, w.enter);
  await until('the door', () => tab.run(() => window.__huisclos !== undefined), 30_000);
  await guest.prepare();
  await guest.start();
  await guest.reaches('waiting-host');
  const took = (Date.now() - from - aside) / 1000;
  console.log(`# firefox, passphrase: ${took.toFixed(1)} s from the link to the lobby`);
  assert.ok(took < 60, `${took} s from the link to the lobby`);
  assert.deepEqual([...faults, ...refusedByPolicy(tab)], []);
});

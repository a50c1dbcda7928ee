/**
 * Signing in by the organisation's provider, a real one: from a room's link and back to it, a second factor of ours after it, signing out
 * here and there, what is said when it goes wrong, proving again who one is in a window of its own, and the provider's own sign-out by
 * both of its ways, which ends a call at once. The browsers trust its authority and ours; every cookie of ours is SameSite=Strict, and
 * the provider is another site. Pictures are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Appliance, credentials, furnish, type House } from './harness/appliance.ts';
import { Authenticator } from './harness/authenticator.ts';
import { open, until, type Engine, type Person, type Tab } from './harness/browser.ts';
import { small } from './harness/clip.ts';
import { also } from './harness/form.ts';
import { pressOn, reads } from './harness/keyboard.ts';
import { certify } from './harness/nginx.ts';
import { fill, keepCodes, secretOn, touch } from './harness/pointer.ts';
import { certifyLoopback, Provider, type Known } from './harness/provider.ts';
import { faultsOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const address = process.env.HUISCLOS_ADDRESS ?? '127.0.0.1', name = 'visio.test', port = 8443, url = `https://${name}:${port}`;
const binary = process.env.HUISCLOS_BINARY ?? 'build/huisclos-testhook';
const known = (login: string, who: string, more: Partial<Known> = {}): Known => ({ login, password: `${login} chez soi`, name: who, email: `${login}@example.test`, ...more });
const zoe = known('zoe', 'Zoé Œuvrard', { groups: ['salles'] }), yan = known('yan', 'Yan Yvon', { groups: ['salles'] }), eve = known('eve', 'Eve', { email: 'ADA@example.test', groups: ['salles'] }), ian = known('ian', 'Ian Invité', { groups: ['dehors'] }), max = known('max', 'Max Morel', { groups: ['salles'] }), nia = known('nia', 'Nia Noël', { groups: ['salles'] });

const said = {
  fr: {
    door: /Connectez-vous pour entrer/, by: /^Se connecter avec Atelier$/, none: /n’a pas de phrase de passe ici/, from: /viennent d’Atelier/, begin: /^Mettre en place$/, next: /^Continuer$/, code: /^Code/, on: /^Activer le second facteur$/,
    kept: /^Je les ai mis en lieu sûr$/, done: /^Terminer$/, menu: /^Compte de /, out: /^Se déconnecter$/, still: /pas d’Atelier/, leave: /^Se déconnecter aussi d’Atelier$/, signedOut: /Vous êtes déconnecté/, cancelled: /abandonnée chez le fournisseur/, again: /^Revenir à la connexion$/,
    taken: /Un compte a déjà votre adresse/, first: /Confirmez d’abord que c’est vous/, confirmed: /C’est confirmé/, rooms: /Vos salles/, over: /Cette page termine une connexion/, provider: /Fournisseur d’identité/, register: /Adresses à déclarer/, down: /ne répond pas pour le moment/, noRole: /aucun rôle ne vous est donné/, failed: /n’a pas pu servir/, wrong: /n'est pas le bon/,
  },
  en: {
    door: /Sign in to enter/, by: /^Sign in with Atelier$/, none: /has no passphrase here/, from: /come from Atelier/, begin: /^Set it up$/, next: /^Continue$/, code: /code/i, on: /^Turn on/,
    kept: /^I have put them somewhere safe$/, done: /^Finish$/, menu: /^Account of /, out: /^Sign out$/, still: /but not of Atelier/, leave: /^Sign out of Atelier as well$/, signedOut: /You are signed out/, cancelled: /broken off at the identity provider/, again: /^Back to signing in$/,
    taken: /has your e-mail address already/, first: /Confirm first that it is you/, confirmed: /Confirmed/, rooms: /Your rooms/, over: /This page completes a sign-in/, provider: /Identity provider/, register: /Addresses to register/, down: /does not answer for now/, noRole: /gives you no role here/, failed: /could not be used/, wrong: /is not right/,
  },
} as const;

let folder: string, authority: string, provider: Provider, h: House, settings: (more: string) => string;
const opened: Person[] = [];
before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'huisclos-oidc-'));
  // In the mount namespace of the journeys.
  const hosts = path.join(folder, 'hosts');
  writeFileSync(hosts, `127.0.0.1 localhost\n${address} ${name}\n`);
  execFileSync('mount', ['--bind', hosts, '/etc/hosts']);
  const made = certify(folder, name);
  authority = made.authority;
  provider = await Provider.start(1637, url, certifyLoopback(folder), [zoe, yan, eve, ian, max, nia]);
  settings = (more) => `hostnames = ["${name}"]\n${provider.settings(more)}[tls]\ncertificate = "${made.certificate}"\nkey = "${made.key}"\n`;
  const first = settings('scopes = ["profile", "email", "groups"]\nrole_claim = "groups"\ndefault_role = "none"\n[oidc.roles]\norganiser = ["salles"]\n');
  await provider.connects(binary, first);
  h = await furnish(await Appliance.start({ port, settings: first, front: url }), 1);
});
after(async () => {
  await h?.appliance.end();
  await provider?.end();
  try { execFileSync('umount', ['/etc/hosts'], { stdio: 'ignore' }); } catch { /* it was not mounted */ }
  if (folder) rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => { await Promise.all(opened.splice(0).map((p) => p.close().catch(() => undefined))); });

async function visitor(engine: Engine, look: Sight): Promise<{ person: Person; tab: Tab }> {
  const person = await open({ engine, id: opened.length + 1, size: small, clip: false, authority, look: { lang: look.lang, dark: look.theme === 'dark', width: look.width, height: look.width < 500 ? 780 : 860 } });
  opened.push(person);
  const tab = await person.tab();
  await tab.goto(`${url}/about`);
  await tab.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
  return { person, tab };
}
const status = (t: Tab) => t.run(async () => (await fetch('/api/me')).status);
const reaches = (t: Tab, place: string) => until(`the page ${place}`, async () => t.url() === place || null).catch(async (e: Error) => { throw new Error(`${e.message}; is ${t.url()}: ${(await t.run(() => document.body.innerText)).slice(0, 400)}; the provider: ${provider.log().slice(-600)}`); });
/** The state of the way that this browser is on: the page keeps where it leads under it. */
async function waysOf(t: Tab): Promise<string> {
  await t.goto(`${url}/about`);
  return t.run(() => Object.keys(localStorage).find((k) => k.startsWith('huisclos.way.'))!.slice('huisclos.way.'.length));
}
const signOut = async (t: Tab, w: typeof said['fr' | 'en']) => { await touch(t, w.menu); await touch(t, w.out); };

async function wholeWay(engine: Engine, look: Sight, who: Known): Promise<void> {
  const w = said[look.lang], faults: string[] = [], { person, tab: t } = await visitor(engine, look);
  const see = async (x: Tab, what: string) => { faults.push(...await faultsOf(x, `oidc-${what}`, look)); };

  // From a room's link to the provider and back to that link, with its fragment.
  await t.goto(h.room.link);
  await reads(t, w.door);
  await see(t, 'door');
  if (engine === 'chromium') await pressOn(t, w.by); else await touch(t, w.by);
  await provider.signIn(t, who);
  await reaches(t, h.room.link);
  await reads(t, new RegExp(h.room.name));
  assert.equal(await status(t), 200);

  // There is no passphrase; the second factor is set up by the sign-in of a moment ago.
  await t.goto(`${url}/account`);
  await reads(t, w.none);
  await reads(t, w.from);
  await see(t, 'account');
  // Once, as if that had been long ago: then another window asks the provider, and this one goes on by itself.
  await t.run(() => {
    const real = window.fetch.bind(window);
    let asked = false;
    window.fetch = (...a) => {
      if (a[0] !== '/api/account/totp' || asked) return real(...a);
      asked = true;
      return Promise.resolve(new Response(JSON.stringify({ error: { code: 'proofNeeded', fr: 'x', en: 'x' } }), { status: 403, headers: { 'Content-Type': 'application/json' } }));
    };
  });
  await touch(t, w.begin);
  await touch(t, w.next);
  await reads(t, w.first);
  await see(t, 'prove');
  const other = await person.tab();
  await other.goto(`${url}/oidc/prove`);
  await provider.signIn(other, who);
  await reads(other, w.confirmed);
  await see(other, 'proven');
  await other.close();
  const phone = new Authenticator(await secretOn(t));
  await fill(t, w.code, await phone.next());
  await keepCodes(t, w.kept, w.done);

  // Out here, not there: the next sign-in asks nothing there, and the second factor here.
  await signOut(t, w);
  await reads(t, w.still);
  await see(t, 'signed-out-here');
  await touch(t, w.by);
  await until('the second step', () => t.run(() => document.querySelector('.step-who') !== null));
  await see(t, 'second-step');
  await fill(t, w.code, phone.wrong());
  await reads(t, w.wrong);
  await fill(t, w.code, await phone.next());
  await reads(t, w.rooms);

  // Out there as well.
  await signOut(t, w);
  await touch(t, w.leave);
  await until('the question there', async () => t.url().startsWith(provider.issuer) && t.run(() => document.getElementById('yes') !== null));
  await t.run(() => { setTimeout(() => document.getElementById('yes')!.click(), 0); });
  await reads(t, w.signedOut);
  assert.equal(new URL(t.url()).pathname, '/oidc/signed-out');
  await see(t, 'signed-out');

  // What can go wrong, each in a sentence: broken off there; the address of somebody else; no role; a link that is none; nobody there.
  const fails = async (come: () => Promise<void>, sentence: RegExp, what: string) => {
    await t.goto(`${url}/`);
    await touch(t, w.by);
    await come();
    await reads(t, sentence);
    await see(t, what);
    assert.equal(await status(t), 401);
  };
  await fails(() => provider.cancels(t), w.cancelled, 'cancelled');
  await touch(t, w.again);
  await until('the door', () => t.run(() => document.querySelector('input[type=password]') !== null));
  await fails(() => provider.signIn(t, eve), w.taken, 'taken');
  await t.goto(`${provider.issuer}/session/end`);
  await t.run(() => { setTimeout(() => document.getElementById('yes')!.click(), 0); });
  await until('signed out there', () => t.run(() => document.body.innerText.includes('Signed out.')));
  await fails(() => provider.signIn(t, ian), w.noRole, 'no-role');
  await t.goto(`${url}/oidc/callback`);
  await reads(t, w.over);
  assert.deepEqual([...faults, ...refusedByPolicy(t)], []);
}

/** The provider signs somebody out: what is open here is over at once, a call too; then how all that stands in the console. */
async function signedOutThere(engine: Engine, look: Sight, who: Known): Promise<void> {
  const w = said[look.lang], faults: string[] = [], { person, tab: t } = await visitor(engine, look);
  const arrives = async (first: boolean) => {
    await t.goto(`${url}/`);
    await touch(t, w.by);
    if (first) await provider.signIn(t, who);
    await reads(t, w.rooms);
  };
  await arrives(true);
  const room = await t.run(async () => {
    const { csrf, account } = await (await fetch('/api/me')).json() as { csrf: string; account: { id: string } };
    const r = await (await fetch('/api/rooms', { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Huisclos-CSRF': csrf }, body: '{"name":"Salle d’essai"}' })).json() as { id: string };
    return `/r/${r.id}#${account.id}`;
  });
  const phase = () => t.run(() => window.__huisclos?.call.state.value.phase ?? 'no call');
  await t.goto(url + room);
  await until('the room page', () => t.run(() => window.__huisclos !== undefined), 30_000);
  await t.run(async () => { await window.__huisclos!.call.prepare({ mic: false, cam: false }); void window.__huisclos!.call.start(); });
  await until('in the call', async () => (await phase()) === 'in-call');

  // Over the back channel: it asks its person, and calls the appliance.
  let there = await person.tab();
  await there.goto(`${provider.issuer}/session/end`);
  await there.run(() => { setTimeout(() => document.getElementById('yes')!.click(), 0); });
  await until('the call is over', async () => (await phase()) !== 'in-call').catch((e: Error) => { throw new Error(`${e.message}; the provider: ${provider.log()}`); });
  assert.equal(await status(t), 401);
  assert.match(provider.log(), /back channel: done/);
  await there.close();

  // By a frame in a page of the provider's, in which no cookie of ours is.
  await arrives(true);
  there = await person.tab();
  await there.goto(`${provider.issuer}/front-channel`);
  await until('the session is over', async () => await status(t) === 401);
  assert.deepEqual(refusedByPolicy(there), []);
  await there.close();

  // In the console, and at the door when nobody answers.
  await t.goto(`${url}/console/`);
  await t.run(async (form) => {
    const { csrf } = await (await fetch('/api/me')).json() as { csrf: string };
    await fetch('/api/login', { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Huisclos-CSRF': csrf }, body: JSON.stringify(form) });
  }, await credentials(h.ada));
  await t.goto(`${url}/console/directory`);
  await reads(t, w.provider);
  await reads(t, w.register);
  await t.run(() => { document.getElementById('provider-title')!.scrollIntoView(); });
  faults.push(...await faultsOf(t, 'oidc-console', look));
  assert.deepEqual([...faults, ...refusedByPolicy(t)], []);
}

also('Chromium, French, a desktop: the whole way by a provider', { timeout: 240_000 }, () => wholeWay('chromium', { lang: 'fr', theme: 'light', width: 1280 }, zoe));
test('Firefox, English, a phone: the whole way by a provider', { timeout: 240_000 }, () => wholeWay('firefox', { lang: 'en', theme: 'dark', width: 390 }, yan));
test('Chromium, French, a phone: the provider signs out', { timeout: 240_000 }, () => signedOutThere('chromium', { lang: 'fr', theme: 'light', width: 390 }, max));
also('Firefox, English, a desktop: the provider signs out', { timeout: 240_000 }, () => signedOutThere('firefox', { lang: 'en', theme: 'dark', width: 1280 }, nia));

test('Firefox, French, a phone: the provider does not answer', { timeout: 120_000 }, async () => {
  const look: Sight = { lang: 'fr', theme: 'dark', width: 390 }, w = said.fr, { tab: t } = await visitor('firefox', look);
  await t.goto(`${url}/`);
  await touch(t, w.by);
  await until('the provider’s page', async () => t.url().startsWith(provider.issuer));
  // It is gone while the person is there; the way back is taken all the same.
  const back = new URL(`${url}/oidc/callback`);
  for (const [k, v] of [['state', await waysOf(t)], ['code', 'x'], ['iss', provider.issuer]] as const) back.searchParams.set(k, v);
  await provider.down();
  await t.goto(back.href);
  await reads(t, w.down);
  assert.deepEqual(await faultsOf(t, 'oidc-down', look), []);
  await provider.up();

  // ProConnect has a button of its own.
  await h.appliance.again(settings('preset = "proconnect"\nrequire = ["siret=*"]\n'));
  for (const at of ['/', '/console/']) {
    await t.goto(url + at);
    await reads(t, /S’identifier avec\s+ProConnect\s+Qu’est-ce que ProConnect/);
    assert.deepEqual(await faultsOf(t, `oidc-proconnect${at.replaceAll('/', '')}`, look), []);
  }
  assert.deepEqual(refusedByPolicy(t), []);
});

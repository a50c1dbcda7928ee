/**
 * Provisioning: an administrator makes a token for an identity system and sees it once; that system, a program without a cookie, brings
 * somebody and a group, whose link the administrator hands over; what it says stands on the person's pages; it shuts them out, and they
 * are; the token is revoked. Pictures of each state are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Appliance, setUp, type House } from './harness/appliance.ts';
import { open, until, type Engine, type Person, type Tab } from './harness/browser.ts';
import { signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { also } from './harness/form.ts';
import { pressOn, reads } from './harness/keyboard.ts';
import { fill, touch } from './harness/pointer.ts';
import { faultsOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const said = {
  fr: {
    title: /Provisionnement \(SCIM\)/, none: /Aucun jeton/, make: /^Créer un jeton$/, name: /^Nom du système/, organisers: /^Peut donner le rôle d’organisateur/, act: /^Créer le jeton$/, once: /n’est montré qu’une fois/, done: /^C’est fait$/,
    okta: /^Okta$/, steps: /Push Groups/, brought: /1 compte, 1 groupe/, manage: /^Gérer le compte de Pia/, from: /vient du système d’identité/, link: /^Faire un nouveau lien d’activation$/, used: /depuis [\d.]+/, named: /Votre nom vient du système d’identité/,
    change: /Nouvelle phrase de passe/, rooms: /Vos salles/, shut: /a fermé ce compte/, revoke: /^Révoquer le jeton Entra ID$/, sure: /^Révoquer$/, email: /^Adresse électronique/, passphrase: /^Phrase de passe/, signIn: /^Se connecter$/, wrong: /n’est pas la bonne|n'est pas la bonne/,
  },
  en: {
    title: /Provisioning \(SCIM\)/, none: /No token/, make: /^Make a token$/, name: /^Name of the system/, organisers: /^May give the role of organiser/, act: /^Make the token$/, once: /is shown once/, done: /^Done$/,
    okta: /^Okta$/, steps: /Push Groups/, brought: /1 account, 1 group/, manage: /^Manage the account of Pia/, from: /comes from the organisation’s identity system/, link: /^Make a new activation link$/, used: /from [\d.]+/, named: /Your name comes from your organisation’s identity system/,
    change: /New passphrase/, rooms: /Your rooms/, shut: /has shut this account/, revoke: /^Revoke the token Entra ID$/, sure: /^Revoke$/, email: /^E-mail/, passphrase: /^Passphrase/, signIn: /^Sign in$/, wrong: /is not right/,
  },
} as const;
const passphrase = 'cascade mousse verrou talus';

const opened: Person[] = [];
let appliance: Appliance | null = null;
afterEach(async () => {
  await Promise.all(opened.splice(0).map((p) => p.close().catch(() => undefined)));
  await appliance?.end();
  appliance = null;
});

async function tabOf(engine: Engine, look: Sight, url: string): Promise<Tab> {
  const person = await open({ engine, id: opened.length + 1, size: small, clip: false, look: { lang: look.lang, dark: look.theme === 'dark', width: look.width, height: look.width < 500 ? 780 : 860 } });
  opened.push(person);
  const tab = await person.tab();
  await tab.goto(`${url}/about`);
  await tab.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
  return tab;
}

async function provisioned(engine: Engine, look: Sight): Promise<void> {
  const w = said[look.lang], faults: string[] = [];
  appliance = await Appliance.start({});
  const { admin, ada } = await setUp(appliance), house = { appliance, admin, ada } as unknown as House;
  const t = await tabOf(engine, look, appliance.url);
  const see = async (tab: Tab, name: string) => { faults.push(...await faultsOf(tab, `provisioning-${name}`, look)); };
  await signIn(t, house, ada);
  await t.goto(`${appliance.url}/console/provisioning`);
  await reads(t, w.none);
  await touch(t, w.okta);
  await reads(t, w.steps);
  await see(t, 'none');

  // By keyboard: a token, shown once.
  await pressOn(t, w.make);
  await fill(t, w.name, 'Entra ID');
  await touch(t, w.organisers);
  await see(t, 'form');
  await pressOn(t, w.act);
  await reads(t, w.once);
  await see(t, 'once');
  const token = await t.run(() => document.querySelector('dialog .once')?.textContent ?? '');
  assert.match(token, /^[\w-]{43}$/);
  await touch(t, w.done);

  // The identity system.
  const feeder = appliance.client();
  feeder.extra = { Authorization: `Bearer ${token}` };
  const pia = await feeder.must('POST', '/scim/v2/Users', { userName: 'pia@example.test', externalId: 'e-1', displayName: 'Pia Provisionnée', active: true, roles: [{ value: 'organiser', primary: true }] });
  await feeder.must('POST', '/scim/v2/Groups', { displayName: 'Équipe', members: [{ value: pia.id }] });
  await t.goto(`${appliance.url}/console/provisioning`);
  await reads(t, w.brought);
  await reads(t, w.used);
  await see(t, 'used');

  // No mail leaves: the administrator hands the link over. What the identity system decides can't be changed here.
  await t.goto(`${appliance.url}/console/accounts`);
  await touch(t, w.manage);
  await reads(t, w.from);
  await see(t, 'sheet');
  await touch(t, w.link);
  const link = await until('the link', () => t.run(() => document.querySelector('dialog .once')?.textContent ?? null));
  const p = await tabOf(engine, look, appliance.url), client = appliance.client();
  await client.must('POST', '/api/activate', { token: new URL(link).hash.slice(1), passphrase });
  await p.goto(`${appliance.url}/`);
  const enter = async () => { await fill(p, w.email, 'pia@example.test'); await fill(p, w.passphrase, passphrase); await touch(p, w.signIn); };
  await enter();
  await reads(p, w.rooms);
  await p.goto(`${appliance.url}/account`);
  await reads(p, w.named);
  await reads(p, w.change);
  await see(p, 'account');

  // Shut out, as Entra ID says it: at that moment.
  await feeder.must('PATCH', `/scim/v2/Users/${String(pia.id)}`, { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: [{ op: 'Replace', path: 'active', value: 'False' }] });
  assert.equal(await p.run(async () => (await fetch('/api/me')).status), 401);
  await p.goto(`${appliance.url}/`);
  await enter();
  await reads(p, w.wrong);
  await t.goto(`${appliance.url}/console/accounts`);
  await touch(t, w.manage);
  await reads(t, w.shut);

  await t.goto(`${appliance.url}/console/provisioning`);
  await touch(t, w.revoke);
  await touch(t, w.sure);
  await reads(t, w.none);
  assert.equal((await feeder.call('GET', '/scim/v2/Users')).status, 401);
  for (const x of [p, t]) assert.deepEqual(refusedByPolicy(x), []);
  assert.deepEqual(faults, []);
}

also('Chromium, French, a desktop: people are provisioned', { timeout: 180_000 }, () => provisioned('chromium', { lang: 'fr', theme: 'light', width: 1280 }));
test('Firefox, English, a phone: people are provisioned', { timeout: 180_000 }, () => provisioned('firefox', { lang: 'en', theme: 'dark', width: 390 }));

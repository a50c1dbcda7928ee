/**
 * Access for programs: an administrator makes a token with one scope and sees it once; a program reads with it what that scope says and
 * nothing else; it is revoked. A webhook is made, its secret shown once; a test to a receiver that isn't there says so, and stands in the
 * list of deliveries; another secret; it is deleted. Pictures of each state are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Appliance, setUp, type House } from './harness/appliance.ts';
import { open, type Person, type Tab } from './harness/browser.ts';
import { signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { also } from './harness/form.ts';
import { pressOn, reads } from './harness/keyboard.ts';
import { fill, touch } from './harness/pointer.ts';
import { faultsOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const said = {
  fr: {
    none: /Aucun jeton/, make: /^Créer un jeton$/, name: /^Nom du programme/, scope: /^Lire les groupes$/, act: /^Créer le jeton$/, once: /Ce jeton n’est montré qu’une fois/, done: /^C’est fait$/, used: /depuis [\d.]+/, revoke: /^Révoquer le jeton Inventaire$/, sure: /^Révoquer$/,
    hook: /^Créer un webhook$/, hookName: /^Nom$/, url: /^Adresse$/, event: /^Réunion commencée$/, hookAct: /^Créer le webhook$/, secret: /Ce secret n’est montré qu’une fois/, look: /^Voir le webhook Supervision$/, test: /^Envoyer un essai$/, away: /Injoignable/, renew: /^Nouveau secret$/, renewSure: /^Faire un nouveau secret$/,
    former: /L’ancien secret signe aussi/, remove: /^Supprimer$/, gone: /Aucun webhook/, needs: /Choisissez au moins une portée/,
  },
  en: {
    none: /No token/, make: /^Make a token$/, name: /^Name of the program/, scope: /^Read groups$/, act: /^Make the token$/, once: /This token is shown once/, done: /^Done$/, used: /from [\d.]+/, revoke: /^Revoke the token Inventaire$/, sure: /^Revoke$/,
    hook: /^Make a webhook$/, hookName: /^Name$/, url: /^Address$/, event: /^Meeting started$/, hookAct: /^Make the webhook$/, secret: /This secret is shown once/, look: /^Look at the webhook Supervision$/, test: /^Send a test$/, away: /Not reached/, renew: /^New secret$/, renewSure: /^Make a new secret$/,
    former: /The secret before signs too/, remove: /^Delete$/, gone: /No webhook/, needs: /Choose one scope at least/,
  },
} as const;

const opened: Person[] = [];
let appliance: Appliance | null = null;
afterEach(async () => {
  await Promise.all(opened.splice(0).map((p) => p.close().catch(() => undefined)));
  await appliance?.end();
  appliance = null;
});

async function tabOf(look: Sight, url: string): Promise<Tab> {
  const person = await open({ engine: 'chromium', id: opened.length + 1, size: small, clip: false, look: { lang: look.lang, dark: look.theme === 'dark', width: look.width, height: look.width < 500 ? 780 : 860 } });
  opened.push(person);
  const tab = await person.tab();
  await tab.goto(`${url}/about`);
  await tab.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
  return tab;
}

async function programs(look: Sight): Promise<void> {
  const w = said[look.lang], faults: string[] = [];
  appliance = await Appliance.start({});
  const { admin, ada } = await setUp(appliance), house = { appliance, admin, ada } as unknown as House;
  const t = await tabOf(look, appliance.url);
  const see = async (name: string) => { faults.push(...await faultsOf(t, `programs-${name}`, look)); };
  const once = () => t.run(() => document.querySelector('dialog .once')?.textContent ?? '');
  await signIn(t, house, ada);
  await t.goto(`${appliance.url}/console/programs`);
  await reads(t, w.none);
  await reads(t, w.gone);
  await see('none');

  // By keyboard: a token, refused while it may do nothing, and shown once.
  await pressOn(t, w.make);
  await fill(t, w.name, 'Inventaire');
  await pressOn(t, w.act);
  await reads(t, w.needs);
  await touch(t, w.scope);
  await see('form');
  await pressOn(t, w.act);
  await reads(t, w.once);
  await see('once');
  const token = await once();
  assert.match(token, /^[\w-]{43}$/);
  await touch(t, w.done);

  // The program: what its scope says, and nothing else.
  const program = appliance.client();
  program.extra = { Authorization: `Bearer ${token}` };
  await program.must('GET', '/api/admin/groups');
  assert.equal((await program.call('GET', '/api/admin/accounts')).status, 403);
  assert.equal((await program.call('POST', '/api/admin/groups', { name: 'x' })).status, 403);
  assert.equal((await program.call('GET', '/api/admin/policy')).status, 403);
  await t.goto(`${appliance.url}/console/programs`);
  await reads(t, w.used);
  await see('used');
  await touch(t, w.revoke);
  await touch(t, w.sure);
  await reads(t, w.none);
  assert.equal((await program.call('GET', '/api/admin/groups')).status, 401);

  // A webhook to nowhere.
  await pressOn(t, w.hook);
  await fill(t, w.hookName, 'Supervision');
  await fill(t, w.url, 'https://hooks.invalid/huisclos');
  await touch(t, w.event);
  await see('webhook-form');
  await touch(t, w.hookAct);
  await reads(t, w.secret);
  const first = await once();
  assert.match(first, /^whsec_[\w+/]{43}=$/);
  await touch(t, w.done);
  await touch(t, w.look);
  await touch(t, w.test);
  await reads(t, w.away);
  await see('webhook');
  await touch(t, w.renew);
  await touch(t, w.renewSure);
  await reads(t, w.secret);
  assert.notEqual(await once(), first);
  await touch(t, w.done);
  await reads(t, w.former);
  await touch(t, w.remove);
  await touch(t, w.remove);
  await reads(t, w.gone);
  assert.deepEqual(refusedByPolicy(t), []);
  assert.deepEqual(faults, []);
}

also('Chromium, French, a desktop: programs have access', { timeout: 240_000 }, () => programs({ lang: 'fr', theme: 'light', width: 1280 }));
test('Chromium, English, a phone: programs have access', { timeout: 240_000 }, () => programs({ lang: 'en', theme: 'dark', width: 390 }));

/**
 * The link of a new account by mail: an administrator makes the account by keyboard, the page shows no link, a real mail server gets
 * it, and it opens the account. When the mail server is away the console says so, and once it is back the mail leaves. The appliance and
 * the process that connects outward run as an operator starts them by hand, each shut in. The set-up mails the links of officer and auditor
 * too, and who chooses another language on a page is written to in it. Pictures are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Appliance, furnish, type House } from './harness/appliance.ts';
import { open, until, type Person } from './harness/browser.ts';
import { signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { MailServer } from './harness/exim.ts';
import { also } from './harness/form.ts';
import { pressOn, reads, writeInto } from './harness/keyboard.ts';
import { touch } from './harness/pointer.ts';
import { faultsOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const port = 2525, binary = process.env.HUISCLOS_BINARY ?? 'build/huisclos-testhook';
const settings = `[mail]\nhost = "127.0.0.1"\nport = ${port}\nsecurity = "none"\nfrom = "visio@example.test"\n`;

let server: MailServer, h: House, outward: ChildProcess;
const persons: Person[] = [];
before(async () => {
  server = await MailServer.start(port);
  const appliance = await Appliance.start({ settings });
  outward = spawn(binary, ['outward', '--config', path.join(appliance.folder, 'huisclos.toml'), '--data', appliance.data], { stdio: 'inherit' });
  // Before the first mail: one that finds nobody makes all of them wait.
  await until('the process outward listens', async () => existsSync(path.join(appliance.data, 'outward.sock')));
  h = await furnish(appliance, 1);
});
after(async () => {
  await Promise.all(persons.map((p) => p.close().catch(() => undefined)));
  outward?.kill();
  await h?.appliance.end();
  await server?.end();
});

const words = {
  fr: { page: /Créer un compte/, create: /^Créer un compte$/, name: /^Nom/, email: /^Adresse/, act: /^Créer et envoyer le lien$/, sent: /Lien envoyé/, done: /^C’est fait$/, open: /^Gérer le compte de Zoé fr$/, again: /^Envoyer un nouveau lien/, failing: /Aucun courriel ne part depuis/, last: /Dernier envoi/ },
  en: { page: /Create an account/, create: /^Create an account$/, name: /^Name/, email: /^E-mail/, act: /^Create and send the link$/, sent: /Link sent/, done: /^Done$/, open: /^Manage the account of Zoé en$/, again: /^Send a new activation link$/, failing: /No mail has left since/, last: /Last sent/ },
} as const;

for (const [i, look] of ([{ lang: 'fr', theme: 'light', width: 1280 }, { lang: 'en', theme: 'dark', width: 390 }] satisfies Sight[]).entries()) {
  (i === 0 ? test : also)(`a link goes by mail, and nobody else sees it (${look.lang}, ${look.width})`, { timeout: 180_000 }, async () => {
    const w = words[look.lang], faults: string[] = [], person = await open({ engine: 'chromium', id: 1 + i, size: small, clip: false, look: { lang: look.lang, dark: look.theme === 'dark', width: look.width, height: 800 } });
    persons.push(person);
    const t = await person.tab();
    const see = async (name: string) => { faults.push(...await faultsOf(t, `mail-${name}`, look)); };
    await t.goto(`${h.appliance.url}/about`);
    await t.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
    await signIn(t, h, h.ada);
    await t.goto(`${h.appliance.url}/console/accounts`);
    await reads(t, w.page);

    const email = `zoe${i}@example.test`, hers = () => server.mails().filter((m) => m.includes(email));
    await pressOn(t, w.create);
    await writeInto(t, w.name, `Zoé ${look.lang}`);
    await writeInto(t, w.email, email);
    await until('the switch is there, and on', () => t.run(() => document.querySelector<HTMLInputElement>('dialog input[role=switch]')?.checked === true));
    await see('create');
    await pressOn(t, w.act);
    await reads(t, w.sent);
    await see('sent');
    assert.equal(await t.run(() => document.documentElement.innerHTML.includes('activate#')), false, 'the page holds the link');
    await until('the mail has arrived', async () => hers().length === 1, 20_000);
    const mail = hers()[0]!;
    const link = /https:\S+\/activate#[\w-]{43}/.exec(mail)?.[0];
    assert.ok(link, mail);
    await pressOn(t, w.done);

    // The server is away: the console says so; the mail waits, and leaves when it is back.
    await server.down();
    await pressOn(t, w.open);
    await pressOn(t, w.again);
    await reads(t, w.sent);
    await t.goto(`${h.appliance.url}/console/`);
    await reads(t, w.failing, 20_000);
    await see('failing');
    await server.up();
    await until('the mail has left', async () => hers().length === 2, 60_000);
    await t.goto(`${h.appliance.url}/console/`);
    await reads(t, w.last);
    await see('well');
    const later = hers().map((m) => /https:\S+\/activate#[\w-]{43}/.exec(m)![0]).find((l) => l !== link)!;
    // The later link opens the account, in a browser that has no session; the one before is void.
    const other = h.appliance.client();
    assert.equal((await other.call('POST', '/api/activation', { token: new URL(link).hash.slice(1) })).status, 410);
    assert.equal((await other.must('POST', '/api/activation', { token: new URL(later).hash.slice(1) })).email, email);
    assert.deepEqual([...faults, ...refusedByPolicy(t)], []);
  });
}

const people = {
  fr: { title: /Deux autres regards/, name: /^Nom$/, email: /^Adresse/, act: /^Créer et envoyer le lien$/, sent: /Un courriel porte à Olga/ },
  en: { title: /Two other pairs of eyes/, name: /^Name$/, email: /^E-mail/, act: /^Create and send the link$/, sent: /An e-mail brings Olga/ },
} as const;

test('the set-up mails the officer’s link, and the page does not hold it', { timeout: 120_000 }, async () => {
  const look: Sight = { lang: 'fr', theme: 'light', width: 390 }, w = people.fr, faults: string[] = [];
  const person = await open({ engine: 'chromium', id: 5, size: small, clip: false, look: { lang: 'fr', dark: false, width: 390, height: 800 } });
  persons.push(person);
  const t = await person.tab();
  await t.goto(`${h.appliance.url}/about`);
  await signIn(t, h, h.ada);
  await t.goto(`${h.appliance.url}/console/setup`);
  for (const n of [3, 4, 5, 6, 7]) {
    await reads(t, new RegExp(`Étape ${n} sur 10`));
    await touch(t, /^Plus tard$/);
  }
  await reads(t, w.title);
  await until('the switch is there', () => t.run(() => document.querySelector('form input[role=switch]') !== null));
  await writeInto(t, w.name, 'Olga Ohm');
  await writeInto(t, w.email, 'olga@example.test');
  faults.push(...await faultsOf(t, 'mail-setup', look));
  await pressOn(t, w.act);
  await reads(t, w.sent);
  faults.push(...await faultsOf(t, 'mail-setup-sent', look));
  assert.equal(await t.run(() => document.documentElement.innerHTML.includes('activate#')), false, 'the page holds the link');
  const hers = () => server.mails().find((m) => m.includes('olga@example.test'));
  await until('the mail has arrived', async () => hers() !== undefined, 20_000);
  const link = /https:\S+\/activate#[\w-]{43}/.exec(hers()!)![0];
  assert.equal((await h.appliance.client().must('POST', '/api/activation', { token: new URL(link).hash.slice(1) })).role, 'officer');
  assert.deepEqual([...faults, ...refusedByPolicy(t)], []);
});

test('who chooses English on a page gets mails in English', { timeout: 120_000 }, async () => {
  const look: Sight = { lang: 'en', theme: 'light', width: 1280 }, faults: string[] = [];
  const person = await open({ engine: 'chromium', id: 6, size: small, clip: false, look: { lang: 'fr', dark: false, width: 1280, height: 800 } });
  persons.push(person);
  const t = await person.tab(), api = h.appliance.client(), mine = () => server.mails().filter((m) => m.includes(h.owner.email));
  await api.login(h.owner);
  const language = async () => ((await api.must('GET', '/api/me')).account as { language?: string }).language;
  assert.equal(await language(), undefined);
  await t.goto(`${h.appliance.url}/about`);
  await signIn(t, h, h.owner);
  await t.goto(`${h.appliance.url}/account`);
  await reads(t, /Les courriels que vous recevez sont aussi dans cette langue/);
  await t.run(() => { [...document.querySelectorAll<HTMLElement>('label, [role=radio], button')].find((e) => e.textContent?.trim() === 'English')!.click(); });
  await reads(t, /Mails to you are in this language too/);
  await t.run(() => { document.getElementById('part-look')!.scrollIntoView({ block: 'center' }); });
  faults.push(...await faultsOf(t, 'mail-language', look));
  await until('the account has the language', async () => await language() === 'en');
  await api.must('POST', '/api/account/passphrase', { old: h.owner.passphrase, new: 'nouvelle fougère lanterne marée' });
  await until('the notice has arrived', async () => mine().length > 0, 20_000);
  assert.match(mine().at(-1)!, /^Content-Language: en/mi);
  assert.match(mine().at(-1)!, /Security of your account/);
  // A browser that remembers nothing takes the account's language.
  const other = await open({ engine: 'chromium', id: 7, size: small, clip: false, look: { lang: 'fr', dark: false, width: 1280, height: 800 } });
  persons.push(other);
  const o = await other.tab();
  await o.goto(`${h.appliance.url}/about`);
  assert.equal(await o.run(() => document.documentElement.lang), 'fr');
  await signIn(o, h, { ...h.owner, passphrase: 'nouvelle fougère lanterne marée' });
  await o.goto(`${h.appliance.url}/`);
  await until('the page speaks English', () => o.run(() => document.documentElement.lang === 'en'));
  assert.deepEqual([...faults, ...refusedByPolicy(t)], []);
});

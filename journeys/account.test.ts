/**
 * The life of an account: its owner takes another address, which a code confirms, and whoever reads the old one has it back; downloads
 * all that is kept of them; asks for the deletion and takes that back. An administrator changes an address, deletes with a delay, takes
 * it back, and deletes at once. With a real mail server; pictures are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { house, newcomer, type Account, type House } from './harness/appliance.ts';
import { open, until, type Engine, type Person, type Tab } from './harness/browser.ts';
import { signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { MailServer } from './harness/exim.ts';
import { also } from './harness/form.ts';
import { reads } from './harness/keyboard.ts';
import { fill, touch } from './harness/pointer.ts';
import { faultsOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const port = 2528, binary = process.env.HUISCLOS_BINARY ?? 'build/huisclos-testhook';
const settings = `[mail]\nhost = "127.0.0.1"\nport = ${port}\nsecurity = "none"\nfrom = "visio@example.test"\n[accounts]\ndeletion_days = 20\n`;

let server: MailServer, h: House, outward: ChildProcess;
const persons: Person[] = [];
before(async () => {
  server = await MailServer.start(port);
  h = await house(1, { settings });
  outward = spawn(binary, ['outward', '--config', path.join(h.appliance.folder, 'huisclos.toml'), '--data', h.appliance.data], { stdio: 'inherit' });
});
after(async () => {
  await Promise.all(persons.map((p) => p.close().catch(() => undefined)));
  outward?.kill();
  await h?.appliance.end();
  await server?.end();
});

const words = {
  fr: { change: /^Changer d’adresse$/, fresh: /^Nouvelle adresse/, send: /^Envoyer le code$/, code: /^Code à 8 chiffres/, confirm: /^Changer l’adresse$/, wrong: /Ce code n'est pas le bon/, changed: /Votre adresse est changée/,
    lead: /Si ce n’était pas vous, reprenez-la/, undo: /^Reprendre cette adresse$/, undone: /Votre adresse est de nouveau la vôtre/, used: /Ce lien ne sert plus/, data: /^Télécharger mes données$/, got: /Le fichier est téléchargé/,
    end: /^Supprimer mon compte$/, lost: /1 salle avec ses liens/, ask: /^Demander la suppression$/, leaving: /Votre compte sera supprimé le/, see: /^Voir$/, stay: /^Garder mon compte$/, stays: /Votre compte est gardé/,
    manage: (n: string) => new RegExp(`^Gérer le compte de ${n}$`), email: /^Adresse électronique/, save: /^Enregistrer$/, emailChanged: /L’adresse est changée/, remove: /^Supprimer le compte$/, later: /^Supprimer après le délai$/, badge: /Sur le départ/, keep: /^Annuler la suppression$/, kept: /Le compte est gardé/, now: /^Supprimer tout de suite$/, removed: /Le compte est supprimé/ },
  en: { change: /^Change the address$/, fresh: /^New address/, send: /^Send the code$/, code: /^8-digit code/, confirm: /^Change the address$/, wrong: /This code is not the right one/, changed: /Your address is changed/,
    lead: /If that was not you, take it back/, undo: /^Take this address back$/, undone: /Your address is yours again/, used: /This link no longer works/, data: /^Download my data$/, got: /The file is downloaded/,
    end: /^Delete my account$/, lost: /1 room with its links/, ask: /^Ask for the deletion$/, leaving: /Your account will be deleted on/, see: /^See$/, stay: /^Keep my account$/, stays: /Your account is kept/,
    manage: (n: string) => new RegExp(`^Manage the account of ${n}$`), email: /^E-mail address/, save: /^Save$/, emailChanged: /The address is changed/, remove: /^Delete the account$/, later: /^Delete after the delay$/, badge: /Leaving/, keep: /^Take the deletion back$/, kept: /The account is kept/, now: /^Delete now$/, removed: /The account is deleted/ },
} as const;

const mailTo = (email: string, has: RegExp) => until(`a mail to ${email} with ${String(has)}`, () => Promise.resolve(server.mails().filter((m) => m.includes(`<${email}>`)).map((m) => has.exec(m)?.[0]).findLast((x) => x !== undefined)), 30_000);

async function browse(engine: Engine, look: Sight, id: number): Promise<Tab> {
  const person = await open({ engine, id, size: small, clip: false, look: { lang: look.lang, dark: look.theme === 'dark', width: look.width, height: 844 } });
  persons.push(person);
  const tab = await person.tab();
  await tab.goto(`${h.appliance.url}/about`);
  await tab.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
  return tab;
}

for (const [i, c] of ([{ engine: 'chromium', lang: 'fr', theme: 'light', width: 1280 }, { engine: 'firefox', lang: 'en', theme: 'dark', width: 390 }] satisfies (Sight & { engine: Engine })[]).entries()) {
  const w = words[c.lang], name = `Zoé ${c.lang}`, old = `zoe${i}@example.test`, fresh = `zoe${i}.new@example.test`;
  const part = i === 0 ? also : test;
  let zoe: Account;

  part(`another address, and back (${c.engine}, ${c.lang}, ${c.width})`, { timeout: 200_000 }, async () => {
    const made = await newcomer(h.appliance, h.admin, { name, email: old, passphrase: `muscade ${i} galop triste talus`, role: 'organiser' });
    zoe = made.account;
    await made.client.must('POST', '/api/rooms', { name: 'Bureau' });
    const faults: string[] = [], t = await browse(c.engine, c, 1 + i);
    const see = async (tab: Tab, what: string) => { faults.push(...await faultsOf(tab, `account-${what}`, c)); };
    await signIn(t, h, zoe);
    await t.goto(`${h.appliance.url}/account`);
    await reads(t, c.lang === 'fr' ? /20 jours après/ : /20 days after/);
    await see(t, 'mine');
    await touch(t, w.change);
    await fill(t, w.fresh, fresh);
    await see(t, 'address');
    await touch(t, w.send);
    await until('the field for the code', () => t.run(() => document.querySelector('dialog input[autocomplete="one-time-code"]') !== null));
    const code = (await mailTo(fresh, /\b\d{4} \d{4}\b/)).replace(' ', '');
    await fill(t, w.code, code === '12345678' ? '87654321' : '12345678');
    await touch(t, w.confirm);
    await reads(t, w.wrong);
    await see(t, 'code');
    await fill(t, w.code, code);
    await touch(t, w.confirm);
    await reads(t, w.changed);
    await reads(t, new RegExp(fresh.replaceAll('.', '\\.')));

    // Whoever reads the old address has it back, without signing in; the session that changed it is over.
    const link = await mailTo(old, /https:\S+\/undo#[\w-]{43}/), other = await browse(c.engine, c, 3 + i);
    await other.goto(link);
    await reads(other, w.lead);
    await see(other, 'undo');
    await touch(other, w.undo);
    await reads(other, w.undone);
    await see(other, 'undone');
    await other.goto(`${h.appliance.url}/about`);
    await other.goto(link);
    await reads(other, w.used);
    await t.goto(`${h.appliance.url}/account`);
    await until('the door', () => t.run(() => document.querySelector('input[type=password]') !== null));
    assert.deepEqual([...faults, ...refusedByPolicy(t), ...refusedByPolicy(other)], []);
  });

  part(`all that is kept, and the end (${c.engine}, ${c.lang}, ${c.width})`, { timeout: 200_000 }, async () => {
    const faults: string[] = [], t = await browse(c.engine, c, 5 + i);
    const see = async (what: string) => { faults.push(...await faultsOf(t, `account-${what}`, c)); };
    await signIn(t, h, zoe);
    await t.goto(`${h.appliance.url}/account`);
    await t.run(() => {
      const make = URL.createObjectURL.bind(URL), all = window as unknown as { kept?: Promise<string> };
      URL.createObjectURL = (b) => { all.kept = (b as Blob).text(); return make(b); };
    });
    await touch(t, w.data);
    await reads(t, w.got);
    const kept = JSON.parse(await t.run(() => (window as unknown as { kept: Promise<string> }).kept)) as { schema: string; account: { email: string }; sessions: unknown[]; meetings: { rooms: { name: string }[] }; audit: { action: string; actor: string }[] };
    assert.deepEqual([kept.schema, kept.account.email, kept.meetings.rooms.map((r) => r.name)], ['huisclos.account-export.1', old, ['Bureau']]);
    assert.ok(kept.sessions.length > 0 && kept.audit.some((e) => e.action === 'room.created' && e.actor === 'self'));

    await touch(t, w.end);
    await reads(t, w.lost);
    await see('end');
    await touch(t, w.ask);
    await reads(t, w.leaving);
    await t.run(() => { document.querySelector('#part-end')!.scrollIntoView(); });
    await see('leaving');
    await mailTo(old, c.lang === 'fr' ? /Garder mon compte/ : /Keep my account/);
    await t.goto(`${h.appliance.url}/`);
    await reads(t, w.leaving);
    await see('leaving-rooms');
    await touch(t, w.see);
    await touch(t, w.stay);
    await reads(t, w.stays);
    await until('nothing is said of it any more', () => t.run((s) => !new RegExp(s).test(document.body.innerText), w.leaving.source));
    assert.deepEqual([...faults, ...refusedByPolicy(t)], []);
  });

  part(`an administrator's hand (${c.lang}, ${c.width})`, { timeout: 200_000 }, async () => {
    const faults: string[] = [], t = await browse('chromium', c, 7 + i);
    const see = async (what: string) => { faults.push(...await faultsOf(t, `account-console-${what}`, c)); };
    await signIn(t, h, h.ada);
    await t.goto(`${h.appliance.url}/console/accounts`);
    await touch(t, w.manage(name));
    await fill(t, w.email, `zoe${i}.admin@example.test`);
    await until('the address is saved', () => t.run(([label, save]) => {
      const field = [...document.querySelectorAll<HTMLInputElement>('dialog input[type=email]')].find((e) => new RegExp(label!).test(e.labels?.[0]?.textContent ?? ''));
      const button = [...(field?.form?.querySelectorAll('button') ?? [])].find((b) => new RegExp(save!).test(b.textContent ?? '') && !b.disabled);
      button?.click();
      return button !== undefined;
    }, [w.email.source, w.save.source]));
    await reads(t, w.emailChanged);
    await mailTo(old, c.lang === 'fr' ? /adresse électronique de votre compte a été changée/ : /e-mail address of your account was changed/);
    await touch(t, w.remove);
    await reads(t, c.lang === 'fr' ? /se fait dans 20 jours/ : /is done in 20 days/);
    await see('remove');
    await touch(t, w.later);
    await reads(t, w.badge);
    await see('leaving');
    assert.equal((await h.appliance.client().call('POST', '/api/login', { email: `zoe${i}.admin@example.test`, passphrase: zoe.passphrase })).status, 401);
    await touch(t, w.keep);
    await reads(t, w.kept);
    await touch(t, w.remove);
    await touch(t, w.now);
    await reads(t, w.removed);
    await mailTo(`zoe${i}.admin@example.test`, c.lang === 'fr' ? /est supprimé/ : /is deleted/);
    assert.deepEqual([...faults, ...refusedByPolicy(t)], []);
  });
}

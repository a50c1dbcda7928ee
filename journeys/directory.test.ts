/**
 * People of the organisation's directory, a real OpenLDAP server: they sign in with their password there; an administrator sees what
 * a reading did and would do; who leaves the directory is out at the next one; and what is said when it doesn't answer. Groups of the
 * directory are groups here, which nobody changes here and rules of rooms name.
 * Pictures of each state are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { afterEach, test } from 'node:test';
import { Appliance, setUp, type Client, type House } from './harness/appliance.ts';
import { open, until, type Engine, type Person, type Tab } from './harness/browser.ts';
import { signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { also } from './harness/form.ts';
import { pressOn, reads } from './harness/keyboard.ts';
import { fill, touch } from './harness/pointer.ts';
import { faultsOf, refusedByPolicy, type Sight } from './harness/sight.ts';
import { Directory } from './harness/slapd.ts';

const binary = process.env.HUISCLOS_BINARY ?? 'build/huisclos-testhook';
const people = [
  { uid: 'zoe', name: 'Zoé Œuvrard', mail: 'zoe@example.test', password: 'zoé, ça va ?' },
  { uid: 'jean', name: 'Jean Valjean', mail: 'jean@example.test', password: '24601' },
  { uid: 'eve', name: 'Eve', mail: 'ADA@example.test', password: 'je veux tout' },
  { uid: 'lea', name: 'Léa Nomade', mail: 'lea@example.test', password: 'une autre' },
];
const said = {
  fr: {
    email: /^Adresse électronique/, passphrase: /^Phrase de passe/, signIn: /^Se connecter$/, rooms: /Vos salles/, wrong: /n’est pas la bonne|n'est pas la bonne/, elsewhere: /C’est celle de l’annuaire/, named: /vient de l’annuaire/,
    lead: /Les personnes de l’annuaire/, taken: /Un autre compte a déjà cette adresse/, dry: /^Essayer sans rien changer$/, would: /Ce que ferait une synchronisation/, shut: /Accès fermé/, sync: /^Synchroniser maintenant$/, done: /1 compte a changé/,
    failed: /L’annuaire n’a pas pu être lu/, down: /ne répond pas/, manage: /^Gérer le compte de Zoé/, from: /Ce compte vient de l’annuaire/, held: /Plus de la moitié/, anyway: /^Fermer ces comptes malgré tout$/, sure: /^Fermer ces comptes$/,
  },
  en: {
    email: /^E-mail/, passphrase: /^Passphrase/, signIn: /^Sign in$/, rooms: /Your rooms/, wrong: /is not right/, elsewhere: /It is that of your organisation/, named: /comes from your organisation/,
    lead: /People of your organisation/, taken: /Another account has this address already/, dry: /^Try without changing anything$/, would: /What a synchronisation would do/, shut: /Access shut/, sync: /^Synchronise now$/, done: /1 account has changed/,
    failed: /The directory could not be read/, down: /does not answer/, manage: /^Manage the account of Zoé/, from: /This account comes from/, held: /More than half/, anyway: /^Shut these accounts anyway$/, sure: /^Shut these accounts$/,
  },
} as const;

const opened: Person[] = [];
let appliance: Appliance | null = null, directory: Directory | null = null;
afterEach(async () => {
  await Promise.all(opened.splice(0).map((p) => p.close().catch(() => undefined)));
  await appliance?.end();
  await directory?.end();
  appliance = directory = null;
});

async function tabOf(engine: Engine, look: Sight, url: string): Promise<Tab> {
  const person = await open({ engine, id: opened.length + 1, size: small, clip: false, look: { lang: look.lang, dark: look.theme === 'dark', width: look.width, height: look.width < 500 ? 780 : 860 } });
  opened.push(person);
  const tab = await person.tab();
  await tab.goto(`${url}/about`);
  await tab.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
  return tab;
}

const read = (admin: Client) => until('the directory is read', async () => {
  const s = await admin.must('GET', '/api/admin/directory');
  return s.good ? s : null;
});

async function wholeDirectory(engine: Engine, look: Sight): Promise<void> {
  const w = said[look.lang], faults: string[] = [];
  directory = await Directory.start(people, 1636);
  await directory.connects(binary);
  appliance = await Appliance.start({ settings: directory.settings });
  const { admin, ada } = await setUp(appliance);
  await read(admin);
  const see = async (t: Tab, name: string) => { faults.push(...await faultsOf(t, `directory-${name}`, look)); };
  const house = { appliance, admin, ada } as unknown as House;

  // The operator's command says the same.
  const checked = () => spawnSync(binary, ['check', 'directory', '--data', appliance!.data], { encoding: 'utf8' });
  const good = checked();
  assert.equal(good.status, 0, good.stdout + good.stderr);
  assert.match(good.stdout, /4 people in its first page/);

  // With a password of the directory, by keyboard.
  const z = await tabOf(engine, look, appliance.url);
  await z.goto(`${appliance.url}/`);
  await fill(z, w.email, 'zoe@example.test');
  await fill(z, w.passphrase, 'not it');
  await pressOn(z, w.signIn);
  await reads(z, w.wrong);
  await fill(z, w.passphrase, people[0]!.password);
  await pressOn(z, w.signIn);
  await reads(z, w.rooms);
  await z.goto(`${appliance.url}/account`);
  await reads(z, w.elsewhere);
  await reads(z, w.named);
  await see(z, 'account');

  // Eve has the administrator's address in the directory, and gets no account by it.
  const t = await tabOf(engine, look, appliance.url);
  await signIn(t, house, ada);
  await t.goto(`${appliance.url}/console/directory`);
  await reads(t, w.lead);
  await touch(t, w.sync);
  await reads(t, w.taken);
  await see(t, 'console');
  await t.goto(`${appliance.url}/console/accounts`);
  await touch(t, w.manage);
  await reads(t, w.from);
  await see(t, 'sheet');

  // Zoé leaves. A trial says so and changes nothing; then her session ends.
  directory.remove('zoe');
  await t.goto(`${appliance.url}/console/directory`);
  await touch(t, w.dry);
  await reads(t, w.would);
  await reads(t, w.shut);
  await see(t, 'trial');
  assert.equal(await z.run(async () => (await fetch('/api/me')).status), 200);
  await touch(t, w.sync);
  await reads(t, w.done);
  assert.equal(await z.run(async () => (await fetch('/api/me')).status), 401);
  await z.goto(`${appliance.url}/`);
  await fill(z, w.email, 'zoe@example.test');
  await fill(z, w.passphrase, people[0]!.password);
  await touch(z, w.signIn);
  await reads(z, w.wrong);

  // Everybody but one is gone: nobody is shut out until the administrator says so.
  directory.remove('jean');
  directory.remove('lea');
  await touch(t, w.sync);
  await reads(t, w.held);
  await see(t, 'held');
  await touch(t, w.anyway);
  await touch(t, w.sure);
  await until('they are shut', async () => ((await admin.must('GET', '/api/admin/directory')).report as { shut: number }).shut === 2);

  await directory.down();
  await touch(t, w.sync);
  await reads(t, w.failed);
  await see(t, 'failed');
  const bad = checked();
  assert.equal(bad.status, 1);
  assert.match(bad.stdout, /The directory can't be reached/);
  await z.goto(`${appliance.url}/`);
  await fill(z, w.email, 'nobody@example.test');
  await fill(z, w.passphrase, 'whatever it is');
  await touch(z, w.signIn);
  await reads(z, w.down);
  await see(z, 'down');
  for (const x of [z, t]) assert.deepEqual(refusedByPolicy(x), []);
  assert.deepEqual(faults, []);
}

test('Chromium, French, a desktop: people of a directory', { timeout: 240_000 }, () => wholeDirectory('chromium', { lang: 'fr', theme: 'light', width: 1280 }));
also('Firefox, English, a phone: people of a directory', { timeout: 240_000 }, () => wholeDirectory('firefox', { lang: 'en', theme: 'dark', width: 390 }));

const groups = {
  fr: { lead: /Les personnes de l’annuaire/, made: /2 groupes créés, 3 appartenances ajoutées/, see: /^Voir les groupes$/, list: /Chirurgie/, open: /Chirurgie/, readOnly: /vient de l’annuaire/, sync: /^Synchroniser maintenant$/, taken: /1 appartenance retirée/ },
  en: { lead: /People of your organisation/, made: /2 groups made, 3 memberships added/, see: /^See the groups$/, list: /Chirurgie/, open: /Chirurgie/, readOnly: /comes from your organisation/, sync: /^Synchronise now$/, taken: /1 membership taken away/ },
} as const;
const of = (uid: string) => `uid=${uid},dc=example,dc=test`;
const ldif = `dn: ou=groups,dc=example,dc=test\nobjectClass: organizationalUnit\nou: groups\n\n` +
  `dn: cn=Chirurgie,ou=groups,dc=example,dc=test\nobjectClass: groupOfNames\ncn: Chirurgie\nmember: ${of('zoe')}\nmember: ${of('jean')}\n\n` +
  `dn: cn=astreinte,ou=groups,dc=example,dc=test\nobjectClass: posixGroup\ncn: astreinte\ngidNumber: 7\nmemberUid: lea\n\n`;

for (const look of [{ lang: 'fr', theme: 'light', width: 1280 }, { lang: 'en', theme: 'dark', width: 390 }] satisfies Sight[]) {
  (look.width === 390 ? test : also)(`groups of a directory, ${look.lang}, ${look.width} px: a room is for one of them`, { timeout: 180_000 }, async () => {
    const w = groups[look.lang], faults: string[] = [];
    directory = await Directory.start(people, 1637, ldif);
    await directory.connects(binary);
    appliance = await Appliance.start({ settings: `${directory.settings}login = "uid"\ngroups_base = "ou=groups,dc=example,dc=test"\n` });
    const { admin, ada } = await setUp(appliance);
    const report = (await read(admin)).report as { groups: { created: number } };
    assert.equal(report.groups.created, 2);
    const t = await tabOf('chromium', look, appliance.url);
    await signIn(t, { appliance, admin, ada } as unknown as House, ada);
    await t.goto(`${appliance.url}/console/directory`);
    await reads(t, w.made);
    await t.run(() => { document.getElementById('directory-groups')!.scrollIntoView({ block: 'center' }); });
    faults.push(...await faultsOf(t, 'directory-groups', look));
    await touch(t, w.see);
    await reads(t, w.list);
    faults.push(...await faultsOf(t, 'directory-groups-list', look));
    await t.run(() => { [...document.querySelectorAll<HTMLElement>('tbody tr')].find((r) => r.innerText.includes('Chirurgie'))!.querySelector('button')!.click(); });
    await reads(t, w.readOnly);
    await until('the members', () => t.run(() => document.querySelectorAll('.members__one').length === 2));
    assert.equal(await t.run(() => document.querySelector('.members__one button') !== null || document.querySelector('dialog form') !== null), false, 'it can be changed here');
    faults.push(...await faultsOf(t, 'directory-group', look));

    // A room of Léa's for the surgeons: Jean may come in, and no longer once he has left the group in the directory.
    const lea = appliance.client(), jean = appliance.client();
    await lea.login({ email: 'lea@example.test', passphrase: 'une autre' });
    await jean.login({ email: 'jean@example.test', passphrase: '24601' });
    const found = (await admin.must('GET', '/api/admin/groups')).groups as { id: string; name: string; source: string }[];
    const surgeons = found.find((g) => g.name === 'Chirurgie')!;
    assert.equal(surgeons.source, 'ldap');
    assert.equal((await admin.call('PATCH', `/api/admin/groups/${surgeons.id}`, { name: 'x' })).status, 409);
    const room = await lea.must('POST', '/api/rooms', { name: 'Bloc' }) as { id: string };
    await lea.must('PATCH', `/api/rooms/${room.id}/rules`, { access: { on: true, persons: [], groups: [surgeons.id] } });
    assert.equal((await jean.call('GET', `/api/rooms/${room.id}`)).status, 200);
    directory.change(`dn: cn=Chirurgie,ou=groups,dc=example,dc=test\nchangetype: modify\ndelete: member\nmember: ${of('jean')}\n`);
    await t.goto(`${appliance.url}/console/directory`);
    await touch(t, w.sync);
    await reads(t, w.taken);
    assert.equal((await jean.call('GET', `/api/rooms/${room.id}`)).status, 403);
    assert.deepEqual([...faults, ...refusedByPolicy(t)], []);
  });
}

/**
 * A room's rules as people meet them: the owner sets them by keyboard; a code is asked before the door and its tries are
 * bounded; who is not named is refused with a sentence; a co-host comes in without waiting and admits; whom a rule names is let in by a
 * host's device that has seen the rule, and by no other. And the directory, contacts, presence, and groups in the console.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { house, type Client, type House } from './harness/appliance.ts';
import { open, until, type Person, type Tab } from './harness/browser.ts';
import { arrive, Player, scatter, signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { pressOn, reach, reads, writeInto } from './harness/keyboard.ts';
import { faultsOf, pageOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const looks: Sight[] = [
  { lang: 'fr', theme: 'light', width: 1280 }, { lang: 'en', theme: 'dark', width: 1280 }, { lang: 'en', theme: 'light', width: 390 }, { lang: 'fr', theme: 'dark', width: 390 },
];
const faults: string[] = [];
const verdict = () => { const found = faults.splice(0); assert.deepEqual(found, []); };

let h: House, owner: Client, group: string, person: Person, tab: Tab;
const people: Person[] = [];
before(async () => {
  h = await house(4);
  const made = await h.admin.must('POST', '/api/admin/groups', { name: 'Équipe Projet' });
  group = made.id as string;
  await h.admin.must('PATCH', `/api/admin/groups/${group}`, { add: [h.members[1]!.id] });
  owner = h.appliance.client();
  await owner.login(h.owner);
  person = await open({ engine: 'chromium', id: 1, size: small });
  tab = await person.tab();
});
after(async () => {
  for (const p of [person, ...people]) await p?.close().catch(() => undefined);
  await h?.appliance.end();
});

const rulesPath = () => `/api/rooms/${h.room.id}/rules`;
const reset = () => owner.must('PATCH', rulesPath(), { access: { on: false }, straight: { on: false }, cohosts: [], pin: '' });

async function wear(t: Tab, look: Sight): Promise<void> {
  await pageOf(t).emulateMedia({ colorScheme: look.theme, reducedMotion: 'reduce' });
  await t.resize(look.width, look.width === 390 ? 844 : 800);
  await t.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
}
async function every(name: string, address: string, ready: (t: Tab) => Promise<unknown>): Promise<void> {
  for (const look of looks) {
    await wear(tab, look);
    await tab.goto('about:blank');
    await tab.goto(address);
    await until(`${name} is drawn`, () => tab.run(() => document.querySelector('h1') !== null && !document.querySelector('main .spinner, .skeleton')), 15_000);
    await ready(tab);
    faults.push(...await faultsOf(tab, `rooms-${name}`, look));
  }
}
const option = (t: Tab, text: RegExp) => until(`${String(text)} is offered`, () => t.run((s) => [...document.querySelectorAll('[role=option]')].some((o) => new RegExp(s).test(o.textContent ?? '')), text.source));

test('the owner sets the rules of a room by keyboard', { timeout: 120_000 }, async () => {
  await signIn(tab, h, h.owner);
  await wear(tab, looks[0]!);
  const settings = `${h.appliance.url}/r/${h.room.id}/settings`;
  await tab.goto(settings);
  await reads(tab, /Qui peut frapper à la porte/);
  await reach(tab, /^Tous ceux qui ont un compte/);
  await tab.press('ArrowRight');
  await writeInto(tab, /^Personnes et groupes/, 'equi');
  await option(tab, /Équipe Projet/);
  await tab.press('Enter');
  await reach(tab, /^Retirer Équipe Projet$/);
  await pressOn(tab, /^Enregistrer$/);
  await reads(tab, /C’est enregistré/);
  await writeInto(tab, /^Ajouter un co-hôte/, 'clara');
  await option(tab, /Clara Chêne/);
  await tab.press('Enter');
  await pressOn(tab, /^Enregistrer$/);
  await until('the co-host is kept', async () => ((await owner.must('GET', rulesPath())).cohosts as unknown[]).length === 1);
  await writeInto(tab, /^Nouveau code/, '2468');
  await pressOn(tab, /^Mettre ce code$/);
  await reads(tab, /La salle demande maintenant ce code/);
  const rules = await owner.must('GET', rulesPath()) as { access: { on: boolean; groups: { id: string }[] }; cohosts: { id: string }[]; pin: boolean };
  assert.deepEqual([rules.access.on, rules.access.groups.map((g) => g.id), rules.cohosts.map((c) => c.id), rules.pin], [true, [group], [h.members[2]!.id], true]);
  assert.ok(!JSON.stringify(rules).includes('2468'), 'the code is shown');
  await every('settings', settings, () => reads(tab, /Équipe Projet/));
  // Somebody else's room has no settings for them.
  await signIn(tab, h, h.members[1]!);
  await tab.goto(settings);
  await reads(tab, /Your account does not allow this|Votre compte ne permet pas/);
  verdict();
});

test('a code is asked before the door, and its tries are bounded', { timeout: 120_000 }, async () => {
  const bruno = h.members[1]!;
  await signIn(tab, h, bruno);
  await every('pin', h.room.link, () => reads(tab, /Salle des essais/));
  await wear(tab, looks[0]!);
  await tab.goto('about:blank');
  await tab.goto(h.room.link);
  await reads(tab, /Elle demande un code/);
  await writeInto(tab, /^Code de la salle/, '1111');
  await tab.press('Enter');
  await reads(tab, /Ce code n'est pas celui de la salle/);
  const client = h.appliance.client();
  await client.login(bruno);
  const tries: number[] = [];
  for (let i = 0; i < 6; i++) tries.push((await client.call('POST', `/api/rooms/${h.room.id}/pin`, { pin: '2222' })).status);
  assert.deepEqual(tries, [403, 403, 403, 403, 429, 429]);
  // Nor does the socket open without it.
  assert.equal((await client.call('GET', `/api/rooms/${h.room.id}`)).body.pin, true);
  await until('the right code is taken after its wait', async () => {
    await tab.run(() => { const field = document.querySelector<HTMLInputElement>('input.input')!; field.focus(); field.select(); });
    await tab.type('2468');
    await tab.press('Enter');
    await new Promise((done) => setTimeout(done, 600));
    return tab.run(() => window.__huisclos !== undefined);
  }, 30_000, 1500);
  verdict();
});

test('who is not named is told so', { timeout: 60_000 }, async () => {
  await signIn(tab, h, h.members[3]!);
  await every('barred', h.room.link, () => reads(tab, /This room is for the people its owner has chosen|Cette salle est réservée aux personnes/));
  verdict();
});

test('an invitation to a meeting lets somebody knock at a limited room', { timeout: 60_000 }, async () => {
  const invited = h.appliance.client(), tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  await invited.login(h.members[3]!);
  const may = async () => (await invited.call('GET', `/api/rooms/${h.room.id}`)).status;
  assert.equal(await may(), 403);
  const { id } = await owner.must('POST', `/api/rooms/${h.room.id}/meetings`, { title: 'Point', start: { date: tomorrow, time: '09:30' }, zone: 'Europe/Paris', minutes: 45, invitees: [{ account: h.members[3]!.id }] }) as { id: string };
  assert.equal(await may(), 200);
  await signIn(tab, h, h.owner);
  await every('invited', `${h.appliance.url}/r/${h.room.id}/settings`, () => reads(tab, /invitées à une réunion|Invited to a meeting/));
  await owner.must('DELETE', `/api/meetings/${id}`);
  assert.equal(await may(), 403);
  verdict();
});

test('a co-host comes in without waiting once the owner has said yes, and admits', { timeout: 180_000 }, async () => {
  const players: Player[] = [];
  try {
    // A device that has not seen the co-hosts asks its person.
    const host = await arrive(h, 0, 'chromium', { clip: false });
    players.push(host);
    await host.tab.run(() => { localStorage.setItem('huisclos.lang', 'fr'); });
    await host.tab.reload();
    await host.prepare();
    await reads(host.tab, /vous ne l’avez pas confirmé sur cet appareil/);
    faults.push(...await faultsOf(host.tab, 'rooms-door-cohost', { lang: 'fr', theme: 'light', width: 1280 }));
    await pressOn(host.tab, /^Oui, c’est bien ce que je veux$/);
    await reads(host.tab, /Co-hôte : Clara Chêne/);
    await host.start();
    await host.reaches('in-call');
    const cohost = await arrive(h, 2, 'chromium', { clip: false });
    players.push(cohost);
    await cohost.start();
    await cohost.reaches('in-call');
    assert.deepEqual((await cohost.people()).map((p) => p.host), [true, true]);
    const guest = await arrive(h, 1, 'chromium', { clip: false }); // gave the code before
    players.push(guest);
    await guest.start();
    await cohost.admits(guest.account.name);
    await guest.reaches('in-call');
    for (const p of players) await p.sees(3);
    for (const p of players) assert.deepEqual(refusedByPolicy(p.tab), []);
  } finally { await scatter(players); }
  verdict();
});

test('without the owner’s yes the server’s word makes nobody a host', { timeout: 120_000 }, async () => {
  const players: Player[] = [];
  try {
    const host = await arrive(h, 0, 'chromium', { clip: false });
    players.push(host);
    await host.start();
    await host.reaches('in-call');
    const cohost = await arrive(h, 2, 'chromium', { clip: false });
    players.push(cohost);
    await cohost.start();
    await cohost.reaches('waiting-lobby');
    assert.deepEqual((await host.people()).map((p) => p.name), [h.owner.name]);
  } finally { await scatter(players); }
});

test('whom the rule names is let in by a host’s device that has seen the rule', { timeout: 180_000 }, async () => {
  await reset();
  await owner.must('PATCH', rulesPath(), { straight: { on: true, groups: [group] } });
  const players: Player[] = [];
  try {
    const host = await arrive(h, 0, 'chromium', { clip: false });
    players.push(host);
    await host.start();
    await host.reaches('in-call');
    const named = await arrive(h, 1, 'chromium', { clip: false }), other = await arrive(h, 3, 'chromium', { clip: false });
    players.push(named, other);
    await named.start();
    await other.start();
    await named.reaches('waiting-lobby');
    await other.reaches('waiting-lobby');
    // This device had not seen the rule: its host says so in the panel, and sees who comes.
    await host.tab.run(() => { localStorage.setItem('huisclos.lang', 'fr'); });
    await host.tab.press('p');
    await until('the switch', () => host.tab.run(() => document.querySelector('aside [role=switch]') !== null));
    faults.push(...await faultsOf(host.tab, 'rooms-straight', { lang: 'fr', theme: 'light', width: 1280 }, await host.tab.run(() => document.documentElement.lang)));
    await host.tab.run(() => { document.querySelector<HTMLInputElement>('aside [role=switch]')!.click(); });
    await named.reaches('in-call');
    assert.equal(await other.phase(), 'waiting-lobby');
    await host.admits(other.account.name);
    await other.reaches('in-call');
    for (const p of players) await p.sees(3);
  } finally { await scatter(players); }
  verdict();
});

test('the directory, contacts and presence', { timeout: 120_000 }, async () => {
  await signIn(tab, h, h.owner);
  await wear(tab, looks[0]!);
  const at = `${h.appliance.url}/directory`;
  await tab.goto(at);
  await reads(tab, /Pas encore de contact/);
  const bruno = h.appliance.client();
  await bruno.login(h.members[1]!);
  await writeInto(tab, /^Chercher une personne/, 'bru');
  await reads(tab, /Bruno Berger/);
  await reads(tab, /présent/);
  await pressOn(tab, /^Ajouter Bruno Berger à vos contacts$/);
  await reads(tab, /Bruno Berger est dans vos contacts/);
  await bruno.must('PATCH', '/api/account/presence', { shown: false });
  await every('directory', at, () => reads(tab, /Bruno Berger/));
  assert.ok(!/présent|\bhere\b/.test(await tab.run(() => document.querySelector('main .people-list')!.textContent ?? '')), 'a presence that is off is shown');
  const search = async (t: Tab) => { await t.run(() => { document.querySelector<HTMLInputElement>('input[type=search]')!.focus(); }); await t.type('e'); await reads(t, /Équipe Projet/); };
  await every('directory-search', at, search);
  await every('account', `${h.appliance.url}/account`, async (t) => { await reads(t, /Présence|Presence/); });
  verdict();
});

test('groups in the console', { timeout: 120_000 }, async () => {
  await signIn(tab, h, h.ada);
  await wear(tab, looks[0]!);
  const at = `${h.appliance.url}/console/groups`;
  await tab.goto(at);
  await reads(tab, /Équipe Projet/);
  await pressOn(tab, /^Créer un groupe$/);
  await until('the dialog', () => tab.run(() => document.querySelector('dialog input') !== null));
  await tab.type('Direction');
  await tab.press('Enter');
  await reads(tab, /Groupe Direction/);
  await writeInto(tab, /^Ajouter une personne/, 'david');
  await option(tab, /David Dune/);
  await tab.press('Enter');
  await reads(tab, /David Dune est dans le groupe/);
  faults.push(...await faultsOf(tab, 'rooms-console-group', looks[0]!));
  await tab.press('Escape');
  await every('console-groups', at, () => reads(tab, /Direction/));
  for (const look of looks.slice(2)) {
    await wear(tab, look);
    await tab.goto('about:blank');
    await tab.goto(at);
    await reads(tab, /Direction/);
    await tab.run(() => { [...document.querySelectorAll<HTMLButtonElement>('tbody button')].at(-1)!.click(); });
    await until('the sheet', () => tab.run(() => document.querySelector('dialog .members') !== null));
    faults.push(...await faultsOf(tab, 'rooms-console-group', look));
  }
  verdict();
});

test('a weekly meeting is planned, and stands on the start page of who is invited', { timeout: 180_000 }, async () => {
  await reset();
  await signIn(tab, h, h.owner);
  await wear(tab, looks[0]!);
  const at = `${h.appliance.url}/r/${h.room.id}/meetings`;
  await tab.goto(at);
  await reads(tab, /Rien de prévu/);
  await pressOn(tab, /^Prévoir une réunion$/);
  await until('the form', () => tab.run(() => document.querySelector('dialog input[type=date]') !== null));
  await tab.type('Point d’équipe');
  // What the browser's own fields for dates hold is typed in the order of its language.
  await tab.run(() => {
    const set = (kind: string, v: string) => { const f = document.querySelector<HTMLInputElement>(`dialog input[type=${kind}]`)!; f.value = v; f.dispatchEvent(new Event('input', { bubbles: true })); };
    const d = new Date(Date.now() + 2 * 86_400_000);
    set('date', `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, '0')}-${String(d.getDate()).padStart(2, '0')}`);
    set('time', '09:30');
  });
  await reach(tab, /^Répétition/);
  await tab.type('Chaque s');
  await reads(tab, /Jours de la semaine/);
  faults.push(...await faultsOf(tab, 'rooms-plan-form', looks[0]!));
  await writeInto(tab, /^Personnes invitées/, 'bru');
  await option(tab, /Bruno Berger/);
  await tab.press('Enter');
  await pressOn(tab, /^Prévoir$/);
  await reads(tab, /La réunion est prévue/);
  await reads(tab, /chaque semaine, le /);
  const planned = (await owner.must('GET', `/api/rooms/${h.room.id}/meetings`)).meetings as { next: { original: string }[]; invitees: { account: string }[] }[];
  assert.equal(planned[0]?.invitees[0]?.account, h.members[1]!.id);
  await every('plan', at, () => reads(tab, /Point d’équipe/));
  await wear(tab, looks[2]!);
  await tab.goto('about:blank');
  await tab.goto(at);
  await reads(tab, /Point d’équipe/);
  await tab.run(() => { document.querySelector<HTMLButtonElement>('.planned__head .icon-button')!.click(); });
  await until('the form', () => tab.run(() => document.querySelector('dialog input[type=date]') !== null));
  faults.push(...await faultsOf(tab, 'rooms-plan-form', looks[2]!));
  // One occurrence is cancelled.
  await wear(tab, looks[0]!);
  await tab.goto('about:blank');
  await tab.goto(at);
  await reads(tab, /Point d’équipe/);
  await tab.run(() => { document.querySelectorAll<HTMLButtonElement>('.times__one .icon-button')[1]!.click(); });
  await reads(tab, /Les autres fois ne changent pas/);
  await pressOn(tab, /^Annuler cette fois$/);
  await reads(tab, /Cette fois est annulée/);

  const bruno = h.appliance.client();
  await bruno.login(h.members[1]!);
  const coming = (await bruno.must('GET', '/api/meetings')).meetings as { start: string; mine: boolean }[];
  assert.deepEqual(coming.map((c) => [c.start === planned[0]!.next[1]!.original, c.mine]), [[true, false]], 'the second week is left');
  await signIn(tab, h, h.members[1]!);
  await every('start', `${h.appliance.url}/`, () => reads(tab, /Point d’équipe/));
  await wear(tab, looks[0]!);
  await tab.goto(`${h.appliance.url}/`);
  await pressOn(tab, /^Rejoindre/);
  await until('the room’s page', () => tab.run(() => window.__huisclos !== undefined));
  // A calendar program follows it by an address that is nobody else's.
  const url = new URL((await bruno.must('POST', '/api/account/calendar', {})).url as string);
  const program = h.appliance.client();
  const feed = await program.call('GET', url.pathname);
  assert.match(String(feed.body.text), /RRULE:FREQ=WEEKLY[\s\S]*EXDATE/);
  await bruno.must('DELETE', '/api/account/calendar');
  assert.equal((await program.call('GET', url.pathname)).status, 404);
  await signIn(tab, h, h.members[1]!);
  await wear(tab, looks[0]!);
  await tab.goto(`${h.appliance.url}/account`);
  await pressOn(tab, /^Faire une adresse$/);
  await reads(tab, /Elle n’est montrée qu’ici/);
  faults.push(...await faultsOf(tab, 'rooms-calendar', looks[0]!));
  verdict();
});

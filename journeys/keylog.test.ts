/**
 * The list of devices that the server keeps: it is taken back with a backup, as somebody would who wants to hide a device. Who has seen
 * the later one is told at the door, in words, and comes in only by an act that says what it costs. Then: who has a new device is marked,
 * and everybody finds their own on the account page. In French on a desktop, in English on a phone. Pictures are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { house, type Client, type House } from './harness/appliance.ts';
import { until } from './harness/browser.ts';
import { arrive, scatter, signIn, type Player } from './harness/cast.ts';
import { reads } from './harness/keyboard.ts';
import { touch } from './harness/pointer.ts';
import { faultsOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const desktop: Sight = { lang: 'fr', theme: 'light', width: 1280 }, phone: Sight = { lang: 'en', theme: 'dark', width: 390 };
const binary = process.env.HUISCLOS_BINARY ?? 'build/huisclos-testhook';
const faults: string[] = [];
let h: House;
const players: Player[] = [];
before(async () => { h = await house(2); });
after(async () => { await scatter(players); await h?.appliance.end(); });

function huisclos(...args: string[]): string {
  const r = spawnSync(binary, args, { encoding: 'utf8' });
  assert.equal(r.status, 0, `huisclos ${args.join(' ')}: ${r.stdout}${r.stderr}`);
  return r.stdout;
}

/** A device of somebody's that is no browser of theirs: who has their passphrase may make one, and so may the server. */
async function stranger(): Promise<Client> {
  const client = h.appliance.client(), { x, y } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
  await client.login(h.members[1]!);
  const key = Buffer.concat([Buffer.of(4), Buffer.from(x!, 'base64url'), Buffer.from(y!, 'base64url')]).toString('base64url');
  await client.must('POST', `/api/rooms/${h.room.id}/device`, { device: randomBytes(16).toString('base64url'), key, since: 0 });
  return client;
}

const come = async (index: number, look: Sight) => {
  const p = await arrive(h, index, 'chromium', { cam: false, mic: false, clip: false, look: { lang: look.lang, dark: look.theme === 'dark', width: look.width, height: look.width < 500 ? 780 : 800 } });
  players.push(p);
  return p;
};
const see = async (p: Player, name: string, look: Sight, at?: string) => {
  if (at) await p.tab.run((what) => { document.querySelector(what)?.scrollIntoView({ block: 'center' }); }, at);
  faults.push(...await faultsOf(p.tab, `keylog-${name}`, look));
};
const again = async (p: Player) => {
  await signIn(p.tab, h, p.account);
  await p.tab.goto(h.room.link);
  await p.prepare({ mic: false, cam: false });
  await p.start();
};
/** What this browser keeps of the list: its length. */
const seen = (p: Player) => p.tab.run(() => new Promise<number>((done) => {
  const opening = indexedDB.open('huisclos');
  opening.onsuccess = () => {
    const read = opening.result.transaction('log').objectStore('log').get('seen');
    read.onsuccess = () => { opening.result.close(); done((read.result as { size: number } | undefined)?.size ?? 0); };
  };
}));

test('a list that was taken back with a backup is refused at the door, and accepted by who says so twice', { timeout: 180_000 }, async () => {
  const { appliance } = h, key = path.join(appliance.folder, 'backup.key'), file = path.join(appliance.folder, 'before.backup');
  const made = JSON.parse(huisclos('backup', 'key', '--output', key, '--json')) as Record<string, string>;
  huisclos('backup', 'create', '--to', Object.values(made).find((v) => v.startsWith('age1pq1'))!, '--output', file, '--data', appliance.data);

  const [host, guest] = await Promise.all([come(0, desktop), come(1, phone), stranger()]);
  await host.start();
  await host.reaches('in-call');

  // New devices are marked, before they are let in too, and one's own is not; what that means stands where it is said what is verified.
  await touch(host.tab, /^Personnes$/);
  await guest.start();
  await until('who waits is marked', () => host.tab.run(() => /Appareil récent, depuis\s\d\d:\d\d/.test(document.querySelector<HTMLElement>('.lobby .fresh')?.innerText ?? '')));
  await see(host, 'lobby', desktop);
  await host.admits(guest.account.name);
  await guest.reaches('in-call');
  await until('the host has seen the list with the guest in it', async () => (await seen(host)) === 3);
  await until('one of the two is marked', () => host.tab.run(() => document.querySelectorAll('.people .fresh').length === 1 && !document.querySelector('.lobby')));
  await see(host, 'people', desktop);
  await touch(guest.tab, /^Seal/);
  await reads(guest.tab, /New device, since \d\d:\d\d/);
  await reads(guest.tab, /for less than twenty-four hours/);
  await see(guest, 'seal', phone, '.fresh');

  // The guest's account has a device that the guest does not know.
  await guest.tab.run(() => window.__huisclos!.call.leave());
  await guest.tab.goto(`${appliance.url}/account`);
  await reads(guest.tab, /Your devices[^]*Added on[^]*This browser[^]*Added on[^]*End all other sessions/);
  assert.deepEqual(await guest.tab.run(() => [...document.querySelectorAll('[aria-labelledby=part-devices] .session')].map((r) => r.querySelector('.badge') !== null)), [true, false]);
  await see(guest, 'account', phone, '#part-devices');
  await host.tab.run(() => window.__huisclos!.call.leave());

  await host.tab.goto('about:blank');
  await guest.tab.goto('about:blank');
  await appliance.down();
  huisclos('backup', 'restore', file, '--key', key, '--data', appliance.data, '--replace', '--yes', '--json');
  await appliance.up();

  await again(host);
  assert.equal((await host.reaches('error')).code, 'log-shorter');
  await reads(host.tab, /La liste des appareils est plus courte qu’avant[^]*restauré une sauvegarde[^]*Demandez à votre administrateur/);
  await see(host, 'shorter', desktop);
  assert.equal(await seen(host), 3, 'what was seen is kept');
  await touch(host.tab, /^L’administrateur me l’a confirmé$/);
  await reads(host.tab, /Continuer avec la liste d’aujourd’hui/);
  await touch(host.tab, /^Annuler$/);
  assert.equal((await host.state()).code, 'log-shorter', 'nothing is done by opening the question');
  await touch(host.tab, /^L’administrateur me l’a confirmé$/);
  await touch(host.tab, /^Continuer avec cette liste$/);
  await host.reaches('in-call');

  // As long as the one that was seen, and another.
  await stranger();
  await again(guest);
  assert.equal((await guest.reaches('error')).code, 'log-forked');
  await reads(guest.tab, /does not continue the one from before[^]*installed the server anew[^]*Stay out/);
  await see(guest, 'forked', phone);
  await touch(guest.tab, /^The administrator told me so$/);
  await see(guest, 'sure', phone);
  await touch(guest.tab, /^Go on with this list$/);
  await host.admits(guest.account.name);
  await guest.reaches('in-call');
  await guest.sees(2);

  await host.tab.goto(`${appliance.url}/account`);
  await reads(host.tab, /Vos appareils[^]*Inscrit le[^]*Ce navigateur[^]*Fermez toutes les autres sessions/);
  await see(host, 'account', desktop, '#part-devices');
  assert.deepEqual([...faults, ...players.flatMap((p) => refusedByPolicy(p.tab))], []);
});

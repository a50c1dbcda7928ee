/**
 * The release build on a machine of its own, by what a person sees and nothing else: the set-up page, a room, two browsers in a
 * sealed call, the same twelve words. Run by packaging/image/test-image:
 *
 *   node --import ./.ci/ts.mjs journeys/machine.ts call URL CODE FILE     first start and a call; who was made is written to FILE
 *   node --import ./.ci/ts.mjs journeys/machine.ts write URL FILE LOG     makes rooms until it is ended; each acknowledged one is in LOG
 *   node --import ./.ci/ts.mjs journeys/machine.ts verify URL FILE LOG    every room in LOG is there, and the administrator comes in
 *   node --import ./.ci/ts.mjs journeys/machine.ts backup URL FILE KEY TO the administrator gives a public key, makes a backup and takes it
 */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Client } from './harness/appliance.ts';
import { Authenticator } from './harness/authenticator.ts';
import { open, until, type Engine, type Person, type Tab } from './harness/browser.ts';
import { small } from './harness/clip.ts';

const [, , act, url, ...rest] = process.argv as [string, string, string, string, ...string[]];
/** The machine may be an emulated one, which takes a minute to check a passphrase. */
const patience = 240_000;
const pictures = path.join(process.env.HUISCLOS_TOP ?? '.', 'build/screenshots');
const admin = { name: 'Ada Admin', email: 'ada@example.test', passphrase: 'gravier lampe orage violon' };
const people = [{ name: 'Hélène Hôte', email: 'helene@example.test', passphrase: 'cascade mousse verrou talus' }, { name: 'Bruno Berger', email: 'bruno@example.test', passphrase: 'girafe poteau citron lac' }];
interface Made { room: string; owner: string; secret: string }

/** Types into the fields, known by what a password manager knows them by; one after the other, as the page draws itself anew after each. */
async function fill(t: Tab, fields: Record<string, string>): Promise<void> {
  for (const [kind, value] of Object.entries(fields)) {
    await t.run(async ([k, v]) => {
      const input = document.querySelector<HTMLInputElement>(`input[autocomplete="${k}"]`);
      if (!input) throw new Error(`no field ${k}`);
      input.value = v;
      input.dispatchEvent(new Event('input', { bubbles: true }));
      await new Promise((done) => setTimeout(done, 100));
    }, [kind, value] as const);
  }
}
/** Waits, and where that was in vain leaves what the page says: a picture of it, and its words in the error. */
async function waited(t: Tab, what: string, probe: () => Promise<boolean>, every = 500): Promise<void> {
  try {
    await until(what, probe, patience, every);
  } catch (e) {
    await t.screenshot(path.join(pictures, 'machine-failed.png')).catch(() => undefined);
    throw new Error(`${(e as Error).message}; the page says: ${await t.run(() => document.body.innerText.replace(/\s+/g, ' ')).catch(String)}`);
  }
}
const seen = (t: Tab, what: string, selector: string) => waited(t, what, () => t.run((s) => document.querySelector(s) !== null, selector));
const click = (t: Tab, what: string, selector: string) => waited(t, what, () => t.run((s) => { const b = document.querySelector<HTMLButtonElement>(s); b?.click(); return b !== null; }, selector));

async function call(code: string, file: string): Promise<void> {
  mkdirSync(pictures, { recursive: true });
  const opened: Person[] = [];
  try {
    const first = await open({ engine: 'chromium', id: 1, size: small });
    opened.push(first);
    const console_ = await first.tab();
    await console_.goto(`${url}/console/setup`);
    await seen(console_, 'the set-up page', 'input[autocomplete="one-time-code"]');
    await fill(console_, { 'one-time-code': code, 'name': admin.name, 'username': admin.email, 'new-password': admin.passphrase });
    await click(console_, 'the button of the set-up', 'button[type="submit"]');
    await seen(console_, 'the second factor', '[data-secret]');
    const secret = await console_.run(() => document.querySelector('[data-secret]')!.textContent!), phone = new Authenticator(secret);
    await fill(console_, { 'one-time-code': await phone.next() });
    await seen(console_, 'the recovery codes', '.codes');
    await click(console_, 'that they are kept', '.keep input[type="checkbox"]');
    await click(console_, 'the end of the second factor', '.keep .button--primary');
    // Every step that may wait is put off; the last page leads to the console.
    for (const step of ['organisation', 'addresses', 'tls', 'mail', 'sources', 'people', 'connection']) {
      await seen(console_, `the step ${step}`, `[data-step="${step}"]`);
      await click(console_, `the button for later of ${step}`, `[data-step="${step}"] .wizard__acts .button:first-child, [data-step="${step}"] .others__end button`);
    }
    await click(console_, 'the way to the console', '[data-step="ready"] .button--primary');
    await seen(console_, 'the console', '.console__nav');
    await console_.screenshot(path.join(pictures, 'machine-console.png'));
    await console_.close();

    const c = new Client(url);
    await c.login({ ...admin, phone });
    let owner = '';
    for (const p of people) {
      const r = await c.must('POST', '/api/admin/accounts', { name: p.name, email: p.email, role: 'organiser' });
      await new Client(url).must('POST', '/api/activate', { token: new URL((r.activation as { url: string }).url).hash.slice(1), passphrase: p.passphrase });
      if (owner === '') owner = (r.account as { id: string }).id;
    }
    const h = new Client(url);
    await h.login(people[0]!);
    const room = (await h.must('POST', '/api/rooms', { name: 'Salle des essais' })).id as string;
    writeFileSync(file, JSON.stringify({ room, owner, secret } satisfies Made));

    const tabs: Tab[] = [];
    for (const [i, engine] of (['chromium', 'firefox'] as Engine[]).entries()) {
      const person = await open({ engine, id: i + 1, size: small });
      opened.push(person);
      const t = await person.tab();
      await t.goto(`${url}/r/${room}#${owner}`);
      await seen(t, 'the sign-in page', 'input[name="passphrase"]');
      await fill(t, { 'username': people[i]!.email, 'current-password': people[i]!.passphrase });
      await click(t, 'the button of the sign-in', 'button[type="submit"]');
      tabs.push(t);
      await enter(t);
    }
    const [host, guest] = tabs as [Tab, Tab];
    // Admitting is on the list of people; the picture of who waits says so as well. Who knocks again, because a slow machine let the first time pass, is let in again.
    const admit = async () => {
      if (await host.run(() => document.querySelector('section.lobby') === null)) await host.press('p');
      return host.run(() => { const b = [...document.querySelectorAll<HTMLButtonElement>('section.lobby button')].at(-1); b?.click(); return b !== undefined; });
    };
    await waited(host, 'the guest at the door', admit, 1500);
    for (const [i, t] of tabs.entries()) {
      await waited(t, `${people[i]!.name} sees the other's numbers advance`, async () => {
        if (await host.run(() => document.querySelector('section.lobby button') !== null)) await admit();
        return t.run((other) => {
          for (const v of document.querySelectorAll('video')) {
            const s = v.srcObject as MediaStream | null;
            if (s && new Set(window.__readers!.video(s).filter((f) => f.id === other).map((f) => f.n)).size >= 5) return true;
          }
          return false;
        }, 2 - i);
      }, 1000);
    }
    const words = await Promise.all(tabs.map(async (t) => {
      await t.run(() => { (document.activeElement as HTMLElement | null)?.blur(); });
      await t.press('k');
      return until('twelve words', () => t.run(() => { const w = [...document.querySelectorAll('.words li')].map((x) => x.textContent!.trim()); return w.length === 12 ? w : null; }), patience, 500);
    }));
    assert.deepEqual(words[0], words[1], 'both show the same twelve words');
    assert.ok(new Set(words[0]).size > 1, 'twelve equal words would be no words');
    await host.screenshot(path.join(pictures, 'machine-call.png'));
    await guest.screenshot(path.join(pictures, 'machine-call-guest.png'));
    console.log(`a sealed call of two, with the words ${words[0]!.join(' ')}`);
  } finally { await Promise.all(opened.map((p) => p.close().catch(() => undefined))); }
}

/** The one large button of the door; the page may still be looking for the devices. */
async function enter(t: Tab): Promise<void> {
  await until('the button "Enter"', () => t.run(() => {
    const b = [...document.querySelectorAll<HTMLButtonElement>('.door__side button')].find((x) => ['Entrer', 'Enter'].includes(x.textContent!.trim()));
    b?.click();
    return b !== undefined;
  }), patience, 500);
}

async function owner(): Promise<Client> {
  const c = new Client(url);
  await c.login(people[0]!);
  return c;
}

/** The administrator, with the second factor that was set up at the first start. */
async function administrator(file: string): Promise<Client> {
  const c = new Client(url);
  await c.login({ ...admin, phone: new Authenticator((JSON.parse(readFileSync(file, 'utf8')) as Made).secret) });
  return c;
}

async function backup(file: string, key: string, to: string): Promise<void> {
  const c = await administrator(file);
  await c.must('PATCH', '/api/admin/settings', { changes: { 'backup.recipients': [readFileSync(key, 'utf8').trim()] } });
  const files = async () => (await c.must('GET', '/api/admin/backups')).backups as { name: string }[];
  const before = new Set((await files()).map((f) => f.name));
  await c.call('POST', '/api/admin/backups', {}); // one may run already: it does as well
  let name = '';
  await until('a backup', async () => { name = (await files()).map((f) => f.name).find((n) => !before.has(n)) ?? ''; return name !== ''; }, patience, 1000);
  const taken = await c.call('GET', `/api/admin/backups/${name}`), octets = taken.raw;
  assert.equal(taken.status, 200, JSON.stringify(taken.body));
  assert.match(octets.subarray(0, 32).toString('latin1'), /^huisclos-backup 1\n/);
  writeFileSync(to, octets);
  console.log(`${name}, ${octets.length} octets`);
}

async function write(log: string): Promise<void> {
  const c = await owner();
  for (let n = 0; ; n++) {
    const name = `Salle ${n}`;
    const r = await c.call('POST', '/api/rooms', { name });
    if (r.status === 429) { await new Promise((done) => setTimeout(done, 200)); n--; continue; }
    if (r.status < 200 || r.status > 299) throw new Error(`room ${n}: ${r.status} ${JSON.stringify(r.body)}`);
    appendFileSync(log, `${String(r.body.id)}\n`);
  }
}

async function verify(file: string, log: string): Promise<void> {
  await (await administrator(file)).must('GET', '/api/admin/accounts');
  const c = await owner(), wanted = readFileSync(log, 'utf8').trim().split('\n');
  const there = new Set(((await c.must('GET', '/api/rooms')).rooms as { id: string }[]).map((r) => r.id));
  const lost = wanted.filter((id) => !there.has(id));
  assert.ok(wanted.length >= 3, `only ${wanted.length} rooms were acknowledged before the cut`);
  assert.deepEqual(lost, [], `${lost.length} of ${wanted.length} acknowledged rooms are lost`);
  console.log(`${wanted.length} acknowledged rooms, all there`);
}

if (act === 'call') await call(rest[0]!, rest[1]!);
else if (act === 'write') await write(rest[1]!);
else if (act === 'verify') await verify(rest[0]!, rest[1]!);
else if (act === 'backup') await backup(rest[0]!, rest[1]!, rest[2]!);
else throw new Error(`machine.ts: ${act}?`);
process.exit(0);

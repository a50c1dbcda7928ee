/** Networks that don't help: UDP blocked, and a server (or whoever is in between) that lies about who is there. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import { until } from './harness/browser.ts';
import { gather, scatter, type Player } from './harness/cast.ts';

let h: House;
let players: Player[] = [];
before(async () => { h = await house(2); });
after(async () => { await h?.appliance.end(); });
afterEach(async () => { await scatter(players); players = []; });

const nft = ['/usr/sbin/nft', '/sbin/nft', '/usr/bin/nft'].find(existsSync) ?? 'nft';
const withoutUDP = 'table inet journeys {\n chain input {\n  type filter hook input priority 0;\n  meta l4proto udp drop\n }\n}\n';
const transports = (p: Player) => p.tab.run(() => window.__huisclos!.call.quality.value.transport);

test('UDP blocked: the same call over ICE-TCP on the one port', async () => {
  execFileSync(nft, ['-f', '-'], { input: withoutUDP });
  try {
    players = await gather(h, ['chromium', 'firefox']);
    const [a, b] = players as [Player, Player];
    await Promise.all([a.sensesOf(b, { ms: 40_000 }), b.sensesOf(a, { ms: 40_000 })]);
    for (const p of players) await until('the page says that it goes by TCP', async () => (await transports(p)) === 'tcp');
  } finally { execFileSync(nft, ['delete', 'table', 'inet', 'journeys']); }
});

test('UDP lost in mid-call: the call finds its way back', async () => {
  players = await gather(h, ['chromium', 'chromium']);
  const [a, b] = players as [Player, Player];
  await a.sensesOf(b);
  assert.equal(await transports(a), 'udp');
  execFileSync(nft, ['-f', '-'], { input: withoutUDP });
  try {
    await until('over TCP', async () => (await transports(a)) === 'tcp' && (await transports(b)) === 'tcp', 45_000);
    await Promise.all([a.sensesOf(b, { ms: 30_000 }), b.sensesOf(a, { ms: 30_000 })]);
  } finally { execFileSync(nft, ['delete', 'table', 'inet', 'journeys']); }
});

test('a ghost in the roster, and a track of a leaf that is not there: not shown, not keyed', async () => {
  players = await gather(h, ['chromium', 'chromium']);
  const [a, b] = players as [Player, Player];
  await a.sensesOf(b);
  const before = { words: await a.words(), people: await a.people(), keys: await a.tab.run(async () => (await window.__huisclos!.baseKeys()).length) };
  await a.tab.run(() => {
    // What a server that lies would send, on the page's own line.
    const line = (window.__huisclos!.call as unknown as { line: { socket: { onmessage(e: { data: string }): void } } }).line;
    const say = (m: unknown) => line.socket.onmessage({ data: JSON.stringify(m) });
    say({ type: 'roster', members: [{ leaf: 0, account: 'AAAAAAAAAAAAAAAAAAAAAA', connected: true }, { leaf: 1, account: 'AAAAAAAAAAAAAAAAAAAAAA', connected: true }, { leaf: 7, account: 'AAAAAAAAAAAAAAAAAAAAAA', connected: true }] });
    say({ type: 'commitRequest', epoch: window.__huisclos!.call.words.value!.epoch, deadlineMs: 2000, adds: [{ knock: 'ghost', keyPackage: 'AAAA' }], removes: [], refresh: false });
    say({ type: 'commitRequest', epoch: window.__huisclos!.call.words.value!.epoch, deadlineMs: 2000, adds: [], removes: [], change: { locked: true }, refresh: false });
  });
  await new Promise((done) => setTimeout(done, 1500));
  assert.deepEqual(await a.people(), before.people);
  assert.deepEqual(await a.words(), before.words);
  assert.equal(await a.tab.run(async () => (await window.__huisclos!.baseKeys()).length), before.keys, 'no key was made for anybody');
  assert.equal(await a.tab.run(() => window.__huisclos!.call.locked.value), false);
  await a.sensesOf(b);
});

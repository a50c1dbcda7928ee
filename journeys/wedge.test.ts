/**
 * A member whose commits nobody can process, though the server can't see it: right signature, wrong confirmation tag. The
 * others go on without it, in a group that only those who were in the call can enter, and nobody has to click.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import { until } from './harness/browser.ts';
import { gather, sameWords, scatter, type Player } from './harness/cast.ts';

let h: House;
let players: Player[] = [];
before(async () => { h = await house(3); });
after(async () => { await h?.appliance.end(); });
afterEach(async () => { await scatter(players); players = []; });

/** From now on this page's commits leave with another confirmation tag than their own. */
const spoilCommits = (p: Player) => p.tab.run(() => {
  const line = (window.__huisclos!.call as unknown as { line: { socket: { send(text: string): void }; send(m: unknown): boolean } }).line;
  const send = line.socket.send.bind(line.socket);
  line.socket.send = (text) => {
    const m = JSON.parse(text) as { type: string; commit?: string };
    if (m.type === 'commit' && m.commit) {
      const bytes = Uint8Array.from(atob(m.commit.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
      // A PublicMessage ends in confirmation_tag<V> and membership_tag<V> (RFC 9420 §6.2), here of 48 octets each. The
      // signature covers neither, and only members can check them.
      const membership = bytes.length - 49, tag = membership - 1;
      if (bytes[membership] !== 48 || bytes[membership - 49] !== 48) throw new Error('the commit is not laid out as expected');
      bytes[tag]! ^= 1;
      m.commit = btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
    }
    send(JSON.stringify(m));
  };
  line.send({ type: 'refresh' });
});

test('a commit that nobody can process: the call restarts without its committer, with nobody new', { timeout: 120_000 }, async () => {
  players = await gather(h, ['chromium', 'firefox', 'chromium']);
  const [host, other, spoiler] = players as [Player, Player, Player];
  await Promise.all([host.sensesOf(other, { sound: false }), other.sensesOf(host, { sound: false })]);
  await host.tab.run(() => window.__huisclos!.call.lock(true));
  await until('locked', () => other.tab.run(() => window.__huisclos!.call.locked.value));
  const group = await host.group(), words = await sameWords(players);

  await spoilCommits(spoiler);
  await until('another group', async () => { const g = await host.group(); return g !== '' && g !== group && (await other.group()) === g; }, 30_000)
    .catch(async (e: Error) => { throw new Error([e.message, ...await Promise.all(players.map((p) => p.report()))].join('\n')); });
  for (const p of [host, other]) {
    await p.reaches('in-call');
    const people = await p.sees(2);
    assert.deepEqual(people.map((x) => x.name).sort(), [host.account.name, other.account.name].sort());
    // The rules of the old group hold in the new one.
    await until('locked again', () => p.tab.run(() => window.__huisclos!.call.locked.value));
    assert.ok(await p.tab.run(() => window.__huisclos!.call.notices.value.some((n) => n.kind === 'restarted')), 'it is said');
  }
  assert.notDeepEqual(await sameWords([host, other]), words);
  await Promise.all([host.sensesOf(other, { sound: false }), other.sensesOf(host, { sound: false })]);
  const end = await spoiler.reaches('removed').catch(async (e: Error) => { throw new Error([e.message, ...await Promise.all(players.map((p) => p.report()))].join('\n')); });
  assert.equal(end.code, 'wedged');
  assert.equal(await host.tab.run(() => window.__huisclos!.call.lobby.value.length), 0, 'nobody had to be let in');
});

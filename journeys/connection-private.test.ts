/**
 * Port 443 at a private address, where Chromium refuses media: it goes by the second port, and where that is shut through the
 * relay at 443, over UDP and, without any UDP, over TCP, which needs no certificate that anybody trusts, or inside TLS.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import { until } from './harness/browser.ts';
import { gather, scatter, type Player } from './harness/cast.ts';

const at = '10.77.0.10';
const nft = ['/usr/sbin/nft', '/sbin/nft', '/usr/bin/nft'].find(existsSync) ?? 'nft';
const shut = (what: string) => execFileSync(nft, ['-f', '-'], { input: `table inet journeys {\n chain input {\n  type filter hook input priority 0;\n  ${what}\n }\n}\n` });
const reopen = () => execFileSync(nft, ['delete', 'table', 'inet', 'journeys']);
// TURN outside TLS begins with the type of an Allocate request (RFC 8656), and once it stands most of it is data: a number of a channel.
const onlyTLS = ['0x0003', '0x4000-0x4fff', '0x0016', '0x0004', '0x0008', '0x0009'].map((first) => `tcp dport 443 @ih,0,16 ${first} drop`).join('\n  ');

let h: House;
before(async () => {
  execFileSync('ip', ['addr', 'replace', `${at}/24`, 'dev', 'hc0']);
  h = await house(2, { port: 443, at });
});
after(async () => { await h?.appliance.end(); });

/** How both connections of a person go: what the server says, and what the browser's own statistics say of the pairs in use. */
async function ways(p: Player): Promise<string[]> {
  const said = await p.tab.run(() => window.__huisclos!.call.quality.value.transport as string);
  return [said, ...(await p.pairs()).map(({ near, far }) =>
    near?.candidateType === 'relay' ? `relay over ${near.relayProtocol} to ${far?.address}:${far?.port}` : `${far?.protocol} ${far?.address}:${far?.port}`)];
}
async function go(players: Player[], want: RegExp, ms = 40_000): Promise<void> {
  await Promise.all(players.map(async (p) => {
    let last: string[] = [];
    await until(`${p.account.name} by ${String(want)}`, async () => want.test((last = await ways(p)).join()), ms, 500)
      .catch(async (e: unknown) => { throw new Error(`${String(e)}: ${last.join(', ')}\n${await p.report()}`); });
  }));
}
const converse = async (a: Player, b: Player) => { await Promise.all([a.sensesOf(b, { ms: 30_000 }), b.sensesOf(a, { ms: 30_000 })]); };

test('Chromium at a private address: the second port, then the relay over UDP, then the relay inside TLS', { timeout: 200_000 }, async () => {
  const players = await gather(h, ['chromium', 'chromium'], { trust: await h.appliance.key() });
  let closed = false;
  try {
    const [a, b] = players as [Player, Player];
    const since = Date.now(), took = (what: string) => { console.log(`${what} after ${((Date.now() - since) / 1000).toFixed(1)} s`); };
    await converse(a, b);
    await go(players, /^udp,udp 10\.77\.0\.10:10443,udp 10\.77\.0\.10:10443$/);
    took('media by the second port');

    shut('udp dport 10443 drop');
    closed = true;
    // All ways to the relay are open; the browser takes what answers first, and of four connections UDP is not the last of all.
    await go(players, /^relay,relay over (udp|tcp|tls) to 10\.77\.0\.10:10443,relay over (udp|tcp|tls) to 10\.77\.0\.10:10443$/);
    assert.match((await Promise.all(players.map(ways))).join(), /relay over udp/);
    await converse(a, b);
    took('media through the relay over UDP');

    reopen();
    shut(`meta l4proto udp drop\n  ${onlyTLS}`);
    await go(players, /^relay,relay over tls to 10\.77\.0\.10:10443,relay over tls to 10\.77\.0\.10:10443$/, 60_000);
    await converse(a, b);
    took('media through the relay inside TLS');
    assert.equal((await a.people()).length, 2);
  } finally {
    if (closed) reopen();
    await scatter(players);
  }
});

test('without UDP, and with a certificate that the browser does not trust by itself: the relay over TCP', { timeout: 120_000 }, async () => {
  shut('meta l4proto udp drop');
  let players: Player[] = [];
  try {
    players = await gather(h, ['chromium', 'chromium']);
    const [a, b] = players as [Player, Player];
    await go(players, /^relay,relay over tcp to 10\.77\.0\.10:10443,relay over tcp to 10\.77\.0\.10:10443$/);
    await converse(a, b);
  } finally {
    reopen();
    await scatter(players);
  }
});

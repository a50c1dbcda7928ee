/** A network that lets nothing out but an HTTP proxy's CONNECT (RFC 9110 §9.3.6): the same call through it, in a real proxy. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Appliance, furnish, type House } from './harness/appliance.ts';
import { until, type Engine } from './harness/browser.ts';
import { gather, sameWords, scatter, type Player } from './harness/cast.ts';
import { also } from './harness/form.ts';
import { certify } from './harness/nginx.ts';

const address = process.env.HUISCLOS_ADDRESS ?? '127.0.0.1', at = process.env.HUISCLOS_PROXY ?? '127.0.0.2', port = 3128, name = 'visio.test';
const nft = ['/usr/sbin/nft', '/sbin/nft', '/usr/bin/nft'].find(existsSync) ?? 'nft';
// The proxy alone reaches the appliance: it connects from an address of its own.
const proxyOnly = `table inet journeys {
 chain output {
  type filter hook output priority 0;
  meta l4proto udp drop
  tcp dport 8443 ip saddr != ${at} reject with tcp reset
 }
}
`;
// And of what the proxy carries, ICE-TCP does not pass: its first octets are the length of a STUN message (RFC 4571).
const noIceTcp = `table inet inspects {
 chain input {
  type filter hook input priority 0;
  tcp dport 8443 ct original packets <= 5 @ih,0,8 0 reject with tcp reset
 }
}
`;

let h: House, proxy: ChildProcess, folder: string, authority: string;
let players: Player[] = [];
before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'huisclos-proxy-'));
  const made = certify(folder, name), hosts = path.join(folder, 'hosts');
  // Firefox takes no TURN inside TLS from an IP address: it isn't even tried. In the mount namespace of the journeys; names are asked for nowhere else.
  writeFileSync(hosts, `127.0.0.1 localhost\n${address} ${name}\n`);
  execFileSync('mount', ['--bind', hosts, '/etc/hosts']);
  authority = made.authority;
  h = await furnish(await Appliance.start({ front: `https://${name}:8443`, settings: `hostnames = ["${name}"]\ntls.certificate = "${made.certificate}"\ntls.key = "${made.key}"\n` }), 2);
  writeFileSync(path.join(folder, 'proxy.conf'), [`Listen ${at}`, `Port ${port}`, `Bind ${at}`, 'Timeout 600', 'MaxClients 100', `Allow ${address}/24`, 'ConnectPort 8443',
    `LogFile "${folder}/proxy.log"`, 'LogLevel Info', `PidFile "${folder}/proxy.pid"`, ''].join('\n'));
  proxy = spawn('tinyproxy', ['-d', '-c', path.join(folder, 'proxy.conf')], { stdio: 'ignore' });
  await until('the proxy listens', async () => existsSync(path.join(folder, 'proxy.log')) && readFileSync(path.join(folder, 'proxy.log'), 'utf8').includes('Accepting connections'));
});
after(async () => {
  proxy?.kill();
  await h?.appliance.end();
  try { execFileSync('umount', ['/etc/hosts'], { stdio: 'ignore' }); } catch { /* it was not mounted */ }
  if (folder) rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  await scatter(players);
  players = [];
  for (const table of ['journeys', 'inspects']) try { execFileSync(nft, ['delete', 'table', 'inet', table], { stdio: 'ignore' }); } catch { /* it was not made */ }
});

/** Connections that the proxy made to the appliance so far. */
const connections = () => readFileSync(path.join(folder, 'proxy.log'), 'utf8').split('\n').filter((l) => l.includes(`CONNECT ${address}:8443`) || l.includes(`CONNECT ${name}:8443`)).length;
const transports = (p: Player) => p.tab.run(() => window.__huisclos!.call.quality.value.transport);
for (const engines of [['chromium', 'chromium'], ['chromium', 'firefox'], ['firefox', 'firefox']] as Engine[][]) {
  (new Set(engines).size === 2 ? test : also)(`${engines.join(' ↔ ')}: nothing but a proxy leads out: the call goes through it, sealed as ever`, { timeout: 180_000 }, async () => {
    execFileSync(nft, ['-f', '-'], { input: proxyOnly });
    const before = connections();
    players = await gather(h, engines, { proxy: `${at}:${port}` });
    const [a, b] = players as [Player, Player];
    await Promise.all([a.sensesOf(b, { ms: 60_000 }), b.sensesOf(a, { ms: 60_000 })]);
    assert.equal((await sameWords(players)).length, 12);
    for (const p of players) await until('the page says that it goes by TCP', async () => (await transports(p)) === 'tcp');
    assert.ok(connections() - before >= 6, `the proxy made ${connections() - before} connections: two pages with a line and two transports each`);
  });

  // TURN inside TLS is for certificates that a browser trusts by itself. Chromium is told the key; in Firefox's profile stands the authority, and
  // it takes no certificate besides.
  test(`${engines.join(' ↔ ')}: a proxy that lets TLS alone pass: media through TURN over TLS`, { timeout: 180_000 }, async () => {
    const trust = await h.appliance.key();
    execFileSync(nft, ['-f', '-'], { input: proxyOnly + noIceTcp });
    players = await gather(h, engines, { proxy: `${at}:${port}`, trust, authority });
    const [a, b] = players as [Player, Player];
    await Promise.all([a.sensesOf(b, { ms: 90_000 }), b.sensesOf(a, { ms: 90_000 })]);
    assert.equal((await sameWords(players)).length, 12);
    for (const p of players) assert.deepEqual((await p.pairs()).map(({ near }) => near?.candidateType), ['relay', 'relay'], p.engine);
  });
}

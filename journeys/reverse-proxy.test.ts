/**
 * A real reverse proxy in front of HTTPS, with the configuration of the installation guide: pages and signalling through it, sound and
 * picture beside it. Everybody has a machine of their own: two people, the proxy (198.18.2.2) and the appliance (192.0.2.10), which is
 * the router between them as well.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Appliance, Client, furnish, type House } from './harness/appliance.ts';
import { open, until, type Engine, type Tab } from './harness/browser.ts';
import { arrive, sameWords, scatter, signIn, type Player } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { Line } from './harness/line.ts';
import { guide, Proxy } from './harness/nginx.ts';

const at = process.env.HUISCLOS_ADDRESS ?? '127.0.0.1', name = 'visio.test';
const binary = process.env.HUISCLOS_BINARY ?? 'build/huisclos-testhook';
const pictures = path.join(process.env.HUISCLOS_TOP ?? '.', 'build/screenshots');
const noUDP = 'table inet journeys {\n chain output {\n  type filter hook output priority 0;\n  meta l4proto udp drop\n }\n}\n';
// A network from which the proxy's machine alone is reached.
const proxyAlone = (more = '') => `table inet journeys {\n chain output {\n  type filter hook output priority 0;\n  oifname "wifi" ip daddr != ${proxy.address} drop\n  ${more}\n }\n}\n`;

let h: House, proxy: Proxy, folder: string, upstream: string;
let lines: Line[] = [], players: Player[] = [];
const settings = (media: string) => `hostnames = ["${name}"]\npublic_addresses = ["${media}"]\ntrusted_proxies = ["${proxy.address}"]\n`;

/** The proxy is given the appliance's certificate of now, as the guide says: other addresses in the settings make another. */
async function serve(stream: boolean): Promise<void> {
  const file = path.join(folder, 'huisclos.pem'), [fetch = ''] = guide('certificate').split('\n');
  execFileSync('sh', ['-c', fetch.replaceAll('visio.example.org', name).replaceAll('huisclos.pem', file)], { stdio: 'pipe' });
  upstream = readFileSync(file, 'utf8');
  await proxy.serve(upstream, { stream });
}

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'huisclos-hosts-'));
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  proxy = await Proxy.make(name);
  // In the mount namespace of the journeys; names are asked for nowhere else.
  const hosts = path.join(folder, 'hosts');
  writeFileSync(hosts, `127.0.0.1 localhost\n${proxy.address} ${name}\n`);
  execFileSync('mount', ['--bind', hosts, '/etc/hosts']);
  const appliance = await Appliance.start({ port: 443, settings: settings(at), front: `https://${name}` });
  await serve(false);
  h = await furnish(appliance, 2);
  for (let i = 0; i < 2; i++) lines.push(await Line.make());
});
after(async () => {
  await h?.appliance.end();
  await proxy?.end();
  for (const l of lines) l.end();
  lines = [];
  try { execFileSync('umount', ['/etc/hosts'], { stdio: 'ignore' }); } catch { /* it was not mounted */ }
  if (folder) rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  await scatter(players);
  players = [];
  for (const l of lines) l.filter('');
});

/** Two people, each from a machine of their own, by the proxy's address. */
async function meet(engines: Engine[]): Promise<[Player, Player]> {
  for (const [i, engine] of engines.entries()) players.push(await arrive(h, i, engine, { size: small, line: lines[i]! }));
  const [a, b] = players as [Player, Player];
  await a.start();
  await a.reaches('in-call');
  await b.start();
  await a.admits(b.account.name);
  await b.reaches('in-call');
  await Promise.all([a.sensesOf(b, { ms: 60_000 }), b.sensesOf(a, { ms: 60_000 })]);
  assert.equal((await sameWords(players)).length, 12);
  return [a, b];
}

/** Both connections of both people go this way. */
async function go(want: RegExp): Promise<void> {
  for (const p of players) {
    let last = '';
    await until(`${p.account.name} (${p.engine}) by ${String(want)}`, async () => {
      const said = await p.tab.run(() => window.__huisclos!.call.quality.value.transport as string);
      last = [said, ...(await p.pairs()).map(({ near, far }) => `${near?.candidateType === 'relay' ? 'relay ' : ''}${far?.protocol} ${far?.address}:${far?.port}`)].join(', ');
      return want.test(last);
    }).catch((e: unknown) => { throw new Error(`${String(e)}: ${last}`); });
  }
}

/** What the page "test my connection" concludes, at somebody's machine. */
async function conclusion(engine: Engine, line: Line, picture?: string): Promise<string> {
  const person = await open({ engine, id: 9, size: small, line });
  try {
    const t: Tab = await person.tab();
    await signIn(t, h, h.members[1]!);
    await t.goto(`${h.appliance.url}/test`);
    await until('the page', () => t.run(() => { const b = document.querySelector<HTMLButtonElement>('main .button--primary'); b?.click(); return b !== null; }));
    const said = await until('a conclusion', () => t.run(() => /\[([a-z-]+)\]$/.exec(document.querySelector('.report')?.textContent ?? '')?.[1] ?? null), 40_000);
    if (picture) await t.screenshot(path.join(pictures, `${picture}-${engine}.png`));
    return said;
  } finally { await person.close(); }
}

interface Finding { at?: string; name: string; state: string; advice?: boolean; why: { en: string }; do: { en: string } }
/** What "huisclos check network" says at the appliance. */
function check(): { ok: boolean; findings: Finding[]; at(where: string): string[] } {
  const r = spawnSync(binary, ['check', 'network', '--data', h.appliance.data, '--json'], { encoding: 'utf8' });
  const said = JSON.parse(r.stdout) as { ok: boolean; findings: Finding[] };
  return { ...said, at: (where) => said.findings.filter((f) => f.at === where).map((f) => f.name) };
}
const clients = async (action: string) => ((await h.admin.must('GET', '/api/admin/audit')).entries as { action: string; client?: string }[]).filter((e) => e.action === action).map((e) => e.client);

test('the two guides have the same configuration', () => {
  const bare = (text: string) => text.split('\n').map((l) => l.replace(/\s*#.*$/, '')).join('\n');
  for (const block of ['nginx', 'certificate', 'forward', 'stream', 'behind-stream']) assert.equal(bare(guide(block, 'install.fr.md')), bare(guide(block)), block);
});

test('pages through the proxy, sound and picture straight to the appliance; each client by its own address', { timeout: 240_000 }, async () => {
  await meet(['chromium', 'firefox']);
  await go(new RegExp(`^udp, udp ${at}:443, udp ${at}:443$`));
  // The certificate that people see is the proxy's; the appliance's own is another.
  assert.notEqual(await h.appliance.key(), createHash('sha256').update(new X509Certificate(upstream).publicKey.export({ type: 'spki', format: 'der' })).digest('base64'));
  const seen = await clients('login.ok');
  for (const l of lines) assert.ok(seen.includes(l.address), `${l.address} in ${seen.join()}`);
  assert.ok(!seen.includes(proxy.address), `nobody is taken for the proxy: ${seen.join()}`);

  // Who says to be somebody else: through the proxy, and straight to the appliance.
  for (const [url, want] of [[`https://${name}`, proxy.address.replace(/\d+$/, '1')], [`https://${at}`, at]] as const) {
    const forger = new Client(url), member = h.members[0]!;
    forger.extra = { 'X-Forwarded-For': `203.0.113.66, ${proxy.address}`, 'X-Real-IP': '203.0.113.66', Forwarded: 'for=203.0.113.66' };
    await forger.login(member);
    const last = await clients('login.ok');
    assert.equal(last[0], want, `${url}: ${last.join()}`);
    assert.ok(!last.includes('203.0.113.66'));
  }
  const said = check();
  assert.deepEqual([said.ok, said.at(proxy.address), said.at(at)], [true, ['proxy', 'proxy-client'], ['page', 'udp', 'ice-tcp']], JSON.stringify(said.findings));
});

test('UDP blocked, the appliance itself in reach: the same call over TCP to the appliance', { timeout: 240_000 }, async () => {
  for (const l of lines) l.filter(noUDP);
  await meet(['chromium', 'firefox']);
  await go(new RegExp(`^tcp, tcp ${at}:443, tcp ${at}:443$`));
  assert.equal(await conclusion('chromium', lines[1]!), 'udp-blocked');
});

test('nothing but the proxy\'s machine in reach, which forwards UDP: the call goes, and without UDP the page and the check say that it can\'t', { timeout: 300_000 }, async () => {
  await h.appliance.again(settings(proxy.address));
  await serve(false);
  proxy.forward();
  for (const l of lines) l.filter(proxyAlone());
  await meet(['chromium', 'firefox']);
  await go(new RegExp(`^udp, udp ${proxy.address}:443, udp ${proxy.address}:443$`));
  await scatter(players);
  players = [];
  // The relay is reached over UDP, which says nothing of a network without.
  assert.equal(await conclusion('chromium', lines[1]!), 'tcp-blocked');
  for (const [engine, l] of [['chromium', lines[0]!], ['firefox', lines[1]!]] as const) {
    l.filter(proxyAlone('meta l4proto udp drop'));
    assert.equal(await conclusion(engine, l, 'reverse-proxy'), 'proxy-only');
  }
  const said = check(), found = said.findings.find((f) => f.at === proxy.address && f.name === 'proxy')!;
  assert.deepEqual([said.ok, said.at(proxy.address)], [true, ['proxy', 'proxy-client']], JSON.stringify(said.findings));
  assert.equal(found.state, 'missing');
  assert.match(found.why.en, /without UDP a client has neither sound nor picture/);
  assert.match(found.do.en, /ssl_preread/);
});

test('a proxy that lets what is not HTTPS pass beside it: without UDP the same call over TCP through its port', { timeout: 300_000 }, async () => {
  await h.appliance.again(settings(proxy.address));
  proxy.forward();
  await serve(true);
  for (const l of lines) l.filter(proxyAlone('meta l4proto udp drop'));
  const before = (await clients('login.ok')).length;
  await meet(['chromium', 'firefox']);
  await go(new RegExp(`^tcp, tcp ${proxy.address}:443, tcp ${proxy.address}:443$`));
  const seen = (await clients('login.ok')).slice(0, -before);
  for (const l of lines) assert.ok(seen.includes(l.address), `pages still go through HTTPS at the proxy: ${l.address} in ${seen.join()}`);
  assert.equal(await conclusion('chromium', lines[1]!), 'udp-blocked');
  const said = check();
  assert.deepEqual([said.ok, said.at(proxy.address)], [true, ['proxy', 'proxy-client']], JSON.stringify(said.findings));
  assert.equal(said.findings.find((f) => f.at === proxy.address)!.state, 'ok');
});

/**
 * How long the runs of segmented sends (UDP_SEGMENT) get with what browsers send: the built product (test build), two people in Chromium with
 * a camera of 720 lines and 25 pictures a second, and native participants who receive them.
 *
 *   node bench/gso/run.mjs [--receivers 6] [--seconds 20]
 */
import { spawn, execFile, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { chromium, type Browser } from 'playwright-core';
import { house, type Account, type House } from '../../journeys/harness/appliance.ts';
import { until, type Person, type Tab } from '../../journeys/harness/browser.ts';
import { Player, signIn } from '../../journeys/harness/cast.ts';
import { installReaders, installTrace } from '../../journeys/harness/page.ts';
import { camera } from './camera.ts';

const option = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const receivers = option('receivers', 6), seconds = option('seconds', 20), publishers = 2;
const binary = path.resolve(process.env.HUISCLOS_BINARY ?? 'build/huisclos-testhook');
const folder = mkdtempSync(path.join(tmpdir(), 'huisclos-gso-')), counted = path.join(folder, 'sends');

/** One line of the test build's file: since the start. */
interface Sends { At: number; Sent: number; Sends: number; Segments: number; Lengths: number[]; LongestOf: number[] }
const latest = (): Sends => JSON.parse(readFileSync(counted, 'utf8').trimEnd().split('\n').at(-1)!) as Sends;

let over = false;

/** What the page's encoder did, by layer. */
interface Layer { rid: string; frames: number; packets: number; octets: number; height: number }

async function publisher(h: House, index: number): Promise<Player> {
  const video = path.join(folder, `camera-${index}.y4m`);
  camera(video, index + 1, { width: 1280, height: 720, fps: 25, seconds: 2 });
  const program = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((p) => existsSync(p));
  if (!program) throw new Error('no Chromium is installed');
  const browser: Browser = await chromium.launch({
    executablePath: program, headless: true, chromiumSandbox: false,
    args: ['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${video}`, '--autoplay-policy=no-user-gesture-required',
      '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run', '--disable-background-timer-throttling', '--disable-renderer-backgrounding',
      '--disable-backgrounding-occluded-windows', '--ignore-certificate-errors', '--disable-gpu', '--disable-dev-shm-usage', '--disable-features=WebRtcHideLocalIpsWithMdns'],
  });
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, reducedMotion: 'reduce' });
    await context.addInitScript(installReaders, []);
    await context.addInitScript(installTrace);
    const page = await context.newPage();
    page.on('crash', () => console.error(`the page of person ${index + 1} crashed`));
    browser.on('disconnected', () => { if (!over) console.error(`the browser of person ${index + 1} ended`); });
    const tab = {
      engine: 'chromium', console: [], goto: async (url: string) => { await page.goto(url); },
      run: (fn: unknown, arg: unknown) => page.evaluate(fn as never, arg as never),
    } as unknown as Tab;
    const person: Person = { engine: 'chromium', id: index + 1, tab: () => Promise.resolve(tab), close: async () => { await browser.close(); } };
    const player = new Player(person, tab, h.members[index]!, h);
    await signIn(tab, h, player.account);
    await tab.goto(h.room.link);
    await player.prepare();
    return player;
  } catch (e) { await browser.close(); throw e; }
}

function receive(h: House, account: Account, certificate: string): ChildProcess {
  const phrase = path.join(folder, `phrase-${account.id}`);
  writeFileSync(phrase, `${account.passphrase}\n`, { mode: 0o600 });
  return spawn(binary, ['call', 'join', h.room.link, '--account', account.email, '--passphrase-file', phrase, '--certificate-sha256', certificate, '--state', path.join(folder, account.id)],
    { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Admits somebody who may take long to the door, where two encoders have the machine. */
async function admitted(host: Player, name: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try { return await host.admits(name); } catch (e) { if (tries === 3) throw e; }
  }
}

const layers = (p: Player): Promise<Layer[]> => p.tab.run(async () => {
  const all: Layer[] = [];
  (await window.__huisclos!.connections().up!.getStats()).forEach((s: Record<string, unknown>) => {
    if (s.type === 'outbound-rtp' && s.kind === 'video') {
      all.push({ rid: String(s.rid ?? ''), frames: Number(s.framesSent), packets: Number(s.packetsSent), octets: Number(s.bytesSent), height: Number(s.frameHeight ?? 0) });
    }
  });
  return all;
});

const minus = (a: number[], b: number[]): number[] => a.map((x, i) => x - b[i]!);
const two = (x: number): string => x.toFixed(2);

async function measure(players: Player[]): Promise<void> {
  const before = await Promise.all(players.map(layers)), first = latest();
  await new Promise((done) => setTimeout(done, seconds * 1000));
  const after = await Promise.all(players.map(layers)), last = latest(), spent = (last.At - first.At) / 1000;
  console.log(`\n${publishers} people in Chromium, ${receivers} native receivers, ${spent.toFixed(0)} s\n\nwhat the encoders gave     pictures/s  packets/picture  kbit/s`);
  players.forEach((_, i) => {
    for (const now of after[i]!) {
      const was = before[i]!.find((l) => l.rid === now.rid) ?? { frames: 0, packets: 0, octets: 0 }, frames = now.frames - was.frames;
      if (frames === 0) continue;
      console.log(`  person ${i + 1}, ${now.rid || 'one'} layer, ${String(now.height).padStart(3)} lines ${two(frames / seconds).padStart(8)} ${two((now.packets - was.packets) / frames).padStart(16)} ${((now.octets - was.octets) * 8 / 1000 / seconds).toFixed(0).padStart(7)}`);
    }
  });
  const lengths = minus(last.Lengths, first.Lengths), sent = last.Sent - first.Sent, sends = last.Sends - first.Sends, segments = last.Segments - first.Segments;
  const several = sends - lengths[0]!;
  console.log(`\ndatagrams sent ${sent} (${(sent / spent).toFixed(0)}/s) in ${sends} sends: ${two(sent / sends)} a send; ${(100 * segments / sent).toFixed(0)} % of them in ${several} segmented sends, ${two(segments / Math.max(several, 1))} each\n`);
  console.log('datagrams in a send     sends  of all sends');
  lengths.forEach((n, i) => {
    const to = last.LongestOf[i]!, from = i === 0 ? 1 : last.LongestOf[i - 1]! + 1;
    console.log(`${(from === to ? String(to) : `${from}–${to}`).padStart(19)} ${String(n).padStart(9)} ${(100 * n / Math.max(sends, 1)).toFixed(1).padStart(13)} %`);
  });
}

process.env.HUISCLOS_TEST_SENDS = counted;
const h = await house(publishers + receivers);
const players: Player[] = [], natives: ChildProcess[] = [];
try {
  const status = await promisify(execFile)(binary, ['status', '--data', h.appliance.data, '--json']);
  const certificate = (JSON.parse(status.stdout) as { status: { fingerprint: string } }).status.fingerprint;
  for (let i = 0; i < publishers; i++) players.push(await publisher(h, i));
  const host = players[0]!;
  await host.start();
  await host.reaches('in-call', 60_000);
  await players[1]!.start();
  await host.admits(players[1]!.account.name);
  await players[1]!.reaches('in-call', 60_000);
  const accounts = h.members.slice(publishers);
  for (const account of accounts) natives.push(receive(h, account, certificate));
  for (const account of accounts) await admitted(host, account.name);
  await host.sees(publishers + receivers, 60_000);
  await until('all three layers', async () => (await layers(host)).filter((l) => l.frames > 0).length > 1, 30_000).catch(() => console.log('(one layer only)'));
  await new Promise((done) => setTimeout(done, 10_000)); // rates settle
  await measure(players);
} finally {
  over = true;
  for (const n of natives) n.kill('SIGINT');
  await Promise.all(players.map((p) => p.close().catch(() => undefined)));
  await h.appliance.end();
  rmSync(folder, { recursive: true, force: true });
}

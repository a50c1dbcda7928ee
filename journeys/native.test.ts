/**
 * The native participant among browsers: Chromium and Firefox see its numbers and hear its tones, it records theirs. What it recorded it
 * plays in a second stay, and the browsers read the first one's numbers in it: so the recordings hold these very pictures and tones.
 */
import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { house, type Account, type House } from './harness/appliance.ts';
import { until } from './harness/browser.ts';
import { gather, sameWords, scatter, type Player } from './harness/cast.ts';

const top = process.env.HUISCLOS_TOP ?? '.', binary = path.resolve(process.env.HUISCLOS_BINARY ?? 'build/huisclos-testhook');
const clip = path.join(top, 'client/tape/testdata');

interface Summary { words: number[]; epoch: number; people: number; files: string[]; joinMs: number; firstFrameMs: number | null; streams: { name: string; context: number; packets: number; lost: number; opened: number }[] }

/** One run of "huisclos call join". */
class Native {
  readonly lines: Record<string, unknown>[] = [];
  errors = '';
  private rest = '';
  private readonly child: ChildProcess;
  private readonly gone: Promise<number | null>;

  constructor(args: string[]) {
    this.child = spawn(binary, ['call', 'join', ...args, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout!.on('data', (b: Buffer) => {
      const all = (this.rest + b.toString()).split('\n');
      this.rest = all.pop()!;
      for (const line of all) this.lines.push(JSON.parse(line) as Record<string, unknown>);
    });
    this.child.stderr!.on('data', (b: Buffer) => { this.errors += b.toString(); });
    this.gone = new Promise((done) => { this.child.once('exit', (code) => done(code)); });
  }
  heard(event: string): boolean { return this.lines.some((l) => l.event === event); }
  async reaches(event: string, ms = 30_000): Promise<void> {
    try { await until(event, () => Promise.resolve(this.heard(event)), ms); } catch (e) { throw new Error(`${(e as Error).message}\n${JSON.stringify(this.lines)}\n${this.errors}`); }
  }
  async end(): Promise<Summary> {
    this.child.kill('SIGINT');
    const code = await this.gone;
    assert.equal(code, 0, this.errors);
    return this.lines.at(-1)!.summary as Summary;
  }
  kill(): void { this.child.kill('SIGKILL'); }
}

let h: House, folder: string, certificate: string;
before(async () => {
  h = await house(3);
  folder = path.join(h.appliance.folder, 'native');
  mkdirSync(folder);
  const status = await promisify(execFile)(binary, ['status', '--data', h.appliance.data, '--json']);
  certificate = (JSON.parse(status.stdout) as { status: { fingerprint: string } }).status.fingerprint;
});
after(async () => { await h?.appliance.end(); });

function join(account: Account, more: string[]): Native {
  const phrase = path.join(folder, 'phrase');
  writeFileSync(phrase, `${account.passphrase}\n`, { mode: 0o600 });
  return new Native([h.room.link, '--account', account.email, '--passphrase-file', phrase, '--certificate-sha256', certificate, '--state', path.join(folder, 'state'), ...more]);
}

/** The native participant as the browsers' checks know a person. */
function seenAs(account: Account, id: number, native: Native): Player {
  return { account, id, engine: 'native', report: () => Promise.resolve(JSON.stringify(native.lines)) } as unknown as Player;
}

test('huisclos call join among Chromium and Firefox', async () => {
  const players = await gather(h, ['chromium', 'firefox']), [host, guest] = players as [Player, Player], account = h.members[2]!;
  const runs: Native[] = [];
  try {
    const tape = path.join(folder, 'tape');
    const first = join(account, ['--play', path.join(clip, 'numbers.ivf'), '--sound', path.join(clip, 'tones.ogg'), '--record', tape]);
    runs.push(first);
    await host.admits(account.name);
    await first.reaches('in-call');
    await host.sees(3);
    for (const p of players) {
      await p.sensesOf(seenAs(account, 5, first), { ms: 40_000 });
      await p.tab.run(() => window.__readers!.rest());
    }
    const words = await sameWords(players), epoch = (await host.words())!.epoch;
    // Long enough that both tones of each are on the tape, and some of every person's numbers.
    await new Promise((done) => setTimeout(done, 6000));
    const s = await first.end();
    assert.deepEqual([s.people, s.epoch, s.words], [3, epoch, words], 'the native participant sees the same group');
    assert.deepEqual(s.streams.map((x) => [x.name, x.context]).sort(), players.flatMap((p) => [[p.account.name, 0], [p.account.name, 1]]).sort());
    for (const x of s.streams) assert.ok(x.opened > 30, `${x.name} ${x.context}: ${x.opened} frames opened`);
    await host.sees(2);

    const files = readdirSync(tape);
    assert.equal(files.length, 4, files.join(' '));
    for (const f of files) assert.equal(statSync(path.join(tape, f)).mode & 0o777, 0o600);
    const of = (p: Player, kind: string): string => path.join(tape, files.find((f) => f.startsWith(p.account.name.replaceAll(' ', '_')) && f.endsWith(kind))!);
    for (const recorded of players) {
      const again = join(account, ['--play', of(recorded, 'camera.ivf'), '--sound', of(recorded, 'microphone.ogg')]);
      runs.push(again);
      await host.admits(account.name);
      await again.reaches('in-call');
      await host.sees(3);
      // Each looks at the other's recording: its own would be on its list too. The m-line is one that the stay before used, and an element
      // shows that one's last picture until the first new one is decoded: reading begins after it.
      const reader = recorded === host ? guest : host;
      await again.reaches('media');
      await new Promise((done) => setTimeout(done, 3000));
      await reader.tab.run(() => window.__readers!.rest());
      await reader.sensesOf(seenAs(account, recorded.id, again), { ms: 40_000 });
      await again.end();
      await host.sees(2);
    }
  } finally {
    for (const r of runs) r.kill();
    await scatter(players);
  }
});

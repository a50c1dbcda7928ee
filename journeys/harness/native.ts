/** The native participant ("huisclos call join"), as a process of its own. */
import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Account, House } from './appliance.ts';
import { until } from './browser.ts';
import type { Line } from './line.ts';

const binary = path.resolve(process.env.HUISCLOS_BINARY ?? 'build/huisclos-testhook');

export interface NativeSummary { words: number[]; epoch: number; people: number; files: string[]; joinMs: number; firstFrameMs: number | null; streams: { name: string; context: number; packets: number; lost: number; opened: number }[] }

/** One run of "huisclos call join". */
export class Native {
  readonly lines: Record<string, unknown>[] = [];
  errors = '';
  private rest = '';
  private readonly child: ChildProcess;
  private readonly gone: Promise<number | null>;

  constructor(args: string[], line?: Line) {
    this.child = spawn(line?.through(binary) ?? binary, ['call', 'join', ...args, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
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
  async end(): Promise<NativeSummary> {
    this.child.kill('SIGINT');
    const code = await this.gone;
    assert.equal(code, 0, this.errors);
    return this.lines.at(-1)!.summary as NativeSummary;
  }
  kill(): void { this.child.kill('SIGKILL'); }
}

/** Native participants of a house: they know its certificate, and each account has a device that stays. */
export class Natives {
  private constructor(private readonly house: House, readonly folder: string, private readonly certificate: string) {}

  static async of(house: House): Promise<Natives> {
    const folder = path.join(house.appliance.folder, 'native');
    mkdirSync(folder, { recursive: true });
    const status = await promisify(execFile)(binary, ['status', '--data', house.appliance.data, '--json']);
    return new Natives(house, folder, (JSON.parse(status.stdout) as { status: { fingerprint: string } }).status.fingerprint);
  }

  join(account: Account, more: string[], line?: Line): Native {
    const phrase = path.join(this.folder, `phrase-${account.id}`);
    writeFileSync(phrase, `${account.passphrase}\n`, { mode: 0o600 });
    return new Native([this.house.room.link, '--account', account.email, '--passphrase-file', phrase, '--certificate-sha256', this.certificate, '--state', path.join(this.folder, 'state'), ...more], line);
  }
}


/**
 * A participant's own line to the appliance: a network namespace with one interface, whose rate (tbf) and loss (nftables) a
 * test sets, both ways apart. The appliance stays where it is; whatever runs behind the line has no other way to it.
 *
 * A second interface, the cable, is there from the beginning and down, so that a test can take the machine from one network
 * to the other: other interface, other address, and nothing comes back to the first.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { until } from './browser.ts';

const nft = ['/usr/sbin/nft', '/sbin/nft', '/usr/bin/nft'].find(existsSync) ?? 'nft';
const tc = ['/usr/sbin/tc', '/sbin/tc', '/usr/bin/tc'].find(existsSync) ?? 'tc';
const run = (command: string, ...args: string[]): string => execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** Where the interface of a line is: at the appliance's end, at the participant's. */
type Way = 'wifi' | 'cable';
let made = 0;

export interface Loss { /** Packets in a hundred, of those that come to the participant, and of those that leave it. */ down: number; up: number }

export class Line {
  private readonly number = ++made;
  private readonly folder = mkdtempSync(path.join(tmpdir(), 'huisclos-line-'));
  private readonly holder: ChildProcess;
  private relays: { server: Server; inside: ChildProcess }[] = [];

  private constructor() {
    // A process that does nothing keeps the namespace; nsenter finds it by the process.
    this.holder = spawn('unshare', ['--net', '--kill-child', 'sleep', 'infinity'], { stdio: 'ignore' });
  }

  static async make(): Promise<Line> {
    const l = new Line(), own = run('readlink', '/proc/self/ns/net');
    await until('a namespace', async () => run('readlink', `/proc/${l.holder.pid}/ns/net`) !== own);
    try {
      l.inside('ip', 'link', 'set', 'lo', 'up');
      for (const [i, way] of (['wifi', 'cable'] as const).entries()) {
        const here = l.outer(way);
        run('ip', 'link', 'add', here, 'type', 'veth', 'peer', 'name', way, 'netns', String(l.holder.pid));
        // Each datagram for itself, as on a wire: otherwise a burst that leaves in one segmented send is lost as one packet.
        run('ip', 'link', 'set', here, 'gso_max_segs', '1', 'gso_max_size', '1500');
        l.inside('ip', 'link', 'set', way, 'gso_max_segs', '1', 'gso_max_size', '1500');
        run('ip', 'addr', 'add', `${l.net(i)}.1/24`, 'dev', here);
        run('ip', 'link', 'set', here, 'up');
      }
      l.plug('wifi');
    } catch (e) { l.end(); throw e; }
    return l;
  }

  private outer(way: Way): string { return `line${this.number}${way[0]}`; }
  private net(i: number): string { return `198.18.${this.number * 2 + i}`; } // RFC 2544: networks for measuring
  /** The participant's address in the first network. */
  get address(): string { return `${this.net(0)}.2`; }
  /** Runs a program behind the line. */
  inside(...command: string[]): string { return run('nsenter', `--net=/proc/${this.holder.pid}/ns/net`, ...command); }

  private plug(way: Way): void {
    const net = this.net(way === 'wifi' ? 0 : 1);
    this.inside('ip', 'addr', 'add', `${net}.2/24`, 'dev', way);
    this.inside('ip', 'link', 'set', way, 'up');
    this.inside('ip', 'route', 'replace', 'default', 'via', `${net}.1`);
  }
  private unplug(way: Way): void {
    this.inside('ip', 'addr', 'flush', 'dev', way);
    this.inside('ip', 'link', 'set', way, 'down');
  }

  /**
   * An executable that starts a program behind the line. Descriptors that it inherits stay open. Sessions share the processors
   * evenly (sched(7), "The autogroup feature"), however nice a build in another one is: where root may say so, this one goes first,
   * because what is measured is the line.
   */
  through(program: string): string {
    const file = path.join(this.folder, path.basename(program));
    if (!existsSync(file)) {
      writeFileSync(file, `#!/bin/sh\n(echo -10 >/proc/self/autogroup) 2>/dev/null\nexec nsenter --net=/proc/${this.holder.pid}/ns/net ${program} "$@"\n`);
      chmodSync(file, 0o755);
    }
    return file;
  }

  /** What may come to the participant, in kbit/s, behind a queue of a quarter of a second; null is no limit. */
  rate(kbit: number | null): void {
    const dev = this.outer('wifi');
    if (kbit === null) run(tc, 'qdisc', 'del', 'dev', dev, 'root');
    else run(tc, 'qdisc', 'replace', 'dev', dev, 'root', 'tbf', 'rate', `${kbit}kbit`, 'burst', '3000', 'latency', '250ms');
  }

  /** Each packet that arrives at one of the two ends is dropped at random. */
  loss(l: Loss): void {
    const table = (dev: string, percent: number) => `table inet line${this.number}\ndelete table inet line${this.number}\n${percent > 0
      ? `table inet line${this.number} {\n chain input {\n  type filter hook input priority 0;\n  iifname "${dev}" counter\n  iifname "${dev}" numgen random mod 1000 < ${Math.round(percent * 10)} counter drop\n }\n}\n` : ''}`;
    execFileSync(nft, ['-f', '-'], { input: table(this.outer('wifi'), l.up) });
    execFileSync('nsenter', [`--net=/proc/${this.holder.pid}/ns/net`, nft, '-f', '-'], { input: table('wifi', l.down) });
  }

  /** Packets that arrived and were dropped since the loss was set: at the participant's end, at the appliance's. */
  dropped(): { down: { of: number; dropped: number }; up: { of: number; dropped: number } } {
    const read = (text: string) => { const [of = 0, dropped = 0] = [...text.matchAll(/counter packets (\d+)/g)].map((m) => Number(m[1])); return { of, dropped }; };
    return { up: read(run(nft, 'list', 'table', 'inet', `line${this.number}`)), down: read(this.inside(nft, 'list', 'table', 'inet', `line${this.number}`)) };
  }

  /** What waited, was sent and was dropped by the rate limit. */
  queue(): string { return run(tc, '-s', 'qdisc', 'show', 'dev', this.outer('wifi')).split('\n').slice(0, 4).join(' ').replace(/\s+/g, ' '); }

  /** Replaces the packet filter that the participant's own network has. */
  filter(rules: string): void {
    execFileSync('nsenter', [`--net=/proc/${this.holder.pid}/ns/net`, nft, '-f', '-'], { input: `table inet journeys\ndelete table inet journeys\n${rules}` });
  }

  /** From Wi-Fi to cable, at once: the first network is gone when the second comes. */
  change(): void { this.unplug('wifi'); this.plug('cable'); }

  /**
   * A port of loopback behind the line, for who is before it: a program listens there and says so to a person at the same number here.
   * Sockets with a path are in no network namespace, so one of them carries the octets across.
   */
  async port(): Promise<number> {
    const socket = path.join(this.folder, `port-${this.relays.length}`);
    const server = createServer((here) => {
      const there = connect(socket);
      here.pipe(there).pipe(here);
      for (const s of [here, there]) s.on('error', () => { here.destroy(); there.destroy(); });
    });
    await new Promise<void>((done) => { server.listen(0, '127.0.0.1', done); });
    const port = (server.address() as { port: number }).port;
    const code = `require('node:net').createServer((a) => { const b = require('node:net').connect(${port}, '127.0.0.1'); a.pipe(b).pipe(a); for (const s of [a, b]) s.on('error', () => { a.destroy(); b.destroy(); }); }).listen(${JSON.stringify(socket)})`;
    const inside = spawn('nsenter', [`--net=/proc/${this.holder.pid}/ns/net`, process.execPath, '-e', code], { stdio: 'ignore' });
    this.relays.push({ server, inside });
    await until('the way to a port behind the line', () => Promise.resolve(existsSync(socket)));
    return port;
  }

  end(): void {
    for (const r of this.relays) { r.server.close(); r.inside.kill(); }
    for (const way of ['wifi', 'cable'] as const) { try { run('ip', 'link', 'del', this.outer(way)); } catch { /* it was not made */ } }
    try { run(nft, 'delete', 'table', 'inet', `line${this.number}`); } catch { /* no loss was set */ }
    this.holder.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

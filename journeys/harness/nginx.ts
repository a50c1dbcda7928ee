/** A real nginx on a machine of its own, with the very configuration that docs/install.md gives. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { until } from './browser.ts';
import { Line } from './line.ts';

const top = process.env.HUISCLOS_TOP ?? '.';
const program = ['/usr/sbin/nginx', '/usr/bin/nginx'].find(existsSync) ?? 'nginx';
const streams = '/usr/lib/nginx/modules/ngx_stream_module.so';

/** A block of the installation guide: what follows `<!-- journey: NAME -->`. */
export function guide(name: string, file = 'install.md'): string {
  const text = readFileSync(path.join(top, 'docs', file), 'utf8'), found = new RegExp(`<!-- journey: ${name} -->\n\`\`\`\\w+\n([^]*?)\`\`\``).exec(text)?.[1];
  if (found === undefined) throw new Error(`${file} has no block ${name}`);
  return found;
}

/** A certificate for a name, of an authority of the test's own. */
export function certify(folder: string, name: string): { authority: string; certificate: string; key: string } {
  const at = (file: string) => path.join(folder, file), openssl = (...args: string[]) => { execFileSync('openssl', args, { stdio: 'pipe' }); };
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'];
  openssl('req', '-x509', ...fresh, '-keyout', at('authority.key'), '-out', at('authority.pem'), '-subj', '/CN=Journeys', '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign');
  openssl('req', '-x509', ...fresh, '-CA', at('authority.pem'), '-CAkey', at('authority.key'), '-keyout', at('server.key'), '-out', at('server.pem'), '-subj', `/CN=${name}`,
    '-addext', `subjectAltName=DNS:${name}`, '-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'extendedKeyUsage=serverAuth');
  return { authority: at('authority.pem'), certificate: at('server.pem'), key: at('server.key') };
}

export class Proxy {
  private readonly folder = mkdtempSync(path.join(tmpdir(), 'huisclos-nginx-'));
  private child: ChildProcess | null = null;
  private constructor(readonly machine: Line, readonly name: string) {}

  /** A machine that nothing runs on yet. */
  static async make(name: string): Promise<Proxy> {
    const p = new Proxy(await Line.make(), name);
    p.machine.inside('sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward');
    return p;
  }
  get address(): string { return this.machine.address; }

  /** Starts nginx, or starts it anew. `upstream` is the appliance's certificate (PEM). */
  async serve(upstream: string, o: { stream: boolean }): Promise<void> {
    await this.stop();
    const made = certify(this.folder, this.name), at = (file: string) => path.join(this.folder, file);
    writeFileSync(at('upstream.pem'), upstream);
    const own = (text: string) => text.replaceAll('visio.example.org', this.name).replaceAll('/etc/nginx/tls/visio.pem', made.certificate).replaceAll('/etc/nginx/tls/visio.key', made.key)
      .replaceAll('/etc/nginx/tls/huisclos.pem', at('upstream.pem')).replaceAll('/run/huisclos-media.sock', at('media.sock'));
    let web = own(guide('nginx'));
    if (o.stream) {
      if (!web.includes('    listen 443 ssl;\n')) throw new Error('the guide has no line to replace');
      web = web.replace('    listen 443 ssl;\n', own(guide('behind-stream')));
    }
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((w) => `  ${w}_temp_path ${at(w)};\n`).join('');
    // Root of a user namespace has no other user to become.
    writeFileSync(at('nginx.conf'), `${o.stream && existsSync(streams) ? `load_module ${streams};\n` : ''}daemon off;\nuser root;\nworker_processes 1;\npid ${at('pid')};\nerror_log ${at('error.log')} info;\nevents {}\nhttp {\n${temporary}${web}}\n${o.stream ? own(guide('stream')) : ''}`);
    writeFileSync(at('error.log'), '');
    rmSync(at('media.sock'), { force: true });
    const child = spawn(this.machine.through(program), ['-c', at('nginx.conf'), '-e', at('error.log')], { stdio: 'ignore' });
    this.child = child;
    await until('nginx serves', async () => {
      if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}: ${this.log()}`);
      return this.machine.inside('ss', '-Hltn', 'sport = :443') !== '';
    });
  }
  log(): string { return readFileSync(path.join(this.folder, 'error.log'), 'utf8').split('\n').slice(-20).join('\n'); }

  /** UDP 443 of this machine to the appliance, as the guide has it. */
  forward(): void { this.machine.filter(guide('forward')); }

  private async stop(): Promise<void> {
    const child = this.child;
    this.child = null;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((done) => { child.once('exit', done); });
    child.kill('SIGTERM');
    await gone;
  }
  async end(): Promise<void> {
    await this.stop();
    this.machine.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A real mail server on loopback: Exim, as an account of its own where root starts it; each mail it takes is a file. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { until } from './browser.ts';

const account = 'Debian-exim';

export class MailServer {
  private readonly folder = mkdtempSync(path.join(tmpdir(), 'huisclos-exim-'));
  private child: ChildProcess | null = null;
  private constructor(readonly port: number) {}

  static async start(port: number): Promise<MailServer> {
    const m = new MailServer(port), at = (name: string) => path.join(m.folder, name);
    chmodSync(m.folder, 0o755);
    for (const d of ['spool', 'log', 'mail']) mkdirSync(at(d));
    writeFileSync(at('exim.conf'), `primary_hostname = mail.test
spool_directory = ${at('spool')}
log_file_path = ${at('log')}/%slog
pid_file_path = ${at('pid')}
daemon_smtp_ports = ${port}
local_interfaces = 127.0.0.1
tls_advertise_hosts =
acl_smtp_rcpt = accept
deliver_drop_privilege = true
keep_environment =
begin acl
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  directory = ${at('mail')}
  maildir_format = true
`);
    if (process.getuid!() === 0) execFileSync('chown', ['-R', account, m.folder]);
    await m.up();
    return m;
  }

  async up(): Promise<void> {
    const root = process.getuid!() === 0, id = (flag: string) => Number(execFileSync('id', [flag, account], { encoding: 'utf8' }));
    this.child = spawn('/usr/sbin/exim4', ['-bdf', '-q1h', '-C', path.join(this.folder, 'exim.conf')], { stdio: 'inherit', ...(root ? { uid: id('-u'), gid: id('-g') } : {}) });
    await until('the mail server answers', () => new Promise<boolean>((done) => {
      const s = connect(this.port, '127.0.0.1', () => { s.destroy(); done(true); }).on('error', () => { done(false); });
    }));
  }

  async down(): Promise<void> {
    const child = this.child;
    this.child = null;
    if (!child) return;
    const gone = new Promise((done) => { child.once('exit', done); });
    child.kill('SIGTERM');
    await gone;
  }

  /** The mails it has, quoted-printable taken off. */
  mails(): string[] {
    const dir = path.join(this.folder, 'mail/new');
    let names: string[] = [];
    try { names = readdirSync(dir).sort(); } catch { return []; }
    return names.map((n) => readFileSync(path.join(dir, n), 'utf8').replace(/=\r?\n/g, '').replace(/((?:=[0-9A-F]{2})+)/g, (s) => Buffer.from(s.replaceAll('=', ''), 'hex').toString('utf8')));
  }

  async end(): Promise<void> {
    await this.down();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A real OpenLDAP server on the loopback, with a certificate of an authority of its own; and the process that connects to it for the appliance. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { until } from './browser.ts';

const program = ['/usr/sbin/slapd', '/usr/bin/slapd'].find(existsSync) ?? 'slapd';
const base = 'dc=example,dc=test', root = `cn=admin,${base}`, secret = 'racine';
export interface Somebody { uid: string; name: string; mail: string; password: string }

const entry = (p: Somebody) => `dn: uid=${p.uid},${base}\nobjectClass: inetOrgPerson\nuid: ${p.uid}\ncn: ${p.name}\nsn: ${p.name}\ndisplayName: ${p.name}\nmail: ${p.mail}\nuserPassword: ${p.password}\n\n`;

function must(command: string, args: string[], input = ''): void {
  const r = spawnSync(command, args, { encoding: 'utf8', input });
  if (r.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${r.stderr || String(r.error)}`);
}

export class Directory {
  private readonly folder = mkdtempSync(path.join(tmpdir(), 'huisclos-slapd-'));
  private child: ChildProcess | null = null;
  private outward: ChildProcess | null = null;
  private constructor(readonly port: number) {}

  /** more: further entries, in LDIF below the base (RFC 2849). */
  static async start(people: Somebody[], port: number, more = ''): Promise<Directory> {
    const d = new Directory(port), at = (f: string) => path.join(d.folder, f);
    for (const args of [
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=Test authority', '-keyout', at('ca.key'), '-out', at('ca.pem')],
      ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=127.0.0.1', '-keyout', at('key.pem'), '-out', at('request.pem')],
    ]) must('openssl', args);
    writeFileSync(at('san'), 'subjectAltName=IP:127.0.0.1\n');
    must('openssl', ['x509', '-req', '-in', at('request.pem'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2', '-extfile', at('san'), '-out', at('cert.pem')]);
    // A copy: a profile of AppArmor for the program's own path would keep it out of this folder.
    copyFileSync(program, at('slapd'));
    mkdirSync(at('data'));
    writeFileSync(at('slapd.conf'), `${['core', 'cosine', 'inetorgperson', 'nis'].map((s) => `include /etc/ldap/schema/${s}.schema\n`).join('')}pidfile ${at('pid')}
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile ${at('cert.pem')}
TLSCertificateKeyFile ${at('key.pem')}
disallow bind_anon
database mdb
directory ${at('data')}
maxsize 67108864
suffix "${base}"
rootdn "${root}"
rootpw ${secret}
access to attrs=userPassword by anonymous auth by * none
access to * by * none
`);
    writeFileSync(at('in.ldif'), `dn: ${base}\nobjectClass: domain\ndc: example\n\n${people.map(entry).join('')}${more}`);
    must(at('slapd'), ['-T', 'add', '-f', at('slapd.conf'), '-l', at('in.ldif')]);
    writeFileSync(at('password'), `${secret}\n`, { mode: 0o600 });
    await d.up();
    return d;
  }

  /** The appliance's settings for it. */
  get settings(): string {
    return `outward = "${this.folder}/outward.sock"\n[directory]\nurl = "ldaps://127.0.0.1:${this.port}"\nca_file = "${this.folder}/ca.pem"\nbind_dn = "${root}"\nbind_password_file = "${this.folder}/password"\nbase = "${base}"\ndefault_role = "organiser"\n`;
  }

  async up(): Promise<void> {
    this.child = spawn(path.join(this.folder, 'slapd'), ['-f', path.join(this.folder, 'slapd.conf'), '-d', '0', '-h', `ldaps://127.0.0.1:${this.port}`], { stdio: 'ignore' });
    await until('slapd listens', () => new Promise<boolean>((done) => { const c = connect(this.port, '127.0.0.1', () => { c.destroy(); done(true); }).on('error', () => done(false)); }));
  }
  async down(): Promise<void> { await ended(this.child); this.child = null; }

  /** Starts the one process that opens connections for the appliance. */
  async connects(binary: string): Promise<void> {
    const file = path.join(this.folder, 'outward.toml');
    writeFileSync(file, this.settings);
    this.outward = spawn(binary, ['outward', '--config', file, '--data', this.folder], { stdio: 'ignore' });
    await until('the way outward', () => Promise.resolve(existsSync(path.join(this.folder, 'outward.sock'))));
  }

  /** Changes in LDIF (RFC 2849), as the organisation's own administrators make them. */
  change(ldif: string): void {
    must('ldapmodify', ['-H', `ldaps://127.0.0.1:${this.port}`, '-o', `TLS_CACERT=${this.folder}/ca.pem`, '-x', '-D', root, '-w', secret], ldif);
  }
  remove(uid: string): void { this.change(`dn: uid=${uid},${base}\nchangetype: delete\n`); }

  async end(): Promise<void> {
    await Promise.all([ended(this.child), ended(this.outward)]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function ended(child: ChildProcess | null): Promise<void> {
  if (!child || child.exitCode !== null) return;
  const gone = new Promise((done) => { child.once('exit', done); });
  child.kill('SIGKILL');
  await gone;
}

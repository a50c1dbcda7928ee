/** The provider of provider.mjs, a real one, as a process on the loopback; and the process that connects to it for the appliance. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { until, type Tab } from './browser.ts';

/** A certificate for 127.0.0.1, of the authority that certify has made in that folder. */
export function certifyLoopback(folder: string): { authority: string; certificate: string; key: string } {
  const at = (file: string) => path.join(folder, file);
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-CA', at('authority.pem'), '-CAkey', at('authority.key'), '-keyout', at('provider.key'), '-out', at('provider.pem'),
    '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'extendedKeyUsage=serverAuth'], { stdio: 'pipe' });
  return { authority: at('authority.pem'), certificate: at('provider.pem'), key: at('provider.key') };
}

export interface Known { login: string; password: string; name: string; email: string; groups?: string[]; amr?: string[] }

export class Provider {
  private readonly folder = mkdtempSync(path.join(tmpdir(), 'huisclos-provider-'));
  private child: ChildProcess | null = null;
  private outward: ChildProcess | null = null;
  private said = '';
  private constructor(readonly port: number, readonly appliance: string, private readonly certificate: { authority: string; certificate: string; key: string }, readonly people: Known[]) {}

  /** appliance: where people come to. certificate: for 127.0.0.1, of an authority that the browsers trust. */
  static async start(port: number, appliance: string, certificate: { authority: string; certificate: string; key: string }, people: Known[]): Promise<Provider> {
    const p = new Provider(port, appliance, certificate, people);
    writeFileSync(path.join(p.folder, 'secret'), `${p.secret}\n`, { mode: 0o600 });
    await p.up();
    return p;
  }

  readonly secret = 'a secret that both of them have: 41926';
  get issuer(): string { return `https://127.0.0.1:${this.port}`; }

  /** The appliance's settings for it. */
  settings(more = ''): string {
    return `outward = "${this.folder}/outward.sock"\n[oidc]\nissuer = "${this.issuer}"\nname = "Atelier"\nclient_id = "huisclos"\nclient_secret_file = "${this.folder}/secret"\nca_file = "${this.certificate.authority}"\n${more}`;
  }

  async up(): Promise<void> {
    const at = (route: string) => `${this.appliance}/oidc/${route}`, file = path.join(this.folder, 'provider.json');
    writeFileSync(file, JSON.stringify({
      issuer: this.issuer, port: this.port, certificate: this.certificate.certificate, key: this.certificate.key, people: this.people, frontChannel: at('front-channel-logout'),
      client: {
        client_id: 'huisclos', client_secret: this.secret, redirect_uris: [at('callback')], post_logout_redirect_uris: [at('signed-out')], token_endpoint_auth_method: 'client_secret_basic',
        backchannel_logout_uri: at('back-channel-logout'), backchannel_logout_session_required: true,
      },
    }));
    // Its calls to the appliance are checked as everybody's are.
    const child = spawn(process.execPath, [fileURLToPath(new URL('provider.mjs', import.meta.url)), file], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_EXTRA_CA_CERTS: this.certificate.authority } });
    this.child = child;
    for (const s of [child.stdout!, child.stderr!]) s.on('data', (b: Buffer) => { this.said += b.toString(); });
    await until('the provider listens', async () => {
      if (child.exitCode !== null) throw new Error(`the provider ended: ${this.said}`);
      return this.said.includes('ready');
    });
  }
  async down(): Promise<void> {
    await ended(this.child);
    this.child = null;
    this.said = '';
  }
  log(): string { return this.said; }

  /** Starts the one process that opens connections for the appliance. */
  async connects(binary: string, settings: string): Promise<void> {
    const file = path.join(this.folder, 'outward.toml');
    writeFileSync(file, settings);
    this.outward = spawn(binary, ['outward', '--config', file, '--data', this.folder], { stdio: 'inherit' });
    await until('the way outward', async () => existsSync(path.join(this.folder, 'outward.sock')));
  }

  /** Somebody signs in on the provider's own page. */
  async signIn(t: Tab, who: Known): Promise<void> {
    await until('the provider’s page', async () => t.url().startsWith(`${this.issuer}/interaction/`) && t.run(() => document.querySelector('input[name=login]') !== null));
    await t.run(([login, password]) => {
      document.querySelector<HTMLInputElement>('input[name=login]')!.value = login;
      document.querySelector<HTMLInputElement>('input[name=password]')!.value = password;
    }, [who.login, who.password] as const);
    await t.run(() => { setTimeout(() => document.getElementById('in')!.click(), 0); });
  }
  async cancels(t: Tab): Promise<void> {
    await until('the provider’s page', async () => t.url().startsWith(`${this.issuer}/interaction/`) && t.run(() => document.getElementById('not') !== null));
    await t.run(() => { setTimeout(() => document.getElementById('not')!.click(), 0); });
  }

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

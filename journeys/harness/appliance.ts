/** The real program, started as an operator starts it, in a data directory of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import { Authenticator } from './authenticator.ts';

const address = process.env.HUISCLOS_ADDRESS ?? '127.0.0.1';
const binary = process.env.HUISCLOS_BINARY ?? 'build/huisclos-testhook';

export interface ApplianceOptions { /** Go duration; default the product's own 30 s. */ absence?: string; record?: boolean; port?: number; /** The one address that it listens at and is come to; default: it listens at all. */ at?: string; /** A further name of the appliance. */ hostname?: string; /** A settings file (TOML). */ settings?: string; /** Where people come to, if that isn't the appliance itself: a proxy's URL. */ front?: string }

export class Appliance {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'huisclos-journey-'));
  readonly data = path.join(this.folder, 'var');
  readonly records = path.join(this.folder, 'records');
  output = '';
  setupCode = '';
  private child: ChildProcess | null = null;
  private port: number;

  private constructor(private readonly o: ApplianceOptions) { this.port = o.port ?? 8443; }

  static async start(o: ApplianceOptions = {}): Promise<Appliance> {
    const a = new Appliance(o);
    mkdirSync(a.records);
    await a.up();
    return a;
  }

  get url(): string { return this.o.front ?? `https://${this.o.at ?? address}${this.port === 443 ? '' : `:${this.port}`}`; }
  get pid(): number { return this.child?.pid ?? 0; }

  /** Starts it (again) over the same data. */
  async up(): Promise<void> {
    const args = ['serve', '--listen', `${this.o.at ?? ''}:${this.port}`, '--data', this.data, '--test-record', this.o.record ? this.records : ''];
    if (this.o.settings !== undefined) {
      const file = path.join(this.folder, 'huisclos.toml');
      writeFileSync(file, this.o.settings);
      args.push('--config', file);
    }
    if (this.o.hostname) args.push('--hostname', this.o.hostname);
    if (this.o.absence) args.push('--test-absence', this.o.absence);
    const child = spawn(binary, args.filter((a, i) => !(a === '' || (a === '--test-record' && args[i + 1] === ''))), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    let banner = '';
    const take = (b: Buffer) => { this.output += b.toString(); };
    child.stderr!.on('data', take);
    await new Promise<void>((ready, fail) => {
      const timer = setTimeout(() => fail(new Error(`the appliance did not start: ${this.output}`)), 20_000);
      child.stdout!.on('data', (b: Buffer) => {
        take(b);
        banner += b.toString();
        if (banner.includes('Ctrl+C')) { clearTimeout(timer); ready(); }
      });
      child.on('exit', (code) => { clearTimeout(timer); fail(new Error(`the appliance ended with ${code}: ${this.output}`)); });
    });
    const code = /Set-up code\s+(\S.*\S)/.exec(banner);
    if (code) this.setupCode = code[1]!;
  }

  /** Starts it again with other settings. */
  async again(settings: string): Promise<void> {
    await this.down();
    this.o.settings = settings;
    await this.up();
  }

  /** SIGTERM as an operator's stop, SIGKILL as a power cut. */
  async down(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.child;
    this.child = null;
    if (!child || child.exitCode !== null) return;
    child.removeAllListeners('exit');
    const gone = new Promise((done) => { child.once('exit', done); });
    child.kill(signal);
    await gone;
  }

  async end(): Promise<void> {
    await this.down();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The key of the certificate that it shows, as browsers are told to trust one: SHA-256 of its SPKI, in Base64. */
  async key(): Promise<string> {
    const { hostname: host, port } = new URL(this.url);
    const raw = await new Promise<Buffer>((done, fail) => {
      const s = connect({ host, port: Number(port || 443), rejectUnauthorized: false }, () => { done(s.getPeerX509Certificate()!.raw); s.destroy(); }).on('error', fail);
    });
    return createHash('sha256').update(new X509Certificate(raw).publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
  }

  client(): Client { return new Client(this.url); }
}

export interface Answer { status: number; body: Record<string, unknown>; headers: Record<string, string | string[] | undefined>; raw: Buffer }

/** One signed-in (or not yet) user of the HTTP interface. */
export class Client {
  private readonly cookies = new Map<string, string>();
  csrf = '';
  /** Headers beside those that a page sends. */
  extra: Record<string, string> = {};
  constructor(readonly url: string) {}

  async call(method: string, where: string, body?: unknown): Promise<Answer> {
    if (method !== 'GET' && this.csrf === '') await this.call('GET', '/api/me');
    const data = body === undefined ? '' : JSON.stringify(body);
    const answer = await new Promise<Answer>((resolve, reject) => {
      const r = request(`${this.url}${where}`, {
        method, rejectUnauthorized: false,
        headers: {
          Origin: this.url, Accept: 'application/json', ...this.extra, ...(this.csrf ? { 'X-Huisclos-CSRF': this.csrf } : {}), ...(this.cookies.size ? { Cookie: [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; ') } : {}),
          ...(data ? { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(data) } : {}),
        },
      }, (res) => {
        const parts: Buffer[] = [];
        res.on('data', (b: Buffer) => { parts.push(b); });
        res.on('end', () => {
          const raw = Buffer.concat(parts), text = raw.toString('utf8');
          for (const c of res.headers['set-cookie'] ?? []) {
            const [pair] = c.split(';'), at = pair!.indexOf('='), name = pair!.slice(0, at), value = pair!.slice(at + 1);
            if (value === '' || /max-age=0/i.test(c)) this.cookies.delete(name); else this.cookies.set(name, value);
          }
          let parsed: Record<string, unknown> = {};
          try { parsed = text === '' ? {} : JSON.parse(text) as Record<string, unknown>; } catch { parsed = { text }; }
          resolve({ status: res.statusCode ?? 0, body: parsed, headers: res.headers, raw });
        });
      });
      r.on('error', reject);
      r.end(data);
    });
    if (typeof answer.body.csrf === 'string') this.csrf = answer.body.csrf;
    return answer;
  }

  async must(method: string, where: string, body?: unknown): Promise<Record<string, unknown>> {
    const a = await this.call(method, where, body);
    if (a.status < 200 || a.status > 299) throw new Error(`${method} ${where}: ${a.status} ${JSON.stringify(a.body)}`);
    return a.body;
  }

  async login(who: Person): Promise<void> {
    this.csrf = '';
    await this.must('POST', '/api/login', await credentials(who));
    await this.renewed();
  }

  /** A new session has a new token. */
  async renewed(): Promise<void> {
    this.csrf = '';
    await this.must('GET', '/api/me');
  }

  /** Sets up a second factor, in a session that may be good for nothing else yet. */
  async enrol(passphrase: string): Promise<Authenticator> {
    const phone = new Authenticator(String((await this.must('POST', '/api/account/totp', { passphrase })).secret));
    await this.must('POST', '/api/account/totp/confirm', { code: await phone.next() });
    await this.renewed();
    return phone;
  }
}

/** Who signs in, with what stands in for their phone if their account has a second factor. */
export interface Person { email: string; passphrase: string; phone?: Authenticator }
export const credentials = async ({ email, passphrase, phone }: Person) => ({ email, passphrase, ...(phone ? { code: await phone.next() } : {}) });

export interface Account extends Person { id: string; name: string }
export type Role = 'administrator' | 'officer' | 'auditor' | 'organiser' | 'member';
export interface House { appliance: Appliance; admin: Client; ada: Account; owner: Account; members: Account[]; room: { id: string; name: string; link: string } }

/** The first account, an administrator's, with the second factor without which nothing is open to it. */
export async function setUp(appliance: Appliance): Promise<{ admin: Client; ada: Account }> {
  const admin = appliance.client(), ada = { name: 'Ada Admin', email: 'ada@example.test', passphrase: 'gravier lampe orage violon' };
  const made = await admin.must('POST', '/api/setup', { code: appliance.setupCode, ...ada });
  await admin.renewed();
  return { admin, ada: { ...ada, id: (made.account as { id: string }).id, phone: await admin.enrol(ada.passphrase) } };
}

/** An account that an administrator makes and its owner activates; in a role that needs one, with a second factor. */
export async function newcomer(appliance: Appliance, admin: Client, o: { name: string; email: string; passphrase: string; role: Role }): Promise<{ account: Account; client: Client }> {
  const { passphrase, ...form } = o;
  const r = await admin.must('POST', '/api/admin/accounts', form);
  const token = new URL((r.activation as { url: string }).url).hash.slice(1), client = appliance.client();
  const me = await client.must('POST', '/api/activate', { token, passphrase });
  await client.renewed();
  const account: Account = { id: (r.account as { id: string }).id, name: o.name, email: o.email, passphrase };
  if (me.must === 'factor') account.phone = await client.enrol(passphrase);
  return { account, client };
}

/** An appliance with an administrator, members whose accounts are active, and a room of the first member. */
export async function house(members: number, o: ApplianceOptions = {}): Promise<House> { return furnish(await Appliance.start(o), members); }

/** The same of an appliance that has just been started. */
export async function furnish(appliance: Appliance, members: number): Promise<House> {
  try {
    const { admin, ada } = await setUp(appliance);
    const names = ['Hélène Hôte', 'Bruno Berger', 'Clara Chêne', 'David Dune'], made: Account[] = [];
    let client: Client | null = null;
    for (let i = 0; i < members; i++) {
      const one = await newcomer(appliance, admin, { name: names[i] ?? `Member ${i}`, email: `member${i}@example.test`, passphrase: `cascade ${i} mousse verrou talus`, role: 'organiser' });
      client ??= one.client;
      made.push(one.account);
    }
    const owner = made[0]!;
    const room = await client!.must('POST', '/api/rooms', { name: 'Salle des essais' }) as { id: string; name: string };
    return { appliance, admin, ada, owner, members: made, room: { id: room.id, name: room.name, link: `${appliance.url}/r/${room.id}#${owner.id}` } };
  } catch (e) { await appliance.end(); throw e; }
}

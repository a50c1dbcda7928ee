/**
 * People in a call: each has a browser, a signed-in account and a tab on the room's page. Most journeys act through the
 * engine of that page (the test build shows it as `window.__huisclos`); those about the pages themselves use the buttons.
 */
import type { CallState, Person as Shown } from '../../meeting-ui/src/call/state.ts';
import { credentials, type Account, type House, type Person as Who } from './appliance.ts';
import { open, until, type BrowserOptions, type Engine, type Person, type Tab } from './browser.ts';
import { small, tones, type Size } from './clip.ts';

/** What the tests use of the hook; Call's own type would pull the browser's libraries into node. */
export interface Hook {
  call: import('../../meeting-ui/src/call/call.ts').Call;
  frames(): Promise<{ context: number; kid: number; ctr: number; data: Uint8Array }[]>;
  baseKeys(): Promise<{ group: string; epoch: number; key: Uint8Array }[]>;
  kidctr(): Promise<{ group: string; epoch: number; kid: number; ctr: number }[]>;
  keep(): Promise<void>;
  stats(): import('../../crypto/e2ee/src/index.ts').FrameStats | null;
  connections(): { up: RTCPeerConnection | null; down: RTCPeerConnection | null };
}
declare global { interface Window { __huisclos?: Hook } }

export type Member = { leaf: number; name: string; me: boolean; host: boolean; mic: boolean; cam: boolean; screen: boolean; hand: number | null; connected: boolean; refused: string | null; compared: boolean };

/** Of a candidate's statistics. */
export interface Candidate { candidateType: string; relayProtocol?: string; protocol: string; address: string; port: number }

export class Player {
  constructor(readonly person: Person, readonly tab: Tab, readonly account: Account, readonly house: House) {}
  get engine(): Engine { return this.person.engine; }
  get id(): number { return this.person.id; }

  state(): Promise<CallState> { return this.tab.run(() => window.__huisclos!.call.state.value); }
  phase(): Promise<string> { return this.tab.run(() => window.__huisclos?.call.state.value.phase ?? 'no call'); }
  async reaches(phase: string, ms = 20_000): Promise<CallState> {
    try {
      return await until(`${this.account.name} (${this.engine}) ${phase}`, async () => { const s = await this.state(); return s.phase === phase ? s : null; }, ms);
    } catch (e) {
      const s = await this.state().catch(() => null);
      throw new Error(`${(e as Error).message}; is ${JSON.stringify(s)}; console: ${this.tab.console.slice(-8).join(' | ')}`);
    }
  }
  people(): Promise<Member[]> {
    return this.tab.run(() => window.__huisclos!.call.people.value.map((p: Shown) => ({ leaf: p.leaf, name: p.name, me: p.me, host: p.host, mic: p.mic, cam: p.cam, screen: p.screen, hand: p.hand, connected: p.connected, refused: p.refused, compared: p.compared })));
  }
  words(): Promise<{ epoch: number; indexes: number[] } | null> { return this.tab.run(() => window.__huisclos!.call.words.value); }
  group(): Promise<string> { return this.tab.run(() => (window.__huisclos!.call as unknown as { session: { view: { group: string } | null } | null }).session?.view?.group ?? ''); }
  async sees(n: number, ms = 20_000): Promise<Member[]> {
    return until(`${this.account.name} sees ${n} people`, async () => { const p = await this.people(); return p.length === n ? p : null; }, ms);
  }
  /** Gets as far as the door, with camera and microphone as asked. */
  async prepare(o: { mic?: boolean; cam?: boolean } = {}): Promise<void> {
    await until('the room page', () => this.tab.run(() => window.__huisclos !== undefined), 30_000);
    await this.tab.run(async (wanted) => { await window.__huisclos!.call.prepare(wanted); }, { mic: o.mic ?? true, cam: o.cam ?? true });
  }
  start(): Promise<void> { return this.tab.run(() => { void window.__huisclos!.call.start(); }); }
  /** A host admits everybody who waits, by the engine's own act. */
  async admits(name: string): Promise<void> {
    await until(`${name} in the lobby`, () => this.tab.run(async (who) => {
      const k = window.__huisclos!.call.lobby.value.find((x) => x.name === who && !x.busy);
      if (!k) return false;
      await window.__huisclos!.call.admit(k.id);
      return true;
    }, name));
  }

  /** Numbers read from the decoded pictures of a leaf since `after` (page time), and whose they are. */
  frames(leaf: number, kind: 'camera' | 'screenStream' = 'camera'): Promise<{ now: number; seen: { id: number; n: number; at: number; width: number; height: number }[] }> {
    return this.tab.run(([l, k]) => {
      const p = window.__huisclos!.call.people.value.find((x) => x.leaf === l), stream = p?.[k];
      return { now: performance.now(), seen: stream ? [...window.__readers!.video(stream)] : [] };
    }, [leaf, kind] as const);
  }
  heard(leaf: number): Promise<{ now: number; hz: { hz: number; at: number }[] }> {
    return this.tab.run((l) => {
      const p = window.__huisclos!.call.people.value.find((x) => x.leaf === l);
      return { now: performance.now(), hz: p?.audio ? [...window.__readers!.tones(p.audio)] : [] };
    }, leaf);
  }
  /** This person sees the other's numbers advance and hears both of the other's tones, and nobody else's. */
  async sensesOf(other: Player, o: { picture?: boolean; sound?: boolean; ms?: number } = {}): Promise<void> {
    const leaf = await until(`${other.account.name} on the list of ${this.account.name}`, async () => (await this.people()).find((p) => p.name === other.account.name && !p.me)?.leaf.toString());
    const from = (await this.frames(Number(leaf))).now, fromSound = (await this.heard(Number(leaf))).now;
    const what = `${this.account.name} (${this.engine}) of ${other.account.name} (${other.engine})`;
    if (o.picture !== false) {
      try {
        await until(`pictures: ${what}`, async () => {
          const fresh = (await this.frames(Number(leaf))).seen.filter((f) => f.at > from);
          if (fresh.some((f) => f.id !== other.id)) throw new Error(`a picture of somebody else: ${JSON.stringify(fresh.find((f) => f.id !== other.id))}`);
          return new Set(fresh.map((f) => f.n)).size >= 5;
        }, o.ms ?? 20_000);
      } catch (e) { throw new Error(`${(e as Error).message}\n${await this.report()}\n${await other.report()}`); }
    }
    if (o.sound !== false) {
      try {
        await until(`tones: ${what}`, async () => {
          const fresh = (await this.heard(Number(leaf))).hz.filter((t) => t.at > fromSound);
          return tones(other.id).every((hz) => fresh.some((t) => Math.abs(t.hz - hz) < 25));
        }, o.ms ?? 20_000);
      } catch (e) { throw new Error(`${(e as Error).message}\n${await this.report()}\n${await other.report()}`); }
    }
  }

  /** The ends of the candidate pairs in use, of the connection up and the one down. Chromium names the pair in its transport, Firefox marks it. */
  pairs(): Promise<{ near?: Candidate; far?: Candidate }[]> {
    return this.tab.run(async () => {
      const pcs = window.__huisclos!.connections(), ends: { near?: Candidate; far?: Candidate }[] = [];
      for (const pc of [pcs.up, pcs.down]) {
        const all: Record<string, unknown>[] = [];
        (await pc?.getStats())?.forEach((s: Record<string, unknown>) => all.push(s));
        const named = all.find((s) => s.type === 'transport')?.selectedCandidatePairId, pair = all.find((s) => named ? s.id === named : s.type === 'candidate-pair' && s.selected === true);
        const end = (id: unknown) => all.find((s) => s.id === id) as Candidate | undefined, near = end(pair?.localCandidateId), far = end(pair?.remoteCandidateId);
        ends.push({ ...(near ? { near } : {}), ...(far ? { far } : {}) });
      }
      return ends;
    });
  }

  /** For failures: what the page knows. */
  async report(): Promise<string> {
    const r = await this.tab.run(async () => {
      const c = window.__huisclos!.call, pcs = window.__huisclos!.connections();
      const stats = async (pc: RTCPeerConnection | null) => {
        if (!pc) return null;
        const out: unknown[] = [pc.connectionState, pc.iceConnectionState, pc.signalingState];
        (await pc.getStats()).forEach((s: Record<string, unknown>) => {
          if (s.type === 'inbound-rtp') out.push(['in', s.kind, s.mid, s.packetsReceived, s.framesDecoded, s.packetsLost, s.audioLevel]);
          if (s.type === 'outbound-rtp') out.push(['out', s.kind, s.mid, s.rid, s.packetsSent, s.framesEncoded]);
        });
        return out;
      };
      return JSON.stringify({
        state: c.state.value, mic: c.mic.value, cam: c.cam.value, quality: c.quality.value, refused: c.mediaRefused.value, people: c.people.value.map((p) => [p.leaf, p.name, p.mic, p.cam, !!p.camera, !!p.audio, p.refused, p.frames.value]),
        up: await stats(pcs.up), down: await stats(pcs.down), trace: window.__trace?.slice(-60),
      });
    }).catch((e: unknown) => String(e));
    return `${this.account.name} (${this.engine}): ${r}\nconsole: ${this.tab.console.slice(-10).join('\n')}`;
  }
  async close(): Promise<void> { await this.person.close(); }
}

/** Signs in inside the page, as the page itself would. */
export async function signIn(tab: Tab, house: House, account: Who): Promise<void> {
  await tab.goto(`${house.appliance.url}/about`);
  const status = await tab.run(async (a) => {
    // The page asks who it is at the same time; of two first visits the later cookie stays, and the token must be its.
    for (let tries = 0; ; tries++) {
      const me = await (await fetch('/api/me')).json() as { csrf: string };
      const r = await fetch('/api/login', { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Huisclos-CSRF': me.csrf }, body: JSON.stringify(a) });
      if (r.status !== 403 || tries === 2) return r.status;
    }
  }, await credentials(account));
  if (status < 200 || status > 299) throw new Error(`sign in: ${status}`);
}

/** A browser on the room's page, at the door. */
export async function arrive(house: House, index: number, engine: Engine, o: Partial<BrowserOptions> & { mic?: boolean; cam?: boolean; size?: Size } = {}): Promise<Player> {
  const account = house.members[index]!;
  const person = await open({ engine, id: index + 1, size: small, ...o });
  try {
    const tab = await person.tab();
    await signIn(tab, house, account);
    await tab.goto(house.room.link);
    const player = new Player(person, tab, account, house);
    await player.prepare(o);
    return player;
  } catch (e) { await person.close(); throw e; }
}

/** A call of several: the first is the owner and admits the rest. */
export async function gather(house: House, engines: Engine[], o: Partial<BrowserOptions> & { mic?: boolean; cam?: boolean; size?: Size; /** Before a player starts. */ prepare?: (p: Player) => Promise<void> } = {}): Promise<Player[]> {
  const players: Player[] = [];
  try {
    for (const [i, engine] of engines.entries()) players.push(await arrive(house, i, engine, o));
    for (const p of players) await o.prepare?.(p);
    const [host, ...guests] = players;
    await host!.start();
    await host!.reaches('in-call');
    for (const g of guests) {
      await g.start();
      await host!.admits(g.account.name);
      await g.reaches('in-call');
    }
    for (const p of players) await p.sees(players.length);
    return players;
  } catch (e) {
    const reports = await Promise.all(players.map((p) => p.report().catch((x: unknown) => String(x))));
    await scatter(players);
    throw new Error(`${(e as Error).message}\n${reports.join('\n')}\n${house.appliance.output.slice(-3000)}`);
  }
}

export async function scatter(players: Player[]): Promise<void> { await Promise.all(players.map((p) => p.close().catch(() => undefined))); }

export async function sameWords(players: Player[]): Promise<number[]> {
  return until('the same twelve words', async () => {
    const all = await Promise.all(players.map((p) => p.words()));
    const first = all[0];
    return first && first.indexes.length === 12 && all.every((w) => w && w.epoch === first.epoch && JSON.stringify(w.indexes) === JSON.stringify(first.indexes)) ? first.indexes : null;
  });
}

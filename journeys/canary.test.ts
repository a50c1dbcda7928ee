/**
 * What the server has: every payload that it received, its memory, its disk, its log. Frames as they were before sealing
 * and the keys that sealed them are searched for in each, and must be in none. The search itself is tested first, by a
 * canary planted in each place.
 */
import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import { gather, scatter, type Player } from './harness/cast.ts';

const logged = `canari-${Math.random().toString(36).slice(2).padEnd(10, 'x')}.example.test`;
let h: House;
before(async () => { h = await house(2, { record: true, hostname: logged }); });
after(async () => { await h?.appliance.end(); });

interface Needle { name: string; bytes: Buffer }
interface Piece { needle: Needle; at: number }

/** The shortest run of octets whose being found counts, and the stride of the pieces by which it is looked for. */
const shortest = 16, piece = 8;

/**
 * Looks for every window of every needle at once: sixteen octets in a row hold at least one whole piece that begins at a
 * multiple of eight, so those are looked up, and what fits is followed to both sides. A table of 2^24 bits over the first
 * three octets of a piece keeps the walk over memory short. A run of few different values (a black picture, digital
 * silence) would be found anywhere and says nothing.
 */
class Search {
  readonly found = new Set<string>();
  readonly pieces: number = 0;
  private readonly bits = new Uint8Array(1 << 21);
  private readonly index = new Map<number, Piece[]>();

  constructor(needles: Needle[]) {
    for (const needle of needles) {
      for (let at = 0; at + piece <= needle.bytes.length; at += piece) {
        const b = needle.bytes, k = b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16);
        if (new Set(b.subarray(at, at + piece)).size < 3) continue;
        this.pieces++;
        this.bits[k >> 3]! |= 1 << (k & 7);
        const list = this.index.get(k);
        if (list) list.push({ needle, at }); else this.index.set(k, [{ needle, at }]);
      }
    }
  }

  look(block: Buffer): void {
    const bits = this.bits;
    let k = 0;
    for (let i = 0; i < block.length; i++) {
      k = (k >>> 8) | (block[i]! << 16);
      if (((bits[k >> 3]! >> (k & 7)) & 1) === 0 || i < 2) continue;
      for (const p of this.index.get(k)!) if (this.fits(block, i - 2, p)) this.found.add(p.needle.name);
    }
  }

  private fits(block: Buffer, at: number, p: Piece): boolean {
    const b = p.needle.bytes;
    let from = 0, to = 3;
    while (p.at + to < b.length && at + to < block.length && b[p.at + to] === block[at + to]) to++;
    if (to < piece) return false;
    while (p.at + from > 0 && at + from > 0 && b[p.at + from - 1] === block[at + from - 1]) from--;
    return to - from >= shortest && new Set(block.subarray(at + from, at + to)).size >= 8;
  }
}

test('the search finds any window of sixteen octets, and only those', () => {
  const secret = Buffer.from(Array.from({ length: 120 }, (_, i) => (i * 89 + 7) & 0x7f)), needles = [{ name: 'secret', bytes: secret }];
  const finds = (block: Buffer) => { const s = new Search(needles); s.look(block); return s.found.size > 0; };
  for (let from = 0; from + shortest <= secret.length; from++) {
    const around = Buffer.alloc(50, 0xee), part = secret.subarray(from, from + shortest);
    assert.ok(finds(Buffer.concat([around, part, around])), `the window at ${from}`);
    assert.ok(!finds(Buffer.concat([around, part.subarray(1), around])), `fifteen octets at ${from}`);
  }
});

function inMemory(pid: number, needles: Needle[]): { found: Set<string>; bytes: number } {
  const search = new Search(needles), mem = openSync(`/proc/${pid}/mem`, 'r');
  let bytes = 0;
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const m = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ (\d+)/.exec(line);
      if (!m || !m[3]!.startsWith('rw')) continue;
      const step = 8 << 20, overlap = 64; // a window may lie across two blocks
      for (let at = BigInt(`0x${m[1]}`); at < BigInt(`0x${m[2]}`); at += BigInt(step)) {
        const left = Number(BigInt(`0x${m[2]}`) - at), block = Buffer.alloc(Math.min(step + overlap, left));
        let n = 0;
        try { n = readSync(mem, block, 0, block.length, at as unknown as number); } catch { continue; } // never touched
        bytes += n;
        search.look(block.subarray(0, n));
      }
    }
  } finally { closeSync(mem); }
  return { found: search.found, bytes };
}

function inFolder(folder: string, needles: Needle[]): { found: Set<string>; bytes: number } {
  const search = new Search(needles);
  let bytes = 0;
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    const file = path.join(folder, name);
    if (!statSync(file).isFile()) continue;
    const b = readFileSync(file);
    bytes += b.length;
    search.look(b);
  }
  return { found: search.found, bytes };
}

function inLog(needles: Needle[]): Set<string> {
  const search = new Search(needles);
  search.look(Buffer.from(h.appliance.output));
  return search.found;
}

/** The frames and keys of a page, whole. */
async function secretsOf(p: Player): Promise<Needle[]> {
  const got = await p.tab.run(async () => {
    const hex = (b: Uint8Array) => [...b].map((x) => x.toString(16).padStart(2, '0')).join('');
    return {
      frames: (await window.__huisclos!.frames()).map((f) => ({ context: f.context, ctr: f.ctr, hex: hex(f.data) })),
      keys: (await window.__huisclos!.baseKeys()).map((k) => ({ epoch: k.epoch, hex: hex(k.key) })),
    };
  });
  return [
    ...got.frames.map((f) => ({ name: `frame ${f.context}/${f.ctr} of ${p.account.name}`, bytes: Buffer.from(f.hex, 'hex') })),
    ...got.keys.map((k) => ({ name: `base key of epoch ${k.epoch} of ${p.account.name}`, bytes: Buffer.from(k.hex, 'hex') })),
  ];
}

test('nothing that was said or shown, and no key, is in what the server received, holds, stores or logs', async () => {
  const players = await gather(h, ['chromium', 'firefox']);
  try {
    const [a, b] = players as [Player, Player];
    await Promise.all([a.sensesOf(b), b.sensesOf(a)]);
    const secret = `canari ${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`;
    await a.tab.run((t) => window.__huisclos!.call.send(t), secret);
    await new Promise((done) => setTimeout(done, 2000));
    const needles = [...(await secretsOf(a)), ...(await secretsOf(b)), { name: 'chat text', bytes: Buffer.from(secret) }];
    assert.ok(needles.length > 100, `${needles.length} secrets to look for`);
    assert.ok(needles.filter((n) => n.name.startsWith('base key')).length >= 2);

    // The instruments first. Memory and disk: a room's name is in both. Records: a file of ours among them. Log: a name that the appliance was started with.
    const planted = `Salle canari ${Math.random().toString(36).slice(2)}`, client = h.appliance.client();
    await client.login(h.owner);
    await client.must('POST', '/api/rooms', { name: planted });
    const canary: Needle[] = [{ name: 'canary', bytes: Buffer.from(planted) }];
    writeFileSync(path.join(h.appliance.records, 'planted.payloads'), `before ${planted} after`);
    const memory = inMemory(h.appliance.pid, canary);
    assert.ok(memory.found.has('canary'), `the canary is found in ${memory.bytes} octets of memory`);
    assert.ok(inFolder(h.appliance.data, canary).found.has('canary'), 'the canary is found on the disk');
    assert.ok(inFolder(h.appliance.records, canary).found.has('canary'), 'the canary is found among the records');
    assert.ok(inLog([{ name: 'canary', bytes: Buffer.from(logged) }]).has('canary'), 'the canary is found in the log');

    // The payloads are those of this call: sealed frames carry the very (KID, CTR) that the pages used.
    const records = inFolder(h.appliance.records, needles);
    assert.ok(records.bytes > 100_000, `${records.bytes} octets were recorded`);
    assert.deepEqual([...records.found], [], 'in what the server received');
    assert.deepEqual([...inMemory(h.appliance.pid, needles).found], [], 'in its memory');
    assert.deepEqual([...inFolder(h.appliance.data, needles).found], [], 'on its disk');
    assert.deepEqual([...inLog(needles)], [], 'in its log');
    console.log(`${needles.length} secrets of ${Math.round(needles.reduce((n, x) => n + x.bytes.length, 0) / 1024)} KiB, ${Math.round(records.bytes / 1024)} KiB of payloads, ${Math.round(memory.bytes / 1048576)} MiB of memory: none found`);
  } finally { await scatter(players); }
});

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

let h: House;
before(async () => { h = await house(2, { record: true }); });
after(async () => { await h?.appliance.end(); });

interface Needle { name: string; bytes: Buffer }

/** Looks for every needle at once. A table of 2^24 bits over the first three octets keeps the walk over memory short. */
class Search {
  readonly found = new Set<string>();
  private readonly bits = new Uint8Array(1 << 21);
  private readonly index = new Map<number, Needle[]>();

  constructor(needles: Needle[]) {
    for (const n of needles) {
      const k = n.bytes[0]! | (n.bytes[1]! << 8) | (n.bytes[2]! << 16);
      this.bits[k >> 3]! |= 1 << (k & 7);
      this.index.set(k, [...(this.index.get(k) ?? []), n]);
    }
  }

  look(block: Buffer): void {
    const bits = this.bits;
    let k = 0;
    for (let i = 0; i < block.length; i++) {
      k = (k >>> 8) | (block[i]! << 16);
      if (((bits[k >> 3]! >> (k & 7)) & 1) === 0 || i < 2) continue;
      for (const n of this.index.get(k)!) if (block.subarray(i - 2, i - 2 + n.bytes.length).equals(n.bytes)) this.found.add(n.name);
    }
  }
}

function inMemory(pid: number, needles: Needle[]): { found: Set<string>; bytes: number } {
  const search = new Search(needles), mem = openSync(`/proc/${pid}/mem`, 'r');
  let bytes = 0;
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const m = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ (\d+)/.exec(line);
      if (!m || !m[3]!.startsWith('rw')) continue;
      const step = 8 << 20, overlap = 64; // a needle may lie across two pieces
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

/** Frames and keys of a page, as hex: pieces of 24 octets from the middle of frames that are not silence. */
async function secretsOf(p: Player): Promise<Needle[]> {
  const got = await p.tab.run(async () => {
    const hex = (b: Uint8Array) => [...b].map((x) => x.toString(16).padStart(2, '0')).join('');
    return {
      frames: (await window.__huisclos!.frames()).map((f) => ({ context: f.context, n: f.data.length, ctr: f.ctr, piece: hex(f.data.subarray(Math.floor(f.data.length / 3), Math.floor(f.data.length / 3) + 24)) })),
      keys: (await window.__huisclos!.baseKeys()).map((k) => ({ epoch: k.epoch, hex: hex(k.key) })),
    };
  });
  const out: Needle[] = [];
  for (const f of got.frames) {
    const bytes = Buffer.from(f.piece, 'hex');
    // A run of few values (a black picture, digital silence) would be found anywhere.
    if (bytes.length === 24 && new Set(bytes).size >= 12) out.push({ name: `frame ${f.context}/${f.ctr} of ${p.account.name}`, bytes });
  }
  for (const k of got.keys) out.push({ name: `base key of epoch ${k.epoch} of ${p.account.name}`, bytes: Buffer.from(k.hex, 'hex') });
  return out;
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

    // The instruments first. Memory and disk: a room's name is in both. Records: a file of ours among them. Log: a line of its own.
    const planted = `Salle canari ${Math.random().toString(36).slice(2)}`, client = h.appliance.client();
    await client.login(h.owner.email, h.owner.passphrase);
    await client.must('POST', '/api/rooms', { name: planted });
    const canary: Needle[] = [{ name: 'canary', bytes: Buffer.from(planted) }];
    writeFileSync(path.join(h.appliance.records, 'planted.payloads'), `before ${planted} after`);
    const memory = inMemory(h.appliance.pid, canary);
    assert.ok(memory.found.has('canary'), `the canary is found in ${memory.bytes} octets of memory`);
    assert.ok(inFolder(h.appliance.data, canary).found.has('canary'), 'the canary is found on the disk');
    assert.ok(inFolder(h.appliance.records, canary).found.has('canary'), 'the canary is found among the records');
    assert.ok(inLog([{ name: 'canary', bytes: Buffer.from('Huis Clos') }]).has('canary'), 'the log is read');

    // The payloads are those of this call: sealed frames carry the very (KID, CTR) that the pages used.
    const records = inFolder(h.appliance.records, needles);
    assert.ok(records.bytes > 100_000, `${records.bytes} octets were recorded`);
    assert.deepEqual([...records.found], [], 'in what the server received');
    assert.deepEqual([...inMemory(h.appliance.pid, needles).found], [], 'in its memory');
    assert.deepEqual([...inFolder(h.appliance.data, needles).found], [], 'on its disk');
    assert.deepEqual([...inLog(needles)], [], 'in its log');
    console.log(`${needles.length} secrets, ${Math.round(records.bytes / 1024)} KiB of payloads, ${Math.round(memory.bytes / 1048576)} MiB of memory: none found`);
  } finally { await scatter(players); }
});

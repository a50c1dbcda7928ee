/**
 * Files that the native participant plays and records, made and read in code. Pictures here are VP8 by their first octets only: what is
 * judged is which frames of which layer arrive when, and nobody decodes them.
 */
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';

/** A picture of so many lines and octets, 25 a second, with a key frame each second. */
export function writePicture(file: string, height: number, octets: number): void {
  const frames = 100, width = (height * 16) / 9, head = Buffer.alloc(32), parts: Buffer[] = [head];
  head.write('DKIF', 0); head.writeUInt16LE(32, 6); head.write('VP80', 8); head.writeUInt16LE(width, 12); head.writeUInt16LE(height, 14); head.writeUInt32LE(25, 16); head.writeUInt32LE(1, 20);
  for (let n = 0; n < frames; n++) {
    const key = n % 25 === 0, frame = Buffer.alloc(key ? 2 * octets : octets, n), around = Buffer.alloc(12);
    frame[0] = key ? 0x10 : 0x11; // RFC 6386 §9.1: the lowest bit says that it is no key frame
    if (key) { frame.set([0x9d, 0x01, 0x2a], 3); frame.writeUInt16LE(width, 6); frame.writeUInt16LE(height, 8); }
    around.writeUInt32LE(frame.length, 0); around.writeBigUInt64LE(BigInt(n), 4);
    parts.push(around, frame);
  }
  writeFileSync(file, Buffer.concat(parts));
}

export interface Arrived { /** Pictures a second. */ rate: number; /** The longest time without one, in ms. */ freeze: number; /** Heights of the layers that they were of. */ heights: number[] }

/** A recording of pictures while it is written: when each came, and of which layer. */
export class Tape {
  private readonly fd: number;
  private readonly seen: { at: number; height: number }[] = [];
  private readonly timer: ReturnType<typeof setInterval>;
  private rest = Buffer.alloc(0);
  private begun = false;
  private height = 0;

  constructor(file: string) {
    this.fd = openSync(file, 'r');
    this.timer = setInterval(() => this.look(), 20);
  }

  private look(): void {
    const more = Buffer.alloc(1 << 18), at = Date.now();
    for (let n; (n = readSync(this.fd, more, 0, more.length, null)) > 0;) this.rest = Buffer.concat([this.rest, more.subarray(0, n)]);
    let from = 0;
    if (!this.begun && this.rest.length >= 32) { this.begun = true; from = 32; }
    while (this.begun && from + 12 <= this.rest.length) {
      const octets = this.rest.readUInt32LE(from), next = from + 12 + octets;
      if (next > this.rest.length) break;
      if ((this.rest[from + 12]! & 1) === 0) this.height = this.rest.readUInt16LE(from + 12 + 8) & 0x3fff;
      this.seen.push({ at, height: this.height });
      from = next;
    }
    this.rest = this.rest.subarray(from);
  }

  since(from: number, to = Date.now()): Arrived {
    const list = this.seen.filter((p) => p.at >= from && p.at <= to), times = [from, ...list.map((p) => p.at), to];
    return { rate: Math.round((10_000 * list.length) / (to - from)) / 10, freeze: Math.max(...times.slice(1).map((t, i) => t - times[i]!)), heights: [...new Set(list.map((p) => p.height))].sort((a, b) => a - b) };
  }
  /** When the first picture of so many lines came after a time. */
  first(height: number, after: number): number | null { return this.seen.find((p) => p.at > after && p.height === height)?.at ?? null; }
  close(): void { clearInterval(this.timer); closeSync(this.fd); }
}

/** A recording of sound, packet by packet (RFC 3533 §6): true where one came, false where silence stands for one that did not. */
export function sound(file: string): boolean[] {
  const b = readFileSync(file), packets: number[] = [];
  let size = 0;
  for (let at = 0, page = 0; at + 27 <= b.length && b.toString('latin1', at, at + 4) === 'OggS'; page++) {
    const lacing = b.subarray(at + 27, at + 27 + b[at + 26]!);
    for (const n of lacing) { size += n; if (n < 255) { if (page >= 2) packets.push(size); size = 0; } }
    at += 27 + lacing.length + lacing.reduce((x, y) => x + y, 0);
  }
  return packets.map((n) => n > 1);
}

/**
 * The test clip, made in code: pictures that carry a number as big blocks, and a sequence of tones. A receiver reads the
 * number out of decoded pixels and hears the tones, so that "it plays" means "this very content arrived".
 *
 * The picture is a grid of 6 × 4 cells, black or white: a white and a black corner to calibrate on, 4 bits for whose clip
 * it is, 10 bits of frame number, and the rest parity, so that a grey or foreign picture does not read as a number.
 */
import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import path from 'node:path';
import { tmpdir } from 'node:os';

export const columns = 6, rows = 4, numberBits = 10, idBits = 4;

/** The cells of a frame, row by row: true is white. */
export function cells(id: number, n: number): boolean[] {
  const bits: boolean[] = [true, false];
  for (let i = 0; i < idBits; i++) bits.push(((id >> i) & 1) === 1);
  for (let i = 0; i < numberBits; i++) bits.push(((n >> i) & 1) === 1);
  while (bits.length < columns * rows) {
    // Parity over every k-th bit: 8 checks.
    const k = bits.length - 2 - idBits - numberBits;
    let p = k % 2 === 0;
    for (let i = 2; i < 2 + idBits + numberBits; i++) if (((i * 2654435761) >>> (k * 3)) & 1) p = p !== bits[i]!;
    bits.push(p);
  }
  return bits;
}

/** Tones of person `id`: two, in turn, each for 400 ms. No two people share one. */
export function tones(id: number): [number, number] { return [500 + 300 * id, 500 + 300 * id + 150]; }
export const allTones = Array.from({ length: 8 }, (_, id) => tones(id)).flat();
export const toneMs = 400;

export interface Size { width: number; height: number; fps: number; frames: number; /** A texture that moves and trembles over the numbers: flat blocks cost an encoder next to nothing, and real cameras do not. */ texture?: boolean; /** Somebody who speaks in front of a wall, without numbers: what a camera sees, and of noise what it leaves. */ person?: boolean }
export const full: Size = { width: 1280, height: 720, fps: 15, frames: 45 };
export const camera: Size = { width: 1280, height: 720, fps: 30, frames: 60, texture: true };
export const small: Size = { width: 320, height: 180, fps: 10, frames: 60 };

const folder = path.join(tmpdir(), 'huisclos-clips');

export function videoFile(id: number, size: Size): string {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `v2-${id}-${size.width}x${size.height}@${size.fps}x${size.frames}${size.texture ? '-textured' : ''}${size.person ? '-person' : ''}.y4m`);
  if (existsSync(file)) return file;
  const part = `${file}.${process.pid}`, fd = openSync(part, 'w');
  writeSync(fd, `YUV4MPEG2 W${size.width} H${size.height} F${size.fps}:1 Ip A1:1 C420jpeg\n`);
  const luma = Buffer.alloc(size.width * size.height), chroma = Buffer.alloc((size.width * size.height) / 2, 128);
  const cover = size.person ? person(size) : size.texture ? texture(size) : null;
  for (let n = 0; n < size.frames; n++) {
    const bits = cells(id, n);
    for (let r = 0; r < rows; r++) {
      const from = Math.round((r * size.height) / rows), to = Math.round(((r + 1) * size.height) / rows);
      const line = Buffer.alloc(size.width);
      for (let c = 0; c < columns; c++) line.fill(bits[r * columns + c] ? 235 : 16, Math.round((c * size.width) / columns), Math.round(((c + 1) * size.width) / columns));
      for (let y = from; y < to; y++) line.copy(luma, y * size.width);
    }
    cover?.(luma, n);
    writeSync(fd, 'FRAME\n');
    writeSync(fd, luma);
    writeSync(fd, chroma);
  }
  closeSync(fd);
  renameSync(part, file);
  return file;
}

/** Lays a texture over a picture: patches of 8 lines that drift, and grain that is another in each picture. The same each time. */
function texture(size: Size): (luma: Buffer, n: number) => void {
  let state = 1;
  const random = () => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return state >>> 24; };
  const patch = 8, wide = size.width / patch + 64, patches = Buffer.from(Array.from({ length: wide * Math.ceil(size.height / patch) }, random));
  const grain = Buffer.from(Array.from({ length: 1 << 16 }, random));
  return (luma, n) => {
    let at = random() * 251;
    for (let y = 0; y < size.height; y++) for (let x = 0; x < size.width; x++) {
      const i = y * size.width + x, p = patches[Math.floor(y / patch) * wide + Math.floor((x + 3 * n) / patch)]!;
      luma[i] = Math.max(16, Math.min(235, (luma[i]! * 3) / 4 + p / 5 + (grain[at++ & 0xffff]! >> 4) - 8));
    }
  };
}

/** Draws a head that sways and speaks over two shoulders, before a wall that stays, all with grain of four levels. The same each time. */
function person(size: Size): (luma: Buffer, n: number) => void {
  const { width, height, frames } = size;
  let state = 1;
  const random = () => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return state >>> 24; };
  const pattern = Buffer.from(Array.from({ length: 1 << 16 }, random)), grain = Buffer.from(Array.from({ length: 1 << 16 }, random));
  const patch = (x: number, y: number, side: number) => pattern[(Math.floor(y / side) * 131 + Math.floor(x / side)) & 0xffff]!;
  const rx = width * 0.14, ry = height * 0.3;
  return (luma, n) => {
    const turn = (2 * Math.PI * n) / frames, cx = width * (0.5 + 0.03 * Math.sin(turn)), cy = height * (0.5 + 0.02 * Math.sin(2 * turn)), mouth = Math.abs(Math.sin(6 * turn)) * height * 0.04;
    let at = random() * 251;
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
      const dx = (x - cx) / rx, dy = (y - cy) / ry;
      let v: number;
      if (dx * dx + dy * dy < 1) {
        if (Math.abs(dx) < 0.4 && Math.abs(y - cy - ry * 0.45) < mouth) v = 50;
        else if (Math.abs(Math.abs(dx) - 0.4) < 0.12 && Math.abs(dy + 0.2) < 0.08) v = 30;
        else v = 150 + patch(x - cx + width, y - cy + height, 6) / 8 + 40 * dx;
      } else if (dy > 0.9 && Math.abs(x - cx) < rx * (1.2 + (2 * (y - cy)) / height)) v = 70 + patch(x - cx + width, y - cy, 5) / 8;
      else v = 90 + patch(x, y, 9) / 3;
      luma[y * width + x] = Math.max(16, Math.min(235, v + (grain[at++ & 0xffff]! >> 6) - 2));
    }
  };
}

export function soundFile(id: number): string {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `v2-${id}.wav`);
  if (existsSync(file)) return file;
  const rate = 48_000, seconds = 8, samples = rate * seconds, data = Buffer.alloc(samples * 2);
  const [low, high] = tones(id);
  let phase = 0;
  for (let i = 0; i < samples; i++) {
    const hz = Math.floor((i / rate) * (1000 / toneMs)) % 2 === 0 ? low : high;
    phase += (2 * Math.PI * hz) / rate;
    data.writeInt16LE(Math.round(Math.sin(phase) * 12_000), i * 2);
  }
  const head = Buffer.alloc(44);
  head.write('RIFF', 0); head.writeUInt32LE(36 + data.length, 4); head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16); head.writeUInt16LE(1, 20); head.writeUInt16LE(1, 22); head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * 2, 28); head.writeUInt16LE(2, 32); head.writeUInt16LE(16, 34);
  head.write('data', 36); head.writeUInt32LE(data.length, 40);
  const part = `${file}.${process.pid}`, fd = openSync(part, 'w');
  writeSync(fd, head);
  writeSync(fd, data);
  closeSync(fd);
  renameSync(part, file);
  return file;
}

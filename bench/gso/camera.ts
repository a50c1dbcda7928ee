/** What a camera gives, for Chromium's own encoder: a picture that moves slowly, with a sensor's noise on it, so that frames take the size that the rate allows. */
import { closeSync, openSync, writeSync } from 'node:fs';

export interface Picture { width: number; height: number; fps: number; seconds: number }

/** A repeatable source of numbers below 2³² (xorshift32, Marsaglia 2003), so that two runs encode the same pictures. */
function noise(seed: number): () => number {
  let x = seed | 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

/** Writes a YUV4MPEG2 file, which Chromium plays in place of its camera, over and over. */
export function camera(file: string, id: number, p: Picture): void {
  const fd = openSync(file, 'w'), next = noise(id * 7919), { width: w, height: h } = p;
  writeSync(fd, `YUV4MPEG2 W${w} H${h} F${p.fps}:1 Ip A1:1 C420jpeg\n`);
  const luma = Buffer.alloc(w * h), chroma = Buffer.alloc(w * h / 2, 128), grain = Uint8Array.from({ length: 1 << 16 }, () => next() % 9);
  for (let n = 0; n < p.fps * p.seconds; n++) {
    // Somebody before a wall: a bright ellipse that sways, over a gradient with edges. All of it comes back to where it began.
    const turn = 2 * Math.PI * n / (p.fps * p.seconds), cx = w * (0.5 + 0.06 * Math.sin(turn)), cy = h * (0.55 + 0.02 * Math.sin(3 * turn));
    for (let y = 0; y < h; y++) {
      const from = next() & 0xffff, shelf = y % 90 < 3 ? 40 : 0;
      for (let x = 0; x < w; x++) {
        const dx = (x - cx) / (w * 0.16), dy = (y - cy) / (h * 0.36), inside = dx * dx + dy * dy < 1;
        const base = inside ? 150 + 30 * Math.sin(x / 7 + y / 11) * Math.sin(3 * dx) : 70 + 60 * y / h + shelf;
        luma[y * w + x] = base + grain[(from + x) & 0xffff]! - 4;
      }
    }
    writeSync(fd, 'FRAME\n');
    writeSync(fd, luma);
    writeSync(fd, chroma);
  }
  closeSync(fd);
}

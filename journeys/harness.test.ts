/** The instruments are tested before what they measure: a clip played into each browser is read back from its own pixels and sound. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { open, until, type Engine } from './harness/browser.ts';
import { cells, small, tones } from './harness/clip.ts';

let url = '';
const server = createServer((_, response) => { response.setHeader('Content-Type', 'text/html'); response.end('<!doctype html><title>instruments</title>'); });
before(async () => { await new Promise<void>((done) => { server.listen(0, '127.0.0.1', done); }); url = `http://127.0.0.1:${(server.address() as { port: number }).port}/`; });
after(() => { server.close(); server.closeAllConnections(); });

test('no frame reads as another one', () => {
  const seen = new Set<string>();
  for (let id = 0; id < 16; id++) for (let n = 0; n < 1024; n++) seen.add(cells(id, n).map(Number).join(''));
  assert.equal(seen.size, 16 * 1024);
});

for (const engine of ['chromium', 'firefox'] as Engine[]) {
  test(`${engine}: numbers and tones are read back`, async () => {
    const person = await open({ engine, id: 3, size: small });
    try {
      const tab = await person.tab();
      await tab.goto(url);
      await tab.run(async () => {
        const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
        (window as { __stream?: MediaStream }).__stream = stream;
        window.__readers!.video(stream);
        window.__readers!.tones(stream);
      });
      const read = () => tab.run(() => { const s = (window as { __stream?: MediaStream }).__stream!; return { frames: window.__readers!.video(s), tones: window.__readers!.tones(s).map((t) => t.hz) }; });
      const got = await until('frames and both tones', async () => {
        const r = await read();
        return r.frames.length > 20 && tones(3).every((hz) => r.tones.filter((t) => Math.abs(t - hz) < 20).length > 3) ? r : null;
      });
      assert.ok(got.frames.every((f) => f.id === 3), 'every number carries its owner');
      assert.ok(new Set(got.frames.map((f) => f.n)).size > 15, 'the numbers advance');
    } finally { await person.close(); }
  });
}

/**
 * Bad lines, with native participants: one publishes three layers and sound, two receive, each behind a line of its own (harness/line.ts).
 * They need next to nothing of the machine, so this holds everywhere; the same with real browsers is badline-browsers.test.ts.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import { until } from './harness/browser.ts';
import { Line } from './harness/line.ts';
import { Natives, type Native } from './harness/native.ts';
import { sound, Tape, writePicture, type Arrived } from './harness/tape.ts';

const tones = path.join(process.env.HUISCLOS_TOP ?? '.', 'client/tape/testdata/tones.ogg');
/** A packet of sound is 20 ms, and the encoder's own repair gives back the last one of those that are missing. */
const packet = 20;

let h: House, natives: Natives;
const lines: Line[] = [], runs: Native[] = [], tapes: Tape[] = [];
before(async () => { h = await house(3); natives = await Natives.of(h); });
after(async () => {
  for (const r of runs) r.kill();
  for (const t of tapes) t.close();
  for (const l of lines) l.end();
  await h?.appliance.end();
});
const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));

async function enter(i: number, more: string[]): Promise<{ native: Native; line: Line }> {
  const line = await Line.make();
  lines.push(line);
  const native = natives.join(h.members[i]!, ['--transport', 'udp', ...more], line);
  runs.push(native);
  await native.reaches('in-call');
  return { native, line };
}

const folder = (i: number) => path.join(natives.folder, `tape-${i}`);
const recording = (i: number, kind: string) => path.join(folder(i), readdirSync(folder(i)).find((f) => f.endsWith(kind))!);
async function receive(i: number): Promise<{ line: Line; tape: Tape }> {
  const { line } = await enter(i, ['--height', '720', '--record', folder(i)]);
  await until('a recording', async () => readdirSync(folder(i)).some((f) => f.endsWith('camera.ivf')) && readdirSync(folder(i)).some((f) => f.endsWith('microphone.ogg')));
  const tape = new Tape(recording(i, 'camera.ivf'));
  tapes.push(tape);
  return { line, tape };
}

/** The longest run of packets of sound that did not come, in ms, since the recording was so many packets long. */
function gap(list: boolean[], from: number): number {
  let longest = 0, run = 0;
  for (const came of list.slice(from)) { run = came ? 0 : run + packet; longest = Math.max(longest, run); }
  return longest;
}

test('300 kbit/s for one receiver, then 5 % of loss for both sides', { timeout: 240_000 }, async (t) => {
  mkdirSync(folder(0), { recursive: true });
  const layers = ([[180, 500], [360, 2500], [720, 7500]] as const).map(([height, octets]) => { const file = path.join(folder(0), `${height}.ivf`); writePicture(file, height, octets); return file; });
  const from = await enter(0, ['--admit', ...layers.flatMap((f) => ['--play', f]), '--sound', tones]);
  const narrow = await receive(1), wide = await receive(2);
  const say = (what: string, a: Arrived) => { t.diagnostic(`${what}: ${a.rate} pictures a second, of ${a.heights.join()} lines, none for at most ${a.freeze} ms`); return a; };
  const top = (tape: Tape, ms: number) => until('720 lines', async () => { const a = tape.since(Date.now() - 1000); return a.heights.join() === '720' && a.rate > 20; }, ms);

  // In real time, and up to three times: what is late on a busy machine may be late because of that.
  for (let n = 1; ; n++) {
    const wrong: string[] = [];
    await Promise.all([top(narrow.tape, 30_000), top(wide.tape, 30_000)]);
    await wait(2000);
    const limited = Date.now();
    narrow.line.rate(300);
    await wait(3000);
    const settled = sound(recording(1, 'microphone.ogg')).length;
    await wait(6000);
    const down = say('the first 3 s behind 300 kbit/s', narrow.tape.since(limited, limited + 3000)), low = say('then', narrow.tape.since(limited + 3000));
    const heard = sound(recording(1, 'microphone.ogg')), others = say('the other one', wide.tape.since(limited));
    t.diagnostic(`sound behind the limit: a gap of ${gap(heard, settled)} ms at most in ${((heard.length - settled) * packet) / 1000} s`);
    if (low.heights.join() !== '180' || low.rate < 20) wrong.push(`three seconds after the limit: ${JSON.stringify(low)}`);
    if (down.freeze > 1000 || low.freeze > 1000) wrong.push(`the step down froze the picture for ${Math.max(down.freeze, low.freeze)} ms`);
    if (others.heights.join() !== '720' || others.rate < 20 || others.freeze > 1000) wrong.push(`the other one gets ${JSON.stringify(others)}`);
    if (heard.length - settled < 250 || gap(heard, settled) > 60) wrong.push(`sound behind the limit: ${heard.length - settled} packets, a gap of ${gap(heard, settled)} ms`);

    const lifted = Date.now();
    narrow.line.rate(null);
    const back = (await until('the top layer again', async () => narrow.tape.first(720, lifted), 30_000)) - lifted;
    await top(narrow.tape, 10_000);
    const up = say(`the top layer is back after ${back} ms`, narrow.tape.since(lifted));
    if (back > 10_000) wrong.push(`the top layer is back after ${back} ms`);
    if (up.freeze > 1000) wrong.push(`the step up froze the picture for ${up.freeze} ms`);

    for (const l of [from.line, narrow.line]) l.loss({ down: 5, up: 5 });
    await wait(1000);
    const lossy = Date.now(), before = sound(recording(1, 'microphone.ogg')).length;
    await wait(10_000);
    const lost = say('5 % lost on both lines, both ways', narrow.tape.since(lossy)), all = sound(recording(1, 'microphone.ogg'));
    t.diagnostic(`sound: ${all.slice(before).filter((came) => !came).length} of ${all.length - before} packets are missing, ${gap(all, before)} ms at most together; ${JSON.stringify([from.line.dropped(), narrow.line.dropped()])}`);
    for (const l of [from.line, narrow.line]) l.loss({ down: 0, up: 0 });
    if (lost.rate <= 20 || lost.freeze > 1000) wrong.push(`with 5 % of loss: ${JSON.stringify(lost)}`);
    if (all.length - before < 400 || gap(all, before) - packet > 60) wrong.push(`with 5 % of loss: a gap of ${gap(all, before)} ms in the sound`);
    if (wrong.length === 0) return;
    t.diagnostic(`time ${n}: ${wrong.join('; ')}`);
    if (n === 3) assert.fail(`each of ${n} times, in the end: ${wrong.join('; ')}`);
  }
});

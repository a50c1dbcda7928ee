/**
 * The native participant among browsers: Chromium and Firefox see its numbers and hear its tones, it records theirs. What it recorded it
 * plays in a second stay, and the browsers read the first one's numbers in it: so the recordings hold these very pictures and tones.
 */
import assert from 'node:assert/strict';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { house, type Account, type House } from './harness/appliance.ts';
import { gather, sameWords, scatter, type Player } from './harness/cast.ts';
import { Natives, type Native } from './harness/native.ts';

const top = process.env.HUISCLOS_TOP ?? '.';
const clip = path.join(top, 'client/tape/testdata');

let h: House, natives: Natives;
before(async () => {
  h = await house(3);
  natives = await Natives.of(h);
});
after(async () => { await h?.appliance.end(); });

/** The native participant as the browsers' checks know a person. */
function seenAs(account: Account, id: number, native: Native): Player {
  return { account, id, engine: 'native', report: () => Promise.resolve(JSON.stringify(native.lines)) } as unknown as Player;
}

test('huisclos call join among Chromium and Firefox', async () => {
  const players = await gather(h, ['chromium', 'firefox']), [host, guest] = players as [Player, Player], account = h.members[2]!;
  const runs: Native[] = [];
  try {
    // The room has a PIN from now on, which it gives from a file.
    const pin = path.join(natives.folder, 'pin'), owner = h.appliance.client();
    writeFileSync(pin, '2468\n', { mode: 0o600 });
    await owner.login(h.owner);
    await owner.must('PATCH', `/api/rooms/${h.room.id}/rules`, { pin: '2468' });
    const tape = path.join(natives.folder, 'tape');
    const first = natives.join(account, ['--pin-file', pin, '--play', path.join(clip, 'numbers.ivf'), '--sound', path.join(clip, 'tones.ogg'), '--record', tape]);
    runs.push(first);
    await host.admits(account.name);
    await first.reaches('in-call');
    await host.sees(3);
    for (const p of players) {
      await p.sensesOf(seenAs(account, 5, first), { ms: 40_000 });
      await p.tab.run(() => window.__readers!.rest());
    }
    const words = await sameWords(players), epoch = (await host.words())!.epoch;
    // Long enough that both tones of each are on the tape, and some of every person's numbers.
    await new Promise((done) => setTimeout(done, 6000));
    const s = await first.end();
    assert.deepEqual([s.people, s.epoch, s.words], [3, epoch, words], 'the native participant sees the same group');
    assert.deepEqual(s.streams.map((x) => [x.name, x.context]).sort(), players.flatMap((p) => [[p.account.name, 0], [p.account.name, 1]]).sort());
    for (const x of s.streams) assert.ok(x.opened > 30, `${x.name} ${x.context}: ${x.opened} frames opened`);
    await host.sees(2);

    const files = readdirSync(tape);
    assert.equal(files.length, 4, files.join(' '));
    for (const f of files) assert.equal(statSync(path.join(tape, f)).mode & 0o777, 0o600);
    const of = (p: Player, kind: string): string => path.join(tape, files.find((f) => f.startsWith(p.account.name.replaceAll(' ', '_')) && f.endsWith(kind))!);
    for (const recorded of players) {
      const again = natives.join(account, ['--play', of(recorded, 'camera.ivf'), '--sound', of(recorded, 'microphone.ogg')]);
      runs.push(again);
      await host.admits(account.name);
      await again.reaches('in-call');
      await host.sees(3);
      // Each looks at the other's recording: its own would be on its list too. The m-line is one that the stay before used, and an element
      // shows that one's last picture until the first new one is decoded: reading begins after it.
      const reader = recorded === host ? guest : host;
      await again.reaches('media');
      await new Promise((done) => setTimeout(done, 3000));
      await reader.tab.run(() => window.__readers!.rest());
      await reader.sensesOf(seenAs(account, recorded.id, again), { ms: 40_000 });
      await again.end();
      await host.sees(2);
    }
  } finally {
    for (const r of runs) r.kill();
    await scatter(players);
  }
});

/** What a call goes through: talk, mute, share, leave, removal, lock, reload, a restarted server, a killed tab, a second tab. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import { until } from './harness/browser.ts';
import { tones } from './harness/clip.ts';
import { arrive, gather, Player, sameWords, scatter } from './harness/cast.ts';

let h: House;
let players: Player[] = [];
before(async () => { h = await house(3); });
after(async () => { await h?.appliance.end(); });
beforeEach(() => { players = []; });
afterEach(async () => { await scatter(players); });

const notices = (p: Player) => p.tab.run(() => window.__huisclos!.call.notices.value.map((n) => `${n.kind} ${n.name}`.trim()));
const leafOf = async (p: Player, of: Player) => (await p.people()).find((x) => x.name === of.account.name && !x.me)!.leaf;
const entry = async (p: Player, of: Player) => (await p.people()).find((x) => x.name === of.account.name && !x.me);

test('chat, hand, mute, camera, screen, reactions, leaving', async () => {
  players = await gather(h, ['chromium', 'firefox']);
  const [host, guest] = players as [Player, Player];
  await host.sensesOf(guest);

  await guest.tab.run(() => window.__huisclos!.call.send('Bonjour à tous <b>'));
  await host.tab.run(() => window.__huisclos!.call.send('Bonjour'));
  for (const p of players) {
    await until('both chat messages', async () => {
      const chat = await p.tab.run(() => window.__huisclos!.call.chat.value.map((m) => `${m.name}${m.me ? ' (me)' : ''}: ${m.text}${m.pending || m.failed ? ' ?' : ''}`));
      return chat.length === 2 && chat.some((t) => t.endsWith('Bonjour à tous <b>')) && chat.some((t) => t.endsWith(': Bonjour'));
    });
  }

  await guest.tab.run(() => window.__huisclos!.call.raiseHand(true));
  await until('the hand is seen', async () => (await entry(host, guest))?.hand !== null);
  await guest.tab.run(() => { window.__huisclos!.call.raiseHand(false); window.__huisclos!.call.react('clap'); });
  await until('the hand is down', async () => (await entry(host, guest))?.hand === null);
  await until('the reaction is seen', () => host.tab.run(() => window.__huisclos!.call.reactions.value.some((r) => r.kind === 'clap' && !r.me)));

  // Muted: said to all, and nothing is heard.
  await guest.tab.run(() => window.__huisclos!.call.setMic(false));
  await until('the mute is seen', async () => (await entry(host, guest))?.mic === false);
  const leaf = await leafOf(host, guest);
  await new Promise((done) => setTimeout(done, 1500));
  const quiet = (await host.heard(leaf)).now;
  await new Promise((done) => setTimeout(done, 2500));
  const after = (await host.heard(leaf)).hz.filter((t) => t.at > quiet && tones(guest.id).some((hz) => Math.abs(t.hz - hz) < 25));
  assert.equal(after.length, 0, 'a muted microphone is not heard');
  await guest.tab.run(() => window.__huisclos!.call.setMic(true));
  await host.sensesOf(guest, { picture: false });

  // Camera off: the device itself is stopped, the pictures end; on again: they go on.
  const stopped = await guest.tab.run(async () => {
    const track = window.__huisclos!.call.ownCamera.value!.getVideoTracks()[0]!;
    await window.__huisclos!.call.setCam(false);
    return track.readyState;
  });
  assert.equal(stopped, 'ended', 'the light goes out');
  await until('the camera is seen off', async () => (await entry(host, guest))?.cam === false);
  const last = (await host.frames(leaf)).now + 1000;
  await new Promise((done) => setTimeout(done, 3000));
  assert.equal((await host.frames(leaf)).seen.filter((f) => f.at > last).length, 0, 'no picture comes from a camera that is off');
  await guest.tab.run(() => window.__huisclos!.call.setCam(true));
  await host.sensesOf(guest, { sound: false });

  // Screen: its own stream, beside the camera's.
  await guest.tab.run(() => window.__huisclos!.call.shareScreen());
  await until('the share is seen', async () => (await entry(host, guest))?.screen === true);
  await until('pictures of the screen', async () => {
    const seen = (await host.frames(leaf, 'screenStream')).seen;
    return seen.length > 5 && seen.every((f) => f.id === guest.id + 8);
  });
  await host.sensesOf(guest);
  await guest.tab.run(() => window.__huisclos!.call.stopShare());
  await until('the share is over', async () => (await entry(host, guest))?.screen === false);

  const people = await host.people();
  assert.deepEqual(people.map((p) => [p.name, p.me, p.host]).sort(), [[h.members[1]!.name, false, false], [h.members[0]!.name, true, true]].sort());

  await guest.tab.run(() => window.__huisclos!.call.leave());
  await guest.reaches('ended');
  await host.sees(1);
  assert.ok((await notices(host)).includes(`left ${guest.account.name}`));
  assert.equal(await guest.tab.run(() => window.__huisclos!.call.ownCamera.value), null);
});

test('removed: cut at once, the senders leave the old epoch, and its keys open nothing new', async () => {
  players = await gather(h, ['chromium', 'chromium', 'firefox']);
  const [host, guest, other] = players as [Player, Player, Player];
  await Promise.all([host.sensesOf(guest, { sound: false }), other.sensesOf(host, { sound: false })]);
  const keysOf = (p: Player) => p.tab.run(async () => (await window.__huisclos!.baseKeys()).map((k) => `${k.group}/${k.epoch}:${[...k.key].join(',')}`));
  const held = new Set(await keysOf(guest)), epoch = (await host.words())!.epoch, leaf = await leafOf(host, guest);
  const received = () => guest.tab.run(async () => {
    let n = 0;
    (await window.__huisclos!.connections().down?.getStats())?.forEach((s: Record<string, unknown>) => { if (s.type === 'inbound-rtp') n += Number(s.packetsReceived); });
    return n;
  });
  assert.ok((await received()) > 0);

  await host.tab.run((l) => window.__huisclos!.call.remove(l), leaf);
  const cut = Date.now();
  await guest.reaches('removed');
  assert.deepEqual(await guest.tab.run(() => window.__huisclos!.connections()), { up: null, down: null });
  await host.sees(2);
  await other.sees(2);
  await until('the server forwards nothing for the removed leaf', async () => {
    const calls = (await h.admin.must('GET', '/api/admin/calls')).calls as { members: { name: string }[] }[];
    return calls.length === 1 && !calls[0]!.members.some((m) => m.name === guest.account.name);
  });

  // Three seconds after the removal nothing is sealed with a key that the removed device ever held.
  await new Promise((done) => setTimeout(done, Math.max(0, 3000 - (Date.now() - cut))));
  const used = (p: Player) => p.tab.run(async () => (await window.__huisclos!.kidctr()).length);
  for (const p of [host, other]) {
    const before = await used(p);
    await new Promise((done) => setTimeout(done, 1500));
    const fresh = await p.tab.run(async (n) => (await window.__huisclos!.kidctr()).slice(n).map((k) => k.epoch), before);
    assert.ok(fresh.length > 0, 'they go on sending');
    assert.ok(fresh.every((e) => e > epoch), `${p.account.name} sealed in epochs ${[...new Set(fresh)].join(', ')} after the removal at ${epoch}`);
    const now = (await keysOf(p)).at(-1)!;
    assert.ok(!held.has(now), 'the key in use is none that the removed device held');
  }
  await host.sensesOf(other);
});

test('locked: nobody new; unlocked: the lobby', async () => {
  players = await gather(h, ['chromium', 'firefox']);
  const [host, guest] = players as [Player, Player];
  await host.tab.run(() => window.__huisclos!.call.lock(true));
  for (const p of [host, guest]) await until('locked for all', () => p.tab.run(() => window.__huisclos!.call.locked.value));
  const late = await arrive(h, 2, 'chromium');
  players.push(late);
  await late.start();
  await late.reaches('locked');
  await new Promise((done) => setTimeout(done, 1500));
  assert.equal((await host.people()).length, 2);
  await host.tab.run(() => window.__huisclos!.call.lock(false));
  await late.reaches('waiting-lobby');
  await host.admits(late.account.name);
  await late.reaches('in-call');
  await host.sees(3);
});

test('a reloaded page comes back without a knock', async () => {
  players = await gather(h, ['chromium', 'firefox']);
  const [host, guest] = players as [Player, Player];
  for (const p of [guest, host]) {
    await p.tab.reload();
    await p.prepare();
    await p.start();
    await p.reaches('in-call');
    for (const q of players) await q.sees(2);
    assert.equal(await host.tab.run(() => window.__huisclos!.call.lobby.value.length), 0);
  }
  await Promise.all([host.sensesOf(guest), guest.sensesOf(host)]);
  await sameWords(players);
});

test('a restarted server: back within five seconds, the same group, the same words, nobody new', async () => {
  players = await gather(h, ['chromium', 'firefox']);
  const [host, guest] = players as [Player, Player];
  await host.sensesOf(guest);
  const words = await sameWords(players), epoch = (await host.words())!.epoch, group = await host.group();
  await h.appliance.down('SIGKILL');
  for (const p of players) await p.reaches('reconnecting');
  await h.appliance.up();
  const up = Date.now();
  await Promise.all(players.map((p) => p.reaches('in-call', 8000)));
  const took = Date.now() - up;
  console.log(`back ${took} ms after the server's start`);
  assert.ok(took <= 5000, `it took ${took} ms`);
  assert.equal(await host.group(), group);
  assert.deepEqual([await sameWords(players), (await host.words())!.epoch], [words, epoch], (await Promise.all(players.map((p) => p.report()))).join('\n'));
  for (const p of players) assert.equal((await p.people()).length, 2);
  await Promise.all([host.sensesOf(guest), guest.sensesOf(host)]);
});

test('a second tab takes the first one\'s place, after asking', async () => {
  players = await gather(h, ['chromium', 'chromium']);
  const [host, guest] = players as [Player, Player];
  const tab = await guest.person.tab();
  await tab.goto(h.room.link);
  const second = new Player(guest.person, tab, guest.account, h);
  await second.prepare();
  await second.start();
  await second.reaches('device-busy');
  assert.equal(await guest.phase(), 'in-call');
  await second.tab.run(() => window.__huisclos!.call.takeOver());
  await second.reaches('in-call');
  assert.equal((await guest.reaches('ended')).code, 'other-tab');
  await host.sees(2);
  await host.sensesOf(second);
});

test('a killed tab is "reconnecting", then its leaf is removed after thirty seconds', { timeout: 120_000 }, async () => {
  players = await gather(h, ['chromium', 'chromium']);
  const [host, guest] = players as [Player, Player];
  const killed = Date.now();
  await guest.tab.kill();
  await until('shown as reconnecting', async () => (await entry(host, guest))?.connected === false, 20_000);
  await host.sees(1, 60_000);
  const took = (Date.now() - killed) / 1000;
  assert.ok(took > 25 && took < 50, `the leaf went after ${took} s`);
});

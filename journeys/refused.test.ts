/** What must be refused, and said in a way that helps. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import { open, until } from './harness/browser.ts';
import { small } from './harness/clip.ts';
import { arrive, Player, scatter, signIn } from './harness/cast.ts';

let h: House;
let players: Player[] = [];
before(async () => { h = await house(2); });
after(async () => { await h?.appliance.end(); });
afterEach(async () => { await scatter(players); players = []; });

const code = (body: Record<string, unknown>) => (body.error as { code?: string } | undefined)?.code;
const sentences = (body: Record<string, unknown>) => { const e = body.error as { fr?: string; en?: string }; return [e?.fr, e?.en]; };

test('an activation link works once, and a made-up one never', async () => {
  // ASVS 6.4.1, 6.5.1
  const made = await h.admin.must('POST', '/api/admin/accounts', { name: 'Une Fois', email: 'once@example.test', role: 'organiser' });
  const token = new URL((made.activation as { url: string }).url).hash.slice(1), client = h.appliance.client();
  assert.equal((await client.must('POST', '/api/activation', { token })).name, 'Une Fois');
  await client.must('POST', '/api/activate', { token, passphrase: 'galet rivière chaise lune' });
  const again = await h.appliance.client().call('POST', '/api/activate', { token, passphrase: 'galet rivière chaise lune' });
  const invented = await h.appliance.client().call('POST', '/api/activate', { token: 'A'.repeat(token.length), passphrase: 'galet rivière chaise lune' });
  assert.ok(again.status >= 400 && again.status < 500 && invented.status === again.status);
  assert.equal(code(again.body), code(invented.body));
});

test('an unknown room, a link without its owner, a room of somebody else\'s link', async () => {
  const person = await open({ engine: 'chromium', id: 1, size: small });
  try {
    const tab = await person.tab();
    await signIn(tab, h, h.owner);
    await tab.goto(`${h.appliance.url}/r/AAAAAAAAAAAAAAAAAAAAAA#${h.owner.id}`);
    await until('a sentence about the unknown room', () => tab.run(() => document.body.innerText.length > 20 && !window.__huisclos));
    await tab.goto(h.room.link.replace(/#.*/, ''));
    await until('a sentence about the incomplete link', () => tab.run(() => document.body.innerText.length > 20 && !window.__huisclos));
    // The link says that somebody else owns the room: the server's room is not the one that was meant.
    await tab.goto(`${h.appliance.url}/about`);
    await tab.goto(`${h.appliance.url}/r/${h.room.id}#${h.members[1]!.id}`);
    const player = new Player(person, tab, h.owner, h);
    await player.prepare();
    await player.start();
    await new Promise((done) => setTimeout(done, 1500));
    assert.notEqual(await player.phase(), 'in-call');
  } finally { await person.close(); }
});

test('another protocol version asks for a reload', async () => {
  const player = await arrive(h, 0, 'chromium');
  players = [player];
  await player.tab.run(() => {
    const Real = window.WebSocket;
    window.WebSocket = class extends Real { constructor(url: string | URL, _p?: string | string[]) { super(url, ['huisclos.1']); } } as typeof WebSocket;
  });
  await player.start();
  await player.reaches('reload-needed');
});

for (const [camera, microphone, problem] of [['refused', 'refused', 'refused'], ['in-use', '', 'in-use'], ['', 'not-found', 'not-found']] as const) {
  test(`camera ${camera || 'fine'}, microphone ${microphone || 'fine'}: said, and the call goes on without`, async () => {
    const player = await arrive(h, 0, 'chromium', { camera, microphone });
    players = [player];
    const own = await player.tab.run(() => ({ cam: window.__huisclos!.call.cam.value, mic: window.__huisclos!.call.mic.value }));
    assert.deepEqual([own.cam.on, own.cam.problem], camera ? [false, problem] : [true, null]);
    assert.deepEqual([own.mic.on, own.mic.problem], microphone ? [false, problem] : [true, null]);
    await player.start();
    await player.reaches('in-call');
    // The device was given free: one act and it works.
    await player.tab.run(async () => {
      window.__source!.camera = '';
      window.__source!.microphone = '';
      await window.__huisclos!.call.setCam(true);
      await window.__huisclos!.call.setMic(true);
    });
    assert.deepEqual(await player.tab.run(() => [window.__huisclos!.call.cam.value.on, window.__huisclos!.call.mic.value.on, window.__huisclos!.call.cam.value.problem, window.__huisclos!.call.mic.value.problem]), [true, true, null, null]);
    await player.tab.run(() => window.__huisclos!.call.leave());
    await player.reaches('ended');
  });
}

test('a wrong passphrase and an unknown account get the same answer; the sixth try waits', async () => {
  // ASVS 6.3.1, 6.3.8
  const client = h.appliance.client(), victim = h.members[1]!;
  const wrong = await client.call('POST', '/api/login', { email: victim.email, passphrase: 'une phrase qui est fausse' });
  const unknown = await client.call('POST', '/api/login', { email: 'nobody@example.test', passphrase: 'une phrase qui est fausse' });
  assert.equal(wrong.status, unknown.status);
  assert.deepEqual(wrong.body.error, unknown.body.error);
  assert.ok(sentences(wrong.body).every((t) => typeof t === 'string' && t.length > 10));
  let last = wrong;
  // The waits grow from four seconds; on a slow machine one hashing takes longer than the first of them.
  for (let i = 0; i < 9 && last.status !== 429; i++) last = await client.call('POST', '/api/login', { email: victim.email, passphrase: `faux numéro ${i} et de plus` });
  assert.equal(last.status, 429);
  assert.ok(Number(last.headers['retry-after']) > 0);
  assert.ok(typeof last.body.until === 'string');
});

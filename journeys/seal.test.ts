/** A page that does not seal: whatever it sends reaches nobody, and everybody concerned is told why. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import { until } from './harness/browser.ts';
import { arrive, scatter, type Player } from './harness/cast.ts';

let h: House;
let players: Player[] = [];
before(async () => { h = await house(2); });
after(async () => { await h?.appliance.end(); });
afterEach(async () => { await scatter(players); players = []; });

/** Packets that this person's browser received from others, by kind of m-line. */
const receivedBy = (p: Player) => p.tab.run(async () => {
  let packets = 0, bytes = 0;
  (await window.__huisclos!.connections().down?.getStats())?.forEach((s: Record<string, unknown>) => {
    if (s.type === 'inbound-rtp') { packets += Number(s.packetsReceived ?? 0); bytes += Number(s.bytesReceived ?? 0); }
  });
  return { packets, bytes };
});
const sentBy = (p: Player) => p.tab.run(async () => {
  let packets = 0;
  (await window.__huisclos!.connections().up?.getStats())?.forEach((s: Record<string, unknown>) => { if (s.type === 'outbound-rtp') packets += Number(s.packetsSent ?? 0); });
  return packets;
});
const total = (counts: Record<string, number> | null) => Object.values(counts ?? {}).reduce((a, b) => a + b, 0);

async function meet(host: Player, guest: Player): Promise<void> {
  await host.start();
  await host.reaches('in-call');
  await guest.start();
  await host.admits(guest.account.name);
  await guest.reaches('in-call');
  await host.sees(2);
}

test('Chromium without the transform: plain media stops at the gate, zero bytes reach the other', async () => {
  const host = await arrive(h, 0, 'chromium', { mic: false, cam: false }), guest = await arrive(h, 1, 'chromium');
  players = [host, guest];
  // As a page would that somebody has tampered with: the sender's transform is never set.
  await guest.tab.run(() => { Object.defineProperty(RTCRtpSender.prototype, 'transform', { set() { /* plain media */ }, get() { return null; }, configurable: true }); });
  await meet(host, guest);
  await until('the guest sends plain media', async () => (await sentBy(guest)) > 100);
  const refused = await until('the guest is told that its media is refused', () => guest.tab.run(() => window.__huisclos!.call.mediaRefused.value));
  assert.ok(total(refused) > 0);
  console.log('refused at the gate:', JSON.stringify(refused));
  await new Promise((done) => setTimeout(done, 2000));
  assert.deepEqual(await receivedBy(host), { packets: 0, bytes: 0 });
  const calls = (await h.admin.must('GET', '/api/admin/calls')).calls as { refused: Record<string, number> }[];
  assert.ok(total(calls[0]!.refused) > 0, 'the console counts it');
});

test('Firefox with transform = null in mid-call: not one more byte reaches the other', async () => {
  const host = await arrive(h, 0, 'chromium', { mic: false, cam: false }), guest = await arrive(h, 1, 'firefox');
  players = [host, guest];
  await meet(host, guest);
  await host.sensesOf(guest);
  await guest.tab.run(() => { for (const s of window.__huisclos!.connections().up!.getSenders()) Reflect.set(s, 'transform', null); });
  const from = await sentBy(guest);
  await until('Firefox sends plain media', async () => (await sentBy(guest)) > from + 100);
  await until('the guest is told', () => guest.tab.run(() => window.__huisclos!.call.mediaRefused.value !== null));
  // What was on its way, and sealed packets that the host still asks the server to repeat, arrive first. Then nothing does,
  // for as long as one looks, while Firefox goes on sending.
  const quiet = await until('nothing more reaches the host', async () => {
    const before = await receivedBy(host);
    await new Promise((done) => setTimeout(done, 1500));
    return JSON.stringify(await receivedBy(host)) === JSON.stringify(before) ? before : null;
  }, 15_000);
  const sent = await sentBy(guest);
  await new Promise((done) => setTimeout(done, 3000));
  assert.ok((await sentBy(guest)) > sent + 20, 'it still sends plain media');
  assert.deepEqual(await receivedBy(host), quiet);
});

/** The key log as a device in a browser lives it, against a log that was written apart from the core's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MLSError } from "../src/mls.ts";
import { deviceKeys, enter, id, Peer, standard } from "./calls.ts";
import { KeyLog } from "./keylog.ts";

const broken = (rule: string) => (e: unknown) => e instanceof MLSError && e.rule === rule;

test("states of the log that members show are proven, whatever their sizes", async () => {
  const log = new KeyLog();
  for (let i = 0; i < 5; i++) await log.inscribe(await deviceKeys());
  const host = await Peer.make("Host", undefined, log);
  const room = { id: id(), owner: host.account, profile: standard };
  await host.create(room);
  assert.deepEqual(await host.unproven(), []);
  const guests = [];
  for (let i = 0; i < 4; i++) {
    for (let k = 0; k < i; k++) await log.inscribe(await deviceKeys());
    guests.push(await Peer.make(`Guest ${i}`, undefined, log));
  }
  await enter(host, [], guests, room);
  const sizes = await host.unproven();
  assert.deepEqual(sizes, [6, 7, 9, 12, 16]);
  const wrong = log.growth(sizes);
  wrong[1] = [];
  await assert.rejects(host.proven(wrong), broken("log-forked"));
  await assert.rejects(host.proven(log.growth(sizes)), /no proofs were asked for/);
  const seen = await host.proven(log.growth(await host.unproven()));
  assert.equal(seen.size, 16);
  assert.deepEqual(await host.unproven(), []);
  assert.deepEqual(await host.seen(), seen);
  // A guest, who has seen more than the host, keeps what it has.
  const own = guests[3]!;
  assert.equal((await own.proven(log.growth(await own.unproven()))).size, 16);
  assert.equal((await own.view()).members[1]!.since, 1_700_000_000);
});

test("who is shown another log is found, by both sides", async () => {
  const log = new KeyLog();
  for (let i = 0; i < 3; i++) await log.inscribe(await deviceKeys());
  const other = log.fork(2);
  const host = await Peer.make("Host", undefined, log);
  await other.inscribe(await deviceKeys());
  await other.inscribe(await deviceKeys());
  const shown = await Peer.make("Shown another", undefined, other);
  const room = { id: id(), owner: host.account, profile: standard };
  await host.create(room);
  await enter(host, [], [shown], room);
  for (const peer of [host, shown]) {
    for (const from of [log, other]) {
      const sizes = await peer.unproven();
      assert.deepEqual(sizes, [4, 5]);
      await assert.rejects(peer.proven(from === log ? [[]] : from.growth(sizes)), broken("log-forked"));
    }
  }
});

test("a device that comes back refuses a log that was taken back, rewritten, or is another", async () => {
  const log = new KeyLog(), me = await deviceKeys();
  const seen = await (await Peer.make("First", me, log)).seen();
  assert.equal(seen.size, 1);
  for (let i = 0; i < 4; i++) await log.inscribe(await deviceKeys());
  const later = await (await Peer.make("Later", me, log, seen)).seen();
  assert.equal(later.size, 5);
  await assert.rejects(Peer.make("Older", me, log.fork(3), later), broken("log-shorter"));
  const rewritten = log.fork(3);
  for (let i = 0; i < 6; i++) await rewritten.inscribe(await deviceKeys());
  await assert.rejects(Peer.make("Rewritten", me, rewritten, later), broken("log-forked"));
  await assert.rejects(Peer.make("Another", me, new KeyLog(), later), broken("log-key"));
  const lying = { inscribe: async () => log.answer(2, 1_700_000_000, later.size) };
  await assert.rejects(Peer.make("Not in it", me, lying, later), broken("log-statement"));
  await assert.rejects(Peer.make("Damaged", me, log, { kept: new Uint8Array([1, 2, 3]), size: 5 }), broken("log-kept"));
});

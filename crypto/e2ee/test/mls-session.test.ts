import assert from "node:assert/strict";
import { test } from "node:test";
import type { Session } from "../src/core.ts";
import { FrameCore } from "../src/frame-core.ts";
import type { EndMessage, EpochMessage } from "../src/frame-messages.ts";
import type { GroupView } from "../src/mls.ts";
import { MLSSession } from "../src/mls-session.ts";
import { call, id, Peer, standard } from "./calls.ts";
import { FakeFrame, frame } from "./fixtures.ts";

class Channel {
  readonly told: (EpochMessage | EndMessage)[] = [];
  closed = false;
  postMessage(message: EpochMessage | EndMessage): void { this.told.push(message); }
  close(): void { this.closed = true; }
  get last(): EpochMessage {
    const message = this.told.at(-1);
    assert.ok(message && !("end" in message));
    return message;
  }
}

test("each epoch's key goes to the frame worker, readable by nobody", async () => {
  const host = await Peer.make("Host");
  const worker = new MLSSession(host.session);
  const channel = new Channel();
  await worker.attachFrames(channel);
  assert.equal(channel.told.length, 0);
  await worker.call("create", { room: { id: id(), owner: host.account, profile: standard } });
  const first = channel.last;
  assert.deepEqual([first.epoch, first.own, first.fresh, first.addOnly, first.removed, first.send], [0, 0, true, false, [], true]);
  assert.equal(first.base.extractable, false);
  assert.equal("raw" in first, false, "test builds only");
  await assert.rejects(crypto.subtle.exportKey("raw", first.base));

  const guest = await Peer.make("Guest");
  const { keyPackage } = await guest.keyPackage();
  const admission = await worker.call("admit", { keyPackage, expiry: Math.floor(Date.now() / 1000) + 60 });
  await worker.call("commit", { adds: [{ keyPackage, admission }], removes: [] });
  assert.equal(channel.told.length, 1, "a pending commit has no key yet");
  await worker.call("accepted", {});
  assert.deepEqual([channel.last.epoch, channel.last.addOnly, channel.last.fresh], [1, true, false]);
  await worker.call("commit", { adds: [], removes: [1] });
  await worker.call("accepted", {});
  assert.deepEqual([channel.last.epoch, channel.last.addOnly, channel.last.removed], [2, false, [1]]);

  // A second frame worker takes the place of a dead one: the same epoch is for opening only.
  const second = new Channel();
  await worker.attachFrames(second);
  assert.equal(channel.closed, true);
  assert.deepEqual([second.last.epoch, second.last.fresh, second.last.send], [2, true, false]);
  await worker.call("commit", { adds: [], removes: [] });
  await worker.call("accepted", {});
  assert.deepEqual([second.last.epoch, second.last.send], [3, true]);
  assert.equal(channel.told.length, 3, "the dead one hears nothing more");
  await worker.call("leave", {});
  assert.deepEqual(second.told.at(-1), { end: true });
  await assert.rejects(worker.call("frameKey", {}), /no operation/, "no way to ask for a key");
});

test("a profile stands in the group as it was put there, and reaches the frame worker with the key", async () => {
  const host = await Peer.make("Host");
  const worker = new MLSSession(host.session);
  const channel = new Channel();
  await worker.attachFrames(channel);
  const profile = { name: "Très restreint", conditions: ["twoFactors" as const, "compared" as const, "padded" as const], members: 12 };
  const { view } = await worker.call("create", { room: { id: id(), owner: host.account, profile } }) as { view: GroupView };
  assert.deepEqual(view.profile, profile);
  assert.equal(channel.last.padded, true);
  const plain = await Peer.make("Plain");
  assert.deepEqual((await plain.create({ id: id(), owner: plain.account, profile: standard })).view.profile, standard);
  for (const bad of [{ ...profile, conditions: ["secret"] }, { ...profile, name: "" }, { ...profile, members: 1 }, { ...profile, members: 1.5 }]) {
    await assert.rejects((await Peer.make("Bad")).create({ id: id(), owner: host.account, profile: bad as typeof profile }));
  }
});

test("a call, from the group to the frames", async () => {
  const { host, others } = await call(1);
  const ends = await Promise.all([host, ...others].map(async (peer: Peer) => {
    const worker = new MLSSession(peer.session);
    const core = new FrameCore(() => 0);
    const out: FakeFrame[] = [];
    await worker.attachFrames({ postMessage: (m) => void core.keys(m), close: () => undefined });
    return { worker, core, out };
  }));
  const [a, b] = ends as [typeof ends[0], typeof ends[0]];
  // The frame workers were attached to running groups: the next commit tells them.
  const { commit } = await a.worker.call("commit", { adds: [], removes: [] }) as { commit: Uint8Array };
  await a.worker.call("accepted", {});
  const view = await b.worker.call("process", { commit }) as { epoch: number };
  assert.equal(view.epoch, 2);
  const send = a.core.add({ id: 1, direction: "seal", context: 0 }, { emit: (f) => a.out.push(f as FakeFrame), requestKeyFrame: () => undefined });
  const receive = b.core.add({ id: 1, direction: "open", leaf: 0, context: 0 }, { emit: (f) => b.out.push(f as FakeFrame), requestKeyFrame: () => undefined });
  await send.take(frame("sealed from one device to the other"));
  await receive.take(new FakeFrame(a.out[0]!.bytes));
  assert.equal(b.out[0]?.text, "sealed from one device to the other");
});

test("calls are carried out in turn", async () => {
  const order: string[] = [];
  const slow = {
    call: async (op: string) => {
      order.push(`${op} begins`);
      await new Promise((resolve) => setTimeout(resolve, op === "seal" ? 20 : 0));
      order.push(`${op} ends`);
    },
  } as unknown as Session;
  const worker = new MLSSession(slow);
  await Promise.all([worker.call("seal", {}), worker.call("open", {})]);
  assert.deepEqual(order, ["seal begins", "seal ends", "open begins", "open ends"]);
});

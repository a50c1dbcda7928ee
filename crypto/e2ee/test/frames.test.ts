import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameCore, type Stream } from "../src/frame-core.ts";
import type { Expect } from "../src/frame-messages.ts";
import { parseFrameHeader, unpackKID, type Codec, type FrameHeader } from "../src/sframe.ts";
import { Clock, epochOf, FakeFrame, frame } from "./fixtures.ts";

/** A frame worker of one person, with what its streams passed on. */
class Person {
  readonly core: FrameCore;
  readonly clock: Clock;
  readonly leaf: number;
  requests = 0;
  #id = 1;

  constructor(clock: Clock, leaf: number) {
    this.clock = clock;
    this.leaf = leaf;
    this.core = new FrameCore(clock.now);
  }

  sender(context: number): Port {
    const port = new Port();
    port.stream = this.core.add({ id: this.#id++, direction: "seal", context }, {
      emit: (f) => port.out.push(f as FakeFrame), requestKeyFrame: () => { this.requests++; },
    });
    return port;
  }

  receiver(expect: Expect): Port {
    const port = new Port();
    port.id = this.#id;
    port.stream = this.core.add({ id: this.#id++, direction: "open", ...expect }, {
      emit: (f) => port.out.push(f as FakeFrame), requestKeyFrame: () => { this.requests++; },
    });
    return port;
  }

  async epoch(epoch: number, more: Parameters<typeof epochOf>[2] = {}): Promise<void> {
    await this.core.keys(await epochOf(this.leaf, epoch, more));
  }
}

class Port {
  stream!: Stream;
  id = 0;
  readonly out: FakeFrame[] = [];

  /** Puts a frame in and gives what came out for it. */
  async put(f: FakeFrame): Promise<FakeFrame | undefined> {
    const before = this.out.length;
    await this.stream.take(f);
    return this.out[before];
  }
}

function header(f: FakeFrame | undefined, codec: Codec): FrameHeader {
  assert.ok(f, "a frame came out");
  const parsed = parseFrameHeader(codec, f.bytes);
  if (typeof parsed === "string") assert.fail(parsed);
  return parsed;
}

const clone = (f: FakeFrame | undefined): FakeFrame => { assert.ok(f); return new FakeFrame(f.bytes, f.type, f.mimeType); };

async function pair() {
  const clock = new Clock();
  const alice = new Person(clock, 0);
  const bob = new Person(clock, 1);
  await alice.epoch(1, { fresh: true });
  await bob.epoch(1, { fresh: true });
  return { clock, alice, bob };
}

test("sound and pictures arrive as they were, and nothing of them is in the clear", async () => {
  const { alice, bob } = await pair();
  const mic = alice.sender(0), camera = alice.sender(1);
  const ear = bob.receiver({ leaf: 0, context: 0 }), eye = bob.receiver({ leaf: 0, context: 1 });
  const sealed = await mic.put(frame("forty bytes of Opus, forty bytes of Opus", undefined, "audio/opus"));
  assert.ok(sealed && !sealed.text.includes("Opus"));
  assert.equal((await ear.put(clone(sealed)))?.text, "forty bytes of Opus, forty bytes of Opus");
  for (const type of ["key", "delta"]) {
    const picture = await camera.put(frame(`a ${type} picture`, type, "video/VP8"));
    assert.equal(header(picture, "vp8").key, type === "key");
    assert.ok(!picture!.text.includes("picture"));
    assert.equal((await eye.put(clone(picture)))?.text, `a ${type} picture`);
  }
  const stats = bob.core.stats();
  assert.deepEqual(stats.receivers.map((r) => [r.opened, r.refused]), [[1, {}], [2, {}]]);
});

test("where the profile asks for it frames of sound leave in one size, and pictures as they are", async () => {
  const clock = new Clock();
  const alice = new Person(clock, 0), bob = new Person(clock, 1);
  await alice.epoch(1, { fresh: true, padded: true });
  await bob.epoch(1, { fresh: true, padded: true });
  const mic = alice.sender(0), camera = alice.sender(1), ear = bob.receiver({ leaf: 0, context: 0 }), eye = bob.receiver({ leaf: 0, context: 1 });
  const sizes = new Set<number>();
  for (let size = 1; size <= 120; size++) {
    const said = "a".repeat(size), sealed = await mic.put(frame(said, undefined, "audio/opus"));
    sizes.add(sealed!.bytes.length);
    assert.equal((await ear.put(clone(sealed)))?.text, said);
  }
  assert.deepEqual([...sizes], [240]);
  for (const size of [230, 500]) assert.equal((await mic.put(frame("a".repeat(size), undefined, "audio/opus")))!.bytes.length % 240, 0);
  const picture = await camera.put(frame("a picture", "key", "video/VP8"));
  assert.equal((await eye.put(clone(picture)))?.text, "a picture");
  assert.ok(picture!.bytes.length < 60);
});

test("no way round: no key, other codecs, empty frames, errors all drop", async () => {
  const clock = new Clock();
  const alice = new Person(clock, 0);
  const camera = alice.sender(1);
  assert.equal(await camera.put(frame("early", "key", "video/VP8")), undefined);
  await alice.epoch(1, { fresh: true });
  const screen = alice.sender(2), mic = alice.sender(0);
  for (const other of [screen, mic]) assert.equal(await other.put(frame("VP9 is a camera's alone", "key", "video/VP9")), undefined);
  for (const mime of ["video/H264", "video/AV1", "audio/opus", ""]) assert.equal(await camera.put(frame("other", "key", mime)), undefined);
  assert.equal(await camera.put(new FakeFrame(new Uint8Array(0), "empty")), undefined);
  const broken = frame("broken", "key");
  Object.defineProperty(broken, "data", { get() { throw new Error("detached"); } });
  assert.equal(await camera.put(broken), undefined);
  const unwritable = frame("kept", "key");
  Object.defineProperty(unwritable, "data", { get: () => new TextEncoder().encode("kept").buffer, set() { throw new Error("no"); } });
  assert.equal(await camera.put(unwritable), undefined);
  assert.deepEqual(alice.core.stats().senders[0]!.dropped, { "no-key": 1, "unknown-codec": 4, empty: 1, error: 2 });
  // A browser that does not name the codec: the whole frame is sealed, whatever it is.
  assert.ok(header(await camera.put(frame("unnamed", "key")), "vp8").key);
  await alice.core.keys({ end: true });
  assert.equal(await camera.put(frame("after leaving", "key")), undefined);
});

test("each layer of a VP9 picture is a frame of its own, and what the server leaves out is no attack", async () => {
  const { clock, alice, bob } = await pair();
  const camera = alice.sender(1), eye = bob.receiver({ leaf: 0, context: 1 });
  const counters: number[] = [];
  for (let picture = 0; picture < 40; picture++) {
    for (const layer of [0, 1, 2]) {
      const text = `layer ${layer} of picture ${picture}`;
      const sealed = await camera.put(frame(text, picture === 0 && layer === 0 ? "key" : "delta", "video/VP9"));
      const h = header(sealed, "vp9");
      counters.push(h.ctr);
      assert.deepEqual([h.key, h.prefix], [null, 0], "nothing of it is in the clear");
      assert.equal(h.kid, header(sealed, "vp9").kid);
      // The server forwards two layers of every other picture, the lowest of the others.
      if (layer > picture % 2) continue;
      assert.equal((await eye.put(clone(sealed)))?.text, text);
    }
    clock.advance(33);
  }
  assert.equal(new Set(counters).size, 120, "no counter twice");
  assert.deepEqual(bob.core.stats().receivers.map((r) => [r.opened, r.refused]), [[60, {}]]);
  assert.equal(bob.requests, 0);
  // The codec may change at any frame, there and back; a frame of one is none of the other.
  const picture = await camera.put(frame("a VP8 picture", "key", "video/VP8"));
  assert.equal((await eye.put(clone(picture)))?.text, "a VP8 picture");
  const layer = await camera.put(frame("VP9 again", "key", "video/VP9"));
  assert.equal(await eye.put(new FakeFrame(layer!.bytes, "key", "video/VP8")), undefined);
  assert.equal(await eye.put(new FakeFrame(picture!.bytes, "key", "video/VP9")), undefined);
  assert.equal((await eye.put(clone(layer)))?.text, "VP9 again");
  assert.deepEqual(bob.core.stats().receivers[0]!.refused, { "bad-prefix": 1, "wrong-kid": 1 });
});

test("a picture that follows dropped ones asks for a key frame", async () => {
  const { clock, alice, bob } = await pair();
  const carol = new Person(clock, 2);
  const camera = carol.sender(1);
  await camera.put(frame("before", "key"));
  await carol.epoch(1, { fresh: true });
  await camera.put(frame("after", "delta"));
  assert.equal(carol.requests, 1);
  await camera.put(frame("and on", "delta"));
  assert.equal(carol.requests, 1);

  const alices = alice.sender(1), eye = bob.receiver({ leaf: 0, context: 1 });
  await eye.put(frame("garbage", "delta"));
  await eye.put(clone(await alices.put(frame("x", "delta"))));
  await eye.put(clone(await alices.put(frame("y", "delta"))));
  assert.equal(bob.requests, 1, "not more than one request a second");
  clock.advance(1100);
  await eye.put(clone(await alices.put(frame("z", "delta"))));
  assert.equal(bob.requests, 2);
  await eye.put(clone(await alices.put(frame("k", "key"))));
  clock.advance(1100);
  await eye.put(clone(await alices.put(frame("d", "delta"))));
  assert.equal(bob.requests, 2);
});

test("switching: after an addition 500 ms later, otherwise at once", async () => {
  const { clock, alice } = await pair();
  const mic = alice.sender(0);
  const epochNow = async () => unpackKID(header(await mic.put(frame("x")), "opus").kid).epochByte;
  assert.equal(await epochNow(), 1);
  await alice.epoch(2, { addOnly: true });
  assert.equal(await epochNow(), 1);
  clock.advance(300);
  await alice.epoch(3, { addOnly: true });
  clock.advance(199);
  assert.equal(await epochNow(), 1);
  clock.advance(1);
  assert.equal(await epochNow(), 2, "each epoch has its own 500 ms");
  clock.advance(300);
  assert.equal(await epochNow(), 3);
  await alice.epoch(4, { addOnly: true });
  await alice.epoch(5, { removed: [9] });
  assert.equal(await epochNow(), 5, "a removal does not wait, whatever came before it");
  await alice.epoch(6, { group: "restarted", addOnly: true });
  assert.equal(await epochNow(), 6, "a new group's key is used at once");
});

test("a removal during the derivation of a key: the frame takes the new epoch", async () => {
  const { alice } = await pair();
  const mic = alice.sender(0);
  const next = await epochOf(0, 2, { removed: [4] });
  const pending = mic.stream.take(frame("x"));
  await alice.core.keys(next);
  await pending;
  assert.equal(unpackKID(header(mic.out[0], "opus").kid).epochByte, 2);
});

test("frames ahead of the commit wait for it and keep their order", async () => {
  const { clock, alice, bob } = await pair();
  const mic = alice.sender(0), ear = bob.receiver({ leaf: 0, context: 0 });
  const old = await mic.put(frame("old"));
  await alice.epoch(2);
  const ahead = [];
  for (let i = 0; i < 5; i++) ahead.push(clone(await mic.put(frame(`new ${i}`))));
  for (const f of ahead.slice(0, 4)) await ear.put(f);
  await ear.put(clone(old));
  assert.deepEqual(ear.out.map((f) => f.text), ["old"]);
  assert.equal(bob.core.stats().receivers[0]!.held, 4);
  clock.advance(900);
  const commit = bob.epoch(2);
  const last = ear.stream.take(ahead[4]!);
  await Promise.all([commit, last]);
  assert.deepEqual(ear.out.map((f) => f.text), ["old", "new 0", "new 1", "new 2", "new 3", "new 4"]);
  assert.deepEqual(bob.core.stats().receivers[0]!.refused, {});
});

test("holding ends after one second and at 2 MiB", async () => {
  const { clock, alice, bob } = await pair();
  const mic = alice.sender(0), ear = bob.receiver({ leaf: 0, context: 0 });
  await alice.epoch(2);
  await ear.put(clone(await mic.put(frame("late"))));
  clock.advance(1001);
  bob.core.tick();
  await bob.epoch(2);
  assert.equal(ear.out.length, 0);
  assert.deepEqual(bob.core.stats().receivers[0]!.refused, { "held-too-long": 1 });
  await alice.epoch(3);
  const large = new Uint8Array(512 * 1024 - 100);
  for (let i = 0; i < 5; i++) await ear.put(clone(await mic.put(new FakeFrame(large))));
  assert.deepEqual(bob.core.stats().receivers[0]!.refused, { "held-too-long": 1, "hold-full": 1 });
  await bob.epoch(3);
  assert.equal(ear.out.length, 4);
});

test("superseded epochs open for 3 s and then never", async () => {
  const { clock, alice, bob } = await pair();
  const mic = alice.sender(0), ear = bob.receiver({ leaf: 0, context: 0 });
  const early = [];
  for (let i = 0; i < 3; i++) early.push(clone(await mic.put(frame(`${i}`))));
  await bob.epoch(2);
  clock.advance(3000);
  assert.equal((await ear.put(early[0]!))?.text, "0");
  clock.advance(1);
  assert.equal(await ear.put(early[1]!), undefined);
  bob.core.tick();
  assert.equal(await ear.put(early[2]!), undefined);
  assert.deepEqual(bob.core.stats().receivers[0]!.refused, { "old-epoch": 2 });
});

test("after a removal nothing of the removed opens, and the removed opens nothing", async () => {
  const { alice, bob } = await pair();
  const mallory = new Person(bob.clock, 2);
  await mallory.epoch(1, { fresh: true });
  const theirs = mallory.sender(0), ear = bob.receiver({ leaf: 2, context: 0 }), late = bob.receiver({ leaf: 2, context: 1 });
  const camera = mallory.sender(1);
  const before = clone(await theirs.put(frame("before"))), picture = clone(await camera.put(frame("picture", "key")));
  assert.equal((await ear.put(clone(before)))?.text, "before");
  const next = { removed: [2] };
  await alice.epoch(2, next);
  await bob.epoch(2, next);
  assert.equal(await ear.put(clone(await theirs.put(frame("still talking")))), undefined);
  assert.equal(await late.put(picture), undefined, "no grace for what was sealed before but not opened");
  // Mallory has epoch 1's key only.
  const spy = mallory.receiver({ leaf: 0, context: 0 });
  assert.equal(await spy.put(clone(await alice.sender(0).put(frame("secret")))), undefined);
  mallory.clock.advance(1100);
  mallory.core.tick();
  assert.deepEqual(mallory.core.stats().receivers[0]!.refused, { "held-too-long": 1 });
});

test("the leaf of a removed person may be another's in the next epoch", async () => {
  const { alice, bob } = await pair();
  const old = new Person(bob.clock, 2), fresh = new Person(bob.clock, 2);
  await old.epoch(1, { fresh: true });
  await bob.epoch(2, { removed: [2] });
  await alice.epoch(2, { removed: [2] });
  await fresh.epoch(2, { fresh: true });
  const ear = bob.receiver({ leaf: 2, context: 0 });
  assert.equal(await ear.put(clone(await old.sender(0).put(frame("ghost")))), undefined);
  assert.equal((await ear.put(clone(await fresh.sender(0).put(frame("newcomer")))))?.text, "newcomer");
});

test("reflection, other leaves, other streams, replay", async () => {
  // ASVS 11.3.3
  const { alice, bob } = await pair();
  const carol = new Person(bob.clock, 2);
  await carol.epoch(1, { fresh: true });
  const ear = bob.receiver({ leaf: 0, context: 0 });
  const own = bob.receiver({ leaf: 1, context: 0 });
  const good = clone(await alice.sender(0).put(frame("alice")));
  const reflected = clone(await bob.sender(0).put(frame("bob")));
  assert.equal(await ear.put(clone(await carol.sender(0).put(frame("carol")))), undefined);
  assert.equal(await ear.put(clone(await alice.sender(3).put(frame("screen sound")))), undefined);
  assert.equal(await ear.put(clone(reflected)), undefined);
  assert.equal(await own.put(clone(reflected)), undefined, "not even where the server says that it belongs");
  assert.equal((await ear.put(clone(good)))?.text, "alice");
  assert.equal(await ear.put(clone(good)), undefined);
  const [first, second] = bob.core.stats().receivers;
  assert.deepEqual(first!.refused, { "wrong-kid": 2, "own-kid": 1, replayed: 1 });
  assert.deepEqual(second!.refused, { "own-kid": 1 });
  // Two receivers of one stream have one window between them, also for frames that are being opened at once.
  const again = bob.receiver({ leaf: 0, context: 0 });
  const next = clone(await alice.sender(0).put(frame("once")));
  await Promise.all([ear.stream.take(clone(next)), again.stream.take(clone(next))]);
  assert.equal(ear.out.length + again.out.length, 2);
});

test("an m-line that carries another stream", async () => {
  const { alice, bob } = await pair();
  const carol = new Person(bob.clock, 2);
  await carol.epoch(1, { fresh: true });
  const port = bob.receiver({ leaf: 0, context: 0 });
  const mic = alice.sender(0);
  await port.put(clone(await mic.put(frame("alice"))));
  const queued = port.stream.take(clone(await mic.put(frame("in flight"))));
  bob.core.retarget(port.id, { leaf: 2, context: 0 });
  await queued;
  await port.put(clone(await mic.put(frame("alice again"))));
  await port.put(clone(await carol.sender(0).put(frame("carol"))));
  assert.deepEqual(port.out.map((f) => f.text), ["alice", "carol"]);
  const stats = bob.core.stats().receivers[0]!;
  assert.deepEqual([stats.leaf, stats.opened, stats.refused], [2, 1, { "wrong-kid": 1 }]);
});

test("a retarget that comes before its transform", async () => {
  const { alice, bob } = await pair();
  bob.core.retarget(1, { leaf: 0, context: 0 });
  const port = bob.receiver({ leaf: 7, context: 0 });
  assert.equal((await port.put(clone(await alice.sender(0).put(frame("x")))))?.text, "x");
});

test("epoch 255 to 256, and 256 epochs on", async () => {
  const clock = new Clock();
  const alice = new Person(clock, 0), bob = new Person(clock, 65535);
  const mic = alice.sender(0), ear = bob.receiver({ leaf: 0, context: 0 });
  const back = bob.sender(3), other = alice.receiver({ leaf: 65535, context: 3 });
  for (let epoch = 254; epoch < 254 + 260; epoch++) {
    await alice.epoch(epoch, { fresh: epoch === 254 });
    await bob.epoch(epoch, { fresh: epoch === 254 });
    assert.equal((await ear.put(clone(await mic.put(frame(`epoch ${epoch}`)))))?.text, `epoch ${epoch}`);
    assert.equal((await other.put(clone(await back.put(frame(`back ${epoch}`)))))?.text, `back ${epoch}`);
  }
  assert.deepEqual(bob.core.stats().receivers[0]!.refused, {});
});

test("a (KID, CTR) is never used twice, however often transforms come and go", async () => {
  // ASVS 11.3.4
  const { clock, alice } = await pair();
  const used = new Set<string>();
  const note = (f: FakeFrame | undefined, epoch: number, codec: Codec) => {
    const { kid, ctr } = header(f, codec);
    const name = `${epoch}/${kid}/${ctr}`;
    assert.ok(!used.has(name), `${name} was used before`);
    used.add(name);
  };
  let epoch = 1;
  for (let toggle = 0; toggle < 100; toggle++) {
    // A new transceiver for the same share, a second one beside it (layers, tracks), frames of both at once.
    const one = alice.sender(2), two = alice.sender(2), sound = alice.sender(3);
    const frames = 5 + (toggle % 7);
    await Promise.all([one, two].map(async (port) => { for (let i = 0; i < frames; i++) await port.put(frame("screen", "delta")); }));
    for (let i = 0; i < 3; i++) note(await sound.put(frame("sound")), epoch, "opus");
    for (const f of [...one.out, ...two.out]) note(f, epoch, "vp8");
    assert.equal(one.out.length + two.out.length, 2 * frames);
    if (toggle % 10 === 9) await alice.epoch(++epoch, { removed: [50 + epoch] });
    // The same epoch told again: ignored, or told as fresh: the counters go on.
    if (toggle % 10 === 4) await alice.epoch(epoch);
    if (toggle % 10 === 6) await alice.epoch(epoch, { fresh: true });
    clock.advance(100);
  }
  assert.ok(used.size > 1000);
});

test("a worker that replaces a dead one opens, and sends only from the next epoch on", async () => {
  const { clock, alice, bob } = await pair();
  const second = new Person(clock, 0);
  await second.epoch(1, { fresh: true, send: false });
  const mic = second.sender(0), ear = second.receiver({ leaf: 1, context: 0 });
  assert.equal(await mic.put(frame("x")), undefined);
  assert.equal((await ear.put(clone(await bob.sender(0).put(frame("hello")))))?.text, "hello");
  await second.epoch(2);
  assert.equal(unpackKID(header(await mic.put(frame("y")), "opus").kid).epochByte, 2);
  assert.equal(alice.core.stats().senders.length, 0);
});

test("the last counter is the end of a key", async () => {
  const { Epochs } = await import("../src/epochs.ts");
  const epochs = new Epochs();
  epochs.accept(await epochOf(0, 1, { fresh: true }), 0);
  const epoch = epochs.newest!;
  const kid = epoch.kid(0);
  assert.equal(epochs.take(epoch, kid), 0);
  assert.equal(epochs.take(epoch, kid), 1);
  // 2^32 calls are too many for a test: set the counter where only this test reaches.
  const { maxCounter } = await import("../src/sframe.ts");
  epochs.startAt(epoch, kid, maxCounter);
  assert.equal(epochs.take(epoch, kid), maxCounter);
  assert.equal(epochs.take(epoch, kid), null);
  assert.equal(epochs.take(epoch, kid), null);
  assert.throws(() => epochs.startAt(epoch, kid, 5), /go back/);
});

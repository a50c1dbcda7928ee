import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex } from "../src/bytes.ts";
import { FrameCore } from "../src/frame-core.ts";
import {
  authenticated, clearPrefix, codecOf, deriveStreamKey, headerSize, innerSize, nonce, packKID, parseFrameHeader, parseInner, streamKind,
  unpackKID, Window, windowSize, writeHeader, writeInner, type Codec,
} from "../src/sframe.ts";
import { Clock, FakeFrame } from "./fixtures.ts";
import { hex, importBase, vectors } from "./vectors.ts";

interface RFC {
  header: { kid: number; ctr: number; encoded: string }[];
  sframe: { cipher_suite: number; kid: number; ctr: number; base_key: string; sframe_salt: string; metadata: string; nonce: string; pt: string; ct: string }[];
}

test("headers of RFC 9605, up to the 32 bits that calls use", () => {
  const { header } = vectors<RFC>("rfc9605/test-vectors.json");
  let inside = 0;
  for (const v of header) {
    const encoded = hex(v.encoded);
    const parsed = parseFrameHeader("opus", encoded);
    if (v.kid > 0xffffffff || v.ctr > 0xffffffff) {
      assert.equal(parsed, "wrong-kid", v.encoded);
      continue;
    }
    inside++;
    assert.deepEqual(parsed, { key: false, kid: v.kid, ctr: v.ctr, prefix: 0, size: encoded.length }, v.encoded);
    const written = new Uint8Array(headerSize(v.kid, v.ctr));
    writeHeader(written, 0, v.kid, v.ctr);
    assert.equal(toHex(written), v.encoded);
    for (let cut = 0; cut < encoded.length; cut++) assert.equal(parseFrameHeader("opus", encoded.subarray(0, cut)), "no-header");
  }
  assert.equal(inside, 81);
});

test("the frame of RFC 9605 in the suite of calls", async () => {
  const v = vectors<RFC>("rfc9605/test-vectors.json").sframe.find((c) => c.cipher_suite === 5);
  assert.ok(v);
  // The RFC's base key has 16 bytes; HKDF takes any length.
  const { key, salt } = await deriveStreamKey(await importBase(hex(v.base_key)), v.kid, "encrypt");
  assert.equal(toHex(salt), v.sframe_salt);
  assert.equal(key.extractable, false);
  const iv = nonce(salt, v.ctr);
  assert.equal(toHex(iv), v.nonce);
  const head = new Uint8Array(headerSize(v.kid, v.ctr));
  writeHeader(head, 0, v.kid, v.ctr);
  const additionalData = new Uint8Array([...head, ...hex(v.metadata)]);
  const body = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, hex(v.pt));
  assert.equal(toHex(head) + toHex(new Uint8Array(body)), v.ct);
});

interface Shared {
  headers: { context: number; leaf: number; epoch: number; kid: number; ctr: number; encoded: string }[];
  bad_headers: { note: string; bytes: string; reason: string }[];
  seal: {
    note: string; base_key: string; codec: Codec; context: number; leaf: number; epoch: number; ctr: number; key: boolean; padding: number;
    frame: string; sealed: string;
  }[];
  receive: {
    note: string; base_key: string; codec: Codec; context: number; leaf: number; own: number; epoch: number;
    frames: { note: string; sealed: string; reason: string; frame?: string }[];
  }[];
}

test("shared headers", () => {
  const { headers, bad_headers } = vectors<Shared>("frames/headers.json");
  assert.ok(headers.length > 100 && bad_headers.length > 10);
  for (const v of headers) {
    assert.equal(packKID(v.context, v.leaf, v.epoch), v.kid);
    assert.deepEqual(unpackKID(v.kid), { context: v.context, leaf: v.leaf, epochByte: v.epoch % 256 });
    const encoded = hex(v.encoded);
    assert.deepEqual(parseFrameHeader("opus", encoded), { key: false, kid: v.kid, ctr: v.ctr, prefix: 0, size: encoded.length });
    const written = new Uint8Array(headerSize(v.kid, v.ctr));
    writeHeader(written, 0, v.kid, v.ctr);
    assert.equal(toHex(written), v.encoded);
  }
  for (const v of bad_headers) assert.equal(parseFrameHeader("opus", hex(v.bytes)), v.reason, v.note);
  assert.throws(() => packKID(0, 65536, 0));
  assert.throws(() => packKID(256, 0, 0));
  assert.throws(() => packKID(0, -1, 0));
});

test("shared sealed frames", async () => {
  const { seal } = vectors<Shared>("frames/seal.json");
  for (const v of seal) {
    assert.equal(codecOf(v.context), v.codec === "vp9" ? "vp8" : v.codec, v.note);
    const kid = packKID(v.context, v.leaf, v.epoch);
    const { key, salt } = await deriveStreamKey(await importBase(hex(v.base_key)), kid, "encrypt");
    const prefix = clearPrefix(v.codec, v.key);
    const head = new Uint8Array(prefix.length + headerSize(kid, v.ctr));
    head.set(prefix);
    writeHeader(head, prefix.length, kid, v.ctr);
    const plain = hex(v.frame);
    const inner = new Uint8Array(innerSize(plain.length, v.padding));
    writeInner(inner, v.key, v.padding, plain);
    const additionalData = authenticated(head, prefix.length, head.length, v.context);
    const body = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce(salt, v.ctr), additionalData }, key, inner);
    assert.equal(toHex(head) + toHex(new Uint8Array(body)), v.sealed, v.note);
    const found = { start: inner.length - plain.length, key: v.key };
    assert.deepEqual(parseInner(inner, v.key), found, v.note);
    assert.deepEqual(parseInner(inner, null), found, v.note);
    assert.equal(parseInner(inner, !v.key), null, v.note);
  }
});

test("what a receiver makes of shared frames, failures too", async () => {
  const { receive } = vectors<Shared>("frames/receive.json");
  for (const v of receive) {
    const clock = new Clock();
    const core = new FrameCore(clock.now);
    const passed: FakeFrame[] = [];
    const stream = core.add({ id: 1, direction: "open", leaf: v.leaf, context: v.context }, {
      emit: (f) => passed.push(f as FakeFrame), requestKeyFrame: () => undefined,
    });
    await core.keys({
      group: "g", epoch: v.epoch, own: v.own, fresh: true, addOnly: false, removed: [], send: true, padded: false, base: await importBase(hex(v.base_key)),
    });
    for (const f of v.frames) {
      const before = core.stats().receivers[0]!;
      const count = passed.length;
      await stream.take(new FakeFrame(hex(f.sealed), undefined, v.codec === "vp9" ? "video/VP9" : undefined));
      const after = core.stats().receivers[0]!;
      if (f.reason === "ok") {
        assert.equal(passed.length, count + 1, `${v.note}: ${f.note}`);
        assert.equal(toHex(passed[count]!.bytes), f.frame ?? "", f.note);
      } else {
        assert.equal(passed.length, count, `${v.note}: ${f.note}`);
        const reason = f.reason as keyof typeof after.refused;
        assert.equal(after.refused[reason] ?? 0, (before.refused[reason] ?? 0) + 1, `${v.note}: ${f.note} ${JSON.stringify(after.refused)}`);
      }
    }
  }
});

test("whatever bytes come, a header has one form", () => {
  let seed = 1;
  const random = (n: number) => { seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0; return Math.floor((seed / 2 ** 32) * n); };
  let taken = 0;
  for (let i = 0; i < 50000; i++) {
    const codec = (["opus", "vp8", "vp9"] as const)[random(3)]!;
    const key = random(2) === 0;
    const tail = Uint8Array.from({ length: random(20) }, (_, at) => (at === 0 || random(3) > 0 ? random(256) : 0));
    const prefix = random(10) === 0 ? new Uint8Array(0) : clearPrefix(codec, key);
    const bytes = new Uint8Array([...prefix, ...tail]);
    const parsed = parseFrameHeader(codec, bytes);
    if (typeof parsed === "string") continue;
    taken++;
    const again = new Uint8Array(parsed.prefix + headerSize(parsed.kid, parsed.ctr));
    again.set(clearPrefix(codec, parsed.key ?? false));
    writeHeader(again, parsed.prefix, parsed.kid, parsed.ctr);
    assert.equal(toHex(again), toHex(bytes.subarray(0, parsed.size)));
  }
  assert.ok(taken > 5000, `${taken}`);
});

test("stream kinds", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 254, 255].map(streamKind), [0, 1, 2, 3, 2, 3, 2, 3]);
  assert.deepEqual([0, 1, 2, 3, 4, 5].map(codecOf), ["opus", "vp8", "vp8", "opus", "vp8", "opus"]);
});

test("the window against the rule in words", () => {
  let seed = 7;
  const random = (n: number) => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return Math.floor((seed / 2 ** 32) * n); };
  for (let round = 0; round < 10; round++) {
    const window = new Window();
    const seen = new Set<number>();
    let newest = -1;
    for (let i = 0; i < 20000; i++) {
      const jump = random(20);
      const ctr = Math.min(0xffffffff, Math.max(0, jump === 0 ? random(2 ** 32) : jump === 1 ? newest + random(3000) : newest + 8 - random(1040)));
      const fresh = !seen.has(ctr) && (newest < 0 || ctr > newest || newest - ctr < windowSize);
      assert.equal(window.fresh(ctr), fresh, `counter ${ctr}, newest ${newest}`);
      if (!fresh) continue;
      window.mark(ctr);
      seen.add(ctr);
      newest = Math.max(newest, ctr);
      if (newest > 0xfffff000) break;
    }
  }
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ageOf, newFor } from "../stage/age.ts";
import { sealOf } from "../stage/seal-of.ts";

const people = (...compared: boolean[]) => ({ value: [{ me: true, compared: true }, ...compared.map((c) => ({ me: false, compared: c }))] }) as never;
const seal = (value: string) => ({ value }) as never;

test("the seal says verified only when the words were compared with everybody who is there", () => {
  assert.equal(sealOf({ seal: seal("sealed"), people: people(true, false) }), "unverified");
  assert.equal(sealOf({ seal: seal("sealed"), people: people(false) }), "unverified");
  assert.equal(sealOf({ seal: seal("sealed"), people: people(true, true) }), "sealed");
  assert.equal(sealOf({ seal: seal("sealed"), people: people() }), "sealed");
});

test("it never softens what the engine says", () => {
  for (const s of ["open", "unverified", "not-safe"]) assert.equal(sealOf({ seal: seal(s), people: people(true) }), s);
});

test("every reason that the engine gives has a sentence in both languages", () => {
  const state = readFileSync(new URL("../call/state.ts", import.meta.url), "utf8");
  const words = readFileSync(new URL("../words/seal.ts", import.meta.url), "utf8");
  const type = /export type ReasonCode =([\s\S]*?);/.exec(state)?.[1] ?? "";
  const codes = [...type.matchAll(/"([a-z-]+)"/g)].map((m) => m[1]!);
  assert.ok(codes.length > 15, "the type was read");
  // These end a call, or keep one from beginning.
  const both = ["log-forked"];
  for (const code of codes) {
    const key = code.includes("-") ? `"${code}": ` : `${code}: `;
    assert.equal(words.split("\n").filter((l) => l.trimStart().startsWith(key) && /"[^"]{12,}"/.test(l.slice(key.length))).length, both.includes(code) ? 4 : 2, code);
  }
});

test("a device is new for a day, and says on which day it was inscribed", () => {
  const noon = new Date(2026, 10, 30, 12).getTime(), hour = 3_600_000;
  assert.equal(ageOf(noon, noon), "today");
  assert.equal(ageOf(noon - 12 * hour, noon), "today", "at midnight");
  assert.equal(ageOf(noon - 12 * hour - 1, noon), "yesterday");
  assert.equal(ageOf(noon - newFor + 1, noon), "yesterday");
  assert.equal(ageOf(noon - newFor, noon), null);
  assert.equal(ageOf(0, noon), null);
  assert.equal(ageOf(noon + hour, noon), "today", "a server whose clock is ahead");
});

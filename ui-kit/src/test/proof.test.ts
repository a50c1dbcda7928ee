import assert from "node:assert/strict";
import { test } from "node:test";
import { provingOnce } from "../security/again.ts";

const needed = { code: "proofNeeded" };

/** Answers of the server to one act after the other; the act and the proof, with what was asked in which order. */
function scene(answers: unknown[], proof: unknown = undefined) {
  const asked: string[] = [];
  const act = async () => { asked.push("act"); const a = answers.shift(); if (typeof a === "string") return a; throw a; };
  const prove = async () => { asked.push("proof"); if (proof) throw proof; };
  return { asked, done: provingOnce(act, prove) };
}

test("what needs no proof is done once", async () => {
  const s = scene(["done"]);
  assert.equal(await s.done, "done");
  assert.deepEqual(s.asked, ["act"]);
});

test("what needs one is done again after it, by itself", async () => {
  const s = scene([needed, "done"]);
  assert.equal(await s.done, "done");
  assert.deepEqual(s.asked, ["act", "proof", "act"]);
});

test("a proof that the server still does not take is not asked for again", async () => {
  const s = scene([needed, needed]);
  await assert.rejects(s.done, needed);
  assert.deepEqual(s.asked, ["act", "proof", "act"]);
});

test("whoever does not prove who they are has done nothing", async () => {
  const left = { code: "not-proven" }, s = scene([needed, "done"], left);
  await assert.rejects(s.done, left);
  assert.deepEqual(s.asked, ["act", "proof"]);
});

test("another refusal is the caller's", async () => {
  const refused = { code: "forbidden" }, s = scene([refused]);
  await assert.rejects(s.done, refused);
  assert.deepEqual(s.asked, ["act"]);
});

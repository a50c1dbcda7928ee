import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { before, classesOf, csv, sumsOf } from "../usage.ts";

test("days are summed, and what is a most stays one", () => {
  const sums = sumsOf([{ date: "2026-11-28", calls: 3, people: 9, minutes: 100, most: 5, sizes: [1, 2] }, { date: "2026-11-29", calls: 1, people: 4, minutes: 20, most: 6, sizes: [0, 1] }]);
  assert.deepEqual(sums, { calls: 4, people: 9, minutes: 120, most: 6, sizes: [1, 3] });
  assert.deepEqual(sumsOf([]), { calls: 0, people: 0, minutes: 0, most: 0, sizes: [] });
});

test("sizes are classes without a gap", () => {
  assert.deepEqual(classesOf([1, 2, 4]), [{ low: 1, high: 1 }, { low: 2, high: 2 }, { low: 3, high: 4 }, { low: 5, high: null }]);
});

test("a file holds no formula", () => {
  assert.equal(csv([["a", 1], ["=cmd()", 'x,"y"']]), "a,1\r\n'=cmd(),\"x,\"\"y\"\"\"\r\n");
});

test("days back", () => {
  assert.equal(before("2026-03-01", 1), "2026-02-28");
  assert.equal(before("2026-11-29", 29), "2026-10-31");
});

test("whatever the server wants looked after has its sentence in both languages", () => {
  const read = (file: string) => readFileSync(new URL(file, import.meta.url), "utf8");
  const codes = [...read("../../../appliance/attention.go").matchAll(/Code: "([a-z-]+)"/g)].map((m) => m[1]!);
  assert.ok(codes.length >= 12, codes.join());
  const words = read("../words/watch.ts");
  for (const code of new Set(codes)) {
    const said = words.match(new RegExp(`^  "?${code}"?: \\(`, "gm")) ?? [];
    assert.equal(said.length, 2, code);
  }
});

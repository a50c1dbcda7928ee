/** Which inscriptions are new to a browser, by its own clock and the log's length alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { knownFor, marked, newToBrowser as day } from "../src/log.ts";

test("what came after a browser's visit is new to it for a day of its own clock, however often it looks", () => {
  const begin = 1_700_000_000_000, hour = day / 24;
  let marks: { size: number; at: number }[] = [];
  assert.equal(knownFor(marks, begin), 0, "a first visit knows nothing, and marks nobody");
  const visit = (at: number, size: number) => { const known = knownFor(marks, at); marks = marked(marks, size, at); return known; };
  visit(begin, 10);
  assert.equal(visit(begin + hour, 12), 10, "the same day: what came since the first visit");
  assert.equal(visit(begin + 2 * hour, 13), 10, "a page that is loaded again forgets nothing");
  assert.equal(visit(begin + 30 * day, 90), 10, "a month later: all of that month");
  assert.equal(visit(begin + 30 * day + hour, 91), 10, "and still an hour after that");
  assert.equal(visit(begin + 31 * day, 95), 90, "a day later it has seen them for a day");
  assert.equal(visit(begin + 31 * day + hour, 95), 90);
  assert.equal(visit(begin + 32 * day, 95), 95);
  for (let n = 0; n < 400; n++) { visit(begin + (33 + n / 3) * day, 96 + n); assert.ok(marks.length <= 2, "few are kept"); }
});

test("a clock that was set back marks more, never less", () => {
  const begin = 1_700_000_000_000;
  const marks = marked(marked([], 10, begin), 20, begin + day);
  assert.equal(knownFor(marks, begin + 2 * day), 20);
  assert.equal(knownFor(marks, begin - day), 10);
  assert.deepEqual(marked(marks, 30, begin - day), marks);
});

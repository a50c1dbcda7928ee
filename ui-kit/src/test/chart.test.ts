import assert from "node:assert/strict";
import test from "node:test";
import { fewer, scaleEnd, strokes } from "../scale.ts";

test("a scale ends at a round number", () => {
  for (const [most, end] of [[0, 1], [0.3, 0.5], [1, 1], [3, 5], [41, 50], [51, 100], [1234, 2000], [Number.NaN, 1]] as const) {
    assert.ok(Math.abs(scaleEnd(most) - end) < 1e-9, `${most}: ${scaleEnd(most)}`);
  }
});

test("a line has no stroke where nothing was measured", () => {
  const same = (n: number) => n;
  assert.deepEqual(strokes([0, 60, 120, 300, 360], [1, 2, null, 3, 4], 60, same, same), ["M0.0 1.0L60.0 2.0", "M300.0 3.0L360.0 4.0"]);
  assert.deepEqual(strokes([0, 60, 120], [1, null, 3], 60, same, same), ["M0.0 1.0h0", "M120.0 3.0h0"]);
  assert.deepEqual(strokes([], [], 60, same, same), []);
});

test("a table has few rows, which are means of what was measured", () => {
  const times = Array.from({ length: 100 }, (_, i) => i * 60);
  const rows = fewer(times, times.map((_, i) => (i % 2 ? null : i)), 48);
  assert.ok(rows.length <= 48);
  assert.deepEqual(rows[0], { at: 0, value: 1 });
  assert.deepEqual(fewer([0, 60], [null, null], 1), [{ at: 0, value: null }]);
});

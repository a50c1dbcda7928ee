import assert from "node:assert/strict";
import { test } from "node:test";
import { capacity, floating, gap, grid, nearest, split, type Rect, type Space } from "../stage/layout.ts";

const spaces: Space[] = [
  { width: 1416, height: 764 }, { width: 1896, height: 944 }, { width: 344, height: 612 }, { width: 724, height: 286 },
  { width: 1036, height: 764 }, { width: 600, height: 600 }, { width: 2540, height: 1200 },
];
const epsilon = 0.01;

function inside(r: Rect, s: Space): boolean {
  return r.x >= -epsilon && r.y >= -epsilon && r.x + r.width <= s.width + epsilon && r.y + r.height <= s.height + epsilon;
}
function apart(a: Rect, b: Rect): boolean {
  return a.x + a.width <= b.x + epsilon || b.x + b.width <= a.x + epsilon || a.y + a.height <= b.y + epsilon || b.y + b.height <= a.y + epsilon;
}

test("tiles of the grid stay in the space, never overlap and have one size", () => {
  for (const s of spaces) {
    for (let n = 1; n <= capacity(s); n++) {
      const tiles = grid(n, s);
      assert.equal(tiles.length, n);
      for (const [i, a] of tiles.entries()) {
        assert.ok(inside(a, s), `${n} in ${s.width}×${s.height}: ${JSON.stringify(a)}`);
        assert.ok(Math.abs(a.width - tiles[0]!.width) < epsilon && Math.abs(a.height - tiles[0]!.height) < epsilon);
        for (const b of tiles.slice(i + 1)) assert.ok(apart(a, b), `${n} in ${s.width}×${s.height}`);
      }
    }
  }
});

test("a tile keeps the shape of a face: never flatter than 16:9, never narrower than 3:4", () => {
  for (const s of spaces) {
    for (let n = 1; n <= capacity(s); n++) {
      const { width, height } = grid(n, s)[0]!;
      assert.ok(width / height <= 16 / 9 + epsilon && width / height >= 3 / 4 - epsilon, `${n}: ${width / height}`);
      if (s.width > s.height) assert.ok(width / height >= 1 - epsilon);
    }
  }
});

test("what fits on a page can still be recognised", () => {
  for (const s of spaces) assert.ok(grid(capacity(s), s)[0]!.width >= 100, `${s.width}×${s.height}`);
});

test("the strip stands beside or below the main picture", () => {
  for (const s of spaces) {
    for (let n = 0; n < 12; n++) {
      const { main, others } = split(n, s);
      assert.ok(inside(main, s));
      assert.ok(main.width * main.height > 0.35 * s.width * s.height, "the main picture is the large one");
      for (const [i, a] of others.entries()) {
        assert.ok(inside(a, s) && apart(a, main));
        for (const b of others.slice(i + 1)) assert.ok(apart(a, b));
      }
      if (n > 0) assert.ok(others.length >= 1 && others.length <= n);
    }
  }
});

test("nothing is drawn before the space is known", () => {
  assert.deepEqual(grid(4, { width: 0, height: 0 }), []);
  assert.deepEqual(grid(0, spaces[0]!), []);
});

test("the own picture floats in the corner it was left nearest to", () => {
  for (const s of spaces) {
    for (const corner of ["top-left", "top-right", "bottom-left", "bottom-right"] as const) {
      const over = { x: 20, y: 10, ...s };
      const r = floating(corner, over);
      assert.ok(r.x >= over.x && r.x + r.width <= over.x + over.width && r.y >= over.y && r.y + r.height <= over.y + over.height);
      assert.equal(nearest(r.x - 20 + r.width / 2, r.y - 10 + r.height / 2, s), corner);
    }
  }
  assert.ok(gap > 0);
});

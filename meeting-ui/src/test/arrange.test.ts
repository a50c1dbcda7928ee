import assert from "node:assert/strict";
import { test } from "node:test";
import { arrange, wanted, type Wish } from "../stage/arrange.ts";
import type { Person } from "../call/state.ts";

const level = { value: 0 } as Person["level"];
function person(leaf: number, o: Partial<Person> = {}): Person {
  return {
    key: `a${leaf}/d`, leaf, account: `a${leaf}`, device: "d", name: `n${leaf}`, me: leaf === 0, host: false, mic: true, cam: true, screen: false, hand: null,
    camera: null, screenStream: null, audio: null, screenAudio: null, level, frames: level as never, connected: true, refused: null, quality: "good", guest: false, compared: false, inscribed: 0, unmet: false, ...o,
  };
}
const people = (n: number) => Array.from({ length: n }, (_, i) => person(i));
const wide = { width: 1416, height: 764 }, phone = { width: 344, height: 612 };
const wish = (o: Partial<Wish>): Wish => ({ people: people(3), layout: null, pinned: null, speaker: null, corner: "bottom-right", page: 0, ...o });
const stream = {} as MediaStream;

test("alone: only oneself, in a corner", () => {
  const p = arrange(wish({ people: people(1) }), wide);
  assert.equal(p.alone, true);
  assert.deepEqual(p.tiles.map((t) => t.floats), [true]);
});

test("two people: the other one large, oneself floating, and what floats covers no name", () => {
  const p = arrange(wish({ people: people(2) }), wide);
  assert.deepEqual(p.tiles.map((t) => [t.person.leaf, t.main, t.floats]), [[1, true, false], [0, false, true]]);
  assert.ok(p.tiles[0]!.covered!.end > p.tiles[1]!.rect.width && p.tiles[0]!.covered!.start === 0);
});

test("everybody stands in the grid once, oneself last", () => {
  const p = arrange(wish({ people: people(9) }), wide);
  assert.deepEqual(p.tiles.map((t) => t.person.leaf), [1, 2, 3, 4, 5, 6, 7, 8, 0]);
});

test("a phone shows the one who speaks, and the first person before anybody spoke", () => {
  assert.equal(arrange(wish({ people: people(5), speaker: 3 }), phone).tiles[0]!.person.leaf, 3);
  assert.equal(arrange(wish({ people: people(5) }), phone).tiles[0]!.person.leaf, 1);
  assert.equal(arrange(wish({ people: people(5), speaker: 3 }), phone).tiles.length, 2);
});

test("a shared screen takes the middle, a pin wins over it, a pin of somebody who left does not", () => {
  const some = [person(0), person(1), person(2, { screen: true, screenStream: stream }), person(3)];
  assert.deepEqual([arrange(wish({ people: some }), wide).tiles[0]!.person.leaf, arrange(wish({ people: some }), wide).tiles[0]!.kind], [2, "screen"]);
  assert.equal(arrange(wish({ people: some, pinned: "a3/d:camera" }), wide).tiles[0]!.person.leaf, 3);
  assert.equal(arrange(wish({ people: some, pinned: "a9/d:camera" }), wide).tiles[0]!.kind, "screen");
});

test("a screen that was announced but has not opened yet takes no place", () => {
  assert.equal(arrange(wish({ people: [person(0), person(1, { screen: true }), person(2)] }), wide).tiles.every((t) => t.kind === "camera"), true);
});

test("pages: everybody is on exactly one, a page beyond the last is the last", () => {
  const all = people(40), seen: number[] = [];
  const { pages } = arrange(wish({ people: all }), wide);
  assert.ok(pages > 1);
  for (let page = 0; page < pages; page++) seen.push(...arrange(wish({ people: all, page }), wide).tiles.map((t) => t.person.leaf));
  assert.deepEqual(seen.sort((a, b) => a - b), all.map((p) => p.leaf));
  assert.equal(arrange(wish({ people: all, page: 99 }), wide).page, pages - 1);
});

test("asks the server for what is on screen and nothing else, in device pixels", () => {
  const some = [person(0), person(1), person(2, { cam: false }), person(3, { screen: true, screenStream: stream })];
  const { tiles } = arrange(wish({ people: some }), wide);
  const asked = wanted(tiles, 2);
  assert.deepEqual(asked.map((t) => [t.leaf, t.kind]).sort(), [[1, "camera"], [3, "camera"], [3, "screen"]]);
  assert.equal(asked.find((t) => t.kind === "screen")!.height, Math.round(tiles[0]!.rect.height * 2));
});

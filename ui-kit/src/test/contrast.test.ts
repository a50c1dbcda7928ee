// The contrast of every pair of colours that text or a control's edge is made of, in the three worlds. WCAG 2.2: 4.5 for text, 3 for edges.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const css = readFileSync(new URL("../css/tokens.css", import.meta.url), "utf8");

function block(selector: string): string {
  const start = css.indexOf(`${selector} {`);
  assert.notEqual(start, -1, `tokens.css has no ${selector}`);
  return css.slice(start, css.indexOf("\n}", start));
}

type World = "light" | "dark" | "stage";
const root = block(":root"), stage = block(".stage");

function colour(name: string, world: World): [number, number, number] {
  const rule = new RegExp(`--${name}:\\s*([^;]+);`);
  const value = (world === "stage" ? rule.exec(stage) : null)?.[1] ?? rule.exec(root)?.[1];
  assert.ok(value, `--${name} is not set`);
  const pair = /light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\)/.exec(value);
  const hex = pair ? (world === "light" ? pair[1] : pair[2]) : /^#[0-9a-f]{6}$/.exec(value.trim())?.[0];
  assert.ok(hex, `--${name} is no colour that this test reads: ${value}`);
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255) as [number, number, number];
}

function luminance(c: [number, number, number]): number {
  const [r, g, b] = c.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string, world: World): number {
  const [x, y] = [luminance(colour(a, world)), luminance(colour(b, world))].sort((m, n) => n - m) as [number, number];
  return (x + 0.05) / (y + 0.05);
}

const text: [string, string[]][] = [
  ["ink", ["ground", "surface", "sunken", "hover", "accent-soft", "danger-soft", "attention-soft"]],
  ["ink-2", ["ground", "surface", "sunken", "hover"]],
  ["ink-3", ["ground", "surface", "sunken"]],
  ["accent", ["ground", "surface", "hover"]],
  ["accent-ink", ["accent-soft"]],
  ["on-accent", ["accent", "accent-hover"]],
  ["danger", ["ground", "surface", "danger-soft"]],
  ["on-danger", ["danger-solid", "danger-hover"]],
  ["on-proconnect", ["proconnect", "proconnect-hover"]],
  ["attention", ["ground", "surface", "attention-soft"]],
];
// Cameras read a QR code: far above what people need.
test("what is printed is dark on light in both worlds", () => {
  for (const world of ["light", "dark"] as const) {
    assert.ok(contrast("on-print", "print", world) > 15);
    assert.ok(luminance(colour("print", world)) > luminance(colour("on-print", world)));
  }
});

const edges: [string, string[]][] = [["edge", ["ground", "surface"]], ["accent", ["ground", "surface", "sunken"]]];

for (const world of ["light", "dark", "stage"] as const) {
  for (const [pairs, least] of [[text, 4.5], [edges, 3]] as const) {
    for (const [front, backs] of pairs) {
      for (const back of backs) {
        test(`${world}: ${front} on ${back} has at least ${least}`, () => {
          const c = contrast(front, back, world);
          assert.ok(c >= least, `${c.toFixed(2)} < ${least}`);
        });
      }
    }
  }
}

test("stage: what only the stage has", () => {
  for (const back of ["raised", "tile"]) assert.ok(contrast("ink", back, "stage") >= 4.5);
  for (const back of ["raised", "tile"]) assert.ok(contrast("ink-2", back, "stage") >= 4.5);
  assert.ok(contrast("on-paper", "paper", "stage") >= 4.5);
});

test("no colour is written outside of the tokens", () => {
  for (const file of ["base", "controls", "overlay", "show", "seal"]) {
    const other = readFileSync(new URL(`../css/${file}.css`, import.meta.url), "utf8");
    assert.doesNotMatch(other, /#[0-9a-f]{3,8}\b|rgba?\(/i, file);
  }
  for (const file of ["desk", "door", "stage", "tile", "bar", "panel"]) {
    const other = readFileSync(new URL(`../../../meeting-ui/src/css/${file}.css`, import.meta.url), "utf8");
    assert.doesNotMatch(other, /#[0-9a-f]{3,8}\b|rgba?\(/i, file);
  }
});

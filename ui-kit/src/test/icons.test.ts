import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
// @ts-expect-error a build script without types
import { icons, sprite } from "../../icons.mjs";

const named = [...readFileSync(new URL("../icon.tsx", import.meta.url), "utf8").split("export function")[0]!.matchAll(/"([a-z0-9-]+)"/g)].map((m) => m[1]);

test("the component's names are the sprite's", () => {
  assert.deepEqual([...named].sort(), [...(icons as string[])].sort());
});

test("the sprite holds geometry and nothing else", async () => {
  const svg: string = await sprite();
  for (const name of icons as string[]) assert.ok(svg.includes(`id="i-${name}"`), name);
  assert.doesNotMatch(svg, /style=|class="(?!sprite")|\bon[a-z]+=|href|<script|<!--/);
  assert.equal([...svg.matchAll(/<symbol /g)].length, (icons as string[]).length);
});

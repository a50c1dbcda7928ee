import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

// Read as texts: the module itself needs a browser.
const events = ["audit/events.go", "meetings/event.go"].map((f) => readFileSync(new URL(`../../../${f}`, import.meta.url), "utf8")).join("\n");
const actions = readFileSync(new URL("../words/actions.ts", import.meta.url), "utf8");
const gate = readFileSync(new URL("../../../media/gate/gate.go", import.meta.url), "utf8");
const words = readFileSync(new URL("../words/console.ts", import.meta.url), "utf8");

test("every action that the audit log documents has a name in both languages", () => {
  const documented = [...events.matchAll(/Action\s*=\s*"([a-z.-]+)"/g)].map((m) => m[1]!);
  assert.ok(documented.length > 20, "the sources were read");
  for (const action of documented) {
    assert.match(actions, new RegExp(`^ {2}"${action.replaceAll(".", "\\.")}": \\["[^"]+", "[^"]+"\\],$`, "m"), action);
  }
});

test("every reason of the gate has a name in both languages", () => {
  const reasons = [...gate.matchAll(/Reason\s*=\s*"([a-z-]+)"/g)].map((m) => m[1]!);
  assert.ok(reasons.length > 8, "gate.go was read");
  for (const reason of reasons) {
    const key = reason.includes("-") ? `"${reason}": "` : `${reason}: "`;
    assert.equal(words.split(key).length - 1, 2, reason);
  }
});

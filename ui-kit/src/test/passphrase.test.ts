// Fields of passphrases, in the sources of the kit and of both clients: masked at first, and in nobody's way.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const top = fileURLToPath(new URL("../../../", import.meta.url));

const sources = ["ui-kit/src", "meeting-ui/src", "admin-ui/src"].flatMap((folder) =>
  readdirSync(path.join(top, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".tsx") && !name.endsWith(".test.tsx"))
    .map((name) => ({ name: `${folder}/${name}`, text: readFileSync(path.join(top, folder, name), "utf8") })));

const fields = sources.flatMap(({ name, text }) =>
  [...text.matchAll(/<Passphrase\s[^>]*|<Input\s[^>]*type="password"[^>]*/g)].map((m) => ({ name, field: m[0] })));

test("a passphrase is masked until its reader asks", () => {
  // ASVS 6.2.6
  const kit = sources.find((s) => s.name === "ui-kit/src/field.tsx")!.text;
  const own = kit.slice(kit.indexOf("export function Passphrase("), kit.indexOf("export interface Option"));
  assert.match(own, /\[seen, setSeen\] = useState\(false\)/);
  assert.match(own, /type=\{seen \? "text" : "password"\}/);
  assert.ok(fields.length >= 6, `${fields.length} fields found; the search is broken`);
  // Whoever asks for a passphrase by that name to the browser uses a field that masks it.
  for (const { name, text } of sources) {
    const asked = [...text.matchAll(/autocomplete="(?:current|new)-password"/g)].length;
    assert.equal(fields.filter((f) => f.name === name).length, asked, name);
  }
});

test("pasting and password managers are let in", () => {
  // ASVS 6.2.7
  for (const { name, field } of fields) assert.match(field, /autocomplete="(?:current|new)-password"/, `${name}: ${field}`);
  for (const { name, text } of sources) assert.doesNotMatch(text, /onPaste|onBeforeInput|onDrop=|["'](?:paste|beforeinput)["']/, name);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBase64url, fromHex, toBase64url, toHex } from "../src/bytes.ts";
import { words } from "../src/words.ts";
import { workerURL } from "../src/urls.ts";

test("words of the BIP-39 lists, accents composed", () => {
  assert.deepEqual(words([0, 1, 2047], "en"), ["abandon", "ability", "zoo"]);
  assert.deepEqual(words([0, 2047], "fr"), ["abaisser", "zoologie"]);
  for (const lang of ["fr", "en"] as const) {
    const all = words(Array.from({ length: 2048 }, (_, i) => i), lang);
    assert.equal(new Set(all).size, 2048);
    for (const word of all) assert.equal(word, word.normalize("NFC"));
  }
  assert.ok(words(Array.from({ length: 2048 }, (_, i) => i), "fr").some((word) => /[éèê]/.test(word)));
  for (const index of [-1, 2048, 0.5, NaN]) assert.throws(() => words([index], "en"), RangeError);
});

test("base64url and hex have one spelling", () => {
  for (let n = 0; n < 70; n++) {
    const bytes = crypto.getRandomValues(new Uint8Array(n));
    assert.equal(toBase64url(bytes), Buffer.from(bytes).toString("base64url"));
    assert.deepEqual(fromBase64url(toBase64url(bytes)), bytes);
    assert.deepEqual(fromHex(toHex(bytes)), bytes);
  }
  for (const bad of ["A", "AAAAA", "AA==", "AB", "AAB", "A+", "A/", "A A", "é", "AA\n"]) assert.throws(() => fromBase64url(bad), RangeError, bad);
  for (const bad of ["0", "0g", "AB", " 0"]) assert.throws(() => fromHex(bad), RangeError, bad);
});

test("the policy takes the addresses of this build's workers and no other", () => {
  const scope = globalThis as { trustedTypes?: unknown };
  let made = 0;
  scope.trustedTypes = {
    createPolicy(name: string, rules: { createScriptURL(address: string): string }) {
      made++;
      assert.equal(name, "huisclos");
      for (const bad of ["", "/w/other.js", "https://elsewhere.example/w/frame-test.js", "/w/frame-test.js?x", "/w/mls-test.wasm"]) {
        assert.throws(() => rules.createScriptURL(bad), TypeError);
      }
      return rules;
    },
  };
  try {
    assert.equal(workerURL("frame"), "/w/frame-test.js");
    assert.equal(workerURL("mls"), "/w/mls-test.js");
    assert.equal(made, 1, "a second policy of the name would be refused");
  } finally {
    delete scope.trustedTypes;
  }
});

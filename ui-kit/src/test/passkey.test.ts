import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBase64url, notePasskeys, PasskeyTrouble, passkeysHere, passkeysUsable, toBase64url } from "../passkey.ts";

test("base64url without padding, both ways", () => {
  for (const [octets, text] of [[[], ""], [[0], "AA"], [[255, 254], "__4"], [[251, 255, 191], "-_-_"], [[1, 2, 3, 4], "AQIDBA"]] as const) {
    assert.equal(toBase64url(Uint8Array.from(octets).buffer), text);
    assert.deepEqual([...fromBase64url(text)], [...octets]);
  }
});

test("whether there can be passkeys is the server's to say, and the browser's", () => {
  for (const odd of [undefined, null, "yes", { possible: "yes" }, []]) notePasskeys(odd);
  assert.deepEqual(passkeysHere.value, { possible: false });
  notePasskeys({ possible: true });
  assert.equal(passkeysHere.value.possible, true);
  // Here is no browser.
  assert.equal(passkeysUsable(), false);
});

test("what the browser refused has a sentence in both languages", () => {
  for (const code of ["passkey-cancelled", "passkey-there", "passkey-failed"] as const) {
    const t = new PasskeyTrouble(code);
    assert.ok(t.text("fr").length > 20 && t.text("en").length > 20 && t.text("fr") !== t.text("en"));
    assert.equal(t.until, null);
  }
});

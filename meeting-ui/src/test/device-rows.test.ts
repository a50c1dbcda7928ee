import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBase64url } from "@huisclos/e2ee/bytes.ts";
import { deviceRows } from "../pages/device-rows.ts";

/** The generator of P-256 and its double; their SHA-256, counted with another program, begin with these digits. */
const one = "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU";
const two = "BHzyexiNA09-ilI4AwS1GsPAiWnid_IbNaYLSPxHZpl4B3dVENuO0EApPZrGn3Qw27p9reY86YIpngS3nSJ4c9E";
const list = [{ device: "BAUGBwgJCgsMDQ4PEBESEw", index: 9, time: 1_700_000_100, key: two }, { device: "AQIDBAUGBwgJCgsMDQ4PEA", index: 4, time: 1_700_000_000, key: one }];

test("devices are shown in their order, with the short forms of their ids and keys", async () => {
  assert.deepEqual(await deviceRows(list, null), [
    { number: 9, time: 1_700_000_100_000, id: "BAUG BwgJ", key: "a9f3 00eb", here: false },
    { number: 4, time: 1_700_000_000_000, id: "AQID BAUG", key: "698b ea63", here: false },
  ]);
  assert.deepEqual(await deviceRows([], null), []);
});

test("this browser is the one with its id and its key", async () => {
  const own = { id: fromBase64url(list[1]!.device), publicKey: fromBase64url(one) };
  assert.deepEqual((await deviceRows(list, own)).map((r) => r.here), [false, true]);
  assert.deepEqual((await deviceRows(list, { ...own, publicKey: fromBase64url(two) })).map((r) => r.here), [false, false], "the id alone is not enough");
});

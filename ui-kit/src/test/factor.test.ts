import assert from "node:assert/strict";
import { test } from "node:test";
import { grouped, qrPath, quietZone, recoveryCode, sixDigits } from "../factor.ts";

test("six digits, however they were typed or pasted", () => {
  for (const typed of ["123456", "123 456", " 12 34 56 ", "123\u00a0456", "123\u202f456\n", "123-456", "123.456", "１２３４５６"]) assert.equal(sixDigits(typed), "123456", JSON.stringify(typed));
  for (const typed of ["", "12345", "1234567", "12345a", "12 345", "-1.2e5"]) assert.equal(sixDigits(typed), null, JSON.stringify(typed));
  assert.equal(sixDigits("000 042"), "000042", "zeros stay");
});

test("a recovery code in any case, with or without its hyphen, with the letters that people confuse", () => {
  for (const typed of ["7KQ2M-9XA4B", "7kq2m9xa4b", " 7kq2m 9xa4b ", "7KQ2M–9XA4B"]) assert.equal(recoveryCode(typed), "7KQ2M-9XA4B", typed);
  assert.equal(recoveryCode("oOiIl-LabCD"), "00111-1ABCD");
  for (const typed of ["", "7KQ2M-9XA4", "7KQ2M-9XA4BC", "7KQ2M-9XA4U", "123 456"]) assert.equal(recoveryCode(typed), null, typed);
});

test("what has to be typed by hand is read in groups of four, grouped already or not", () => {
  assert.equal(grouped("JBSWY3DPEHPK3PXP"), "JBSW Y3DP EHPK 3PXP");
  assert.equal(grouped("JBSW Y3DP EHPK 3PXP"), "JBSW Y3DP EHPK 3PXP");
  assert.equal(grouped("ABCDEFGHIJ"), "ABCD EFGH IJ");
  assert.equal(grouped(""), "");
});

/** Draws the path again: each rectangle is "M x y h n v 1 h -n z". */
function drawn(path: string, side: number): string[] {
  const picture = Array.from({ length: side }, () => Array<string>(side).fill("0"));
  for (const [, x, y, n, back] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-(\d+)z/g)) {
    assert.equal(n, back);
    for (let i = 0; i < Number(n); i++) picture[Number(y)]![Number(x) + i] = "1";
  }
  return picture.map((r) => r.join(""));
}

test("the path of a QR code is its dark modules, with four light ones around", () => {
  const rows = ["1110111", "1010001", "1111111", "0000000", "1011001", "0100110", "1000001"];
  const { side, path } = qrPath(rows);
  assert.equal(quietZone, 4);
  assert.equal(side, 15);
  assert.match(path, /^(M\d+ \d+h\d+v1h-\d+z)+$/, "geometry and nothing else");
  const light = "0".repeat(side), beside = "0".repeat(quietZone);
  assert.deepEqual(drawn(path, side), [...Array<string>(4).fill(light), ...rows.map((r) => beside + r + beside), ...Array<string>(4).fill(light)]);
  assert.deepEqual(qrPath([]), { side: 8, path: "" });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { bind } from "../typeset.ts";

test("no line ends inside of French quotation marks, in sentences, what functions make of them, lists and records", () => {
  const own = new Date(0);
  const t = bind({
    plain: "Voir « Réunions »", none: "« vide", made: (n: number, name: string) => `${n} fois « ${name} »`,
    list: ["« a »", "b"] as [string, string], under: { of: (who: string) => ({ text: `« ${who} »` }) } as Record<string, (who: string) => { text: string }>, own, count: 3, gone: null,
  });
  assert.equal(t.plain, "Voir «\u00a0Réunions\u00a0»");
  assert.equal(t.none, "«\u00a0vide");
  assert.equal(t.made(2, "Salle"), "2 fois «\u00a0Salle\u00a0»");
  assert.deepEqual(t.list, ["«\u00a0a\u00a0»", "b"]);
  assert.deepEqual(t.under.of?.("Ada"), { text: "«\u00a0Ada\u00a0»" });
  assert.equal(t.own, own);
  assert.deepEqual([t.count, t.gone], [3, null]);
});

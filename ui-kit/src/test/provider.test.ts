// Where somebody was going stays in the browser while they are at the provider, and leads nowhere but into this site.
import assert from "node:assert/strict";
import { test } from "node:test";
import { keepWay, ours, takeWay } from "../provider.ts";

function store() {
  const m = new Map<string, string>();
  return { getItem: (k: string) => m.get(k) ?? null, setItem: (k: string, v: string) => { m.set(k, v); }, removeItem: (k: string) => { m.delete(k); }, key: (i: number) => [...m.keys()][i] ?? null, get length() { return m.size; } };
}

test("the way is kept whole, with its fragment, and given once", () => {
  const s = store();
  keepWay("a", "/r/AAAAAAAAAAAAAAAAAAAAAA#BBBBBBBBBBBBBBBBBBBBBB", 1000, s);
  assert.equal(takeWay("b", s), "/");
  assert.equal(takeWay("a", s), "/r/AAAAAAAAAAAAAAAAAAAAAA#BBBBBBBBBBBBBBBBBBBBBB");
  assert.equal(takeWay("a", s), "/");
});

test("what was left behind is forgotten after a quarter of an hour, and what is not ours never followed", () => {
  const s = store();
  s.setItem("huisclos.lang", "fr");
  s.setItem("huisclos.way.broken", "{}");
  keepWay("a", "/account", 1000, s);
  keepWay("b", "//evil.example/", 1000 + 14 * 60_000, s);
  assert.equal(s.length, 3);
  keepWay("c", "/", 1000 + 16 * 60_000, s);
  assert.deepEqual([takeWay("a", s), takeWay("b", s), takeWay("c", s), s.getItem("huisclos.lang")], ["/", "/", "/", "fr"]);
  for (const to of ["//evil.example", "https://evil.example", "/\\evil.example", "mailto:x", "", "evil", "/a\\b", "/a b", "/oidc/callback?x"]) assert.equal(ours(to), false, to);
  for (const to of ["/", "/console/accounts?new", "/account#second-factor"]) assert.equal(ours(to), true, to);
});

test("a browser that keeps nothing still comes back", () => {
  const broken = { get length(): number { throw new Error("refused"); } } as never;
  keepWay("a", "/account", 0, broken);
  assert.equal(takeWay("a", broken), "/");
});

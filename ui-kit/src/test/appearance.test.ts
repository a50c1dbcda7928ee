import assert from "node:assert/strict";
import { test } from "node:test";

Object.assign(globalThis, { localStorage: { getItem: () => null, setItem: () => undefined }, document: { documentElement: { style: {}, dataset: {} } } });
Object.defineProperty(globalThis, "navigator", { value: { languages: ["fr"] }, configurable: true });
const { inWords, paint, readAppearance } = await import("../appearance.ts");

const shades = { accent: "#112233", hover: "#112233", on: "#ffffff", soft: "#eeeeee", ink: "#000000" };
const element = () => {
  const set = new Map<string, string>();
  return { set, el: { style: { setProperty: (k: string, v: string) => set.set(k, v), removeProperty: (k: string) => set.delete(k) } } as unknown as HTMLElement };
};

test("only what is of its form is shown", () => {
  const a = readAppearance({ name: "Mairie", accent: "red", logo: "//evil.test/x.png", legal: { fr: 3, en: "Text" }, palette: { light: shades, dark: { ...shades, soft: "#fff;} *{" } }, contact: null });
  assert.deepEqual(a, { name: "Mairie", accent: "", logo: "", legal: { fr: "", en: "Text" }, privacy: { fr: "", en: "" }, contact: "" });
  assert.equal(readAppearance(null).name, "Huis Clos");
  assert.equal(inWords(a.legal), "Text");
});

test("a palette sets the five tokens of the accent, and none takes them back", () => {
  const { set, el } = element();
  paint(el, { light: shades, dark: shades });
  assert.deepEqual([...set.keys()], ["--accent", "--accent-hover", "--on-accent", "--accent-soft", "--accent-ink"]);
  assert.equal(set.get("--accent"), "light-dark(#112233, #112233)");
  paint(el, { light: shades, dark: { ...shades, accent: "url(x)" } });
  assert.equal(set.size, 0);
});

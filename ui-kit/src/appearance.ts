/**
 * How the organisation wants its appliance to look: its name, its picture, one accent colour and a few texts. The server says it to
 * anybody (/api/appearance). Nothing of it is ever markup or a style sheet: colours are read here, one by one, and set as values of the
 * tokens that are meant for them, so that whoever serves them can colour a button and nothing more.
 */
import { signal } from "@preact/signals";
import { lang } from "./i18n.ts";
import { recall, remember } from "./storage.ts";

/** One text in both languages; one that is empty is shown in the other's words. */
export interface BothTexts { fr: string; en: string }
interface Shades { accent: string; hover: string; on: string; soft: string; ink: string }
export interface Palette { light: Shades; dark: Shades }
export interface Appearance { name: string; accent: string; palette?: Palette; logo: string; legal: BothTexts; privacy: BothTexts; contact: string }

export const ownName = "Huis Clos";
const none: Appearance = { name: ownName, accent: "", logo: "", legal: { fr: "", en: "" }, privacy: { fr: "", en: "" }, contact: "" };
export const appearance = signal<Appearance>(none);

const tokens = [["accent", "accent"], ["accent-hover", "hover"], ["on-accent", "on"], ["accent-soft", "soft"], ["accent-ink", "ink"]] as const;
const colour = /^#[0-9a-f]{6}$/;

/** The palette, if each of its colours is one. */
function whole(p: unknown): p is Palette {
  if (typeof p !== "object" || p === null) return false;
  return (["light", "dark"] as const).every((world) => tokens.every(([, part]) => colour.test(String((p as Record<string, Record<string, unknown> | undefined>)[world]?.[part]))));
}

/** Sets the tokens of the accent on an element; without a palette they are the product's own again. */
export function paint(on: HTMLElement, p: Palette | undefined): void {
  const fits = whole(p);
  for (const [token, part] of tokens) {
    if (fits) on.style.setProperty(`--${token}`, `light-dark(${p.light[part]}, ${p.dark[part]})`);
    else on.style.removeProperty(`--${token}`);
  }
}

const text = (v: unknown): string => typeof v === "string" ? v : "";
const both = (v: unknown): BothTexts => { const o = v as Partial<BothTexts> | undefined; return { fr: text(o?.fr), en: text(o?.en) }; };

/** What the server said, without what is not of its form. */
export function readAppearance(v: unknown): Appearance {
  const o = (typeof v === "object" && v !== null ? v : {}) as Record<string, unknown>;
  const logo = text(o.logo);
  return {
    name: text(o.name) || ownName, accent: colour.test(text(o.accent)) ? text(o.accent) : "", logo: /^\/logo\/[0-9a-f]{64}\.png$/.test(logo) ? logo : "",
    legal: both(o.legal), privacy: both(o.privacy), contact: text(o.contact), ...(whole(o.palette) ? { palette: o.palette } : {}),
  };
}

/** Shows it from now on, and from the first picture of the next page. */
export function wear(a: Appearance): void {
  appearance.value = a;
  paint(document.documentElement, a.palette);
  remember("appearance", JSON.stringify(a));
}

/** What was shown last, then what the server says; without an answer it stays. */
export async function askAppearance(): Promise<void> {
  const kept = recall("appearance");
  if (kept) try { wear(readAppearance(JSON.parse(kept))); } catch { /* not of ours */ }
  try {
    const answer = await fetch("/api/appearance", { headers: { Accept: "application/json" } });
    if (answer.ok) wear(readAppearance(await answer.json()));
  } catch { /* offline: the page says so itself */ }
}

export const inWords = (t: BothTexts): string => (lang.value === "fr" ? t.fr || t.en : t.en || t.fr);

/**
 * Language of the interface: French or English, from the browser, switchable, remembered.
 * A dictionary is an object of sentences and of functions that make sentences; English has the type of the French one,
 * so that a missing sentence does not compile. Plurals, dates and numbers are made by Intl.
 */
import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import { recall, remember } from "./storage.ts";
import { bind } from "./typeset.ts";

export type Lang = "fr" | "en";

function first(): Lang {
  const chosen = recall("lang");
  if (chosen === "fr" || chosen === "en") return chosen;
  for (const l of navigator.languages) {
    const two = l.slice(0, 2).toLowerCase();
    if (two === "fr" || two === "en") return two;
  }
  return "fr";
}

export const lang = signal<Lang>(first());
/** What was chosen on this page, since it was opened. */
const chosen = signal<Lang | null>(null);

export function chooseLang(l: Lang): void {
  chosen.value = l;
  lang.value = l;
  remember("lang", l);
}

/**
 * Brings the page and the account of who is signed in together: mails are written in the account's language. What is chosen here is kept
 * there, and so is what this browser remembers where the account knows nothing; a browser that remembers nothing takes the account's.
 */
export function agreeOnLang(kept: Lang | undefined, keep: (l: Lang) => Promise<void>): void {
  const remembered = recall("lang"), here = remembered === "fr" || remembered === "en" ? remembered : null;
  const wanted = chosen.value ?? (kept ? null : here);
  if (wanted && wanted !== kept) void keep(wanted);
  else if (kept && !here && kept !== lang.peek()) lang.value = kept;
}

effect(() => { document.documentElement.lang = lang.value; });

export function dictionary<T>(fr: T, en: NoInfer<T>): ReadonlySignal<T> {
  const bound = bind(fr);
  return computed(() => (lang.value === "fr" ? bound : en));
}

const rules = { fr: new Intl.PluralRules("fr"), en: new Intl.PluralRules("en") };
const numbers = { fr: new Intl.NumberFormat("fr"), en: new Intl.NumberFormat("en-GB") };
const tags = { fr: "fr-FR", en: "en-GB" } as const;

/** plural("fr", n, "personne", "personnes") → "1 personne", "2 personnes"; the number stands first, grouped as the language does. */
export function plural(l: Lang, n: number, one: string, other: string): string {
  return `${numbers[l].format(n)} ${rules[l].select(n) === "one" ? one : other}`;
}

export function count(n: number): string { return numbers[lang.value].format(n); }

type When = string | number | Date;
const formats = new Map<string, Intl.DateTimeFormat>();
function format(kind: string, o: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = lang.value + kind;
  let f = formats.get(key);
  if (!f) formats.set(key, (f = new Intl.DateTimeFormat(tags[lang.value], o)));
  return f;
}

export const date = (w: When): string => format("d", { day: "numeric", month: "long", year: "numeric" }).format(new Date(w));
export const dateTime = (w: When): string => format("dt", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" }).format(new Date(w));
export const exactTime = (w: When): string => format("et", { day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(new Date(w));
export const time = (w: When): string => format("t", { hour: "2-digit", minute: "2-digit" }).format(new Date(w));

/** How long ago, in the largest unit that says something. */
export function ago(w: When, now = Date.now()): string {
  const s = Math.round((new Date(w).getTime() - now) / 1000);
  const f = new Intl.RelativeTimeFormat(tags[lang.value], { numeric: "auto" });
  const a = Math.abs(s);
  if (a < 60) return f.format(0, "minute") === "this minute" ? "just now" : "à l’instant";
  if (a < 3600) return f.format(Math.round(s / 60), "minute");
  if (a < 86400) return f.format(Math.round(s / 3600), "hour");
  if (a < 86400 * 30) return f.format(Math.round(s / 86400), "day");
  return date(w);
}

/** 0:07, 12:34, 1:02:03 */
export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** In words: 42 seconds, 12 minutes, 2 hours 5 minutes. */
export function span(ms: number): string {
  const unit = (n: number, u: "second" | "minute" | "hour") => new Intl.NumberFormat(tags[lang.value], { style: "unit", unit: u, unitDisplay: "long" }).format(n);
  const s = Math.max(0, Math.floor(ms / 1000)), m = Math.floor(s / 60), h = Math.floor(m / 60);
  return h > 0 ? (m % 60 > 0 ? `${unit(h, "hour")} ${unit(m % 60, "minute")}` : unit(h, "hour")) : m > 0 ? unit(m, "minute") : unit(s, "second");
}

export function list(names: string[]): string {
  return new Intl.ListFormat(tags[lang.value], { type: "conjunction" }).format(names);
}

export function compareNames(a: string, b: string): number { return a.localeCompare(b, lang.value, { sensitivity: "base", numeric: true }); }

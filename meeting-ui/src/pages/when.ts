/** Dates of meetings as people read them: in their own time zone, and in words. */
import { lang } from "@huisclos/ui-kit";
import { planWords } from "../words/plan.ts";
import type { Recurrence } from "../api/index.ts";

const tag = () => (lang.value === "fr" ? "fr-FR" : "en-GB");
export const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** Every zone that the browser knows; the own one among them whatever it knows. */
export function zones(): string[] {
  const all = typeof Intl.supportedValuesOf === "function" ? Intl.supportedValuesOf("timeZone") : [];
  return [...new Set([ownZone(), "UTC", ...all])].sort();
}

export const weekday = (day: number, style: "long" | "short" = "long"): string =>
  new Intl.DateTimeFormat(tag(), { weekday: style, timeZone: "UTC" }).format(new Date(Date.UTC(2024, 0, 7 + day))); // the 7th was a Sunday

/** "mardi 6 janvier, 09:30", in the zone given or the reader's own. */
export const moment = (at: string, zone = ownZone()): string =>
  new Intl.DateTimeFormat(tag(), { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", timeZone: zone }).format(new Date(at));
export const hour = (at: Date, zone = ownZone()): string => new Intl.DateTimeFormat(tag(), { hour: "2-digit", minute: "2-digit", timeZone: zone }).format(at);
export const dayOf = (date: string): string => new Intl.DateTimeFormat(tag(), { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" }).format(new Date(`${date}T12:00:00Z`));

/** The day that a list stands under: today, tomorrow, or its name. */
export function heading(at: Date, now = new Date()): string {
  const t = planWords.value.coming, day = (d: Date) => d.toDateString();
  if (day(at) === day(now)) return t.today;
  if (day(at) === day(new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1))) return t.tomorrow;
  return new Intl.DateTimeFormat(tag(), { weekday: "long", day: "numeric", month: "long" }).format(at);
}

/** Day of the week of a date as a form writes it. */
export const weekdayOf = (date: string): number => new Date(`${date}T12:00:00Z`).getUTCDay();
/** Which one of its weekday in its month: 1 to 4, or -1 for the last where it is the fifth. */
export function nthOf(date: string): number {
  const n = Math.ceil(new Date(`${date}T12:00:00Z`).getUTCDate() / 7);
  return n > 4 ? -1 : n;
}

/** "chaque semaine, le lundi et jeudi, jusqu’au 31 mars 2026" */
export function inWords(r: Recurrence): string {
  const t = planWords.value;
  const days = r.frequency === "weekly" && (r.days ?? []).length > 0 ? t.on(new Intl.ListFormat(tag(), { type: "conjunction" }).format(monday(r.days ?? []).map((d) => weekday(d)))) : "";
  return [t.every[r.frequency](r.every), days, r.until ? t.until(dayOf(r.until)) : t.times(r.count)].filter(Boolean).join(", ");
}

/** Weeks begin on Monday. */
export const monday = (days: readonly number[]): number[] => [...days].sort((a, b) => (a + 6) % 7 - (b + 6) % 7);

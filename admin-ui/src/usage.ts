/** What the statistics make of days: their sums, the classes of sizes, a file for a spreadsheet. */
import type { Day } from "./watch.ts";

export interface Sums { calls: number; minutes: number; most: number; people: number; sizes: number[] }

export function sumsOf(days: readonly Day[]): Sums {
  const sums: Sums = { calls: 0, minutes: 0, most: 0, people: 0, sizes: [] };
  for (const d of days) {
    sums.calls += d.calls;
    sums.minutes += d.minutes;
    sums.most = Math.max(sums.most, d.most);
    sums.people = Math.max(sums.people, d.people);
    d.sizes.forEach((n, i) => { sums.sizes[i] = (sums.sizes[i] ?? 0) + n; });
  }
  return sums;
}

/** The classes between bounds: 1, 2, 4 → [1,1], [2,2], [3,4], [5,…]. */
export function classesOf(bounds: readonly number[]): { low: number; high: number | null }[] {
  const out: { low: number; high: number | null }[] = [];
  let low = 1;
  for (const high of bounds) {
    out.push({ low, high });
    low = high + 1;
  }
  return [...out, { low, high: null }];
}

/** A cell that a spreadsheet takes for a formula begins with an apostrophe (OWASP, CSV injection). */
function cell(value: string | number): string {
  const text = String(value), safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csv(rows: readonly (readonly (string | number)[])[]): string {
  return rows.map((r) => r.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** A date so many days before another, in the form of ISO 8601. */
export function before(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) - days * 86_400_000).toISOString().slice(0, 10);
}

/** Values of settings as people write and read them. */
import { count } from "@huisclos/ui-kit";
import type { Setting, Value } from "../settings-api.ts";
import { settingsWords } from "../words/settings.ts";

/** What was chosen last, be it in force or not. */
export const chosenOf = (s: Setting): Value => s.chosen !== undefined ? s.chosen : s.value;

/** As it stands in a field. */
export function written(v: Value): string {
  if (v === null || v === undefined) return "";
  return Array.isArray(v) ? v.join("\n") : String(v);
}

/** What a field says; undefined: it is no value of that kind. An empty number is the default. */
export function read(kind: Setting["kind"], text: string): Value | undefined {
  switch (kind) {
    case "list": return text.split("\n").map((l) => l.trim()).filter((l) => l !== "");
    case "number": return text.trim() === "" ? null : /^\d{1,9}$/.test(text.trim()) ? Number(text) : undefined;
    case "secret": case "pem": return text;
    default: return text.trim();
  }
}

export const same = (a: Value, b: Value): boolean => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/** In words. */
export function shown(v: Value, choice = false): string {
  const t = settingsWords.value;
  if (v === null || v === undefined || v === "" || (Array.isArray(v) && v.length === 0)) return t.empty;
  if (typeof v === "boolean") return v ? t.yes : t.no;
  if (typeof v === "number") return count(v);
  return Array.isArray(v) ? v.join(", ") : choice ? t.options[v] ?? v : v;
}

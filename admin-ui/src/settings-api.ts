/** Settings, their history, the appearance, the trials and the first start, as the server has them. */
import { withProof, type Appearance, type BothTexts, type Palette } from "@huisclos/ui-kit";
import { request } from "../../meeting-ui/src/api/index.ts";

export type Value = string | number | boolean | string[] | null;
export interface Setting {
  name: string; value: Value; default: Value; from: "default" | "console" | "file" | "command"; file?: string;
  live: boolean; /** It can be set here, unless a file fixes it. */ console: boolean;
  kind: "text" | "number" | "bool" | "list" | "choice" | "secret" | "pem"; choices?: string[]; /** Of a secret: there is one. */ set?: boolean;
  /** What was chosen here and is not in force, and why not. */ chosen?: Value; why?: { fr: string; en: string };
}
export interface Settings { settings: Setting[]; needsRestart: string[] }
export type Changes = Record<string, Value>;
export interface Changed { name: string; before: Value; after: Value }
export interface Change { id: number; time: string; source?: string; author?: string; authorName?: string; to?: number; changes: Changed[] }
export interface Line { name: string; state: "ok" | "missing" | "unknown"; detail: { fr: string; en: string }; why: { fr: string; en: string }; do: { fr: string; en: string } }
export type CheckName = "mail" | "directory" | "provider" | "syslog";
export type StepName = "organisation" | "addresses" | "tls" | "mail" | "sources" | "people" | "connection";
export type StepState = "open" | "done" | "later";
export interface Progress { steps: { step: StepName; state: StepState }[]; begun: boolean; over: boolean }
export interface LookChange { accent?: string; legal?: BothTexts; privacy?: BothTexts; contact?: string }

export const settingsApi = {
  settings: () => request<Settings>("GET", "/api/admin/settings"),
  change: (changes: Changes) => withProof(() => request<Settings>("PATCH", "/api/admin/settings", { changes })),
  history: (after: string) => request<{ changes: Change[]; next: string }>("GET", `/api/admin/settings/history${after ? `?after=${encodeURIComponent(after)}` : ""}`),
  goBack: (change: number) => withProof(() => request<Settings>("POST", `/api/admin/settings/history/${change}/rollback`, {})),
  check: async (what: CheckName, to = "") => (await request<{ lines: Line[] }>("POST", `/api/admin/check/${what}`, to ? { to } : {})).lines,
  progress: () => request<Progress>("GET", "/api/admin/progress"),
  step: (step: StepName, state: StepState) => request<Progress>("PATCH", "/api/admin/progress", { step, state }),
  over: (over: boolean) => request<Progress>("PATCH", "/api/admin/progress", { over }),
  appearance: () => request<Appearance>("GET", "/api/appearance"),
  look: (change: LookChange) => request<Appearance>("PATCH", "/api/admin/appearance", change),
  tryAccent: async (accent: string) => (await request<{ palette: Palette }>("POST", "/api/admin/appearance/accent", { accent })).palette,
  logo: (picture: string) => request<Appearance>("POST", "/api/admin/appearance/logo", { picture }),
  noLogo: () => request<Appearance>("DELETE", "/api/admin/appearance/logo"),
};

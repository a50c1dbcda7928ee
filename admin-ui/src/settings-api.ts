/** Settings, as the server has them. */
import { withProof } from "@huisclos/ui-kit";
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

export const settingsApi = {
  settings: () => request<Settings>("GET", "/api/admin/settings"),
  change: (changes: Changes) => withProof(() => request<Settings>("PATCH", "/api/admin/settings", { changes })),
};

/** Which sections of the console each role has. What stands in them is the server's to refuse; here is only what can work. */
import type { IconName } from "@huisclos/ui-kit";
import type { Role } from "./api.ts";

export type SectionName = "" | "accounts" | "groups" | "directory" | "provisioning" | "calls" | "policy" | "profiles" | "proposals" | "audit" | "about" | "account";

export const icons: Readonly<Record<SectionName, IconName>> = {
  "": "activity", accounts: "users-round", groups: "layout-grid", directory: "list", provisioning: "user-plus", calls: "video", policy: "shield-check", profiles: "lock", proposals: "hand", audit: "scroll-text", about: "info", account: "circle-user-round",
};

const sections: Readonly<Partial<Record<Role, readonly SectionName[]>>> = {
  administrator: ["", "accounts", "groups", "directory", "provisioning", "calls", "policy", "profiles", "proposals", "audit", "account", "about"],
  officer: ["policy", "profiles", "proposals", "audit", "account", "about"],
  auditor: ["audit", "account", "about"],
};

/** In the order of the navigation; none for a role that the console is not for. */
export const sectionsOf = (role: Role): readonly SectionName[] => sections[role] ?? [];

/** Where the console begins for a role. */
export const homeOf = (role: Role): SectionName => sectionsOf(role)[0] ?? "";

export const has = (role: Role, at: string): at is SectionName => sectionsOf(role).includes(at as SectionName);

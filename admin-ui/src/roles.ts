/** The sections of the console: in which group of the navigation each stands, and whose it is. What stands in them is the server's to refuse; here is only what can work. */
import type { IconName } from "@huisclos/ui-kit";
import type { Role } from "./api.ts";

/** A group of the navigation; "" stands above all, without a heading. */
export type GroupName = "" | "people" | "meetings" | "appliance" | "security" | "mine";
interface Row { readonly at: string; readonly group: GroupName; readonly icon: IconName; readonly roles: readonly Role[] }

const administrators = ["administrator"] as const, deciders = ["administrator", "officer"] as const, watchers = ["administrator", "officer", "auditor"] as const;

/** One line for each section, in the order of the navigation; those of a group stand together. A section is here once its page is there. */
const table = [
  { at: "", group: "", icon: "activity", roles: administrators },
  { at: "accounts", group: "people", icon: "users-round", roles: administrators },
  { at: "groups", group: "people", icon: "layout-grid", roles: administrators },
  { at: "directory", group: "people", icon: "list", roles: administrators },
  { at: "provisioning", group: "people", icon: "user-plus", roles: administrators },
  { at: "calls", group: "meetings", icon: "video", roles: administrators },
  { at: "statistics", group: "meetings", icon: "activity", roles: administrators },
  { at: "settings", group: "appliance", icon: "settings-2", roles: administrators },
  { at: "appearance", group: "appliance", icon: "sparkles", roles: administrators },
  { at: "tls", group: "appliance", icon: "lock", roles: administrators },
  { at: "backups", group: "appliance", icon: "download", roles: administrators },
  { at: "updates", group: "appliance", icon: "refresh-cw", roles: administrators },
  { at: "programs", group: "appliance", icon: "link-2", roles: administrators },
  { at: "logs", group: "appliance", icon: "list", roles: administrators },
  { at: "policy", group: "security", icon: "shield-check", roles: deciders },
  { at: "profiles", group: "security", icon: "lock", roles: deciders },
  { at: "proposals", group: "security", icon: "hand", roles: deciders },
  { at: "audit", group: "security", icon: "scroll-text", roles: watchers },
  { at: "posture", group: "security", icon: "eye", roles: watchers },
  { at: "account", group: "mine", icon: "circle-user-round", roles: watchers },
  { at: "about", group: "mine", icon: "info", roles: watchers },
] as const satisfies readonly Row[];

export type SectionName = (typeof table)[number]["at"];
export interface Section { readonly at: SectionName; readonly icon: IconName }

const of = (role: Role): (Row & Section)[] => table.filter((s: Row) => s.roles.includes(role));

/** In the order of the navigation; none for a role that the console is not for. */
export const sectionsOf = (role: Role): readonly SectionName[] => of(role).map((s) => s.at);

/** The navigation of a role: its groups, none of them empty. */
export function groupsOf(role: Role): { name: GroupName; sections: Section[] }[] {
  const groups: { name: GroupName; sections: Section[] }[] = [];
  for (const s of of(role)) {
    const last = groups.at(-1);
    if (last?.name === s.group) last.sections.push(s);
    else groups.push({ name: s.group, sections: [s] });
  }
  return groups;
}

/** Where the console begins for a role. */
export const homeOf = (role: Role): SectionName => sectionsOf(role)[0] ?? "";

export const has = (role: Role, at: string): at is SectionName => sectionsOf(role).includes(at as SectionName);

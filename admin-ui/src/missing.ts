/** What an appliance still lacks of its second pair of eyes and of the factors that its rules ask for, and what organisers ask of its administrators. */
import type { Account, Policy, Role } from "./api.ts";

export type Missing =
  | { what: "officer" | "auditor" | "second" }
  | { what: "invited"; name: string; role: Role }
  | { what: "factors" | "asked"; names: string[] };

export function missingOf(accounts: readonly Account[], policy: Policy): Missing[] {
  const all: Missing[] = [];
  const of = (role: Role, state: Account["state"]) => accounts.filter((a) => a.role === role && a.state === state);
  for (const role of ["officer", "auditor"] as const) {
    const invited = of(role, "invited")[0];
    if (of(role, "active").length > 0) continue;
    all.push(invited ? { what: "invited", name: invited.name, role } : { what: role });
  }
  if (of("officer", "active").length === 1 && of("officer", "invited").length === 0) all.push({ what: "second" });
  const without = accounts.filter((a) => a.state === "active" && !a.secondFactor && a.role !== "guest" && policy.twoFactors[a.role] !== "optional");
  if (without.length > 0) all.push({ what: "factors", names: without.map((a) => a.name) });
  const asked = accounts.filter((a) => a.guest?.asked);
  if (asked.length > 0) all.push({ what: "asked", names: asked.map((a) => a.name) });
  return all;
}

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Account, Policy, Role, State } from "../api.ts";
import { missingOf } from "../missing.ts";

const account = (name: string, role: Role, state: State = "active", secondFactor = true): Account => ({ id: name, name, email: `${name}@example.test`, role, state, secondFactor, created: "" });
const policy = (organiser: "required" | "optional" = "optional"): Policy => ({ twoFactors: { administrator: "always", officer: "always", auditor: "always", organiser, member: "optional" }, officers: 0, guests: { allowed: true, days: 30, maxDays: 90, maxUses: 100 } });
const ada = account("ada", "administrator");

const table: [what: string, accounts: Account[], policy: Policy, missing: ReturnType<typeof missingOf>][] = [
  ["an administrator alone", [ada], policy(), [{ what: "officer" }, { what: "auditor" }]],
  ["who was invited and has not come", [ada, account("odile", "officer", "invited", false), account("aldo", "auditor", "invited", false)], policy(),
    [{ what: "invited", name: "odile", role: "officer" }, { what: "invited", name: "aldo", role: "auditor" }]],
  ["one officer, an auditor", [ada, account("odile", "officer"), account("aldo", "auditor")], policy(), [{ what: "second" }]],
  ["a second officer on the way", [ada, account("odile", "officer"), account("denis", "officer", "invited", false), account("aldo", "auditor")], policy(), []],
  ["two officers, one of them disabled", [ada, account("odile", "officer"), account("denis", "officer", "disabled"), account("aldo", "auditor")], policy(), [{ what: "second" }]],
  ["everybody there", [ada, account("odile", "officer"), account("denis", "officer"), account("aldo", "auditor"), account("hélène", "organiser", "active", false)], policy(), []],
  ["a full account that an organiser asks for", [ada, account("odile", "officer"), account("denis", "officer"), account("aldo", "auditor"), { ...account("gus", "guest"), guest: { organiser: "o", name: "Olga", rooms: 1, until: "", asked: { id: "o", name: "Olga" } } }], policy(), [{ what: "asked", names: ["gus"] }]],
  ["factors that the rules ask for", [ada, account("odile", "officer", "active", false), account("denis", "officer"), account("aldo", "auditor"), account("hélène", "organiser", "active", false), account("bruno", "organiser", "disabled", false), account("marc", "member", "active", false), account("gus", "guest", "active", false)], policy("required"),
    [{ what: "factors", names: ["odile", "hélène"] }]],
];
for (const [what, accounts, rules, missing] of table) test(what, () => assert.deepEqual(missingOf(accounts, rules), missing));

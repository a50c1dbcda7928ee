import assert from "node:assert/strict";
import { test } from "node:test";
import { has, homeOf, sectionsOf } from "../roles.ts";

test("each role has its own sections and no other", () => {
  assert.deepEqual(sectionsOf("auditor"), ["audit", "account", "about"]);
  assert.deepEqual(sectionsOf("officer"), ["policy", "profiles", "proposals", "audit", "account", "about"]);
  for (const section of ["accounts", "directory", "provisioning", "calls"]) for (const role of ["officer", "auditor"] as const) assert.ok(!has(role, section), `${role}: ${section}`);
  for (const role of ["organiser", "member", "guest"] as const) assert.deepEqual(sectionsOf(role), []);
});

test("the console begins with something that the role has", () => {
  for (const role of ["administrator", "officer", "auditor"] as const) assert.ok(has(role, homeOf(role)), role);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { groupsOf, has, homeOf, sectionsOf } from "../roles.ts";

test("each role has its own sections and no other", () => {
  assert.deepEqual(sectionsOf("auditor"), ["audit", "posture", "account", "about"]);
  assert.deepEqual(sectionsOf("officer"), ["policy", "profiles", "proposals", "audit", "posture", "account", "about"]);
  for (const section of ["accounts", "directory", "provisioning", "calls", "backups"]) for (const role of ["officer", "auditor"] as const) assert.ok(!has(role, section), `${role}: ${section}`);
  for (const role of ["organiser", "member", "guest"] as const) assert.deepEqual(sectionsOf(role), []);
});

test("the console begins with something that the role has", () => {
  for (const role of ["administrator", "officer", "auditor"] as const) assert.ok(has(role, homeOf(role)), role);
});

test("the navigation has each section once, each group once, and no empty group", () => {
  for (const role of ["administrator", "officer", "auditor"] as const) {
    const groups = groupsOf(role);
    assert.deepEqual(groups.flatMap((g) => g.sections.map((s) => s.at)), [...sectionsOf(role)]);
    assert.equal(new Set(groups.map((g) => g.name)).size, groups.length, role);
    assert.ok(groups.every((g) => g.sections.length > 0));
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { MLSError } from "@huisclos/e2ee";
import { ApiError } from "../../api/index.ts";
import { Call, type CallParts } from "../call.ts";
import { logCode, refusedCode } from "../keylog.ts";
import { Lobby } from "../lobby.ts";
import { People } from "../people.ts";
import type { GroupView } from "../ports.ts";
import type { Session } from "../session.ts";
import { CallSignals, type ReasonCode } from "../state.ts";
import { FakeCore } from "./core.ts";

(globalThis as { __TESTHOOK__?: boolean }).__TESTHOOK__ = false;

const caught = (rule: string) => new MLSError({ message: `the server: ${rule}`, reason: rule, rule });
const refused = (status: number, code: string) => new ApiError(status, code, "", "");

test("what the server is caught at, and what it says itself, have their own names", () => {
  for (const rule of ["log-key", "log-shorter", "log-forked", "log-statement"] as const) assert.equal(logCode(caught(rule)), rule);
  for (const code of ["too-many-devices", "device-log-damaged", "not-recorded"] as const) assert.equal(refusedCode(refused(503, code)), code);
  for (const e of [null, new Error("x"), caught("policy"), refused(409, "log-key")]) assert.equal(logCode(e), null);
  for (const e of [null, new Error("x"), caught("too-many-devices"), refused(500, "internal")]) assert.equal(refusedCode(e), null);
});

/** A call of which the sealed side comes about as it is told. */
function entering(fails: unknown[]) {
  const log: string[] = [];
  const parts: CallParts = {
    socket: () => { throw new Error("no line is needed here"); },
    sealed: async () => { log.push("enters"); throw fails.shift(); },
    tree: async () => new Uint8Array(1), growth: async () => [], keepLog: async () => undefined,
    forgetLog: async () => { log.push("forgets"); },
    diagnose: async () => null, missing: () => null,
  };
  const call = new Call({ room: "room", owner: "A".repeat(22), me: { account: "a", name: "Ada" }, profile: { name: "Standard", conditions: [], members: 0 } }, parts);
  return { call, log, at: () => [call.state.value.phase, call.state.value.code] };
}

test("nothing is entered where the log is not the one that was seen, until the person says so", async () => {
  for (const rule of ["log-key", "log-shorter", "log-forked"] as const) {
    const { call, log, at } = entering([caught(rule), caught(rule), refused(503, "device-log-damaged")]);
    await call.start();
    assert.deepEqual(at(), ["error", rule]);
    assert.equal(call.logProblem.value, true);
    await call.retry();
    assert.deepEqual(log, ["enters", "enters"], "to try again forgets nothing");
    await call.acceptLog();
    assert.deepEqual(log, ["enters", "enters", "forgets", "enters"]);
    assert.deepEqual(at(), ["error", "device-log-damaged"]);
    await call.acceptLog();
    assert.equal(log.length, 4, "another error is not accepted so");
    call.close();
  }
});

test("a false proof, and a server that inscribes nothing, can't be accepted", async () => {
  for (const [cause, code] of [[caught("log-statement"), "log-statement"], [refused(409, "too-many-devices"), "too-many-devices"], [refused(507, "not-recorded"), "not-recorded"], [refused(500, "internal"), "network"]] as [unknown, ReasonCode][]) {
    const { call, log, at } = entering([cause]);
    await call.start();
    assert.deepEqual(at(), ["error", code]);
    assert.equal(call.logProblem.value, false);
    await call.acceptLog();
    assert.deepEqual(log, ["enters"]);
    call.close();
  }
});

test("of everybody who is in the room, or waits, it is known since when their device is in the log", async () => {
  const core = new FakeCore("guest", "d1", "Bo"), { keyPackage } = await core.keyPackage();
  const s = new CallSignals(), people = new People(s);
  people.take({ group: "g", epoch: 1, own: 0, hosts: [], added: [], members: [{ leaf: 0, account: "a", device: "d0", name: "Ada", signatureKey: "k0", since: 5 }, { leaf: 1, account: "b", device: "d1", name: "Bo", signatureKey: "k1", since: 1_700_000_000 }] } as unknown as GroupView);
  assert.deepEqual(s.people.value.map((p) => p.inscribed), [5000, 1_700_000_000_000]);
  s.isHost.value = true;
  const lobby = new Lobby(s, () => ({ inspect: (k: Uint8Array) => core.inspect(k), returns: () => false }) as unknown as Session, () => true, () => undefined);
  await lobby.take([{ id: "k", account: "guest", name: "Of the server", email: "", keyPackage, since: 12, rejoin: false, guest: false }]);
  assert.deepEqual(s.lobby.value.map((k) => [k.name, k.since, k.inscribed]), [["Bo", 12, 1_700_000_000_000]]);
});

test("a device of a statement that this browser did not know is marked, whatever time the server says; on a first visit none is", async () => {
  for (const [known, unmet] of [[0, false], [7, true], [8, false]] as const) {
    const core = new FakeCore("guest", "d1", "Bo"), { keyPackage } = await core.keyPackage();
    class Signals extends CallSignals { protected override known = known; }
    const s = new Signals(), people = new People(s);
    s.isHost.value = true;
    people.take({ group: "g", epoch: 1, own: 0, hosts: [], added: [], members: [{ leaf: 0, account: "a", device: "d0", name: "Ada", signatureKey: "k0", since: 5, statement: 9 }, { leaf: 1, account: "b", device: "d1", name: "Bo", signatureKey: "k1", since: 5, statement: 7 }] } as unknown as GroupView);
    assert.deepEqual(s.people.value.map((p) => p.unmet), [false, unmet], `${known}: oneself never`);
    const lobby = new Lobby(s, () => ({ inspect: (k: Uint8Array) => core.inspect(k), returns: () => false }) as unknown as Session, () => true, () => undefined);
    await lobby.take([{ id: "k", account: "guest", name: "Bo", email: "", keyPackage, since: 12, rejoin: false, guest: false }]);
    assert.deepEqual(s.lobby.value.map((k) => k.unmet), [unmet], `${known}`);
  }
});

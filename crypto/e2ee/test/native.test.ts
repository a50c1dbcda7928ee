/** Native Go and Go in WASM are one implementation: one call of both, and the Go packages' own tests inside WASM. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, test } from "node:test";
import { toHex } from "../src/bytes.ts";
import { id, Peer, standard } from "./calls.ts";
import { b64, GoPeer, unb64 } from "./gopeer.ts";
import { root } from "./vectors.ts";

const go = GoPeer.start();
after(() => go.end());

async function agree(native: string[], peers: Peer[]): Promise<void> {
  const keys = new Set<string>();
  const words = new Set<string>();
  for (const name of native) {
    const state = await go.call("call.state", name);
    keys.add(toHex(unb64(state.secret)));
    words.add(String(state.words));
  }
  for (const peer of peers) {
    keys.add(toHex(await peer.frameKey()));
    words.add(String((await peer.view()).words));
  }
  assert.equal(keys.size, 1);
  assert.equal(words.size, 1);
}

test("one call of native and WASM members, in the suite of calls", async () => {
  // A native host; members of both kinds.
  const { account } = await go.call("call.new", "host", { identity: "Native host" });
  assert.ok(account);
  const room = id();
  await go.call("call.create", "host", { label: room });
  const one = await Peer.make("In WASM", undefined, go), two = await Peer.make("In WASM too", undefined, go);
  await go.call("call.new", "guest", { identity: "Native guest" });
  const packages = [(await one.keyPackage()).keyPackage, unb64((await go.call("call.keyPackage", "guest")).keyPackage), (await two.keyPackage()).keyPackage];
  const added = await go.call("call.add", "host", { keyPackages: packages.map(b64) });
  const [forOne, forGuest, forTwo] = (added.welcomes ?? []).map(unb64);
  const tree = unb64(added.tree);
  await one.join(forOne!, tree, { room, owner: account });
  await go.call("call.join", "guest", { welcome: b64(forGuest!), tree: b64(tree), label: room, identity: account });
  await two.join(forTwo!, tree, { room, owner: account });
  await agree(["host", "guest"], [one, two]);

  // Commits of both kinds, application messages both ways.
  const mine = await one.commit({});
  await one.accepted();
  await two.process(mine.commit);
  for (const name of ["host", "guest"]) await go.call("call.process", name, { message: b64(mine.commit) });
  await agree(["host", "guest"], [one, two]);
  const { message } = await two.seal("from WASM");
  const opened = await go.call("call.open", "guest", { message: b64(message) });
  assert.equal(new TextDecoder().decode(unb64(opened.data)), "from WASM");
  const back = await go.call("call.seal", "guest", { message: b64(new TextEncoder().encode("from native")) });
  assert.deepEqual(await one.open(unb64(back.message)), { sender: 2, epoch: 2, text: "from native" });
  const removal = await go.call("call.add", "host", { removes: [3] });
  await assert.rejects(two.process(unb64(removal.commit)), /removed/);
  await one.process(unb64(removal.commit));
  await go.call("call.process", "guest", { message: removal.commit });
  await agree(["host", "guest"], [one]);

  // And a host in WASM that a native guest joins.
  const elsewhere = { id: id(), owner: one.account, profile: standard };
  await one.create(elsewhere);
  const keyPackage = unb64((await go.call("call.keyPackage", "guest")).keyPackage);
  const { welcomes } = await one.commit({ adds: [{ keyPackage, admission: await one.admit(keyPackage) }] });
  await one.accepted();
  await go.call("call.join", "guest", { welcome: b64(welcomes[0]!), tree: b64((await one.groupState()).tree), label: elsewhere.id, identity: one.account });
  await agree(["guest"], [one]);
});

// By the same test programs that run natively. All of the working group's vectors take minutes in WASM: those of the suites
// of calls and a few others run each time, all with E2EE_ALL_VECTORS=1.
const some = "^(TestVectors|TestSignatureConversion|TestWords)$/(-pq$|half-empty|^crypto-basics$|^welcome$)";
const all = process.env["E2EE_ALL_VECTORS"] === "1";
for (const [what, pattern, least] of [["mls", all ? "^Test(Vectors|SignatureConversion|Words)$" : some, 10], ["sframe", ".", 5]] as const) {
  test(`the vectors of crypto/${what} inside WASM`, { timeout: 900_000 }, () => {
    const goroot = spawnSync("go", ["env", "GOROOT"], { encoding: "utf8" }).stdout.trim();
    const run = spawnSync("go", ["test", "-count=1", "-v", "-run", pattern, "-exec", join(goroot, "lib", "wasm", "go_js_wasm_exec"), `./crypto/${what}`], {
      cwd: root, encoding: "utf8", maxBuffer: 1 << 28, env: { ...process.env, GOOS: "js", GOARCH: "wasm" },
    });
    assert.equal(run.status, 0, `${run.stdout.slice(-4000)}${run.stderr.slice(-4000)}`);
    const passed = run.stdout.match(/^ *--- PASS: [^/\s]+(\/[^/\s]+)? /gm)?.length ?? 0;
    assert.ok(passed >= least, `${passed} tests ran`);
  });
}

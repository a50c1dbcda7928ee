// What group operations cost: crypto/mls native and in WASM (node), in the suite of calls, beside ts-mls with X-Wing, all in
// one run on one machine. Groups of N grow in batches of 50 by one committer. The browser joins faster than the WASM column
// says: there WebCrypto verifies the leaves' signatures.
//
//   node bench/mls/run.mjs [--short] [--native] [--wasm] [--ts]
//
// --short leaves N = 1,000 out. BENCHTIME is Go's -benchtime (default 10x native, 3x in WASM). Figures are milliseconds of
// one operation, and bytes. ts-mls takes its X-Wing from a library that is no dependency of this project; where it is not
// installed it is put into build/bench, and if that can't be done, ts-mls runs on RFC 9420's suite 1, and the table says so.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, loadavg } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const flags = new Set(process.argv.slice(2));
const short = flags.has("--short");
const chosen = ["--native", "--wasm", "--ts"].filter((f) => flags.has(f));
const wanted = (f) => chosen.length === 0 || chosen.includes(f);
const sizes = short ? [2, 50, 200] : [2, 50, 200, 1000];
const batch = 50;

/** Operations by their names in crypto/mls/bench_test.go, and what they are. */
const operations = [
  ["Add", "add all, per batch"], ["Welcome", "join by Welcome"], ["Process/member", "process a commit"], ["Process/observer", "check as server"],
  ["Remove", "commit a removal"], ["Application", "seal and open a message"],
];

/** Runs the Go benchmarks; returns {operation: {N: {ms, metrics}}}. */
function goBench(wasm) {
  const numbers = sizes.join("|");
  const args = ["test", "-run", "^$", "-bench",
    `^Benchmark(Add|Welcome|Remove|Application)$/^(${numbers})$|^BenchmarkProcess$/^(member|observer)$/^(${numbers})$`,
    "-benchtime", process.env.BENCHTIME ?? (wasm ? "3x" : "10x"), "-timeout", "60m"];
  const env = { ...process.env };
  if (wasm) {
    const goroot = spawnSync("go", ["env", "GOROOT"], { encoding: "utf8" }).stdout.trim();
    args.push("-exec", join(goroot, "lib", "wasm", "go_js_wasm_exec"));
    Object.assign(env, { GOOS: "js", GOARCH: "wasm" });
  }
  const run = spawnSync("go", [...args, "./crypto/mls"], { cwd: root, env, encoding: "utf8", maxBuffer: 1 << 26 });
  if (run.status !== 0) throw new Error(`go test -bench: ${run.stdout}${run.stderr}`);
  const found = {};
  for (const line of run.stdout.split("\n")) {
    const match = /^Benchmark([A-Za-z]+(?:\/[a-z]+)?)\/(\d+)(?:-\d+)?\s+\d+\s+(.*)$/.exec(line);
    if (!match) continue;
    const metrics = {};
    for (const [, value, unit] of match[3].matchAll(/([\d.e+]+) (\S+)/g)) metrics[unit] = Number(value);
    const ms = metrics["ms/batch"] ?? metrics["ns/op"] / 1e6;
    (found[match[1]] ??= {})[match[2]] = { ms, metrics };
  }
  return found;
}

/** ts-mls and the suite that it can run here. */
async function loadOther() {
  const place = join(root, "build", "bench");
  const packages = ["ts-mls@1.6.4", "@hpke/hybridkem-x-wing@0.7.0"];
  const resolvable = (from) => {
    try {
      createRequire(join(from, "package.json")).resolve("@hpke/hybridkem-x-wing");
      return true;
    } catch {
      return false;
    }
  };
  let from = root;
  if (!resolvable(root)) {
    if (!existsSync(join(place, "node_modules", "@hpke", "hybridkem-x-wing"))) {
      spawnSync("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--prefix", place, ...packages], { stdio: "ignore", timeout: 120000 });
    }
    if (existsSync(join(place, "node_modules", "@hpke", "hybridkem-x-wing"))) from = place;
  }
  const mls = await import(pathToFileURL(join(from, "node_modules", "ts-mls", "dist", "src", "index.js")).href);
  const name = from === root && !resolvable(root) ? "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519" : "MLS_256_XWING_AES256GCM_SHA512_Ed25519";
  return { mls, name, cs: await mls.getCiphersuiteImpl(mls.getCiphersuiteFromName(name)) };
}

async function otherBench({ mls, cs }) {
  const found = {};
  const put = (operation, n, ms, metrics = {}) => { (found[operation] ??= {})[n] = { ms, metrics }; };
  const now = BigInt(Math.floor(Date.now() / 1000));
  const person = (name) => mls.generateKeyPackage(
    { credentialType: "basic", identity: new TextEncoder().encode(name) }, mls.defaultCapabilities(), { notBefore: now - 60n, notAfter: now + 86400n }, [], cs);
  const timed = async (act) => {
    const start = performance.now();
    const value = await act();
    return [performance.now() - start, value];
  };
  const commit = (state, extraProposals = []) => mls.createCommit({ state, cipherSuite: cs }, { extraProposals, wireAsPublicMessage: true });
  const bytes = (message) => mls.encodeMlsMessage(message).length;

  for (const n of sizes) {
    const host = await person("host");
    const people = [];
    for (let i = 1; i < n; i++) people.push(await person(`guest ${i}`));
    let state = await mls.createGroup(new TextEncoder().encode("bench"), host.publicPackage, host.privatePackage, [], cs);
    let total = 0, size = 0, welcome;
    for (let at = 0; at < people.length; at += batch) {
      const adds = people.slice(at, at + batch).map((p) => ({ proposalType: "add", add: { keyPackage: p.publicPackage } }));
      const [ms, result] = await timed(() => commit(state, adds));
      total += ms;
      size += bytes(result.commit);
      ({ newState: state, welcome } = result);
    }
    put("Add", n, total / Math.ceil((n - 1) / batch), { "commit-bytes": size });
    const last = people[people.length - 1];
    const [joinMs, guest] = await timed(() => mls.joinGroup(welcome, last.publicPackage, last.privatePackage, mls.emptyPskIndex, cs, state.ratchetTree));
    put("Welcome", n, joinMs, { "welcome-bytes": bytes({ welcome, wireformat: "mls_welcome", version: "mls10" }) });
    const [removeMs, removal] = await timed(() => commit(state, [{ proposalType: "remove", remove: { removed: 1 } }]));
    put("Remove", n, removeMs, { "commit-bytes": bytes(removal.commit) });
    const empty = await commit(state);
    const [processMs] = await timed(() => mls.processMessage(empty.commit, guest, mls.emptyPskIndex, mls.acceptAll, cs));
    put("Process/member", n, processMs, { "commit-bytes": bytes(empty.commit) });
    const [appMs] = await timed(async () => {
      const { privateMessage } = await mls.createApplicationMessage(state, new Uint8Array(200), cs);
      await mls.processPrivateMessage(guest, privateMessage, mls.emptyPskIndex, cs);
    });
    put("Application", n, appMs);
  }
  return found;
}

const number = (v) => v === undefined ? "–" : v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2);
const ratio = (a, b) => a === undefined || b === undefined ? "–" : `${(a / b).toFixed(2)}×`;
function row(cells) { console.log(cells.map((c, i) => i < 1 ? String(c).padEnd(26) : String(c).padStart(12)).join("")); }

console.log(`${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, node ${process.version}, ${spawnSync("go", ["version"], { encoding: "utf8" }).stdout.trim()}`);
if (loadavg()[0] > cpus().length / 2) console.log(`load average ${loadavg()[0].toFixed(1)}: other programs are running, the figures are too high and uneven`);
const native = wanted("--native") ? goBench(false) : {};
const wasm = wanted("--wasm") ? goBench(true) : {};
const loaded = wanted("--ts") ? await loadOther() : undefined;
const other = loaded ? await otherBench(loaded) : {};

console.log(`\nms per operation; crypto/mls in MLS_128_MLKEM768P256_AES256GCM_SHA384_P256${loaded ? `, ts-mls 1.6.4 in ${loaded.name}` : ""}`);
row(["operation", "N", "native", "WASM", "ts-mls", "WASM/native", "WASM/ts-mls"]);
for (const [operation, what] of operations) {
  for (const n of sizes) {
    const [a, b, c] = [native, wasm, other].map((f) => f[operation]?.[n]?.ms);
    if (a !== undefined || b !== undefined || c !== undefined) row([what, n, number(a), number(b), number(c), ratio(b, a), ratio(b, c)]);
  }
}
console.log("\nbytes");
row(["message", "N", "crypto/mls", "ts-mls", "ratio"]);
for (const [operation, metric, what] of [
  ["Add", "commit-bytes", "commits that add all"], ["Process/member", "commit-bytes", "empty commit"], ["Remove", "commit-bytes", "removal"],
  ["Welcome", "welcome-bytes", "Welcome (one joiner/batch)"], ["Welcome", "tree-bytes", "tree"],
]) {
  for (const n of sizes) {
    const [a, c] = [native[operation] ?? wasm[operation], other[operation]].map((f) => f?.[n]?.metrics[metric]);
    if (a !== undefined || c !== undefined) row([what, n, a ?? "–", c ?? "–", ratio(a, c)]);
  }
}

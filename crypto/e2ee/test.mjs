// Runs test/*.test.ts under node: bundles each by esbuild into build/, then node's own test runner.
//
//   node crypto/e2ee/test.mjs                  all but the two below
//   node crypto/e2ee/test.mjs interop native   with ts-mls; native Go and Go in WASM
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { buildCore, wasmExec } from "./build.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const out = join(root, "build", "e2ee-test");
const wanted = process.argv.slice(2);
const names = readdirSync(join(here, "test"))
  .filter((name) => name.endsWith(".test.ts"))
  .filter((name) => wanted.length === 0 ? !/^(interop|native)\./.test(name) : wanted.includes(name.replace(/\.test\.ts$/, "")));
if (names.length === 0) throw new Error(`no such test: ${wanted}`);

const core = join(out, "mls.wasm");
mkdirSync(out, { recursive: true });
await buildCore(core);
await build({
  entryPoints: names.map((name) => join(here, "test", name)),
  outdir: out,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  plugins: [wasmExec],
  sourcemap: "inline",
  logLevel: "warning",
  define: {
    __TESTHOOK__: "false", __ROOT__: JSON.stringify(root), __CORE__: JSON.stringify(core),
    __FRAME_WORKER__: '"/w/frame-test.js"', __MLS_WORKER__: '"/w/mls-test.js"', __MLS_WASM__: '"/w/mls-test.wasm"',
  },
});

const run = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...names.map((name) => join(out, name.replace(/\.ts$/, ".mjs")))], { stdio: "inherit" });
process.exit(run.status ?? 1);

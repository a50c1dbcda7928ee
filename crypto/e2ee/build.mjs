// Builds the sealed side of a client: the WASM core and the two workers.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const run = promisify(execFile);

/** Compiles the Go core into a file, the same octets for the same sources and toolchain. */
export async function buildCore(file) {
  await run("go", ["build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", file, "./crypto/e2ee/wasm"], {
    cwd: root, env: { ...process.env, GOOS: "js", GOARCH: "wasm", GOFLAGS: "" },
  });
}

/** An esbuild plugin: "wasm_exec" is the file of the Go toolchain that compiles the core. */
export const wasmExec = {
  name: "wasm_exec",
  setup({ onResolve }) {
    onResolve({ filter: /^wasm_exec$/ }, async () => {
      const { stdout } = await run("go", ["env", "GOROOT"], { cwd: root });
      return { path: join(stdout.trim(), "lib", "wasm", "wasm_exec.js"), sideEffects: true };
    });
  },
};

/**
 * Builds into outdir and returns the files' paths: {frame, mls, wasm}. Their names hold the hash of their content. The
 * test hook makes keys readable: never ship a build that has it.
 */
export async function buildE2EE({ outdir = join(here, "dist"), testhook = false, minify = true } = {}) {
  await mkdir(outdir, { recursive: true });
  for (const name of await readdir(outdir)) if (/^(frame|mls)-[0-9a-f]{16}\.(js|wasm)$/.test(name)) await rm(join(outdir, name));
  const place = async (stem, extension, data) => {
    const file = join(outdir, `${stem}-${createHash("sha256").update(data).digest("hex").slice(0, 16)}.${extension}`);
    await writeFile(file, data);
    return file;
  };

  const core = join(outdir, "core.tmp");
  const [bundle] = await Promise.all([
    build({
      entryPoints: { frame: join(here, "src", "frame-worker.ts"), mls: join(here, "src", "mls-worker.ts") },
      absWorkingDir: root,
      outdir,
      write: false,
      bundle: true,
      minify,
      // Classic workers: no import can bring anything in later.
      format: "iife",
      platform: "browser",
      target: ["es2022", "chrome120", "firefox128", "safari17"],
      legalComments: "none",
      charset: "utf8",
      logLevel: "warning",
      plugins: [wasmExec],
      define: { __TESTHOOK__: String(testhook) },
    }),
    buildCore(core),
  ]);
  const worker = (stem) => bundle.outputFiles.find((f) => f.path.endsWith(`${stem}.js`)).contents;
  const files = {
    frame: await place("frame", "js", worker("frame")),
    mls: await place("mls", "js", worker("mls")),
    wasm: await place("mls", "wasm", await readFile(core)),
  };
  await rm(core);
  return files;
}

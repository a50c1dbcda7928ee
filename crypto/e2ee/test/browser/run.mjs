// Runs page.ts in real browsers under the product's policies: node crypto/e2ee/test/browser/run.mjs [chromium|firefox…]
// With HUISCLOS_TESTHOOK=1 it looks at the test hook too.
import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { cpus, loadavg, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import puppeteer from "puppeteer-core";
import { buildE2EE } from "../../build.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const wanted = process.argv.slice(2).length > 0 ? process.argv.slice(2) : ["chromium", "firefox"];
const out = await mkdtemp(join(tmpdir(), "e2ee-browser-"));
const testhook = process.env.HUISCLOS_TESTHOOK === "1";
const built = await buildE2EE({ outdir: out, testhook });
const address = (file) => JSON.stringify(`/w/${basename(file)}`);
await build({
  entryPoints: [join(here, "page.ts")], outfile: join(out, "page.js"), bundle: true, format: "esm", target: "es2022", logLevel: "warning",
  define: { __TESTHOOK__: String(testhook), __FRAME_WORKER__: address(built.frame), __MLS_WORKER__: address(built.mls), __MLS_WASM__: address(built.wasm) },
});

await build({ entryPoints: [join(here, "..", "keylog.ts")], outfile: join(out, "keylog.mjs"), bundle: true, format: "esm", platform: "node", target: "node20", logLevel: "warning" });
const { KeyLog } = await import(join(out, "keylog.mjs"));
const log = new KeyLog();

const document = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; media-src 'self' blob: mediastream:; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types huisclos";
const files = {
  "/": { type: "text/html", text: '<!doctype html><meta charset="utf-8"><title>…</title><script type="module" src="/page.js"></script>', policy: document },
  "/page.js": { type: "text/javascript", file: join(out, "page.js") },
  [`/w/${basename(built.frame)}`]: { type: "text/javascript", file: built.frame, policy: "default-src 'none'; script-src 'self'" },
  [`/w/${basename(built.mls)}`]: { type: "text/javascript", file: built.mls, policy: "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'" },
  [`/w/${basename(built.wasm)}`]: { type: "application/wasm", file: built.wasm },
};
const server = createServer(async (request, response) => {
  if (request.url === "/inscribe" && request.method === "POST") {
    let text = "";
    for await (const piece of request) text += piece;
    const { account, device, key } = JSON.parse(text);
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(await log.inscribe({ account, device, publicKey: Buffer.from(key, "base64url") })));
    return;
  }
  const found = files[request.url.replace(/\?.*$/, "")];
  if (!found) { response.writeHead(404).end(); return; }
  response.setHeader("Content-Type", found.type);
  response.setHeader("X-Content-Type-Options", "nosniff");
  if (found.policy) response.setHeader("Content-Security-Policy", found.policy);
  if (found.text) response.end(found.text);
  else createReadStream(found.file).pipe(response);
});
await new Promise((resolve) => server.listen(0, "localhost", resolve));
// Where other programs take the processors, how long a picture stands still says nothing about this one.
const busy = () => (loadavg()[0] > 2 * cpus().length ? "?busy" : "");
const page = () => `http://localhost:${server.address().port}/${busy()}`;

const limit = 120000;
async function outcome(evaluate) {
  const end = Date.now() + limit;
  for (;;) {
    const found = await evaluate();
    if (found || Date.now() > end) return found ?? { ok: false, steps: [], text: "the page did not end" };
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function inChromium() {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium", headless: true,
    args: ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required",
      "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
  });
  try {
    const tab = await browser.newPage();
    tab.on("console", (m) => console.log("  console:", m.text()));
    tab.on("pageerror", (e) => console.log("  page error:", e.message));
    await tab.goto(page());
    return await outcome(() => tab.evaluate(() => globalThis.outcome));
  } finally {
    await browser.close();
  }
}

async function inFirefox() {
  const browser = await puppeteer.launch({
    browser: "firefox", executablePath: "/usr/bin/firefox-esr", headless: true,
    extraPrefsFirefox: { "media.navigator.streams.fake": true, "media.navigator.permission.disabled": true, "media.autoplay.default": 0 },
  });
  try {
    const tab = await browser.newPage();
    tab.on("console", (m) => console.log("  console:", m.text()));
    tab.on("pageerror", (e) => console.log("  page error:", e.message));
    await tab.goto(page());
    return await outcome(() => tab.evaluate(() => globalThis.outcome));
  } finally {
    await browser.close();
  }
}

let failed = false;
for (const [name, run] of [["chromium", inChromium], ["firefox", inFirefox]]) {
  if (!wanted.includes(name)) continue;
  const { ok, steps, text } = await run();
  console.log(`${name}: ${ok ? "ok" : "FAILED"}`);
  for (const step of steps) console.log(`  ${step}`);
  if (!ok) { console.log(`  ${text}`); failed = true; }
}
server.close();
await rm(out, { recursive: true });
process.exit(failed ? 1 : 0);

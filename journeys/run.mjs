// Runs the browser journeys: real Chromium and Firefox against the test build, each file in a network namespace of its own.
//
//   node journeys/run.mjs             all of them
//   node journeys/run.mjs call four   those whose file name contains a word
//   … --only=words                    those tests in them whose name matches
//   … --once                          what fails is not run a second time
//   HUISCLOS_SHORT=1 …                the short form (harness/form.ts)
//
// The namespace has loopback and one interface with 192.0.2.10 (TEST-NET-1): Firefox refuses loopback candidates, and
// nothing in there reaches, or is reached by, any other network.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url)), top = path.dirname(here);
const address = '192.0.2.10', proxy = '192.0.2.11';
const words = process.argv.slice(2).filter((a) => !a.startsWith('--'));
const once = process.argv.includes('--once');
const only = process.argv.find((a) => a.startsWith('--only='))?.slice(7);

/**
 * Those that fill in forms and measure neither pictures nor sound nor time: they wait more than they work, so two of them run at once.
 * All others have the machine to themselves; oidc, whose provider is a browser's second page, is slow beside another.
 */
const forms = new Set(['account', 'audit', 'backup', 'directory', 'factor', 'guests-passkey', 'house', 'idle', 'import', 'life', 'logs', 'mail', 'observe', 'passkey', 'programs', 'provisioning', 'refused', 'roles', 'tasks', 'update'].map((name) => `${name}.test.ts`));
const atOnce = 2;
/**
 * Left out of the short form (harness/form.ts): VP9 in layers, which no client that is handed out asks for, and whose encoders need all of two cores;
 * mail and Prometheus, for which Go tests have the same real servers; and the reverse proxy, three minutes that nothing else stands for: `make journeys` plays it.
 */
const long = new Set(process.env.HUISCLOS_SHORT === '1' && words.length === 0 ? ['spatial', 'reverse-proxy', 'mail', 'observe'].map((name) => `${name}.test.ts`) : []);

function must(command, ...args) {
  const r = spawnSync(command, args, { encoding: 'utf8' });
  if (r.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${r.stderr || r.error}`);
}

function network() {
  must('ip', 'link', 'set', 'lo', 'up');
  // The kernel may lack one or the other kind; each gives an interface that is up and leads nowhere.
  const made = [
    () => { must('ip', 'link', 'add', 'hc0', 'type', 'dummy'); },
    () => { must('ip', 'link', 'add', 'hc0', 'type', 'veth', 'peer', 'name', 'hc1'); must('ip', 'link', 'set', 'hc1', 'up'); },
    () => { must('ip', 'link', 'add', 'hc0', 'type', 'bridge'); },
  ].some((make) => { try { make(); return true; } catch { return false; } });
  if (!made) throw new Error('no kind of network interface can be made in this namespace');
  must('ip', 'addr', 'add', `${address}/24`, 'dev', 'hc0');
  must('ip', 'addr', 'add', `${proxy}/24`, 'dev', 'hc0');
  must('ip', 'link', 'set', 'hc0', 'up');
  must('ip', 'route', 'add', 'default', 'via', '192.0.2.1');
}

const inside = process.env.HUISCLOS_JOURNEYS;
if (inside) {
  network();
  const r = spawnSync(process.execPath, ['--import', path.join(top, '.ci/ts.mjs'), '--test', '--test-concurrency=1', '--test-reporter=spec', ...(only ? [`--test-name-pattern=${only}`] : []), inside],
    { stdio: 'inherit', cwd: top, env: { ...process.env, HUISCLOS_ADDRESS: address, HUISCLOS_PROXY: proxy, HUISCLOS_TOP: top } });
  process.exit(r.status ?? 1);
}

const binary = process.env.HUISCLOS_BINARY ?? path.join(top, 'build/huisclos-testhook');
if (!existsSync(binary)) { console.error(`${path.relative(top, binary)} is missing: make build-testhook`); process.exit(1); }
mkdirSync(path.join(top, 'build/screenshots'), { recursive: true });
const files = readdirSync(here).filter((f) => f.endsWith('.test.ts') && !long.has(f) && (words.length === 0 || words.some((w) => f.includes(w)))).sort();
if (files.length === 0) { console.error('no journey has such a name'); process.exit(1); }

// Root makes the namespace as it is; anybody else becomes root of a user namespace.
const flags = [...(process.getuid() === 0 ? ['--net', '--mount'] : ['--net', '--mount', '--user', '--map-root-user']), '--kill-child'];
const running = new Set(), took = [];
let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => { for (const child of running) child.kill(signal); process.exitCode = 1; stopped = true; });

/** Runs one file and tells whether it passed. What it says is printed at once, or where another runs beside it, when it has ended. */
function run(file, beside) {
  return new Promise((resolve) => {
    const child = spawn('unshare', [...flags, process.execPath, fileURLToPath(import.meta.url), ...(only ? [`--only=${only}`] : [])],
      { stdio: beside ? ['ignore', 'pipe', 'pipe'] : 'inherit', cwd: top, env: { ...process.env, HUISCLOS_JOURNEYS: path.join(here, file), HUISCLOS_BINARY: binary } });
    running.add(child);
    const said = [], start = Date.now();
    child.stdout?.on('data', (d) => said.push(d));
    child.stderr?.on('data', (d) => said.push(d));
    child.on('close', (code) => {
      running.delete(child);
      process.stdout.write(Buffer.concat(said));
      took.push([Math.round((Date.now() - start) / 1000), file]);
      resolve(code === 0);
    });
  });
}

// Real browsers on a busy machine: a file that fails is run once more, alone, and the summary says so. What fails twice has failed.
const began = Date.now(), again = [], failed = [];
const waiting = files.filter((f) => forms.has(f));
const lane = async () => {
  for (let file = waiting.shift(); file && !stopped; file = waiting.shift()) if (!await run(file, true)) again.push(file);
};
await Promise.all(Array.from({ length: Math.min(atOnce, waiting.length) }, lane));
for (const file of files.filter((f) => !forms.has(f))) if (!stopped && !await run(file, false)) again.push(file);
if (once) failed.push(...again.splice(0));
for (const file of again) if (!stopped && !await run(file, false)) failed.push(file);
if (again.length > 0) console.log(`journeys: run a second time: ${again.join(', ')}`);
if (failed.length > 0) console.log(`journeys: failed${once ? '' : ' twice'}: ${failed.join(', ')}`);
console.log(`journeys: seconds: ${took.sort((a, b) => b[0] - a[0]).map(([s, f]) => `${f.replace('.test.ts', '')} ${s}`).join(', ')}`);
console.log(`journeys: ${files.length} files, ${Math.round((Date.now() - began) / 1000)} s`);
process.exit(failed.length > 0 || stopped ? 1 : 0);

// Runs the browser journeys: real Chromium and Firefox against the test build, in a network namespace of their own.
//
//   node journeys/run.mjs             all of them
//   node journeys/run.mjs call four   those whose file name contains a word
//   … --only=words                    those tests in them whose name matches
//   … --once                          what fails is not run a second time
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

function start(command, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'inherit', cwd: top, env: { ...process.env, ...env } });
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
    child.on('exit', (code, signal) => resolve(signal ? 1 : code ?? 1));
  });
}

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

if (process.env.HUISCLOS_JOURNEYS !== 'inside') {
  // Root makes the namespace as it is; anybody else becomes root of a user namespace.
  const flags = process.getuid() === 0 ? ['--net', '--mount'] : ['--net', '--mount', '--user', '--map-root-user'];
  process.exit(await start('unshare', [...flags, '--kill-child', process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)], { HUISCLOS_JOURNEYS: 'inside' }));
}

network();
const binary = process.env.HUISCLOS_BINARY ?? path.join(top, 'build/huisclos-testhook');
if (!existsSync(binary)) { console.error(`${path.relative(top, binary)} is missing: make build-testhook`); process.exit(1); }
mkdirSync(path.join(top, 'build/screenshots'), { recursive: true });
const files = readdirSync(here).filter((f) => f.endsWith('.test.ts') && (words.length === 0 || words.some((w) => f.includes(w)))).sort().map((f) => path.join(here, f));
if (files.length === 0) { console.error('no journey has such a name'); process.exit(1); }
// Real browsers on a busy machine: a file that fails is run once more, and the summary says so. What fails twice has failed.
const began = Date.now(), again = [], failed = [];
const run = (file) => start(process.execPath, ['--import', path.join(top, '.ci/ts.mjs'), '--test', '--test-concurrency=1', '--test-reporter=spec', ...(only ? [`--test-name-pattern=${only}`] : []), file],
  { HUISCLOS_ADDRESS: address, HUISCLOS_PROXY: proxy, HUISCLOS_BINARY: binary, HUISCLOS_TOP: top });
for (const file of files) {
  if (await run(file) === 0) continue;
  if (once) { failed.push(path.basename(file)); continue; }
  again.push(path.basename(file));
  if (await run(file) !== 0) failed.push(path.basename(file));
}
if (again.length > 0) console.log(`journeys: run a second time: ${again.join(', ')}`);
if (failed.length > 0) console.log(`journeys: failed${once ? '' : ' twice'}: ${failed.join(', ')}`);
console.log(`journeys: ${files.length} files, ${Math.round((Date.now() - began) / 1000)} s`);
process.exit(failed.length > 0 ? 1 : 0);

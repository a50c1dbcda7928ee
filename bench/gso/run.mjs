// Runs bench/gso/main.ts in a network namespace of its own, where nothing is reached and nobody hears: make bench-gso.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url)), top = path.dirname(path.dirname(here));
const address = '192.0.2.10'; // TEST-NET-1 (RFC 5737), on an interface that leads nowhere

function run(command, args, env = {}) {
  const r = spawnSync(command, args, { stdio: 'inherit', cwd: top, env: { ...process.env, ...env } });
  return r.status ?? 1;
}
const must = (...args) => { if (run('ip', args) !== 0) throw new Error(`ip ${args.join(' ')}`); };

if (process.env.HUISCLOS_BENCH_GSO !== 'inside') {
  const flags = process.getuid() === 0 ? ['--net'] : ['--net', '--user', '--map-root-user'];
  process.exit(run('unshare', [...flags, '--kill-child', process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)], { HUISCLOS_BENCH_GSO: 'inside' }));
}
must('link', 'set', 'lo', 'up');
must('link', 'add', 'hc0', 'type', 'veth', 'peer', 'name', 'hc1');
must('link', 'set', 'hc1', 'up');
must('addr', 'add', `${address}/24`, 'dev', 'hc0');
must('link', 'set', 'hc0', 'up');
must('route', 'add', 'default', 'via', '192.0.2.1');
process.exit(run(process.execPath, ['--import', path.join(top, '.ci/ts.mjs'), path.join(here, 'main.ts'), ...process.argv.slice(2)], { HUISCLOS_ADDRESS: address, HUISCLOS_TOP: top }));

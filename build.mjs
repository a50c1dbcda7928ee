// Builds the two clients into meeting-ui/dist and admin-ui/dist, which the server embeds.
//
//   node build.mjs              release
//   node build.mjs --testhook   with the hook of the browser tests (keys are extractable: never ship it)
//
// Every file but the documents has its content's hash in its name. manifest.json lists each with its SHA-256; the server
// reads it again and refuses what does not match. Two builds of one commit give the same octets.
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import * as esbuild from 'esbuild';
import { buildE2EE } from './crypto/e2ee/build.mjs';
import { sprite } from './ui-kit/icons.mjs';

const root = path.dirname(fileURLToPath(import.meta.url));
const testhook = process.argv.includes('--testhook') || process.env.HUISCLOS_TESTHOOK === '1';
const [, version] = /^const Version = "([^"]+)"$/m.exec(await readFile(path.join(root, 'appliance/version.go'), 'utf8'));

const sha = (algorithm, data, encoding) => createHash(algorithm).update(data).digest(encoding);
const hashed = (name, data) => {
  const { name: stem, ext } = path.parse(name);
  return `${stem}-${sha('sha256', data, 'hex').slice(0, 16)}${ext}`;
};
const integrity = (data) => `sha384-${sha('sha384', data, 'base64')}`;

/** Files that compress; fonts and pictures already are. */
const compressible = new Set(['.js', '.css', '.svg', '.wasm', '.json', '.txt']);

const settings = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  target: ['es2022', 'chrome120', 'firefox128', 'safari17'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  minify: true,
  legalComments: 'none',
  charset: 'utf8',
  sourcemap: false,
  write: false,
  metafile: true,
  logLevel: 'warning',
  loader: { '.woff2': 'file', '.svg': 'file', '.png': 'file', '.ico': 'file', '.mp3': 'file', '.ogg': 'file', '.wav': 'file', '.txt': 'text' },
};

/** The sealed side: two workers and the WASM core, each under its own policy. */
async function workers() {
  const built = await buildE2EE({ testhook });
  const files = {}, addresses = {};
  for (const [key, name, policy] of [['frame', 'frame.js', 'frame'], ['mls', 'mls.js', 'mls'], ['wasm', 'mls.wasm', '']]) {
    const data = await readFile(built[key]);
    const file = `w/${hashed(name, data)}`;
    files[file] = { data, policy };
    addresses[key] = `/${file}`;
  }
  return { files, addresses };
}

/** One client. prefix is where its assets stand: "/" or "/console/". */
async function client(folder, prefix, define, extra = {}) {
  const out = path.join(root, folder, 'dist');
  const result = await esbuild.build({
    ...settings,
    entryPoints: [{ in: `${folder}/src/main.tsx`, out: 'main' }],
    outdir: out,
    publicPath: `${prefix}assets/`,
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    splitting: true,
    define,
  });
  const files = { ...extra };
  for (const f of result.outputFiles) files[`assets/${path.relative(out, f.path)}`] = { data: Buffer.from(f.contents), policy: '' };

  const entry = Object.entries(result.metafile.outputs).find(([, o]) => o.entryPoint === `${folder}/src/main.tsx`);
  const address = (output) => `assets/${path.relative(out, path.join(root, output))}`;
  const script = address(entry[0]), style = entry[1].cssBundle && address(entry[1].cssBundle);
  files['index.html'] = { data: Buffer.from(document(await template(folder), prefix, { script, style }, files)), policy: '' };

  return { folder, prefix, style, files };
}

/** Writes a client into its dist folder, with its manifest. */
async function write({ folder, prefix, style, files }) {
  const out = path.join(root, folder, 'dist');
  await clear(out);
  const listed = {};
  for (const name of Object.keys(files).sort()) {
    const { data, policy } = files[name];
    const sha256 = sha('sha256', data, 'hex');
    listed[name] = policy ? { sha256, policy } : { sha256 };
    await mkdir(path.dirname(path.join(out, name)), { recursive: true });
    await writeFile(path.join(out, name), data);
    if (compressible.has(path.extname(name))) await writeFile(path.join(out, `${name}.br`), await compressed(data, sha256));
  }
  const manifest = { document: 'index.html', style: style ? `${prefix}${style}` : '', files: listed };
  if (testhook) manifest.testhook = true;
  await writeFile(path.join(out, 'manifest.json'), `${JSON.stringify(manifest, null, 1)}\n`);
  const total = Object.values(files).reduce((n, f) => n + f.data.length, 0);
  console.log(`${folder}: ${Object.keys(listed).length} files, ${(total / 1024).toFixed(0)} KiB${testhook ? ', TEST HOOK' : ''}`);
}

/** The best compression of the WASM core takes half a minute: what was compressed once is kept by its hash. */
async function compressed(data, hash) {
  const kept = path.join(root, 'build/brotli', `${hash}.br`);
  if (existsSync(kept)) return readFile(kept);
  const small = brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: data.length } });
  await mkdir(path.dirname(kept), { recursive: true });
  await writeFile(kept, small);
  return small;
}

/** The document of a client, with the icons that its pages show. */
const template = async (folder) => (await readFile(path.join(root, folder, 'src/index.html'), 'utf8')).replace('%SPRITE%', await sprite());

/** Puts the built script and style into the template, with their integrity; references to sources go. */
function document(html, prefix, { script, style }, files) {
  const tags = [];
  if (style) tags.push(`<link rel="stylesheet" href="${prefix}${style}" integrity="${integrity(files[style].data)}">`);
  tags.push(`<script type="module" src="${prefix}${script}" integrity="${integrity(files[script].data)}"></script>`);
  const bare = html
    .replace(/[ \t]*<script\b[^>]*><\/script>\n?/g, '')
    .replace(/[ \t]*<link\b[^>]*rel="stylesheet"[^>]*>\n?/g, '');
  if (!bare.includes('</head>')) throw new Error('index.html has no </head>');
  if (/<style\b|\sstyle=|\son[a-z]+=/i.test(bare)) throw new Error('index.html: inline style or script, which the policy refuses');
  return bare.replace('</head>', `  ${tags.join('\n  ')}\n</head>`);
}

/** Empties a dist folder but for the committed placeholder. */
async function clear(folder) {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) if (name !== '.keep') await rm(path.join(folder, name), { recursive: true });
}

const sealed = await workers();
const define = {
  __TESTHOOK__: String(testhook),
  __VERSION__: JSON.stringify(version),
  // The only addresses that the Trusted Types policy lets a worker start from.
  __FRAME_WORKER__: JSON.stringify(sealed.addresses.frame),
  __MLS_WORKER__: JSON.stringify(sealed.addresses.mls),
  __MLS_WASM__: JSON.stringify(sealed.addresses.wasm),
};
const built = [
  await client('meeting-ui', '/', define, sealed.files),
  await client('admin-ui', '/console/', define),
];

// The hook's name must not stand in anything that ships.
if (!testhook) {
  for (const { files } of built) {
    for (const [name, { data }] of Object.entries(files)) {
      if (data.includes('__huisclos')) throw new Error(`${name}: the test hook is in a release build`);
    }
  }
}
for (const one of built) await write(one);
// What the clients are made of, for the list of components that the console hands out; it is no file of a page, and never served.
await copyFile(path.join(root, 'package-lock.json'), path.join(root, 'admin-ui/dist/package-lock.json'));

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';

const define = {
  __TESTHOOK__: process.env.HUISCLOS_TESTHOOK === '1' ? 'true' : 'false',
  __VERSION__: '"test"',
  __FRAME_WORKER__: '"/w/frame-test.js"',
  __MLS_WORKER__: '"/w/mls-test.js"',
  __MLS_WASM__: '"/w/mls-test.wasm"',
};

/** A relative import without an extension, or a folder, may be a TypeScript module. */
export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (e) {
    if (!/^\.{1,2}\//.test(specifier)) throw e;
    for (const end of ['.ts', '.tsx', '/index.ts']) {
      try { return await next(specifier + end, context); } catch { /* the next ending */ }
    }
    throw e;
  }
}

export async function load(url, context, next) {
  if (/\.css$/.test(url)) return { format: 'module', source: '', shortCircuit: true };
  const kind = /\.(tsx?)$/.exec(url);
  if (!kind) return next(url, context);
  const source = await readFile(fileURLToPath(url), 'utf8');
  const { code } = await transform(source, {
    loader: kind[1], format: 'esm', target: 'node20', jsx: 'automatic', jsxImportSource: 'preact', define,
    sourcefile: fileURLToPath(url), sourcemap: 'inline',
  });
  return { format: 'module', source: code, shortCircuit: true };
}

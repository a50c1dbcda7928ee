// Lets Node 20 run TypeScript: node --import ./.ci/ts.mjs --test file.test.ts
// Each module is stripped of its types by esbuild as it is loaded, so that import.meta.url stays that of the source.
import { register } from 'node:module';

register('./ts-hooks.mjs', import.meta.url);

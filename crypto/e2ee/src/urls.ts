/**
 * Where the workers are loaded from. Documents run under `require-trusted-types-for 'script'; trusted-types huisclos`:
 * this module makes the one policy of that name, and it accepts exactly the addresses that the build put in.
 */

export type WorkerName = "frame" | "mls";
/** What `new Worker` takes; TypeScript's lib does not name TrustedScriptURL yet. */
export type ScriptURL = string | URL;

interface Policy { createScriptURL(address: string): unknown }
interface Factory { createPolicy(name: string, rules: { createScriptURL(address: string): string }): Policy }

const addresses: Record<WorkerName, string> = { frame: __FRAME_WORKER__, mls: __MLS_WORKER__ };

let policy: Policy | undefined;

function accept(address: string): string {
  if (address !== addresses.frame && address !== addresses.mls) throw new TypeError("not the address of a worker of this build");
  return address;
}

/** The address of a worker, in the form that `new Worker` takes under the page's policy. */
export function workerURL(name: WorkerName): ScriptURL {
  const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
  if (!factory) return accept(addresses[name]);
  policy ??= factory.createPolicy("huisclos", { createScriptURL: accept });
  return policy.createScriptURL(addresses[name]) as ScriptURL;
}

export const wasmURL: string = __MLS_WASM__;

/** The Go core (crypto/e2ee/wasm): loads it and calls it. Runs in the MLS worker, and in node for tests. */
import "wasm_exec";
import type { Bytes } from "./bytes.ts";
import type { LogAnswer } from "./log.ts";
import { MLSError, type Failure } from "./rpc.ts";

/** What Go's wasm_exec.js of the toolchain leaves in the global scope. */
interface GoRuntime { importObject: WebAssembly.Imports; run(instance: WebAssembly.Instance): Promise<void> }
interface Scope { Go: new () => GoRuntime; huisclosCore?: { ready(open: Open): void } }

type Invoke = (op: string, args: unknown, resolve: (value: unknown) => void, reject: (failed: Failed) => void) => void;
interface Failed { failure: Failure }
type Open = (device: CoreDevice & { verify(checks: Check[]): Promise<boolean> }) => Invoke | Failed;

/** Who a session is, and the key that it signs with: `sign` answers with WebCrypto's r‖s. */
export interface CoreDevice {
  account: string;
  device: string;
  name: string;
  publicKey: Bytes;
  /** What the device has kept of the key log, and the server's answer when it was inscribed. */
  log: { before: Bytes; answer: LogAnswer };
  sign(message: Bytes): Promise<Bytes>;
}

interface Check { publicKey: Bytes; message: Bytes; signature: Bytes }

/** Checks signatures of the devices' kind: the platform's code takes a tenth of what the core's takes in WASM. */
async function verifyAll(checks: Check[]): Promise<boolean> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
  const results = await Promise.all(checks.map(async ({ publicKey, message, signature }) => {
    const key = await crypto.subtle.importKey("raw", publicKey, algorithm, false, ["verify"]);
    return crypto.subtle.verify(algorithm, key, signature, message);
  }));
  return results.every((good) => good);
}

export class Session {
  readonly #invoke: Invoke;

  constructor(invoke: Invoke) { this.#invoke = invoke; }

  /** Calls are carried out in the order in which they are made. */
  call<T>(op: string, args: unknown = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#invoke(op, args, resolve as (value: unknown) => void, ({ failure }) => reject(new MLSError(failure)));
    });
  }
}

export class Core {
  readonly #open: Open;

  private constructor(open: Open) { this.#open = open; }

  static async start(load: (imports: WebAssembly.Imports) => Promise<WebAssembly.Instance>): Promise<Core> {
    const scope = globalThis as unknown as Scope;
    const go = new scope.Go();
    const instance = await load(go.importObject);
    const open = await new Promise<Open>((resolve, reject) => {
      scope.huisclosCore = { ready: resolve };
      // Resolves only if the program ends, which it does not by itself.
      go.run(instance).then(() => reject(new Error("the core ended")), reject);
    });
    delete scope.huisclosCore;
    return new Core(open);
  }

  session(device: CoreDevice): Session {
    const opened = this.#open({ ...device, verify: verifyAll });
    if (typeof opened !== "function") throw new MLSError(opened.failure);
    return new Session(opened);
  }
}

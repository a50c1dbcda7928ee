/** The MLS worker: the group's secrets live here, in the Go core, and end with it. */
import type { Bytes } from "./bytes.ts";
import { Core } from "./core.ts";
import { deviceSigner } from "./device.ts";
import type { LogAnswer } from "./log.ts";
import { MLSSession, type FramePort } from "./mls-session.ts";
import { MLSError, type Answer, type Call, type Failure } from "./rpc.ts";

interface WorkerScope {
  onmessage: ((event: MessageEvent<Call>) => void) | null;
  postMessage(answer: Answer): void;
}

const scope = globalThis as unknown as WorkerScope;

let core: Core | undefined;
let session: MLSSession | undefined;

async function load(wasm: string): Promise<void> {
  if (core) throw new Error("the core is loaded");
  core = await Core.start(async (imports) => {
    const { instance } = await WebAssembly.instantiateStreaming(fetch(wasm, { credentials: "omit" }), imports);
    return instance;
  });
}

async function init(o: { account: string; device: string; publicKey: Bytes; name: string; log: { before: Bytes; answer: LogAnswer } }): Promise<void> {
  if (!core) throw new Error("the core is not loaded");
  if (session) throw new Error("the session is made");
  session = new MLSSession(core.session({ ...o, sign: await deviceSigner(o.account, o.publicKey) }));
}

async function answer({ op, args }: Call): Promise<unknown> {
  if (op === "load") return load((args as { wasm: string }).wasm);
  if (op === "init") return init(args as Parameters<typeof init>[0]);
  if (!session) throw new Error("no session");
  if (op === "frames") return session.attachFrames((args as { port: MessagePort }).port satisfies FramePort);
  return session.call(op, args);
}

function failure(error: unknown): Failure {
  if (error instanceof MLSError) return { message: error.message, reason: error.reason, ...(error.rule === undefined ? {} : { rule: error.rule }) };
  return { message: error instanceof Error ? error.message : String(error), reason: "internal" };
}

scope.onmessage = ({ data: call }) => {
  answer(call).then(
    (value) => scope.postMessage({ id: call.id, value }),
    (error: unknown) => scope.postMessage({ id: call.id, error: failure(error) }),
  );
};

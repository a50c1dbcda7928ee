/**
 * The frame worker: every frame of a call passes through here and nowhere else. It never sees the group's secrets, only the
 * epochs' frame keys, which it can use and not read. A frame that fails in any way is dropped.
 */
import { FrameCore } from "./frame-core.ts";
import type { EndMessage, EpochMessage, FrameCommand, FrameReport, TransformOptions } from "./frame-messages.ts";
import { dump } from "./hook.ts";
import type { EncodedFrame } from "./seal.ts";

interface Transformer {
  readonly readable: ReadableStream<EncodedFrame>;
  readonly writable: WritableStream<EncodedFrame>;
  readonly options: TransformOptions;
  generateKeyFrame?(): Promise<unknown>;
  sendKeyFrameRequest?(): Promise<unknown>;
}

interface FrameScope {
  onrtctransform: ((event: { transformer: Transformer }) => void) | null;
  onmessage: ((event: MessageEvent<FrameCommand>) => void) | null;
  postMessage(report: FrameReport): void;
}

const scope = globalThis as unknown as FrameScope;
const tickEvery = 250;
const statsEvery = 1000;

const core = new FrameCore(() => performance.now());
let keys: MessagePort | undefined;

scope.onrtctransform = ({ transformer }) => {
  const { options } = transformer;
  const quietly = (request: (() => Promise<unknown>) | undefined) => { request?.call(transformer).catch(() => undefined); };
  let out: TransformStreamDefaultController<EncodedFrame> | undefined;
  const stream = core.add(options, {
    emit: (frame) => out!.enqueue(frame),
    requestKeyFrame: () => quietly(options.direction === "seal" ? transformer.generateKeyFrame : transformer.sendKeyFrameRequest),
  });
  const transform = new TransformStream<EncodedFrame, EncodedFrame>({
    start: (controller) => { out = controller; },
    transform: (frame) => stream.take(frame),
  });
  // The pipe ends when the connection does; a broken one stays broken, and nothing passes.
  const over = () => core.close(options.id);
  transformer.readable.pipeThrough(transform).pipeTo(transformer.writable).then(over, over);
};

scope.onmessage = ({ data: command }) => {
  if (__TESTHOOK__ && command.t === "dump") scope.postMessage({ t: "dump", n: command.n, dump: dump() });
  switch (command.t) {
    case "keys":
      keys?.close();
      keys = command.port;
      keys.onmessage = ({ data }: MessageEvent<EpochMessage | EndMessage>) => { void core.keys(data); };
      break;
    case "retarget":
      core.retarget(command.id, { leaf: command.leaf, context: command.context });
      break;
    case "ping":
      scope.postMessage({ t: "pong", n: command.n });
      break;
  }
};

setInterval(() => core.tick(), tickEvery);
setInterval(() => scope.postMessage({ t: "stats", stats: core.stats() }), statsEvery);
scope.postMessage({ t: "ready" });

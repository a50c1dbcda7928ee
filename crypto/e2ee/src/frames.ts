/**
 * The page's handle on the frame worker. It hands senders and receivers to the worker and never takes them back: there is
 * no act that lets a frame pass unsealed, and no transform is ever removed.
 */
import type { Expect, FrameCommand, FrameDump, FrameReport, FrameStats, TransformOptions } from "./frame-messages.ts";
import type { MLSClient } from "./mls.ts";
import type { ScriptURL } from "./urls.ts";

export type { Counts, DropReason, FrameDump, FrameStats, ReceiverStats, SenderStats } from "./frame-messages.ts";

const pingEvery = 2000;
/** Unanswered pings in a row after which the worker counts as dead. */
const pingsLost = 8;

export class FrameClient {
  readonly #worker: Worker;
  readonly #senders = new WeakMap<RTCRtpSender, number>();
  readonly #receivers = new WeakMap<RTCRtpReceiver, number>();
  readonly #statsListeners: ((s: FrameStats) => void)[] = [];
  readonly #deathListeners: ((cause: Error) => void)[] = [];
  readonly #dumps = new Map<number, (dump: FrameDump) => void>();
  #pulse: ReturnType<typeof setInterval> | undefined;
  #next = 1;
  #pinged = 0;
  #ponged = 0;
  #over = false;

  private constructor(worker: Worker) { this.#worker = worker; }

  static start(workerURL: ScriptURL): Promise<FrameClient> {
    const worker = new Worker(workerURL, { name: "frames" });
    const client = new FrameClient(worker);
    return new Promise((resolve, reject) => {
      worker.onerror = (event) => {
        const cause = new Error(event.message || "the frame worker could not be loaded");
        reject(cause);
        client.#die(cause);
      };
      worker.onmessageerror = () => { client.#die(new Error("the frame worker's message can't be read")); };
      worker.onmessage = (event: MessageEvent<FrameReport>) => {
        const report = event.data;
        if (report.t === "ready") {
          client.#pulse = setInterval(() => client.#ping(), pingEvery);
          resolve(client);
        } else {
          client.#take(report);
        }
      };
    });
  }

  terminate(): void {
    this.#over = true;
    clearInterval(this.#pulse);
    this.#worker.terminate();
  }

  /** Joins the two workers by a channel of their own: keys never pass through the page. */
  async connect(mls: MLSClient): Promise<void> {
    const channel = new MessageChannel();
    this.#post({ t: "keys", port: channel.port1 }, [channel.port1]);
    await mls.attachFrames(channel.port2);
  }

  /** Gives a sender to the worker, before the offer is made. A sender has one context for its life. */
  sealSender(sender: RTCRtpSender, context: number): void {
    if (this.#senders.has(sender)) {
      if (this.#senders.get(sender) !== context) throw new Error("a sender can't change its context");
      return;
    }
    this.#senders.set(sender, context);
    sender.transform = this.#transform({ id: this.#next++, direction: "seal", context });
  }

  /** Gives a receiver to the worker, in the track event's handler. */
  openReceiver(receiver: RTCRtpReceiver, expect: Expect): void {
    if (this.#receivers.has(receiver)) {
      this.retarget(receiver, expect);
      return;
    }
    const id = this.#next++;
    this.#receivers.set(receiver, id);
    receiver.transform = this.#transform({ id, direction: "open", ...expect });
  }

  /** The m-line now carries another stream. Until the worker knows, frames of the new one are dropped. */
  retarget(receiver: RTCRtpReceiver, expect: Expect): void {
    const id = this.#receivers.get(receiver);
    if (id === undefined) throw new Error("the receiver was never given to this worker");
    this.#post({ t: "retarget", id, ...expect });
  }

  onStats(cb: (s: FrameStats) => void): void { this.#statsListeners.push(cb); }

  /** The worker is gone and nothing is sent. A new one may only send after a commit of this device was accepted. */
  onDeath(cb: (cause: Error) => void): void { this.#deathListeners.push(cb); }

  /** What was sealed, and by which keys and counters: in test builds only, nothing of it stands in others. */
  readonly dump: (() => Promise<FrameDump>) | undefined = !__TESTHOOK__ ? undefined : () => new Promise((resolve) => {
    const n = this.#next++;
    this.#dumps.set(n, resolve);
    this.#post({ t: "dump", n });
  });

  #transform(options: TransformOptions): RTCRtpScriptTransform {
    return new RTCRtpScriptTransform(this.#worker, options);
  }

  #post(command: FrameCommand, transfer: Transferable[] = []): void {
    if (!this.#over) this.#worker.postMessage(command, transfer);
  }

  #ping(): void {
    if (this.#pinged - this.#ponged >= pingsLost) {
      this.#die(new Error("the frame worker does not answer"));
      return;
    }
    this.#pinged++;
    this.#post({ t: "ping", n: this.#pinged });
  }

  #take(report: FrameReport): void {
    if (__TESTHOOK__ && report.t === "dump") {
      this.#dumps.get(report.n)?.(report.dump);
      this.#dumps.delete(report.n);
    }
    switch (report.t) {
      case "stats":
        for (const cb of this.#statsListeners) cb(report.stats);
        break;
      case "pong":
        this.#ponged = report.n;
        break;
    }
  }

  #die(cause: Error): void {
    if (this.#over) return;
    this.terminate();
    for (const cb of this.#deathListeners) cb(cause);
  }
}

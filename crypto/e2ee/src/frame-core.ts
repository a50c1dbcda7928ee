/** The frame worker without its globals: streams by the page's numbers, keys by epoch, time as a parameter. */
import { Epochs } from "./epochs.ts";
import type { EndMessage, EpochMessage, Expect, FrameStats, TransformOptions } from "./frame-messages.ts";
import { recordKey } from "./hook.ts";
import { ReceiverStream } from "./open.ts";
import { SenderStream, type EncodedFrame, type StreamOptions } from "./seal.ts";

export interface Stream { take(frame: EncodedFrame): Promise<void> }

export class FrameCore {
  readonly #epochs = new Epochs();
  readonly #senders = new Map<number, SenderStream>();
  readonly #receivers = new Map<number, ReceiverStream>();
  /** A retarget may overtake the transform that it is for: both come to the worker by ways of their own. */
  readonly #early = new Map<number, Expect>();
  readonly #now: () => number;

  constructor(now: () => number) { this.#now = now; }

  add(transform: TransformOptions, io: Omit<StreamOptions, "now">): Stream {
    const options: StreamOptions = { ...io, now: this.#now };
    if (transform.direction === "seal") {
      const sender = new SenderStream(transform.id, transform.context, this.#epochs, options);
      this.#senders.set(transform.id, sender);
      return sender;
    }
    const expect = this.#early.get(transform.id) ?? { leaf: transform.leaf, context: transform.context };
    this.#early.delete(transform.id);
    const receiver = new ReceiverStream(transform.id, expect, this.#epochs, options);
    this.#receivers.set(transform.id, receiver);
    return receiver;
  }

  close(id: number): void {
    this.#senders.delete(id);
    this.#receivers.delete(id);
  }

  retarget(id: number, expect: Expect): void {
    const receiver = this.#receivers.get(id);
    if (receiver) receiver.retarget(expect);
    else this.#early.set(id, expect);
  }

  /** Takes an epoch's key from the MLS worker; resolves when what waited for it has been passed on. */
  async keys(message: EpochMessage | EndMessage): Promise<void> {
    if ("end" in message) {
      this.#epochs.clear();
      return;
    }
    if (__TESTHOOK__) recordKey(message);
    if (!this.#epochs.accept(message, this.#now())) return;
    await Promise.all([...this.#receivers.values()].map((receiver) => receiver.keysChanged()));
  }

  /** Drops keys and held frames whose time is over. Wanted several times a second. */
  tick(): void {
    const now = this.#now();
    this.#epochs.expire(now);
    for (const receiver of this.#receivers.values()) receiver.expire(now);
  }

  stats(): FrameStats {
    const now = this.#now();
    return {
      epoch: this.#epochs.newest?.number ?? null,
      sending: this.#epochs.sending(now)?.number ?? null,
      senders: [...this.#senders.values()].map((sender) => sender.stats()),
      receivers: [...this.#receivers.values()].map((receiver) => receiver.stats(now)),
    };
  }
}

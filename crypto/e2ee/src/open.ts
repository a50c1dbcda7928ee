/**
 * One receiver's frames: opened in their order, each once, of the expected leaf and context only. Frames that are ahead of
 * this device's epoch wait for their key, briefly and in bounded memory.
 */
import { alive, Epoch, type Epochs } from "./epochs.ts";
import type { Counts, DropReason, Expect, ReceiverStats } from "./frame-messages.ts";
import { codecOfFrame, count, type EncodedFrame, type StreamOptions } from "./seal.ts";
import { authenticated, codecOf, nonce, parseFrameHeader, parseInner, tagSize, unpackKID, type FrameHeader } from "./sframe.ts";

export const holdTime = 1000;
export const holdBytes = 2 * 1024 * 1024;
/** At most one request for a key frame in this time. */
const requestEvery = 1000;

interface Arrived { frame: EncodedFrame; expect: Expect }
interface Held extends Arrived { bytes: number; since: number; epochByte: number }
/** The frame is of an epoch that this device has yet to enter. */
interface Wait { wait: number }
interface Opened { data: ArrayBuffer; key: boolean; epoch: Epoch }

export class ReceiverStream {
  readonly #epochs: Epochs;
  readonly #options: StreamOptions;
  readonly #id: number;
  #expect: Expect;
  #held: Held[] = [];
  #heldBytes = 0;
  #opened = 0;
  #refused: Counts = {};
  #lastOpened: number | null = null;
  #lastEpoch: number | null = null;
  #gap = false;
  #requested = -Infinity;
  /** The end of the work queued so far: everything of this stream happens in turn. */
  #turn: Promise<void> = Promise.resolve();

  constructor(id: number, expect: Expect, epochs: Epochs, options: StreamOptions) {
    this.#id = id;
    this.#expect = expect;
    this.#epochs = epochs;
    this.#options = options;
  }

  stats(now: number): ReceiverStats {
    return {
      id: this.#id, ...this.#expect, opened: this.#opened, refused: { ...this.#refused },
      lastOpened: this.#lastOpened === null ? null : now - this.#lastOpened, epoch: this.#lastEpoch, held: this.#held.length,
    };
  }

  /** The m-line carries another stream from now on. What was held of the former is dropped, and counting begins anew. */
  retarget(expect: Expect): void {
    if (expect.leaf === this.#expect.leaf && expect.context === this.#expect.context) return;
    this.#expect = expect;
    this.#held = [];
    this.#heldBytes = 0;
    this.#opened = 0;
    this.#refused = {};
    this.#lastOpened = this.#lastEpoch = null;
    this.#gap = false;
  }

  /** Opens a frame and passes it on, or holds it, or drops it. */
  take(frame: EncodedFrame): Promise<void> {
    const arrived = { frame, expect: this.#expect };
    return this.#inTurn(() => this.#work(arrived));
  }

  /** A key has come: what waited for it goes on, before anything that arrives later. */
  keysChanged(): Promise<void> { return this.#inTurn(() => this.#work()); }

  /** Drops what has waited too long. */
  expire(now: number): void {
    while (this.#held.length > 0 && now - this.#held[0]!.since > holdTime) {
      this.#heldBytes -= this.#held.shift()!.bytes;
      this.#drop("held-too-long");
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    return (this.#turn = this.#turn.then(work).catch(() => this.#drop("error")));
  }

  /** What waited and has its key now comes first. Nothing waits between that check and the new frame's own. */
  async #work(arrived?: Arrived): Promise<void> {
    this.expire(this.#options.now());
    for (;;) {
      const first = this.#held[0];
      if (!first || this.#epochs.find(first.epochByte, this.#options.now()) === "next") break;
      this.#held.shift();
      this.#heldBytes -= first.bytes;
      await this.#handle(first);
    }
    if (arrived) await this.#handle(arrived);
  }

  async #handle(arrived: Arrived): Promise<void> {
    if (arrived.expect !== this.#expect) return; // of the stream that this m-line carried before
    let outcome: Opened | DropReason | Wait;
    try {
      outcome = await this.#open(arrived);
    } catch {
      outcome = "error";
    }
    if (arrived.expect !== this.#expect) return;
    if (typeof outcome === "string") this.#drop(outcome);
    else if ("wait" in outcome) this.#hold(arrived, outcome.wait);
    else this.#pass(arrived.frame, outcome);
  }

  #hold({ frame, expect }: Arrived, epochByte: number): void {
    const bytes = frame.data.byteLength;
    if (this.#heldBytes + bytes > holdBytes) {
      this.#drop("hold-full");
      return;
    }
    this.#held.push({ frame, expect, bytes, since: this.#options.now(), epochByte });
    this.#heldBytes += bytes;
  }

  #drop(reason: DropReason): void {
    count(this.#refused, reason);
    if (reason !== "replayed") this.#gap = true;
  }

  #pass(frame: EncodedFrame, opened: Opened): void {
    frame.data = opened.data;
    this.#options.emit(frame);
    const now = this.#options.now();
    this.#opened++;
    this.#lastOpened = now;
    this.#lastEpoch = opened.epoch.number;
    if (codecOf(this.#expect.context) === "opus" || !this.#gap) return;
    if (opened.key) {
      this.#gap = false;
    } else if (now - this.#requested >= requestEvery) {
      this.#requested = now;
      this.#options.requestKeyFrame();
    }
  }

  async #open({ frame, expect }: Arrived): Promise<Opened | DropReason | Wait> {
    const codec = codecOfFrame(frame, expect.context);
    if (codec === null) return "unknown-codec";
    const sealed = new Uint8Array(frame.data);
    const header = parseFrameHeader(codec, sealed);
    if (typeof header === "string") return header;
    const epoch = this.#epochOf(header, expect);
    if (!(epoch instanceof Epoch)) return epoch;
    if (sealed.length < header.size + 1 + tagSize) return "no-room-for-tag";
    const window = epoch.window(header.kid);
    if (!window.fresh(header.ctr)) return "replayed";

    const key = await epoch.openingKey(header.kid);
    const additionalData = authenticated(sealed, header.prefix, header.size, expect.context);
    let inner: ArrayBuffer;
    try {
      inner = await crypto.subtle.decrypt({ name: "AES-GCM", iv: nonce(key.salt, header.ctr), additionalData }, key.key, sealed.subarray(header.size));
    } catch {
      return "bad-tag";
    }
    // While it was being opened another receiver may have had the same frame, or the epoch's time may have run out.
    if (!window.fresh(header.ctr)) return "replayed";
    if (!alive(epoch, this.#options.now()) || epoch.gone.has(expect.leaf)) return "old-epoch";
    window.mark(header.ctr);
    const parsed = parseInner(new Uint8Array(inner), header.key);
    if (parsed === null) return "bad-inner";
    return { data: inner.slice(parsed.start), key: parsed.key, epoch };
  }

  /** The one epoch whose key may open this header; there is no trial of several. */
  #epochOf(header: FrameHeader, expect: Expect): Epoch | DropReason | Wait {
    const { context, leaf, epochByte } = unpackKID(header.kid);
    if (leaf === this.#epochs.newest?.own) return "own-kid";
    if (leaf !== expect.leaf || context !== expect.context) return "wrong-kid";
    const epoch = this.#epochs.find(epochByte, this.#options.now());
    if (epoch === "next") return { wait: epochByte };
    if (typeof epoch === "string") return epoch;
    if (leaf === epoch.own) return "own-kid";
    return epoch.gone.has(leaf) ? "old-epoch" : epoch;
  }
}

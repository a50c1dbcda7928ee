/** One sender's frames, sealed one after the other. What can't be sealed is dropped: no frame leaves as it came. */
import { alive, type Epoch, type Epochs } from "./epochs.ts";
import type { Counts, DropReason, SenderStats } from "./frame-messages.ts";
import { record } from "./hook.ts";
import {
  authenticated, clearPrefix, codecOf, headerSize, innerSize, nonce, soundPadding, streamKind, writeHeader, writeInner, type Codec, type StreamKey,
} from "./sframe.ts";

/** An encoded frame as both kinds of RTCEncoded…Frame have it. */
export interface EncodedFrame {
  data: ArrayBuffer;
  readonly type?: string;
  getMetadata(): { mimeType?: string };
}

export interface StreamOptions {
  now(): number;
  /** Passes a finished frame on. */
  emit(frame: EncodedFrame): void;
  /** Asks the encoder, or the far sender, for a key frame. */
  requestKeyFrame(): void;
}

const mimeTypes: Record<string, Codec> = { "audio/opus": "opus", "video/vp8": "vp8", "video/vp9": "vp9" };

/**
 * What a frame of a context is in, as the browser says; null if that is none of what the context may have. A browser that does not say
 * is taken to have the usual one.
 */
export function codecOfFrame(frame: EncodedFrame, context: number): Codec | null {
  const usual = codecOf(context), mimeType = frame.getMetadata().mimeType;
  if (mimeType === undefined) return usual;
  const codec = mimeTypes[mimeType.toLowerCase()];
  return codec === usual || (codec === "vp9" && streamKind(context) === 1) ? codec : null;
}

export function count(counts: Counts, reason: DropReason): void { counts[reason] = (counts[reason] ?? 0) + 1; }

export class SenderStream {
  readonly #epochs: Epochs;
  readonly #options: StreamOptions;
  readonly #context: number;
  readonly #id: number;
  #sealed = 0;
  readonly #dropped: Counts = {};
  #epoch: number | null = null;
  /** Frames were dropped since the last key frame: what follows refers to pictures that nobody has. */
  #gap = false;
  #scratch = new Uint8Array(4096);

  constructor(id: number, context: number, epochs: Epochs, options: StreamOptions) {
    this.#id = id;
    this.#context = context;
    this.#epochs = epochs;
    this.#options = options;
  }

  stats(): SenderStats {
    return { id: this.#id, context: this.#context, sealed: this.#sealed, dropped: { ...this.#dropped }, epoch: this.#epoch };
  }

  /** Seals a frame and passes it on. Calls must not overlap: the transform waits for one before the next. */
  async take(frame: EncodedFrame): Promise<void> {
    let outcome: ArrayBuffer | DropReason;
    try {
      outcome = await this.#seal(frame);
    } catch {
      outcome = "error";
    }
    if (typeof outcome === "string") {
      count(this.#dropped, outcome);
      if (outcome !== "empty") this.#gap = true;
      return;
    }
    try {
      frame.data = outcome;
      this.#options.emit(frame);
      this.#sealed++;
    } catch {
      count(this.#dropped, "error");
      this.#gap = true;
      return;
    }
    if (this.#gap && codecOf(this.#context) !== "opus") {
      this.#gap = false;
      if (frame.type !== "key") this.#options.requestKeyFrame();
    }
  }

  async #seal(frame: EncodedFrame): Promise<ArrayBuffer | DropReason> {
    const codec = codecOfFrame(frame, this.#context);
    if (codec === null) return "unknown-codec";
    if (frame.type === "empty" || frame.data.byteLength === 0) return "empty";
    const found = await this.#currentKey();
    if (!found) return "no-key";
    const { epoch, kid, key } = found;
    // Between here and the call of encrypt nothing waits: the counter belongs to this frame and to this epoch.
    const ctr = this.#epochs.take(epoch, kid);
    if (ctr === null) return "exhausted";

    const isKey = codec !== "opus" && frame.type === "key";
    const prefix = clearPrefix(codec, isKey);
    const size = prefix.length + headerSize(kid, ctr);
    const head = new Uint8Array(size);
    head.set(prefix);
    writeHeader(head, prefix.length, kid, ctr);

    const plain = new Uint8Array(frame.data);
    const padding = epoch.padded && codec === "opus" ? soundPadding(plain.length, size) : 0;
    const length = innerSize(plain.length, padding);
    if (this.#scratch.length < length) this.#scratch = new Uint8Array(2 * length);
    const inner = this.#scratch.subarray(0, length);
    writeInner(inner, isKey, padding, plain);
    if (__TESTHOOK__) record(epoch, this.#context, kid, ctr, plain);

    const additionalData = authenticated(head, prefix.length, size, this.#context);
    const body = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce(key.salt, ctr), additionalData }, key.key, inner);
    const out = new Uint8Array(size + body.byteLength);
    out.set(head);
    out.set(new Uint8Array(body), size);
    this.#epoch = epoch.number;
    return out.buffer;
  }

  /** The key to seal with now. If a commit is processed while a key is derived, the frame takes the new epoch's. */
  async #currentKey(): Promise<{ epoch: Epoch; kid: number; key: StreamKey } | null> {
    for (;;) {
      const epoch = this.#epochs.sending(this.#options.now());
      if (!epoch) return null;
      const kid = epoch.kid(this.#context);
      const key = await epoch.sealingKey(kid);
      const now = this.#options.now();
      if (this.#epochs.sending(now) === epoch && alive(epoch, now)) return { epoch, kid, key };
    }
  }
}

import type { EpochMessage } from "../src/frame-messages.ts";
import type { EncodedFrame } from "../src/seal.ts";
import { importBase } from "./vectors.ts";

/** A clock that stands still until it is told to go on. */
export class Clock {
  at = 1_000_000;
  readonly now = (): number => this.at;
  advance(ms: number): void { this.at += ms; }
}

export class FakeFrame implements EncodedFrame {
  data: ArrayBuffer;
  readonly type: string | undefined;
  readonly mimeType: string | undefined;
  constructor(data: Uint8Array, type?: string, mimeType?: string) {
    this.data = data.slice().buffer as ArrayBuffer;
    this.type = type;
    this.mimeType = mimeType;
  }
  getMetadata(): { mimeType?: string } { return this.mimeType === undefined ? {} : { mimeType: this.mimeType }; }
  get bytes(): Uint8Array { return new Uint8Array(this.data); }
  get text(): string { return new TextDecoder().decode(this.data); }
}

export function frame(text: string, type?: string, mimeType?: string): FakeFrame {
  return new FakeFrame(new TextEncoder().encode(text), type, mimeType);
}

const bases = new Map<string, Promise<CryptoKey>>();

/** The base key of an epoch, the same for everybody who names the same group and epoch. */
export function base(group: string, epoch: number): Promise<CryptoKey> {
  const name = `${group}/${epoch}`;
  let key = bases.get(name);
  if (!key) {
    key = crypto.subtle.digest("SHA-256", new TextEncoder().encode(name)).then((raw) => importBase(new Uint8Array(raw)));
    bases.set(name, key);
  }
  return key;
}

export async function epochOf(own: number, epoch: number, more: Partial<EpochMessage> = {}): Promise<EpochMessage> {
  const group = more.group ?? "group";
  return { group, epoch, own, fresh: false, addOnly: false, removed: [], send: true, padded: false, base: await base(group, epoch), ...more };
}

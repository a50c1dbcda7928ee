/**
 * The frame keys of a call, epoch by epoch: which epoch to seal in, which ones still open, and the counters. It decides by
 * the time that it is given and owns every counter of this worker: they outlive transforms, tracks and transceivers, and
 * never go back.
 */
import type { EpochMessage } from "./frame-messages.ts";
import { deriveStreamKey, maxCounter, packKID, Window, type StreamKey } from "./sframe.ts";

/** A sender stays in the old epoch for so long after a commit that only added people, so that all have the new key. */
export const switchDelay = 500;
/** A superseded epoch's frames may still be on their way for so long; the server's gate has the same bound. */
export const grace = 3000;
/** Frames of at most so many epochs ahead are worth holding: commits may come faster than this device processes them. */
export const ahead = 4;

export class Epoch {
  readonly group: string;
  readonly number: number;
  readonly own: number;
  readonly send: boolean;
  readonly padded: boolean;
  /** From then on senders use it. */
  readonly switchAt: number;
  /** When a later epoch took its place; receivers forget it `grace` after. */
  superseded: number | null = null;
  /** Leaves that a later commit took away: nothing of theirs opens any more, grace or not. */
  readonly gone = new Set<number>();
  readonly #base: CryptoKey;
  readonly #sealing = new Map<number, Promise<StreamKey>>();
  readonly #opening = new Map<number, Promise<StreamKey>>();
  readonly #windows = new Map<number, Window>();

  constructor(message: EpochMessage, switchAt: number) {
    this.group = message.group;
    this.number = message.epoch;
    this.own = message.own;
    this.send = message.send;
    this.padded = message.padded;
    this.switchAt = switchAt;
    this.#base = message.base;
  }

  kid(context: number): number { return packKID(context, this.own, this.number); }

  sealingKey(kid: number): Promise<StreamKey> { return cached(this.#sealing, kid, () => deriveStreamKey(this.#base, kid, "encrypt")); }

  openingKey(kid: number): Promise<StreamKey> { return cached(this.#opening, kid, () => deriveStreamKey(this.#base, kid, "decrypt")); }

  window(kid: number): Window { return cached(this.#windows, kid, () => new Window()); }
}

function cached<V>(map: Map<number, V>, key: number, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

export class Epochs {
  /** Oldest first. All of one group, without gaps in time. */
  #epochs: Epoch[] = [];
  /** Next counter by group, epoch and KID, kept for the worker's life: even the same epoch told twice goes on counting. */
  readonly #counters = new Map<string, number>();

  get newest(): Epoch | undefined { return this.#epochs[this.#epochs.length - 1]; }

  /** Takes an epoch's key. One that is not later than the newest is ignored unless the group was entered anew. */
  accept(message: EpochMessage, now: number): boolean {
    const newest = this.newest;
    const fresh = message.fresh || !newest || newest.group !== message.group;
    if (!fresh && message.epoch <= newest.number) return false;
    if (fresh) this.#epochs = [];
    const slow = !fresh && message.addOnly;
    for (const epoch of this.#epochs) {
      epoch.superseded ??= now;
      for (const leaf of message.removed) epoch.gone.add(leaf);
    }
    // Were two epochs of one byte alive at once, a KID would name two keys.
    this.#epochs = this.#epochs.filter((epoch) => epoch.number % 256 !== message.epoch % 256);
    this.#epochs.push(new Epoch(message, slow ? now + switchDelay : now));
    return true;
  }

  /** Drops every key. */
  clear(): void { this.#epochs = []; }

  /** Drops the keys of epochs whose time is over. */
  expire(now: number): void { this.#epochs = this.#epochs.filter((epoch) => alive(epoch, now)); }

  /** The epoch to seal in. */
  sending(now: number): Epoch | undefined {
    for (let i = this.#epochs.length - 1; i >= 0; i--) {
      const epoch = this.#epochs[i]!;
      if (epoch.switchAt <= now) return epoch.send && alive(epoch, now) ? epoch : undefined;
    }
    return undefined;
  }

  /** The epoch whose number ends in this byte, or which side of the known ones it is on. */
  find(byte: number, now: number): Epoch | "next" | "future-epoch" | "old-epoch" {
    const newest = this.newest;
    if (!newest) return "next";
    for (let i = this.#epochs.length - 1; i >= 0; i--) {
      const epoch = this.#epochs[i]!;
      if (epoch.number % 256 === byte) return alive(epoch, now) ? epoch : "old-epoch";
    }
    const distance = (byte - (newest.number % 256) + 256) % 256;
    if (distance <= ahead) return "next";
    return distance < 128 ? "future-epoch" : "old-epoch";
  }

  /** The next counter of a stream of this device; null when they are used up. It is taken, whatever becomes of it. */
  take(epoch: Epoch, kid: number): number | null {
    const name = counterName(epoch, kid);
    const ctr = this.#counters.get(name) ?? 0;
    if (ctr > maxCounter) return null;
    this.#counters.set(name, ctr + 1);
    return ctr;
  }

  /** Leaves counters out. There is no way back. */
  startAt(epoch: Epoch, kid: number, ctr: number): void {
    const name = counterName(epoch, kid);
    if (ctr < (this.#counters.get(name) ?? 0)) throw new RangeError("a counter does not go back");
    this.#counters.set(name, ctr);
  }
}

function counterName(epoch: Epoch, kid: number): string { return `${epoch.group}/${epoch.number}/${kid}`; }

export function alive(epoch: Epoch, now: number): boolean {
  return epoch.superseded === null || now - epoch.superseded <= grace;
}

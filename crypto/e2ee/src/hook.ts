/** What test builds remember of sealing, to be searched for on the server. Every call stands behind `__TESTHOOK__`. */
import type { Epoch } from "./epochs.ts";
import type { EpochMessage, FrameDump } from "./frame-messages.ts";

const lastFrames = 200;

const remembered: FrameDump = { frames: [], baseKeys: [], kidctr: [] };

export function record(epoch: Epoch, context: number, kid: number, ctr: number, data: Uint8Array): void {
  remembered.frames.push({ context, kid, ctr, data: data.slice() });
  if (remembered.frames.length > lastFrames) remembered.frames.shift();
  remembered.kidctr.push({ group: epoch.group, epoch: epoch.number, kid, ctr });
}

export function recordKey(message: EpochMessage): void {
  if (message.raw) remembered.baseKeys.push({ group: message.group, epoch: message.epoch, key: message.raw });
}

export function dump(): FrameDump { return remembered; }

/**
 * What people say inside the sealed group: JSON inside MLS PrivateMessages. The sender is the leaf that MLS
 * authenticated, never a field. Unknown kinds are ignored, so that a newer client may say more; a known kind of the
 * wrong shape is ignored too.
 */
import { maxChatBytes, reactionKinds, type ReactionKind } from "./state.ts";

export type SealedMessage =
  | { t: "chat"; id: string; text: string }
  /** hand: time at which it went up, 0 when down; the queue is ordered by it. */
  | { t: "state"; mic: boolean; cam: boolean; screen: boolean; hand: number }
  | { t: "compare"; epoch: number }
  | { t: "reaction"; kind: ReactionKind };

export function encodeSealed(m: SealedMessage): Uint8Array { return new TextEncoder().encode(JSON.stringify(m)); }

export function decodeSealed(data: Uint8Array): SealedMessage | null {
  let v: unknown;
  try { v = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data)); } catch { return null; }
  if (typeof v !== "object" || v === null) return null;
  const m = v as Record<string, unknown>;
  switch (m.t) {
    case "chat":
      if (typeof m.id !== "string" || m.id.length < 8 || m.id.length > 64 || typeof m.text !== "string") return null;
      if (m.text.trim() === "" || new TextEncoder().encode(m.text).length > maxChatBytes) return null;
      return { t: "chat", id: m.id, text: m.text };
    case "state":
      if (typeof m.mic !== "boolean" || typeof m.cam !== "boolean" || typeof m.screen !== "boolean") return null;
      if (typeof m.hand !== "number" || !Number.isSafeInteger(m.hand) || m.hand < 0) return null;
      return { t: "state", mic: m.mic, cam: m.cam, screen: m.screen, hand: m.hand };
    case "compare":
      return typeof m.epoch === "number" && Number.isSafeInteger(m.epoch) && m.epoch >= 0 ? { t: "compare", epoch: m.epoch } : null;
    case "reaction":
      return reactionKinds.includes(m.kind as ReactionKind) ? { t: "reaction", kind: m.kind as ReactionKind } : null;
    default:
      return null;
  }
}

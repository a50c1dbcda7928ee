import type { CallSignals, Seal } from "../call/state.ts";

/**
 * What the seal says. The engine knows whether the group is sealed; verified it is only once the words were compared with
 * everybody who is there, since nothing else ties a device to a person: the key log says of which account it is.
 */
export function sealOf(m: Pick<CallSignals, "seal" | "people">): Seal {
  const state = m.seal.value;
  return state === "sealed" && m.people.value.some((p) => !p.me && !p.compared) ? "unverified" : state;
}

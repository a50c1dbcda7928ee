/**
 * Tells when the machine's network has changed: that it is back, or (where the browser says of which kind it is) that it is of
 * another kind. Everything else that NetworkInformation reports are estimates of its speed, which change all the time and are
 * no reason to look for another path; what no browser reports here is seen by the connections themselves (publisher.ts).
 */
interface NetworkInformation extends EventTarget { type?: string }

export interface Surroundings { window: Pick<EventTarget, "addEventListener" | "removeEventListener">; connection: NetworkInformation | undefined }

export const surroundings = (): Surroundings | null => typeof window === "undefined" ? null
  : { window, connection: (navigator as Navigator & { connection?: NetworkInformation }).connection };

/** Calls `changed` until the function that it gives is called. */
export function watchNetwork(around: Surroundings | null, changed: () => void): () => void {
  if (!around) return () => undefined;
  const { window: w, connection } = around;
  let kind = connection?.type;
  const other = () => {
    const before = kind;
    kind = connection?.type;
    if (kind !== before && kind !== "none") changed();
  };
  w.addEventListener("online", changed);
  connection?.addEventListener("change", other);
  return () => {
    w.removeEventListener("online", changed);
    connection?.removeEventListener("change", other);
  };
}

/** The rule of acts that need a recent proof of who acts. No browser is needed here. */
import { codes } from "../factor.ts";

const wanted = (e: unknown) => typeof e === "object" && e !== null && (e as { code?: unknown }).code === codes.proofNeeded;

/** Does the act; if the server wants a proof first, gets it and does the act once more, and not a third time. */
export async function provingOnce<T>(act: () => Promise<T>, proof: () => Promise<void>): Promise<T> {
  try { return await act(); } catch (e) {
    if (!wanted(e)) throw e;
  }
  await proof();
  return act();
}

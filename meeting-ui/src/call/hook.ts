/**
 * What the browser tests look at; its caller is compiled away in release builds, and so is this file. It shows the
 * frames before sealing, the keys (which only a test build can export) and every (KID, CTR) used, and lets a test do what
 * an attacker's page would do.
 */
import type { Call } from "./call.ts";
import type { Media } from "./media.ts";

const none = { frames: [], baseKeys: [], kidctr: [] };

export function installHook(call: Call, media: () => Media | null): void {
  const dump = async () => (await media()?.frames?.dump?.()) ?? none;
  const past: Awaited<ReturnType<typeof dump>>[] = [];
  const hook = {
    call,
    frames: async () => (await dump()).frames,
    baseKeys: async () => (await dump()).baseKeys,
    kidctr: async () => [...past.flatMap((d) => d.kidctr), ...(await dump()).kidctr],
    stats: () => media()?.stats ?? null,
    connections: () => ({ up: media()?.publisher?.connection ?? null, down: media()?.subscriber?.connection ?? null }),
    /** Keeps what the frame worker has used so far: the test is about to kill it. */
    keep: async () => { past.push(await dump()); },
  };
  (globalThis as { __huisclos?: unknown }).__huisclos = hook;
}

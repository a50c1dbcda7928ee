/** Puts the sealed side of this device together out of crypto/e2ee: its key, the MLS core, frame workers. */
import { FrameClient, MLSClient, openDevice, wasmURL, workerURL } from "@huisclos/e2ee";
import type { SealedSide } from "./ports.ts";

export async function openSealedSide(account: string, name: string): Promise<SealedSide> {
  const [device, mls] = await Promise.all([openDevice(account), MLSClient.start(workerURL("mls"), wasmURL)]);
  try {
    await mls.init({ account, device, name });
  } catch (e) {
    mls.terminate();
    throw e;
  }
  return {
    device, mls,
    frames: async () => {
      const frames = await FrameClient.start(workerURL("frame"));
      try { await frames.connect(mls); } catch (e) { frames.terminate(); throw e; }
      return frames;
    },
    onDeath: (cb) => mls.onDeath(cb),
    terminate: () => mls.terminate(),
  };
}

/** What this browser lacks for a sealed call; null when it has everything. */
export function missing(): string | null {
  if (!globalThis.isSecureContext) return "secure context";
  if (typeof RTCRtpScriptTransform === "undefined") return "RTCRtpScriptTransform";
  if (typeof WebAssembly === "undefined") return "WebAssembly";
  if (typeof indexedDB === "undefined") return "IndexedDB";
  if (!globalThis.crypto?.subtle) return "WebCrypto";
  return null;
}

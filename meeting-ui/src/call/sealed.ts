/** Puts the sealed side of this device together out of crypto/e2ee: its key, the MLS core, frame workers. */
import { FrameClient, keepSeenLog, MLSClient, openDevice, readSeenLog, toBase64url, wasmURL, workerURL, type Device, type LogAnswer } from "@huisclos/e2ee";
import { inscribe } from "../api/index.ts";
import { refusedCode } from "./keylog.ts";
import type { SealedSide } from "./ports.ts";

/** The device is inscribed in the server's key log, and the answer held against what this browser has seen of the log before. */
export async function openSealedSide(room: string, account: string, name: string): Promise<SealedSide> {
  const device = await openDevice(account), before = await readSeenLog();
  const core = MLSClient.start(workerURL("mls"), wasmURL);
  let answer: LogAnswer;
  try {
    answer = await inscribed(room, device, before.size);
  } catch (e) {
    void core.then((mls) => mls.terminate(), () => undefined);
    throw e;
  }
  const mls = await core;
  try {
    await mls.init({ account, device, name, log: { before: before.kept, answer } });
    await keepSeenLog(await mls.seen());
  } catch (e) {
    mls.terminate();
    throw e;
  }
  return {
    device, mls, known: before.known,
    frames: async () => {
      const frames = await FrameClient.start(workerURL("frame"));
      try { await frames.connect(mls); } catch (e) { frames.terminate(); throw e; }
      return frames;
    },
    onDeath: (cb) => mls.onDeath(cb),
    terminate: () => mls.terminate(),
  };
}

const inscribeWithin = 20_000, inscribeAgainAfter = 1500;

/** A server that is just starting, or a line that is down, gets some time; one that says why it inscribes nothing gets none. */
async function inscribed(room: string, device: Device, since: number): Promise<LogAnswer> {
  for (const end = Date.now() + inscribeWithin; ;) {
    try {
      return await inscribe(room, { device: toBase64url(device.id), key: toBase64url(device.publicKey), since });
    } catch (e) {
      const status = (e as { status?: unknown }).status;
      if (typeof status !== "number" || status !== 0 && status < 500 || refusedCode(e) !== null || Date.now() > end) throw e;
      await new Promise((done) => { setTimeout(done, inscribeAgainAfter); });
    }
  }
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

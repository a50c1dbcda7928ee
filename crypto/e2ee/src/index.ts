/**
 * The sealed side of a client, as a page sees it: handles on two workers, the device's key, the words. Secrets of a call
 * live in the workers only.
 */
export { knownDevice, openDevice, type Device } from "./device.ts";
export { forgetSeenLog, keepSeenLog, knownFor, marked, newToBrowser, readSeenLog, type LogAnswer, type SeenLog } from "./log.ts";
export {
  MLSClient, MLSError, type CommitRequest, type Condition, type GroupView, type KeyPackageInfo, type Member, type PendingCommit, type Profile, type RestartOf, type RoomInfo,
} from "./mls.ts";
export { FrameClient, type Counts, type DropReason, type FrameDump, type FrameStats, type ReceiverStats, type SenderStats } from "./frames.ts";
export { words, type WordLanguage } from "./words.ts";
export { wasmURL, workerURL, type ScriptURL, type WorkerName } from "./urls.ts";
export { fromBase64url, toBase64url, toHex, type Bytes } from "./bytes.ts";

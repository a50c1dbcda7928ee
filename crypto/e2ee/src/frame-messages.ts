/** What passes between the page, the MLS worker and the frame worker. */

/** One epoch's frame key, from the MLS worker to the frame worker. */
export interface EpochMessage {
  group: string;
  epoch: number;
  /** Own leaf in that epoch. */
  own: number;
  /** This device has just created or entered the group: nothing of before counts any more. */
  fresh: boolean;
  /** The commit added people and did nothing else: senders may take their time. */
  addOnly: boolean;
  /** Leaves that this epoch's commit took away. */
  removed: number[];
  /**
   * Whether frames may be sealed in this epoch. True once per epoch: a frame worker that replaces a dead one does not know
   * which counters were used, so it only opens until the next epoch.
   */
  send: boolean;
  /** The call's profile asks that frames of sound are sealed to one size. */
  padded: boolean;
  /** HKDF key, not extractable. */
  base: CryptoKey;
  /** The same in bytes; test builds only. */
  raw?: Uint8Array<ArrayBuffer>;
}

/** From the MLS worker: the group was left, every key goes. */
export interface EndMessage { end: true }

export interface Expect { leaf: number; context: number }

/** The options of a transform. `id` is the page's number for it. */
export type TransformOptions =
  | { id: number; direction: "seal"; context: number }
  | { id: number; direction: "open"; leaf: number; context: number };

export type FrameCommand =
  | { t: "keys"; port: MessagePort }
  | { t: "retarget"; id: number; leaf: number; context: number }
  | { t: "ping"; n: number }
  | { t: "dump"; n: number };

/** Why a frame was not sealed or not opened. Those that the server's gate also knows have its names. */
export type DropReason =
  | "no-key" | "unknown-codec" | "empty" | "exhausted" | "error"
  | "no-header" | "bad-header" | "bad-prefix" | "wrong-kid" | "own-kid" | "old-epoch" | "future-epoch" | "replayed"
  | "no-room-for-tag" | "held-too-long" | "hold-full" | "bad-tag" | "bad-inner";

export type Counts = Partial<Record<DropReason, number>>;

export interface SenderStats { id: number; context: number; sealed: number; dropped: Counts; epoch: number | null }

export interface ReceiverStats {
  id: number;
  leaf: number;
  context: number;
  opened: number;
  refused: Counts;
  /** Milliseconds since the last frame opened; null if none has. */
  lastOpened: number | null;
  /** Epoch of the last frame that opened. */
  epoch: number | null;
  /** Frames that wait for the next epoch's key. */
  held: number;
}

export interface FrameStats {
  /** The newest epoch whose key is here, and the one that senders use. */
  epoch: number | null;
  sending: number | null;
  senders: SenderStats[];
  receivers: ReceiverStats[];
}

export type FrameReport =
  | { t: "ready" }
  | { t: "stats"; stats: FrameStats }
  | { t: "pong"; n: number }
  | { t: "dump"; n: number; dump: FrameDump };

/** What the test hook shows; exists in test builds only. */
export interface FrameDump {
  frames: { context: number; kid: number; ctr: number; data: Uint8Array }[];
  baseKeys: { group: string; epoch: number; key: Uint8Array }[];
  kidctr: { group: string; epoch: number; kid: number; ctr: number }[];
}

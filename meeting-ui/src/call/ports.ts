/** What the engine uses of the sealed side, so that it runs in tests without workers. The real parts satisfy it as they are. */
import type { Device, FrameClient, FrameStats, GroupView, KeyPackageInfo, MLSClient, SeenLog } from "@huisclos/e2ee";

export type { Device, FrameStats, GroupView, KeyPackageInfo, SeenLog };

export type MLSPort = Pick<MLSClient,
  "create" | "keyPackage" | "inspect" | "admit" | "commit" | "accepted" | "refused" | "process" | "join" | "seal" | "open" | "groupState" | "unproven" | "proven" | "leave" | "terminate">;
export type FramePort = Pick<FrameClient, "sealSender" | "openReceiver" | "retarget" | "onStats" | "onDeath" | "terminate" | "dump">;

/** The sealed side of one device: the MLS core, and frame workers tied to it. */
export interface SealedSide {
  device: Device;
  mls: MLSPort;
  /** How many statements of the key log this browser has known for a day, or since its first visit; 0 on that. */
  known: number;
  /** A frame worker that gets the keys of the group's epochs from the core, never through the page. */
  frames(): Promise<FramePort>;
  /** The core died: its group state is gone. */
  onDeath(cb: () => void): void;
  terminate(): void;
}

/** 0 microphone, 1 camera, 2 screen, 3 its sound (sealed-calls.md "Frames"). */
export const context = { mic: 0, camera: 1, screen: 2, screenSound: 3 } as const;

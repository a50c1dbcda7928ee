/**
 * The page's handle on the MLS worker. Every private key and every secret of the group stays in there; what comes out
 * are messages to send, the public view of the group, and what others wrote.
 */
import { toBase64url, type Bytes } from "./bytes.ts";
import type { Device } from "./device.ts";
import type { LogAnswer, SeenLog } from "./log.ts";
import { Remote } from "./rpc.ts";
import type { ScriptURL } from "./urls.ts";

export { MLSError } from "./rpc.ts";

/** A condition of a security profile (crypto/mls.Condition): each makes a room stricter. */
export type Condition = "twoFactors" | "noGuests" | "noMembers" | "compared" | "padded";

/** A room's security profile. It stands in the group context, where its creator put it, and no commit changes it. */
export interface Profile {
  name: string;
  conditions: Condition[];
  /** Most members of a call; 0: the profile sets no bound. */
  members: number;
}

/** What a group says about its room (the room extension of the group context). All ids in base64url. */
export interface RoomInfo {
  /** Room id. */
  id: string;
  /** The account whose id stands in the room's link. Only its device may create the first group. */
  owner: string;
  profile: Profile;
  /** Accounts that may admit, lock, remove; the owner always is one. Default: the owner alone. */
  hosts?: string[];
  /** Accounts that enter without a knock. */
  admits?: string[];
  locked?: boolean;
}

export interface Member {
  leaf: number;
  account: string;
  device: string;
  name: string;
  signatureKey: string;
  /** When the device was inscribed in the key log, by the server's clock: seconds since 1970. */
  since: number;
  /** Number of that inscription, from 0: it is new to who saw the log when it had no more than so many. */
  statement: number;
}

export interface GroupView {
  group: string;
  epoch: number;
  /** Own leaf. */
  own: number;
  room: string;
  owner: string;
  locked: boolean;
  hosts: string[];
  admits: string[];
  profile: Profile;
  members: Member[];
  /** 12 indexes into a list of 2,048 words; `words()` gives the text. */
  words: number[];
  /** The commit that led here added people and did nothing else. */
  addOnly: boolean;
  added: Member[];
  removed: Member[];
  /** This device has just created or joined the group. */
  entered: boolean;
  /** The leaf that made the commit that led here; -1 for who has just joined, own for who has just created. */
  committer: number;
  /** SHA-256 of the commit that led here; empty after a creation or a join. */
  hash: string;
}

export interface KeyPackageInfo { account: string; device: string; name: string; signatureKey: string; ref: Bytes; since: number; statement: number }

/** The resumption of a group that could not go on: a new one, entered by who holds the secret of an epoch of the old. */
export interface RestartOf { group: string; epoch: number }

export interface CommitRequest {
  adds: { keyPackage: Uint8Array; admission?: Uint8Array }[];
  removes: number[];
  change?: { locked?: boolean; hosts?: string[]; admits?: string[] };
  /** Only in the first commit of a new group. */
  restartOf?: RestartOf;
}

export interface PendingCommit {
  /** The epoch that it was made in. */
  epoch: number;
  commit: Bytes;
  /** One for each add, in their order. */
  welcomes: Bytes[];
  /** Of the epoch that it leads to. */
  groupInfo: Bytes;
  hash: string;
}

export class MLSClient {
  readonly #remote: Remote;

  private constructor(remote: Remote) { this.#remote = remote; }

  /** Loads the core; done while the person checks camera and microphone. */
  static async start(workerURL: ScriptURL, wasmURL: string): Promise<MLSClient> {
    const worker = new Worker(workerURL, { name: "mls" });
    const remote = new Remote(worker);
    try {
      await remote.call("load", { wasm: wasmURL });
    } catch (error) {
      worker.terminate();
      throw error;
    }
    return new MLSClient(remote);
  }

  terminate(): void { this.#remote.terminate(); }

  /** Called if the worker dies; the call can only be entered anew. */
  onDeath(cb: (cause: Error) => void): void { this.#remote.onDeath(cb); }

  /**
   * The worker opens the device's key by itself and compares it with the page's. The server's answer is held against what the device has
   * seen of the key log before: the rule that is broken is log-key, log-shorter, log-forked or log-statement.
   */
  init(o: { account: string; device: Device; name: string; log: { before: Bytes; answer: LogAnswer } }): Promise<void> {
    return this.#remote.call("init", { account: o.account, device: toBase64url(o.device.id), publicKey: o.device.publicKey, name: o.name, log: o.log });
  }

  /** The sizes of states of the key log that the group shows and that are still to be proven; none: all go together. Throws log-forked. */
  unproven(): Promise<number[]> { return this.#remote.call("unproven", {}); }

  /** The server's proofs for what `unproven` returned last, and then what the device is to keep. Throws log-forked. */
  proven(proofs: string[][]): Promise<SeenLog> { return this.#remote.call("proven", { proofs }); }

  /** What the device is to keep of the log as it is now. */
  seen(): Promise<SeenLog> { return this.#remote.call("seen", {}); }

  create(o: { room: RoomInfo; group?: Uint8Array }): Promise<{ groupInfo: Bytes; tree: Bytes; view: GroupView }> {
    return this.#remote.call("create", o);
  }

  /** A fresh KeyPackage; its private keys wait in the worker for the Welcome that uses it. */
  keyPackage(): Promise<{ keyPackage: Bytes; ref: Bytes }> { return this.#remote.call("keyPackage", {}); }

  /** Verifies a knocker's KeyPackage and says who it is of, as its owner's device signed it. */
  inspect(keyPackage: Uint8Array): Promise<KeyPackageInfo> { return this.#remote.call("inspect", { keyPackage }); }

  /** Signs that this KeyPackage may be added to this group until `expiry`. */
  admit(keyPackage: Uint8Array, expiry: Date): Promise<Bytes> {
    return this.#remote.call("admit", { keyPackage, expiry: Math.floor(expiry.getTime() / 1000) });
  }

  /** Makes a commit. It waits, and the group stays where it is, until the server's answer: `accepted` or `refused`. */
  commit(o: CommitRequest): Promise<PendingCommit> { return this.#remote.call("commit", o); }

  accepted(): Promise<GroupView> { return this.#remote.call("accepted", {}); }

  refused(): Promise<void> { return this.#remote.call("refused", {}); }

  /** Takes another member's commit. When it throws (MLSError) the group stays at its epoch. A pending commit is dropped. */
  process(commit: Uint8Array): Promise<GroupView> { return this.#remote.call("process", { commit }); }

  /** Enters by a Welcome; refuses a group of another room or owner. `restartOf` is demanded where the room restarts. */
  join(welcome: Uint8Array, tree: Uint8Array, expect: { room: string; owner: string; restartOf?: RestartOf }): Promise<GroupView> {
    return this.#remote.call("join", { welcome, tree, ...expect });
  }

  seal(data: Uint8Array): Promise<{ epoch: number; message: Bytes }> { return this.#remote.call("seal", { data }); }

  open(message: Uint8Array): Promise<{ sender: number; epoch: number; data: Bytes }> { return this.#remote.call("open", { message }); }

  groupState(): Promise<{ groupInfo: Bytes; tree: Bytes }> { return this.#remote.call("groupState", {}); }

  view(): Promise<GroupView> { return this.#remote.call("view", {}); }

  /** Leaves: erases the group's secrets, keeps nothing that could resume it. */
  leave(): Promise<void> { return this.#remote.call("leave", {}); }

  /** Used by FrameClient.connect. The worker posts each epoch's base key to this port and to no other from now on. */
  attachFrames(port: MessagePort): Promise<void> { return this.#remote.call("frames", { port }, [port]); }
}

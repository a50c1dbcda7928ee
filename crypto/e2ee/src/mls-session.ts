/**
 * The MLS worker without its globals: passes the page's calls on to the core, and each epoch's frame key, as a key that
 * can't be read out, to the frame worker.
 */
import type { Session } from "./core.ts";
import type { EndMessage, EpochMessage } from "./frame-messages.ts";
import type { Bytes } from "./bytes.ts";
import type { GroupView } from "./mls.ts";

/** The calls of MLSClient that go to the core as they are. */
const calls = ["keyPackage", "inspect", "admit", "commit", "refused", "seal", "open", "groupState", "view", "unproven", "proven", "seen"];
/** Those after which the group is in another epoch. */
const advances = ["create", "accepted", "process", "join"];

export interface FramePort {
  postMessage(message: EpochMessage | EndMessage): void;
  close(): void;
}

export class MLSSession {
  readonly #core: Session;
  #frames: FramePort | undefined;
  #view: GroupView | undefined;
  /** The epoch for which a frame worker was allowed to send. Never a second worker for the same one. */
  #given = "";
  #turn: Promise<unknown> = Promise.resolve();

  constructor(core: Session) { this.#core = core; }

  /** Calls run one after the other: an epoch's key is on its way before the page hears of the epoch. */
  call(op: string, args: unknown): Promise<unknown> {
    const done = this.#turn.then(() => this.#call(op, args));
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #call(op: string, args: unknown): Promise<unknown> {
    if (calls.includes(op)) return this.#core.call(op, args);
    if (advances.includes(op)) {
      const result = await this.#core.call<GroupView | { view: GroupView }>(op, args);
      this.#view = "view" in result ? result.view : result;
      await this.#giveKey(this.#view.entered);
      return result;
    }
    if (op === "leave") {
      await this.#core.call(op);
      this.#view = undefined;
      this.#frames?.postMessage({ end: true });
      return undefined;
    }
    throw new Error(`no operation ${op}`);
  }

  /** From now on the keys go to this port and to no other. */
  attachFrames(port: FramePort): Promise<unknown> {
    const done = this.#turn.then(async () => {
      this.#frames?.close();
      this.#frames = port;
      await this.#giveKey(true);
    });
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #giveKey(fresh: boolean): Promise<void> {
    if (!this.#frames || !this.#view) return;
    const { group, epoch, own, addOnly, removed, profile } = this.#view;
    const raw = await this.#core.call<Bytes>("frameKey");
    const base = await crypto.subtle.importKey("raw", raw, "HKDF", false, ["deriveKey", "deriveBits"]);
    const name = `${group}/${epoch}`;
    const message: EpochMessage = { group, epoch, own, fresh, addOnly, removed: removed.map((m) => m.leaf), send: this.#given !== name,
      padded: profile.conditions.includes("padded"), base };
    if (__TESTHOOK__) message.raw = raw.slice();
    raw.fill(0);
    this.#given = name;
    this.#frames.postMessage(message);
  }
}

/**
 * What a call looks like from outside: the types and signals that pages draw, and the acts that a person can do.
 * Nothing here touches the network; `Call` (./call.ts) fills the signals and carries out the acts.
 *
 * The people list is the MLS tree and nothing else: no name, leaf or device in it comes from signalling.
 */
import { computed, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { holdsBack, type Profile } from "./profile.ts";
import type { Transport } from "./wire.ts";

/**
 * Where this device stands.
 * - idle: nothing asked yet (camera and microphone may be on for the preview)
 * - connecting: reaching the server, loading the sealed core
 * - waiting-lobby: knocked, a host has to admit
 * - waiting-host: no call yet, or nobody there who may admit
 * - locked: the room is locked, nobody new enters
 * - denied: a host said no
 * - device-busy: the same device is in the room in another tab; `takeOver()` moves the call here
 * - joining: admitted, keys are being agreed
 * - in-call: member of the sealed group
 * - reconnecting: was in the call, the connection is lost and being made again
 * - removed: a host removed this device, or it was away for too long
 * - ended: left, or the call is over
 * - reload-needed: the server speaks another version of the protocol
 * - not-safe: something was refused that the server had accepted; sending is stopped, this device does not rejoin by itself
 * - error: it can't go on; see code
 */
export type Phase =
  | "idle" | "connecting" | "waiting-lobby" | "waiting-host" | "locked" | "denied" | "device-busy" | "joining" | "in-call"
  | "reconnecting" | "removed" | "ended" | "reload-needed" | "not-safe" | "error";

/** Stable codes that say why a phase was reached; sentences for them live in the pages. */
export type ReasonCode =
  // ended, removed
  | "left" | "over" | "other-tab" | "removed-by-host" | "absent" | "session-ended" | "room-deleted" | "wedged"
  // error
  | "unsupported" | "two-factors" | "role" | "not-signed-in" | "room-unknown" | "room-barred" | "pin-needed" | "link-without-owner" | "core-failed" | "key-failed" | "network" | "media-failed" | "protocol" | "full" | "capacity" | "calls" | "draining" | "not-recorded" | "clock"
  | "too-many-devices" | "device-log-damaged"
  // not-safe
  | "policy" | "creator-not-owner" | "wrong-room" | "words-differ" | "forked" | "restart-refused" | "profile" | "weaker" | "log-unproven"
  // not-safe, or before anything is sent: error
  | "log-key" | "log-shorter" | "log-forked" | "log-statement" | "log-kept";

export interface CallState {
  phase: Phase;
  code?: ReasonCode;
  /** For auditors and support: the rule or the cause, in the standard's words. Never shown as the main sentence. */
  detail?: string;
  /** Date.now() at which the phase began. */
  since: number;
}

/** Why a camera, microphone or screen does not work here. */
export type DeviceProblem = "refused" | "in-use" | "not-found" | "unsupported" | "lost" | "cancelled" | "failed";

export interface OwnDevice {
  /** What the person asked for and everybody sees. */
  on: boolean;
  /** The device is being opened. */
  busy: boolean;
  problem: DeviceProblem | null;
}

export interface OwnScreen extends OwnDevice { sound: boolean }

export type StreamKind = "mic" | "camera" | "screen" | "screen-sound";

/** What became of a person's sealed frames here. */
export interface FrameCount {
  opened: number;
  /** reason → frames: "wrong-kid", "old-epoch", "replayed", "bad-tag", … */
  refused: Record<string, number>;
}

export type LinkQuality = "good" | "weak" | "bad" | "none";

export interface Person {
  /** Stable over re-entries of the same device: account/device. */
  key: string;
  leaf: number;
  account: string;
  device: string;
  name: string;
  me: boolean;
  host: boolean;
  /** Announced by the person in sealed messages. */
  mic: boolean;
  cam: boolean;
  screen: boolean;
  /** Time at which the hand went up (ms), null when down. */
  hand: number | null;
  /** Streams that open frames of this leaf and of no other. The engine itself plays the sound. */
  camera: MediaStream | null;
  screenStream: MediaStream | null;
  audio: MediaStream | null;
  screenAudio: MediaStream | null;
  /** 0…1, about five times a second. */
  level: ReadonlySignal<number>;
  /** Own signal since it changes each second. */
  frames: ReadonlySignal<Record<StreamKind, FrameCount>>;
  /** Connected to the server (its hint); false draws "reconnecting". */
  connected: boolean;
  /** Came by an invitation, as the server says. */
  guest: boolean;
  /** Frames of this person did not open for one second: why; null when all is well. */
  refused: string | null;
  quality: LinkQuality;
  /** The words were compared while this device was in the call. */
  compared: boolean;
  /** When the device was inscribed in the key log (ms, the server's clock), as its proof says. */
  inscribed: number;
  /** It was inscribed after this browser last saw the log (`known` in ports.ts), of which no clock of the server's decides. */
  unmet: boolean;
}

export interface Knock {
  id: string;
  /** Read from the KeyPackage by this device, not from the server's list. */
  account: string;
  device: string;
  name: string;
  /** Server's hint; a KeyPackage holds no address. */
  email: string;
  /** Server's word: came by an invitation. */
  guest: boolean;
  /** When it was sent (ms). */
  since: number;
  /** When the device was inscribed in the key log (ms, the server's clock), as the KeyPackage proves. */
  inscribed: number;
  /** As a person's. */
  unmet: boolean;
  /** An admission was sent, the commit is on its way. */
  busy: boolean;
}

/** The room's rule about who is let in without waiting, as this host's device keeps it. */
export interface StraightIn { persons: number; groups: readonly string[]; on: boolean }

export interface ChatMessage {
  id: string;
  leaf: number;
  account: string;
  name: string;
  me: boolean;
  text: string;
  time: number;
  /** Own message that the server has not taken yet. */
  pending: boolean;
  failed: boolean;
}

export type ReactionKind = "clap" | "thumb" | "heart" | "laugh" | "wow" | "yes" | "no";
export const reactionKinds: readonly ReactionKind[] = ["clap", "thumb", "heart", "laugh", "wow", "yes", "no"];
export interface Reaction { id: string; leaf: number; name: string; me: boolean; kind: ReactionKind; time: number }

export interface Words {
  epoch: number;
  /** 12 indexes into a list of 2048; `words(indexes, lang)` of e2ee gives the text. */
  indexes: number[];
}

/** One epoch pinned for all for three minutes, so that everybody reads the same words aloud. */
export interface Comparison extends Words {
  startedBy: string;
  members: { key: string; name: string; me: boolean }[];
  /** Date.now() at which it is over. */
  until: number;
  /** What this person said: the words matched, or not yet. */
  answer: "open" | "same";
}

export interface LocalDevice { id: string; label: string }
export interface Devices {
  mics: LocalDevice[];
  cams: LocalDevice[];
  speakers: LocalDevice[];
  mic: string;
  cam: string;
  speaker: string;
  /** The browser can send sound to a chosen output. */
  canChooseSpeaker: boolean;
}

export interface Quality {
  up: LinkQuality;
  down: LinkQuality;
  /** Most telling cause of the worse of the two. */
  cause: "none" | "loss" | "delay" | "bandwidth" | "cpu" | "signalling" | "no-media";
  rttMs: number;
  lossUp: number;
  lossDown: number;
  transport: Transport;
}

/** The door: its state is shape and word first (look.md). */
export type Seal = "open" | "sealed" | "unverified" | "not-safe";

export type NoticeKind =
  | "joined" | "left" | "removed" | "locked" | "unlocked" | "host-added" | "hand" | "compare" | "screen-started" | "screen-stopped"
  | "knock" | "straight" | "mic-lost" | "cam-lost" | "own-media-refused" | "clocks" | "reconnected" | "restarted";
export interface Notice { id: string; kind: NoticeKind; name: string; key?: string; time: number }

export interface Tile { leaf: number; kind: "camera" | "screen"; /** Height in device pixels, 0 when not visible. */ height: number }

export interface CallOptions {
  /** Room id and the owner's account id out of the link's fragment. */
  room: string;
  owner: string;
  me: { account: string; name: string };
  /** Accounts that become hosts with the owner when this device makes the group: those that its person has confirmed. */
  cohosts?: () => readonly string[];
  /** The room's rule about who comes straight in, to the owner and co-hosts. */
  straight?: { persons: number; groups: readonly string[]; on: boolean; /** Which of these accounts it names. */ names: (accounts: string[]) => Promise<string[]> };
  /** What the door showed and the person entered under: a weaker one is refused. */
  profile: Profile;
  /** Storage for the choices that are remembered (devices, on/off); default localStorage. */
  storage?: Pick<Storage, "getItem" | "setItem">;
}

const silent: OwnDevice = { on: false, busy: false, problem: null };

/** The signals of a call. Pages read them; only the engine writes. */
export class CallSignals {
  /** Of the sealed side (ports.ts). */
  protected known = 0;
  /** Whether a statement of the key log came after this browser last saw it. On its first visit nothing did. */
  unmet(statement: number): boolean { return this.known > 0 && statement >= this.known; }
  readonly state: Signal<CallState> = signal({ phase: "idle", since: Date.now() });
  /** The server's key log is not the one that this browser has seen: nothing was entered, and a person has to say how it goes on. */
  readonly logProblem: ReadonlySignal<boolean> = computed(() => {
    const { phase, code } = this.state.value;
    return phase === "error" && (code === "log-key" || code === "log-shorter" || code === "log-forked" || code === "log-kept");
  });
  readonly room: Signal<{ id: string; name: string; owner: string } | null> = signal(null);
  readonly people: Signal<Person[]> = signal([]);
  readonly me: ReadonlySignal<Person | null> = computed(() => this.people.value.find((p) => p.me) ?? null);
  readonly isHost: Signal<boolean> = signal(false);
  readonly lobby: Signal<Knock[]> = signal([]);
  /** null: the room has no such rule, or this account is not asked to keep it. */
  readonly straight: Signal<StraightIn | null> = signal(null);
  readonly chat: Signal<ChatMessage[]> = signal([]);
  readonly reactions: Signal<Reaction[]> = signal([]);
  readonly notices: Signal<Notice[]> = signal([]);
  readonly locked: Signal<boolean> = signal(false);
  /** The security profile of the group; before, what the server says it is. */
  readonly profile: Signal<Profile | null> = signal(null);
  /** The profile keeps pictures and messages here until the words were compared with everybody. */
  readonly heldBack: ReadonlySignal<boolean> = computed(() => holdsBack(this.profile.value, this.people.value));
  /** Call start at this device (ms), null before. */
  readonly joinedAt: Signal<number | null> = signal(null);

  readonly words: Signal<Words | null> = signal(null);
  readonly comparison: Signal<Comparison | null> = signal(null);
  readonly seal: Signal<Seal> = signal("open");

  readonly mic: Signal<OwnDevice> = signal(silent);
  readonly cam: Signal<OwnDevice> = signal(silent);
  readonly screen: Signal<OwnScreen> = signal({ ...silent, sound: false });
  readonly hand: Signal<boolean> = signal(false);
  /** Own level 0…1, from the microphone itself, also in the preview; 0 while muted. */
  readonly micLevel: Signal<number> = signal(0);
  /** Own pictures, for preview and self tile. */
  readonly ownCamera: Signal<MediaStream | null> = signal(null);
  readonly ownScreen: Signal<MediaStream | null> = signal(null);
  readonly canShare: Signal<boolean> = signal(false);

  readonly devices: Signal<Devices> = signal({ mics: [], cams: [], speakers: [], mic: "", cam: "", speaker: "", canChooseSpeaker: false });
  readonly quality: Signal<Quality> = signal({ up: "none", down: "none", cause: "none", rttMs: 0, lossUp: 0, lossDown: 0, transport: "" });
  /** Own frames that the server's gate refused, by reason; null when none within the last seconds. */
  readonly mediaRefused: Signal<Record<string, number> | null> = signal(null);
  /** The browser wants a touch before it plays sound: show a button that calls `resumeSound()`. */
  readonly soundBlocked: Signal<boolean> = signal(false);
  /** Leaf of the active speaker, null when it is quiet. */
  readonly speaker: Signal<number | null> = signal(null);
}

/** What a person can do. Each act is safe to call in any phase; where it makes no sense nothing happens. */
export interface CallActions {
  /** Opens camera and microphone for the preview (remembered choices unless given) and loads the sealed core meanwhile. */
  prepare(o?: { mic?: boolean; cam?: boolean }): Promise<void>;
  /** Enters: creates the call if this account owns the room and none is there, else knocks. */
  start(): Promise<void>;
  /** device-busy: move the call to this tab. */
  takeOver(): void;
  /** From denied, ended, removed, not-safe or error: try again (knocks anew). While it waits (lobby, host, lock) nothing is needed. */
  retry(): Promise<void>;
  /** Where `logProblem` stands: what was seen of the key log is forgotten, the server's now is the right one, and the call is entered. */
  acceptLog(): Promise<void>;
  leave(): Promise<void>;
  /** Releases devices, workers and connections; the object is done. */
  close(): void;

  admit(knock: string): Promise<void>;
  deny(knock: string): void;
  /** This host's device lets in by itself whom the room's rule names, or stops doing so. */
  letStraightIn(on: boolean): void;
  remove(leaf: number): void;
  lock(locked: boolean): void;
  makeHost(account: string): void;

  setMic(on: boolean): Promise<void>;
  setCam(on: boolean): Promise<void>;
  shareScreen(): Promise<void>;
  stopShare(): void;
  /** "" is the system's choice. */
  setDevices(o: { mic?: string; cam?: string; speaker?: string }): Promise<void>;
  /** Plays a short sound on the chosen output. */
  testSound(): Promise<void>;
  resumeSound(): Promise<void>;
  /** The tiles on screen: the server sends the layers that fit, and nothing for what is not shown. */
  setTiles(tiles: Tile[]): void;

  send(text: string): Promise<void>;
  raiseHand(up: boolean): void;
  react(kind: ReactionKind): void;

  /** Pins the epoch's words for all for three minutes. */
  compare(): Promise<void>;
  /** "same" marks those present as compared; "different" stops sending: not-safe. */
  answerComparison(answer: "same" | "different"): void;
  dismissNotice(id: string): void;
}

/** Chat texts are cut to this many UTF-8 bytes' worth of characters by the input; the engine refuses longer ones. */
export const maxChatBytes = 8 * 1024;

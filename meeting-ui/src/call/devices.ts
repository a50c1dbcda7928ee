/**
 * This person's camera, microphone and screen: opened when asked, stopped when off (the camera's light goes out), changed
 * while in use. It decides which track each stream sends and says so through `changed`; it never sees a connection.
 * A muted microphone keeps its device and sends sealed silence: `track.enabled` is the only thing that changes.
 */
import { batch } from "@preact/signals";
import type { CallSignals, DeviceProblem, StreamKind } from "./state.ts";
import { Queue } from "./queue.ts";
import { camera } from "./rates.ts";

export type Tracks = Record<StreamKind, MediaStreamTrack | null>;
type Memory = { mic: string; cam: string; speaker: string; micOn: boolean; camOn: boolean };
const memoryKey = "huisclos.devices";

export function problemOf(e: unknown): DeviceProblem {
  switch ((e as { name?: string } | null)?.name) {
    case "NotAllowedError": case "SecurityError": return "refused";
    case "NotFoundError": case "OverconstrainedError": case "DevicesNotFoundError": return "not-found";
    case "NotReadableError": case "AbortError": case "TrackStartError": return "in-use";
    case "TypeError": case "NotSupportedError": return "unsupported";
    default: return "failed";
  }
}

export class OwnMedia {
  readonly tracks: Tracks = { mic: null, camera: null, screen: null, "screen-sound": null };
  private readonly micQueue = new Queue();
  private readonly camQueue = new Queue();
  private memory: Memory = { mic: "", cam: "", speaker: "", micOn: true, camOn: true };
  private wantMic = false;
  private wantCam = false;
  private meter: { context: AudioContext; source: MediaStreamAudioSourceNode; timer: ReturnType<typeof setInterval> } | null = null;
  private closed = false;
  private readonly media: MediaDevices | undefined = globalThis.navigator?.mediaDevices;

  constructor(private readonly s: CallSignals, private readonly storage: Pick<Storage, "getItem" | "setItem"> | undefined,
    private readonly changed: (kind: StreamKind) => void, private readonly lost: (kind: "mic" | "camera") => void) {
    try {
      const m: unknown = JSON.parse(storage?.getItem(memoryKey) ?? "{}");
      for (const k of ["mic", "cam", "speaker"] as const) { const v = (m as Memory)[k]; if (typeof v === "string") this.memory[k] = v; }
      for (const k of ["micOn", "camOn"] as const) { const v = (m as Memory)[k]; if (typeof v === "boolean") this.memory[k] = v; }
    } catch { /* a damaged memory is no memory */ }
    this.s.canShare.value = typeof this.media?.getDisplayMedia === "function";
    this.s.devices.value = { ...this.s.devices.value, mic: this.memory.mic, cam: this.memory.cam, speaker: this.memory.speaker,
      canChooseSpeaker: typeof HTMLMediaElement !== "undefined" && "setSinkId" in HTMLMediaElement.prototype };
    this.media?.addEventListener?.("devicechange", this.onDeviceChange);
  }

  get remembered(): { mic: boolean; cam: boolean } { return { mic: this.memory.micOn, cam: this.memory.camOn }; }
  get speaker(): string { return this.memory.speaker; }

  setMic(on: boolean): Promise<void> {
    this.wantMic = on;
    this.remember({ micOn: on });
    // What is heard follows the wish at once; opening a device may take its time.
    if (this.tracks.mic) this.tracks.mic.enabled = on;
    return this.micQueue.run(async () => {
      if (this.closed || on !== this.wantMic) return;
      if (on && !this.tracks.mic && !(await this.openMic())) return;
      if (this.tracks.mic) this.tracks.mic.enabled = this.wantMic;
      this.s.mic.value = { on: this.wantMic && this.tracks.mic !== null, busy: false, problem: on ? null : this.s.mic.value.problem };
      this.changed("mic");
    }).then(() => undefined);
  }

  setCam(on: boolean): Promise<void> {
    this.wantCam = on;
    this.remember({ camOn: on });
    return this.camQueue.run(async () => {
      if (this.closed || on !== this.wantCam) return;
      if (!on) { this.dropCam(null); this.changed("camera"); return; }
      if (this.tracks.camera || (await this.openCam())) this.changed("camera");
    }).then(() => undefined);
  }

  async share(): Promise<void> {
    if (this.s.screen.value.on || this.s.screen.value.busy) return;
    if (!this.s.canShare.value || !this.media) { this.s.screen.value = { on: false, busy: false, sound: false, problem: "unsupported" }; return; }
    this.s.screen.value = { on: false, busy: true, sound: false, problem: null };
    let stream: MediaStream;
    try {
      stream = await this.media.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: true });
    } catch (e) {
      const p = problemOf(e);
      this.s.screen.value = { on: false, busy: false, sound: false, problem: p === "refused" ? "cancelled" : p };
      return;
    }
    if (this.closed) { stream.getTracks().forEach((t) => t.stop()); return; }
    const video = stream.getVideoTracks()[0] ?? null, sound = stream.getAudioTracks()[0] ?? null;
    if (video) {
      if ("contentHint" in video) video.contentHint = "detail";
      // The browser's own "stop sharing" bar.
      video.onended = () => this.stopShare();
    }
    this.tracks.screen = video;
    this.tracks["screen-sound"] = sound;
    batch(() => {
      this.s.ownScreen.value = video ? new MediaStream([video]) : null;
      this.s.screen.value = { on: video !== null, busy: false, sound: sound !== null, problem: video ? null : "failed" };
    });
    this.changed("screen");
    this.changed("screen-sound");
  }

  stopShare(): void {
    const had = this.tracks.screen || this.tracks["screen-sound"];
    for (const k of ["screen", "screen-sound"] as const) { const t = this.tracks[k]; if (t) { t.onended = null; t.stop(); } this.tracks[k] = null; }
    batch(() => {
      this.s.ownScreen.value = null;
      this.s.screen.value = { on: false, busy: false, sound: false, problem: null };
    });
    if (had) { this.changed("screen"); this.changed("screen-sound"); }
  }

  async setDevices(o: { mic?: string; cam?: string; speaker?: string }): Promise<void> {
    this.remember(o);
    this.s.devices.value = { ...this.s.devices.value, mic: this.memory.mic, cam: this.memory.cam, speaker: this.memory.speaker };
    const work: Promise<unknown>[] = [];
    if (o.mic !== undefined && this.tracks.mic) work.push(this.micQueue.run(async () => { if (await this.openMic()) this.changed("mic"); }));
    if (o.cam !== undefined && this.tracks.camera) work.push(this.camQueue.run(async () => { if (this.wantCam && (await this.openCam())) this.changed("camera"); }));
    await Promise.all(work);
  }

  async listDevices(): Promise<void> {
    if (!this.media?.enumerateDevices) return;
    let all: MediaDeviceInfo[];
    try { all = await this.media.enumerateDevices(); } catch { return; }
    if (this.closed) return;
    const of = (kind: MediaDeviceKind) => all.filter((d) => d.kind === kind && d.deviceId !== "").map((d) => ({ id: d.deviceId, label: d.label }));
    this.s.devices.value = { ...this.s.devices.value, mics: of("audioinput"), cams: of("videoinput"), speakers: of("audiooutput") };
  }

  /** The stay is over: devices off, the choices stay remembered. */
  release(): void {
    this.wantMic = false;
    this.wantCam = false;
    this.dropCam(null);
    this.dropMic();
    this.s.mic.value = { on: false, busy: false, problem: null };
  }

  close(): void {
    this.closed = true;
    this.media?.removeEventListener?.("devicechange", this.onDeviceChange);
    this.stopShare();
    this.release();
  }

  private readonly onDeviceChange = (): void => { void this.listDevices(); };

  private remember(o: Partial<Memory>): void {
    for (const [k, v] of Object.entries(o)) if (v !== undefined) Object.assign(this.memory, { [k]: v });
    try { this.storage?.setItem(memoryKey, JSON.stringify(this.memory)); } catch { /* full or forbidden: the choice lasts for this page */ }
  }

  /** A remembered device that is gone must not keep somebody out: then the system's choice is taken. */
  private async open(id: string, ask: (id: ConstrainDOMString | undefined) => MediaStreamConstraints): Promise<MediaStream> {
    if (!this.media?.getUserMedia) throw new TypeError("no media devices");
    if (id !== "") {
      try { return await this.media.getUserMedia(ask({ exact: id })); } catch (e) { if (problemOf(e) !== "not-found") throw e; }
    }
    return this.media.getUserMedia(ask(undefined));
  }

  private async openMic(): Promise<boolean> {
    this.s.mic.value = { ...this.s.mic.value, busy: true, problem: null };
    let track: MediaStreamTrack | undefined;
    try {
      const stream = await this.open(this.memory.mic, (deviceId) => ({ audio: { deviceId, echoCancellation: true, noiseSuppression: true, autoGainControl: true } }));
      track = stream.getAudioTracks()[0];
    } catch (e) {
      this.s.mic.value = { on: this.tracks.mic !== null && this.wantMic, busy: false, problem: problemOf(e) };
      void this.listDevices();
      return false;
    }
    if (!track || this.closed) { track?.stop(); return false; }
    const t = track;
    this.dropMic();
    t.enabled = this.wantMic;
    t.onended = () => {
      if (this.tracks.mic !== t) return;
      this.dropMic();
      this.s.mic.value = { on: false, busy: false, problem: "lost" };
      this.changed("mic");
      this.lost("mic");
    };
    this.tracks.mic = t;
    this.s.mic.value = { on: this.wantMic, busy: false, problem: null };
    this.measure(t);
    void this.listDevices();
    return true;
  }

  private dropMic(): void {
    const t = this.tracks.mic;
    this.tracks.mic = null;
    if (t) { t.onended = null; t.stop(); }
    if (this.meter) {
      clearInterval(this.meter.timer);
      this.meter.source.disconnect();
      void this.meter.context.close();
      this.meter = null;
      this.s.micLevel.value = 0;
    }
  }

  private async openCam(): Promise<boolean> {
    this.s.cam.value = { ...this.s.cam.value, busy: true, problem: null };
    let track: MediaStreamTrack | undefined;
    try {
      const stream = await this.open(this.memory.cam, (deviceId) => ({ video: { deviceId, width: { ideal: camera.width }, height: { ideal: camera.height }, frameRate: { ideal: camera.frames, max: camera.frames } } }));
      track = stream.getVideoTracks()[0];
    } catch (e) {
      // Many systems can't open a second camera beside the first, or the first twice: the old one stays if there is one.
      this.s.cam.value = { on: this.tracks.camera !== null, busy: false, problem: problemOf(e) };
      void this.listDevices();
      return false;
    }
    if (!track || this.closed) { track?.stop(); return false; }
    if (!this.wantCam) { track.stop(); this.dropCam(null); return false; }
    const t = track;
    this.dropCam(null);
    t.onended = () => { if (this.tracks.camera === t) { this.dropCam("lost"); this.changed("camera"); this.lost("camera"); } };
    this.tracks.camera = t;
    batch(() => {
      this.s.ownCamera.value = new MediaStream([t]);
      this.s.cam.value = { on: true, busy: false, problem: null };
    });
    void this.listDevices();
    return true;
  }

  private dropCam(problem: DeviceProblem | null): void {
    const t = this.tracks.camera;
    this.tracks.camera = null;
    if (t) { t.onended = null; t.stop(); }
    batch(() => {
      this.s.ownCamera.value = null;
      this.s.cam.value = { on: false, busy: false, problem };
    });
  }

  private measure(track: MediaStreamTrack): void {
    if (typeof AudioContext === "undefined") return;
    try {
      const context = new AudioContext();
      const source = context.createMediaStreamSource(new MediaStream([track])), analyser = context.createAnalyser();
      analyser.fftSize = 512;
      source.connect(analyser);
      const samples = new Float32Array(analyser.fftSize);
      const timer = setInterval(() => {
        // Before a touch the browser may hold the context; then the level rests at 0 rather than lying.
        if (context.state === "suspended") void context.resume().catch(() => undefined);
        analyser.getFloatTimeDomainData(samples);
        this.s.micLevel.value = loudness(samples);
      }, 100);
      this.meter = { context, source, timer };
    } catch { /* no meter: the call works without it */ }
  }
}

/** 0…1 on a scale that follows the ear: −60 dBFS is 0, full scale is 1. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const v of samples) sum += v * v;
  return fromAmplitude(Math.sqrt(sum / Math.max(1, samples.length)));
}
export function fromAmplitude(amplitude: number): number {
  if (!(amplitude > 0)) return 0;
  return Math.round(Math.max(0, Math.min(1, 1 + (20 * Math.log10(amplitude)) / 60)) * 100) / 100;
}

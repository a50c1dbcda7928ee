/**
 * The line to the server: one WebSocket that is made again when it breaks. It decides when to try (250 ms, growing to
 * 2 s, with jitter, so that a restarted server has everybody back within 5 s without a stampede), and reads frames in
 * order. It knows nothing of rooms or keys.
 */
import { closeCode, decode, encode, subprotocol, WireError, type ClientMessage, type ServerMessage } from "./wire.ts";

export interface Socket {
  readonly protocol: string;
  readonly bufferedAmount: number;
  onopen: ((e: unknown) => void) | null;
  onclose: ((e: { code: number; reason: string }) => void) | null;
  onerror: ((e: unknown) => void) | null;
  onmessage: ((e: { data: unknown }) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

export interface Clock {
  now(): number;
  random(): number;
  set(run: () => void, ms: number): unknown;
  clear(timer: unknown): void;
}

export const systemClock: Clock = {
  now: () => Date.now(), random: () => Math.random(),
  set: (run, ms) => setTimeout(run, ms), clear: (t) => clearTimeout(t as ReturnType<typeof setTimeout>),
};

export interface LineEvents {
  /** A fresh connection stands: say hello. */
  up(): void;
  message(m: ServerMessage): void;
  /** The connection is lost; the line is trying again. `everOpen` is false while none ever stood. */
  down(everOpen: boolean): void;
  /** The server closed for good with one of its codes, or sent what can't be read. */
  closed(code: number, reason: string): void;
}

const firstWait = 250, longestWait = 2000;
/** An opening that takes longer is given up: a restarting host may swallow the first SYN. */
const openLimit = 4000;
/** The server pings every 5 s and drops a line after 15 s; the browser can't see pings, so silence is its own watch. */
const finalCodes = new Set<number>(Object.values(closeCode));

/** nth wait (n from 0): doubling from 250 ms to 2 s, then ±25 %. */
export function waitBefore(n: number, random: number): number {
  return Math.round(Math.min(longestWait, firstWait * 2 ** Math.min(n, 10)) * (0.75 + random / 2));
}

export class Line {
  private socket: Socket | null = null;
  private timer: unknown = null;
  private tries = 0;
  private wanted = false;
  private everOpen = false;

  constructor(private readonly make: () => Socket, private readonly events: LineEvents, private readonly clock: Clock = systemClock) {}

  get open(): boolean { return this.socket !== null && this.isUp; }
  private isUp = false;

  start(): void {
    if (this.wanted) return;
    this.wanted = true;
    this.everOpen = false;
    this.tries = 0;
    this.connect();
  }

  /** Closes for good. */
  stop(code = 1000, reason = ""): void {
    this.wanted = false;
    this.clock.clear(this.timer);
    this.timer = null;
    this.drop(code, reason);
  }

  /** The network came back (or the page woke up): no reason to wait out the pause. */
  hurry(): void {
    if (!this.wanted || this.socket || this.timer === null) return;
    this.clock.clear(this.timer);
    this.timer = null;
    this.tries = 0;
    this.connect();
  }

  /** The server does not react though the socket stands: a new one. */
  reset(): void { if (this.wanted && this.socket) { this.drop(1000, ""); this.lost(); } }

  /** False when there is no connection: the caller says it again after `up`. */
  send(m: ClientMessage): boolean {
    if (!this.socket || !this.isUp) return false;
    this.socket.send(encode(m));
    return true;
  }

  private drop(code: number, reason: string): void {
    const s = this.socket;
    this.socket = null;
    this.isUp = false;
    if (!s) return;
    s.onopen = s.onclose = s.onerror = s.onmessage = null;
    try { s.close(code, reason); } catch { /* it was never open */ }
  }

  private connect(): void {
    let s: Socket;
    try { s = this.make(); } catch { this.lost(); return; }
    this.socket = s;
    const limit = this.clock.set(() => { if (this.socket === s && !this.isUp) { this.drop(1000, ""); this.lost(); } }, openLimit);
    s.onopen = () => {
      this.clock.clear(limit);
      if (s.protocol !== subprotocol) { this.finish(closeCode.reload, "subprotocol"); return; }
      this.isUp = true;
      this.everOpen = true;
      this.tries = 0;
      this.events.up();
    };
    s.onmessage = (e) => {
      if (this.socket !== s) return;
      let m: ServerMessage;
      try {
        if (typeof e.data !== "string") throw new WireError("signalling: a binary frame");
        m = decode(e.data);
      } catch (err) {
        this.finish(closeCode.badMessage, err instanceof Error ? err.message : String(err));
        return;
      }
      this.events.message(m);
    };
    s.onerror = () => { /* a close follows */ };
    s.onclose = (e) => {
      this.clock.clear(limit);
      if (this.socket !== s) return;
      this.socket = null;
      this.isUp = false;
      if (finalCodes.has(e.code)) { this.wanted = false; this.events.closed(e.code, e.reason); return; }
      this.lost();
    };
  }

  private finish(code: number, reason: string): void {
    this.wanted = false;
    this.drop(1000, "");
    this.events.closed(code, reason);
  }

  private lost(): void {
    this.socket = null;
    this.isUp = false;
    if (!this.wanted) return;
    this.timer = this.clock.set(() => { this.timer = null; this.connect(); }, waitBefore(this.tries++, this.clock.random()));
    this.events.down(this.everOpen);
  }
}

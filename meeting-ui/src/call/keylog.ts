/**
 * The key log during a call: what the group shows of it has to go together with what this device has seen. States that are new are
 * proven by the server while the call goes on; what can't be proven in time, or is shown to be another log, ends the stay.
 */
import type { MLSPort, SeenLog } from "./ports.ts";
import type { ReasonCode } from "./state.ts";

export interface LogEvents {
  /** The server's proofs between states of these sizes. */
  growth(sizes: number[]): Promise<string[][]>;
  /** What this device has seen by now, to be kept. */
  seen(log: SeenLog): void;
  unsafe(code: ReasonCode, detail: string): void;
}

/** How long the server may leave a state unproven, and the pause between two questions. */
export const provenWithin = 30_000, askAgainAfter = 2000;

export class LogWatch {
  private running = false;
  private again = false;
  private stopped = false;

  constructor(private readonly mls: Pick<MLSPort, "unproven" | "proven">, private readonly events: LogEvents, private readonly now = () => Date.now()) {}

  stop(): void { this.stopped = true; }

  /** The group has changed. */
  look(): void {
    this.again = true;
    if (!this.running) void this.run();
  }

  private async run(): Promise<void> {
    this.running = true;
    try {
      while (this.again && !this.stopped) {
        this.again = false;
        const sizes = await this.mls.unproven();
        if (sizes.length === 0) continue;
        const proofs = await this.ask(sizes);
        if (this.stopped) return;
        this.events.seen(await this.mls.proven(proofs));
        this.again = true; // a large group takes several questions
      }
    } catch (e) {
      if (!this.stopped) this.caught(e as { rule?: unknown; message?: unknown });
    } finally {
      this.running = false;
    }
  }

  private async ask(sizes: number[]): Promise<string[][]> {
    for (const end = this.now() + provenWithin; ;) {
      try {
        return await this.events.growth(sizes);
      } catch (e) {
        const status = (e as { status?: unknown }).status;
        const mayCome = typeof status !== "number" || status === 0 || status === 429 || status >= 500;
        if (this.stopped || !mayCome || this.now() >= end) throw new Unproven(String((e as { message?: unknown }).message));
        await new Promise((done) => { setTimeout(done, askAgainAfter); });
      }
    }
  }

  private caught(e: { rule?: unknown; message?: unknown }): void {
    if (e instanceof Unproven) this.events.unsafe("log-unproven", e.message);
    else if (e.rule === "log-forked") this.events.unsafe("log-forked", String(e.message));
    // The core has no group any more, or has died: both have their own way out.
  }
}

class Unproven extends Error {}

/** What the server is caught at when this device is inscribed; null for another failure. */
export function logCode(e: unknown): ReasonCode | null {
  const rule = (e as { rule?: unknown } | null)?.rule;
  return rule === "log-key" || rule === "log-shorter" || rule === "log-forked" || rule === "log-statement" || rule === "log-kept" ? rule : null;
}

/** Why the server inscribes no device, where it says so in a way that waiting does not change; null for another failure. */
export function refusedCode(e: unknown): ReasonCode | null {
  const code = (e as { code?: unknown } | null)?.code;
  return code === "too-many-devices" || code === "device-log-damaged" || code === "not-recorded" ? code : null;
}

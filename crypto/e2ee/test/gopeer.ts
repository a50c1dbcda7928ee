import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { LogAnswer } from "../src/log.ts";
import type { Inscribed } from "./keylog.ts";
import { root } from "./vectors.ts";

/** Answer of crypto/e2ee/interop/peer; bytes are standard base64, as Go writes them. */
export interface Answer {
  error?: string;
  keyPackage?: string;
  commit?: string;
  welcomes?: string[];
  message?: string;
  tree?: string;
  secret?: string;
  data?: string;
  epoch: number;
  own: number;
  sender: number;
  treeHash?: string;
  authenticator?: string;
  members?: Record<string, string>;
  removed?: boolean;
  account?: string;
  group?: string;
  words?: number[];
  inscribed?: LogAnswer;
}

export const b64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
export const unb64 = (text: string | undefined): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text ?? "", "base64"));

/** The native Go implementation in a process of its own. */
export class GoPeer {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #waiting: { resolve(a: Answer): void; reject(e: Error): void }[] = [];

  private constructor(process: ChildProcessWithoutNullStreams) {
    this.#process = process;
    createInterface({ input: process.stdout }).on("line", (line) => {
      const answer = JSON.parse(line) as Answer;
      const waiting = this.#waiting.shift();
      if (answer.error !== undefined) waiting?.reject(new Error(answer.error));
      else waiting?.resolve(answer);
    });
    process.stderr.on("data", (text: Buffer) => console.error(text.toString()));
    process.on("exit", () => { for (const w of this.#waiting) w.reject(new Error("the Go peer ended")); });
  }

  static start(): GoPeer {
    const binary = join(root, "build", "e2ee-test", "peer");
    const built = spawnSync("go", ["build", "-o", binary, "./crypto/e2ee/interop/peer"], { cwd: root, encoding: "utf8" });
    if (built.status !== 0) throw new Error(built.stderr);
    return new GoPeer(spawn(binary));
  }

  call(op: string, member: string, more: object = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#process.stdin.write(`${JSON.stringify({ op, member, ...more })}\n`);
    });
  }

  /** Inscribes a device of another process in the log that this one's callers go by. */
  async inscribe(who: Inscribed): Promise<LogAnswer> {
    const { inscribed } = await this.call("log.inscribe", "", { identity: who.account, label: who.device, message: b64(who.publicKey) });
    if (!inscribed) throw new Error("the Go peer did not inscribe a device");
    return inscribed;
  }

  end(): void { this.#process.stdin.end(); }
}

/** Calls into a worker: one message a call, one message an answer, in any order. */

export interface Call { id: number; op: string; args: unknown }
export type Answer = { id: number; value: unknown } | { id: number; error: Failure };
export interface Failure { message: string; reason: string; rule?: string }

/**
 * What the core refused. `rule` is the stable token of the rule that was broken (of mls.Policy, or of what a joiner demands),
 * if one was; `reason` is a token for every refusal ("epoch", "removed", "path", …); `message` is the cause in words.
 */
export class MLSError extends Error {
  readonly rule: string | undefined;
  readonly reason: string;

  constructor(failure: Failure) {
    super(failure.message);
    this.name = "MLSError";
    this.reason = failure.reason;
    this.rule = failure.rule;
  }
}

interface Waiting { resolve(value: unknown): void; reject(error: Error): void }

/** The caller's end. When the worker dies every call fails, those waiting and those to come. */
export class Remote {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners: ((cause: Error) => void)[] = [];
  #next = 1;
  #dead: Error | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = (event: MessageEvent<Answer>) => {
      const answer = event.data;
      const waiting = this.#waiting.get(answer.id);
      if (!waiting) return;
      this.#waiting.delete(answer.id);
      if ("error" in answer) waiting.reject(new MLSError(answer.error));
      else waiting.resolve(answer.value);
    };
    worker.onerror = (event) => { this.#die(new Error(event.message || "the worker could not be loaded")); };
    worker.onmessageerror = () => { this.#die(new Error("the worker's answer can't be read")); };
  }

  call<T>(op: string, args: unknown, transfer: Transferable[] = []): Promise<T> {
    if (this.#dead) return Promise.reject(this.#dead);
    const id = this.#next++;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#worker.postMessage({ id, op, args } satisfies Call, transfer);
    });
  }

  onDeath(cb: (cause: Error) => void): void { this.#listeners.push(cb); }

  terminate(): void {
    this.#worker.terminate();
    this.#fail(new Error("the worker was ended"));
  }

  #die(cause: Error): void {
    this.#worker.terminate();
    if (this.#dead) return;
    this.#fail(cause);
    for (const cb of this.#listeners) cb(cause);
  }

  #fail(cause: Error): void {
    this.#dead ??= cause;
    for (const waiting of this.#waiting.values()) waiting.reject(cause);
    this.#waiting.clear();
  }
}

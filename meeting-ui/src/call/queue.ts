/** Runs tasks one after another, in the order given: MLS operations and the server's messages must not overtake each other. */
export class Queue {
  private tail: Promise<unknown> = Promise.resolve();
  private generation = 0;

  /** The task's own result; a failure does not stop later tasks. Tasks given before `clear` and not begun are dropped. */
  run<T>(task: () => Promise<T> | T): Promise<T | undefined> {
    const g = this.generation;
    const r = this.tail.then(() => (g === this.generation ? task() : undefined));
    this.tail = r.then(() => undefined, () => undefined);
    return r;
  }

  clear(): void { this.generation++; }
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { Line, waitBefore, type Clock, type Socket } from "../line.ts";
import type { ServerMessage } from "../wire.ts";

class FakeSocket implements Socket {
  protocol = "huisclos.2";
  bufferedAmount = 0;
  onopen: Socket["onopen"] = null;
  onclose: Socket["onclose"] = null;
  onerror: Socket["onerror"] = null;
  onmessage: Socket["onmessage"] = null;
  sent: string[] = [];
  closed: number | undefined;
  send(d: string): void { this.sent.push(d); }
  close(code?: number): void { this.closed = code ?? 1000; }
}
class FakeClock implements Clock {
  time = 0;
  jobs: { at: number; run: () => void }[] = [];
  now(): number { return this.time; }
  random(): number { return 0.5; }
  set(run: () => void, ms: number): unknown { const j = { at: this.time + ms, run }; this.jobs.push(j); return j; }
  clear(t: unknown): void { this.jobs = this.jobs.filter((j) => j !== t); }
  pass(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const next = this.jobs.filter((j) => j.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.clear(next);
      this.time = next.at;
      next.run();
    }
    this.time = end;
  }
}
function setup() {
  const sockets: FakeSocket[] = [], log: string[] = [], messages: ServerMessage[] = [], clock = new FakeClock();
  const line = new Line(() => { const s = new FakeSocket(); sockets.push(s); return s; }, {
    up: () => log.push("up"), message: (m) => messages.push(m), down: (ever) => log.push(ever ? "down" : "down, never open"), closed: (c) => log.push(`closed ${c}`),
  }, clock);
  return { sockets, log, messages, clock, line };
}

test("waits grow from 250 ms to 2 s and scatter by a quarter", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 50].map((n) => waitBefore(n, 0.5)), [250, 500, 1000, 2000, 2000, 2000]);
  assert.equal(waitBefore(0, 0), 188);
  assert.equal(waitBefore(9, 1), 2500);
});

test("a server that is away for four seconds has its clients back within five of its return", () => {
  const { sockets, clock, line, log } = setup();
  line.start();
  sockets[0]!.onopen?.(null);
  sockets[0]!.onclose?.({ code: 1006, reason: "" });
  let open = 0;
  for (let t = 0; t < 9000; t += 50) {
    clock.pass(50);
    const s = sockets.at(-1)!;
    if (s.closed === undefined && s !== sockets[0] && s.onclose) {
      if (clock.time < 4000) s.onclose({ code: 1006, reason: "" });
      else if (!open) { s.onopen?.(null); open = clock.time; }
    }
  }
  assert.ok(open > 0 && open < 6500, `back at ${open} ms`);
  assert.equal(log.at(-1), "up");
});

test("an opening that hangs is given up", () => {
  const { sockets, clock, line, log } = setup();
  line.start();
  clock.pass(4100);
  assert.deepEqual(log, ["down, never open"]);
  clock.pass(300);
  assert.equal(sockets.length, 2);
});

test("the server's own codes are final, and so is what can't be read", () => {
  for (const code of [4001, 4002, 4003, 4004, 4005, 4006, 4007, 4008]) {
    const { sockets, clock, line, log } = setup();
    line.start();
    sockets[0]!.onopen?.(null);
    sockets[0]!.onclose?.({ code, reason: "" });
    clock.pass(10_000);
    assert.equal(sockets.length, 1);
    assert.equal(log.at(-1), `closed ${code}`);
  }
  for (const data of ["{}", "[]", "nonsense", JSON.stringify({ type: "somethingElse" }), new ArrayBuffer(2)]) {
    const { sockets, line, log, messages } = setup();
    line.start();
    sockets[0]!.onopen?.(null);
    sockets[0]!.onmessage?.({ data });
    assert.equal(log.at(-1), "closed 4006");
    assert.equal(messages.length, 0);
  }
});

test("another subprotocol asks for a reload", () => {
  const { sockets, line, log } = setup();
  line.start();
  sockets[0]!.protocol = "";
  sockets[0]!.onopen?.(null);
  assert.deepEqual(log, ["closed 4001"]);
});

test("nothing is sent, and nothing heard, once the line was stopped", () => {
  const { sockets, clock, line, messages } = setup();
  line.start();
  sockets[0]!.onopen?.(null);
  assert.equal(line.send({ type: "leave" }), true);
  const heard = sockets[0]!.onmessage;
  line.stop();
  assert.equal(line.send({ type: "leave" }), false);
  heard?.({ data: JSON.stringify({ type: "denied" }) });
  clock.pass(10_000);
  assert.deepEqual([sockets.length, messages.length, sockets[0]!.sent.length], [1, 0, 1]);
});

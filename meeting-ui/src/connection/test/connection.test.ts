import assert from "node:assert/strict";
import { test } from "node:test";
import { inner, join, keep, toldOf } from "../answer.ts";
import { Checks, noChecks, pairOf, type Pair } from "../checks.ts";
import type { Tried, Way } from "../path.ts";
import { report } from "../report.ts";
import { conclude, toneOf, type Conclusion } from "../verdict.ts";

const sdp = ["v=0", "a=ice-ufrag:secretufrag", "a=ice-pwd:secretpassword", "a=candidate:1 1 udp 2130706431 203.0.113.9 443 typ host", "a=candidate:2 1 udp 2130706175 2001:db8::10 443 typ host",
  "a=candidate:3 1 tcp 1518280447 203.0.113.9 443 typ host tcptype passive", "a=end-of-candidates", ""].join("\r\n");

test("an answer is left with the candidates of one transport", () => {
  assert.deepEqual(toldOf(sdp, "udp"), ["203.0.113.9:443", "[2001:db8::10]:443"]);
  assert.deepEqual(toldOf(sdp, "tcp"), ["203.0.113.9:443"]);
  const tcp = keep(sdp, "tcp");
  assert.deepEqual(toldOf(tcp, "udp"), []);
  assert.deepEqual(toldOf(tcp, "tcp"), ["203.0.113.9:443"]);
  assert.ok(tcp.includes("a=ice-pwd:secretpassword\r\n") && tcp.endsWith("a=end-of-candidates\r\n"), "all else stays as it was");
  assert.deepEqual(toldOf("a=candidate:garbage", "udp"), []);
});

test("which addresses mean something inside one network only", () => {
  for (const a of ["10.0.0.2", "172.16.0.1", "172.31.255.1", "192.168.1.1", "127.0.0.1", "169.254.1.1", "100.64.0.1", "::1", "fd00::2", "fe80::1"]) assert.ok(inner(join(a, 443)), a);
  for (const a of ["203.0.113.9", "172.32.0.1", "11.0.0.1", "100.128.0.1", "2001:db8::1", "2606::fd"]) assert.ok(!inner(join(a, 443)), a);
});

const pair = (o: Partial<Pair>): Pair => ({ sent: 0, consent: null, answered: 0, total: 0, current: null, reached: null, relay: null, ...o });

test("checks: times of answers, their variation, and what got none", () => {
  const c = new Checks();
  c.take(null, 0);
  c.take(pair({ sent: 4, answered: 3, total: 0.1, reached: "203.0.113.9:443" }), 0);
  c.take(pair({ sent: 5, answered: 4, total: 0.12 }), 250); // 20 ms
  c.take(pair({ sent: 6, answered: 5, total: 0.16 }), 500); // 40 ms
  c.take(pair({ sent: 8, answered: 6, total: 0.18 }), 750); // 20 ms; one of two has no answer
  c.take(pair({ sent: 9, answered: 7, total: 0.2 }), 3000); // 20 ms; the one that was asked just now is not due
  assert.equal(c.reached, "203.0.113.9:443");
  const m = c.measured();
  assert.equal(Math.round(m.rttMs ?? 0), 20);
  assert.equal(Math.round(m.spreadMs ?? 0), Math.round((20 + 20 + 0) / 3));
  assert.equal(m.answered, 7);
  assert.equal(m.lost, 0, "four were asked from the first reading on and due, four were answered");
  c.take(pair({ sent: 10, answered: 7, total: 0.2 }), 6000);
  assert.equal(c.measured().lost, 1);
});

test("checks of a browser that counts less say less", () => {
  const c = new Checks();
  c.take(pair({ sent: null, total: null, current: 0.03, answered: 1 }), 0);
  c.take(pair({ sent: null, total: null, current: 0.03, answered: 1 }), 250);
  c.take(pair({ sent: null, total: null, current: 0.05, answered: 2 }), 500);
  assert.deepEqual(c.measured(), { rttMs: 40, spreadMs: null, answered: 2, lost: null });
  assert.deepEqual(new Checks().measured(), noChecks);
  for (const [first, due] of [[{ sent: 1, consent: 0 }, { sent: 1, consent: 4 }], [{ sent: 1, consent: 0 }, { sent: 5, consent: 4 }], [{ sent: 1, consent: null }, { sent: 5, consent: null }]] as const) {
    const both = new Checks();
    both.take(pair({ ...first, answered: 1 }), 0);
    both.take(pair({ ...due, answered: 4 }), 1000);
    both.take(pair({ ...due, answered: 4 }), 5000);
    assert.equal(both.measured().lost, 1, JSON.stringify(due));
  }
});

test("the pair in use is found in both kinds of statistics", () => {
  const far = { id: "R", type: "remote-candidate", address: "2001:db8::1", port: 443 };
  const p = { id: "P", type: "candidate-pair", state: "succeeded", remoteCandidateId: "R", requestsSent: 3, consentRequestsSent: 2, responsesReceived: 4, totalRoundTripTime: 0.2, currentRoundTripTime: 0.05 };
  const as = (...list: { id: string }[]) => new Map(list.map((s) => [s.id, s])) as unknown as RTCStatsReport;
  const want = { sent: 3, consent: 2, answered: 4, total: 0.2, current: 0.05, reached: "[2001:db8::1]:443", relay: null };
  assert.deepEqual(pairOf(as({ id: "T", type: "transport", selectedCandidatePairId: "P" } as never, p, far)), want);
  assert.deepEqual(pairOf(as({ ...p, selected: true } as never, far)), want);
  const near = { id: "L", type: "local-candidate", candidateType: "relay", relayProtocol: "tls" };
  assert.deepEqual(pairOf(as({ ...p, selected: true, localCandidateId: "L" } as never, far, near)), { ...want, relay: "tls" });
  assert.equal(pairOf(as(far)), null);
});

const tried = (way: Way, o: Partial<Tried> = {}): Tried => ({ way, passed: true, connectMs: 100, told: way === "messages" ? [] : ["203.0.113.9:443"], reached: null, ...noChecks, rttMs: 20, answered: 20, lost: 0, ...o });
const no = { passed: false, connectMs: null, rttMs: null, answered: 0, lost: null };

test("one conclusion for what passed", () => {
  const say = (m: Partial<Tried>, u: Partial<Tried>, t: Partial<Tried>, r: Partial<Tried>) => conclude({ messages: tried("messages", m), udp: tried("udp", u), tcp: tried("tcp", t), relay: tried("relay", r) });
  const table: [Conclusion, Partial<Tried>, Partial<Tried>, Partial<Tried>, Partial<Tried>?][] = [
    ["good", {}, {}, {}],
    ["slow", {}, { rttMs: 400 }, {}],
    ["lossy", {}, { lost: 3, answered: 17 }, {}],
    ["good", {}, { lost: 1, answered: 3 }, {}], // one lost check is no hint
    ["tcp-blocked", {}, {}, no],
    ["udp-blocked", {}, no, {}],
    ["messages-blocked", no, {}, {}],
    ["messages-blocked", no, no, {}],
    ["media-blocked", {}, no, no],
    ["media-blocked", {}, { ...no, told: ["203.0.113.9:443", "10.0.0.2:443"] }, no],
    ["proxy-only", {}, { ...no, proxied: true }, { ...no, proxied: true }],
    ["inner-addresses", {}, { ...no, told: ["10.0.0.2:443"], proxied: true }, { ...no, told: ["10.0.0.2:443"], proxied: true }],
    ["udp-blocked", {}, { ...no, proxied: true }, { proxied: true }],
    ["tcp-blocked", {}, {}, no, { withoutUDP: false }], // the relay was reached over UDP, which says nothing of what is left without it
    ["media-blocked", {}, { ...no, told: [] }, { ...no, told: [] }],
    ["inner-addresses", {}, { ...no, told: ["10.0.0.2:443"] }, { ...no, told: ["10.0.0.2:443"] }],
    ["all-blocked", no, no, no],
    ["good", {}, {}, {}, {}],
    ["relay-behind", {}, {}, no, { withoutUDP: true }],
    ["slow", {}, { rttMs: 400 }, no, {}],
    ["udp-blocked", {}, no, {}, {}],
    ["relay-only", {}, { ...no, told: ["10.0.0.2:443"] }, no, {}],
    ["messages-blocked", no, no, no, {}],
  ];
  for (const [want, m, u, t, r = no] of table) assert.equal(say(m, u, t, r), want, JSON.stringify([m, u, t, r]));
  assert.equal(toneOf("good"), "info");
  assert.equal(toneOf("udp-blocked"), "attention");
  assert.equal(toneOf("relay-only"), "attention");
  assert.equal(toneOf("relay-behind"), "info");
  assert.equal(toneOf("media-blocked"), "danger");
  assert.equal(toneOf("proxy-only"), "danger");
});

test("the text for an administrator says all of it, and no secret", async () => {
  Object.assign(globalThis, { localStorage: { getItem: () => "en", setItem: () => {} }, document: { documentElement: { dataset: {} } } });
  const { connection } = await import("../../words/connection.ts");
  const text = report({ messages: tried("messages"), udp: tried("udp", { ...no, told: toldOf(sdp, "udp") }), tcp: tried("tcp", { reached: "203.0.113.9:443", spreadMs: 3.4 }), relay: tried("relay", { reached: "visio.example:443 (TLS)" }) },
    { words: connection.value, when: new Date(0), browser: null, host: "visio.example", version: "1.2.3" });
  for (const part of ["1970-01-01T00:00:00.000Z", "visio.example (1.2.3)", "203.0.113.9:443, [2001:db8::10]:443", "3 ms", "visio.example:443 (TLS)", "[udp-blocked]"]) assert.ok(text.includes(part), `${part} in\n${text}`);
  assert.ok(!text.includes("secret"), text);
});

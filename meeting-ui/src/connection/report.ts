/** The text for an administrator: what was tried and what came of it. No credential of a connection, no address of the person. */
import type { ReadonlySignal } from "@preact/signals";
import type { connection } from "../words/connection.ts";
import type { Tried } from "./path.ts";
import { conclude, type Tries } from "./verdict.ts";

type Words = typeof connection extends ReadonlySignal<infer T> ? T : never;
export interface Around { words: Words; when: Date; browser: string | null; host: string; version: string }

export function report(tries: Tries, { words: w, when, browser, host, version }: Around): string {
  const c = conclude(tries), told = [...new Set([...tries.udp.told, ...tries.tcp.told])];
  const ms = (n: number | null) => (n === null ? "" : w.figures.ms(String(Math.max(1, Math.round(n)))));
  const line = (t: Tried) => [
    `${w.way[t.way]} : ${t.passed ? w.passed : w.blocked}`,
    t.passed && t.connectMs !== null ? `${w.figures.connect} ${ms(t.connectMs)}` : "", t.rttMs === null ? "" : `${w.figures.rtt} ${ms(t.rttMs)}`,
    t.spreadMs === null ? "" : `${w.figures.spread} ${ms(t.spreadMs)}`, t.lost === null ? "" : `${w.figures.lost} ${w.figures.of(String(t.lost), String(t.lost + t.answered))}`,
    t.reached === null ? "" : t.reached,
  ].filter(Boolean).join(", ");
  return [
    w.text.head,
    `${w.text.when} : ${when.toISOString()}`,
    `${w.text.browser} : ${browser ?? w.text.unknown}`,
    `${w.text.page} : ${host}${version ? ` (${version})` : ""}`,
    line(tries.messages), line(tries.udp), line(tries.tcp), line(tries.relay),
    `${w.text.told} : ${told.join(", ") || w.text.none}`,
    `${w.text.conclusion} : ${w.verdict[c].title} [${c}]`,
  ].join("\n");
}

/** What was tried, in one conclusion: what is blocked, and by whom most likely. A function of the tries alone. */
import { inner } from "./answer.ts";
import type { Tried } from "./path.ts";

export type Conclusion =
  | "good" // all ways pass
  | "slow" | "lossy" // they pass, and will be felt
  | "tcp-blocked" // UDP passes; TCP for media does not, which is felt only where UDP is blocked later
  | "relay-behind" // UDP passes; were it blocked, the relay would be left
  | "udp-blocked" // media takes TCP
  | "relay-only" // media goes through the relay
  | "messages-blocked" // WebSocket does not pass: no call
  | "inner-addresses" // no media, and the server told only addresses of an inner network
  | "proxy-only" // no media, and the server stands behind a proxy through which there is no way for it
  | "media-blocked" // no media, pages and messages pass
  | "all-blocked"; // neither media nor messages, though the page came

export interface Tries { messages: Tried; udp: Tried; tcp: Tried; relay: Tried }

/** The same bounds as the call's own gauge has for a weak link (call/gauge.ts). */
const slowMs = 350, lossyShare = 0.1, lossyLeast = 2;

export function conclude({ messages, udp, tcp, relay }: Tries): Conclusion {
  const told = [...udp.told, ...tcp.told];
  if (!udp.passed && !tcp.passed && !relay.passed) {
    if (!messages.passed) return "all-blocked";
    if (told.length > 0 && told.every(inner)) return "inner-addresses";
    return udp.proxied || tcp.proxied ? "proxy-only" : "media-blocked";
  }
  if (!messages.passed) return "messages-blocked";
  if (!udp.passed) return tcp.passed ? "udp-blocked" : "relay-only";
  if ((udp.rttMs ?? 0) > slowMs) return "slow";
  if (udp.lost !== null && udp.lost >= lossyLeast && udp.lost > lossyShare * (udp.lost + udp.answered)) return "lossy";
  return tcp.passed ? "good" : relay.withoutUDP ? "relay-behind" : "tcp-blocked";
}

export type Tone = "info" | "attention" | "danger";
export function toneOf(c: Conclusion): Tone {
  if (c === "good" || c === "tcp-blocked" || c === "relay-behind") return "info";
  return c === "slow" || c === "lossy" || c === "udp-blocked" || c === "relay-only" ? "attention" : "danger";
}

/**
 * One way to the server, tried as a call would take it: a real media connection whose answer is left with the candidates of one
 * transport, or a WebSocket. It carries no sound and no picture, so it needs no key, no microphone and no camera; what it measures
 * are the browser's own connectivity checks (STUN consent, RFC 7675), which the server's media port answers.
 */
import { api, echoURL } from "../api/index.ts";
import { allowedCodecs } from "../call/publisher.ts";
import { rtcConfig } from "../call/relay.ts";
import { subprotocol } from "../call/wire.ts";
import { Checks, noChecks, pairOf, type Measured } from "./checks.ts";
import { join, keep, toldOf, type Transport } from "./answer.ts";

/** The relay's far end is the server's candidate over UDP, which the relay reaches by itself. */
export type Way = "messages" | Transport | "relay";

export interface Tried extends Measured {
  way: Way;
  passed: boolean;
  /** From the answer in hand to a standing connection. */
  connectMs: number | null;
  /** Where this browser was told to go, "192.0.2.1:443". */
  told: string[];
  /** Which of them it reached. */
  reached: string | null;
  /** The page comes by a proxy of the server's, which takes HTTPS apart: what is no HTTP has no way there. */
  proxied?: boolean;
  /** Of the relay: whether it was reached without UDP too, which says what is left where UDP is blocked. */
  withoutUDP?: boolean;
}

/** Long enough for a lost first packet and its repetitions, short enough to wait for. */
const connectLimit = 8000, echoLimit = 6000, measureFor = 5000, sampleEvery = 250, echoes = 8;

const failed = (way: Way, told: string[] = []): Tried => ({ way, passed: false, connectMs: null, told, reached: null, ...noChecks });
const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** The relay, by all of its ways and, beside that, by those that are left without UDP. */
export async function tryRelay(): Promise<Tried> {
  const [all, left] = await Promise.all([tryMedia("relay"), tryMedia("relay", false)]);
  return { ...all, withoutUDP: left.passed };
}

/** Throws only what the API throws: then nothing can be said of the network behind it. */
export async function tryMedia(way: Transport | "relay", withUDP = true): Promise<Tried> {
  const relayed = way === "relay", transport = relayed ? "udp" : way;
  const pc = new RTCPeerConnection({ ...rtcConfig(null), iceTransportPolicy: relayed ? "relay" : "all" });
  try {
    const t = pc.addTransceiver("audio", { direction: "sendonly" }); // without a track: nothing is ever sent on it
    t.setCodecPreferences(allowedCodecs("audio"));
    const offer = await pc.createOffer();
    const { answer, relay, proxied = false } = await api.tryConnection(offer.sdp ?? "", /^a=mid:(\S+)/m.exec(offer.sdp ?? "")?.[1] ?? "0", relayed);
    // Before it looks for ways, it must know of the relay.
    if (relay) pc.setConfiguration({ ...rtcConfig(relay, location, withUDP), iceTransportPolicy: "relay" });
    await pc.setLocalDescription(offer);
    const told = toldOf(answer, transport);
    if (told.length === 0) return { ...failed(way), proxied };
    const since = performance.now();
    await pc.setRemoteDescription({ type: "answer", sdp: keep(answer, transport) });
    if (!(await connected(pc))) return { ...failed(way, told), proxied };
    const connectMs = performance.now() - since;
    const checks = new Checks();
    for (const end = performance.now() + measureFor; performance.now() < end && pc.connectionState === "connected"; await pause(sampleEvery)) {
      checks.take(pairOf(await pc.getStats()), performance.now());
    }
    return { way, passed: true, proxied, connectMs, told, reached: relayed ? relayAt(checks.relay) : checks.reached, ...checks.measured() };
  } finally {
    pc.close();
  }
}

/** Who goes through the relay reaches the page's own address; by what, the browser may say. */
function relayAt(protocol: string | null): string {
  const at = join(location.hostname.replace(/^\[|\]$/g, ""), location.port || "443");
  return protocol === null ? at : `${at} (${protocol.toUpperCase()})`;
}

function connected(pc: RTCPeerConnection): Promise<boolean> {
  return new Promise((done) => {
    const end = (yes: boolean) => { clearTimeout(limit); pc.onconnectionstatechange = null; done(yes); };
    const limit = setTimeout(() => end(false), connectLimit);
    const look = () => { if (pc.connectionState === "connected") end(true); else if (pc.connectionState === "failed" || pc.connectionState === "closed") end(false); };
    pc.onconnectionstatechange = look;
    look();
  });
}

export function tryMessages(): Promise<Tried> {
  return new Promise((done) => {
    const since = performance.now(), checks = new Checks();
    let ws: WebSocket, connectMs: number | null = null, sent = 0, at = 0;
    const end = () => {
      clearTimeout(limit);
      ws.onopen = ws.onmessage = ws.onclose = ws.onerror = null;
      ws.close();
      const m = checks.measured();
      done(m.answered > 0 ? { way: "messages", passed: true, connectMs, told: [], reached: null, ...m, lost: null } : failed("messages"));
    };
    const limit = setTimeout(() => end(), echoLimit);
    const ask = () => { at = performance.now(); ws.send(String(++sent)); };
    try { ws = new WebSocket(echoURL(), subprotocol); } catch { clearTimeout(limit); done(failed("messages")); return; }
    ws.onopen = () => { connectMs = performance.now() - since; ask(); };
    ws.onmessage = (e) => {
      if (e.data !== String(sent)) return;
      checks.add(performance.now() - at);
      if (sent < echoes) ask(); else end();
    };
    ws.onclose = ws.onerror = () => end();
  });
}

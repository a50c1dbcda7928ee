/**
 * The way of last resort: TURN (RFC 8656) at the page's own host and port, over UDP for browsers to which media's own address is
 * closed or forbidden, over TCP where UDP is blocked as well, and inside TLS for networks that let nothing else out. Inside TLS it needs a
 * certificate that the browser trusts by itself; over TCP it doesn't. The browser prefers what is nearer by itself: the priorities of its candidates put UDP before TCP before the relay.
 * When it hears of the relay at all is for `media.ts` to say.
 */

/** What the server gives a member: good for `lifetimeMs`, and renewed before. */
export interface RelayGrant { username: string; credential: string; lifetimeMs: number }

/** How both connections are made. The page's address is the one that is known to lead to the server from here. Without UDP: the relay as it is where UDP is blocked. */
export function rtcConfig(grant: RelayGrant | null, page: { hostname: string; port: string } | undefined = globalThis.location, withUDP = true): RTCConfiguration {
  const iceServers: RTCIceServer[] = !grant || !page ? [] :
    [{ urls: relayURLs(page).filter((u) => withUDP || !u.endsWith("=udp")), username: grant.username, credential: grant.credential }];
  return { bundlePolicy: "max-bundle", rtcpMuxPolicy: "require", iceServers };
}

function relayURLs({ hostname, port }: { hostname: string; port: string }): string[] {
  const at = `${hostname}:${port || "443"}`;
  return [`turn:${at}?transport=udp`, `turn:${at}?transport=tcp`, `turns:${at}?transport=tcp`];
}

/** Whether a connection's packets go through the relay. Chromium names the pair in use in its transport, Firefox marks it. */
export function overRelay(report: RTCStatsReport): boolean {
  const stats = new Map<string, Record<string, unknown>>();
  report.forEach((s: Record<string, unknown>, id: string) => stats.set(id, s));
  const list = [...stats.values()];
  const named = list.find((s) => s.type === "transport" && typeof s.selectedCandidatePairId === "string")?.selectedCandidatePairId as string | undefined;
  const pair = named === undefined ? list.find((s) => s.type === "candidate-pair" && s.selected === true) : stats.get(named);
  return typeof pair?.localCandidateId === "string" && stats.get(pair.localCandidateId)?.candidateType === "relay";
}

/** Gives a connection a new grant. True if it must look for a path again: it has none without the relay, or goes through it. */
export async function regrant(pc: RTCPeerConnection, grant: RelayGrant): Promise<boolean> {
  pc.setConfiguration(rtcConfig(grant));
  if (pc.iceGatheringState === "new") return false; // it will look with the grant
  return pc.connectionState !== "connected" || overRelay(await pc.getStats());
}

/** The server's candidates in a session description (RFC 8839 §5.1), and leaving some of them out. */

/** The transports that candidates have. */
export type Transport = "udp" | "tcp";

const candidate = /^a=candidate:\S+ 1 (udp|tcp) \d+ (\S+) (\d+) typ /i;

/** The description with the candidates of one transport alone. */
export function keep(sdp: string, transport: Transport): string {
  return sdp.split("\r\n").filter((l) => !l.startsWith("a=candidate:") || candidate.exec(l)?.[1]?.toLowerCase() === transport).join("\r\n");
}

/** Where a browser is told to go over a transport. */
export function toldOf(sdp: string, transport: Transport): string[] {
  return sdp.split("\r\n").flatMap((l) => {
    const [, over = "", host = "", port = ""] = candidate.exec(l) ?? [];
    return over.toLowerCase() === transport ? [join(host, port)] : [];
  });
}

export function join(host: string, port: string | number): string { return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`; }

/**
 * Addresses that mean something inside one network only: RFC 1918, RFC 6598, RFC 3927, RFC 4193, loopback and link-local.
 * Takes what `join` made.
 */
export function inner(at: string): boolean {
  const host = at.replace(/:\d+$/, "").replace(/^\[|\]$/g, "").toLowerCase();
  if (host.includes(":")) return host === "::1" || /^f[cd]/.test(host) || /^fe[89ab]/.test(host);
  const [a = 0, b = 0] = host.split(".").map(Number);
  return a === 10 || a === 127 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) || (a === 169 && b === 254) || (a === 100 && b >= 64 && b < 128);
}

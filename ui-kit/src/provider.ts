/** The OpenID Connect provider that people may sign in with, and the way back from it. No browser is needed to test the latter. */
import { signal } from "@preact/signals";

/** As /api/me says. at: where to come to, if this page was come to by another address than the one that the provider sends people back to. */
export interface ProviderHere { name: string; preset?: string; at?: string }
export const provider = signal<ProviderHere | null>(null);

export function noteProvider(said: unknown): void {
  provider.value = typeof said === "object" && said !== null && typeof (said as ProviderHere).name === "string" ? (said as ProviderHere) : null;
}

/** After signing out here: where to sign out at the provider as well. */
export const leaving = signal<string | null>(null);

/** What /api/logout says of the provider. Only an address of the web is gone to. */
export function noteLeaving(said: unknown): void {
  const p = said as { url?: unknown; now?: unknown } | null | undefined;
  if (typeof p?.url !== "string" || !p.url.startsWith("https://")) return;
  if (p.now === true) location.assign(p.url); else leaving.value = p.url;
}

type Kept = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;
const prefix = "huisclos.way.", longest = 15 * 60_000;

/**
 * Where the person was going stays in this browser: the fragment of a room's link never reaches the server. Kept by the flow's state, in
 * localStorage, since the provider may come back in another tab.
 */
export function keepWay(state: string, to: string, now = Date.now(), store?: Kept): void {
  try {
    const s = store ?? localStorage;
    for (let i = s.length - 1; i >= 0; i--) {
      const key = s.key(i);
      if (key?.startsWith(prefix) && !(now - Number(JSON.parse(s.getItem(key) ?? "{}").at) < longest)) s.removeItem(key);
    }
    s.setItem(prefix + state, JSON.stringify({ to, at: now }));
  } catch { /* a browser that keeps nothing: the way leads to the first page */ }
}

/** An address of this site, once; "/" when nothing is kept, or it leads elsewhere. */
export function takeWay(state: string, store?: Kept): string {
  try {
    const s = store ?? localStorage, kept = s.getItem(prefix + state);
    s.removeItem(prefix + state);
    const to = (JSON.parse(kept ?? "{}") as { to?: unknown }).to;
    return typeof to === "string" && ours(to) ? to : "/";
  } catch { return "/"; }
}

/** A path of this site, and not of another's: neither "//host" nor what a browser makes of a backslash. Not one of these pages, either. */
export const ours = (to: string): boolean => /^\/(?![/\\])[^\\\s]*$/.test(to) && !to.startsWith("/oidc/");

/** Pages of this site tell each other that their person has proved who they are. */
const channel = "huisclos.proof";
export function tellProven(): void {
  const c = new BroadcastChannel(channel);
  c.postMessage("proven");
  c.close();
}
export function onProven(act: () => void): () => void {
  const c = new BroadcastChannel(channel);
  c.onmessage = act;
  return () => c.close();
}

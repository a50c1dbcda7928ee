/** Sections of the console stand below /console/. */
import { factorPart } from "@huisclos/ui-kit";
import { signal } from "@preact/signals";

export const base = "/console";
/** Where everybody sees to their own second factor, passphrase and sessions. */
export const mySecurity = `${base}/account#${factorPart}`;
export const place = signal(new URL(location.href));

/** "accounts" for /console/accounts; "" is the overview. */
export function section(url: URL): string {
  return url.pathname.slice(base.length).replace(/^\/+|\/+$/g, "");
}

export function go(to: string, replace = false): void {
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  place.value = new URL(location.href);
  scrollTo(0, 0);
}

export function watchPlace(): void {
  addEventListener("popstate", () => { place.value = new URL(location.href); });
  document.addEventListener("click", (e) => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    const a = (e.target as Element | null)?.closest?.("a[href]");
    if (!(a instanceof HTMLAnchorElement) || a.target || a.origin !== location.origin) return;
    if (a.pathname !== base && !a.pathname.startsWith(`${base}/`)) return;
    if (a.hash && a.pathname === location.pathname) return;
    e.preventDefault();
    go(a.pathname + a.search + a.hash);
  });
}

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

/** Where somebody wanted to go while something on the page was not saved; the page asks. */
export const held = signal<string | null>(null);
let holding = 0;
const warn = (e: BeforeUnloadEvent) => { e.preventDefault(); };

/** Until the returned function is called nobody leaves this page without being asked. */
export function holdBack(): () => void {
  if (holding++ === 0) addEventListener("beforeunload", warn);
  return () => { if (--holding === 0) removeEventListener("beforeunload", warn); };
}

/** anyway: what is not saved was given up. */
export function go(to: string, replace = false, anyway = false): void {
  if (holding > 0 && !anyway && new URL(to, location.href).pathname !== location.pathname) { held.value = to; return; }
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  place.value = new URL(location.href);
  scrollTo(0, 0);
}

export function watchPlace(): void {
  addEventListener("popstate", () => {
    const to = location.pathname + location.search + location.hash;
    if (holding > 0 && location.pathname !== place.value.pathname) {
      history.pushState(null, "", place.value);
      held.value = to;
      return;
    }
    place.value = new URL(location.href);
  });
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

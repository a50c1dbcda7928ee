/** Where the person is: the address bar, and nothing else. Links inside the product move without loading again. */
import { signal } from "@preact/signals";

export const place = signal(new URL(location.href));
/** Links that another program of the same host answers. */
const elsewhere = /^\/(console|api|w|assets)(\/|$)/;

export function go(to: string, replace = false): void {
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  place.value = new URL(location.href);
  scrollTo(0, 0);
}

/** After a change of page the focus stands at its beginning, as it would after a load. */
export function focusMain(): void {
  requestAnimationFrame(() => document.getElementById("main")?.focus({ preventScroll: true }));
}

export function watchPlace(): void {
  addEventListener("popstate", () => { place.value = new URL(location.href); });
  addEventListener("hashchange", () => { place.value = new URL(location.href); });
  document.addEventListener("click", (e) => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    const a = (e.target as Element | null)?.closest?.("a[href]");
    if (!(a instanceof HTMLAnchorElement) || a.target || a.origin !== location.origin || elsewhere.test(a.pathname)) return;
    // A link to a part of this page (the skip link) is the browser's.
    if (a.hash && a.pathname === location.pathname && a.search === location.search && !a.pathname.startsWith("/r/")) return;
    e.preventDefault();
    go(a.pathname + a.search + a.hash);
  });
}

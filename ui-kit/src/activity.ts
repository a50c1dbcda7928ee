/**
 * Whether somebody is at this page: when they last touched, typed or pointed. What a page asks by itself meanwhile says so to the server
 * (X-Huisclos-Quiet), for which it is no use of the session. No browser is needed to import this.
 */
let last = Date.now();
const touched = () => { last = Date.now(); };
if (typeof addEventListener === "function") {
  for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart", "input"]) addEventListener(kind, touched, { passive: true, capture: true });
}

/** Milliseconds since then. */
export const idleFor = (now = Date.now()): number => now - last;
/** After a minute without a touch nobody is meant by what the page asks. */
export const quiet = (now = Date.now()): boolean => idleFor(now) > 60_000;

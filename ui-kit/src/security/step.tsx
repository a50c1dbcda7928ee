/** One step of several on a page. */
import { createContext, type ComponentChildren } from "preact";
import { useContext, useLayoutEffect, useRef } from "preact/hooks";

/** The level of a step's title: below a part's title of level 2, or in a part's place. */
export const StepLevel = createContext<2 | 3>(3);

/**
 * Whoever cannot see the step come is taken to its title; unless a field of it takes the focus. At once, with the render: a frame
 * later the focus would be taken from a field that somebody quick, or a password manager, already writes into.
 */
export function Step({ title, keep, still, children }: { title: string; keep?: boolean; still?: boolean; children: ComponentChildren }) {
  const head = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    if (still) return;
    // Where its title is in sight, with room for what follows it, nothing moves.
    const top = head.current?.getBoundingClientRect().top ?? 0;
    if (top < 0 || top > innerHeight / 2) head.current?.closest("section")?.scrollIntoView({ block: "start" });
    head.current?.focus({ preventScroll: true });
  }, []);
  const H = `h${useContext(StepLevel)}` as "h2" | "h3";
  return <div class={keep ? "step keep" : "step"}><H class="step__title" ref={head} tabIndex={-1}>{title}</H>{children}</div>;
}

/** So that a password manager knows whose passphrase is asked for. */
export const Whose = ({ email }: { email: string }) => <input class="unseen" type="email" autocomplete="username" value={email} readOnly tabIndex={-1} aria-hidden="true" />;

/** What the meeting will need of the line, said at the door. The number of people comes with the room; the rest is reckoned here. */
import { useEffect, useState } from "preact/hooks";
import { count, Icon } from "@huisclos/ui-kit";
import { layout } from "../stage/view.ts";
import { callWords } from "../words/call.ts";
import type { Budget } from "../api/index.ts";
import { estimate, megabits, mostUp, share, sharing, type View } from "./estimate.ts";

/** For a room in which nobody is yet. */
const usual = 10;
const others = [2, 5, 10, 25, 100];

const look = () => ({ width: innerWidth, height: innerHeight, pixelRatio: devicePixelRatio });
/** A window that is moved to another screen may change its pixel ratio, which comes as a resize too. */
function useWindow(): Omit<View, "layout"> {
  const [size, setSize] = useState(look);
  useEffect(() => {
    const changed = () => setSize(look());
    addEventListener("resize", changed);
    return () => removeEventListener("resize", changed);
  }, []);
  return size;
}

const said = (rate: number) => count(megabits(rate));

export function Line({ inside, budget, children }: { inside: number; budget: Budget | undefined; children: preact.ComponentChildren }) {
  const t = callWords.value.line;
  const view: View = { ...useWindow(), layout: layout.value };
  const people = inside > 0 ? inside + 1 : usual, need = estimate(people, view, undefined, budget);
  const bounded = need.down < estimate(people, view).down;
  return (
    <div class="line small">
      <Icon name="activity" size="s" />
      <div class="line__text">
        <p class="muted figures">{(inside > 0 ? t.now : t.empty)(people, said(need.down), said(need.up))}{bounded && ` ${t.bounded(said(share(people, budget)))}`}</p>
        <details>
          <summary>{t.more}</summary>
          <table class="line__table figures">
            <caption class="unseen">{t.caption}</caption>
            <thead><tr><th scope="col">{t.people}</th><th scope="col">{t.down}</th><th scope="col">{t.up}</th></tr></thead>
            <tbody>
              {others.map((n) => {
                const e = estimate(n, view, undefined, budget);
                return <tr key={n}><th scope="row">{count(n)}</th><td>{said(e.down)}{"\u00a0"}{t.unit}</td><td>{said(e.up)}{"\u00a0"}{t.unit}</td></tr>;
              })}
            </tbody>
          </table>
          <p class="muted">{t.basis} {t.grows(said(mostUp), said(sharing))} {t.less}</p>
        </details>
        <p>{children}</p>
      </div>
    </div>
  );
}

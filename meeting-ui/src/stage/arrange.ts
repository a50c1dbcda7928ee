/** Which tiles stand where: who is there, what the person chose and the space give the picture. No DOM. */
import type { Person, Tile } from "../call/state.ts";
import { capacity, floating, grid, split, stripCapacity, type Corner, type Rect, type Space } from "./layout.ts";
import type { Layout } from "./view.ts";

/** What of a person decides about places: the estimate before a call seats people who are nobody yet. */
export type Seat = Pick<Person, "key" | "leaf" | "me" | "cam" | "screen" | "screenStream">;
export interface Item<P extends Seat = Person> { id: string; person: P; kind: "camera" | "screen" }
export interface Placed<P extends Seat = Person> extends Item<P> {
  rect: Rect;
  main: boolean;
  floats: boolean;
  /** Width low in a corner that the own picture covers: name and states stand beside it. */
  covered?: { start: number; end: number };
}
export interface Picture<P extends Seat = Person> { tiles: Placed<P>[]; page: number; pages: number; alone: boolean }

export interface Wish<P extends Seat = Person> {
  people: readonly P[];
  layout: Layout | null;
  pinned: string | null;
  /** Leaf of the last person heard, not oneself. */
  speaker: number | null;
  corner: Corner;
  page: number;
}

/** A phone, upright or lying: one picture fills it. */
export const compact = (space: Space) => space.width < 600 || space.height < 400;

export function arrange<P extends Seat>(wish: Wish<P>, space: Space): Picture<P> {
  const me = wish.people.find((p) => p.me);
  const others = wish.people.filter((p) => !p.me);
  const mine: Item<P> | null = me ? { id: `${me.key}:camera`, person: me, kind: "camera" } : null;
  const cameras: Item<P>[] = others.map((person) => ({ id: `${person.key}:camera`, person, kind: "camera" }));
  const screens: Item<P>[] = others.filter((p) => p.screen && p.screenStream).map((person) => ({ id: `${person.key}:screen`, person, kind: "screen" }));
  const small = compact(space);
  const whole: Rect = { x: 0, y: 0, ...space };
  const float = (over: Rect): Placed<P>[] => (mine ? [{ ...mine, rect: floating(wish.corner, over), main: false, floats: true }] : []);
  const under = (rect: Rect): Placed["covered"] => {
    const own = floating(wish.corner, rect);
    return {
      start: mine && wish.corner === "bottom-left" ? own.x + own.width - rect.x : 0,
      end: mine && wish.corner === "bottom-right" ? rect.x + rect.width - own.x : 0,
    };
  };

  if (others.length === 0) return { tiles: float(whole), page: 0, pages: 1, alone: true };

  const layout = wish.layout ?? (small ? "speaker" : "grid");
  const all = [...screens, ...cameras];
  let focus = all.find((i) => i.id === wish.pinned) ?? screens[0] ?? null;
  if (!focus && layout === "speaker") focus = cameras.find((i) => i.person.leaf === wish.speaker) ?? cameras[0] ?? null;

  if (focus) {
    const rest = all.filter((i) => i !== focus);
    if (small || rest.length === 0) {
      const rect = focus.kind === "screen" || small ? whole : (grid(1, space)[0] ?? whole);
      return { tiles: [{ ...focus, rect, main: true, floats: false, covered: under(rect) }, ...float(rect)], page: 0, pages: 1, alone: false };
    }
    if (mine) rest.push(mine);
    const size = stripCapacity(space);
    const { page, pages, shown } = paged(rest, wish.page, size);
    const { main, others: rects } = split(shown.length, space);
    return {
      tiles: [{ ...focus, rect: main, main: true, floats: false }, ...shown.map((i, n) => ({ ...i, rect: rects[n] ?? main, main: false, floats: false }))],
      page, pages, alone: false,
    };
  }

  // Two people: the other one large, oneself in a corner.
  if (cameras.length === 1) {
    const rect = grid(1, space)[0] ?? whole;
    return { tiles: [...cameras.map((i) => ({ ...i, rect, main: true, floats: false, covered: under(rect) })), ...float(rect)], page: 0, pages: 1, alone: false };
  }
  const items = mine ? [...cameras, mine] : cameras;
  const { page, pages, shown } = paged(items, wish.page, capacity(space));
  const rects = grid(shown.length, space);
  return { tiles: shown.map((i, n) => ({ ...i, rect: rects[n] ?? { x: 0, y: 0, width: 0, height: 0 }, main: false, floats: false })), page, pages, alone: false };
}

function paged<P extends Seat>(items: Item<P>[], page: number, size: number): { page: number; pages: number; shown: Item<P>[] } {
  const pages = Math.max(1, Math.ceil(items.length / size));
  const here = Math.min(page, pages - 1);
  return { page: here, pages, shown: items.slice(here * size, here * size + size) };
}

/** What to ask the server for: a height for each picture of another person that is on screen. */
export function wanted(tiles: readonly Placed<Seat>[], pixelRatio: number): Tile[] {
  return tiles
    .filter((t) => !t.person.me && (t.kind === "screen" || t.person.cam))
    .map((t) => ({ leaf: t.person.leaf, kind: t.kind, height: Math.round(t.rect.height * pixelRatio) }));
}

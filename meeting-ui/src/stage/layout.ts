/**
 * Where each tile stands: a pure function of the space and of who is there, so that pictures only move when they must.
 * All lengths are CSS pixels. Tiles never leave the space and never overlap.
 */
export interface Space { width: number; height: number }
export interface Rect { x: number; y: number; width: number; height: number }

/** A picture keeps a shape between a portrait phone's and a wide camera's. */
const widest = 16 / 9, tallest = 3 / 4;
/** In a wide space faces side by side are cut less: there a tile is at most square. */
const shapeOf = (space: Space) => (space.width > space.height ? 1 : tallest);
export const gap = 8;
/** Smaller than this a face says nothing: the rest goes to the next page. */
const smallest: Space = { width: 148, height: 110 };
/** Long side of a picture in the strip beside or below the main one. */
const strip = 216;

/** Height of the largest rectangle of an allowed shape inside a cell. */
function fit(cell: Space, narrowest: number): Space {
  let { width, height } = cell;
  if (width / height > widest) width = height * widest;
  else if (width / height < narrowest) height = width / narrowest;
  return { width, height };
}

interface Grid { columns: number; rows: number; tile: Space }

/** The number of columns that gives the largest tiles. */
function best(n: number, space: Space): Grid {
  let found: Grid = { columns: 1, rows: n, tile: { width: 0, height: 0 } };
  for (let columns = 1; columns <= n; columns++) {
    const rows = Math.ceil(n / columns);
    const cell = { width: (space.width - gap * (columns - 1)) / columns, height: (space.height - gap * (rows - 1)) / rows };
    if (cell.width <= 0 || cell.height <= 0) continue;
    const tile = fit(cell, shapeOf(space));
    if (tile.width * tile.height > found.tile.width * found.tile.height + 1) found = { columns, rows, tile };
  }
  return found;
}

/** How many tiles of the grid fit on one page. */
export function capacity(space: Space): number {
  const columns = Math.max(1, Math.floor((space.width + gap) / (smallest.width + gap)));
  const rows = Math.max(1, Math.floor((space.height + gap) / (smallest.height + gap)));
  return Math.min(columns * rows, 25);
}

/** Equal tiles, centred; a last row that is not full is centred too. */
export function grid(n: number, space: Space): Rect[] {
  if (n === 0 || space.width <= 0 || space.height <= 0) return [];
  const { columns, rows, tile } = best(n, space);
  const top = (space.height - (rows * tile.height + (rows - 1) * gap)) / 2;
  return Array.from({ length: n }, (_, i) => {
    const row = Math.floor(i / columns);
    const here = row === rows - 1 ? n - row * columns : columns;
    const left = (space.width - (here * tile.width + (here - 1) * gap)) / 2;
    return { x: left + (i % columns) * (tile.width + gap), y: top + row * (tile.height + gap), width: tile.width, height: tile.height };
  });
}

export interface Split { main: Rect; others: Rect[] }

/** How many pictures the strip holds beside or below the main one. */
export function stripCapacity(space: Space): number {
  return beside(space)
    ? Math.max(1, Math.floor((space.height + gap) / (stripTile(space).height + gap)))
    : Math.max(1, Math.floor((space.width + gap) / (stripTile(space).width + gap)));
}

const beside = (space: Space) => space.width >= space.height * 1.2;

function stripTile(space: Space): Space {
  if (beside(space)) {
    const width = Math.min(strip, Math.max(smallest.width, space.width * 0.2));
    return { width, height: width / widest };
  }
  const width = Math.min(strip, Math.max(104, space.width * 0.3));
  return { width, height: width * 0.75 };
}

/** One large picture and a strip of small ones: on the right where it is wide, below where it is tall. */
export function split(n: number, space: Space): Split {
  const whole = { x: 0, y: 0, width: space.width, height: space.height };
  if (n === 0) return { main: whole, others: [] };
  const tile = stripTile(space);
  const count = Math.min(n, stripCapacity(space));
  if (beside(space)) {
    const x = space.width - tile.width;
    const top = (space.height - (count * tile.height + (count - 1) * gap)) / 2;
    return {
      main: { ...whole, width: x - gap },
      others: Array.from({ length: count }, (_, i) => ({ x, y: top + i * (tile.height + gap), ...tile })),
    };
  }
  const y = space.height - tile.height;
  const left = (space.width - (count * tile.width + (count - 1) * gap)) / 2;
  return {
    main: { ...whole, height: y - gap },
    others: Array.from({ length: count }, (_, i) => ({ x: left + i * (tile.width + gap), y, ...tile })),
  };
}

export type Corner = "top-left" | "top-right" | "bottom-left" | "bottom-right";

/** The own picture when it floats: small, in one of the four corners of the picture below it. */
export function floating(corner: Corner, space: Rect): Rect {
  const portrait = space.height > space.width;
  const width = portrait ? Math.min(112, space.width * 0.3) : Math.min(232, Math.max(120, space.width * 0.18));
  const height = portrait ? width / tallest : width / widest;
  const inset = 12;
  return {
    x: space.x + (corner.endsWith("left") ? inset : space.width - width - inset),
    y: space.y + (corner.startsWith("top") ? inset : space.height - height - inset),
    width, height,
  };
}

/** The corner nearest to where the own picture was let go. */
export function nearest(x: number, y: number, space: Space): Corner {
  return `${y < space.height / 2 ? "top" : "bottom"}-${x < space.width / 2 ? "left" : "right"}`;
}

/** A native table: sorting says so (aria-sort), a phone gets cards, paging is the server's (a cursor each way). */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Icon } from "./icon.tsx";
import { IconButton } from "./button.tsx";
import { kit } from "./words.ts";

export interface Column<T> {
  id: string;
  name: string;
  cell: (row: T) => ComponentChildren;
  /** Gives the order; without it the column does not sort. */
  order?: (a: T, b: T) => number;
  number?: boolean;
  /** The column of acts: its name is only for assistive technology. */
  quiet?: boolean;
}

export function Table<T>({ caption, columns, rows, rowKey, first }: { caption: string; columns: readonly Column<T>[]; rows: readonly T[]; rowKey: (row: T) => string; first?: string }) {
  const [by, setBy] = useState<{ id: string; down: boolean } | null>(first ? { id: first, down: false } : null);
  const order = by && columns.find((c) => c.id === by.id)?.order;
  const sorted = order ? [...rows].sort((a, b) => (by.down ? -order(a, b) : order(a, b))) : rows;
  const sort = (id: string) => setBy({ id, down: by?.id === id ? !by.down : false });
  return (
    <div class="table-box" role="region" aria-label={caption} tabIndex={0}>
      <table class="table table--cards">
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((c) => (
              <th key={c.id} scope="col" class={c.number ? "table__number" : undefined}
                aria-sort={c.order ? (by?.id === c.id ? (by.down ? "descending" : "ascending") : "none") : undefined}>
                {c.order
                  ? <button type="button" class="table__sort" onClick={() => sort(c.id)}>{c.name}<Icon name={by?.id === c.id && by.down ? "arrow-down" : "arrow-up"} size="s" /></button>
                  : c.quiet ? <span class="unseen">{c.name}</span> : c.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map((c) => <td key={c.id} class={c.number ? "table__number" : undefined} data-name={c.quiet ? "" : c.name}>{c.cell(row)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Pager({ page, onPrevious, onNext }: { page: number; onPrevious: (() => void) | null; onNext: (() => void) | null }) {
  if (!onPrevious && !onNext) return null;
  return (
    <nav class="pager" aria-label={kit.value.page(page)}>
      <IconButton name={kit.value.previous} icon="chevron-left" disabled={!onPrevious} onClick={() => onPrevious?.()} />
      <span class="muted figures">{kit.value.page(page)}</span>
      <IconButton name={kit.value.next} icon="chevron-right" disabled={!onNext} onClick={() => onNext?.()} />
    </nav>
  );
}

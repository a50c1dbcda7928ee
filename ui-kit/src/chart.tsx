/** A small chart of values over time: labelled, with its unit, and a table of the same values for whoever would rather read. It does not move. */
import { useId, useState } from "preact/hooks";
import { Button } from "./button.tsx";
import { date, dateTime, time } from "./i18n.ts";
import { fewer, scaleEnd, strokes } from "./scale.ts";
import { Table, type Column } from "./table.tsx";
import { kit } from "./words.ts";

export interface Line { id: string; name: string; values: readonly (number | null)[] }

export interface ChartProps {
  title: string;
  /** Unix seconds at which each value's step begins, ascending; steps without a value are left out. */
  times: readonly number[];
  /** Of a value, in seconds. */
  step: number;
  from: number;
  to: number;
  lines: readonly Line[];
  /** A value in words, with its unit. */
  unit: (n: number) => string;
  bars?: boolean;
  /** The scale reaches at least so far. */
  least?: number;
}

const width = 600, height = 150, day = 86400;

export function Chart({ title, times, step, from, to, lines, unit, bars, least = 0 }: ChartProps) {
  const [table, setTable] = useState(false);
  const id = useId();
  const all = lines.flatMap((l) => l.values.filter((v): v is number => v !== null));
  const end = scaleEnd(Math.max(least, ...all));
  const x = (t: number) => ((t - from) / Math.max(1, to - from)) * width;
  const y = (v: number) => height - (v / end) * (height - 2) - 1;
  const when = (t: number) => (step >= day ? date(t * 1000) : to - from > day ? dateTime(t * 1000) : time(t * 1000));
  const last = (l: Line) => l.values.findLast((v) => v !== null) ?? null;
  const said = lines.map((l) => { const v = last(l); return `${lines.length > 1 ? `${l.name} ` : ""}${v === null ? kit.value.chart.none : unit(v)}`; }).join(", ");
  return (
    <figure class="chart" aria-labelledby={id}>
      <figcaption class="chart__head">
        <span class="chart__title" id={id}>{title}</span>
        {all.length > 0 && <span class="chart__now figures">{said}</span>}
      </figcaption>
      {all.length === 0 ? <p class="muted small">{kit.value.chart.empty}</p> : table ? <ChartTable {...{ title, times, lines, unit, when }} /> : (
        <div class="chart__box">
          <div class="chart__scale figures" aria-hidden="true"><span>{unit(end)}</span><span>{unit(0)}</span></div>
          <svg class="chart__plot" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={kit.value.chart.sum(title, unit(Math.min(...all)), unit(Math.max(...all)), said)}>
            <path class="chart__grid" d={`M0 1H${width}M0 ${height / 2}H${width}M0 ${height - 1}H${width}`} />
            {bars
              ? times.map((t, i) => { const v = lines[0]?.values[i] ?? null; return v === null ? null : <rect key={t} class="chart__bar" x={x(t) + 0.1 * x(from + step)} y={y(v)} width={Math.max(1, 0.8 * x(from + step))} height={Math.max(0, height - 1 - y(v))} />; })
              : lines.flatMap((l, n) => strokes(times, l.values, step, x, y).map((d, i) => <path key={`${l.id}${i}`} class={n === 0 ? "chart__line" : "chart__line chart__line--second"} d={d} />))}
          </svg>
          <div class="chart__times figures" aria-hidden="true"><span>{when(from)}</span><span>{when(bars ? to - step : to)}</span></div>
        </div>
      )}
      <div class="chart__foot">
        {lines.length > 1 && <ul class="chart__key" aria-hidden="true">{lines.map((l, n) => <li key={l.id} class={n === 0 ? "" : "chart__second"}>{l.name}</li>)}</ul>}
        {all.length > 0 && <Button look="quiet" aria-pressed={table} aria-label={`${kit.value.chart.table} : ${title}`} onClick={() => setTable(!table)}>{kit.value.chart.table}</Button>}
      </div>
    </figure>
  );
}

interface Row { at: number; values: (number | null)[] }

function ChartTable({ title, times, lines, unit, when }: Pick<ChartProps, "title" | "times" | "lines" | "unit"> & { when: (t: number) => string }) {
  const each = lines.map((l) => fewer(times, l.values, 48));
  const rows: Row[] = (each[0] ?? []).map((p, i) => ({ at: p.at, values: each.map((e) => e[i]?.value ?? null) }));
  const columns: Column<Row>[] = [
    { id: "at", name: kit.value.chart.when, cell: (r) => <span class="figures">{when(r.at)}</span>, order: (a, b) => a.at - b.at },
    ...lines.map((l, n): Column<Row> => ({ id: l.id, name: l.name, number: true, cell: (r) => { const v = r.values[n] ?? null; return v === null ? "–" : unit(v); }, order: (a, b) => (a.values[n] ?? -1) - (b.values[n] ?? -1) })),
  ];
  return <div class="chart__table"><Table caption={title} columns={columns} rows={rows} rowKey={(r) => String(r.at)} /></div>;
}

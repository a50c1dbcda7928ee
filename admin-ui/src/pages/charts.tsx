/** How the appliance was doing: charts of the series that it keeps, brought up to date while they are looked at. */
import { useState } from "preact/hooks";
import { Chart, Segments, Skeleton, type Line } from "@huisclos/ui-kit";
import type { ApiError } from "../api.ts";
import { asApiError, useEvery } from "../session.ts";
import { watch, type MeasureName, type Series, type Span } from "../watch.ts";
import { units, watchWords } from "../words/watch.ts";
import { Failed } from "./errors.tsx";

const spans: readonly Span[] = ["hour", "day", "week", "month", "year"];

export function Charts() {
  const t = watchWords.value;
  const [span, setSpan] = useState<Span>("day");
  const [got, setGot] = useState<{ span: Span; series: Series } | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const load = async () => {
    try { setGot({ span, series: await watch.series(span) }); setError(null); } catch (e) { setError(asApiError(e)); }
  };
  // A minute is the finest step that is kept.
  useEvery(60_000, load, [span]);
  const series = got?.span === span ? got.series : null;
  return (
    <section aria-labelledby="part-past" class="stack">
      <h2 id="part-past" class="part-title">{t.past}</h2>
      <Segments label={t.span} value={span} options={spans.map((value) => ({ value, label: t.spans[value] }))} onChange={setSpan} />
      {series ? <Drawn series={series} /> : error ? <Failed error={error} onRetry={() => void load()} /> : <Skeleton lines={6} />}
    </section>
  );
}

function Drawn({ series }: { series: Series }) {
  const t = watchWords.value.charts;
  const line = (id: MeasureName, name: string, most = false): Line => ({ id, name, values: series.values[id][most ? "most" : "mean"] });
  const time = { times: series.times, step: series.step, from: Date.parse(series.from) / 1000, to: Date.parse(series.to) / 1000 };
  return (
    <div class="charts">
      <Chart {...time} title={t.people} unit={units.number} least={5} lines={[line("people", t.peopleLine, true), line("calls", t.callsLine, true)]} />
      <Chart {...time} title={t.band} unit={units.rate} least={100_000} lines={[line("sent", t.sent), line("received", t.received)]} />
      <Chart {...time} title={t.refused} unit={units.packets} lines={[line("refused", t.refusedLine)]} />
      <Chart {...time} title={t.cpu} unit={units.part} least={1} lines={[line("cpu", t.cpuLine), line("load", t.load)]} />
    </div>
  );
}

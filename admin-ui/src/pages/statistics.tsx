/** How much the appliance is used: by day, by size, by group, and the token with which monitoring reads its figures. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Button, Chart, count, date, Empty, Input, Notice, Skeleton, Table, type Column } from "@huisclos/ui-kit";
import type { ApiError } from "../api.ts";
import { asApiError } from "../session.ts";
import { Head } from "../shell.tsx";
import { before, classesOf, csv, sumsOf } from "../usage.ts";
import { watch, type Day, type GroupUsage, type Usage } from "../watch.ts";
import { units, watchWords } from "../words/watch.ts";
import { Failed } from "./errors.tsx";
import { MetricsToken } from "./metrics-token.tsx";

const today = () => new Date().toISOString().slice(0, 10);

export function Statistics() {
  const t = watchWords.value.stats;
  const [from, setFrom] = useState(() => before(today(), 29));
  const [to, setTo] = useState(today);
  const [usage, setUsage] = useState<Usage | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const turn = useRef(0);
  const length = (Date.parse(to) - Date.parse(from)) / 86_400_000, wrong = !(length >= 0 && length <= 400);
  const load = async () => {
    const mine = ++turn.current;
    try {
      const got = await watch.usage(from, to);
      if (mine === turn.current) { setUsage(got); setError(null); }
    } catch (e) { if (mine === turn.current) setError(asApiError(e)); }
  };
  useEffect(() => { if (!wrong) void load(); }, [from, to]);
  const download = () => {
    if (!usage) return;
    const sizes = classesOf(usage.sizes).map((c) => `${t.calls} ${t.sizeOf(c.low, c.high)}`);
    const rows = [[t.day, t.calls, t.people, t.hours, t.most, ...sizes], ...usage.days.map((d) => [d.date, d.calls, d.people, (d.minutes / 60).toFixed(2), d.most, ...d.sizes])];
    const url = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv;charset=utf-8" }));
    const a = document.createElement("a");
    a.href = url;
    a.download = `${t.file}-${from}-${to}.csv`;
    a.click();
    URL.revokeObjectURL(url);
  };
  return (
    <>
      <Head title={t.title} />
      <div class="stack stack--loose">
        <p class="muted">{t.text}</p>
        <div class="row row--wrap statistics__dates">
          <Input label={t.from} type="date" required max={to} value={from} onValue={setFrom} />
          <Input label={t.to} type="date" required min={from} value={to} onValue={setTo} />
          <Button icon="download" disabled={!usage || usage.days.length === 0} onClick={download}>{t.csv}</Button>
        </div>
        {wrong ? <Notice tone="attention" live><p>{t.wrong}</p></Notice>
          : error ? <Failed error={error} onRetry={() => void load()} />
          : !usage ? <Skeleton lines={6} />
          : usage.days.length === 0 ? <Empty title={t.none}><p>{t.noneText}</p></Empty>
          : <Shown usage={usage} from={from} to={to} />}
        <MetricsToken />
      </div>
    </>
  );
}

function Shown({ usage, from, to }: { usage: Usage; from: string; to: string }) {
  const t = watchWords.value.stats;
  const sums = sumsOf(usage.days);
  const day = 86_400, at = (d: string) => Date.parse(`${d}T00:00:00Z`) / 1000;
  const time = { times: usage.days.map((d) => at(d.date)), step: day, from: at(from), to: at(to) + day, bars: true };
  const days: Column<Day>[] = [
    { id: "date", name: t.day, cell: (d) => <span class="figures">{date(d.date)}</span>, order: (a, b) => (a.date < b.date ? -1 : 1) },
    { id: "calls", name: t.calls, number: true, cell: (d) => count(d.calls), order: (a, b) => a.calls - b.calls },
    { id: "people", name: t.people, number: true, cell: (d) => count(d.people), order: (a, b) => a.people - b.people },
    { id: "hours", name: t.hours, number: true, cell: (d) => units.hours(d.minutes), order: (a, b) => a.minutes - b.minutes },
    { id: "most", name: t.most, number: true, cell: (d) => count(d.most), order: (a, b) => a.most - b.most },
  ];
  const sizes = classesOf(usage.sizes).map((c, i) => ({ ...c, n: sums.sizes[i] ?? 0 }));
  const groups: Column<GroupUsage>[] = [
    { id: "name", name: t.group, cell: (g) => g.name || <span class="muted">{t.gone}</span>, order: (a, b) => a.name.localeCompare(b.name) },
    { id: "days", name: t.groupDays, number: true, cell: (g) => count(g.days), order: (a, b) => a.days - b.days },
    { id: "people", name: t.groupPeople, number: true, cell: (g) => count(g.people), order: (a, b) => a.people - b.people },
    { id: "hours", name: t.groupHours, number: true, cell: (g) => units.hours(g.minutes), order: (a, b) => a.minutes - b.minutes },
  ];
  return (
    <>
      <dl class="figures-grid statistics__totals">
        <Total name={t.total.calls} value={count(sums.calls)} />
        <Total name={t.total.hours} value={units.hours(sums.minutes)} />
        <Total name={t.total.most} value={count(sums.most)} />
        <Total name={t.total.people} value={count(sums.people)} />
      </dl>
      <div class="charts">
        <Chart {...time} title={t.perDayCalls} unit={units.number} least={5} lines={[{ id: "calls", name: t.calls, values: usage.days.map((d) => d.calls) }]} />
        <Chart {...time} title={t.perDayHours} unit={(n) => units.hours(n * 60)} least={5} lines={[{ id: "hours", name: t.hours, values: usage.days.map((d) => d.minutes / 60) }]} />
      </div>
      <div><h2 class="part-title">{t.days}</h2><Table caption={t.days} columns={days} rows={[...usage.days].reverse()} rowKey={(d) => d.date} /></div>
      <div>
        <h2 class="part-title">{t.sizes}</h2>
        <Table caption={t.sizes} rows={sizes} rowKey={(s) => String(s.low)} columns={[
          { id: "size", name: t.size, cell: (s) => <span class="figures">{t.sizeOf(s.low, s.high)}</span> },
          { id: "calls", name: t.calls, number: true, cell: (s) => count(s.n) },
          { id: "share", name: t.share, number: true, cell: (s) => units.part(sums.calls ? s.n / sums.calls : 0) },
        ]} />
      </div>
      <div class="stack">
        <h2 class="part-title">{t.groups}</h2>
        <p class="muted small">{t.groupText(usage.floor)}</p>
        {usage.groups.length === 0 ? <p>{t.noGroups}</p> : <Table caption={t.groups} columns={groups} rows={usage.groups} rowKey={(g) => g.group} />}
      </div>
    </>
  );
}

function Total({ name, value }: { name: string; value: string }) {
  return <div class="figure"><dt>{name}</dt><dd class="figures">{value}</dd></div>;
}

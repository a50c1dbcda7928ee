/** The service's own messages, live, and how much is written for a time. */
import { useState } from "preact/hooks";
import { Badge, Button, dateTime, Empty, exactTime, Input, lang, Select, Skeleton, Table, toast, type Column } from "@huisclos/ui-kit";
import { admin, type ApiError, type LogLevel, type LogLine, type ServiceLog } from "../api.ts";
import { asApiError, useEvery } from "../session.ts";
import { Head } from "../shell.tsx";
import { logWords } from "../words/logs.ts";
import { Failed } from "./errors.tsx";

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];
const durations = [15, 60, 240, 1440];
const every = 3000;

export function Logs() {
  const t = logWords.value;
  const [level, setLevel] = useState<LogLevel>("info");
  const [text, setText] = useState("");
  const [paused, setPaused] = useState(false);
  const [log, setLog] = useState<ServiceLog | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const load = () => admin.serviceLog({ level, text: text.trim() }).then((l) => { setLog(l); setError(null); }, (e: unknown) => setError(asApiError(e)));
  useEvery(every, () => (paused && log ? Promise.resolve() : load()), [level, text, paused]);
  const choices = levels.map((l) => ({ value: l, label: t.levels[l] ?? l }));
  const columns: Column<LogLine>[] = [
    { id: "time", name: t.time, cell: (l) => <time class="figures nowrap" dateTime={l.time}>{exactTime(l.time)}</time> },
    { id: "level", name: t.grade, cell: (l) => <Badge tone={l.level === "error" || l.level === "warn" ? "attention" : undefined}>{t.levels[l.level]}</Badge> },
    { id: "part", name: t.part, cell: (l) => <code lang="en">{l.part ?? ""}</code> },
    { id: "message", name: t.message, cell: (l) => <span class="any" lang="en">{l.message}{l.detail && <><br /><code class="small any">{l.detail}</code></>}</span> },
  ];
  return (
    <>
      <Head title={t.title} />
      <p class="muted lead">{t.text}</p>
      <div class="stack stack--loose">
        <div class="row row--wrap row--top">
          <Select label={t.level} value={level} options={choices} onValue={(v) => { setLog(null); setLevel(v as LogLevel); }} />
          <Input label={t.search} hint={t.searchHint} value={text} maxLength={200} onValue={(v) => setText(v)} />
        </div>
        <div class="row row--wrap">
          <Button onClick={() => setPaused(!paused)}>{paused ? t.goOn : t.pause}</Button>
          {log && log.lines.length > 0 && <p class="muted small">{t.shown(log.lines.length)}</p>}
          {paused && <p class="muted" role="status">{t.paused}</p>}
        </div>
        {error && !log ? <Failed error={error} onRetry={() => void load()} />
          : !log ? <Skeleton lines={8} />
          : log.lines.length === 0 ? <Empty title={t.none}><p>{t.noneText}</p></Empty>
          : <Table caption={t.title} columns={columns} rows={log.lines} rowKey={(l) => String(l.number)} />}
        {log && <Writing log={log} onChange={(l) => setLog({ ...log, ...l, until: l.until })} />}
      </div>
    </>
  );
}

function Writing({ log, onChange }: { log: ServiceLog; onChange: (l: Pick<ServiceLog, "level" | "settled" | "until">) => void }) {
  const t = logWords.value, name = (l: LogLevel) => t.levels[l] ?? l;
  const [level, setLevel] = useState<LogLevel>("debug");
  const [minutes, setMinutes] = useState("60");
  const [busy, setBusy] = useState(false);
  const set = async (to: LogLevel | "", during: number) => {
    setBusy(true);
    try { onChange(await admin.setLogLevel(to, during)); toast(to ? t.changed : t.isBack); } catch (cause) { toast(asApiError(cause).text(lang.value), "circle-alert"); }
    setBusy(false);
  };
  return (
    <section class="card stack" aria-labelledby="log-writing">
      <h2 id="log-writing" class="part-title">{t.writing}</h2>
      <p>{log.until ? t.until(name(log.level), dateTime(log.until)) : t.writes(name(log.level))}{log.level !== log.settled && <> {t.other(name(log.settled))}</>}</p>
      <div class="row row--wrap">
        <Select label={t.change} value={level} options={levels.map((l) => ({ value: l, label: name(l) }))} onValue={(v) => setLevel(v as LogLevel)} />
        <Select label={t.during} value={minutes} options={durations.map((n) => ({ value: String(n), label: t.minutes(n) }))} onValue={setMinutes} />
      </div>
      <p class="row row--wrap">
        <Button busy={busy} onClick={() => void set(level, Number(minutes))}>{t.apply}</Button>
        {log.level !== log.settled && <Button busy={busy} onClick={() => void set("", 0)}>{t.back}</Button>}
      </p>
      <p class="muted small">{t.recorded}</p>
    </section>
  );
}

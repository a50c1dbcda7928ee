/** Updates: what is installed, a signed file that is brought in and then installed, the way back, and how the last ones ended. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Badge, Button, Confirm, date, dateTime, Field, lang, Notice, Skeleton, toast } from "@huisclos/ui-kit";
import type { ApiError } from "../api.ts";
import { updates, type Past, type UpdateFile, type UpdatesState } from "../api-updates.ts";
import { asApiError, useEvery } from "../session.ts";
import { Head } from "../shell.tsx";
import { updateWords } from "../words/updates.ts";
import { Failed } from "./errors.tsx";

type Act = () => Promise<UpdatesState>;

export function Updates() {
  const t = updateWords.value;
  const [state, setState] = useState<UpdatesState | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const [refused, setRefused] = useState<string | null>(null);
  const load = async () => {
    try { setState(await updates.state()); setFailed(null); } catch (e) { setFailed(asApiError(e)); }
  };
  useEffect(() => { void load(); }, []);
  useEvery(state?.asked || failed ? 2_000 : 15_000, load);
  const act = async (f: Act, done?: string) => {
    setRefused(null);
    try {
      setState(await f());
      if (done) toast(done);
    } catch (e) {
      setRefused(asApiError(e).text(lang.value));
      await load();
    }
  };
  if (!state) return <><Head title={t.title} />{failed ? <Failed error={failed} onRetry={() => void load()} /> : <Skeleton lines={6} />}</>;
  return (
    <>
      <Head title={t.title} />
      <p class="muted lead">{t.lead}</p>
      <div class="stack stack--loose">
        {failed && (state.asked ? <Notice live><p>{t.away}</p></Notice> : <Failed error={failed} onRetry={() => void load()} />)}
        {state.asked && <Notice tone="attention" live><p>{state.asked.act === "apply" ? t.running(state.asked.version) : t.runningBack(state.asked.version)}</p></Notice>}
        {refused && <Notice tone="danger" title={t.failed} live><p>{refused}</p></Notice>}
        <Here state={state} />
        {!state.console && <Notice><p class="any">{t.closed}</p></Notice>}
        {state.waiting && <Waiting state={state} file={state.waiting} act={act} />}
        {state.console && !state.asked && <Bring act={act} />}
        <Source state={state} act={act} />
        <Former state={state} act={act} />
        <History past={state.past} />
      </div>
    </>
  );
}

function Here({ state: s }: { state: UpdatesState }) {
  const t = updateWords.value;
  return (
    <section class="card stack" aria-labelledby="updates-here">
      <h2 id="updates-here" class="part-title">{t.here}</h2>
      <dl class="facts">
        <dt>{t.version}</dt><dd>{s.version}</dd>
        <dt>{t.machine}</dt><dd>{s.architecture}</dd>
        <dt>{t.database}</dt><dd>{s.database}</dd>
        <dt>{t.keys}</dt><dd class="any">{s.keys.length === 0 ? t.noKeys : s.keys.map((k) => `${k.id} (${k.name})`).join(", ")}</dd>
      </dl>
      {s.keysWrong && <Notice tone="danger" title={t.keysWrong}><p class="any">{s.keysWrong}</p></Notice>}
    </section>
  );
}

function Bring({ act }: { act: (f: Act) => Promise<void> }) {
  const t = updateWords.value;
  const input = useRef<HTMLInputElement>(null);
  const [file, setFile] = useState<File | null>(null);
  const [busy, setBusy] = useState(false);
  const send = async (e: Event) => {
    e.preventDefault();
    if (!file || busy) return;
    setBusy(true);
    await act(() => updates.bring(file));
    setBusy(false);
    setFile(null);
    if (input.current) input.current.value = "";
  };
  return (
    <section class="stack" aria-labelledby="updates-bring">
      <h2 id="updates-bring" class="part-title">{t.bring}</h2>
      <form class="stack" onSubmit={(e) => void send(e)}>
        <Field label={t.file} hint={t.fileHint}>{(tied) => <div class="field__box"><input {...tied} ref={input} class="input import__file" type="file" accept=".update" disabled={busy} onChange={(e) => setFile(e.currentTarget.files?.[0] ?? null)} /></div>}</Field>
        <div class="row"><Button type="submit" look="primary" disabled={!file || busy}>{busy ? t.checking : t.check}</Button></div>
      </form>
    </section>
  );
}

function FileFacts({ file: f }: { file: UpdateFile }) {
  const t = updateWords.value;
  const notes = f[lang.value] ?? f.fr ?? f.en;
  return (
    <>
      {f.refused && <Notice tone="danger" title={t.refusedFile}><p class="any">{lang.value === "fr" ? f.refusedFr : f.refusedEn}</p></Notice>}
      {f.version && (
        <dl class="facts">
          <dt>{t.version}</dt><dd>{f.version}</dd>
          {f.made && <><dt>{t.made}</dt><dd>{date(f.made)}</dd></>}
          <dt>{t.migration}</dt><dd>{f.migrates ? t.to(f.database ?? 0) : t.none}</dd>
          <dt>{t.signedBy}</dt><dd class="any">{f.key} ({f.keyName})</dd>
          <dt>{t.sum}</dt><dd><code class="any small">{f.sha256}</code></dd>
          <dt>{t.size}</dt><dd>{new Intl.NumberFormat(lang.value, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 }).format(f.size / 1e6)}</dd>
        </dl>
      )}
      {notes && <div><h3 class="part-title">{t.notes}</h3>{notes.split("\n").map((line, i) => line.trim() !== "" && <p key={i} class="any">{line}</p>)}</div>}
    </>
  );
}

function Waiting({ state: s, file, act }: { state: UpdatesState; file: UpdateFile; act: (f: Act, done?: string) => Promise<void> }) {
  const t = updateWords.value;
  const [asked, setAsked] = useState(false);
  const version = file.version ?? "", sum = file.sha256 ?? "";
  return (
    <section class="card stack" aria-labelledby="updates-waiting">
      <h2 id="updates-waiting" class="part-title">{t.waiting}</h2>
      <FileFacts file={file} />
      {!s.asked && (
        <div class="row row--wrap">
          {!file.refused && s.console && <Button look="primary" onClick={() => setAsked(true)}>{t.install(version)}</Button>}
          <Button onClick={() => void act(updates.drop, t.dropped)}>{t.drop}</Button>
        </div>
      )}
      <Confirm open={asked} title={t.installTitle(version)} act={t.install(version)} onClose={() => setAsked(false)}
        onAct={async () => { setAsked(false); await act(() => updates.apply(sum), t.asked); }}>
        <p>{t.installText}</p>
        {s.calls > 0 && <p><strong>{t.calls(s.calls, s.people)}</strong></p>}
      </Confirm>
    </section>
  );
}

function Source({ state: s, act }: { state: UpdatesState; act: (f: Act) => Promise<void> }) {
  const t = updateWords.value;
  return (
    <section class="stack" aria-labelledby="updates-source">
      <h2 id="updates-source" class="part-title">{t.source}</h2>
      {s.source === "" ? <p class="muted">{t.sourceNone}</p> : <p class="any muted">{s.source}</p>}
      {s.sourceWrong && <Notice tone="danger" title={t.sourceWrong}><p class="any">{s.sourceWrong}</p></Notice>}
      {s.source !== "" && s.found.length === 0 && !s.sourceWrong && <p>{t.sourceEmpty}</p>}
      {s.found.map((f) => (
        <div key={f.name} class="card stack">
          <p class="any"><strong>{f.name}</strong></p>
          <FileFacts file={f} />
          {!f.refused && s.console && !s.asked && <div class="row"><Button onClick={() => void act(() => updates.fetch(f.name))}>{t.take(f.name)}</Button></div>}
        </div>
      ))}
    </section>
  );
}

function Former({ state: s, act }: { state: UpdatesState; act: (f: Act, done?: string) => Promise<void> }) {
  const t = updateWords.value, f = s.former;
  const [asked, setAsked] = useState(false);
  return (
    <section class="card stack" aria-labelledby="updates-former">
      <h2 id="updates-former" class="part-title">{t.former}</h2>
      {!f ? <p>{t.formerNone}</p> : (
        <>
          <dl class="facts"><dt>{t.version}</dt><dd>{f.version}</dd><dt>{t.formerKept}</dt><dd>{dateTime(f.kept)}</dd><dt>{t.formerUntil}</dt><dd>{date(f.until)}</dd></dl>
          {s.console && !s.asked && <div class="row"><Button look="danger" onClick={() => setAsked(true)}>{t.back(f.version)}</Button></div>}
          <Confirm open={asked} title={t.backTitle(f.version)} act={t.back(f.version)} onClose={() => setAsked(false)}
            onAct={async () => { setAsked(false); await act(() => updates.rollback(f.needsData), t.asked); }}>
            <p>{f.needsData ? t.backLoses(dateTime(f.kept)) : t.backKeeps}</p>
            {s.calls > 0 && <p><strong>{t.calls(s.calls, s.people)}</strong></p>}
          </Confirm>
        </>
      )}
    </section>
  );
}

const tones: Record<Past["result"], "accent" | "attention" | "danger"> = { applied: "accent", "rolled-back": "attention", refused: "attention", stuck: "danger" };

function History({ past }: { past: Past[] }) {
  const t = updateWords.value;
  return (
    <section class="stack" aria-labelledby="updates-past">
      <h2 id="updates-past" class="part-title">{t.past}</h2>
      {past.length === 0 && <p class="muted">{t.pastNone}</p>}
      <ul class="plain stack">
        {past.map((p) => (
          <li key={p.ended + p.to} class="card stack">
            <p class="row row--wrap"><Badge tone={tones[p.result]}>{t.results[p.result]}</Badge><span>{t.fromTo(p.from, p.to || "?")}</span><span class="muted">{dateTime(p.ended)}</span></p>
            {p.result === "stuck" ? <p>{t.stuck}</p> : p.reason && <p>{lang.value === "fr" ? p.fr : p.en}</p>}
            {p.data && <p>{t.data}</p>}
            {p.stopped > 0 && <p class="muted small">{t.stopped(p.stopped)}</p>}
            {p.detail && <details><summary>{t.detail}</summary><p class="any small">{p.detail}</p></details>}
          </li>
        ))}
      </ul>
    </section>
  );
}

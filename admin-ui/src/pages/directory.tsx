/** The organisation's directory: how its last reading went, what the next would do, and the order to read it now. */
import { useEffect, useState } from "preact/hooks";
import { ago, Button, Confirm, count, dateTime, Empty, lang, Notice, Skeleton, Table, toast, type Column } from "@huisclos/ui-kit";
import { admin, type ApiError, type Directory as State, type DirectoryFailure, type DirectoryReport, type Role } from "../api.ts";
import { asApiError, useEvery } from "../session.ts";
import { Head } from "../shell.tsx";
import { directoryWords } from "../words/directory.ts";
import { roleName } from "../words/roles.ts";
import { Failed } from "./errors.tsx";
import { ProviderPart } from "./provider.tsx";

/** Where accounts come from beside those made by hand. */
export function Directory() {
  return <><OfDirectory /><ProviderPart /></>;
}

function OfDirectory() {
  const t = directoryWords.value;
  const [state, setState] = useState<State | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [trial, setTrial] = useState<DirectoryReport | null>(null);
  const [busy, setBusy] = useState<"sync" | "dry" | null>(null);
  const [asked, setAsked] = useState(false);
  const load = () => admin.directory().then((s) => { setState(s); setFailed(null); }, (e: unknown) => setFailed(asApiError(e)));
  useEffect(() => { void load(); }, []);
  useEvery(10_000, load);
  const run = async (o: { dry?: boolean; anyway?: boolean }) => {
    if (busy) return;
    setBusy(o.dry ? "dry" : "sync");
    setError(null);
    setTrial(null);
    try {
      const { report, failure } = await admin.syncDirectory(o);
      if (failure) setError(o.dry ? `${failure[lang.value]} ${t.cause} ${failure.detail}` : null);
      else if (report && o.dry) setTrial(report);
      else if (report && !report.held) toast(t.done(changesIn(report)));
    } catch (cause) { setError(asApiError(cause).text(lang.value)); }
    await load();
    setAsked(false);
    setBusy(null);
  };
  if (!state) return <><Head title={t.title} />{failed ? <Failed error={failed} onRetry={() => void load()} /> : <Skeleton lines={5} />}</>;
  if (!state.configured) return <><Head title={t.title} /><Empty title={t.off}><p>{t.offText}</p></Empty></>;
  const r = state.report;
  return (
    <>
      <Head title={t.title}>
        <Button busy={busy === "dry"} disabled={busy === "sync"} onClick={() => void run({ dry: true })}>{t.dry}</Button>
        <Button look="primary" icon="refresh-cw" busy={busy === "sync"} disabled={busy === "dry"} onClick={() => void run({})}>{t.sync}</Button>
      </Head>
      <p class="muted lead">{t.lead}</p>
      <div class="stack stack--loose">
        {error && <Notice tone="danger" live><p>{error}</p></Notice>}
        {state.failure && <Failure of={state.failure} />}
        {r?.held && (
          <Notice tone="attention" title={t.held} live>
            <p>{t.heldText(r.missing, r.accounts)}</p>
            <div><Button look="warn" onClick={() => setAsked(true)}>{t.anyway}</Button></div>
          </Notice>
        )}
        {trial && (
          <section class="card stack" aria-labelledby="directory-trial">
            <div class="row row--wrap"><h2 id="directory-trial" class="part-title part-title--tight grow">{t.trial}</h2><Button look="quiet" onClick={() => setTrial(null)}>{t.close}</Button></div>
            {trial.held && <p>{t.heldText(trial.missing, trial.accounts)}</p>}
            {changesIn(trial) === 0 && !trial.held && <p>{t.trialNone}</p>}
            <Lists report={trial} of={t.trial} />
          </section>
        )}
        <section aria-labelledby="directory-figures">
          <h2 id="directory-figures" class="part-title">{t.figures}</h2>
          {r && (
            <dl class="figures-grid">
              {([[t.people, r.people], [t.created, r.created], [t.changed, r.changed], [t.shut, r.shut], [t.opened, r.opened], [t.troubled, r.troubled]] as const).map(([name, value]) => (
                <div key={name} class="figure"><dt>{name}</dt><dd class="figures">{count(value)}</dd></div>
              ))}
            </dl>
          )}
          <dl class="facts after">
            <dt>{t.last}</dt><dd>{state.last ? <When at={state.last} /> : t.never}</dd>
            <dt>{t.good}</dt><dd>{state.good ? <><When at={state.good} /> <span class="muted">{r && t.took(r.took)}</span></> : t.never}</dd>
            {r && r.roleless > 0 && <><dt>{t.roleless}</dt><dd class="figures">{count(r.roleless)}</dd></>}
          </dl>
        </section>
        {r && <Lists report={r} of={t.figures} />}
      </div>
      <Confirm open={asked} title={t.anywayTitle(r?.missing ?? 0)} act={t.anywayAct} onClose={() => setAsked(false)} onAct={() => run({ anyway: true })}><p>{t.anywayText}</p></Confirm>
    </>
  );
}

const changesIn = (r: DirectoryReport) => r.created + r.changed + r.shut + r.opened;

function When({ at }: { at: string }) {
  return <span>{dateTime(at)} <span class="muted">({ago(at)})</span></span>;
}

function Failure({ of: f }: { of: DirectoryFailure }) {
  const t = directoryWords.value;
  return (
    <Notice tone="danger" title={t.failed} live>
      <p>{f[lang.value]}</p>
      <p>{t.unchanged}</p>
      <p class="small any">{t.cause} {f.detail}</p>
    </Notice>
  );
}

function Lists({ report: r, of }: { report: DirectoryReport; of: string }) {
  const t = directoryWords.value;
  const changes = r.changes.map((c, i) => ({ ...c, key: `${i}` })), problems = r.problems.map((p, i) => ({ ...p, key: `${i}` }));
  const changeColumns: Column<(typeof changes)[number]>[] = [
    { id: "who", name: t.who, cell: (c) => <span class="any">{c.name}</span> },
    { id: "what", name: t.what, cell: (c) => <span class="any">{t.kinds[c.kind] ?? c.kind}{c.to && <><br /><span class="muted small">{c.kind === "role" ? roleName(c.to as Role) : c.to}</span></>}</span> },
  ];
  const problemColumns: Column<(typeof problems)[number]>[] = [
    { id: "who", name: t.who, cell: (p) => <span class="any">{p.who}{p.at && <><br /><span class="muted small">{p.at}</span></>}</span> },
    { id: "why", name: t.problem, cell: (p) => t.reasons[p.code] ?? p.code },
  ];
  return (
    <>
      {problems.length > 0 && (
        <div>
          <h3 class="part-title">{t.problems}</h3>
          <Table caption={`${t.problems}, ${of}`} columns={problemColumns} rows={problems} rowKey={(p) => p.key} />
          {r.troubled > problems.length && <p class="muted small">{t.firstOnly(problems.length)}</p>}
        </div>
      )}
      {changes.length > 0 && (
        <div>
          <h3 class="part-title">{t.changes}</h3>
          <Table caption={`${t.changes}, ${of}`} columns={changeColumns} rows={changes} rowKey={(c) => c.key} />
          {changesIn(r) > changes.length && <p class="muted small">{t.firstOnly(changes.length)}</p>}
        </div>
      )}
    </>
  );
}

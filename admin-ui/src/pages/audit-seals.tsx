/** How far the audit log is verified, signed and witnessed. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Button, Confirm, copy, count, dateTime, Dialog, Empty, Field, IconButton, Input, lang, Notice, Skeleton, Table, toast, type Column } from "@huisclos/ui-kit";
import { admin, type ApiError, type AuditState, type Forwarding, type Role, type Witness } from "../api.ts";
import { asApiError, useEvery } from "../session.ts";
import { auditWords } from "../words/audit.ts";
import { words } from "../words/console.ts";
import { Failed } from "./errors.tsx";

export function Seals({ role }: { role: Role }) {
  const [state, setState] = useState<AuditState | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const load = () => admin.auditState().then((s) => { setState(s); setFailed(null); }, (e: unknown) => setFailed(asApiError(e)));
  useEffect(() => { void load(); }, []);
  useEvery(busy || state?.verifying ? 1000 : 15_000, load);
  const verify = async () => {
    setBusy(true);
    try { setState(await admin.verifyAudit()); } catch (cause) { toast(asApiError(cause).text(lang.value), "circle-alert"); }
    setBusy(false);
  };
  if (!state) return failed ? <Failed error={failed} onRetry={() => void load()} /> : <Skeleton lines={6} />;
  return (
    <div class="stack stack--loose">
      <Verification state={state} busy={busy || state.verifying !== undefined} onVerify={() => void verify()} />
      <Signature state={state} />
      <Witnesses state={state} role={role} onState={setState} />
      {state.forwarding && <Collector f={state.forwarding} />}
    </div>
  );
}

function Verification({ state, busy, onVerify }: { state: AuditState; busy: boolean; onVerify: () => void }) {
  const t = auditWords.value, v = state.verified, under = state.verifying;
  const log = words.value.log;
  const who = (id: string) => id === "operator" ? log.operator : state.names[id] ?? id;
  return (
    <section class="card stack" aria-labelledby="audit-verified">
      <h2 id="audit-verified" class="part-title">{t.verify}</h2>
      <div aria-live="polite">
        {under ? <p class="figures">{t.verifying(count(under.done), count(under.of))}<br /><progress class="wide" aria-label={t.verify} max={Math.max(under.of, 1)} value={under.done} /></p>
          : !v ? <p>{t.neverVerified}</p>
          : v.fault !== undefined || v.reason ? <Notice tone="danger" title={t.broken(count(v.fault ?? 0))}><p>{t.brokenDo}</p><p class="small">{t.reason} : <span lang="en">{v.reason}</span></p></Notice>
          : <Notice><p><b>{t.verified(count(v.entries))}</b></p></Notice>}
        {!under && v && <p class="muted small">{t.when(dateTime(v.time), who(v.by))}</p>}
      </div>
      <p><Button look="primary" icon="shield-check" busy={busy} onClick={onVerify}>{t.verify}</Button></p>
    </section>
  );
}

function Signature({ state }: { state: AuditState }) {
  const t = auditWords.value, key = state.keys.at(-1), former = state.keys.slice(0, -1);
  return (
    <section class="card" aria-labelledby="audit-signed">
      <h2 id="audit-signed" class="part-title">{t.signature}</h2>
      <p class="muted">{t.signatureText}</p>
      <dl class="facts">
        <dt>{t.lastSigned}</dt><dd class="figures">{state.checkpoint ? t.signed(count(state.checkpoint.size), dateTime(state.checkpoint.time)) : t.unsigned}</dd>
        {key && <><dt>{t.key}</dt><dd><span class="row"><code class="any small">{key}</code><IconButton name={t.copyKey} icon="copy" onClick={() => void copy(key)} /></span></dd></>}
        {former.length > 0 && <><dt>{t.formerKeys}</dt><dd>{former.map((k) => <code key={k} class="any small">{k}</code>)}</dd></>}
      </dl>
    </section>
  );
}

function Collector({ f }: { f: Forwarding }) {
  const t = auditWords.value;
  return (
    <section class="card stack" aria-labelledby="audit-forwarded">
      <h2 id="audit-forwarded" class="part-title">{t.forwarding}</h2>
      {!f.on ? <p class="muted">{t.forwardedNowhere}</p> : (
        <>
          {f.failing && <Notice tone="danger" title={t.forwardingFails(dateTime(f.failing.since))}><p>{lang.value === "fr" ? f.failing.fr : f.failing.en}.</p><p class="small">{t.reason} : <span lang="en">{f.failing.lastWord}</span></p></Notice>}
          <dl class="facts">
            <dt>{t.collector}</dt><dd class="any"><code>{f.collector}</code></dd>
            <dt>{t.lastConfirmed}</dt><dd class="figures">{f.sequence && f.confirmed ? t.confirmed(count(f.sequence), dateTime(f.confirmed)) : t.never}</dd>
            <dt>{t.waiting}</dt><dd class="figures">{t.entriesWaiting(f.waiting ?? 0)}</dd>
          </dl>
        </>
      )}
    </section>
  );
}

function Witnesses({ state, role, onState }: { state: AuditState; role: Role; onState: (s: AuditState) => void }) {
  const t = auditWords.value;
  const [enrolling, setEnrolling] = useState(false);
  const [leaving, setLeaving] = useState<Witness | null>(null);
  const officer = role === "officer";
  const said = async (act: () => Promise<AuditState>, done: string) => {
    try { onState(await act()); toast(done); return true; } catch (cause) { toast(asApiError(cause).text(lang.value), "circle-alert"); return false; }
  };
  const columns: Column<Witness>[] = [
    { id: "name", name: t.witness, cell: (w) => <span class="any"><b>{w.name}</b><br /><code class="small">{w.id}</code></span> },
    { id: "signed", name: t.lastCosigned, cell: (w) => w.size ? <span class="figures">{t.signed(count(w.size), w.signed ? dateTime(w.signed) : "")}<br /><span class="muted small">{t.behind(state.entries - w.size)}</span></span> : <span class="muted">{t.never}</span> },
    { id: "added", name: t.added, cell: (w) => <span>{dateTime(w.added)}<br /><span class="muted small">{t.by(state.names[w.by] ?? w.by)}</span></span> },
    { id: "acts", name: t.acts, quiet: true, cell: (w) => (
      <span class="row">
        <IconButton name={t.growthFor(w.name)} icon="download" onClick={() => void save(w.size)} />
        {officer && <IconButton name={t.dismiss(w.name)} icon="trash-2" onClick={() => setLeaving(w)} />}
      </span>
    ) },
  ];
  const save = async (since: number) => {
    try { download(await admin.auditGrowth(since), `huisclos-audit-${since}.txt`); } catch (cause) { toast(asApiError(cause).text(lang.value), "circle-alert"); }
  };
  return (
    <section class="card stack" aria-labelledby="audit-witnesses">
      <h2 id="audit-witnesses" class="part-title">{t.witnesses}</h2>
      <p class="muted">{t.witnessesText}</p>
      {state.witnesses.length === 0 ? <Empty title={t.noWitness} level={3}><p>{t.noWitnessText}</p></Empty>
        : <Table caption={t.witnesses} columns={columns} rows={state.witnesses} rowKey={(w) => w.id} />}
      {state.witnesses.length > 0 && <HandIn onNote={(note) => said(() => admin.cosignAudit(note), t.handed)} />}
      {officer && <p><Button icon="plus" onClick={() => setEnrolling(true)}>{t.enrol}</Button></p>}
      <Dialog open={enrolling} title={t.enrolTitle} onClose={() => setEnrolling(false)}>
        {enrolling && <Enrol onKey={async (key) => { if (await said(() => admin.enrolWitness(key), t.enrolled)) setEnrolling(false); }} />}
      </Dialog>
      <Confirm open={leaving !== null} title={t.dismissTitle(leaving?.name ?? "")} act={t.dismissAct} onClose={() => setLeaving(null)}
        onAct={async () => { const w = leaving; setLeaving(null); if (w) await said(() => admin.dismissWitness(w.id), t.dismissed); }}><p>{t.dismissText}</p></Confirm>
    </section>
  );
}

function HandIn({ onNote }: { onNote: (note: string) => Promise<boolean> }) {
  const t = auditWords.value;
  const field = useRef<HTMLInputElement>(null);
  const chosen = async () => {
    const file = field.current?.files?.[0];
    if (file) await onNote((await file.text()).slice(0, 16_000));
    if (field.current) field.current.value = "";
  };
  return <Field label={t.handIn} hint={t.handInHint}>{(tied) => <div class="field__box"><input {...tied} ref={field} class="input" type="file" accept=".txt,text/plain" onChange={() => void chosen()} /></div>}</Field>;
}

function Enrol({ onKey }: { onKey: (key: string) => Promise<void> }) {
  const t = auditWords.value;
  const [key, setKey] = useState("");
  return (
    <form class="stack" onSubmit={(e) => { e.preventDefault(); void onKey(key.trim()); }}>
      <p>{t.enrolText}</p>
      <Input label={t.enrolKey} value={key} onValue={setKey} required maxLength={512} autocomplete="off" spellcheck={false} />
      <Button look="primary" type="submit" disabled={key.trim() === ""}>{t.enrolAct}</Button>
    </form>
  );
}

function download(text: string, name: string) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const a = document.createElement("a");
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

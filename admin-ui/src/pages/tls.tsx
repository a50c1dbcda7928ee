/** The certificate of the appliance: which one is served, and where the next one comes from. */
import { useEffect, useState } from "preact/hooks";
import { Badge, Button, copy, date, dateTime, IconButton, lang, Notice, Segments, Skeleton, toast } from "@huisclos/ui-kit";
import type { ApiError } from "../api.ts";
import { settingsApi, type Setting } from "../settings-api.ts";
import { tls, type Facts, type TlsState } from "../api-tls.ts";
import { asApiError, useEvery } from "../session.ts";
import { Head } from "../shell.tsx";
import { tlsWords, type Way } from "../words/tls.ts";
import { Failed } from "./errors.tsx";
import { AcmeForm } from "./tls-acme.tsx";
import { ImportForm, RequestForm, SelfSigned } from "./tls-forms.tsx";

export function Tls() {
  const t = tlsWords.value;
  const s = useTls();
  if (!s.state) return <><Head title={t.title} />{s.failed ? <Failed error={s.failed} onRetry={() => void s.load()} /> : <Skeleton lines={6} />}</>;
  const { state } = s;
  return (
    <>
      <Head title={t.title} />
      <p class="muted lead">{t.lead}</p>
      <div class="stack stack--loose">
        <Served state={state} onDone={s.load} />
        <TlsChooser state={state} fixed={s.fixed} values={s.values} onDone={s.load} />
      </div>
    </>
  );
}

/** The certificate that browsers are shown now. The set-up embeds it, too. */
export function Served({ state, onDone }: { state: TlsState; onDone: () => Promise<void> | void }) {
  const t = tlsWords.value;
  return (
    <section class="card stack" aria-labelledby="tls-served">
      <h2 id="tls-served" class="part-title">{t.served}</h2>
      <Remarks of={state.serves} />
      <AcmeStatus state={state} onDone={onDone} />
      <dl class="facts"><dt>{t.mode}</dt><dd>{t.modes[state.mode]}</dd></dl>
      <CertificateFacts of={state.serves} />
      {(state.mode === "self-signed" || state.mode === "acme") && <p class="muted small">{t.renewsItself}{state.acme.renewAt && state.mode === "acme" && ` ${t.renewsOn(date(state.acme.renewAt))}`}</p>}
    </section>
  );
}

/** The state of the certificate and the settings about it, asked again and again. */
export function useTls() {
  const [state, setState] = useState<TlsState | null>(null);
  const [values, setValues] = useState<Record<string, Setting>>({});
  const [failed, setFailed] = useState<ApiError | null>(null);
  const load = async () => {
    try {
      const [s, all] = await Promise.all([tls.state(), settingsApi.settings()]);
      setValues(Object.fromEntries(all.settings.filter((v) => v.name.startsWith("tls.")).map((v) => [v.name, v])));
      setState(s);
      setFailed(null);
    } catch (e) { setFailed(asApiError(e)); }
  };
  useEffect(() => { void load(); }, []);
  useEvery(state?.acme.ordering ? 2_000 : 15_000, load);
  const mode = values["tls.mode"];
  return { state, values, failed, load, fixed: mode && (mode.from === "file" || mode.from === "command") ? mode.file ?? "" : null };
}

interface ChooserProps { state: TlsState; values: Record<string, Setting>; /** The file that fixes the mode; null: none does. */ fixed: string | null; onDone: () => Promise<void> | void }

/** The four ways to a certificate, one form at a time. The set-up embeds it. */
export function TlsChooser({ state, values, fixed, onDone }: ChooserProps) {
  const t = tlsWords.value;
  const [way, setWay] = useState<Way>(state.mode === "acme" ? "acme" : state.requests.length > 0 ? "csr" : state.mode === "stored" ? "own" : "acme");
  return (
    <section class="stack" aria-labelledby="tls-choose">
      <h2 id="tls-choose" class="part-title">{t.choose}</h2>
      {fixed !== null ? <Notice><p class="any">{t.fixed(fixed)}</p></Notice> : (
        <>
          <Segments label={t.way} value={way} options={(["acme", "own", "csr", "self-signed"] as const).map((w) => ({ value: w, label: t.ways[w] }))} onChange={setWay} />
          <p class="muted">{t.wayHints[way]}</p>
          {way === "acme" && <AcmeForm state={state} values={values} onDone={onDone} />}
          {way === "own" && <><StoredOne state={state} onDone={onDone} /><ImportForm answer={false} onDone={onDone} /></>}
          {way === "csr" && <RequestForm state={state} onDone={onDone} />}
          {way === "self-signed" && <SelfSigned state={state} onDone={onDone} />}
        </>
      )}
    </section>
  );
}

/** An imported certificate that another mode keeps from being served. */
function StoredOne({ state, onDone }: { state: TlsState; onDone: () => Promise<void> | void }) {
  const t = tlsWords.value;
  const [error, setError] = useState<string | null>(null);
  if (!state.stored || state.mode === "stored") return null;
  const serve = async () => {
    try { await settingsApi.change({ "tls.mode": "stored" }); toast(t.nowServed); await onDone(); } catch (cause) { setError(asApiError(cause).text(lang.value)); }
  };
  return (
    <section class="card stack" aria-labelledby="tls-stored">
      <h3 id="tls-stored" class="part-title">{t.stored}</h3>
      {error && <Notice tone="danger" title={t.failed} live><p>{error}</p></Notice>}
      <Remarks of={state.stored} />
      <CertificateFacts of={state.stored} />
      <div class="row"><Button onClick={() => void serve()}>{t.serveStored}</Button></div>
    </section>
  );
}

export function Remarks({ of }: { of: Facts }) {
  if (of.remarks.length === 0) return null;
  const grave = of.remarks.some((r) => r.code === "expired" || r.code === "begins-later" || r.code === "no-name");
  return <Notice tone={grave ? "danger" : "attention"} title={tlsWords.value.toSee}>{of.remarks.map((r) => <p key={r.code + r.en}>{sentence(r[lang.value])}</p>)}</Notice>;
}

/** The server's remarks stand in logs too, without a capital and a full stop. */
function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return first.endsWith(".") ? first : `${first}.`;
}

export function CertificateFacts({ of: f }: { of: Facts }) {
  const t = tlsWords.value;
  const days = Math.floor((Date.parse(f.ends) - Date.now()) / 86_400_000);
  return (
    <dl class="facts">
      <dt>{t.names}</dt><dd class="any">{f.names.join(", ")}</dd>
      <dt>{t.ends}</dt><dd class="row row--wrap"><span>{date(f.ends)}</span><Badge tone={days < 0 ? "danger" : days < 15 && !f.selfSigned ? "attention" : undefined}>{t.left(days)}</Badge></dd>
      <dt>{t.issuer}</dt><dd class="any">{f.selfSigned ? t.own : f.issuer}</dd>
      {!f.selfSigned && <><dt>{t.chain}</dt><dd class="any">{f.chain.length === 0 ? t.noChain : f.chain.map((c) => c.subject).join(" ← ")}</dd></>}
      <dt>{t.key}</dt><dd>{f.key}</dd>
      <dt>{t.fingerprint}</dt><dd class="row"><code class="any small">{f.fingerprint}</code><IconButton name={t.copy} icon="copy" onClick={() => void copy(f.fingerprint)} /></dd>
    </dl>
  );
}

function AcmeStatus({ state, onDone }: { state: TlsState; onDone: () => Promise<void> | void }) {
  const t = tlsWords.value, a = state.acme;
  const again = async () => {
    try { await tls.order(); } catch (cause) { toast(asApiError(cause).text(lang.value), "circle-alert"); }
    await onDone();
  };
  if (state.mode !== "acme") return null;
  if (a.ordering) return <Notice live><p>{t.ordering}</p></Notice>;
  if (!a.failure) return null;
  return (
    <Notice tone="danger" title={t.failing} live>
      <p>{a.failure[lang.value]}</p>
      {a.failure.detail && <p class="small any">{a.failure.detail}</p>}
      {a.next && <p>{t.next(dateTime(a.next))}</p>}
      <div class="row"><Button icon="refresh-cw" onClick={() => void again()}>{t.orderNow}</Button></div>
    </Notice>
  );
}

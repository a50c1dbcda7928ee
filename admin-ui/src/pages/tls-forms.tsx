/** Forms of the page of the certificate: files, a request for an authority, and the way back to a self-signed one. */
import { useState } from "preact/hooks";
import { Button, Confirm, date, Field, Input, lang, Notice, Passphrase, Select, toast } from "@huisclos/ui-kit";
import { settingsApi } from "../settings-api.ts";
import { encoded, tls, type CertificateRequest, type Examined, type Files, type TlsState } from "../api-tls.ts";
import { asApiError } from "../session.ts";
import { tlsWords } from "../words/tls.ts";
import { CertificateFacts, Remarks } from "./tls.tsx";

type Done = () => Promise<void> | void;
const mostOctets = 256 << 10;

/** Files are examined first: what browsers will see is shown before anything changes. */
export function ImportForm({ answer, onDone }: { answer: boolean; onDone: Done }) {
  const t = tlsWords.value;
  const [chosen, setChosen] = useState<File[]>([]);
  const [passphrase, setPassphrase] = useState("");
  const [given, setGiven] = useState<Files | null>(null);
  const [seen, setSeen] = useState<Examined | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const attempt = async (what: () => Promise<void>) => {
    if (busy) return;
    setBusy(true);
    setError(null);
    try { await what(); } catch (cause) { setError(asApiError(cause).text(lang.value)); } finally { setBusy(false); }
  };
  const examine = (e: Event) => {
    e.preventDefault();
    void attempt(async () => {
      if (chosen.reduce((n, f) => n + f.size, 0) > mostOctets) { setError(t.tooLarge); return; }
      const files = { files: await Promise.all(chosen.map(encoded)), passphrase };
      setSeen(await tls.examine(files));
      setGiven(files);
    });
  };
  const serve = () => attempt(async () => {
    if (!given) return;
    await tls.importFiles(given);
    toast(t.imported);
    await settingsApi.change({ "tls.mode": "stored" });
    setSeen(null);
    setGiven(null);
    setPassphrase("");
    await onDone();
  });
  if (seen) {
    const foreign = seen.certificate.remarks.some((r) => r.code === "no-name");
    return (
      <section class="card stack" aria-labelledby="tls-seen">
        <h3 id="tls-seen" class="part-title">{t.examined}</h3>
        {error && <Notice tone="danger" title={t.failed} live><p>{error}</p></Notice>}
        {foreign && <Notice tone="danger"><p>{t.otherNames}</p></Notice>}
        <Remarks of={seen.certificate} />
        {seen.answersRequest && <p>{t.answersRequest}</p>}
        {seen.reordered && <p>{t.reordered}</p>}
        {seen.dropped > 0 && <p>{t.dropped(seen.dropped)}</p>}
        <CertificateFacts of={seen.certificate} />
        <div class="row row--wrap"><Button onClick={() => { setSeen(null); setGiven(null); }}>{t.back}</Button><Button look={foreign ? "danger" : "primary"} busy={busy} onClick={() => void serve()}>{t.serve}</Button></div>
      </section>
    );
  }
  return (
    <form class="stack" onSubmit={examine}>
      {error && <Notice tone="danger" title={t.failed} live><p>{error}</p></Notice>}
      <Field label={answer ? t.answer : t.files} hint={answer ? t.answerHint : t.filesHint}>{(tied) => <div class="field__box"><input {...tied} class="input import__file" type="file" multiple required accept=".pem,.crt,.cer,.der,.key,.pfx,.p12,.txt" onChange={(e) => setChosen([...e.currentTarget.files ?? []])} /></div>}</Field>
      {!answer && <Passphrase label={t.passphrase} hint={t.passphraseHint} value={passphrase} onValue={setPassphrase} autocomplete="new-password" maxLength={512} />}
      <div class="row"><Button look="primary" type="submit" busy={busy} disabled={chosen.length === 0}>{t.examine}</Button></div>
    </form>
  );
}

export function RequestForm({ state, onDone }: { state: TlsState; onDone: Done }) {
  const t = tlsWords.value;
  const [organisation, setOrganisation] = useState("");
  const [country, setCountry] = useState("");
  const [curve, setCurve] = useState("p256");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [asked, setAsked] = useState<CertificateRequest | null>(null);
  const make = async (e: Event) => {
    e.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    try { await tls.ask({ organisation: organisation.trim(), country: country.trim(), p384: curve === "p384" }); toast(t.requested); await onDone(); } catch (cause) { setError(asApiError(cause).text(lang.value)); }
    setBusy(false);
  };
  const withdraw = async (r: CertificateRequest) => {
    try { await tls.withdraw(r.id); toast(t.withdrawn); } catch (cause) { toast(asApiError(cause).text(lang.value), "circle-alert"); }
    setAsked(null);
    await onDone();
  };
  return (
    <div class="stack stack--loose">
      {state.names.length === 0 ? <Notice tone="attention"><p>{t.noNames}</p></Notice> : (
        <form class="stack" onSubmit={(e) => void make(e)}>
          <p class="any">{t.csrFor(state.names.join(", "))}</p>
          {error && <Notice tone="danger" title={t.failed} live><p>{error}</p></Notice>}
          <Input label={t.organisation} hint={t.optional} value={organisation} onValue={setOrganisation} maxLength={64} autocomplete="organization" />
          <Input label={t.country} hint={t.countryHint} value={country} onValue={setCountry} maxLength={2} pattern="[A-Za-z]{2}" autocomplete="off" />
          <Select label={t.curve} value={curve} onValue={setCurve} options={[{ value: "p256", label: "P-256" }, { value: "p384", label: "P-384" }]} />
          <div class="row"><Button look={state.requests.length === 0 ? "primary" : undefined} type="submit" busy={busy}>{t.makeRequest}</Button></div>
        </form>
      )}
      {state.requests.length > 0 && (
        <section class="stack" aria-labelledby="tls-requests">
          <h3 id="tls-requests" class="part-title">{t.requests}</h3>
          <ul class="stack plain-list">
            {state.requests.map((r) => (
              <li key={r.id} class="card row row--wrap">
                <span class="grow any"><b>{r.names.join(", ")}</b><br /><span class="muted small">{r.key}, {t.madeOn(date(r.made))}</span></span>
                <Button icon="download" onClick={() => save(r)}>{t.download}</Button>
                <Button look="quiet" onClick={() => setAsked(r)}>{t.withdraw}</Button>
              </li>
            ))}
          </ul>
          <ImportForm answer onDone={onDone} />
        </section>
      )}
      <Confirm open={asked !== null} title={t.withdrawTitle} act={t.withdraw} onClose={() => setAsked(null)} onAct={() => asked ? withdraw(asked) : undefined}><p>{t.withdrawText}</p></Confirm>
    </div>
  );
}

function save(r: CertificateRequest) {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(new Blob([r.pem], { type: "application/pkcs10" }));
  a.download = `${r.names[0] ?? "huisclos"}.csr`;
  a.click();
  URL.revokeObjectURL(a.href);
}

export function SelfSigned({ state, onDone }: { state: TlsState; onDone: Done }) {
  const t = tlsWords.value;
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState<string | null>(null);
  if (state.mode === "self-signed") return <p>{t.already}</p>;
  const act = async () => {
    setError(null);
    try { await settingsApi.change({ "tls.mode": "self-signed" }); toast(t.nowServed); } catch (cause) { setError(asApiError(cause).text(lang.value)); }
    setAsking(false);
    await onDone();
  };
  const breaks = <><p>{t.selfSignedBreaks}</p><ul>{t.breaks.map((b) => <li key={b}>{b}</li>)}</ul></>;
  return (
    <div class="stack">
      {error && <Notice tone="danger" title={t.failed} live><p>{error}</p></Notice>}
      {breaks}
      <div class="row"><Button look="danger" onClick={() => setAsking(true)}>{t.selfSign}</Button></div>
      <Confirm open={asking} title={t.selfSignTitle} act={t.selfSignAct} onClose={() => setAsking(false)} onAct={act}>{breaks}</Confirm>
    </div>
  );
}

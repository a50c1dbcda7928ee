/** A certificate by ACME: which authority, what it asks for, and the order. */
import { useState } from "preact/hooks";
import { Button, Check, Field, Input, lang, Notice, Passphrase, toast } from "@huisclos/ui-kit";
import { settingsApi, type Changes, type Setting } from "../settings-api.ts";
import { tls, type Authority, type TlsState } from "../api-tls.ts";
import { asApiError } from "../session.ts";
import { tlsWords } from "../words/tls.ts";

export function AcmeForm({ state, values, onDone }: { state: TlsState; values: Record<string, Setting>; onDone: () => Promise<void> | void }) {
  const t = tlsWords.value;
  const textOf = (name: string) => { const v = values[name]?.value; return typeof v === "string" ? v : ""; };
  const open = (name: string) => { const from = values[name]?.from; return from !== "file" && from !== "command"; };
  const [directory, setDirectory] = useState(textOf("tls.acme_directory"));
  const [contact, setContact] = useState(textOf("tls.acme_contact"));
  const [ca, setCA] = useState(textOf("tls.acme_ca"));
  const [keyId, setKeyId] = useState(textOf("tls.acme_key_id"));
  const [hmac, setHMAC] = useState("");
  const [terms, setTerms] = useState(values["tls.acme_terms"]?.value === true);
  const [authority, setAuthority] = useState<Authority | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  if (state.names.length === 0) return <Notice tone="attention"><p>{t.noNames}</p></Notice>;
  const attempt = async (e: Event, what: () => Promise<void>) => {
    e.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    try { await what(); } catch (cause) { setError(asApiError(cause).text(lang.value)); } finally { setBusy(false); }
  };
  const look = async () => setAuthority(await tls.look({ directory: directory.trim(), ca: ca.trim() }));
  const order = async () => {
    const wish: Changes = { "tls.acme_directory": directory.trim(), "tls.acme_contact": contact.trim() || null, "tls.acme_terms": terms, "tls.acme_key_id": keyId.trim() || null, "tls.acme_ca": ca.trim() || null, "tls.mode": "acme" };
    if (hmac) wish["tls.acme_key"] = hmac.trim();
    await settingsApi.change(Object.fromEntries(Object.entries(wish).filter(([name]) => open(name))));
    await tls.order();
    toast(t.ordering);
    setHMAC("");
    await onDone();
  };
  return (
    <form class="stack" onSubmit={(e) => void attempt(e, authority ? order : look)}>
      {error && <Notice tone="danger" title={t.failed} live><p>{error}</p></Notice>}
      <p class="any">{t.csrFor(state.names.join(", "))} {state.port80 ? t.port80 : t.port443}</p>
      <Input label={t.directory} hint={t.directoryHint} type="url" required value={directory} disabled={!open("tls.acme_directory")} onValue={(v) => { setDirectory(v); setAuthority(null); }} autocomplete="off" />
      <Input label={t.contact} hint={t.contactHint} type="email" value={contact} disabled={!open("tls.acme_contact")} onValue={setContact} autocomplete="email" />
      <Field label={t.ca} hint={t.caHint}>{(tied) => <textarea {...tied} class="input" rows={3} value={ca} spellcheck={false} onInput={(e) => { setCA(e.currentTarget.value); setAuthority(null); }} />}</Field>
      {authority?.terms && (
        <div class="stack">
          <p><a href={authority.terms} target="_blank" rel="noreferrer">{t.readTerms}</a></p>
          <Check label={t.terms} on={terms} onChange={setTerms} />
        </div>
      )}
      {(authority?.externalAccount || keyId !== "") && (
        <>
          <p>{t.binding}</p>
          <Input label={t.keyId} value={keyId} onValue={setKeyId} autocomplete="off" maxLength={256} />
          <Passphrase label={t.hmac} value={hmac} onValue={setHMAC} autocomplete="new-password" maxLength={512} />
        </>
      )}
      <div class="row"><Button look="primary" type="submit" busy={busy} disabled={authority !== null && authority.terms !== "" && !terms}>{authority ? t.order : t.look}</Button></div>
    </form>
  );
}

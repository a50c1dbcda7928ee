/** A list of people: chosen, checked row by row without creating anything, then created wholly or not at all. */
import { useState } from "preact/hooks";
import { Button, Dialog, Field, lang, Notice, Table, type Column } from "@huisclos/ui-kit";
import { admin, type Imported, type ImportedRow } from "../api.ts";
import { asApiError } from "../session.ts";
import { importWords } from "../words/import.ts";
import { roleWords } from "../words/roles.ts";

const mostOctets = 1 << 20;
const mostShown = 200;

export function Import({ open, onClose, onDone }: { open: boolean; onClose: () => void; onDone: () => void }) {
  return <Dialog open={open} title={importWords.value.title} onClose={onClose}><Steps onClose={onClose} onDone={onDone} /></Dialog>;
}

function Steps({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const t = importWords.value;
  const [text, setText] = useState<string | null>(null);
  const [checked, setChecked] = useState<Imported | null>(null);
  const [made, setMade] = useState<Imported | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);

  const choose = async (file: File | undefined) => {
    setText(null);
    setError(null);
    if (!file) return;
    if (file.size > mostOctets) { setError(t.tooLarge); return; }
    // What is no UTF-8 would reach the server as replacement characters, in people's names.
    try { setText(new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer())); } catch { setError(t.notText); }
  };
  const ask = async (dry: boolean) => {
    if (busy || text === null) return;
    setBusy(true);
    setError(null);
    try {
      const answer = await admin.importAccounts(text, dry);
      if (dry) setChecked(answer); else { setMade(answer); onDone(); }
    } catch (cause) {
      setError(asApiError(cause).text(lang.value));
      setChecked(null);
    }
    setBusy(false);
  };

  if (made) return <Links made={made} onClose={onClose} />;
  const wrong = checked?.counts.wrong ?? 0, create = checked?.counts.create ?? 0;
  return (
    <form class="stack" onSubmit={(e) => { e.preventDefault(); void ask(checked === null); }}>
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
      {checked === null ? (
        <>
          <p class="muted">{t.text}</p>
          <Field label={t.file}>{(tied) => <div class="field__box"><input {...tied} class="input import__file" type="file" accept=".csv,text/csv" required onChange={(e) => void choose(e.currentTarget.files?.[0])} /></div>}</Field>
          <div class="dialog__acts"><Button look="primary" type="submit" busy={busy} disabled={text === null}>{t.look}</Button></div>
        </>
      ) : (
        <>
          <Notice tone={wrong > 0 ? "danger" : undefined} live>
            <ul class="import__sum">
              {wrong > 0 && <li>{t.wrong(wrong)}</li>}
              <li>{t.create(create)}</li>
              {checked.counts.exists > 0 && <li>{t.exists(checked.counts.exists)}</li>}
            </ul>
            <p>{wrong > 0 ? t.correct : t.nothing}</p>
          </Notice>
          <Rows rows={checked.rows} />
          <div class="dialog__acts">
            <Button onClick={() => { setChecked(null); setText(null); }}>{t.again}</Button>
            {wrong === 0 && create > 0 && <Button look="primary" type="submit" busy={busy}>{t.act(create)}</Button>}
          </div>
        </>
      )}
    </form>
  );
}

function Rows({ rows }: { rows: ImportedRow[] }) {
  const t = importWords.value;
  const columns: Column<ImportedRow>[] = [
    { id: "line", name: t.line, number: true, cell: (r) => r.line },
    { id: "who", name: t.who, cell: (r) => <span class="who__text"><b>{r.name}</b><span class="muted small import__email">{r.email}</span></span> },
    { id: "role", name: t.role, cell: (r) => roleWords.value.names[r.role] ?? r.role }, // of a wrong row it may be any word
    { id: "what", name: t.what, cell: (r) => (r.what === "wrong" ? <strong class="import__wrong">{r.error?.[lang.value] ?? ""}</strong> : r.error ? <span>{r.error[lang.value]}</span> : t.will[r.what]) },
  ];
  // What has to be corrected stands first.
  const order = [...rows.filter((r) => r.what === "wrong"), ...rows.filter((r) => r.what !== "wrong")];
  return (
    <>
      <Table caption={t.rows} columns={columns} rows={order.slice(0, mostShown)} rowKey={(r) => String(r.line)} />
      {order.length > mostShown && <p class="muted small">{t.more(order.length - mostShown)}</p>}
    </>
  );
}

function Links({ made, onClose }: { made: Imported; onClose: () => void }) {
  const t = importWords.value;
  const download = () => {
    const url = URL.createObjectURL(new Blob([made.links ?? ""], { type: "text/csv;charset=utf-8" }));
    const a = document.createElement("a");
    a.href = url;
    a.download = t.fileName;
    a.click();
    URL.revokeObjectURL(url);
  };
  return (
    <div class="stack">
      <p>{t.done(made.counts.create)}</p>
      <Notice tone="attention"><p>{t.once}</p></Notice>
      <div class="dialog__acts">
        <Button onClick={onClose}>{t.close}</Button>
        <Button look="primary" icon="download" onClick={download} autofocus>{t.download}</Button>
      </div>
    </div>
  );
}

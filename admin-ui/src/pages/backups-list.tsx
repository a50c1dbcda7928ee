/** The backups that are kept on this machine: each can be handed out, encrypted as it is, or compared with what it was. */
import { useState } from "preact/hooks";
import { ago, Badge, Button, copy, dateTime, Dialog, Empty, IconButton, lang, Notice, Table, toast, type Column } from "@huisclos/ui-kit";
import { backups, type BackupFile, type Backups, type Compared } from "../api-backups.ts";
import { asApiError } from "../session.ts";
import { backupWords } from "../words/backups.ts";
import { units } from "../words/watch.ts";

/** How many are shown at first, and more each time. */
const step = 20;

export function BackupList({ state }: { state: Backups }) {
  const t = backupWords.value, all = state.backups ?? [];
  const [most, setMost] = useState(step);
  const [busy, setBusy] = useState("");
  const [compared, setCompared] = useState<Compared | null>(null);
  const trying = async (name: string, act: () => Promise<unknown>) => {
    if (busy) return;
    setBusy(name);
    try { await act(); } catch (cause) { toast(asApiError(cause).text(lang.value), "circle-alert"); }
    setBusy("");
  };
  const take = (b: BackupFile) => trying(b.name, async () => {
    const a = document.createElement("a");
    a.href = URL.createObjectURL(await backups.take(b.name));
    a.download = b.name;
    a.click();
    setTimeout(() => URL.revokeObjectURL(a.href), 60_000);
    toast(t.taken, "download");
  });
  const columns: Column<BackupFile>[] = [
    { id: "at", name: t.made_, order: (a, b) => a.at.localeCompare(b.at), cell: (b) => <span>{dateTime(b.at)}{b.part && <> <Badge>{t.partOf[b.part] ?? b.part}</Badge></>}<br /><code class="small muted any">{b.name}</code></span> },
    { id: "age", name: t.age, cell: (b) => <span class="backup__age">{ago(b.at)}</span> },
    { id: "size", name: t.size, number: true, order: (a, b) => a.size - b.size, cell: (b) => <span class="figures nowrap">{units.octets(b.size)}</span> },
    { id: "keys", name: t.opens, cell: (b) => <Opens b={b} known={state.keys} /> },
    { id: "version", name: t.version, cell: (b) => b.version ?? "–" },
    { id: "acts", name: t.acts, quiet: true, cell: (b) => (
      <span class="row">
        <IconButton name={t.take(dateTime(b.at))} icon="download" disabled={busy !== ""} onClick={() => void take(b)} />
        <IconButton name={t.compare(dateTime(b.at))} icon="fingerprint-pattern" disabled={busy !== ""} onClick={() => void trying(b.name, async () => setCompared(await backups.compare(b.name)))} />
      </span>
    ) },
  ];
  return (
    <section class="stack" aria-labelledby="backup-list">
      <div class="stack stack--tight"><h2 id="backup-list" class="part-title part-title--tight">{t.list}</h2>{all.length > 0 && <p class="muted">{t.noDelete}</p>}</div>
      {all.length === 0 ? <Empty title={t.listNone} level={3}><p>{t.listNoneText}</p></Empty> : <Table caption={t.files} columns={columns} rows={all.slice(0, most)} rowKey={(b) => b.name} />}
      {all.length > most && <div><Button onClick={() => setMost(most + step)}>{t.more(all.length - most)}</Button></div>}
      <Dialog open={compared !== null} title={compared ? t.compared[compared.result][0] : ""} onClose={() => setCompared(null)} small>{compared && <Result of={compared} onClose={() => setCompared(null)} />}</Dialog>
    </section>
  );
}

function Opens({ b, known }: { b: BackupFile; known: string[] }) {
  const t = backupWords.value;
  if (!b.version) return <Badge tone="danger">{t.unreadable}</Badge>;
  const foreign = b.keys.every((k) => !known.includes(k) && k !== "passphrase");
  return <span>{b.keys.map((k) => k === "passphrase" ? t.byPhrase : <code key={k} class="small backup__key">{k}</code>)}{foreign && <><br /><span class="small muted">{t.foreign}</span></>}</span>;
}

function Result({ of, onClose }: { of: Compared; onClose: () => void }) {
  const t = backupWords.value, text = t.compared[of.result][1];
  return (
    <div class="stack">
      {of.result === "same" ? <p>{text}</p> : <Notice tone={of.result === "altered" ? "danger" : "info"}><p>{text}</p></Notice>}
      <dl class="facts facts--one">
        <dt>{t.sum}</dt><dd class="row"><code class="any small">{of.sha256}</code><IconButton name={t.copySum} icon="copy" onClick={() => void copy(of.sha256)} /></dd>
        {of.result === "altered" && <><dt>{t.recorded}</dt><dd><code class="any small">{of.recorded}</code></dd></>}
      </dl>
      <div class="row"><Button look="primary" onClick={onClose}>{t.close}</Button></div>
    </div>
  );
}

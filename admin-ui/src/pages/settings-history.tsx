/** How settings were changed, by whom, and the way back. */
import { useEffect, useState } from "preact/hooks";
import { Button, Confirm, dateTime, Empty, lang, Notice, Skeleton, Table, toast, type Column } from "@huisclos/ui-kit";
import type { ApiError } from "../api.ts";
import { shown } from "../settings/value.ts";
import { asApiError } from "../session.ts";
import { settingsApi, type Change, type Settings, type Value } from "../settings-api.ts";
import { settingName, settingsWords } from "../words/settings.ts";
import { Failed } from "./errors.tsx";

export function SettingsHistory({ onBack }: { onBack: (s: Settings) => void }) {
  const t = settingsWords.value.history;
  const [list, setList] = useState<Change[] | null>(null);
  const [next, setNext] = useState("");
  const [failed, setFailed] = useState<ApiError | null>(null);
  const [asked, setAsked] = useState<Change | null>(null);
  const [error, setError] = useState<string | null>(null);
  const load = (after: string) => settingsApi.history(after).then((p) => { setList((l) => after ? [...l ?? [], ...p.changes] : p.changes); setNext(p.next); setFailed(null); }, (e: unknown) => setFailed(asApiError(e)));
  useEffect(() => { void load(""); }, []);
  const back = async () => {
    if (!asked) return;
    try {
      onBack(await settingsApi.goBack(asked.id));
      toast(t.done);
      setError(null);
      await load("");
    } catch (cause) {
      const e = asApiError(cause), said = (e.more.reason as Record<string, unknown> | undefined)?.[lang.value];
      setError(typeof said === "string" ? said : e.text(lang.value));
    }
    setAsked(null);
  };
  if (!list) return failed ? <Failed error={failed} onRetry={() => void load("")} /> : <Skeleton lines={5} />;
  if (list.length === 0) return <Empty title={t.none}><p>{t.noneText}</p></Empty>;
  const columns: Column<Change>[] = [
    { id: "when", name: t.when, cell: (c) => <span class="nowrap">{dateTime(c.time)}</span> },
    { id: "who", name: t.who, cell: (c) => <span class="history__who">{c.authorName || c.author || t.files}{c.to !== undefined && <><br /><span class="muted small">{t.rollback}</span></>}</span> },
    { id: "what", name: t.what, cell: (c) => <ul class="plain">{c.changes.map((x) => <li key={x.name} class="any">{settingName(x.name)} : {secret(x.name) ? t.secret : t.was(brief(x.before, t.usual), brief(x.after, t.usual))}</li>)}</ul> },
    { id: "act", name: t.act, quiet: true, cell: (c) => <Button look="quiet" aria-label={t.backOf(dateTime(c.time))} onClick={() => setAsked(c)}>{t.back}</Button> },
  ];
  return (
    <div class="stack">
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
      <Table caption={settingsWords.value.parts.history} columns={columns} rows={list} rowKey={(c) => String(c.id)} />
      {next && <div><Button onClick={() => void load(next)}>{t.older}</Button></div>}
      <Confirm open={asked !== null} title={asked ? t.backTitle(dateTime(asked.time)) : ""} act={t.backAct} danger={false} onClose={() => setAsked(null)} onAct={back}><p>{t.backText}</p></Confirm>
    </div>
  );
}

/** A value as it stands in the table. Nothing chosen is the usual value; a key of two thousand characters is known by its ends. */
const brief = (v: Value | undefined, usual: string): string => v === null || v === undefined ? usual : shown(v).split(" ").map((word) => word.length > 64 ? `${word.slice(0, 24)}…${word.slice(-12)}` : word).join(" ");

const secret = (name: string) => /(password|client_secret|\.ca)$/.test(name);

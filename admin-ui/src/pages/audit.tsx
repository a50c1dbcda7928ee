import { useEffect, useState } from "preact/hooks";
import { Badge, Button, copy, count, Empty, exactTime, Icon, IconButton, Pager, SideSheet, Skeleton, Table, type Column } from "@huisclos/ui-kit";
import { admin, type ApiError, type AuditPage, type Entry } from "../api.ts";
import { asApiError } from "../session.ts";
import { Head } from "../shell.tsx";
import { actionName } from "../words/actions.ts";
import { words } from "../words/console.ts";
import { Failed } from "./errors.tsx";

const perPage = 50;

export function Audit() {
  const t = words.value.log;
  const [cursors, setCursors] = useState<string[]>([""]);
  const [page, setPage] = useState<AuditPage | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [open, setOpen] = useState<Entry | null>(null);
  const after = cursors.at(-1) ?? "";
  const load = () => { setError(null); admin.audit({ after, limit: perPage }).then(setPage, (e) => setError(asApiError(e))); };
  useEffect(load, [after]);

  /** The log itself keeps ids only; accounts that are gone have no name any more. */
  const names = page?.names ?? {};
  const who = (id: string) => (id === "system" ? t.system : id === "anonymous" ? t.anonymous : id === "operator" ? t.operator : id === "provisioning" ? t.provisioning : names[id] ?? id);
  const what = (e: Entry) => (e.object ? names[e.object] ?? e.detail?.["name"] ?? e.object : "");
  const columns: Column<Entry>[] = [
    { id: "time", name: t.time, cell: (e) => <time class="figures nowrap" dateTime={e.time}>{exactTime(e.time)}</time> },
    { id: "action", name: t.action, cell: (e) => actionName(e.action) },
    { id: "actor", name: t.actor, cell: (e) => <span class="id">{who(e.actor)}</span> },
    { id: "object", name: t.object, cell: (e) => (e.object ? <span class="id">{what(e)}</span> : null) },
    { id: "result", name: t.result, cell: (e) => <Badge tone={e.result === "ok" ? undefined : "attention"}>{t.results[e.result]}</Badge> },
    { id: "more", name: t.number, quiet: true, cell: (e) => <IconButton name={t.more(e.sequence)} icon="chevron-right" onClick={() => setOpen(e)} /> },
  ];
  return (
    <>
      <Head title={t.title}>
        {page && page.head.sequence > 0 && (
          <span class="row head__count muted figures"><span>{t.head(count(page.head.sequence))}</span><IconButton name={t.copyHead} icon="fingerprint-pattern" onClick={() => void copy(page.head.hash)} /></span>
        )}
      </Head>
      <p class="muted lead">{t.text}</p>
      {error ? <Failed error={error} onRetry={load} />
        : !page ? <Skeleton lines={8} />
        : page.entries.length === 0 ? <Empty title={t.none}><p>{t.noneText}</p></Empty>
        : (
          <>
            <Table caption={t.title} columns={columns} rows={page.entries} rowKey={(e) => String(e.sequence)} />
            <Pager page={cursors.length} onPrevious={cursors.length > 1 ? () => setCursors(cursors.slice(0, -1)) : null} onNext={page.next ? () => setCursors([...cursors, page.next]) : null} />
            {cursors.length > 2 && <p class="after"><Button onClick={() => setCursors([""])}>{t.newest}</Button></p>}
          </>
        )}
      {open && (
        <SideSheet open title={t.moreTitle(open.sequence)} onClose={() => setOpen(null)}>
          <dl class="facts">
            <dt>{t.time}</dt><dd>{exactTime(open.time)}</dd>
            <dt>{t.action}</dt><dd>{actionName(open.action)}</dd>
            <dt>{t.code}</dt><dd><code>{open.action}</code></dd>
            <dt>{t.result}</dt><dd>{t.results[open.result]}</dd>
            <dt>{t.actor}</dt><dd>{who(open.actor)}{names[open.actor] && <><br /><code class="any small">{open.actor}</code></>}</dd>
            {open.object && <><dt>{t.object}</dt><dd>{what(open)}{what(open) !== open.object && <><br /><code class="any small">{open.object}</code></>}</dd></>}
            {open.client && <><dt>{t.client}</dt><dd><code>{open.client}</code></dd></>}
            {Object.entries(open.detail ?? {}).map(([k, v]) => <div key={k} class="facts__pair"><dt><code>{k}</code></dt><dd class="any">{names[v] ?? v}</dd></div>)}
            <dt>{t.hash}</dt><dd><code class="any small">{open.hash}</code></dd>
          </dl>
          <p class="muted small row"><Icon name="fingerprint-pattern" size="s" /><span>{t.text}</span></p>
        </SideSheet>
      )}
    </>
  );
}

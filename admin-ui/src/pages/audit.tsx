/** The audit log: its entries, and what vouches for them. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Badge, Button, copy, count, dateTime, Empty, exactTime, Icon, IconButton, LinkButton, Pager, SideSheet, Skeleton, Table, Tabs, type Column } from "@huisclos/ui-kit";
import { admin, auditCopy, type ApiError, type AuditPage, type AuditQuery, type Entry, type Role } from "../api.ts";
import { asApiError } from "../session.ts";
import { Head } from "../shell.tsx";
import { actionName } from "../words/actions.ts";
import { auditWords } from "../words/audit.ts";
import { words } from "../words/console.ts";
import { everything, moments, Search } from "./audit-search.tsx";
import { Seals } from "./audit-seals.tsx";
import { Failed } from "./errors.tsx";

const perPage = 50;
type Part = "entries" | "seals";

export function Audit({ role }: { role: Role }) {
  const t = auditWords.value, log = words.value.log;
  const [part, setPart] = useState<Part>("entries");
  const [asked, setAsked] = useState(everything);
  const [head, setHead] = useState<AuditPage["head"] | null>(null);
  return (
    <>
      <Head title={log.title}>
        {head && head.sequence > 0 && (
          <span class="row head__count muted figures"><span>{log.head(count(head.sequence))}</span><IconButton name={log.copyHead} icon="fingerprint-pattern" onClick={() => void copy(`${head.sequence}:${head.hash}`)} /></span>
        )}
      </Head>
      <p class="muted lead">{log.text}</p>
      <Tabs<Part> label={t.tabs} value={part} onChange={setPart} tabs={[{ value: "entries", label: t.entries }, { value: "seals", label: t.seals }]}>
        {part === "seals" ? <Seals role={role} /> : (
          <>
            <Search asked={asked} onAsk={setAsked} />
            <Entries key={JSON.stringify(asked)} asked={asked} onAsk={setAsked} onHead={setHead} />
            <Copy asked={asked} />
          </>
        )}
      </Tabs>
    </>
  );
}

/** What was found so far of one page. The appliance looks at a long log piece by piece; this goes on until the page is full. */
interface Sought extends AuditPage { looking: boolean }

function Entries({ asked, onAsk, onHead }: { asked: AuditQuery; onAsk: (q: AuditQuery) => void; onHead: (h: AuditPage["head"]) => void }) {
  const t = auditWords.value, log = words.value.log;
  const [cursors, setCursors] = useState<string[]>([""]);
  const [page, setPage] = useState<Sought | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [open, setOpen] = useState<Entry | null>(null);
  const turn = useRef(0);
  const after = cursors.at(-1) ?? "";
  const look = async (from: string, before: Sought | null) => {
    const mine = ++turn.current;
    setError(null);
    try {
      for (let at = from, sum = before; ;) {
        const more = await admin.audit({ ...moments(asked), after: at, limit: perPage - (sum?.entries.length ?? 0) });
        if (mine !== turn.current) return;
        onHead(more.head);
        const entries = [...sum?.entries ?? [], ...more.entries], looking = more.next !== "" && entries.length < perPage;
        sum = { ...more, entries, names: { ...sum?.names, ...more.names }, looking };
        setPage(sum);
        if (!looking) return;
        at = more.next;
      }
    } catch (e) { if (mine === turn.current) setError(asApiError(e)); }
  };
  useEffect(() => { setPage(null); void look(after, null); return () => { turn.current++; }; }, [after]);
  const stop = () => { turn.current++; if (page) setPage({ ...page, looking: false }); };

  /** The log itself keeps ids only; accounts that are gone have no name any more. */
  const names = page?.names ?? {};
  const who = (id: string) => (id === "system" ? log.system : id === "anonymous" ? log.anonymous : id === "operator" ? log.operator : id === "provisioning" ? log.provisioning : names[id] ?? id);
  const what = (e: Entry) => (e.object ? names[e.object] ?? e.detail?.["name"] ?? e.object : "");
  const columns: Column<Entry>[] = [
    { id: "time", name: log.time, cell: (e) => <time class="figures nowrap" dateTime={e.time}>{exactTime(e.time)}</time> },
    { id: "action", name: log.action, cell: (e) => actionName(e.action) },
    { id: "actor", name: log.actor, cell: (e) => <span class="id">{who(e.actor)}</span> },
    { id: "object", name: log.object, cell: (e) => (e.object ? <span class="id">{what(e)}</span> : null) },
    { id: "result", name: log.result, cell: (e) => <Badge tone={e.result === "ok" ? undefined : "attention"}>{log.results[e.result]}</Badge> },
    { id: "more", name: log.number, quiet: true, cell: (e) => <IconButton name={log.more(e.sequence)} icon="chevron-right" onClick={() => setOpen(e)} /> },
  ];
  const wide = Object.values(asked).every((v) => v === "");
  if (error) return <Failed error={error} onRetry={() => void look(after, null)} />;
  if (!page) return <Skeleton lines={8} />;
  const unfinished = !page.looking && page.next !== "" && page.entries.length < perPage;
  return (
    <>
      {page.entries.length > 0 ? <Table caption={log.title} columns={columns} rows={page.entries} rowKey={(e) => String(e.sequence)} />
        : page.looking || unfinished ? null
        : wide ? <Empty title={log.none}><p>{log.noneText}</p></Empty>
        : <Empty title={t.noneFound}><p>{t.noneFoundText}</p></Empty>}
      <div aria-live="polite">
        {page.looking && page.reached && <p class="row"><span class="muted">{t.further(dateTime(page.reached))}</span><Button onClick={stop}>{t.stop}</Button></p>}
        {unfinished && page.reached && <p class="row"><span class="muted">{t.stopped(dateTime(page.reached))}</span><Button onClick={() => { const p = { ...page, looking: true }; setPage(p); void look(page.next, p); }}>{t.goOn}</Button></p>}
      </div>
      {(cursors.length > 1 || page.next !== "") && (
        <Pager page={cursors.length} onPrevious={cursors.length > 1 ? () => setCursors(cursors.slice(0, -1)) : null} onNext={page.next && !page.looking ? () => setCursors([...cursors, page.next]) : null} />
      )}
      {cursors.length > 2 && <p class="after"><Button onClick={() => setCursors([""])}>{log.newest}</Button></p>}
      {open && (
        <SideSheet open title={log.moreTitle(open.sequence)} onClose={() => setOpen(null)}>
          <dl class="facts">
            <dt>{log.time}</dt><dd>{exactTime(open.time)}</dd>
            <dt>{log.action}</dt><dd>{actionName(open.action)}</dd>
            <dt>{log.code}</dt><dd><code>{open.action}</code></dd>
            <dt>{log.result}</dt><dd>{log.results[open.result]}</dd>
            <dt>{log.actor}</dt><dd>{who(open.actor)}{names[open.actor] && <><br /><code class="any small">{open.actor}</code></>}</dd>
            {open.object && <><dt>{log.object}</dt><dd>{what(open)}{what(open) !== open.object && <><br /><code class="any small">{open.object}</code></>}</dd></>}
            {open.client && <><dt>{log.client}</dt><dd><code>{open.client}</code></dd></>}
            {Object.entries(open.detail ?? {}).map(([k, v]) => <div key={k} class="facts__pair"><dt><code>{k}</code></dt><dd class="any">{names[v] ?? v}</dd></div>)}
            <dt>{log.hash}</dt><dd><code class="any small">{open.hash}</code></dd>
          </dl>
          <p class="row row--wrap">
            <Button icon="search" onClick={() => onAsk({ ...everything, person: open.actor })}>{t.onlyPerson}</Button>
            {open.object && <Button icon="search" onClick={() => onAsk({ ...everything, object: open.object ?? "" })}>{t.only}</Button>}
          </p>
          <p class="muted small row"><Icon name="fingerprint-pattern" size="s" /><span>{log.text}</span></p>
        </SideSheet>
      )}
    </>
  );
}

function Copy({ asked }: { asked: AuditQuery }) {
  const t = auditWords.value, { from, to } = moments(asked);
  return (
    <section class="card stack audit-copy" aria-labelledby="audit-copy">
      <h2 id="audit-copy" class="part-title">{t.copy}</h2>
      <p class="muted">{t.copyText}</p>
      <p class="row row--wrap">
        <LinkButton icon="download" href={auditCopy("jsonl", { from, to })}>{t.jsonl}</LinkButton>
        <LinkButton icon="download" href={auditCopy("cef", { from, to })}>{t.cef}</LinkButton>
      </p>
    </section>
  );
}

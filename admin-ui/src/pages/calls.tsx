import { useState } from "preact/hooks";
import { Avatar, Badge, Button, compareNames, Confirm, count, Empty, Icon, Notice, Seal, Skeleton, span, Table, Tabs, time, toast, lang, type Column } from "@huisclos/ui-kit";
import { admin, type ApiError, type Call, type Member } from "../api.ts";
import { asApiError, useEvery } from "../session.ts";
import { Head } from "../shell.tsx";
import { words } from "../words/console.ts";
import { callsWords } from "../words/calls.ts";
import { units } from "../words/watch.ts";
import { PastCallsPart } from "./calls-past.tsx";
import { Failed } from "./errors.tsx";

const parts = ["live", "past"] as const;
type Part = (typeof parts)[number];

export function Calls() {
  const t = callsWords.value;
  const [part, setPart] = useState<Part>(location.hash === "#past" ? "past" : "live");
  const show = (p: Part) => { history.replaceState(null, "", p === "live" ? location.pathname : `#${p}`); setPart(p); };
  return (
    <>
      <Head title={t.title} />
      <Tabs label={t.title} value={part} tabs={parts.map((p) => ({ value: p, label: t.parts[p] }))} onChange={show}>
        {part === "live" ? <Live /> : <PastCallsPart />}
      </Tabs>
    </>
  );
}

function Live() {
  const t = words.value.live;
  const [calls, setCalls] = useState<Call[] | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [asked, setAsked] = useState<Call | null>(null);
  const [refused, setRefused] = useState<string | null>(null);
  const load = () => admin.calls().then((c) => { setCalls(c); setError(null); }, (e) => setError(asApiError(e)));
  useEvery(3000, load);
  const end = async () => {
    if (!asked) return;
    try { await admin.endCall(asked.room.id); toast(t.ended); setAsked(null); await load(); } catch (e) { setRefused(asApiError(e).text(lang.value)); }
  };
  return (
    <>
      {error && !calls ? <Failed error={error} onRetry={() => void load()} />
        : !calls ? <Skeleton lines={4} />
        : calls.length === 0 ? <Empty title={t.none} picture={<Seal state="open" size="l" />}><p>{t.noneText}</p></Empty>
        : <div class="stack stack--loose">
            {[...calls].sort((a, b) => a.since.localeCompare(b.since)).map((c) => <OneCall key={c.call} call={c} onEnd={() => { setRefused(null); setAsked(c); }} />)}
            <p class="muted small row"><Icon name="eye-off" size="s" /><span>{t.blind}</span></p>
          </div>}
      <Confirm open={asked !== null} title={t.endTitle(asked?.room.name ?? "")} act={t.end} onAct={end} onClose={() => setAsked(null)}>
        <p>{t.endText(asked?.members.length ?? 0)}</p>
        {refused && <Notice tone="danger" live><p>{refused}</p></Notice>}
      </Confirm>
    </>
  );
}

export function reasonName(reason: string): string { return words.value.reasons[reason] ?? reason; }

function OneCall({ call: c, onEnd }: { call: Call; onEnd: () => void }) {
  const t = words.value.live;
  const title = `call-${c.call}`;
  const refused = Object.entries(c.refused).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  const columns: Column<Member>[] = [
    { id: "who", name: t.who, order: (a, b) => compareNames(a.name, b.name), cell: (m) => <span class="who"><Avatar name={m.name} of={m.account} size="small" /><b>{m.name}</b></span> },
    { id: "since", name: t.entered, order: (a, b) => a.since.localeCompare(b.since), cell: (m) => time(m.since) },
    { id: "link", name: t.link, order: (a, b) => Number(b.connected) - Number(a.connected), cell: (m) => (m.connected ? t.connected : <Badge tone="attention">{t.away}</Badge>) },
    { id: "transport", name: t.transport, order: (a, b) => a.transport.localeCompare(b.transport), cell: (m) => t.transports[m.transport] ?? m.transport },
    ...(c.members.some((m) => m.received !== undefined) ? [
      { id: "received", name: t.received, number: true, order: (a: Member, b: Member) => (a.received ?? 0) - (b.received ?? 0), cell: (m: Member) => count(m.received ?? 0) },
      { id: "rate", name: t.rate, number: true, order: (a: Member, b: Member) => (a.sending ?? 0) - (b.sending ?? 0), cell: (m: Member) => units.rate(m.sending ?? 0) },
      { id: "sent", name: t.sent, number: true, order: (a: Member, b: Member) => (a.forwarded ?? 0) - (b.forwarded ?? 0), cell: (m: Member) => count(m.forwarded ?? 0) },
    ] : []),
  ];
  return (
    <section class="card call-card" aria-labelledby={title}>
      <div class="call-card__head">
        <Seal state="unverified" size="m" />
        <div class="grow">
          <h2 id={title}>{c.room.name}</h2>
          <p class="muted small figures">{t.since(span(Date.now() - new Date(c.since).getTime()))} · {t.people(c.members.length)} · <span title={t.epochHint}>{t.epoch(count(c.epoch))}</span></p>
        </div>
        {c.locked && <Badge><Icon name="lock" size="s" />{t.locked}</Badge>}
        <Button look="warn" onClick={onEnd}>{t.end}<span class="unseen"> : {c.room.name}</span></Button>
      </div>
      <Table caption={t.members(c.room.name)} columns={columns} rows={c.members} rowKey={(m) => String(m.leaf)} first="since" />
      <div class="row row--wrap call-card__foot">
        <span class="figures muted">{t.forwarded(count(c.forwarded))} · {t.sending(units.rate(c.members.reduce((n, m) => n + (m.sending ?? 0), 0)))}</span>
        {refused.length === 0 ? <span class="muted">{t.noRefused}</span> : (
          <details class="refused">
            <summary><Badge tone="attention">{count(refused.reduce((n, [, x]) => n + x, 0))}</Badge> {t.refused}</summary>
            <dl class="facts facts--tight">{refused.map(([r, n]) => <div key={r} class="facts__row"><dt>{reasonName(r)}</dt><dd class="figures">{count(n)}</dd></div>)}</dl>
          </details>
        )}
      </div>
    </section>
  );
}

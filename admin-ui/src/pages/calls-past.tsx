/** When meetings were. Who was in them is not kept. */
import { useEffect, useState } from "preact/hooks";
import { Button, count, dateTime, Empty, Icon, IconButton, Input, LinkButton, Notice, Skeleton, span, Table, type Column } from "@huisclos/ui-kit";
import { admin, callsCopy, type ApiError, type CallQuery, type PastCall, type PastCalls } from "../api.ts";
import { base } from "../route.ts";
import { asApiError } from "../session.ts";
import { callsWords } from "../words/calls.ts";
import { moments } from "./audit-search.tsx";
import { Failed } from "./errors.tsx";

interface Asked { from: string; to: string; room: { id: string; name: string } | null }
const everything: Asked = { from: "", to: "", room: null };

/** Days as the browser counts them, as moments. */
const queryOf = (a: Asked): CallQuery => {
  const { from, to } = moments({ from: a.from, to: a.to, person: "", action: "", object: "", result: "" });
  return { from, to, room: a.room?.id ?? "" };
};

export function PastCallsPart() {
  const t = callsWords.value;
  const [asked, setAsked] = useState(everything);
  const [days, setDays] = useState({ from: "", to: "" });
  const [found, setFound] = useState<PastCalls | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const load = async (after: string) => {
    setBusy(true);
    try {
      const page = await admin.pastCalls({ ...queryOf(asked), after });
      setFound((was) => after && was ? { ...page, calls: [...was.calls, ...page.calls] } : page);
      setFailed(null);
    } catch (e) { setFailed(asApiError(e)); }
    setBusy(false);
  };
  useEffect(() => { void load(""); }, [asked]);
  if (!found) return failed ? <Failed error={failed} onRetry={() => void load("")} /> : <Skeleton lines={5} />;
  const any = asked.from !== "" || asked.to !== "" || asked.room !== null;
  const columns: Column<PastCall>[] = [
    { id: "room", name: t.room, cell: (c) => <span class="row"><b class="any">{c.room.name}</b>{!asked.room && <IconButton name={t.only(c.room.name)} icon="search" onClick={() => setAsked({ ...asked, room: c.room })} />}</span> },
    { id: "began", name: t.began, cell: (c) => <span class="nowrap">{dateTime(c.began)}</span> },
    { id: "lasted", name: t.lasted, cell: (c) => c.ended ? <span class="nowrap">{c.about && `${t.about} `}{span(Date.parse(c.ended) - Date.parse(c.began))}</span> : <span>{t.going}</span> },
    { id: "most", name: t.most, number: true, cell: (c) => count(c.most) },
    { id: "how", name: t.how, cell: (c) => c.how ? t.ways[c.how] : "" },
  ];
  return (
    <div class="stack">
      {found.days > 0
        ? <p class="muted small row calls-kept"><Icon name="eye-off" size="s" /><span>{t.kept(found.days)}</span></p>
        : <div class="calls-kept"><Notice><p>{t.off}</p></Notice></div>}
      <search>
        <form class="audit-search" aria-label={t.search} onSubmit={(e) => { e.preventDefault(); setAsked({ ...asked, ...days }); }}>
          <Input label={t.from} type="date" value={days.from} max={days.to || undefined} onValue={(from) => setDays({ ...days, from })} />
          <Input label={t.to} type="date" value={days.to} min={days.from || undefined} onValue={(to) => setDays({ ...days, to })} />
          <div class="row audit-search__acts">
            <Button look="primary" type="submit" icon="search">{t.search}</Button>
            {any && <Button onClick={() => { setDays({ from: "", to: "" }); setAsked(everything); }}>{t.clear}</Button>}
            <LinkButton href={`${base}/settings#limits`}>{t.change}</LinkButton>
          </div>
        </form>
        {asked.room && <p class="row"><span class="any">{t.of(asked.room.name)}</span><IconButton name={t.clear} icon="x" onClick={() => setAsked({ ...asked, room: null })} /></p>}
      </search>
      {failed && <Failed error={failed} onRetry={() => void load("")} />}
      {found.calls.length === 0 ? <Empty title={any ? t.noneFound : t.none}>{!any && found.days > 0 && <p>{t.noneText}</p>}</Empty> : (
        <>
          <Table caption={t.parts.past} columns={columns} rows={found.calls} rowKey={(c) => c.began + c.room.id} />
          <div class="row row--wrap">
            {found.next && <Button busy={busy} onClick={() => void load(found.next)}>{t.older}</Button>}
            <a class="button" href={callsCopy(queryOf(asked))} download><Icon name="download" />{t.save}</a>
            <span class="muted small">{t.saveHint}</span>
          </div>
        </>
      )}
    </div>
  );
}

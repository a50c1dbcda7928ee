/** The meetings that are planned in a room, for its owner: made, changed, moved, cancelled. */
import { useEffect, useState } from "preact/hooks";
import { Button, Confirm, Dialog, Empty, IconButton, Input, lang, Notice, Skeleton, toast } from "@huisclos/ui-kit";
import { api, type ApiError, type Occurrence, type Planned, type Room } from "../api/index.ts";
import { asApiError } from "../session.ts";
import { planWords } from "../words/plan.ts";
import { Failed } from "./errors.tsx";
import { Frame } from "./frame.tsx";
import { PlanFields } from "./plan-form.tsx";
import { inWords, moment, ownZone } from "./when.ts";

export function Plan({ room: id }: { room: string }) {
  const t = planWords.value;
  const [room, setRoom] = useState<Room | null>(null);
  const [list, setList] = useState<Planned[] | null>(null);
  const [mail, setMail] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [form, setForm] = useState<{ planned: Planned | null } | null>(null);
  const load = async () => {
    try { setRoom(await api.room(id)); const all = await api.planned(id); setList(all.meetings); setMail(all.mail); setError(null); } catch (e) { setError(asApiError(e)); }
  };
  useEffect(() => { void load(); }, [id]);
  if (error && !list) return <Frame><Failed error={error} onRetry={() => void load()} /></Frame>;
  return (
    <Frame>
      <div class="page-head">
        <div><h1>{t.title}</h1>{room && <p class="muted">{t.inRoom(room.name)}</p>}</div>
        <Button look="primary" icon="calendar-days" onClick={() => setForm({ planned: null })}>{t.plan}</Button>
      </div>
      <div class="stack stack--loose">
        {error && <Notice tone="danger" live><p>{error.text(lang.value)}</p></Notice>}
        {!list ? <Skeleton lines={4} /> : list.length === 0 ? <Empty title={t.none}><p>{t.noneText}</p></Empty>
          : list.map((p) => <One key={p.id} planned={p} onEdit={() => setForm({ planned: p })} onChange={load} />)}
        <p><a href="/">{t.back}</a></p>
      </div>
      {room && (
        <Dialog open={form !== null} title={form?.planned ? t.editNamed(form.planned.title) : t.plan} onClose={() => setForm(null)}>
          <PlanFields planned={form?.planned ?? null} owner={room.owner.id} mail={mail} onSave={async (f) => {
            await (form?.planned ? api.replan(form.planned.id, f) : api.plan(id, f));
            toast(form?.planned ? t.changed : t.made);
            setForm(null);
            await load();
          }} />
        </Dialog>
      )}
    </Frame>
  );
}

function One({ planned: p, onEdit, onChange }: { planned: Planned; onEdit: () => void; onChange: () => Promise<void> }) {
  const t = planWords.value;
  const [asked, setAsked] = useState<{ act: "all" | "skip" | "move"; one?: Occurrence } | null>(null);
  const [error, setError] = useState<string | null>(null);
  const done = () => setAsked(null);
  const act = async (run: () => Promise<unknown>, said: string) => {
    setError(null);
    try { await run(); toast(said); done(); await onChange(); } catch (cause) { setError(asApiError(cause).text(lang.value)); done(); }
  };
  const one = asked?.one, other = p.zone !== ownZone();
  return (
    <article class="card stack planned" aria-labelledby={`planned-${p.id}`}>
      <div class="planned__head">
        <div>
          <h2 id={`planned-${p.id}`}>{p.title}</h2>
          <p class="muted small">
            {p.recurrence ? inWords(p.recurrence) : p.next[0] && moment(p.next[0].start)}
            <span aria-hidden="true"> · </span>{t.form.minutes(p.minutes)}<span aria-hidden="true"> · </span>{t.people(p.invitees.length)}
            {other && <><span aria-hidden="true"> · </span>{t.zoneOf(p.zone.replaceAll("_", " "))}</>}
          </p>
        </div>
        <div class="row">
          <IconButton name={t.editNamed(p.title)} icon="pencil" onClick={onEdit} />
          <IconButton name={t.cancelNamed(p.title)} icon="trash-2" danger onClick={() => setAsked({ act: "all" })} />
        </div>
      </div>
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
      {p.recurrence && p.next.length > 0 && (
        <ul class="times" aria-label={t.nextTimes}>
          {p.next.map((o) => (
            <li key={o.original} class="times__one">
              <span class="grow">{moment(o.start)}</span>
              <IconButton name={t.moveNamed(moment(o.start))} icon="calendar-days" onClick={() => setAsked({ act: "move", one: o })} />
              <IconButton name={t.skipNamed(moment(o.start))} icon="x" onClick={() => setAsked({ act: "skip", one: o })} />
            </li>
          ))}
        </ul>
      )}
      <Confirm open={asked?.act === "all"} title={t.cancelTitle(p.title)} act={t.cancel} onClose={done} onAct={() => act(() => api.unplan(p.id), t.cancelled)}><p>{t.cancelText}</p></Confirm>
      <Confirm open={asked?.act === "skip"} title={t.skipTitle(one ? moment(one.start) : "")} act={t.skip} onClose={done}
        onAct={() => act(() => api.except(p.id, { original: one!.original }), t.left)}><p>{t.skipText}</p></Confirm>
      <Dialog open={asked?.act === "move"} title={t.moveTitle(one ? moment(one.start) : "")} onClose={done} small>
        {one && <Move one={one} zone={p.zone} onMove={(start) => act(() => api.except(p.id, { original: one.original, start, zone: p.zone, minutes: one.minutes }), t.moved)} />}
      </Dialog>
    </article>
  );
}

function Move({ one, zone, onMove }: { one: Occurrence; zone: string; onMove: (start: { date: string; time: string }) => Promise<void> }) {
  const t = planWords.value;
  const parts = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short", timeZone: zone }).format(new Date(one.start)).split(" ");
  const [date, setDate] = useState(parts[0] ?? "");
  const [time, setTime] = useState(parts[1] ?? "");
  return (
    <form class="stack" onSubmit={(e) => { e.preventDefault(); if (date && time) void onMove({ date, time }); }}>
      <Input label={t.form.date} type="date" required value={date} onValue={setDate} autofocus />
      <Input label={t.form.time} type="time" required value={time} onValue={setTime} hint={zone === ownZone() ? undefined : t.zoneOf(zone.replaceAll("_", " "))} />
      <div class="dialog__acts"><Button look="primary" type="submit">{t.move}</Button></div>
    </form>
  );
}

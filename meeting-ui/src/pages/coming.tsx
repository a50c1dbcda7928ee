/** What a person has before them in the next two weeks, on the start page. Nothing planned draws nothing. */
import { useEffect, useState } from "preact/hooks";
import { Badge, Confirm, IconButton, lang, LinkButton, Notice, toast } from "@huisclos/ui-kit";
import { api, roomLink, type ApiError, type Coming as One } from "../api/index.ts";
import { asApiError } from "../session.ts";
import { planWords } from "../words/plan.ts";
import { heading, hour } from "./when.ts";

const refresh = 60_000;

export function Coming() {
  const t = planWords.value.coming;
  const [list, setList] = useState<One[]>([]);
  const [error, setError] = useState<ApiError | null>(null);
  const [leaving, setLeaving] = useState<One | null>(null);
  const load = () => api.coming().then((l) => { setList(l); setError(null); }, (e) => setError(asApiError(e)));
  useEffect(() => {
    void load();
    const timer = setInterval(() => { if (!document.hidden) void load(); }, refresh);
    return () => clearInterval(timer);
  }, []);
  const leave = async () => {
    if (!leaving) return;
    try { await api.unplan(leaving.id); toast(t.gone); await load(); } catch (e) { setError(asApiError(e)); }
    setLeaving(null);
  };
  if (error) return <Notice tone="danger" live><p>{error.text(lang.value)}</p></Notice>;
  if (list.length === 0) return null;
  const days = new Map<string, One[]>();
  for (const m of list) {
    const day = heading(new Date(m.start));
    days.set(day, [...(days.get(day) ?? []), m]);
  }
  return (
    <section class="coming" aria-labelledby="coming">
      <h2 id="coming" class="list-title">{t.title}</h2>
      {[...days].map(([day, all]) => (
        <div key={day} class="card coming__day">
          <h3>{day}</h3>
          <ul>{all.map((m) => <Row key={m.id + m.original} m={m} onLeave={() => setLeaving(m)} />)}</ul>
        </div>
      ))}
      <Confirm open={leaving !== null} title={t.leaveTitle(leaving?.title ?? "")} act={t.leave} onClose={() => setLeaving(null)} onAct={leave}><p>{t.leaveText}</p></Confirm>
    </section>
  );
}

function Row({ m, onLeave }: { m: One; onLeave: () => void }) {
  const t = planWords.value.coming;
  const start = new Date(m.start), end = new Date(start.getTime() + m.minutes * 60_000), now = Date.now();
  const near = now > start.getTime() - 10 * 60_000 && now < end.getTime();
  // Somebody may be in the room at any other time too: that is not this meeting.
  const live = m.live && near;
  const link = roomLink(m.room, "");
  return (
    <li class="coming__one">
      <span class="coming__time figures">{hour(start)}<span class="muted small">{hour(end)}</span></span>
      <span class="who__text grow"><b class="cut">{m.title}</b><span class="muted small">{t.in(m.room.name, m.room.owner.name, m.mine)}</span></span>
      {live ? <Badge tone="accent" dot>{t.live}</Badge> : now >= start.getTime() && <Badge>{t.now}</Badge>}
      <LinkButton href={link} look={near ? "primary" : "plain"}>{t.join}<span class="unseen"> : {m.title}</span></LinkButton>
      {!m.mine && <IconButton name={t.leaveNamed(m.title)} icon="x" onClick={onLeave} />}
    </li>
  );
}

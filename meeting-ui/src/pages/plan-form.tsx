/** The form of a planned meeting, on the browser's own fields for dates and times. */
import { useState } from "preact/hooks";
import { Button, Check, Chosen, Finder, Input, lang, Notice, Segments, Select } from "@huisclos/ui-kit";
import type { Planned, PlanForm, Recurrence } from "../api/index.ts";
import { asApiError } from "../session.ts";
import { planWords } from "../words/plan.ts";
import { asPerson, findPeople, type FoundPerson } from "./find.ts";
import { monday, nthOf, ownZone, weekday, weekdayOf, zones } from "./when.ts";

type Repeat = "once" | "daily" | "weekly" | "monthlyDay" | "monthlyNth";
const durations = [15, 30, 45, 60, 90, 120, 180, 240, 480];
/** Somebody of the directory; or an address as it stands, where nobody has it. */
async function findOrAddress(words: string): Promise<FoundPerson[]> {
  const found = await findPeople(words), address = words.trim().toLocaleLowerCase();
  if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(address) || found.some((f) => f.detail?.toLocaleLowerCase() === address)) return found;
  return [...found, { ...asPerson({ id: `mail:${address}`, name: address }), detail: planWords.value.form.byMail }];
}
const two = (n: number) => String(n).padStart(2, "0");

/** The next whole hour. */
function soon(now = new Date()): { date: string; time: string } {
  const d = new Date(now.getFullYear(), now.getMonth(), now.getDate(), now.getHours() + 1);
  return { date: `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`, time: `${two(d.getHours())}:00` };
}
const later = (date: string, days: number) => new Date(Date.parse(`${date}T12:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
const repeatOf = (r: Recurrence | null | undefined): Repeat => (!r ? "once" : r.frequency === "monthly" ? (r.nth ? "monthlyNth" : "monthlyDay") : r.frequency);

export function PlanFields({ planned, owner, mail, onSave }: { planned: Planned | null; owner: string; /** Invitations are sent, so that somebody without an account can be invited. */ mail: boolean; onSave: (form: PlanForm) => Promise<void> }) {
  const t = planWords.value.form;
  const first = planned?.start ?? soon();
  const [title, setTitle] = useState(planned?.title ?? "");
  const [date, setDate] = useState(first.date);
  const [time, setTime] = useState(first.time);
  const [minutes, setMinutes] = useState(planned?.minutes ?? 60);
  const [zone, setZone] = useState(planned?.zone ?? ownZone());
  const [repeat, setRepeat] = useState<Repeat>(repeatOf(planned?.recurrence));
  const [every, setEvery] = useState(planned?.recurrence?.every ?? 1);
  const [days, setDays] = useState<number[]>(planned?.recurrence?.days ?? []);
  const [ends, setEnds] = useState<"date" | "count">(planned?.recurrence && !planned.recurrence.until ? "count" : "date");
  const [until, setUntil] = useState(planned?.recurrence?.until || later(first.date, 90));
  const [count, setCount] = useState(planned?.recurrence?.count || 10);
  const [people, setPeople] = useState<FoundPerson[]>(() => (planned?.invitees ?? []).map((i) => asPerson({ id: i.account ?? `mail:${i.email ?? ""}`, name: i.name ?? i.email ?? "", ...(i.account && i.email ? { email: i.email } : {}) })));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const startDay = weekdayOf(date);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy || !title.trim() || !date || !time) return;
    const frequency = repeat === "monthlyDay" || repeat === "monthlyNth" ? "monthly" : repeat;
    const recurrence: Recurrence | null = frequency === "once" ? null : {
      frequency, every, nth: repeat === "monthlyNth" ? nthOf(date) : 0, days: frequency === "weekly" ? monday([...new Set([...days, startDay])]) : [],
      count: ends === "count" ? count : 0, until: ends === "date" ? until : "",
    };
    setBusy(true);
    setError(null);
    try {
      await onSave({ title: title.trim(), start: { date, time }, zone, minutes, recurrence, invitees: people.map((p) => p.key.startsWith("mail:") ? { email: p.key.slice(5) } : { account: p.key }) });
    } catch (cause) { setError(asApiError(cause).text(lang.value)); setBusy(false); }
  };
  const lengths = [...new Set([...durations, minutes])].sort((a, b) => a - b);
  const unit = repeat === "daily" ? t.units.daily : repeat === "weekly" ? t.units.weekly : t.units.monthly;
  return (
    <form class="stack" onSubmit={(e) => void submit(e)}>
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
      <Input label={t.title} placeholder={t.example} maxLength={80} required value={title} onValue={setTitle} autocomplete="off" autofocus />
      <div class="pair">
        <Input label={t.date} type="date" required value={date} onValue={setDate} />
        <Input label={t.time} type="time" required value={time} onValue={setTime} />
      </div>
      <div class="pair">
        <Select label={t.duration} value={String(minutes)} onValue={(v) => setMinutes(Number(v))} options={lengths.map((n) => ({ value: String(n), label: t.minutes(n) }))} />
        <Select label={t.zone} value={zone} onValue={setZone} options={[...new Set([...zones(), zone])].map((z) => ({ value: z, label: z.replaceAll("_", " ") }))} />
      </div>
      <Select label={t.repeat} value={repeat} onValue={(v) => setRepeat(v as Repeat)}
        options={(["once", "daily", "weekly", "monthlyDay", "monthlyNth"] as const).map((v) => ({ value: v, label: t[v] }))} />
      {repeat !== "once" && (
        <>
          <Select label={t.every} value={String(every)} onValue={(v) => setEvery(Number(v))} options={[...new Set([1, 2, 3, 4, 6, 12, every])].sort((a, b) => a - b).map((n) => ({ value: String(n), label: unit(n) }))} />
          {repeat === "weekly" && (
            <fieldset class="days">
              <legend class="field__label">{t.days}</legend>
              <div class="days__all">
                {monday([0, 1, 2, 3, 4, 5, 6]).map((d) => (
                  <Check key={d} label={weekday(d)} on={d === startDay || days.includes(d)} onChange={(on) => setDays(on ? [...days, d] : days.filter((x) => x !== d))} />
                ))}
              </div>
              <p class="field__hint">{t.firstDay}</p>
            </fieldset>
          )}
          <div class="stack stack--tight">
            <span class="field__label">{t.end}</span>
            <Segments label={t.end} value={ends} onChange={setEnds} options={[{ value: "date", label: t.byDate }, { value: "count", label: t.byCount }]} />
          </div>
          {ends === "date" ? <Input label={t.last} type="date" required min={date} value={until} onValue={setUntil} />
            : <Input label={t.count} type="number" required min={1} max={1000} value={String(count)} onValue={(v) => setCount(Number(v))} />}
        </>
      )}
      <Finder label={t.invite} hint={mail ? t.inviteMailHint : t.inviteHint} find={mail ? findOrAddress : findPeople} chosen={[owner, ...people.map((p) => p.key)]} onPick={(p) => setPeople([...people, p])} />
      <Chosen label={t.invited} items={people} onRemove={(key) => setPeople(people.filter((p) => p.key !== key))} />
      {planned !== null && planned.exceptions > 0 && <Notice tone="info"><p>{t.lost}</p></Notice>}
      <div class="dialog__acts"><Button look="primary" type="submit" busy={busy}>{planned ? t.save : t.create}</Button></div>
    </form>
  );
}

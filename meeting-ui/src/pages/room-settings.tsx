/** Settings of a room, for its owner. Each part is saved by itself. */
import { useEffect, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { Button, Chosen, date, Finder, Input, lang, Notice, Segments, Skeleton, toast } from "@huisclos/ui-kit";
import { api, type ApiError, type Naming, type Room, type Rules, type RulesChange } from "../api/index.ts";
import { knowCohosts, knowStraight } from "../room/known.ts";
import { asApiError } from "../session.ts";
import { rulesWords } from "../words/rules.ts";
import { Failed } from "./errors.tsx";
import { asGroup, asPerson, findAll, findPeople, isGroup, type FoundSomebody } from "./find.ts";
import { Frame } from "./frame.tsx";
import { RoomGuests } from "./room-guests.tsx";

export function RoomSettings({ room: id }: { room: string }) {
  const t = rulesWords.value;
  const [room, setRoom] = useState<Room | null>(null);
  const [rules, setRules] = useState<Rules | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const load = async () => {
    setError(null);
    try { setRoom(await api.room(id)); setRules(await api.rules(id)); } catch (e) { setError(asApiError(e)); }
  };
  useEffect(() => { void load(); }, [id]);
  if (error) return <Frame><Failed error={error} onRetry={() => void load()} /></Frame>;
  const change = async (c: RulesChange): Promise<Rules> => {
    const fresh = await api.changeRules(id, c);
    // What is said on this device is what it will act on.
    if (c.cohosts) knowCohosts(id, fresh.cohosts.map((p) => p.id));
    if (c.straight && fresh.stamp) knowStraight(id, fresh.stamp);
    setRules(fresh);
    return fresh;
  };
  return (
    <Frame>
      <div class="page-head"><h1>{t.title}</h1></div>
      {!room || !rules ? <Skeleton lines={6} /> : (
        <div class="stack stack--loose">
          <p class="muted">{t.next}</p>
          <Name room={room} onRoom={setRoom} />
          <Who part="access" naming={rules.access} invited={<InvitedToo room={room.id} rules={rules} />} empty={rules.invited.length === 0} save={(access) => change({ access })} />
          <Who part="straight" naming={rules.straight} save={(straight) => change({ straight })} />
          <RoomGuests room={room.id} />
          <Cohosts rules={rules} live={room.live} owner={room.owner.id} change={change} />
          <PIN rules={rules} change={change} />
          <p><a href="/">{t.back}</a></p>
        </div>
      )}
    </Frame>
  );
}

/** Runs an act once at a time and keeps what the server said. */
function useAct(): { busy: boolean; error: string | null; run: (act: () => Promise<unknown>, said: string) => Promise<void> } {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const run = async (act: () => Promise<unknown>, said: string) => {
    if (busy) return;
    setBusy(true);
    setError(null);
    try { await act(); toast(said); } catch (cause) { setError(asApiError(cause).text(lang.peek())); } finally { setBusy(false); }
  };
  return { busy, error, run };
}

function Part({ id, title, children }: { id: string; title: string; children: ComponentChildren }) {
  return <section class="card part" aria-labelledby={`part-${id}`}><h2 id={`part-${id}`}>{title}</h2><div class="stack">{children}</div></section>;
}

function Name({ room, onRoom }: { room: Room; onRoom: (r: Room) => void }) {
  const t = rulesWords.value;
  const [name, setName] = useState(room.name);
  const { busy, error, run } = useAct();
  return (
    <Part id="name" title={t.name.title}>
      <form class="stack" onSubmit={(e) => { e.preventDefault(); if (name.trim()) void run(async () => onRoom({ ...room, name: (await api.renameRoom(room.id, name.trim())).name }), t.saved); }}>
        <Input label={t.name.label} maxLength={80} required value={name} onValue={setName} error={error} />
        <div><Button type="submit" busy={busy}>{t.save}</Button></div>
      </form>
    </Part>
  );
}

/** Whom the owner's own invitations let to the door of a limited room. They are undone where they were made. */
function InvitedToo({ room, rules }: { room: string; rules: Rules }) {
  const t = rulesWords.value.access;
  if (rules.invited.length === 0) return null;
  return (
    <div class="stack stack--tight">
      <h3 id="invited-too">{t.invited}</h3>
      <ul class="people" aria-labelledby="invited-too">{rules.invited.map((p) => (
        <li key={p.id} class="person"><span class="person__who"><b class="cut">{p.name}</b><span class="muted small">{t.invitedTo(p.meeting, date(p.until))}</span></span></li>
      ))}</ul>
      <p class="small"><a href={`/r/${room}/meetings`}>{t.invitedUndo}</a></p>
    </div>
  );
}

function Who({ part, naming, invited, empty = true, save }: { part: "access" | "straight"; naming: Naming; invited?: ComponentChildren; /** Nobody is let in by an invitation. */ empty?: boolean; save: (n: { on: boolean; persons: string[]; groups: string[] }) => Promise<unknown> }) {
  const t = rulesWords.value, own = t[part];
  const [on, setOn] = useState(naming.on);
  const [list, setList] = useState<FoundSomebody[]>(() => [...naming.groups.map(asGroup), ...naming.persons.map(asPerson)]);
  const { busy, error, run } = useAct();
  const submit = () => run(() => save({ on, persons: list.filter((f) => !isGroup(f)).map((f) => f.key), groups: list.filter(isGroup).map((f) => f.key) }), t.saved);
  return (
    <Part id={part} title={own.title}>
      <Segments label={own.label} value={on ? "named" : "everyone"} onChange={(v) => setOn(v === "named")} options={[{ value: "everyone", label: own.everyone }, { value: "named", label: own.named }]} />
      {on && (
        <>
          <Finder label={t.people} hint={t.peopleHint} find={findAll} chosen={list.map((f) => f.key)} onPick={(f) => setList([...list, f])} />
          <Chosen label={t.chosen} items={list} onRemove={(key) => setList(list.filter((f) => f.key !== key))} />
          {invited}
          {part === "access" && list.length === 0 && empty && <Notice tone="attention"><p>{t.access.nobody}</p></Notice>}
          <p class="muted small">{own.hint}{part === "straight" && list.some(isGroup) && <> {t.straight.trust}</>}</p>
        </>
      )}
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
      <div><Button busy={busy} onClick={() => void submit()}>{t.save}</Button></div>
    </Part>
  );
}

function Cohosts({ rules, live, owner, change }: { rules: Rules; live: boolean; owner: string; change: (c: RulesChange) => Promise<Rules> }) {
  const t = rulesWords.value;
  const [list, setList] = useState(() => rules.cohosts.map(asPerson));
  const { busy, error, run } = useAct();
  return (
    <Part id="cohosts" title={t.cohosts.title}>
      <p class="muted small">{t.cohosts.lead}</p>
      <Finder label={t.cohosts.find} find={findPeople} chosen={[owner, ...list.map((f) => f.key)]} onPick={(f) => setList([...list, f])} />
      <Chosen label={t.cohosts.chosen} items={list} onRemove={(key) => setList(list.filter((f) => f.key !== key))} />
      {live && <Notice tone="info"><p>{t.cohosts.running}</p></Notice>}
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
      <div><Button busy={busy} onClick={() => void run(() => change({ cohosts: list.map((f) => f.key) }), t.saved)}>{t.save}</Button></div>
    </Part>
  );
}

function PIN({ rules, change }: { rules: Rules; change: (c: RulesChange) => Promise<Rules> }) {
  const t = rulesWords.value.pin;
  const [pin, setPIN] = useState("");
  const { busy, error, run } = useAct();
  const set = (e: Event) => {
    e.preventDefault();
    if (pin.trim()) void run(async () => { await change({ pin }); setPIN(""); }, t.done);
  };
  return (
    <Part id="pin" title={t.title}>
      <p class="muted small">{rules.pin ? t.set : t.none}</p>
      <form class="stack" onSubmit={set}>
        <Input label={t.label} hint={t.hint} autocomplete="off" autocapitalize="none" spellcheck={false} value={pin} onValue={setPIN} error={error} />
        <div class="row row--wrap">
          <Button type="submit" busy={busy}>{t.act}</Button>
          {rules.pin && <Button disabled={busy} onClick={() => void run(() => change({ pin: "" }), t.removed)}>{t.remove}</Button>}
        </div>
      </form>
    </Part>
  );
}

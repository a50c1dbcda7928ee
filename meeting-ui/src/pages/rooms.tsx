import { useEffect, useRef, useState } from "preact/hooks";
import {
  Badge, Button, compareNames, Confirm, copy, date, Dialog, Empty, Icon, IconButton, Input, lang, LinkButton, Menu, MenuItem, MenuLink, Notice, Seal, Skeleton, toast,
} from "@huisclos/ui-kit";
import { api, roomLink, type Account, type ApiError, type Room } from "../api/index.ts";
import { asApiError } from "../session.ts";
import { connection } from "../words/connection.ts";
import { planWords } from "../words/plan.ts";
import { rulesWords } from "../words/rules.ts";
import { desk } from "../words/desk.ts";
import { Coming } from "./coming.tsx";
import { profileWords } from "../words/profile.ts";
import { Failed } from "./errors.tsx";
import { Frame } from "./frame.tsx";
import { RoomProfileDialog } from "./room-profile.tsx";

/** A call under way first, then the newest. */
function order(a: Room, b: Room): number {
  if (a.live !== b.live) return a.live ? -1 : 1;
  return b.created.localeCompare(a.created) || compareNames(a.name, b.name);
}

export function Rooms({ me }: { me: Account }) {
  const t = desk.value.list;
  const opens = me.role !== "member" && me.role !== "guest";
  const [rooms, setRooms] = useState<Room[] | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const load = () => api.rooms().then((r) => { setRooms(r); setError(null); }, (e) => setError(asApiError(e)));
  useEffect(() => {
    void load();
    // "In progress" is only of use when it is true.
    const timer = setInterval(() => { if (!document.hidden) void load(); }, 15_000);
    return () => clearInterval(timer);
  }, []);
  if (error && !rooms) return <Frame><Failed error={error} onRetry={() => void load()} /></Frame>;
  return (
    <Frame>
      <div class="page-head"><h1>{t.title}</h1></div>
      {me.role !== "guest" && <Coming />}
      {opens ? <Create onMade={(r) => { setRooms([r, ...(rooms ?? [])]); toast(t.made(r.name)); }} /> : <p class="muted list-lead">{t.memberText}</p>}
      {!rooms ? <Skeleton lines={3} />
        : rooms.length === 0 ? <Empty title={opens ? t.emptyTitle : t.memberEmpty} picture={<Seal state="open" size="l" />}><p>{opens ? t.empty : t.memberEmptyText}</p></Empty>
        : <ul class="rooms">{[...rooms].sort(order).map((r) => <RoomRow key={r.id} room={r} mine={r.owner.id === me.id} onChange={() => void load()} />)}</ul>}
      <p class="list-foot small"><a href="/test">{connection.value.link}</a></p>
    </Frame>
  );
}

function Create({ onMade }: { onMade: (r: Room) => void }) {
  const t = desk.value.list;
  const [name, setName] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const box = useRef<HTMLInputElement>(null);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy) return;
    if (!name.trim()) { box.current?.focus(); return; }
    setBusy(true);
    setError(null);
    try {
      onMade(await api.createRoom(name.trim()));
      setName("");
    } catch (cause) {
      setError(asApiError(cause).text(lang.value));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="create card" aria-label={t.create} onSubmit={(e) => void submit(e)}>
      <Input label={t.name} placeholder={t.example} maxLength={80} value={name} onValue={setName} error={error} innerRef={box} />
      <Button look="primary" icon="plus" type="submit" busy={busy}>{t.createAct}</Button>
    </form>
  );
}

function RoomRow({ room, mine, onChange }: { room: Room; mine: boolean; onChange: () => void }) {
  const t = desk.value.list;
  const [doing, setDoing] = useState<"rename" | "remove" | "profile" | "link" | null>(null);
  const link = roomLink(room);
  const done = () => setDoing(null);
  const copyLink = async () => { if (!(await copy(link, t.copied))) setDoing("link"); };
  return (
    <li class="room card">
      <Seal state={room.live ? "unverified" : "open"} size="m" />
      <div class="room__what">
        <h2 class="cut">{room.name}</h2>
        <p class="muted small">{mine ? t.mine : t.owner(room.owner.name)}<span aria-hidden="true"> · </span>{t.created(date(room.created))}</p>
      </div>
      {room.profile.id !== "standard" && <Badge><Icon name="shield-check" size="s" /><span>{room.profile.name}</span></Badge>}
      {room.live && <Badge tone="accent" dot>{t.live(room.people)}</Badge>}
      <div class="room__acts">
        <LinkButton href={`/r/${room.id}#${room.owner.id}`} look={room.live ? "primary" : "plain"}>{t.enter}<span class="unseen"> : {room.name}</span></LinkButton>
        <IconButton name={t.copyNamed(room.name)} icon="link-2" onClick={() => void copyLink()} />
        {mine && (
          <Menu label={t.menu(room.name)} opener={({ props: { ref, ...rest } }) => <IconButton {...rest} innerRef={ref} name={t.menu(room.name)} icon="ellipsis" />}>
            {(close) => (
              <>
                <MenuLink href={`/r/${room.id}/meetings`} icon="calendar-days">{planWords.value.link}</MenuLink>
                <MenuLink href={`/r/${room.id}/settings`} icon="settings-2">{rulesWords.value.link}</MenuLink>
                <MenuItem icon="pencil" onClick={() => { close(); setDoing("rename"); }}>{t.rename}</MenuItem>
                <MenuItem icon="shield-check" onClick={() => { close(); setDoing("profile"); }}>{profileWords.value.menu}</MenuItem>
                <MenuItem icon="trash-2" danger onClick={() => { close(); setDoing("remove"); }}>{t.remove}</MenuItem>
              </>
            )}
          </Menu>
        )}
      </div>
      {doing === "rename" && <Rename room={room} onClose={done} onDone={() => { done(); onChange(); }} />}
      {doing === "profile" && <RoomProfileDialog room={room} onClose={done} onDone={() => { done(); onChange(); }} />}
      <Remove open={doing === "remove"} room={room} onClose={done} onDone={() => { done(); onChange(); }} />
      <Dialog open={doing === "link"} title={t.copy} onClose={done} small><p>{t.copyByHand}</p><p class="code link-text">{link}</p></Dialog>
    </li>
  );
}

function Rename({ room, onClose, onDone }: { room: Room; onClose: () => void; onDone: () => void }) {
  const t = desk.value.list;
  const [name, setName] = useState(room.name);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (!name.trim() || busy) return;
    setBusy(true);
    try { await api.renameRoom(room.id, name.trim()); onDone(); } catch (cause) { setError(asApiError(cause).text(lang.value)); setBusy(false); }
  };
  return (
    <Dialog open title={t.renameTitle} onClose={onClose} small>
      <form class="stack" onSubmit={(e) => void submit(e)}>
        <Input label={t.name} maxLength={80} required value={name} onValue={setName} error={error} autofocus />
        <div class="dialog__acts"><Button look="primary" type="submit" busy={busy}>{t.renameAct}</Button></div>
      </form>
    </Dialog>
  );
}

function Remove({ open, room, onClose, onDone }: { open: boolean; room: Room; onClose: () => void; onDone: () => void }) {
  const t = desk.value.list;
  const [error, setError] = useState<string | null>(null);
  const act = async () => { try { await api.deleteRoom(room.id); onDone(); } catch (cause) { setError(asApiError(cause).text(lang.value)); } };
  return (
    <Confirm open={open} title={t.removeTitle(room.name)} act={t.removeAct} onAct={act} onClose={onClose}>
      <p>{t.removeText}</p>
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
    </Confirm>
  );
}

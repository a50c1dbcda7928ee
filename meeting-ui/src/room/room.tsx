/** One room's page: the door, then the stage, then how it ended. A Call lives as long as this page. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Spinner } from "@huisclos/ui-kit";
import { api, roomLink, type Account, type Room } from "../api/index.ts";
import { Call } from "../call/index.ts";
import { Frame } from "../pages/frame.tsx";
import { Failed, Sentence } from "../pages/errors.tsx";
import { focusMain } from "../route.ts";
import { ask, asApiError } from "../session.ts";
import { Stage } from "../stage/stage.tsx";
import type { Meeting } from "../stage/view.ts";
import { desk } from "../words/desk.ts";
import { Door } from "./door.tsx";
import { knownCohosts, knowsStraight } from "./known.ts";
import { Over } from "./over.tsx";
import { Helpers } from "./helpers.tsx";
import { AskPIN } from "./pin.tsx";

/** Phases in which this device is, or was a moment ago, inside. */
const inside = new Set(["in-call", "reconnecting", "not-safe"]);
const outside = new Set(["removed", "ended", "reload-needed", "error"]);

export function RoomPage({ room: id, owner, me }: { room: string; owner: string; me: Account }) {
  const [room, setRoom] = useState<Room | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const load = () => { setFailed(null); api.room(id).then(setRoom, setFailed); };
  useEffect(load, [id]);
  if (failed) return <Frame><Failed error={asApiError(failed)} onRetry={load} /></Frame>;
  if (!room) return <Frame><Spinner label={desk.value.loading} /></Frame>;
  if (room.pin) return <AskPIN room={room} onGiven={load} />;
  return <InRoom key={`${id}#${owner}`} room={room} owner={owner} me={me} />;
}

function InRoom({ room, owner, me }: { room: Room; owner: string; me: Account }) {
  const meeting = useMemo<Meeting>(() => new Call({
    room: room.id, owner, me: { account: me.id, name: me.name }, profile: room.profile,
    cohosts: () => { const known = knownCohosts(room.id); return (room.cohosts ?? []).map((c) => c.id).filter((a) => known.includes(a)); },
    ...(room.straight ? { straight: {
      persons: room.straight.persons, groups: room.straight.groups, on: knowsStraight(room.id, room.straight.stamp), names: (accounts: string[]) => api.straightIn(room.id, accounts),
    } } : {}),
  }), [room.id, owner, me.id]);
  useEffect(() => {
    const gone = () => meeting.close();
    addEventListener("pagehide", gone);
    return () => { removeEventListener("pagehide", gone); meeting.close(); };
  }, [meeting]);
  return <Meet meeting={meeting} room={room} owner={owner} mine={owner === me.id} />;
}

/** Draws a meeting in whatever phase it is; the tests of the drawing give it a meeting without an engine. */
export function Meet({ meeting, room, owner, mine }: { meeting: Meeting; room: Room; owner: string; mine: boolean }) {
  const phase = meeting.state.value.phase;
  const title = `${room.name} — Huis Clos`;
  useEffect(() => {
    document.title = title;
    return () => { document.title = "Huis Clos"; };
  }, [title]);
  const where = inside.has(phase) ? "stage" : outside.has(phase) ? "over" : "door";
  const before = useRef(where);
  useEffect(() => {
    if (before.current !== where) focusMain();
    before.current = where;
  }, [where]);
  useEffect(() => {
    if (!inside.has(phase)) return;
    const warn = (e: BeforeUnloadEvent) => e.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [inside.has(phase)]);
  if (inside.has(phase)) return <Stage meeting={meeting} link={roomLink({ id: room.id, owner: { id: owner, name: "" } })} />;
  if (outside.has(phase)) return <Frame bare><Over meeting={meeting} onSignIn={() => void ask()} /></Frame>;
  return <Frame wide><Door meeting={meeting} room={room.id} roomName={room.name} owner={room.owner.name} mine={mine} inside={room.people} budget={room.budget} profile={room.profile} helpers={mine ? <Helpers room={room} /> : undefined} /></Frame>;
}

export function BadLink() {
  const t = desk.value.badLink;
  return <Frame><Sentence title={t.title} text={t.text} /></Frame>;
}

import { useEffect, useRef, useState } from "preact/hooks";
import { announce, Button, Icon, Seal, Spinner, toast } from "@huisclos/ui-kit";
import { callWords } from "../words/call.ts";
import { profileWords } from "../words/profile.ts";
import { sealWords } from "../words/seal.ts";
import { desk } from "../words/desk.ts";
import { Bar } from "./bar.tsx";
import { KeysHelp, useKeys } from "./keys.tsx";
import { SidePanel } from "./panel.tsx";
import { Strip } from "./strip.tsx";
import { Tiles } from "./tiles.tsx";
import { freshView, panel, type Meeting } from "./view.ts";

export function Stage({ meeting, link }: { meeting: Meeting; link: string }) {
  useKeys(meeting);
  useEffect(freshView, [meeting]);
  const unread = useUnread(meeting);
  useDeviceProblems(meeting);
  const phase = meeting.state.value.phase;
  return (
    <div class="stage call">
      <a class="skip unseen" href="#main">{desk.value.skip}</a>
      <Strip meeting={meeting} />
      {meeting.heldBack.value && panel.value !== "seal" && <HeldBack />}
      <Tiles meeting={meeting} link={link} />
      <SidePanel meeting={meeting} />
      <Bar meeting={meeting} unread={unread} link={link} />
      {phase === "reconnecting" && <Reconnecting />}
      {phase === "not-safe" && <NotSafe meeting={meeting} />}
      <KeysHelp />
    </div>
  );
}

/** Messages that came while the panel showed something else. */
function useUnread(meeting: Meeting): number {
  const seen = useRef(0);
  const [unread, setUnread] = useState(0);
  const messages = meeting.chat.value;
  const open = panel.value === "chat";
  useEffect(() => {
    if (open) { seen.current = messages.length; setUnread(0); return; }
    const fresh = messages.slice(seen.current).filter((m) => !m.me);
    setUnread(fresh.length);
    const last = fresh.at(-1);
    if (last) announce(`${last.name} : ${last.text.slice(0, 120)}`);
  }, [messages.length, open]);
  return unread;
}

/** What a device refuses during the call is said where it was asked for: at the bar. */
function useDeviceProblems(meeting: Meeting): void {
  for (const kind of ["mic", "cam", "screen"] as const) {
    const problem = meeting[kind].value.problem;
    useEffect(() => { if (problem && problem !== "cancelled") toast(callWords.value.problem[kind][problem], "triangle-alert"); }, [problem]);
  }
}

/** The room's profile keeps pictures and messages here: said where they would be missed, with the way on. */
function HeldBack() {
  const t = profileWords.value;
  return (
    <div class="held-back" role="status">
      <Icon name="shield-check" />
      <p class="grow">{t.held}</p>
      <Button look="primary" onClick={() => { panel.value = "seal"; }}>{t.heldAct}</Button>
    </div>
  );
}

function Reconnecting() {
  const [title, text] = callWords.value.reconnecting;
  return (
    <div class="veil" role="status">
      <div class="veil__box"><Spinner label=" " /><div><p class="notice__title">{title}</p><p class="muted">{text}</p></div></div>
    </div>
  );
}

/** The device stopped sending. Nothing is hidden: why, what was done, what to do. There is one way on. */
function NotSafe({ meeting }: { meeting: Meeting }) {
  const t = sealWords.value;
  const { code, detail } = meeting.state.value;
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => { if (!box.current?.open) box.current?.showModal(); }, []);
  return (
    <dialog ref={box} class="unsafe" role="alertdialog" aria-labelledby="unsafe-title" aria-describedby="unsafe-text" onCancel={(e) => e.preventDefault()}>
      <Seal state="not-safe" size="m" />
      <div class="stack">
        <h2 id="unsafe-title">{t.state["not-safe"].title}</h2>
        <div id="unsafe-text" class="stack stack--tight">
          <p>{(code && t.notSafe[code]) ?? t.state["not-safe"].text}</p>
          <p>{t.notSafeAdvice}</p>
        </div>
        {detail && <details><summary>{t.detail}</summary><p class="code small">{detail}</p></details>}
        <div class="row row--wrap"><Button look="danger" large autofocus onClick={() => void meeting.leave()}>{t.leave}</Button></div>
      </div>
    </dialog>
  );
}

/** The strip above the pictures: the seal, what just happened, and who is at the door. */
import { useSignal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { announce, Badge, Button, Icon, IconButton, kit, Seal, tip, type IconName } from "@huisclos/ui-kit";
import type { NoticeKind, Seal as SealState } from "../call/state.ts";
import { callWords } from "../words/call.ts";
import { sealWords } from "../words/seal.ts";
import { keyOf } from "./keys.tsx";
import { sealOf } from "./seal-of.ts";
import { chooseLayout, layout, page, pages, panel, togglePanel, type Meeting } from "./view.ts";

/** The door is drawn ajar first, so that one sees it close. */
function useClosing(state: SealState): SealState {
  const [shown, setShown] = useState<SealState>("open");
  useEffect(() => {
    const frame = requestAnimationFrame(() => setShown(state));
    return () => cancelAnimationFrame(frame);
  }, [state]);
  return shown;
}

export function Strip({ meeting }: { meeting: Meeting }) {
  const t = callWords.value.bar;
  const state = sealOf(meeting);
  const word = sealWords.value.chip[state];
  const closing = useClosing(state);
  const speaker = layout.value === "speaker";
  return (
    <header class="strip">
      <button type="button" class={`chip chip--${state}`} aria-label={sealWords.value.chipName(word)} aria-pressed={panel.value === "seal"} aria-keyshortcuts={keyOf("seal")}
        {...tip(callWords.value.bar.seal, keyOf("seal"))} onClick={() => togglePanel("seal")}>
        <Seal state={closing} />
        <span>{word}</span>
      </button>
      {meeting.profile.value && meeting.profile.value.conditions.length > 0 &&
        <span class="only-wide"><Badge><Icon name="shield-check" size="s" /><span>{meeting.profile.value.name}</span></Badge></span>}
      {meeting.locked.value && <Badge><Icon name="lock" size="s" /><span>{t.locked}</span></Badge>}
      <Notices meeting={meeting} />
      {pages.value > 1 ? <Pages /> : <span class="strip__room cut muted only-narrow">{meeting.room.value?.name}</span>}
      <span class="only-wide strip__end">
        <IconButton name={speaker ? t.toGrid : t.toSpeaker} icon={speaker ? "layout-grid" : "layout-panel-top"} shortcut={keyOf("layout")} onClick={() => chooseLayout(speaker ? "grid" : "speaker")} />
      </span>
    </header>
  );
}

/** Where not everybody fits: pages stand here, where they cover no face. */
function Pages() {
  const t = callWords.value.tile;
  return (
    <span class="strip__pages">
      <IconButton name={t.previous} icon="chevron-left" disabled={page.value === 0} onClick={() => { page.value -= 1; }} />
      <span class="muted small figures">{page.value + 1}/{pages.value}</span>
      <IconButton name={t.next} icon="chevron-right" disabled={page.value >= pages.value - 1} onClick={() => { page.value += 1; }} />
    </span>
  );
}

const icons: Partial<Record<NoticeKind, IconName>> = {
  locked: "lock", unlocked: "lock-open", hand: "hand", "host-added": "crown", compare: "eye", "screen-started": "monitor-up", "screen-stopped": "monitor-x",
  "mic-lost": "mic-off", "cam-lost": "video-off", "own-media-refused": "triangle-alert", clocks: "triangle-alert", reconnected: "check", restarted: "refresh-cw", removed: "user-x",
};

/** A line that says what just happened, for as long as it takes to read it; a knock stays until it is answered. */
function Notices({ meeting }: { meeting: Meeting }) {
  const t = callWords.value;
  const link = useLinkNotice(meeting);
  const own = meeting.notices.value.filter((n) => n.kind !== "knock" && !(n.kind === "compare" && panel.value === "seal"));
  const last = own.at(-1);
  const sentence = last ? t.note[last.kind](last.name) : "";
  useEffect(() => {
    if (!last) return;
    announce(sentence);
    const timer = setTimeout(() => { for (const n of own) meeting.dismissNotice(n.id); }, 3500 + 50 * sentence.length);
    return () => clearTimeout(timer);
  }, [last?.id]);
  const lobby = meeting.isHost.value ? meeting.lobby.value : [];
  const names = lobby.map((k) => k.name).join(", ");
  useEffect(() => { if (names) announce(lobby.length === 1 ? t.note.knock(names) : t.admitMany(lobby.length)); }, [names]);
  const knock = lobby.length === 1 ? lobby[0] : undefined;
  return (
    <div class="notes">
      {meeting.soundBlocked.value && (
        <p class="note note--act"><Icon name="volume-2" /><span class="grow">{t.bar.soundBlocked}</span>
          <Button look="primary" onClick={() => void meeting.resumeSound()}>{t.bar.soundAct}</Button></p>
      )}
      {lobby.length > 0 && panel.value !== "people" && (
        <p class="note note--act"><Icon name="user-plus" />
          <span class="grow cut">{knock ? t.note.knock(knock.name) : t.admitMany(lobby.length)}</span>
          {knock?.guest && <Badge tone="attention">{t.panel.guest}</Badge>}
          <Button onClick={() => { panel.value = "people"; }}>{t.see}</Button>
          {knock && <Button look="primary" busy={knock.busy} onClick={() => void meeting.admit(knock.id)}>{t.panel.admit}</Button>}
        </p>
      )}
      {link.value
        ? <p class="note note--attention"><Icon name="triangle-alert" /><span class="grow">{link.value}</span><IconButton name={kit.value.close} icon="x" onClick={() => { link.value = ""; }} /></p>
        : last && <p key={last.id} class="note"><Icon name={icons[last.kind] ?? "users-round"} /><span class="grow cut">{sentence}</span></p>}
      {meeting.screen.value.on && lobby.length === 0 && !last && !link.value && (
        <p class="note"><Icon name="monitor-up" /><span class="grow cut">{t.tile.sharing}</span><Button onClick={() => meeting.stopShare()}>{t.bar.stopShare}</Button></p>
      )}
    </div>
  );
}

/** Whose connection is bad and why: said once, until it was good again. */
function useLinkNotice(meeting: Meeting): ReadonlySignal<string> & { value: string } {
  const text = useSignal("");
  const told = useRef(new Set<string>());
  const q = meeting.quality.value;
  const bad = (q.up === "bad" || q.down === "bad" || q.cause === "no-media") && q.cause !== "none";
  const who = meeting.people.value.find((p) => !p.me && p.connected && p.quality === "bad");
  const key = bad ? "own" : who?.key ?? "";
  useEffect(() => {
    for (const k of told.current) {
      const better = k === "own" ? q.up === "good" && q.down === "good" : meeting.people.value.find((p) => p.key === k)?.quality === "good";
      if (better) told.current.delete(k);
    }
    if (key === "") { text.value = ""; return; }
    if (told.current.has(key)) return;
    told.current.add(key);
    const t = callWords.value.link;
    text.value = bad ? t.own[q.cause] : t.other(who?.name ?? "");
    announce(text.value);
    const timer = setTimeout(() => { text.value = ""; }, 15_000);
    return () => clearTimeout(timer);
  }, [key]);
  return text;
}

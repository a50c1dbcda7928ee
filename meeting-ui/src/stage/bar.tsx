/** The bar: it never moves and never covers a face. What has no room on a phone stands under "more". */
import { useSignal } from "@preact/signals";
import type { ComponentChildren, Ref } from "preact";
import { useEffect } from "preact/hooks";
import { copy, Count, duration, Icon, LevelRing, Menu, MenuItem, MenuLine, MenuTitle, tip, toast, type IconName } from "@huisclos/ui-kit";
import { callWords } from "../words/call.ts";
import { keyOf } from "./keys.tsx";
import { reactionKinds } from "../call/state.ts";
import { reactionIcons, ReactionPicker } from "./reactions.tsx";
import { chooseLayout, helpOpen, layout, panel, togglePanel, type Layout, type Meeting } from "./view.ts";

interface ControlProps {
  name: string;
  icon: IconName;
  shortcut?: string;
  /** "off" shows a device that is switched off, "lit" something that is under way. */
  tone?: "off" | "lit" | "leave";
  pressed?: boolean;
  busy?: boolean;
  word?: string;
  wide?: boolean;
  innerRef?: Ref<HTMLButtonElement>;
  onClick: () => void;
  children?: ComponentChildren;
  "aria-expanded"?: boolean;
  "aria-controls"?: string;
  "aria-haspopup"?: "menu" | "dialog";
}

function Control({ name, icon, shortcut, tone, pressed, busy, word, wide, innerRef, children, onClick, ...aria }: ControlProps) {
  return (
    <button {...tip(name, shortcut)} {...aria} ref={innerRef} type="button" aria-keyshortcuts={shortcut} aria-pressed={pressed} aria-busy={busy}
      class={`control${tone ? ` control--${tone}` : ""}${wide ? " only-wide" : ""}`} onClick={onClick}>
      {busy ? <span class="spinner" aria-hidden="true" /> : <Icon name={icon} size="l" />}
      {word && <span class="control__word" aria-hidden="true">{word}</span>}
      <span class="unseen">{name}</span>
      {children}
    </button>
  );
}

export function Bar({ meeting, unread, link }: { meeting: Meeting; unread: number; link: string }) {
  const t = callWords.value.bar;
  const waiting = meeting.isHost.value ? meeting.lobby.value.length : 0;
  const sharing = meeting.screen.value.on;
  const hand = meeting.hand.value;
  return (
    <section class="bar" aria-label={t.label}>
      <div class="bar__side only-wide">
        <span class="cut bar__room">{meeting.room.value?.name}</span>
        <Clock since={meeting.joinedAt.value} />
      </div>
      <div class="bar__main">
        <Mic meeting={meeting} />
        <Cam meeting={meeting} />
        {meeting.canShare.value && <Control wide name={sharing ? t.stopShare : t.share} icon={sharing ? "monitor-x" : "monitor-up"} shortcut={keyOf("share")} tone={sharing ? "lit" : undefined}
          busy={meeting.screen.value.busy} onClick={() => (sharing ? meeting.stopShare() : void meeting.shareScreen())} />}
        <Control name={hand ? t.handDown : t.handUp} icon="hand" shortcut={keyOf("hand")} tone={hand ? "lit" : undefined} pressed={hand} onClick={() => meeting.raiseHand(!hand)} />
        <span class="only-wide">
          <ReactionPicker onPick={(k) => meeting.react(k)} opener={({ props: { ref, ...rest } }) => <Control {...rest} innerRef={ref} name={t.react} icon="smile-plus" />} />
        </span>
        <Control name={t.leave} icon="phone-off" tone="leave" word={t.leave} onClick={() => void meeting.leave()} />
      </div>
      <div class="bar__side bar__side--end">
        <Control name={t.chat} icon="message-square" shortcut={keyOf("chat")} tone={panel.value === "chat" ? "lit" : undefined} pressed={panel.value === "chat"} onClick={() => togglePanel("chat")}>
          <Count n={unread} label={t.unread(unread)} />
        </Control>
        <Control wide name={t.people} icon="users-round" shortcut={keyOf("people")} tone={panel.value === "people" ? "lit" : undefined} pressed={panel.value === "people"} onClick={() => togglePanel("people")}>
          <Count n={waiting} label={t.waiting(waiting)} />
        </Control>
        <More meeting={meeting} waiting={waiting} link={link} />
      </div>
    </section>
  );
}

function Clock({ since }: { since: number | null }) {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => { now.value = Date.now(); }, 1000);
    return () => clearInterval(timer);
  }, []);
  return since === null ? null : <span class="figures muted" role="timer">{duration(now.value - since)}</span>;
}

function Mic({ meeting }: { meeting: Meeting }) {
  const t = callWords.value;
  const { on, busy, problem } = meeting.mic.value;
  const name = on ? t.bar.micOn : t.bar.micOff;
  return (
    <div class="split">
      <Control name={name} icon={on ? "mic" : "mic-off"} shortcut={keyOf("mic")} tone={on ? undefined : "off"} busy={busy} onClick={() => void meeting.setMic(!on)}>
        {on && <LevelRing level={meeting.micLevel} />}
        {problem && <span class="control__warn" />}
      </Control>
      <DeviceMenu meeting={meeting} kind="mic" />
    </div>
  );
}

function Cam({ meeting }: { meeting: Meeting }) {
  const t = callWords.value;
  const { on, busy, problem } = meeting.cam.value;
  return (
    <div class="split">
      <Control name={on ? t.bar.camOn : t.bar.camOff} icon={on ? "video" : "video-off"} shortcut={keyOf("cam")} tone={on ? undefined : "off"} busy={busy} onClick={() => void meeting.setCam(!on)}>
        {problem && <span class="control__warn" />}
      </Control>
      <DeviceMenu meeting={meeting} kind="cam" />
    </div>
  );
}

/** The caret beside a device: which one, and for sound also where it comes out. */
function DeviceMenu({ meeting, kind }: { meeting: Meeting; kind: "mic" | "cam" }) {
  const t = callWords.value;
  const name = kind === "mic" ? t.bar.mics : t.bar.cams;
  return (
    <span class="only-wide">
      <Menu label={name} opener={({ props: { ref, ...rest } }) => (
        <button {...rest} {...tip(name)} onClick={rest.onClick} ref={ref} type="button" class="split__caret" aria-label={name}><Icon name="chevron-up" size="s" /></button>
      )}>
        {(close) => <DeviceItems meeting={meeting} kinds={kind === "mic" ? ["mic", "speaker"] : ["cam"]} close={close} />}
      </Menu>
    </span>
  );
}

type DeviceKind = "mic" | "cam" | "speaker";
function DeviceItems({ meeting, kinds, close }: { meeting: Meeting; kinds: readonly DeviceKind[]; close: () => void }) {
  const t = callWords.value;
  const d = meeting.devices.value;
  const problem = { mic: meeting.mic.value.problem, cam: meeting.cam.value.problem, speaker: null };
  const titles = { mic: t.door.microphone, cam: t.door.camera, speaker: t.door.speaker };
  return (
    <>
      {kinds.filter((k) => k !== "speaker" || d.canChooseSpeaker).map((k) => {
        const p = problem[k];
        return (
          <div key={k} role="group" aria-label={titles[k]}>
            <MenuTitle>{titles[k]}</MenuTitle>
            {p && p !== "cancelled" && k !== "speaker" && <p class="menu__problem">{t.problem[k][p]}</p>}
            <MenuItem checked={d[k] === ""} onClick={() => { void meeting.setDevices({ [k]: "" }); close(); }}>{k === "cam" ? t.door.systemF : t.door.system}</MenuItem>
            {d[`${k}s`].map((one) => <MenuItem key={one.id} checked={one.id === d[k]} onClick={() => { void meeting.setDevices({ [k]: one.id }); close(); }}>{one.label}</MenuItem>)}
          </div>
        );
      })}
      {kinds.includes("speaker") && (
        <>
          <MenuLine />
          <MenuItem icon="volume-2" onClick={() => { void meeting.testSound(); close(); }}>{t.door.test}</MenuItem>
        </>
      )}
    </>
  );
}

function More({ meeting, waiting, link }: { meeting: Meeting; waiting: number; link: string }) {
  const t = callWords.value.bar;
  const shown = layout.value;
  const pick = (l: Layout, close: () => void) => { chooseLayout(l); close(); };
  const share = async () => { if (!(await copy(link))) toast(link, "link-2"); };
  const sharing = meeting.screen.value.on;
  return (
    <Menu label={t.more} opener={({ props: { ref, ...rest } }) => (
      <Control {...rest} innerRef={ref} name={t.more} icon="ellipsis">
        <span class="only-narrow"><Count n={waiting} label={t.waiting(waiting)} /></span>
      </Control>
    )}>
      {(close) => (
        <>
          <div class="only-narrow">
            <MenuItem icon="users-round" onClick={() => { close(); panel.value = "people"; }}>{t.people}{waiting > 0 && ` (${waiting})`}</MenuItem>
            {meeting.canShare.value && <MenuItem icon={sharing ? "monitor-x" : "monitor-up"} onClick={() => { close(); if (sharing) meeting.stopShare(); else void meeting.shareScreen(); }}>{sharing ? t.stopShare : t.share}</MenuItem>}
            <div class="reactions" role="group" aria-label={t.react}><Reactions meeting={meeting} close={close} /></div>
            <MenuLine />
          </div>
          <div role="group" aria-label={t.layout}>
            <MenuItem checked={shown === "grid"} icon="layout-grid" onClick={() => pick("grid", close)}>{t.grid}</MenuItem>
            <MenuItem checked={shown === "speaker"} icon="layout-panel-top" onClick={() => pick("speaker", close)}>{t.speaker}</MenuItem>
          </div>
          <MenuLine />
          {meeting.isHost.value && <MenuItem icon={meeting.locked.value ? "lock-open" : "lock"} onClick={() => { meeting.lock(!meeting.locked.value); close(); }}>{meeting.locked.value ? t.unlock : t.lock}</MenuItem>}
          <MenuItem icon="link-2" onClick={() => { close(); void share(); }}>{t.copyLink}</MenuItem>
          <div class="only-narrow"><DeviceItems meeting={meeting} kinds={["mic", "cam", "speaker"]} close={close} /><MenuLine /></div>
          <div class="only-wide"><MenuItem icon="keyboard" shortcut="?" onClick={() => { close(); helpOpen.value = true; }}>{t.keys}</MenuItem></div>
          <MenuItem icon="info" onClick={() => { close(); open("/about", "_blank", "noopener"); }}>{t.about}</MenuItem>
        </>
      )}
    </Menu>
  );
}

/** On a phone the reactions stand in the menu itself, in one row. */
function Reactions({ meeting, close }: { meeting: Meeting; close: () => void }) {
  return (
    <>
      {reactionKinds.map((k) => {
        const name = callWords.value.reactions[k];
        return <button key={k} type="button" role="menuitem" tabIndex={-1} class="icon-button" aria-label={name} onClick={() => { meeting.react(k); close(); }}><Icon name={reactionIcons[k]} /></button>;
      })}
    </>
  );
}

/** Before the call: what the others will see and hear of you, and one button. Waiting happens on the same page, so nothing jumps. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { Button, Icon, LevelRing, Meter, Notice, Seal, Select, Spinner, tip, toast, type IconName, type Option } from "@huisclos/ui-kit";
import type { Budget } from "../api/index.ts";
import type { Profile } from "../call/profile.ts";
import type { DeviceProblem, LocalDevice, Phase } from "../call/state.ts";
import { callWords } from "../words/call.ts";
import { connection } from "../words/connection.ts";
import { Video } from "../stage/tile.tsx";
import type { Meeting } from "../stage/view.ts";
import { Line } from "./line.tsx";
import { RoomRules } from "./rules.tsx";

export interface DoorProps {
  meeting: Meeting; room: string; roomName: string; owner: string; mine: boolean;
  /** People who were inside when the page asked for the room. */
  inside: number;
  budget: Budget | undefined;
  /** Of the call under way, or of the next. */
  profile: Profile;
  /** What the owner has to say before opening. */
  helpers?: ComponentChildren;
}

export function Door({ meeting, room, roomName, owner, mine, inside, budget, profile, helpers }: DoorProps) {
  const t = callWords.value.door;
  const phase = meeting.state.value.phase;
  return (
    <div class="door">
      <Preview meeting={meeting} />
      <div class="door__side">
        <div class="stack stack--tight">
          <p class="muted">{mine ? t.mine : t.lead(owner)}</p>
          <h1>{roomName}</h1>
        </div>
        <RoomRules room={room} profile={profile} />
        {phase === "idle" ? <Ready meeting={meeting} inside={inside} budget={budget} helpers={helpers} /> : <Waiting meeting={meeting} phase={phase} />}
      </div>
    </div>
  );
}

function Preview({ meeting }: { meeting: Meeting }) {
  const t = callWords.value;
  const cam = meeting.cam.value, mic = meeting.mic.value, stream = meeting.ownCamera.value;
  return (
    <section class="preview stage" aria-label={t.door.preview}>
      {stream && cam.on ? <Video stream={stream} mirror />
        : <p class="preview__off">{cam.busy ? <Spinner label={t.door.previewBusy} /> : <><Icon name="video-off" size="l" /><span>{t.door.previewOff}</span></>}</p>}
      <div class="preview__bar">
        <Toggle name={mic.on ? t.bar.micOn : t.bar.micOff} icon={mic.on ? "mic" : "mic-off"} off={!mic.on} busy={mic.busy} onClick={() => void meeting.setMic(!mic.on)}>
          {mic.on && <LevelRing level={meeting.micLevel} />}
        </Toggle>
        <Toggle name={cam.on ? t.bar.camOn : t.bar.camOff} icon={cam.on ? "video" : "video-off"} off={!cam.on} busy={cam.busy} onClick={() => void meeting.setCam(!cam.on)} />
      </div>
    </section>
  );
}

function Toggle({ name, icon, off, busy, onClick, children }: { name: string; icon: IconName; off: boolean; busy: boolean; onClick: () => void; children?: preact.ComponentChildren }) {
  return (
    <button type="button" class={off ? "control control--off" : "control"} aria-label={name} aria-busy={busy} {...tip(name)} onClick={onClick}>
      {busy ? <span class="spinner" aria-hidden="true" /> : <Icon name={icon} size="l" />}
      {children}
    </button>
  );
}

function choices(list: LocalDevice[], first: string): Option[] {
  return [{ value: "", label: first }, ...list.map((d) => ({ value: d.id, label: d.label }))];
}

const shownProblem = (p: DeviceProblem | null): p is Exclude<DeviceProblem, "cancelled"> => p !== null && p !== "cancelled";

function Ready({ meeting, inside, budget, helpers }: { meeting: Meeting; inside: number; budget: Budget | undefined; helpers: ComponentChildren }) {
  const t = callWords.value;
  const d = meeting.devices.value;
  const mic = meeting.mic.value, cam = meeting.cam.value;
  const [busy, setBusy] = useState(false);
  // Before the button can be pressed: an effect that comes after the picture is lost with it, and the person enters without camera and microphone.
  useLayoutEffect(() => { void meeting.prepare(); }, [meeting]);
  const enter = async () => {
    setBusy(true);
    try { await meeting.start(); } finally { setBusy(false); }
  };
  const test = () => { void meeting.testSound(); toast(t.door.testing, "volume-2"); };
  return (
    <>
      <div class="stack">
        {shownProblem(mic.problem) && <Notice tone="attention" icon="mic-off" live><p>{t.problem.mic[mic.problem]}</p></Notice>}
        {shownProblem(cam.problem) && <Notice tone="attention" icon="video-off" live><p>{t.problem.cam[cam.problem]}</p></Notice>}
        <div class="stack stack--tight">
          <Select label={t.door.microphone} icon="mic" value={d.mic} onValue={(v) => void meeting.setDevices({ mic: v })} options={choices(d.mics, t.door.system)} />
          <Meter level={meeting.micLevel} label={t.door.level} />
          <p class="muted small">{mic.on ? t.door.micOnHint : t.door.micOffHint}</p>
        </div>
        <Select label={t.door.camera} icon="video" value={d.cam} onValue={(v) => void meeting.setDevices({ cam: v })} options={choices(d.cams, t.door.systemF)} />
        <div class="door__sound">
          {d.canChooseSpeaker && <Select label={t.door.speaker} icon="volume-2" value={d.speaker} onValue={(v) => void meeting.setDevices({ speaker: v })} options={choices(d.speakers, t.door.system)} />}
          <Button icon="volume-2" onClick={test}>{t.door.test}</Button>
        </div>
      </div>
      <div class="stack">
        {helpers}
        <Button look="primary" large wide busy={busy} onClick={() => void enter()}>{busy ? t.door.entering : t.door.enter}</Button>
        <p class="muted small door__promise"><Seal state="unverified" /><span>{t.door.sealedHint}</span></p>
        <Line inside={inside} budget={budget}><a class="door__test" href="/test" target="_blank" rel="noopener">{connection.value.linkNewTab}</a></Line>
      </div>
    </>
  );
}

type WaitPhase = keyof ReturnType<typeof waits>;
const waits = () => callWords.value.wait;
const waiting = (p: Phase): p is WaitPhase => p in waits();

function Waiting({ meeting, phase }: { meeting: Meeting; phase: Phase }) {
  const t = callWords.value;
  if (!waiting(phase)) return null;
  const [title, text] = t.wait[phase];
  const moving = phase !== "denied" && phase !== "device-busy" && phase !== "locked";
  return (
    <>
      <div class="waiting" role="status">
        <span class={moving ? "waiting__seal waiting__seal--moving" : "waiting__seal"}><Seal state={phase === "joining" ? "unverified" : "open"} size="l" /></span>
        <h2>{title}</h2>
        <p class="muted">{text}</p>
      </div>
      <div class="stack stack--tight">
        {phase === "device-busy" && <Button look="primary" large wide onClick={() => meeting.takeOver()}>{t.waitActs.takeOver}</Button>}
        {phase === "denied" && <Button look="primary" large wide onClick={() => void meeting.retry()}>{t.waitActs.again}</Button>}
        {phase !== "joining" && <Button wide onClick={() => void meeting.leave()}>{t.waitActs.leave}</Button>}
      </div>
    </>
  );
}

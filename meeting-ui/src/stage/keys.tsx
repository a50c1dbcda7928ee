/** Keyboard shortcuts of the call, and their help. Letters can be turned off; they never act while one types. */
import { useEffect } from "preact/hooks";
import { Dialog, Switch } from "@huisclos/ui-kit";
import { callWords } from "../words/call.ts";
import { chooseLayout, chooseLetters, helpOpen, layout, letters, panel, togglePanel, type Meeting } from "./view.ts";

export type Act = "mic" | "cam" | "share" | "hand" | "chat" | "people" | "seal" | "layout" | "help";
const letter: Record<Act, string> = { mic: "M", cam: "V", share: "S", hand: "H", chat: "C", people: "P", seal: "K", layout: "L", help: "?" };

export function keyOf(act: Act): string | undefined { return letters.value ? letter[act] : undefined; }

const act: Record<Act, (m: Meeting) => void> = {
  mic: (m) => void m.setMic(!m.mic.value.on),
  cam: (m) => void m.setCam(!m.cam.value.on),
  share: (m) => { if (m.screen.value.on) m.stopShare(); else if (m.canShare.value) void m.shareScreen(); },
  hand: (m) => m.raiseHand(!m.hand.value),
  chat: () => togglePanel("chat"),
  people: () => togglePanel("people"),
  seal: () => togglePanel("seal"),
  layout: () => chooseLayout(layout.value === "speaker" ? "grid" : "speaker"),
  help: () => { helpOpen.value = true; },
};

const typing = (el: EventTarget | null) => el instanceof HTMLElement && (el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName));
const pressing = (el: EventTarget | null) => el instanceof HTMLElement && el.closest("button, a, [role^=menuitem], [role=tab], summary, dialog") !== null;

export function useKeys(meeting: Meeting): void {
  useEffect(() => {
    let talking = false;
    const down = (e: KeyboardEvent) => {
      if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]")) return;
      if (e.key === "Escape" && panel.value && !document.querySelector("[popover]:popover-open:not(.tooltip)")) { panel.value = null; return; }
      if (!letters.value || typing(e.target)) return;
      if (e.key === " " && !pressing(e.target)) {
        e.preventDefault();
        if (!e.repeat && !meeting.mic.value.on) { talking = true; void meeting.setMic(true); }
        return;
      }
      if (e.repeat) return;
      const found = (Object.keys(letter) as Act[]).find((a) => letter[a] === e.key.toUpperCase());
      if (!found) return;
      e.preventDefault();
      act[found](meeting);
    };
    const up = (e: KeyboardEvent) => {
      if (e.key !== " " || !talking) return;
      talking = false;
      void meeting.setMic(false);
    };
    const away = () => { if (talking) { talking = false; void meeting.setMic(false); } };
    addEventListener("keydown", down);
    addEventListener("keyup", up);
    addEventListener("blur", away);
    return () => { removeEventListener("keydown", down); removeEventListener("keyup", up); removeEventListener("blur", away); away(); };
  }, [meeting]);
}

export function KeysHelp() {
  const t = callWords.value;
  const rows: [string, string][] = [
    [letter.mic, `${t.bar.micOn} / ${t.bar.micOff.toLocaleLowerCase()}`], [letter.cam, `${t.bar.camOn} / ${t.bar.camOff.toLocaleLowerCase()}`],
    [t.keys.space, t.keys.talk], [letter.share, t.bar.share], [letter.hand, t.bar.handUp], [letter.chat, t.bar.chat],
    [letter.people, t.bar.people], [letter.seal, t.bar.seal], [letter.layout, t.bar.layout], [letter.help, t.keys.help],
  ];
  return (
    <Dialog open={helpOpen.value} title={t.keys.title} onClose={() => { helpOpen.value = false; }}>
      <dl class="shortcuts">
        {rows.map(([key, name]) => <div key={key}><dt><kbd class="key">{key}</kbd></dt><dd>{name}</dd></div>)}
        <div><dt><kbd class="key">Esc</kbd></dt><dd>{t.keys.close}</dd></div>
      </dl>
      <Switch label={t.keys.enabled} hint={t.keys.hint} on={letters.value} onChange={chooseLetters} />
    </Dialog>
  );
}

/** The panel beside the pictures (over them on a phone): messages, people, seal. */
import { useEffect, useRef } from "preact/hooks";
import { IconButton } from "@huisclos/ui-kit";
import { callWords } from "../words/call.ts";
import { Chat } from "./chat.tsx";
import { People } from "./people.tsx";
import { SealPanel } from "./seal-panel.tsx";
import { panel, type Meeting } from "./view.ts";

export function SidePanel({ meeting }: { meeting: Meeting }) {
  const t = callWords.value.panel;
  const open = panel.value;
  const title = useRef<HTMLHeadingElement>(null);
  const before = useRef<Element | null>(null);
  useEffect(() => {
    if (open) {
      if (!before.current) before.current = document.activeElement;
      // Who opens the messages with a keyboard wants to write; on a touch screen the keyboard would cover them.
      const text = open === "chat" && matchMedia("(hover: hover)").matches ? document.getElementById("chat-text") : null;
      (text ?? title.current)?.focus();
    } else if (before.current instanceof HTMLElement) {
      before.current.focus();
      before.current = null;
    }
  }, [open]);
  if (!open) return null;
  return (
    <aside class="panel" aria-label={t[open]}>
      <div class="panel__head">
        <h2 ref={title} tabIndex={-1}>{t[open]}</h2>
        <IconButton name={t.close} icon="x" shortcut="Escape" onClick={() => { panel.value = null; }} />
      </div>
      {open === "chat" ? <Chat meeting={meeting} /> : open === "people" ? <People meeting={meeting} /> : <SealPanel meeting={meeting} />}
    </aside>
  );
}

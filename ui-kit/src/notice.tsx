/** Sentences: inside a page (Notice), about something just done (toast), and for the ear only (announce). */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon.tsx";
import { kit } from "./words.ts";

type Tone = "info" | "attention" | "danger";
const icons: Record<Tone, IconName> = { info: "info", attention: "triangle-alert", danger: "circle-alert" };

export function Notice({ tone = "info", title, children, icon, live }: { tone?: Tone; title?: string; children: ComponentChildren; icon?: IconName; live?: boolean }) {
  return (
    <div class={tone === "info" ? "notice" : `notice notice--${tone}`} role={live ? (tone === "danger" ? "alert" : "status") : undefined}>
      <Icon name={icon ?? icons[tone]} />
      <div class="grow stack stack--tight">
        {title && <p class="notice__title">{title}</p>}
        {children}
      </div>
    </div>
  );
}

interface Toast { id: number; text: string; icon: IconName }
const toasts = signal<Toast[]>([]);
let next = 0;

/** Long enough to read: 4 s and 60 ms a character. */
export function toast(text: string, icon: IconName = "check"): void {
  const id = ++next;
  toasts.value = [...toasts.value.slice(-2), { id, text, icon }];
  setTimeout(() => { toasts.value = toasts.value.filter((t) => t.id !== id); }, 4000 + 60 * text.length);
}

const polite = signal(""), urgent = signal("");

export function announce(text: string, now = false): void {
  const s = now ? urgent : polite;
  // The same sentence twice must be two changes to be read twice.
  s.value = s.value === text ? text + "\u00a0" : text;
}

export function Toasts() {
  return (
    <>
      <div class="toasts" role="status" aria-label={kit.value.notifications}>
        {toasts.value.map((t) => <div key={t.id} class="toast"><Icon name={t.icon} /><span>{t.text}</span></div>)}
      </div>
      <div class="unseen" aria-live="polite">{polite.value}</div>
      <div class="unseen" role="alert">{urgent.value}</div>
    </>
  );
}

/** Copies a text; a browser that refuses says so to the caller. */
export async function copy(text: string, said = kit.value.copied): Promise<boolean> {
  try { await navigator.clipboard.writeText(text); toast(said); return true; } catch { return false; }
}

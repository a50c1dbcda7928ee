/**
 * One tooltip for the page, in the top layer. It repeats the control's name and adds its shortcut, so it is hidden from
 * assistive technology: nothing is said twice. Escape sends it away (WCAG 1.4.13).
 */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

interface Shown { text: string; shortcut?: string; at: DOMRect }
const shown = signal<Shown | null>(null);
let timer: ReturnType<typeof setTimeout> | undefined;

export function showTip(el: Element, text: string, shortcut?: string, delay = 400): void {
  clearTimeout(timer);
  timer = setTimeout(() => { shown.value = { text, shortcut, at: el.getBoundingClientRect() }; }, delay);
}

export function hideTip(): void {
  clearTimeout(timer);
  shown.value = null;
}

/** Handlers for a control with a tip; touch screens get none. */
export function tip(text: string, shortcut?: string) {
  return {
    onPointerEnter: (e: PointerEvent) => { if (e.pointerType === "mouse") showTip(e.currentTarget as Element, text, shortcut); },
    onPointerLeave: hideTip,
    onPointerDown: hideTip,
    onFocus: (e: FocusEvent) => { if ((e.currentTarget as Element).matches(":focus-visible")) showTip(e.currentTarget as Element, text, shortcut, 0); },
    onBlur: hideTip,
  };
}

export function TooltipHost() {
  const box = useRef<HTMLDivElement>(null);
  const s = shown.value;
  useEffect(() => {
    const el = box.current;
    if (!el?.showPopover) return;
    if (!s) { if (el.matches(":popover-open")) el.hidePopover(); return; }
    if (el.matches(":popover-open")) el.hidePopover();
    el.showPopover();
    const own = el.getBoundingClientRect();
    const x = Math.min(Math.max(8, s.at.left + s.at.width / 2 - own.width / 2), innerWidth - own.width - 8);
    const above = s.at.top - own.height - 10;
    el.style.setProperty("left", `${x}px`);
    el.style.setProperty("top", `${above > 8 ? above : s.at.bottom + 10}px`);
    const key = (e: KeyboardEvent) => { if (e.key === "Escape") hideTip(); };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, [s]);
  return (
    <div ref={box} class="tooltip" popover="manual" aria-hidden="true">
      {s?.text}
      {s?.shortcut && <kbd class="key">{s.shortcut}</kbd>}
    </div>
  );
}

import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";

/** Tabs after the ARIA pattern: one stop for Tab, arrows between. */
export function Tabs<T extends string>({ label, value, tabs, onChange, children }: {
  label: string; value: T; tabs: readonly { value: T; label: ComponentChildren }[]; onChange: (v: T) => void; children: ComponentChildren;
}) {
  const id = useId();
  const row = useRef<HTMLDivElement>(null);
  const keys = (e: KeyboardEvent) => {
    const now = tabs.findIndex((t) => t.value === value);
    const to = e.key === "ArrowRight" ? (now + 1) % tabs.length : e.key === "ArrowLeft" ? (now - 1 + tabs.length) % tabs.length
      : e.key === "Home" ? 0 : e.key === "End" ? tabs.length - 1 : -1;
    const next = tabs[to];
    if (!next) return;
    e.preventDefault();
    onChange(next.value);
    row.current?.querySelectorAll<HTMLElement>('[role="tab"]')[to]?.focus();
  };
  return (
    <>
      <div ref={row} class="tabs" role="tablist" aria-label={label} onKeyDown={keys}>
        {tabs.map((t) => (
          <button key={t.value} type="button" class="tabs__tab" role="tab" id={`${id}-${t.value}`} aria-selected={t.value === value}
            aria-controls={t.value === value ? `${id}-panel` : undefined} tabIndex={t.value === value ? 0 : -1} onClick={() => onChange(t.value)}>
            {t.label}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${value}`}>{children}</div>
    </>
  );
}

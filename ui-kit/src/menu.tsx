/** Popovers in the top layer (native popover attribute): light dismiss and Escape are the browser's, place and arrow keys are ours. */
import type { ComponentChildren, Ref } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icon.tsx";

export interface Opener { open: boolean; props: { ref: Ref<HTMLButtonElement>; "aria-expanded": boolean; "aria-controls": string; "aria-haspopup"?: "menu" | "dialog"; onClick: () => void } }

interface PopoverProps {
  /** Draws the control that opens it; give it the props. */
  opener: (o: Opener) => ComponentChildren;
  label: string;
  role?: "menu" | "dialog";
  children: (close: () => void) => ComponentChildren;
}

function place(box: HTMLElement, at: DOMRect): void {
  const own = box.getBoundingClientRect();
  const gap = 8;
  const left = at.left + own.width + gap > innerWidth ? at.right - own.width : at.left;
  const below = at.bottom + gap;
  const above = at.top - own.height - gap;
  const fitsBelow = below + own.height + gap <= innerHeight;
  box.style.setProperty("left", `${Math.max(gap, Math.min(left, innerWidth - own.width - gap))}px`);
  box.style.setProperty("top", `${fitsBelow ? below : Math.max(gap, above)}px`);
}

export function Popover({ opener, label, role = "dialog", children }: PopoverProps) {
  const button = useRef<HTMLButtonElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  const id = useId();

  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const toggled = (e: Event) => {
      const now = (e as ToggleEvent).newState === "open";
      setOpen(now);
      if (!now && (document.activeElement === document.body || el.contains(document.activeElement))) button.current?.focus();
    };
    el.addEventListener("toggle", toggled);
    return () => el.removeEventListener("toggle", toggled);
  }, []);

  useEffect(() => {
    const el = box.current, at = button.current;
    if (!open || !el || !at) return;
    place(el, at.getBoundingClientRect());
    const first = el.querySelector<HTMLElement>('[aria-checked="true"], [role^="menuitem"], button, select, input, a[href]');
    (role === "menu" ? first : el.querySelector<HTMLElement>("[autofocus]") ?? first)?.focus({ preventScroll: true });
    const again = () => place(el, at.getBoundingClientRect());
    addEventListener("resize", again);
    return () => removeEventListener("resize", again);
  }, [open]);

  const close = () => { box.current?.hidePopover(); };
  const toggle = () => {
    const el = box.current;
    if (!el) return;
    if (open) { el.hidePopover(); return; }
    setOpen(true);
    // Drawn first, shown next: so the first place is the right one.
    requestAnimationFrame(() => { if (!el.matches(":popover-open")) el.showPopover(); });
  };
  const keys = (e: KeyboardEvent) => {
    if (role !== "menu") return;
    const items = [...(box.current?.querySelectorAll<HTMLElement>('[role^="menuitem"]:not([aria-disabled="true"])') ?? [])];
    const now = items.indexOf(document.activeElement as HTMLElement);
    const to = e.key === "ArrowDown" ? (now + 1) % items.length : e.key === "ArrowUp" ? (now - 1 + items.length) % items.length
      : e.key === "Home" ? 0 : e.key === "End" ? items.length - 1 : -1;
    if (e.key === "Tab") close();
    if (to < 0) return;
    e.preventDefault();
    items[to]?.focus();
  };
  return (
    <>
      {opener({ open, props: { ref: button, "aria-expanded": open, "aria-controls": id, "aria-haspopup": role, onClick: toggle } })}
      <div ref={box} id={id} class={role === "menu" ? "popover menu" : "popover"} popover="auto" role={role} aria-label={label} onKeyDown={keys}>
        {open && children(close)}
      </div>
    </>
  );
}

interface ItemProps { icon?: IconName; danger?: boolean; checked?: boolean; shortcut?: string; disabled?: boolean; onClick: () => void; children: ComponentChildren }

export function MenuItem({ icon, danger, checked, shortcut, disabled, onClick, children }: ItemProps) {
  return (
    <button type="button" class={danger ? "menu__item menu__item--danger" : "menu__item"} role={checked === undefined ? "menuitem" : "menuitemradio"}
      aria-checked={checked} aria-disabled={disabled ? "true" : undefined} aria-keyshortcuts={shortcut} tabIndex={-1} onClick={disabled ? undefined : onClick}>
      {checked !== undefined && (checked ? <Icon name="check" /> : <span class="menu__mark" />)}
      {icon && <Icon name={icon} />}
      <span class="grow">{children}</span>
      {shortcut && <kbd class="key" aria-hidden="true">{shortcut}</kbd>}
    </button>
  );
}

export function MenuLink({ icon, href, children }: { icon?: IconName; href: string; children: ComponentChildren }) {
  return (
    <a class="menu__item" role="menuitem" href={href} tabIndex={-1}>
      {icon && <Icon name={icon} />}
      <span class="grow">{children}</span>
    </a>
  );
}

export function MenuTitle({ children }: { children: ComponentChildren }) {
  return <div class="menu__title" role="presentation">{children}</div>;
}

export function MenuLine() {
  return <hr class="menu__line" />;
}

export function Menu(props: Omit<PopoverProps, "role">) {
  return <Popover {...props} role="menu" />;
}

import type { ComponentChildren, JSX, Ref } from "preact";
import { Icon, type IconName } from "./icon.tsx";
import { tip } from "./tooltip.tsx";

/** "warn" leads to a dangerous act, "danger" does it. */
type Look = "plain" | "primary" | "warn" | "danger" | "quiet";

interface ButtonProps extends Omit<JSX.ButtonHTMLAttributes<HTMLButtonElement>, "icon" | "size" | "ref"> {
  look?: Look;
  icon?: IconName;
  large?: boolean;
  wide?: boolean;
  /** The act is under way: the button stays in place and focusable, and takes no second click. */
  busy?: boolean;
  children: ComponentChildren;
  innerRef?: Ref<HTMLButtonElement>;
}

function classes(look: Look, large?: boolean, wide?: boolean): string {
  return `button${look === "plain" ? "" : ` button--${look}`}${large ? " button--large" : ""}${wide ? " button--wide" : ""}`;
}

export function Button({ look = "plain", icon, large, wide, busy, children, innerRef, type = "button", onClick, ...rest }: ButtonProps) {
  return (
    <button {...rest} ref={innerRef} type={type} class={classes(look, large, wide)} aria-busy={busy ? "true" : undefined}
      onClick={busy ? (e) => e.preventDefault() : onClick}>
      {busy ? <span class="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      <span>{children}</span>
    </button>
  );
}

export function LinkButton({ href, look = "plain", icon, large, wide, children }: { href: string; look?: Look; icon?: IconName; large?: boolean; wide?: boolean; children: ComponentChildren }) {
  return (
    <a href={href} class={classes(look, large, wide)}>
      {icon && <Icon name={icon} />}
      <span>{children}</span>
    </a>
  );
}

interface IconButtonProps extends Omit<JSX.ButtonHTMLAttributes<HTMLButtonElement>, "icon" | "ref"> {
  name: string;
  icon: IconName;
  shortcut?: string;
  danger?: boolean;
  innerRef?: Ref<HTMLButtonElement>;
}

/** A control that shows only an icon: it has a name and a tooltip with its shortcut. */
export function IconButton({ name, icon, shortcut, danger, innerRef, children, type = "button", ...rest }: IconButtonProps) {
  return (
    <button {...tip(name, shortcut)} {...rest} ref={innerRef} type={type} class={`icon-button${danger ? " icon-button--danger" : ""}`}
      aria-keyshortcuts={shortcut}>
      <Icon name={icon} />
      <span class="unseen">{name}</span>
      {children}
    </button>
  );
}

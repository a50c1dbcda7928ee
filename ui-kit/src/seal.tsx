import { appearance } from "./appearance.ts";

/** The mark of the product and the state of a call. The word beside it is the caller's: the drawing alone never carries the meaning. */
export type SealState = "open" | "unverified" | "sealed" | "not-safe";

export function Seal({ state, size }: { state: SealState; size?: "m" | "l" }) {
  return (
    <svg class={`seal seal--${state}${size ? ` seal--${size}` : ""}`} viewBox="0 0 48 48" aria-hidden="true" focusable="false">
      <circle class="seal__disc" cx="24" cy="24" r="22.5" />
      <circle class="seal__ring" cx="24" cy="24" r="21" />
      <g class="seal__door">
        <path class="seal__frame" d="M15 37V21.5a9 9 0 0 1 18 0V37Z" />
        <g class="seal__leaf">
          <path d="M15 37V21.5a9 9 0 0 1 18 0V37Z" />
          <circle class="seal__knob" cx="29" cy="28" r="1.9" />
        </g>
      </g>
    </svg>
  );
}

/** The organisation's picture and name, where it has given them. */
export function Logo({ href, suffix }: { href?: string; suffix?: string }) {
  const a = appearance.value;
  const inside = (
    <>
      {a.logo ? <img class="logo__own" src={a.logo} alt="" /> : <Seal state="sealed" />}
      <span class="logo__name">{a.name}{suffix && <span class="muted"> {suffix}</span>}</span>
    </>
  );
  return href ? <a class="logo" href={href}>{inside}</a> : <span class="logo">{inside}</span>;
}

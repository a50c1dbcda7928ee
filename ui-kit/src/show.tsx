/** Parts that only show: who, how much, nothing yet, in a moment. */
import type { ComponentChildren } from "preact";
import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { kit } from "./words.ts";

export function initials(name: string): string {
  const parts = name.trim().split(/[\s-]+/u).filter(Boolean);
  const letter = (p: string | undefined) => [...(p ?? "")][0]?.toLocaleUpperCase() ?? "";
  return parts.length === 0 ? "?" : letter(parts[0]) + (parts.length > 1 ? letter(parts[parts.length - 1]) : "");
}

/** One of eight tones, the same for the same key everywhere. */
export function tone(key: string): number {
  let h = 0;
  for (let i = 0; i < key.length; i++) h = (h * 31 + key.charCodeAt(i)) >>> 0;
  return h % 8;
}

export function Avatar({ name, of, size }: { name: string; of: string; size?: "small" | "tile" }) {
  return <span class={`avatar avatar--${tone(of)}${size ? ` avatar--${size}` : ""}`} data-initials={initials(name)} aria-hidden="true" />;
}

export function Badge({ tone: t, dot, children }: { tone?: "accent" | "attention" | "danger"; dot?: boolean; children: ComponentChildren }) {
  return <span class={t ? `badge badge--${t}` : "badge"}>{dot && <span class="badge__dot" aria-hidden="true" />}{children}</span>;
}

export function Count({ n, label }: { n: number; label: string }) {
  return n > 0 ? <span class="count"><span aria-hidden="true">{n > 99 ? "99+" : n}</span><span class="unseen">{label}</span></span> : null;
}

const steps = 12;
/** Level of the voice, 0…1, in twelve steps; shown while one speaks, so that silence is visible too. */
export function Meter({ level, label }: { level: ReadonlySignal<number>; label?: string }) {
  const lit = Math.round(Math.min(1, level.value) * steps);
  return (
    <div class="meter" role="meter" aria-label={label ?? kit.value.level} aria-valuemin={0} aria-valuemax={steps} aria-valuenow={lit}>
      {Array.from({ length: steps }, (_, i) => <span key={i} class={i < lit ? "meter__step meter__step--on" : "meter__step"} />)}
    </div>
  );
}

/** A ring around its parent that follows the voice; set without drawing again. */
export function LevelRing({ level }: { level: ReadonlySignal<number> }) {
  const box = useRef<HTMLSpanElement>(null);
  useEffect(() => level.subscribe((v) => { box.current?.style.setProperty("--level", v < 0.04 ? "0" : String(Math.min(1, 0.35 + v))); }), [level]);
  return <span ref={box} class="level-ring" aria-hidden="true" />;
}

export function Empty({ title, children, picture, level = 2 }: { title: string; children?: ComponentChildren; picture?: ComponentChildren; level?: 1 | 2 | 3 }) {
  const H = `h${level}` as "h1" | "h2" | "h3";
  return <div class="empty">{picture}<H>{title}</H>{children}</div>;
}

export function Spinner({ label }: { label?: string }) {
  return <span class="row" role="status"><span class="spinner" aria-hidden="true" /><span class={label ? "" : "unseen"}>{label ?? kit.value.loading}</span></span>;
}

export function Skeleton({ lines = 3 }: { lines?: number }) {
  return <div class="stack" role="status" aria-label={kit.value.loading}>{Array.from({ length: lines }, (_, i) => <span key={i} class="skeleton skeleton--line" />)}</div>;
}

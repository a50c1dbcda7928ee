/**
 * Finding somebody or something by the beginnings of words and choosing it: a combobox with a list (WAI-ARIA 1.2). The
 * focus stays in the field; arrows move through what was found, Enter chooses, Escape closes.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Field } from "./field.tsx";
import { Icon, type IconName } from "./icon.tsx";
import { IconButton } from "./button.tsx";
import { Avatar } from "./show.tsx";
import { kit } from "./words.ts";

export interface Found { key: string; name: string; /** A second line: an address, how many. */ detail?: string; /** Instead of the person's initials. */ icon?: IconName }

interface FinderProps<T extends Found> {
  label: string;
  hint?: ComponentChildren;
  error?: string | null;
  hideLabel?: boolean;
  placeholder?: string;
  /** Asked at most every 200 ms; an answer to an older question is thrown away. */
  find: (words: string) => Promise<T[]>;
  onPick: (found: T) => void;
  /** Keys that are chosen already: shown, and not offered. */
  chosen?: readonly string[];
}

const pause = 200;

export function Finder<T extends Found>({ label, hint, error, hideLabel, placeholder, find, onPick, chosen = [] }: FinderProps<T>) {
  const [words, setWords] = useState("");
  const [found, setFound] = useState<T[] | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  const [at, setAt] = useState(-1);
  const list = useId(), box = useRef<HTMLInputElement>(null), turn = useRef(0);
  const open = found !== null && words.trim() !== "";
  useEffect(() => {
    const mine = ++turn.current, asked = words.trim();
    if (asked === "") { setFound(null); return; }
    const timer = setTimeout(() => {
      find(asked).then(
        (f) => { if (mine === turn.current) { setFound(f); setFailed(null); setAt(f.findIndex((x) => !chosen.includes(x.key))); } },
        (cause: unknown) => { if (mine === turn.current) { setFound(null); setFailed(cause instanceof Error ? cause.message : String(cause)); } },
      );
    }, pause);
    return () => clearTimeout(timer);
  }, [words]);
  const close = () => { setFound(null); setAt(-1); };
  const pick = (f: T | undefined) => {
    if (!f || chosen.includes(f.key)) return;
    onPick(f);
    setWords("");
    close();
    box.current?.focus();
  };
  const keys = (e: KeyboardEvent) => {
    if (e.key === "Enter") e.preventDefault(); // never sends the form around it
    if (!open || !found) return;
    const step = e.key === "ArrowDown" ? 1 : e.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && found.length > 0) { e.preventDefault(); setAt((at + step + found.length) % found.length); }
    else if (e.key === "Enter") pick(found[at]);
    else if (e.key === "Escape") { e.preventDefault(); e.stopPropagation(); close(); }
  };
  return (
    <div class="finder">
      <Field label={label} hint={hint} error={error ?? failed} hideLabel={hideLabel}>
        {(tied) => (
          <div class="field__box">
            <Icon name="search" />
            <input {...tied} ref={box} class="input" type="text" role="combobox" autocomplete="off" autocapitalize="none" spellcheck={false} placeholder={placeholder}
              aria-autocomplete="list" aria-expanded={open} aria-controls={open ? list : undefined} aria-activedescendant={open && at >= 0 ? `${list}-${at}` : undefined}
              value={words} onInput={(e) => setWords(e.currentTarget.value)} onKeyDown={keys} onBlur={() => { turn.current++; close(); }} />
          </div>
        )}
      </Field>
      {open && (found.length === 0 ? <p class="finder__none" role="status">{kit.value.nobody}</p> : (
        <ul class="finder__list" role="listbox" id={list} aria-label={label}>
          {found.map((f, i) => {
            const had = chosen.includes(f.key);
            return (
              // The press, not the click: the field would have lost the focus, and closed, before it.
              <li key={f.key} id={`${list}-${i}`} role="option" aria-selected={i === at} aria-disabled={had} class={i === at ? "finder__one finder__one--at" : "finder__one"}
                onPointerDown={(e) => { e.preventDefault(); pick(f); }}>
                {f.icon ? <span class="finder__icon"><Icon name={f.icon} /></span> : <Avatar name={f.name} of={f.key} size="small" />}
                <span class="who__text"><b class="cut">{f.name}</b>{f.detail && <span class="muted small cut">{f.detail}</span>}</span>
                {had && <Icon name="check" />}
              </li>
            );
          })}
        </ul>
      ))}
      <span class="unseen" role="status">{open && found.length > 0 ? kit.value.found(found.length) : ""}</span>
    </div>
  );
}

/** What was chosen, each with its way out. */
export function Chosen({ label, items, onRemove }: { label: string; items: readonly Found[]; onRemove: (key: string) => void }) {
  if (items.length === 0) return null;
  return (
    <ul class="chosen" aria-label={label}>
      {items.map((f) => (
        <li key={f.key} class="chosen__one">
          {f.icon ? <span class="finder__icon"><Icon name={f.icon} size="s" /></span> : <Avatar name={f.name} of={f.key} size="small" />}
          <span class="who__text"><span class="cut">{f.name}</span>{f.detail && <span class="muted small cut">{f.detail}</span>}</span>
          <IconButton name={kit.value.takeOff(f.name)} icon="x" onClick={() => onRemove(f.key)} />
        </li>
      ))}
    </ul>
  );
}

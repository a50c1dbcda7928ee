/** The way about the console: a few groups of sections on the left; on a phone behind one button that names where one is. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "@huisclos/ui-kit";
import type { Role } from "./api.ts";
import { groupsOf } from "./roles.ts";
import { base } from "./route.ts";
import { sectionName, words } from "./words/console.ts";

/** here: the section that is shown. */
export function Navigation({ here, role }: { here: string; role: Role }) {
  const t = words.value, groups = groupsOf(role);
  const [open, setOpen] = useState(false);
  const nav = useRef<HTMLElement>(null), opener = useRef<HTMLButtonElement>(null);
  // Where a window is too low for all of them, the one that is shown is in sight.
  useEffect(() => { setOpen(false); nav.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" }); }, [here]);
  const keys = (e: KeyboardEvent) => {
    if (e.key !== "Escape" || !open) return;
    setOpen(false);
    opener.current?.focus();
  };
  return (
    <nav class={open ? "console__nav console__nav--open" : "console__nav"} aria-label={t.nav} ref={nav} onKeyDown={keys}>
      <button type="button" class="console__open" ref={opener} aria-expanded={open} aria-controls="console-sections" onClick={() => setOpen(!open)}>
        <Icon name="list" /><span class="grow">{t.nav}<span class="muted"> · {sectionName(here)}</span></span><Icon name={open ? "chevron-up" : "chevron-down"} />
      </button>
      <div class="console__groups" id="console-sections">
        {groups.map((g) => (
          <div key={g.name} class="console__group">
            {g.name && <p class="console__heading" id={`nav-${g.name}`}>{t.groups[g.name]}</p>}
            <ul aria-labelledby={g.name ? `nav-${g.name}` : undefined} aria-label={g.name ? undefined : t.nav}>
              {g.sections.map((s) => (
                <li key={s.at}>
                  <a class="console__link" href={`${base}/${s.at}`} aria-current={s.at === here ? "page" : undefined} onClick={() => setOpen(false)}><Icon name={s.icon} /><span>{sectionName(s.at)}</span></a>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </div>
    </nav>
  );
}

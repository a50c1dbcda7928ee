/** What is sealed by which mechanism right now; each line with what to do where it is not in order. */
import { useState } from "preact/hooks";
import { Badge, count, Empty, Icon, lang, LinkButton, Notice, Segments, Skeleton, type IconName } from "@huisclos/ui-kit";
import type { ApiError, Role } from "../api.ts";
import { billAddress, posture, type Area, type Level, type Posture, type PostureLine } from "../api-posture.ts";
import { has } from "../roles.ts";
import { base } from "../route.ts";
import { asApiError, useEvery } from "../session.ts";
import { Head } from "../shell.tsx";
import { sectionName, words } from "../words/console.ts";
import { lineName, postureWords } from "../words/posture.ts";
import { Failed } from "./errors.tsx";

const icons: Record<Level, IconName> = { green: "check", attention: "triangle-alert", red: "circle-alert", unknown: "ellipsis" };
/** What is worst stands first in its part. */
const order: Record<Level, number> = { red: 0, attention: 1, unknown: 2, green: 3 };
const open = (l: PostureLine) => l.level === "red" || l.level === "attention";
/** The server's sentences stand in a terminal too, without a capital. */
const printed = (s: string) => { const text = s.replaceAll("'", "’"); return text.charAt(0).toLocaleUpperCase() + text.slice(1); };

export function PosturePage({ role }: { role: Role }) {
  const t = postureWords.value;
  const [state, setState] = useState<Posture | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const [filter, setFilter] = useState<"all" | "open">("all");
  const load = () => posture().then((p) => { setState(p); setFailed(null); }, (e: unknown) => setFailed(asApiError(e)));
  useEvery(10_000, load);
  if (!state) return <><Head title={t.title} />{failed ? <Failed error={failed} onRetry={() => void load()} /> : <Skeleton lines={8} />}</>;
  const lines = filter === "open" ? state.lines.filter(open) : state.lines;
  const areas = [...new Set(lines.map((l) => l.area))];
  return (
    <>
      <Head title={t.title} />
      <p class="muted lead">{t.lead}</p>
      <div class="stack stack--loose posture">
        <Notice tone={state.worst === "red" ? "danger" : state.worst === "attention" ? "attention" : "info"} title={t.worst[state.worst]} icon={state.worst === "green" ? "shield-check" : undefined}>
          <p class="figures">{t.counted(state.count)}</p>
          <p class="small">{t.measured(state.at, state.since)}</p>
        </Notice>
        <Segments label={t.show} value={filter} options={(["all", "open"] as const).map((f) => ({ value: f, label: t.filters[f] }))} onChange={setFilter} />
        {lines.length === 0 && <Empty title={t.allWell}><p>{t.allWellText}</p></Empty>}
        {areas.map((a) => <AreaPart key={a} area={a} lines={lines.filter((l) => l.area === a)} role={role} />)}
        <p class="muted small any">{t.sameBy}</p>
      </div>
    </>
  );
}

function AreaPart({ area, lines, role }: { area: Area; lines: PostureLine[]; role: Role }) {
  const t = postureWords.value;
  return (
    <section class="card posture__area" aria-labelledby={`posture-${area}`}>
      <h2 id={`posture-${area}`} class="part-title part-title--tight">{t.areas[area]}</h2>
      <ul class="posture__lines">{[...lines].sort((x, y) => order[x.level] - order[y.level]).map((l) => <One key={l.name} l={l} role={role} />)}</ul>
    </section>
  );
}

function One({ l, role }: { l: PostureLine; role: Role }) {
  const t = postureWords.value, to = l.section && has(role, l.section) ? l.section : "", reasons = words.value.reasons;
  return (
    <li class={`posture__line posture__line--${l.level}`} data-line={l.name} data-level={l.level}>
      <Icon name={icons[l.level]} />
      <div class="grow stack stack--tight">
        <div class="posture__head"><b class="any">{lineName(l.name)}</b><Badge tone={l.level === "red" ? "danger" : l.level === "attention" ? "attention" : l.level === "green" ? "accent" : undefined}>{t.levels[l.level]}</Badge></div>
        <p class="any">{printed(l.detail[lang.value])}</p>
        {open(l) && <p class="any"><b>{t.todo}{lang.value === "fr" ? " : " : ": "}</b>{printed(l.do[lang.value])}</p>}
        {l.counts && l.counts.length > 0 && (
          <dl class="posture__counts" aria-label={`${lineName(l.name)}, ${t.seen}`}>
            {l.counts.map((c) => <div key={c.name}><dt class="any">{l.name === "gate" ? reasons[c.name] ?? c.name : c.name}</dt><dd class="figures">{count(c.n)}</dd></div>)}
          </dl>
        )}
        {(l.name === "components" && l.level === "green" || open(l) && to) && (
          <div class="row row--wrap">
            {l.name === "components" && l.level === "green" && <LinkButton href={billAddress} icon="download">{t.bill}</LinkButton>}
            {open(l) && to && <LinkButton href={`${base}/${to}`}>{t.see(sectionName(to) ?? to)}</LinkButton>}
          </div>
        )}
        <details class="posture__why"><summary aria-label={`${t.why}${lang.value === "fr" ? " : " : ": "}${lineName(l.name)}`}>{t.why}</summary><p class="muted small any">{printed(l.why[lang.value])}</p></details>
      </div>
    </li>
  );
}

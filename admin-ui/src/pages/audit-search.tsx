/** What is looked for in the audit log. A change counts when it is sent, so that nothing is searched while somebody types. */
import { useEffect, useState } from "preact/hooks";
import { Button, IconButton, Input, Select } from "@huisclos/ui-kit";
import type { AuditQuery } from "../api.ts";
import { auditWords, familyChoices } from "../words/audit.ts";

export const everything: AuditQuery = { from: "", to: "", person: "", action: "", object: "", result: "" };

/** A day as the browser counts it begins at its own midnight; the last one counts whole. */
export function moments(q: AuditQuery): AuditQuery {
  const day = (text: string, after: number) => {
    const [y, m, d] = text.split("-").map(Number);
    if (!y || !m || !d) return "";
    return new Date(y, m - 1, d + after).toISOString();
  };
  return { ...q, from: day(q.from, 0), to: day(q.to, 1) };
}

export function Search({ asked, onAsk }: { asked: AuditQuery; onAsk: (q: AuditQuery) => void }) {
  const t = auditWords.value;
  const [q, setQ] = useState(asked);
  useEffect(() => setQ(asked), [asked]);
  const set = (change: Partial<AuditQuery>) => setQ({ ...q, ...change });
  const any = Object.values(asked).some((v) => v !== "");
  return (
    <search>
      <form class="audit-search" aria-label={t.search} onSubmit={(e) => { e.preventDefault(); onAsk(q); }}>
        <Input label={t.from} type="date" value={q.from} max={q.to || undefined} onValue={(from) => set({ from })} />
        <Input label={t.to} type="date" value={q.to} min={q.from || undefined} onValue={(to) => set({ to })} />
        <Input label={t.person} placeholder={t.personHint} maxLength={200} value={q.person} onValue={(person) => set({ person })} autocomplete="off" />
        <Select label={t.action} value={q.action} onValue={(action) => set({ action })} options={[{ value: "", label: t.allActions }, ...familyChoices()]} />
        <Select label={t.result} value={q.result} onValue={(result) => set({ result })}
          options={[{ value: "", label: t.allResults }, { value: "ok", label: t.ok }, { value: "refused", label: t.refused }, { value: "failed", label: t.failed }]} />
        <div class="row audit-search__acts">
          <Button look="primary" type="submit" icon="search">{t.search}</Button>
          {any && <Button onClick={() => onAsk(everything)}>{t.clear}</Button>}
        </div>
      </form>
      {asked.object && <p class="row"><span class="any">{t.object(asked.object)}</span><IconButton name={t.clear} icon="x" onClick={() => onAsk({ ...asked, object: "" })} /></p>}
    </search>
  );
}

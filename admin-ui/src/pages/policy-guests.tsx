/** The rule about people from outside: whether there are any, how long they stay, and how many one link brings. */
import { useState } from "preact/hooks";
import { Badge, Button, Input, Notice, Switch } from "@huisclos/ui-kit";
import type { GuestRule } from "../api.ts";
import { base } from "../route.ts";
import { roleWords } from "../words/roles.ts";

/** The ends of what can be set, as the server has them (accounts.LongestGuestDays, accounts.MostUses). */
const longest = 366, most = 500;

export function GuestRules({ rule, officer, busy, waits, onChange }: {
  rule: GuestRule; officer: boolean; busy: boolean;
  /** A proposal about guests is open. */
  waits: boolean; onChange: (change: Partial<GuestRule>, said: string) => Promise<string | null>;
}) {
  const t = roleWords.value.guests;
  const [days, setDays] = useState(String(rule.days));
  const [maxDays, setMaxDays] = useState(String(rule.maxDays));
  const [maxUses, setMaxUses] = useState(String(rule.maxUses));
  const [tried, setTried] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const read = (text: string, end: number) => { const n = /^\d{1,4}$/.test(text.trim()) ? Number(text) : 0; return n >= 1 && n <= end ? n : null; };
  const wish = { maxDays: read(maxDays, longest), days: read(days, longest), maxUses: read(maxUses, most) };
  const usualTooLong = wish.days !== null && wish.maxDays !== null && wish.days > wish.maxDays;
  const change = async (what: Partial<GuestRule>, said: string) => { setError(null); setError(await onChange(what, said)); };
  const submit = (e: Event) => {
    e.preventDefault();
    setTried(true);
    if (busy || wish.days === null || wish.maxDays === null || wish.maxUses === null || usualTooLong) return;
    const changed: Partial<GuestRule> = {};
    for (const k of ["days", "maxDays", "maxUses"] as const) if (wish[k] !== rule[k]) changed[k] = wish[k]!;
    if (Object.keys(changed).length > 0) void change(changed, t.saved);
  };
  const bad = (n: number | null, end: number) => tried && n === null ? t.between(end) : null;
  return (
    <section class="card stack" aria-labelledby="rules-guests">
      <h2 id="rules-guests" class="part-title part-title--tight">{t.title}</h2>
      <p class="muted">{t.text}</p>
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
      {waits && <p class="small"><a href={`${base}/proposals`}>{t.pending}</a></p>}
      <ul class="rulings">
        <li class="ruling">
          <div><b>{t.allowed}</b><p class="muted small">{t.allowedText}</p></div>
          {officer ? <Switch label={t.allowed} hideLabel on={rule.allowed} disabled={busy} onChange={(allowed) => void change({ allowed }, t.saved)} /> : <Badge>{rule.allowed ? t.yes : t.no}</Badge>}
        </li>
        {!officer && <li class="ruling"><b>{t.maxDays}</b><Badge>{String(rule.maxDays)}</Badge></li>}
        {!officer && <li class="ruling"><b>{t.days}</b><Badge>{String(rule.days)}</Badge></li>}
        {!officer && <li class="ruling"><b>{t.maxUses}</b><Badge>{String(rule.maxUses)}</Badge></li>}
      </ul>
      {officer && (
        <form class="stack" noValidate onSubmit={submit}>
          <div class="field--number"><Input label={t.maxDays} hint={t.upTo(longest)} type="number" inputmode="numeric" min={1} max={longest} value={maxDays} onValue={setMaxDays} error={bad(wish.maxDays, longest)} /></div>
          <div class="field--number"><Input label={t.days} hint={t.daysHint} type="number" inputmode="numeric" min={1} max={longest} value={days} onValue={setDays} error={bad(wish.days, longest) ?? (tried && usualTooLong ? t.usualTooLong : null)} /></div>
          <div class="field--number"><Input label={t.maxUses} hint={t.upTo(most)} type="number" inputmode="numeric" min={1} max={most} value={maxUses} onValue={setMaxUses} error={bad(wish.maxUses, most)} /></div>
          <div><Button type="submit" busy={busy}>{t.save}</Button></div>
        </form>
      )}
    </section>
  );
}

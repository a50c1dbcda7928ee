/** The rules for all accounts: which roles need a second factor, and what there is for guests. Officers change them, administrators read. */
import { useEffect, useState } from "preact/hooks";
import { Badge, lang, Notice, Skeleton, Switch, toast } from "@huisclos/ui-kit";
import { admin, isProposed, type ApiError, type Policy, type PolicyChange, type Proposal, type Role, type RuledRole } from "../api.ts";
import { base } from "../route.ts";
import { asApiError } from "../session.ts";
import { Head } from "../shell.tsx";
import { roleName, roleWords } from "../words/roles.ts";
import { Failed } from "./errors.tsx";
import { GuestRules } from "./policy-guests.tsx";
import { ProposedDialog } from "./link.tsx";

const fixed: readonly Exclude<Role, "guest">[] = ["administrator", "officer", "auditor"];
const ruled: readonly RuledRole[] = ["organiser", "member"];

export function Rules({ role }: { role: Role }) {
  const t = roleWords.value.rules;
  const officer = role === "officer";
  const [policy, setPolicy] = useState<Policy | null>(null);
  const [pending, setPending] = useState<Proposal[]>([]);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [proposed, setProposed] = useState<Proposal | null>(null);
  const load = async () => {
    try {
      const [p, open] = await Promise.all([admin.policy(), admin.proposals()]);
      setPolicy(p);
      setPending(open.filter((x) => x.kind === "policy"));
      setFailed(null);
    } catch (e) { setFailed(asApiError(e)); }
  };
  useEffect(() => { void load(); }, []);
  const change = async (what: PolicyChange, said: string): Promise<string | null> => {
    if (busy) return null;
    setBusy(true);
    let why: string | null = null;
    try {
      const answer = await admin.changePolicy(what);
      if (isProposed(answer)) setProposed(answer.proposal); else toast(said);
    } catch (cause) { why = asApiError(cause).text(lang.value); }
    await load();
    setBusy(false);
    return why;
  };
  const set = async (r: RuledRole, on: boolean) => { setError(null); setError(await change({ twoFactors: { [r]: on ? "required" : "optional" } }, t.stricter)); };
  if (failed) return <><Head title={t.title} /><Failed error={failed} onRetry={() => void load()} /></>;
  if (!policy) return <><Head title={t.title} /><Skeleton lines={4} /></>;
  const waits = (r: RuledRole) => pending.some((p) => p.change.twoFactors?.[r] === "optional");
  return (
    <>
      <Head title={t.title} />
      <p class="muted lead">{t.lead} {!officer && t.readOnly}</p>
      <div class="stack stack--loose">
        <section class="card stack" aria-labelledby="rules-factors">
          <h2 id="rules-factors" class="part-title part-title--tight">{t.factors}</h2>
          <p class="muted">{t.factorsText}</p>
          {error && <Notice tone="danger" live><p>{error}</p></Notice>}
          <ul class="rulings">
            {fixed.map((r) => <li key={r} class="ruling"><Who role={r} /><Badge>{t.always}</Badge></li>)}
            {ruled.map((r) => (
              <li key={r} class="ruling">
                <div class="stack stack--tight">
                  <Who role={r} />
                  {waits(r) && <p class="small"><a href={`${base}/proposals`}>{t.pending}</a></p>}
                </div>
                {officer
                  ? <Switch label={t.ask(roleName(r))} hideLabel on={policy.twoFactors[r] !== "optional"} onChange={(on) => void set(r, on)} />
                  : <Badge>{policy.twoFactors[r] === "optional" ? t.optional : t.required}</Badge>}
              </li>
            ))}
          </ul>
        </section>
        <GuestRules key={JSON.stringify(policy.guests)} rule={policy.guests} officer={officer} busy={busy} waits={pending.some((p) => p.change.guests)} onChange={(guests, said) => change({ guests }, said)} />
        {policy.officers < 2 ? <Notice tone="attention"><p>{t.officers(policy.officers)}</p></Notice> : <p class="muted">{t.officers(policy.officers)}</p>}
      </div>
      <ProposedDialog proposal={proposed} onClose={() => setProposed(null)} />
    </>
  );
}

function Who({ role }: { role: Role }) {
  return <div><b>{roleName(role)}</b><p class="muted small">{roleWords.value.says[role]}</p></div>;
}

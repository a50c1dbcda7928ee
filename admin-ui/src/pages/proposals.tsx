/** Acts that wait for a second pair of eyes: who proposed what and when; agreed to, declined or withdrawn here. */
import { useEffect, useState } from "preact/hooks";
import { Badge, Button, Confirm, dateTime, Empty, lang, list, Notice, ProfileConditions, Seal, Skeleton, toast } from "@huisclos/ui-kit";
import { admin, type Activation, type ApiError, type Proposal, type Role, type RuledRole } from "../api.ts";
import { asApiError } from "../session.ts";
import { Head } from "../shell.tsx";
import { profileWords } from "../words/profiles.ts";
import { roleName, roleWords } from "../words/roles.ts";
import { Failed } from "./errors.tsx";
import { LinkOnce } from "./link.tsx";

/** One sentence that says what would be done. */
export function whatOf(p: Proposal): string {
  const t = roleWords.value.waiting, w = t.what, c = p.change, name = p.account?.name || t.gone;
  switch (p.kind) {
    case "policy": {
      const all = Object.entries(c.twoFactors ?? {}) as [RuledRole, string][];
      const of = (value: string) => list(all.filter(([, v]) => v === value).map(([r]) => roleName(r)));
      const g = c.guests ?? {};
      return [g.allowed && w.guests, g.maxDays && w.guestDays(g.maxDays), g.days && w.guestUsual(g.days), g.maxUses && w.guestUses(g.maxUses), of("optional") && w.optional(of("optional")), of("required") && w.required(of("required"))].filter(Boolean).join(". ") || w.policy;
    }
    case "profile": return c.profile ? profileWords.value.loosen(c.profile.name) : w.other(p.kind);
    case "create": return w.create(c.name ?? c.email ?? "", roleName(c.role ?? "officer"));
    case "role": return w.role(name, roleName(c.from ?? "member"), roleName(c.to ?? "member"));
    case "disable": case "enable": case "delete": case "factors": case "activation": return w[p.kind](name);
    default: return w.other(p.kind);
  }
}

export function Proposals({ me, role }: { me: string; role: Role }) {
  const t = roleWords.value.waiting;
  const [all, setAll] = useState<Proposal[] | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const [link, setLink] = useState<{ name: string; activation: Activation } | null>(null);
  const load = () => admin.proposals().then((p) => { setAll(p); setFailed(null); }, (e: unknown) => setFailed(asApiError(e)));
  useEffect(() => { void load(); }, []);
  return (
    <>
      <Head title={t.title} />
      <p class="muted lead">{t.lead}</p>
      {failed ? <Failed error={failed} onRetry={() => void load()} />
        : !all ? <Skeleton lines={3} />
        : all.length === 0 ? <Empty title={t.none} picture={<Seal state="open" size="l" />}><p>{t.noneText}</p></Empty>
        : <ul class="stack">{all.map((p) => <Waiting key={p.id} proposal={p} me={me} officer={role === "officer"} onChange={load} onLink={setLink} />)}</ul>}
      <LinkOnce link={link} onClose={() => setLink(null)} />
    </>
  );
}

function Waiting({ proposal: p, me, officer, onChange, onLink }: {
  proposal: Proposal; me: string; officer: boolean; onChange: () => Promise<void>; onLink: (l: { name: string; activation: Activation }) => void;
}) {
  const t = roleWords.value.waiting;
  const [asked, setAsked] = useState<"approve" | "reject" | null>(null);
  const [error, setError] = useState<string | null>(null);
  const mine = p.by.id === me, about = p.account?.id === me;
  const act = async (run: () => Promise<unknown>, said: string) => {
    setError(null);
    try { await run(); toast(said); setAsked(null); await onChange(); } catch (cause) { setAsked(null); setError(asApiError(cause).text(lang.value)); }
  };
  const approve = () => act(async () => {
    const happened = await admin.approve(p.id);
    if (happened?.activation) onLink({ name: happened.account?.name ?? p.change.name ?? p.account?.name ?? "", activation: happened.activation });
  }, t.approved);
  return (
    <li class="card stack stack--tight">
      <div class="row row--wrap proposal__head"><h2 class="proposal__what">{whatOf(p)}</h2>{p.waits && <Badge tone="attention">{t.second}</Badge>}</div>
      {p.change.profile && <div><p>{profileWords.value.asks}</p><ProfileConditions profile={p.change.profile} /></div>}
      <p>{t.by(p.by.name || t.gone, dateTime(p.at))}{p.change.email && <span class="muted"> · {p.change.email}</span>}</p>
      <p class="muted small">{t.until(dateTime(p.until))}</p>
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
      {officer && mine && <p class="muted small">{t.own}</p>}
      {officer && !mine && about && <p class="muted small">{t.about}</p>}
      <div class="row row--wrap">
        {p.canApprove && <Button look="primary" icon="check" onClick={() => setAsked("approve")}>{t.approve}</Button>}
        {mine ? <Button onClick={() => setAsked("reject")}>{t.takeBack}</Button> : officer && !about && <Button onClick={() => setAsked("reject")}>{t.reject}</Button>}
      </div>
      <Confirm open={asked === "approve"} title={t.approveTitle} act={t.approve} danger={false} onClose={() => setAsked(null)} onAct={approve}>
        <p><b>{whatOf(p)}</b></p><p>{t.by(p.by.name || t.gone, dateTime(p.at))}</p><p>{t.approveText}</p>
      </Confirm>
      <Confirm open={asked === "reject"} title={mine ? t.takeBackTitle : t.rejectTitle} act={mine ? t.takeBack : t.reject} danger={false} onClose={() => setAsked(null)}
        onAct={() => act(() => admin.reject(p.id), mine ? t.takenBack : t.rejected)}>
        <p><b>{whatOf(p)}</b></p><p>{t.rejectText}</p>
      </Confirm>
    </li>
  );
}

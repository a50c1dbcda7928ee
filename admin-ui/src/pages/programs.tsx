/** Access for programs: tokens of the API, with their scopes; webhooks stand below. */
import { useEffect, useState } from "preact/hooks";
import { ago, Badge, Button, Check, Confirm, copy, count, date, dateTime, Dialog, Empty, IconButton, Input, lang, LinkButton, Notice, Select, Skeleton, Table, toast, type Column } from "@huisclos/ui-kit";
import type { ApiError } from "../api.ts";
import { programs, type Program, type Programs as State } from "../programs.ts";
import { asApiError, useEvery } from "../session.ts";
import { Head } from "../shell.tsx";
import { programWords } from "../words/programs.ts";
import { Failed } from "./errors.tsx";
import { Webhooks } from "./webhooks.tsx";

const lifetimes = [30, 90, 180, 365];
const soon = 21 * 24 * 3600_000;

interface Made { program: Program; token: string }

export function Programs() {
  const t = programWords.value;
  const [state, setState] = useState<State | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<Made | null>(null);
  const [asked, setAsked] = useState<Program | null>(null);
  const load = () => programs.tokens().then((s) => { setState(s); setFailed(null); }, (e: unknown) => setFailed(asApiError(e)));
  useEffect(() => { void load(); }, []);
  useEvery(15_000, load);
  const revoke = async (p: Program) => {
    try { await programs.revokeToken(p.id); toast(t.revoked); } catch (cause) { toast(asApiError(cause).text(lang.value), "circle-alert"); }
    setAsked(null);
    await load();
  };
  if (!state) return <><Head title={t.title} />{failed ? <Failed error={failed} onRetry={() => void load()} /> : <Skeleton lines={5} />}</>;
  const full = state.tokens.length >= state.most;
  const columns: Column<Program>[] = [
    { id: "name", name: t.of, cell: (p) => <span class="any"><b>{p.name}</b><br /><span class="muted small">{t.by(p.by)}</span></span> },
    { id: "may", name: t.may, cell: (p) => <span class="any"><code class="small">{p.scopes.join(" ")}</code>{p.networks.length > 0 && <><br /><span class="muted small">{t.networks(p.networks.length)}</span></>}</span> },
    { id: "expires", name: t.expires, cell: (p) => <span class="row row--wrap"><span class="nowrap">{date(p.expires)}</span><Life of={p} /></span> },
    { id: "used", name: t.used, cell: (p) => p.used ? <span><span class="nowrap">{ago(p.used)}</span>{p.from && <><br /><span class="muted small any">{t.from(p.from)}</span></>}</span> : <span class="muted">{t.never}</span> },
    { id: "acts", name: t.acts, quiet: true, cell: (p) => <IconButton name={t.revoke(p.name)} icon="trash-2" onClick={() => setAsked(p)} /> },
  ];
  return (
    <>
      <Head title={t.title}><Button look="primary" icon="plus" disabled={full} onClick={() => setMaking(true)}>{t.make}</Button></Head>
      <p class="muted lead">{t.lead}</p>
      <div class="stack stack--loose">
        {full && <Notice><p>{t.full(state.most)}</p></Notice>}
        <section class="card" aria-labelledby="programs-where">
          <h2 id="programs-where" class="unseen">{t.url}</h2>
          <dl class="facts">
            <dt>{t.url}</dt><dd><span class="row"><code class="any">{state.url}</code><IconButton name={t.copyUrl} icon="copy" onClick={() => void copy(state.url)} /></span></dd>
            <dt>{t.description}</dt><dd><LinkButton href={state.description} icon="download">{t.open}</LinkButton></dd>
          </dl>
        </section>
        <section aria-labelledby="programs-tokens">
          <h2 id="programs-tokens" class="part-title">{t.tokens}{state.tokens.length > 0 && <span class="unseen"> {count(state.tokens.length)}</span>}</h2>
          {state.tokens.length === 0 ? <Empty title={t.none} level={3}><p>{t.noneText}</p></Empty> : <Table caption={t.tokens} columns={columns} rows={state.tokens} rowKey={(p) => p.id} />}
        </section>
        <Webhooks />
      </div>
      <Dialog open={making} title={t.makeTitle} onClose={() => setMaking(false)}>
        {making && <Make scopes={state.scopes} days={state.days} onMade={(m) => { setMaking(false); setMade(m); void load(); }} />}
      </Dialog>
      <Once made={made} onClose={() => setMade(null)} />
      <Confirm open={asked !== null} title={t.revokeTitle(asked?.name ?? "")} act={t.revokeAct} onClose={() => setAsked(null)} onAct={() => asked ? revoke(asked) : undefined}><p>{t.revokeText}</p></Confirm>
    </>
  );
}

function Life({ of: p }: { of: Program }) {
  const t = programWords.value;
  if (p.expired) return <Badge tone="danger">{t.expired}</Badge>;
  return Date.parse(p.expires) - Date.now() < soon ? <Badge tone="attention">{t.soon}</Badge> : null;
}

/** Several of a list, each a box to tick. */
export function Several({ label, hint, of, names, on, onChange }: { label: string; hint?: string; of: readonly string[]; names: (one: string) => string; on: readonly string[]; onChange: (on: string[]) => void }) {
  return (
    <fieldset class="stack">
      <legend class="field__label">{label}{hint && <span class="muted small"> {hint}</span>}</legend>
      {of.map((one) => <Check key={one} label={names(one)} on={on.includes(one)} onChange={(yes) => onChange(yes ? [...on, one] : on.filter((o) => o !== one))} />)}
    </fieldset>
  );
}

function Make({ scopes, days: usual, onMade }: { scopes: readonly string[]; days: number; onMade: (m: Made) => void }) {
  const t = programWords.value;
  const [name, setName] = useState("");
  const [days, setDays] = useState(String(usual));
  const [on, setOn] = useState<string[]>([]);
  const [networks, setNetworks] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy || !name.trim()) return;
    setBusy(true);
    setError(null);
    try {
      onMade(await programs.makeToken({ name: name.trim(), days: Number(days), scopes: on, networks: networks.split(/[\s,;]+/u).filter(Boolean) }));
    } catch (cause) { setError(asApiError(cause).text(lang.value)); setBusy(false); }
  };
  return (
    <form class="stack" onSubmit={(e) => void submit(e)}>
      <p class="muted">{t.makeText}</p>
      {error && <Notice tone="danger" title={t.failed} live><p>{error}</p></Notice>}
      <Input label={t.nameLabel} hint={t.nameHint} required maxLength={80} value={name} onValue={setName} autocomplete="off" autofocus />
      <Several label={t.scopes} hint={t.scopesHint} of={scopes} names={t.scope} on={on} onChange={setOn} />
      <Select label={t.days} value={days} onValue={setDays} options={lifetimes.map((n) => ({ value: String(n), label: t.daysOf(n) }))} />
      <Input label={t.networksLabel} hint={t.networksHint} value={networks} onValue={setNetworks} autocomplete="off" spellcheck={false} />
      <div class="dialog__acts"><Button look="primary" type="submit" busy={busy}>{t.makeAct}</Button></div>
    </form>
  );
}

function Once({ made, onClose }: { made: Made | null; onClose: () => void }) {
  const t = programWords.value;
  return (
    <Dialog open={made !== null} title={t.onceTitle} onClose={onClose}>
      <dl class="facts"><dt>{t.token}</dt><dd><p class="once code" tabIndex={0}>{made?.token}</p></dd></dl>
      <p class="muted small">{made && t.onceUntil(dateTime(made.program.expires))}</p>
      <Notice tone="attention"><p>{t.once}</p></Notice>
      <div class="dialog__acts">
        <Button onClick={onClose}>{t.done}</Button>
        <Button look="primary" icon="copy" onClick={() => { if (made) void copy(made.token); }}>{t.copyToken}</Button>
      </div>
    </Dialog>
  );
}

/** Provisioning: the tokens of identity systems, the address that they are given, and what to set where. */
import { useEffect, useState } from "preact/hooks";
import { ago, Badge, Button, Confirm, copy, count, date, dateTime, Dialog, Empty, IconButton, Input, lang, Notice, Select, Skeleton, Switch, Table, Tabs, toast, type Column } from "@huisclos/ui-kit";
import { admin, type ApiError, type Provisioner, type Provisioning as State } from "../api.ts";
import { asApiError, useEvery } from "../session.ts";
import { Head } from "../shell.tsx";
import { provisioningWords, type System } from "../words/provisioning.ts";
import { Failed } from "./errors.tsx";

const lifetimes = [30, 90, 180, 365];
const soon = 21 * 24 * 3600_000;
const systems: readonly System[] = ["entra", "okta", "keycloak"];

interface Made { provisioner: Provisioner; token: string }

export function Provisioning() {
  const t = provisioningWords.value;
  const [state, setState] = useState<State | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<Made | null>(null);
  const [asked, setAsked] = useState<Provisioner | null>(null);
  const load = () => admin.provisioning().then((s) => { setState(s); setFailed(null); }, (e: unknown) => setFailed(asApiError(e)));
  useEffect(() => { void load(); }, []);
  useEvery(15_000, load);
  const revoke = async (p: Provisioner) => {
    try { await admin.revokeProvisioner(p.id); toast(t.revoked); } catch (cause) { toast(asApiError(cause).text(lang.value), "circle-alert"); }
    setAsked(null);
    await load();
  };
  if (!state) return <><Head title={t.title} />{failed ? <Failed error={failed} onRetry={() => void load()} /> : <Skeleton lines={5} />}</>;
  const full = state.tokens.length >= state.most;
  const columns: Column<Provisioner>[] = [
    { id: "name", name: t.of, cell: (p) => <span class="any"><b>{p.name}</b><br /><span class="muted small">{t.by(p.by)}</span></span> },
    { id: "gives", name: t.gives, cell: (p) => <span>{p.organisers ? t.organisers : t.members}{p.mails && <><br /><span class="muted small">{t.mails}</span></>}</span> },
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
        <section class="card" aria-labelledby="provisioning-what">
          <h2 id="provisioning-what" class="unseen">{t.brought}</h2>
          <dl class="facts">
            <dt>{t.url}</dt><dd><span class="row"><code class="any">{state.url}</code><IconButton name={t.copyUrl} icon="copy" onClick={() => void copy(state.url)} /></span></dd>
            <dt>{t.brought}</dt><dd class="figures">{t.people(state.accounts)}, {t.groups(state.groups)}</dd>
          </dl>
        </section>
        <section aria-labelledby="provisioning-tokens">
          <h2 id="provisioning-tokens" class="part-title">{t.tokens}{state.tokens.length > 0 && <span class="unseen"> {count(state.tokens.length)}</span>}</h2>
          {state.tokens.length === 0 ? <Empty title={t.none} level={3}><p>{t.noneText}</p></Empty> : <Table caption={t.tokens} columns={columns} rows={state.tokens} rowKey={(p) => p.id} />}
        </section>
        <How />
      </div>
      <Dialog open={making} title={t.makeTitle} onClose={() => setMaking(false)}>
        {making && <Make mail={state.mail} onMade={(m) => { setMaking(false); setMade(m); void load(); }} />}
      </Dialog>
      <Once made={made} url={state.url} onClose={() => setMade(null)} />
      <Confirm open={asked !== null} title={t.revokeTitle(asked?.name ?? "")} act={t.revokeAct} onClose={() => setAsked(null)} onAct={() => asked ? revoke(asked) : undefined}><p>{t.revokeText}</p></Confirm>
    </>
  );
}

function Life({ of: p }: { of: Provisioner }) {
  const t = provisioningWords.value;
  if (p.expired) return <Badge tone="danger">{t.expired}</Badge>;
  return Date.parse(p.expires) - Date.now() < soon ? <Badge tone="attention">{t.soon}</Badge> : null;
}

function Make({ mail, onMade }: { mail: boolean; onMade: (m: Made) => void }) {
  const t = provisioningWords.value;
  const [name, setName] = useState("");
  const [days, setDays] = useState("180");
  const [organisers, setOrganisers] = useState(false);
  const [mails, setMails] = useState(true);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy || !name.trim()) return;
    setBusy(true);
    setError(null);
    try { onMade(await admin.makeProvisioner({ name: name.trim(), days: Number(days), organisers, mails: mails && mail })); } catch (cause) { setError(asApiError(cause).text(lang.value)); setBusy(false); }
  };
  return (
    <form class="stack" onSubmit={(e) => void submit(e)}>
      <p class="muted">{t.makeText}</p>
      {error && <Notice tone="danger" title={t.failed} live><p>{error}</p></Notice>}
      <Input label={t.nameLabel} hint={t.nameHint} required maxLength={80} value={name} onValue={setName} autocomplete="off" autofocus />
      <Select label={t.days} hint={t.daysHint} value={days} onValue={setDays} options={lifetimes.map((n) => ({ value: String(n), label: t.daysOf(n) }))} />
      <Switch label={t.mayOrganise} hint={t.mayOrganiseHint} on={organisers} onChange={setOrganisers} />
      {mail ? <Switch label={t.mayMail} hint={t.mayMailHint} on={mails} onChange={setMails} /> : <Notice><p>{t.noMail}</p></Notice>}
      <div class="dialog__acts"><Button look="primary" type="submit" busy={busy}>{t.makeAct}</Button></div>
    </form>
  );
}

function Once({ made, url, onClose }: { made: Made | null; url: string; onClose: () => void }) {
  const t = provisioningWords.value;
  return (
    <Dialog open={made !== null} title={t.onceTitle} onClose={onClose}>
      <dl class="facts">
        <dt>{t.url}</dt><dd><code class="any">{url}</code></dd>
        <dt>{t.token}</dt><dd><p class="once code" tabIndex={0}>{made?.token}</p></dd>
      </dl>
      <p class="muted small">{made && t.onceUntil(dateTime(made.provisioner.expires))}</p>
      <Notice tone="attention"><p>{t.once}</p></Notice>
      <div class="dialog__acts">
        <Button onClick={onClose}>{t.done}</Button>
        <Button look="primary" icon="copy" onClick={() => { if (made) void copy(made.token); }}>{t.copyToken}</Button>
      </div>
    </Dialog>
  );
}

function How() {
  const t = provisioningWords.value;
  const [at, setAt] = useState<System>("entra");
  return (
    <section aria-labelledby="provisioning-how">
      <h2 id="provisioning-how" class="part-title">{t.how}</h2>
      <p class="muted">{t.need}</p>
      <Tabs label={t.howLabel} value={at} tabs={systems.map((s) => ({ value: s, label: t.systems[s] }))} onChange={setAt}>
        <ol class="how">{t.steps[at].map((s) => <li key={s}>{s}</li>)}</ol>
      </Tabs>
    </section>
  );
}

/** Webhooks: where events go, how that is doing, and what was tried last. */
import { useEffect, useState } from "preact/hooks";
import { ago, Badge, Button, Confirm, copy, count, dateTime, Dialog, Empty, Field, IconButton, Input, lang, Notice, SideSheet, Skeleton, Switch, Table, toast, type Column } from "@huisclos/ui-kit";
import type { ApiError } from "../api.ts";
import { programs, type Delivery, type Webhook, type Webhooks as State, type WebhookWish } from "../programs.ts";
import { asApiError, useEvery } from "../session.ts";
import { programWords } from "../words/programs.ts";
import { Failed } from "./errors.tsx";
import { Several } from "./programs.tsx";

export function Webhooks() {
  const t = programWords.value.hooks;
  const [state, setState] = useState<State | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const [making, setMaking] = useState(false);
  const [at, setAt] = useState<string | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const load = () => programs.webhooks().then((s) => { setState(s); setFailed(null); }, (e: unknown) => setFailed(asApiError(e)));
  useEffect(() => { void load(); }, []);
  useEvery(10_000, load);
  const body = () => {
    if (!state) return failed ? <Failed error={failed} onRetry={() => void load()} /> : <Skeleton lines={3} />;
    const columns: Column<Webhook>[] = [
      { id: "name", name: t.nameLabel, cell: (h) => <span class="any"><b>{h.name}</b><br /><span class="muted small">{new URL(h.url).host}</span></span> },
      { id: "events", name: t.what, cell: (h) => t.events(h.events.length) },
      { id: "state", name: t.state, cell: (h) => <Health of={h} /> },
      { id: "acts", name: programWords.value.acts, quiet: true, cell: (h) => <IconButton name={t.look(h.name)} icon="chevron-right" onClick={() => setAt(h.id)} /> },
    ];
    return state.webhooks.length === 0 ? <Empty title={t.none} level={3}><p>{t.noneText}</p></Empty> : <Table caption={t.title} columns={columns} rows={state.webhooks} rowKey={(h) => h.id} />;
  };
  const full = state !== null && state.webhooks.length >= state.most, shown = state?.webhooks.find((h) => h.id === at) ?? null;
  return (
    <section aria-labelledby="webhooks">
      <div class="head">
        <h2 id="webhooks" class="part-title">{t.title}{state && state.webhooks.length > 0 && <span class="unseen"> {count(state.webhooks.length)}</span>}</h2>
        <Button icon="plus" disabled={!state || full} onClick={() => setMaking(true)}>{t.make}</Button>
      </div>
      {full && <Notice><p>{t.full(state.most)}</p></Notice>}
      {state?.webhooks.filter((h) => h.failed).map((h) => <Notice key={h.id} tone="danger"><p>{t.failedText(h.name)}</p></Notice>)}
      {body()}
      <Dialog open={making} title={t.makeTitle} onClose={() => setMaking(false)}>
        {making && state && <Form events={state.events} act={t.makeAct} save={async (w) => { const made = await programs.makeWebhook(w); setMaking(false); setSecret(made.secret); await load(); }} />}
      </Dialog>
      <SideSheet open={shown !== null} title={shown?.name ?? ""} onClose={() => setAt(null)}>
        {shown && state && <One key={shown.id} of={shown} events={state.events} onChanged={load} onSecret={setSecret} onGone={() => { setAt(null); void load(); }} />}
      </SideSheet>
      <Dialog open={secret !== null} title={t.secretTitle} onClose={() => setSecret(null)}>
        <dl class="facts"><dt>{t.secret}</dt><dd><p class="once code" tabIndex={0}>{secret}</p></dd></dl>
        <Notice tone="attention"><p>{t.once}</p></Notice>
        <div class="dialog__acts">
          <Button onClick={() => setSecret(null)}>{programWords.value.done}</Button>
          <Button look="primary" icon="copy" onClick={() => { if (secret) void copy(secret); }}>{t.copySecret}</Button>
        </div>
      </Dialog>
    </section>
  );
}

function Health({ of: h }: { of: Webhook }) {
  const t = programWords.value.hooks;
  const first = () => {
    if (h.failed) return <Badge tone="danger">{t.failed}</Badge>;
    if (h.off) return <Badge>{t.off}</Badge>;
    if (h.failing) return <Badge tone="attention">{t.failing(ago(h.failing))}</Badge>;
    return <span>{h.good ? t.good(ago(h.good)) : t.fresh}</span>;
  };
  return <span>{first()}{h.waiting > 0 && <><br /><span class="muted small">{t.waiting(h.waiting)}</span></>}{h.lost > 0 && <><br /><span class="muted small">{t.lost(h.lost)}</span></>}</span>;
}

function Form({ of: h, events, act, save }: { of?: Webhook; events: readonly string[]; act: string; save: (w: WebhookWish) => Promise<void> }) {
  const t = programWords.value.hooks;
  const [name, setName] = useState(h?.name ?? "");
  const [url, setUrl] = useState(h?.url ?? "https://");
  const [on, setOn] = useState<string[]>(h?.events ?? []);
  const [authority, setAuthority] = useState(h?.authority ?? "");
  const [running, setRunning] = useState(!h?.off);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy || !name.trim()) return;
    setBusy(true);
    setError(null);
    try { await save({ name: name.trim(), url: url.trim(), events: on, authority, off: !running }); } catch (cause) { setError(asApiError(cause).text(lang.value)); }
    setBusy(false);
  };
  return (
    <form class="stack" onSubmit={(e) => void submit(e)}>
      {error && <Notice tone="danger" title={t.notSaved} live><p>{error}</p></Notice>}
      <Input label={t.nameLabel} required maxLength={80} value={name} onValue={setName} autocomplete="off" autofocus />
      <Input label={t.url} hint={t.urlHint} required type="url" maxLength={1024} value={url} onValue={setUrl} autocomplete="off" spellcheck={false} />
      <Several label={t.what} of={events} names={t.event} on={on} onChange={setOn} />
      <Field label={t.authority} hint={t.authorityHint}>
        {(tied) => <textarea {...tied} class="input code" rows={3} spellcheck={false} value={authority} onInput={(e) => setAuthority(e.currentTarget.value)} />}
      </Field>
      {h && <Switch label={t.on} on={running} onChange={setRunning} />}
      <div class="dialog__acts"><Button look="primary" type="submit" busy={busy}>{act}</Button></div>
    </form>
  );
}

function One({ of: h, events, onChanged, onSecret, onGone }: { of: Webhook; events: readonly string[]; onChanged: () => Promise<void>; onSecret: (s: string) => void; onGone: () => void }) {
  const t = programWords.value.hooks;
  const [tried, setTried] = useState<Delivery[] | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const [asking, setAsking] = useState<"" | "change" | "secret" | "remove">("");
  const [busy, setBusy] = useState(false);
  const load = () => programs.deliveries(h.id).then((d) => { setTried(d.deliveries); setFailed(null); }, (e: unknown) => setFailed(asApiError(e)));
  useEffect(() => { void load(); }, []);
  useEvery(5_000, load);
  const run = async (act: () => Promise<void>) => { try { await act(); } catch (cause) { toast(asApiError(cause).text(lang.value), "circle-alert"); } };
  const test = async () => {
    setBusy(true);
    await run(async () => {
      const { delivery: d } = await programs.testWebhook(h.id);
      if (d.outcome === "delivered") toast(t.tested); else toast(t.outcomes[d.outcome], "circle-alert");
      await Promise.all([load(), onChanged()]);
    });
    setBusy(false);
  };
  if (asking === "change") return <Form of={h} events={events} act={t.save} save={async (w) => { await programs.changeWebhook(h.id, w); toast(t.saved); setAsking(""); await onChanged(); }} />;
  return (
    <div class="stack stack--loose">
      <dl class="facts">
        <dt>{t.url}</dt><dd><code class="any">{h.url}</code></dd>
        <dt>{t.state}</dt><dd><Health of={h} /></dd>
        <dt>{t.what}</dt><dd><ul>{h.events.map((e) => <li key={e}>{t.event(e)}</li>)}</ul></dd>
        {h.former && <><dt>{t.secret}</dt><dd>{t.former(dateTime(h.former))}</dd></>}
      </dl>
      <div class="row row--wrap">
        <Button icon="send-horizontal" busy={busy} onClick={() => void test()}>{t.test}</Button>
        <Button icon="pencil" onClick={() => setAsking("change")}>{t.change}</Button>
        <Button icon="refresh-cw" onClick={() => setAsking("secret")}>{t.renew}</Button>
        <Button icon="trash-2" onClick={() => setAsking("remove")}>{t.remove}</Button>
      </div>
      <div>
        <h3 class="part-title">{t.deliveries}</h3>
        <Tried list={tried} failed={failed} onRetry={() => void load()} />
      </div>
      <Confirm open={asking === "secret"} title={t.renewTitle} act={t.renewAct} danger={false} onClose={() => setAsking("")}
        onAct={() => run(async () => { const made = await programs.newSecret(h.id); setAsking(""); onSecret(made.secret); await onChanged(); })}><p>{t.renewText}</p></Confirm>
      <Confirm open={asking === "remove"} title={t.removeTitle(h.name)} act={t.removeAct} onClose={() => setAsking("")}
        onAct={() => run(async () => { await programs.deleteWebhook(h.id); toast(t.removed); onGone(); })}><p>{t.removeText}</p></Confirm>
    </div>
  );
}

function Tried({ list, failed, onRetry }: { list: Delivery[] | null; failed: ApiError | null; onRetry: () => void }) {
  const t = programWords.value.hooks;
  if (!list) return failed ? <Failed error={failed} onRetry={onRetry} /> : <Skeleton lines={3} />;
  if (list.length === 0) return <p class="muted">{t.noDeliveries}</p>;
  const columns: Column<Delivery>[] = [
    { id: "what", name: t.what, cell: (d) => <span class="any">{t.event(d.kind)}<br /><code class="muted small">{d.event}</code></span> },
    { id: "outcome", name: t.outcome, cell: (d) => <span>{d.outcome === "delivered" ? t.outcomes.delivered : <Badge tone="attention">{t.outcomes[d.outcome]}{d.status ? ` (${d.status})` : ""}</Badge>}<br />
      <span class="muted small">{[t.tries(d.try), d.givenUp ? t.givenUp : d.next ? t.next(dateTime(d.next)) : ""].filter(Boolean).join(" · ")}</span></span> },
    { id: "when", name: t.when, cell: (d) => <span class="nowrap">{dateTime(d.at)}</span> },
  ];
  return <Table caption={t.deliveries} columns={columns} rows={list} rowKey={(d) => `${d.event} ${d.at} ${d.try}`} />;
}

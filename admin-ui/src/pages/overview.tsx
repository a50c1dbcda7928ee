/** How the appliance is: what to look after first, what goes on now, how it was. */
import { ago, copy, count, dateTime, IconButton, LinkButton, Notice, Skeleton } from "@huisclos/ui-kit";
import { base } from "../route.ts";
import { status } from "../session.ts";
import { Unfinished } from "../setup/setup.tsx";
import { Head } from "../shell.tsx";
import type { Attention } from "../watch.ts";
import { sectionName, words } from "../words/console.ts";
import { attentionSaid, watchWords } from "../words/watch.ts";
import { Charts } from "./charts.tsx";
import { BeforeStop } from "./drain.tsx";
import { MailCard } from "./mail.tsx";
import { Missing } from "./missing.tsx";

export function Overview() {
  const t = words.value.state;
  const { last, lost } = status.value;
  if (!last && lost) return <><Head title={words.value.overview} /><Notice tone="attention"><p>{t.lost}</p></Notice></>;
  if (!last) return <><Head title={words.value.overview} /><Skeleton lines={4} /></>;
  return (
    <>
      <Head title={words.value.overview} />
      <div class="stack stack--loose">
        <LookAfter list={last.attention} />
        <Unfinished />
        <Missing />
        {last.refused > 0 && <Notice tone="attention"><p>{t.refused(last.refused)}</p><p><a href={`${base}/calls`}>{t.see}</a></p></Notice>}
        <section aria-labelledby="part-now">
          <h2 id="part-now" class="part-title">{t.now}</h2>
          <dl class="figures-grid">
            <Figure name={t.calls} value={last.calls} />
            <Figure name={t.people} value={last.people} />
            <Figure name={t.forwarded} value={last.forwarded} />
            <Figure name={t.refusedName} value={last.refused} />
            <Figure name={t.accounts} value={last.accounts} />
            <Figure name={t.rooms} value={last.rooms} />
          </dl>
          {last.calls > 0 && <p class="after"><LinkButton href={`${base}/calls`}>{t.see}</LinkButton></p>}
        </section>
        <BeforeStop now={last} />
        <Charts />
        <section class="card" aria-labelledby="part-appliance">
          <h2 id="part-appliance" class="part-title">{t.appliance}</h2>
          <dl class="facts">
            <dt>{t.version}</dt><dd>{last.version}</dd>
            <dt>{t.started}</dt><dd>{dateTime(last.started)} <span class="muted">({ago(last.started)})</span></dd>
            <dt>{t.address}</dt><dd class="any">{last.address}</dd>
            <dt>{t.fingerprint}</dt>
            <dd>
              <span class="row"><code class="any">{last.fingerprint}</code><IconButton name={t.copy} icon="copy" onClick={() => void copy(last.fingerprint)} /></span>
              <span class="muted small">{t.fingerprintHint}</span>
              <p><a href={`${base}/tls`}>{t.certificate}</a></p>
            </dd>
            <dt>{t.backup}</dt><dd>{last.backup ? <>{dateTime(last.backup)} <span class="muted">({ago(last.backup)})</span></> : t.noBackup} · <a href={`${base}/backups`}>{t.backups}</a></dd>
          </dl>
        </section>
        <MailCard mail={last.mail} />
      </div>
    </>
  );
}

/** The server puts what is worst first. */
function LookAfter({ list }: { list: readonly Attention[] }) {
  const t = watchWords.value;
  if (list.length === 0) return null;
  return (
    <section aria-labelledby="part-attention" class="stack">
      <h2 id="part-attention" class="part-title">{t.first}</h2>
      {list.map((a) => {
        const said = attentionSaid(a);
        return (
          <Notice key={a.code} tone={a.grave ? "danger" : "attention"} title={said.text}>
            {said.act && <p>{said.act}</p>}
            {said.section !== undefined && <p><a href={`${base}/${said.section}`}>{t.seeSection(sectionName(said.section.replace(/#.*/, "")) ?? "")}</a></p>}
          </Notice>
        );
      })}
    </section>
  );
}

function Figure({ name, value }: { name: string; value: number }) {
  return <div class="figure"><dt>{name}</dt><dd class="figures">{count(value)}</dd></div>;
}

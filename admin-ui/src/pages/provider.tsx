/** The organisation's OpenID Connect provider: how the last exchange went, and what has to be registered there. */
import { useEffect, useState } from "preact/hooks";
import { ago, copy, dateTime, Empty, IconButton, lang, Notice, Skeleton, toast } from "@huisclos/ui-kit";
import { admin, type ApiError, type ProviderState } from "../api.ts";
import { asApiError, useEvery } from "../session.ts";
import { providerOfHouse } from "../words/provider.ts";
import { Failed } from "./errors.tsx";

export function ProviderPart() {
  const t = providerOfHouse.value;
  const [state, setState] = useState<ProviderState | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const load = () => admin.provider().then((s) => { setState(s); setFailed(null); }, (e: unknown) => setFailed(asApiError(e)));
  useEffect(() => { void load(); }, []);
  useEvery(10_000, load);
  return (
    <section class="stack after" aria-labelledby="provider-title">
      <h2 id="provider-title">{t.title}</h2>
      {!state ? failed ? <Failed error={failed} onRetry={() => void load()} /> : <Skeleton lines={4} />
        : state.configured ? <Configured state={state} /> : <Empty title={t.off} level={3}><p>{t.offText}</p></Empty>}
    </section>
  );
}

function Configured({ state: s }: { state: Extract<ProviderState, { configured: true }> }) {
  const t = providerOfHouse.value;
  return (
    <>
      <p class="muted lead">{t.lead(s.name)}</p>
      {s.failure && (
        <Notice tone="danger" title={t.failed} live>
          <p>{s.failure[lang.value]}</p>
          <p>{t.meanwhile}</p>
          <p class="small any">{t.cause} {s.failure.detail}</p>
        </Notice>
      )}
      <dl class="facts">
        <dt>{t.issuer}</dt><dd class="any">{s.issuer}</dd>
        <dt>{t.client}</dt><dd class="any">{s.client}</dd>
        <dt>{t.last}</dt><dd><When at={s.last} /></dd>
        <dt>{t.good}</dt><dd><When at={s.good} /></dd>
      </dl>
      <h3 class="part-title">{t.register}</h3>
      <dl class="facts">
        <Address name={t.callback} url={s.addresses.callback} />
        <Address name={t.signedOut} url={s.addresses.signedOut} />
        <Address name={t.back} url={s.addresses.backChannel} />
        <Address name={t.front} url={s.addresses.frontChannel} />
      </dl>
    </>
  );
}

function When({ at }: { at?: string }) {
  return at ? <span>{dateTime(at)} <span class="muted">({ago(at)})</span></span> : <span class="muted">{providerOfHouse.value.never}</span>;
}

function Address({ name, url }: { name: string; url: string }) {
  const t = providerOfHouse.value;
  return <><dt>{name}</dt><dd class="row row--wrap"><code class="any">{url}</code><IconButton name={t.copy(name)} icon="copy" onClick={() => void copy(url).then((done) => { if (!done) toast(t.copyRefused, "circle-alert"); })} /></dd></>;
}

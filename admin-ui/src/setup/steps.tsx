/** What each step asks, made of the parts that the console's pages are made of. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Button, Icon, Notice, Skeleton } from "@huisclos/ui-kit";
import { LogoForm, OrganisationName } from "../pages/appearance.tsx";
import { Failed } from "../pages/errors.tsx";
import { status, askStatus } from "../session.ts";
import { NeedsRestart } from "../settings/bar.tsx";
import { Trial } from "../settings/check.tsx";
import { useDrafts } from "../settings/drafts.ts";
import { SettingField } from "../settings/field.tsx";
import type { CheckName, StepName } from "../settings-api.ts";
import { setupWords } from "../words/setup.ts";
import { Connection } from "./connection.tsx";
import { Others } from "./others.tsx";

interface Way { onDone: () => void; onLater: () => void }

export function Step({ step, ...way }: { step: StepName } & Way) {
  const t = setupWords.value;
  switch (step) {
    case "organisation": return <Framed step={step} {...way}><section class="card stack"><OrganisationName onSaved={way.onDone} /></section><section class="card stack"><LogoForm /></section></Framed>;
    case "addresses": return <Asked step={step} names={["hostnames", "public_addresses", "addresses"]} {...way} />;
    case "tls": return <Framed step={step} {...way} next><Certificate /></Framed>;
    case "mail": return <Asked step={step} names={["mail.host", "mail.security", "mail.port", "mail.from", "mail.user", "mail.password"]} tries={["mail"]} {...way} />;
    case "sources": return (
      <Asked step={step} names={["directory.url", "directory.base", "directory.bind_dn", "directory.bind_password", "oidc.issuer", "oidc.client_id", "oidc.client_secret"]} tries={["directory", "provider"]} {...way}>
        <Notice><p>{t.sourcesNone}</p></Notice>
      </Asked>
    );
    case "people": return <Others onNext={(all) => (all ? way.onDone() : way.onLater())} />;
    case "connection": return <Framed step={step} {...way} next><Connection /></Framed>;
  }
}

function Framed({ step, onDone, onLater, next, children }: { step: StepName; next?: boolean; children: ComponentChildren } & Way) {
  const t = setupWords.value, [title, lead] = t.about[step];
  return (
    <>
      <div class="greeting"><h1>{title}</h1><p class="muted">{lead}</p></div>
      <div class="stack">{children}</div>
      <div class="wizard__acts">
        <Button large onClick={onLater}>{t.later}</Button>
        {next && <Button large look="primary" onClick={onDone}>{t.next}</Button>}
      </div>
    </>
  );
}

/** A few settings; going on saves them. */
function Asked({ step, names, tries = [], onDone, onLater, children }: { step: StepName; names: string[]; tries?: CheckName[]; children?: ComponentChildren } & Way) {
  const t = setupWords.value, d = useDrafts(), [title, lead] = t.about[step], unsaved = d.changed.length > 0;
  const on = async (e: Event) => {
    e.preventDefault();
    if (!unsaved || await d.save()) onDone();
  };
  const form = `form-${step}`;
  return (
    <>
      <div class="greeting"><h1>{title}</h1><p class="muted">{lead}</p></div>
      {!d.all ? d.failed ? <Failed error={d.failed} onRetry={() => void d.load()} /> : <Skeleton lines={5} /> : (
        <div class="stack">
          {children}
          <NeedsRestart d={d} />
          {d.error && <Notice tone="danger" live><p>{d.error}</p></Notice>}
          <form id={form} class="card settings__fields" onSubmit={(e) => void on(e)}>
            {names.map((n) => <SettingField key={n} name={n} d={d} />)}
            {tries.length > 0 && unsaved && <div><Button busy={d.busy} onClick={() => void d.save()}>{t.saveToTry}</Button></div>}
          </form>
          {tries.map((c) => <Trial key={c} what={c} unsaved={unsaved} />)}
        </div>
      )}
      <div class="wizard__acts">
        <Button large onClick={onLater}>{t.later}</Button>
        <button type="submit" form={form} class="button button--primary button--large" disabled={d.busy || !d.all}>{unsaved ? t.saveNext : t.next}</button>
      </div>
    </>
  );
}

/** What the appliance shows to browsers now, and where that is changed. */
function Certificate() {
  const t = setupWords.value, now = status.value.last;
  const [asked, setAsked] = useState(false);
  useEffect(() => { void askStatus().finally(() => setAsked(true)); }, []);
  if (!now) return asked ? <Notice tone="attention"><p>{t.tlsUnknown}</p></Notice> : <Skeleton lines={3} />;
  return (
    <section class="card stack">
      <dl class="facts"><dt>{t.tlsAddress}</dt><dd class="any">{now.address || location.origin}</dd><dt>{t.tlsFingerprint}</dt><dd><code class="any">{now.fingerprint}</code></dd></dl>
      <p><Icon name="info" size="s" /> {t.tlsHint}</p>
    </section>
  );
}

/** What each step asks, made of the parts that the console's pages are made of. */
import type { ComponentChildren } from "preact";
import { Button, Notice, Skeleton } from "@huisclos/ui-kit";
import { LogoForm, OrganisationName } from "../pages/appearance.tsx";
import { Failed } from "../pages/errors.tsx";
import { Served, TlsChooser, useTls } from "../pages/tls.tsx";
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
        <div key="asked" class="stack">
          {children}
          <NeedsRestart d={d} />
          {d.error && <Notice tone="danger" live><p>{d.error}</p></Notice>}
          <form id={form} class="card settings__fields" onSubmit={(e) => void on(e)}>
            {names.map((n) => <SettingField key={n} name={n} d={d} />)}
          </form>
          {tries.map((c) => <Trial key={c} what={c} unsaved={unsaved} onSave={d.save} />)}
        </div>
      )}
      {/* Its key keeps it what it was when the form above comes: without, it was drawn anew, and a press on what had the focus was lost. */}
      <div key="acts" class="wizard__acts">
        <Button large onClick={onLater}>{t.later}</Button>
        <button type="submit" form={form} class="button button--primary button--large" disabled={d.busy || !d.all}>{unsaved ? t.saveNext : t.next}</button>
      </div>
    </>
  );
}

/** Which certificate browsers are shown, and the four ways to another one, as the console has them. */
function Certificate() {
  const c = useTls();
  if (!c.state) return c.failed ? <Failed error={c.failed} onRetry={() => void c.load()} /> : <Skeleton lines={6} />;
  return (
    <>
      {c.state.mode === "self-signed" && <Notice><p>{setupWords.value.tlsHint}</p></Notice>}
      <Served state={c.state} onDone={c.load} />
      <TlsChooser state={c.state} fixed={c.fixed} values={c.values} onDone={c.load} />
    </>
  );
}

/**
 * The first start, step by step. The first two are what the accounts say is missing: an administrator, their second factor. The others
 * stand on the server (appliance/progress): each can be put off, and done again from the last page or the console at any time, in
 * any browser.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { EnrolCard, Icon, LinkButton, Seal, SignInForm, Skeleton } from "@huisclos/ui-kit";
import { own, type ApiError } from "../api.ts";
import { Failed } from "../pages/errors.tsx";
import { base, go, place, section } from "../route.ts";
import { ask, asApiError, session, signedIn, signOut } from "../session.ts";
import { settingsApi, type Progress, type StepName, type StepState } from "../settings-api.ts";
import { Entrance } from "../shell.tsx";
import { setupWords } from "../words/setup.ts";
import { First } from "./first.tsx";
import { Step } from "./steps.tsx";
import { Summary } from "./summary.tsx";

export function Setup() {
  const s = session.value;
  if (s.state === "out" && s.setupNeeded) return <Wizard at={1} name="account"><First /></Wizard>;
  if (s.state !== "in") return <Done />;
  if (s.me.must) return <Wizard at={2} name="factor" wide><Factor /></Wizard>;
  return <Rest />;
}

/** The steps that the server remembers. */
function Rest() {
  const [progress, setProgress] = useState<Progress | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  /** What somebody came back to from the summary. */
  const [again, setAgain] = useState<StepName | null>(null);
  const load = () => settingsApi.progress().then((p) => { setProgress(p); setFailed(null); }, (e: unknown) => setFailed(asApiError(e)));
  useEffect(() => { void load(); }, []);
  if (!progress) return <Entrance>{failed ? <Failed error={failed} onRetry={() => void load()} /> : <Skeleton lines={5} />}</Entrance>;
  const note = async (step: StepName, state: StepState) => {
    try { setProgress(await settingsApi.step(step, state)); setAgain(null); setFailed(null); } catch (e) { setFailed(asApiError(e)); }
  };
  const at = again ?? (progress.over ? undefined : progress.steps.find((s) => s.state === "open")?.step);
  if (!at) {
    return <Wizard at={progress.steps.length + 3} name="ready" progress={progress} wide><Summary progress={progress} onAgain={setAgain} onOver={settingsApi.over} /></Wizard>;
  }
  const was = progress.steps.find((s) => s.step === at)?.state ?? "open";
  return (
    <Wizard at={progress.steps.findIndex((s) => s.step === at) + 3} name={at} progress={progress} wide>
      {failed && <Failed error={failed} onRetry={() => void load()} />}
      <Step key={at} step={at} onDone={() => void note(at, "done")} onLater={() => void (was === "open" ? note(at, "later") : setAgain(null))} />
    </Wizard>
  );
}

/** How far one is, in a bar and in words: ten names would have no room beside each other. */
function Wizard({ at, name, progress, wide, children }: { at: number; name: StepName | "account" | "factor" | "ready"; progress?: Progress; wide?: boolean; children: ComponentChildren }) {
  const t = setupWords.value, of = (progress?.steps.length ?? 7) + 3;
  useLayoutEffect(() => {
    // Whoever cannot see the step come is taken to its beginning.
    if (at > 1) document.getElementById("main")?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [at]);
  return (
    <Entrance wide={wide}>
      <div class="wizard" role="group" aria-label={t.progress}>
        <p class="wizard__where">{t.step(at, of)}<span aria-hidden="true"> · </span><b>{t.names[name]}</b></p>
        <progress class="wizard__bar" max={of} value={at} aria-label={t.progress} />
      </div>
      <div data-step={name}>{children}</div>
    </Entrance>
  );
}

/** The answer of whoever came in at the console's own address says still that they must: the wizard stays, wherever it was come to. */
async function enrolled() {
  if (section(place.value) !== "setup") go(`${base}/setup`, true);
  await ask();
}

function Factor() {
  const t = setupWords.value;
  const s = session.value;
  if (s.state !== "in") return null;
  return (
    <>
      <div class="greeting"><h1>{t.factorTitle}</h1><p class="muted">{t.factorLead}</p></div>
      <EnrolCard me={s.me.account} onDone={enrolled} onSignOut={() => void signOut().finally(() => go(`${base}/`))} />
    </>
  );
}

/** The first account is there: whoever comes back to go on, signs in here. */
function Done() {
  const t = setupWords.value;
  return (
    <Entrance>
      <div class="greeting"><Seal state="sealed" size="l" /><h1>{t.doneTitle}</h1><p class="muted">{t.done}</p></div>
      <SignInForm login={own.login} door={own} refusal={asApiError} onIn={(answer, passphrase) => signedIn(answer.me, passphrase, answer.recoveryLeft)} />
    </Entrance>
  );
}

/** Where a first start that was left goes on. */
export function Unfinished() {
  const t = setupWords.value;
  const [open, setOpen] = useState(0);
  useEffect(() => { void settingsApi.progress().then((p) => setOpen(p.begun && !p.over ? p.steps.filter((s) => s.state === "open").length : 0), asApiError); }, []);
  return open === 0 ? null : <div class="notice"><Icon name="info" /><div class="grow stack stack--tight"><p>{t.unfinished(open)}</p><div><LinkButton href={`${base}/setup`} look="primary">{t.resume}</LinkButton></div></div></div>;
}

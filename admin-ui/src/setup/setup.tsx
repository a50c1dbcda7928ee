/**
 * The set-up in four steps: the first account, its second factor, an officer and an auditor, ready. Each step is what the
 * server says is missing, so that it goes on after a sign-in where it was left.
 */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { EnrolCard, Icon, LinkButton, recall, remember, Seal } from "@huisclos/ui-kit";
import { base, go } from "../route.ts";
import { ask, session, signOut } from "../session.ts";
import { Entrance } from "../shell.tsx";
import { words } from "../words/console.ts";
import { setupWords } from "../words/setup.ts";
import { First } from "./first.tsx";
import { Others } from "./others.tsx";

/** Whose set-up is under way in this browser. */
const kept = "setup";
export const underWay = (account: string): boolean => recall(kept) === account;
export const begun = (account: string): void => remember(kept, account);
const over = (): void => remember(kept, "");

export function Setup() {
  const s = session.value;
  const [ready, setReady] = useState<"all" | "part" | null>(null);
  if (s.state === "out" && s.setupNeeded) return <Wizard at={1}><First /></Wizard>;
  if (s.state !== "in") return <Done />;
  if (s.me.must) return <Wizard at={2}><Factor /></Wizard>;
  if (ready) return <Wizard at={4}><Ready all={ready === "all"} /></Wizard>;
  return <Wizard at={3}><Others onNext={(all) => { over(); setReady(all ? "all" : "part"); }} /></Wizard>;
}

function Wizard({ at, children }: { at: 1 | 2 | 3 | 4; children: ComponentChildren }) {
  const t = setupWords.value;
  useLayoutEffect(() => {
    // Whoever cannot see the step come is taken to its beginning.
    if (at > 1) document.getElementById("main")?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [at]);
  return (
    <Entrance wide={at === 2 || at === 3}>
      <nav class="steps" aria-label={t.progress}>
        <ol>
          {t.steps.map((name, i) => (
            <li key={name} class={i + 1 < at ? "steps__one steps__one--done" : "steps__one"} aria-current={i + 1 === at ? "step" : undefined}>
              <span class="steps__mark" aria-hidden="true">{i + 1 < at ? <Icon name="check" size="s" /> : i + 1}</span>
              <span>{name}{i + 1 < at && <span class="unseen"> ({t.stepDone})</span>}</span>
            </li>
          ))}
        </ol>
        <p class="steps__where">{t.step(at, t.steps.length)}<span aria-hidden="true"> · {t.steps[at - 1]}</span></p>
      </nav>
      {children}
    </Entrance>
  );
}

function Factor() {
  const t = setupWords.value;
  const s = session.value;
  if (s.state !== "in") return null;
  return (
    <>
      <div class="greeting"><h1>{t.factorTitle}</h1><p class="muted">{t.factorLead}</p></div>
      <EnrolCard me={s.me.account} onDone={ask} onSignOut={() => void signOut().finally(() => go(`${base}/`))} />
    </>
  );
}

function Ready({ all }: { all: boolean }) {
  const t = setupWords.value;
  return (
    <>
      <div class="greeting"><Seal state="sealed" size="l" /><h1>{t.readyTitle}</h1><p class="muted">{all ? t.readyAll : t.readyPart}</p></div>
      <div class="stack"><LinkButton href={`${base}/`} look="primary" large wide>{t.toConsole}</LinkButton><LinkButton href="/" wide>{t.toRooms}</LinkButton></div>
    </>
  );
}

function Done() {
  const t = setupWords.value;
  return (
    <Entrance>
      <div class="greeting"><Seal state="sealed" size="l" /><h1>{t.doneTitle}</h1><p class="muted">{t.done}</p></div>
      <LinkButton href={`${base}/`} look="primary" large wide>{words.value.signIn.act}</LinkButton>
    </Entrance>
  );
}

import { useEffect, useRef } from "preact/hooks";
import { LinkButton, Spinner, Toasts, TooltipHost } from "@huisclos/ui-kit";
import { About } from "./pages/about.tsx";
import { Accounts } from "./pages/accounts.tsx";
import { Audit } from "./pages/audit.tsx";
import { Calls } from "./pages/calls.tsx";
import { Setup, SignIn } from "./pages/entrance.tsx";
import { Failed, Guard, NotFound, Sentence } from "./pages/errors.tsx";
import { Groups } from "./pages/groups.tsx";
import { Overview } from "./pages/overview.tsx";
import { place, section } from "./route.ts";
import { ask, session } from "./session.ts";
import { Entrance, Shell } from "./shell.tsx";
import { groupWords } from "./words/groups.ts";
import { words } from "./words/console.ts";

export function App() {
  useEffect(() => { void ask(); }, []);
  return (
    <>
      <Guard><Page /></Guard>
      <Toasts />
      <TooltipHost />
    </>
  );
}

function Page() {
  const t = words.value;
  const at = section(place.value);
  const s = session.value;
  const title = { "": t.overview, accounts: t.accounts, groups: groupWords.value.title, calls: t.calls, audit: t.audit, about: t.about, setup: t.setup.title }[at];
  useEffect(() => { document.title = title ? `${title} — Huis Clos` : "Huis Clos"; }, [title]);
  const first = useRef(true);
  useEffect(() => {
    // After a change of section the focus stands at its beginning, as it would after a load.
    if (!first.current) requestAnimationFrame(() => document.getElementById("main")?.focus({ preventScroll: true }));
    first.current = false;
  }, [at]);
  if (s.state === "asking") return <Entrance><Spinner label={t.loading} /></Entrance>;
  if (s.state === "failed") return <Entrance><Failed error={s.error} onRetry={() => void ask()} /></Entrance>;
  if (at === "setup") return <Setup needed={s.state === "out" && s.setupNeeded} />;
  if (s.state === "out") return <SignIn setupNeeded={s.setupNeeded} />;
  if (s.me.account.role !== "administrator") {
    return <Entrance><Sentence title={t.notAllowed.title} text={t.notAllowed.text} act={<LinkButton href="/" look="primary">{t.toMeetings}</LinkButton>} /></Entrance>;
  }
  return (
    <Shell>
      {at === "" ? <Overview /> : at === "accounts" ? <Accounts me={s.me.account.id} /> : at === "groups" ? <Groups /> : at === "calls" ? <Calls /> : at === "audit" ? <Audit /> : at === "about" ? <About /> : <NotFound />}
    </Shell>
  );
}

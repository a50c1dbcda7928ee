import { useEffect, useRef } from "preact/hooks";
import { LinkButton, own as ownWords, ProofHost, SecurityContext, Spinner, Toasts, TooltipHost } from "@huisclos/ui-kit";
import { own, type Me } from "./api.ts";
import { About } from "./pages/about.tsx";
import { Accounts } from "./pages/accounts.tsx";
import { AppearancePage } from "./pages/appearance.tsx";
import { Audit } from "./pages/audit.tsx";
import { BackupsPage } from "./pages/backups.tsx";
import { Calls } from "./pages/calls.tsx";
import { Directory } from "./pages/directory.tsx";
import { Enrol, SignIn } from "./pages/entrance.tsx";
import { Failed, Guard, NotFound, Sentence } from "./pages/errors.tsx";
import { Shut } from "./pages/shut.tsx";
import { Groups } from "./pages/groups.tsx";
import { Logs } from "./pages/logs.tsx";
import { Mine } from "./pages/mine.tsx";
import { Overview } from "./pages/overview.tsx";
import { Rules } from "./pages/policy.tsx";
import { PosturePage } from "./pages/posture.tsx";
import { Profiles } from "./pages/profiles.tsx";
import { Programs } from "./pages/programs.tsx";
import { Provisioning } from "./pages/provisioning.tsx";
import { Proposals } from "./pages/proposals.tsx";
import { SettingsPage } from "./pages/settings.tsx";
import { Statistics } from "./pages/statistics.tsx";
import { Tls } from "./pages/tls.tsx";
import { Updates } from "./pages/updates.tsx";
import { has, homeOf, sectionsOf, type SectionName } from "./roles.ts";
import { place, section } from "./route.ts";
import { ask, asApiError, security, session, shut } from "./session.ts";
import { Setup } from "./setup/setup.tsx";
import { Entrance, Shell } from "./shell.tsx";
import { sectionName, words } from "./words/console.ts";
import { setupWords } from "./words/setup.ts";

export function App() {
  useEffect(() => { void ask(); }, []);
  return (
    <>
      <Guard><SecurityContext.Provider value={security}><Page /></SecurityContext.Provider></Guard>
      <Proof />
      <Toasts />
      <TooltipHost />
    </>
  );
}

/** The one dialog that asks who one is, before an act that needs a recent proof. */
function Proof() {
  const s = session.value;
  if (s.state !== "in") return null;
  return <ProofHost email={s.me.account.email} provided={s.me.account.provided === true} kinds={s.me.factors ?? { totp: true, passkey: false }} prove={own.prove} options={own.proofOptions} refusal={asApiError} />;
}

function Page() {
  const t = words.value;
  const at = section(place.value);
  const s = session.value;
  const me = s.state === "in" ? s.me : null;
  const home = me && at === "" ? homeOf(me.account.role) : at;
  const title = me?.must ? ownWords.value.must.title : at === "setup" ? setupWords.value.title : sectionName(home);
  useEffect(() => { document.title = title ? `${title} — Huis Clos` : "Huis Clos"; }, [title]);
  const first = useRef(true);
  useEffect(() => {
    // After a change of section the focus stands at its beginning, as it would after a load.
    if (!first.current) requestAnimationFrame(() => document.getElementById("main")?.focus({ preventScroll: true }));
    first.current = false;
  }, [at]);
  if (s.state === "asking") return <Entrance><Spinner label={t.loading} /></Entrance>;
  if (s.state === "failed") return <Entrance><Failed error={s.error} onRetry={() => void ask()} /></Entrance>;
  if (s.state === "out") return at === "setup" ? <Setup /> : <SignIn setupNeeded={s.setupNeeded} />;
  return <Inside me={s.me} at={at} home={home} />;
}

function Inside({ me, at, home }: { me: Me; at: string; home: string }) {
  const t = words.value;
  const { role } = me.account;
  // Whoever left the first start before their second factor is there again, by whatever address they come.
  if (role === "administrator" && (at === "setup" || me.wizard)) return <Setup />;
  if (me.must) return <Enrol me={me.account} />;
  if (shut.value) return <Shut />;
  if (sectionsOf(role).length === 0) return <Entrance><Sentence title={t.notAllowed.title} text={t.notAllowed.text} act={<LinkButton href="/" look="primary">{t.toMeetings}</LinkButton>} /></Entrance>;
  return <Shell here={home}>{has(role, home) ? <Section at={home} me={me} /> : <NotFound />}</Shell>;
}

function Section({ at, me }: { at: SectionName; me: Me }) {
  const { id, role } = me.account;
  switch (at) {
    case "": return <Overview />;
    case "accounts": return <Accounts me={id} />;
    case "directory": return <Directory />;
    case "provisioning": return <Provisioning />;
    case "tls": return <Tls />;
    case "backups": return <BackupsPage />;
    case "posture": return <PosturePage role={role} />;
    case "updates": return <Updates />;
    case "programs": return <Programs />;
    case "groups": return <Groups />;
    case "calls": return <Calls />;
    case "statistics": return <Statistics />;
    case "logs": return <Logs />;
    case "settings": return <SettingsPage />;
    case "appearance": return <AppearancePage />;
    case "policy": return <Rules role={role} />;
    case "profiles": return <Profiles role={role} />;
    case "proposals": return <Proposals me={id} role={role} />;
    case "audit": return <Audit role={role} />;
    case "about": return <About />;
    case "account": return <Mine me={me.account} />;
  }
}

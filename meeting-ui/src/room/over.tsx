/** The ways a call ends or does not begin: what happened, what we did, what you can do. */
import { Button, LinkButton, Seal } from "@huisclos/ui-kit";
import type { ReasonCode } from "../call/state.ts";
import { sealWords } from "../words/seal.ts";
import { OtherLog } from "./other-log.tsx";
import type { Meeting } from "../stage/view.ts";

const final: readonly (ReasonCode | "reload-needed")[] = ["room-unknown", "room-barred", "room-deleted", "link-without-owner", "unsupported", "role", "over", "other-tab", "log-statement"];
const reloads: readonly (ReasonCode | "reload-needed")[] = ["reload-needed", "core-failed", "pin-needed"];
const signedOut: readonly (ReasonCode | "reload-needed")[] = ["session-ended", "not-signed-in"];

export function Over({ meeting, onSignIn }: { meeting: Meeting; onSignIn: () => void }) {
  const t = sealWords.value;
  if (meeting.logProblem.value) return <OtherLog meeting={meeting} />;
  const { phase, code, detail } = meeting.state.value;
  const key = phase === "reload-needed" ? "reload-needed" : code ?? (phase === "removed" ? "removed-by-host" : phase === "error" ? "protocol" : "over");
  const told = t.over[key] ?? t.over.over;
  const back = () => void meeting.retry();
  return (
    <main class="over" id="main" tabIndex={-1}>
      <Seal state={key === "log-statement" ? "not-safe" : "open"} size="l" />
      <h1>{told?.title}</h1>
      <p class="muted">{told?.text}</p>
      {detail && phase === "error" && <details class="small"><summary>{t.detail}</summary><p class="code">{detail}</p></details>}
      <div class="row row--wrap over__acts">
        {reloads.includes(key) ? <Button look="primary" onClick={() => location.reload()}>{t.overActs.reload}</Button>
          : signedOut.includes(key) ? <Button look="primary" onClick={onSignIn}>{t.overActs.signIn}</Button>
          : !final.includes(key) && <Button look="primary" onClick={back}>{phase === "error" ? t.overActs.retry : t.overActs.again}</Button>}
        {(key === "two-factors" || key === "too-many-devices") && <LinkButton href="/account">{t.overActs.account}</LinkButton>}
        <LinkButton href="/">{t.overActs.rooms}</LinkButton>
      </div>
    </main>
  );
}

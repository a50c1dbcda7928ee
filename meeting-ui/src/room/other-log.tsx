/**
 * The server's list of devices is not the one that this browser has seen. Nothing was entered. To stay out is the way that lies open; to
 * go on is for who has asked the administrator by another way, and takes a second act that names what is lost.
 */
import { useState } from "preact/hooks";
import { Button, Confirm, LinkButton, Seal } from "@huisclos/ui-kit";
import { sealWords } from "../words/seal.ts";
import type { Meeting } from "../stage/view.ts";

export function OtherLog({ meeting }: { meeting: Meeting }) {
  const t = sealWords.value, w = t.otherLog;
  const [sure, setSure] = useState(false);
  const { code, detail } = meeting.state.value;
  const told = code && t.over[code];
  return (
    <>
      <main class="over" id="main" tabIndex={-1}>
        <Seal state="not-safe" size="l" />
        <h1>{told?.title}</h1>
        <p>{told?.text}</p>
        {code !== "log-kept" && <p class="muted">{w.cause}</p>}
        <p>{w.advice}</p>
        {detail && <details class="small"><summary>{t.detail}</summary><p class="code">{detail}</p></details>}
        <div class="row row--wrap over__acts">
          <LinkButton href="/" look="primary">{w.stayOut}</LinkButton>
          <Button look="warn" onClick={() => setSure(true)}>{w.told}</Button>
        </div>
      </main>
      <Confirm open={sure} title={w.title} act={w.act} onClose={() => setSure(false)} onAct={() => meeting.acceptLog()}>
        <p>{w.loses}</p>
        <p>{w.then}</p>
      </Confirm>
    </>
  );
}

/** The last page: what is done, what is left, and the ways on. */
import { useState } from "preact/hooks";
import { Badge, Button, lang, Notice, Seal } from "@huisclos/ui-kit";
import { base, go } from "../route.ts";
import { asApiError } from "../session.ts";
import type { Progress, StepName } from "../settings-api.ts";
import { setupWords } from "../words/setup.ts";

export function Summary({ progress, onAgain, onOver }: { progress: Progress; onAgain: (step: StepName) => void; onOver: (over: boolean) => Promise<unknown> }) {
  const t = setupWords.value, left = progress.steps.filter((s) => s.state !== "done").length;
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const leave = async () => {
    setBusy(true);
    try { await onOver(true); go(`${base}/`); } catch (e) { setError(asApiError(e).text(lang.value)); setBusy(false); }
  };
  return (
    <>
      <div class="greeting"><Seal state="sealed" size="l" /><h1>{t.readyTitle}</h1><p class="muted">{left === 0 ? t.readyAll : t.readyPart(left)}</p></div>
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
      <ul class="card summary">
        {progress.steps.map((s) => (
          <li key={s.step} class="summary__one">
            <span class="grow">{t.names[s.step]}</span>
            <Badge tone={s.state === "done" ? "accent" : "attention"}>{s.state === "done" ? t.stepDone : t.stepLater}</Badge>
            <Button look="quiet" aria-label={t.againOf(s.state === "done" ? t.again : t.doNow, t.names[s.step])} onClick={() => onAgain(s.step)}>{s.state === "done" ? t.again : t.doNow}</Button>
          </li>
        ))}
      </ul>
      <div class="stack after"><Button look="primary" large wide busy={busy} onClick={() => void leave()}>{t.toConsole}</Button></div>
    </>
  );
}

/** Before a stop of the machine: no further meeting begins, those in progress go on to their end. */
import { useState } from "preact/hooks";
import { Button, Confirm, lang, Notice, Skeleton, time, toast } from "@huisclos/ui-kit";
import { admin, type Drain, type Status } from "../api.ts";
import { asApiError, askStatus, useEvery } from "../session.ts";
import { drainWords } from "../words/drain.ts";

export function BeforeStop({ now }: { now: Status }) {
  const t = drainWords.value;
  const [asked, setAsked] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<string | null>(null);
  const act = async (does: () => Promise<void>, said: string) => {
    setRefused(null);
    setBusy(true);
    try { await does(); await askStatus(); setAsked(false); toast(said); } catch (e) { setRefused(asApiError(e).text(lang.value)); } finally { setBusy(false); }
  };
  const ask = () => { setRefused(null); setAsked(true); };
  return (
    <section class="card stack" aria-labelledby="part-stop">
      <h2 id="part-stop" class="part-title part-title--tight">{t.title}</h2>
      <p role="status">{now.draining ? t.left(now.calls, now.people) : t.text}</p>
      {refused && !asked && <Notice tone="danger" live><p>{refused}</p></Notice>}
      <p>{now.draining ? <Button busy={busy} onClick={() => void act(admin.resume, t.over)}>{t.resume}</Button> : <Button look="warn" onClick={ask}>{t.act}</Button>}</p>
      <Confirm open={asked} title={t.asks} act={t.act} onAct={() => act(admin.drain, t.begun)} onClose={() => setAsked(false)}>
        {asked && <WhomItTouches />}
        {refused && <Notice tone="danger" live><p>{refused}</p></Notice>}
      </Confirm>
    </section>
  );
}

/** Asked while it is looked at: people come and go. */
function WhomItTouches() {
  const t = drainWords.value;
  const [touched, setTouched] = useState<Drain | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  useEvery(5000, () => admin.drained().then((d) => { setTouched(d); setFailed(null); }, (e: unknown) => setFailed(asApiError(e).text(lang.value))));
  if (!touched) return failed ? <Notice tone="attention" live><p>{failed}</p></Notice> : <Skeleton lines={4} />;
  return (
    <ul class="bullets">
      <li>{t.going(touched.calls, touched.people)}</li>
      <li>{t.shut}</li>
      <li>{t.planned(touched.planned, time(touched.until))}</li>
      <li>{t.undo}</li>
    </ul>
  );
}

/** The part of the account page about the secret address of one's calendar. */
import { useEffect, useState } from "preact/hooks";
import { Button, copy, date, lang, Notice, Skeleton, toast } from "@huisclos/ui-kit";
import { api, type ApiError } from "../api/index.ts";
import { asApiError } from "../session.ts";
import { planWords } from "../words/plan.ts";

export function CalendarAddress() {
  const t = planWords.value.calendar;
  const [since, setSince] = useState<string | null | undefined>(undefined);
  const [url, setURL] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => { api.calendar().then(setSince, (e) => setError(asApiError(e))); }, []);
  const act = async (run: () => Promise<void>) => {
    if (busy) return;
    setBusy(true);
    setError(null);
    try { await run(); } catch (e) { setError(asApiError(e)); } finally { setBusy(false); }
  };
  const make = () => act(async () => { setURL(await api.makeCalendar()); setSince(new Date().toISOString()); });
  const remove = () => act(async () => { await api.removeCalendar(); setURL(null); setSince(null); toast(t.removed); });
  return (
    <section class="card part" aria-labelledby="part-calendar">
      <h2 id="part-calendar">{t.title}</h2>
      <div class="stack">
        <p class="muted small">{t.text}</p>
        {error && <Notice tone="danger" live><p>{error.text(lang.value)}</p></Notice>}
        {since === undefined ? !error && <Skeleton lines={1} /> : <p>{since ? t.has(date(since)) : t.none}</p>}
        {url !== null && (
          <Notice tone="attention" live>
            <p>{t.made}</p>
            <p class="code link-text" tabIndex={0} role="group" aria-label={t.label}>{url}</p>
            <p><Button icon="copy" onClick={() => void copy(url, t.copied)}>{t.copy}</Button></p>
          </Notice>
        )}
        {since !== undefined && (
          <div class="row row--wrap">
            <Button busy={busy} onClick={() => void make()}>{since ? t.renew : t.make}</Button>
            {since && <Button disabled={busy} onClick={() => void remove()}>{t.remove}</Button>}
          </div>
        )}
      </div>
    </section>
  );
}

/** The life of one's own account: another address, a copy of what is kept, and its end. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../button.tsx";
import { Confirm, Dialog } from "../dialog.tsx";
import { Input } from "../field.tsx";
import { date, lang } from "../i18n.ts";
import { Notice, toast } from "../notice.tsx";
import { Skeleton } from "../show.tsx";
import { life } from "./life-words.ts";
import { useSecurity, type Life, type Person } from "./port.ts";
import { withProof } from "./proof.tsx";
import { sayOf } from "./say.ts";

/** Where one sees to the end of one's account. */
export const endPart = "part-end";

/** What the server says before an act; asked anew with each turn. */
function useLife(): { known: Life | null; error: string | null; load: () => void } {
  const { api, refusal } = useSecurity();
  const [known, setKnown] = useState<Life | null>(null);
  const [error, setError] = useState<string | null>(null);
  const load = () => { void api.life().then((l) => { setKnown(l); setError(null); }, (e: unknown) => setError(sayOf(refusal(e)))); };
  useEffect(load, []);
  return { known, error, load };
}

export function AddressPart({ me, onChange }: { me: Person; onChange: () => Promise<unknown> | void }) {
  const t = life.value.address;
  const { known, error } = useLife();
  const [open, setOpen] = useState(false);
  const fixed = me.source ? t.elsewhere : me.role === "guest" ? t.guest : known && !known.mail ? t.noMail : null;
  return (
    <section class="card part" aria-labelledby="part-address">
      <h2 id="part-address">{t.title}</h2>
      <div class="stack">
        <p class="any"><b>{me.email}</b></p>
        {error && <Notice tone="danger" live><p>{error}</p></Notice>}
        {fixed ? <p class="muted">{fixed}</p> : !known ? !error && <Skeleton lines={1} /> : (
          <>
            <p class="muted">{t.text}</p>
            <div><Button onClick={() => setOpen(true)}>{t.change}</Button></div>
          </>
        )}
      </div>
      <Dialog open={open} title={t.dialog} onClose={() => setOpen(false)} small>
        <Change me={me} onDone={async () => { setOpen(false); toast(t.done); await onChange(); }} />
      </Dialog>
    </section>
  );
}

function Change({ me, onDone }: { me: Person; onDone: () => Promise<void> }) {
  const { api, refusal } = useSecurity();
  const t = life.value.address;
  const [email, setEmail] = useState("");
  const [sent, setSent] = useState<string | null>(null);
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => { if (sent) field.current?.focus(); }, [sent]);
  const run = async (act: () => Promise<void>) => {
    if (busy) return;
    setBusy(true);
    setError(null);
    try { await act(); } catch (cause) { setError(sayOf(refusal(cause))); } finally { setBusy(false); }
  };
  const send = async () => { await withProof(() => api.askAddress(email.trim(), lang.peek())); setCode(""); setSent(email.trim()); };
  const said = error && <Notice tone="danger" live><p>{error}</p></Notice>;
  if (!sent) {
    return (
      <form class="stack" onSubmit={(e) => { e.preventDefault(); if (email.trim()) void run(send); }}>
        {said}
        <Input label={t.fresh} hint={t.freshHint} type="email" autocomplete="email" required value={email} onValue={setEmail} autofocus />
        <p class="muted small">{t.undo(me.email)}</p>
        <div class="dialog__acts"><Button look="primary" type="submit" busy={busy}>{t.send}</Button></div>
      </form>
    );
  }
  return (
    <form class="stack" onSubmit={(e) => { e.preventDefault(); if (code.trim()) void run(async () => { await api.confirmOwnAddress(code); await onDone(); }); }}>
      {said}
      <p class="any">{t.sentTo(sent)} <span class="muted">{t.spam}</span></p>
      <Input label={t.code} autocomplete="one-time-code" inputmode="numeric" maxLength={12} required value={code} onValue={setCode} innerRef={field} />
      <div class="dialog__acts">
        <Button disabled={busy} onClick={() => void run(async () => { await send(); toast(t.sent); })}>{t.again}</Button>
        <Button look="primary" type="submit" busy={busy}>{t.confirm}</Button>
      </div>
    </form>
  );
}

export function DataPart() {
  const { api, refusal } = useSecurity();
  const t = life.value.data;
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const download = async () => {
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      const kept = await withProof(() => api.exportData());
      const url = URL.createObjectURL(new Blob([`${JSON.stringify(kept, null, 2)}\n`], { type: "application/json" }));
      const a = document.createElement("a");
      a.href = url;
      a.download = t.file(new Date().toISOString().slice(0, 10));
      a.click();
      URL.revokeObjectURL(url);
      toast(t.done, "download");
    } catch (cause) { setError(sayOf(refusal(cause))); } finally { setBusy(false); }
  };
  return (
    <section class="card part" aria-labelledby="part-data">
      <h2 id="part-data">{t.title}</h2>
      <div class="stack">
        <p class="muted">{t.text}</p>
        {error && <Notice tone="danger" live><p>{error}</p></Notice>}
        <div><Button icon="download" busy={busy} onClick={() => void download()}>{t.act}</Button></div>
      </div>
    </section>
  );
}

export function EndPart({ me, onChange }: { me: Person; onChange: () => Promise<unknown> | void }) {
  const { api, refusal } = useSecurity();
  const t = life.value.end;
  const { known, error: failed, load } = useLife();
  const [asked, setAsked] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const act = async (run: () => Promise<unknown>, said: string) => {
    setBusy(true);
    setError(null);
    try { await run(); toast(said); load(); await onChange(); } catch (cause) { setError(sayOf(refusal(cause))); } finally { setBusy(false); setAsked(false); }
  };
  const day = known && date(new Date(Date.now() + known.days * 86_400_000).toISOString());
  const why = error ?? failed;
  return (
    <section class="card part" aria-labelledby={endPart}>
      <h2 id={endPart}>{t.title}</h2>
      <div class="stack">
        {why && <Notice tone="danger" live><p>{why}</p></Notice>}
        {me.source ? <p class="muted">{t.elsewhere}</p> : !known ? !failed && <Skeleton lines={2} /> : known.leaving ? (
          <>
            <Notice tone="attention" title={t.leaving(date(known.leaving))}><p>{t.leavingText}</p></Notice>
            <div><Button look="primary" busy={busy} onClick={() => void act(() => api.stay(), t.stays)}>{t.stay}</Button></div>
          </>
        ) : (
          <>
            <p class="muted">{t.text(known.days)}</p>
            <div><Button look="warn" icon="trash-2" onClick={() => setAsked(true)}>{t.act}</Button></div>
          </>
        )}
      </div>
      {known && day && (
        <Confirm open={asked} title={t.ask} act={t.confirm} onClose={() => setAsked(false)} onAct={() => act(() => withProof(() => api.leave()), t.asked)}>
          <p>{t.when(day)}</p>
          <ul class="life__lost">
            <li>{t.account}</li>
            {known.rooms > 0 && <li>{t.rooms(known.rooms)}</li>}
            {known.meetings > 0 && <li>{t.meetings(known.meetings)}</li>}
            {known.guests > 0 && <li>{t.guests(known.guests)}</li>}
          </ul>
          <p class="muted small">{t.kept}</p>
        </Confirm>
      )}
    </section>
  );
}

/** On every page, while the account is about to be deleted. */
export function LeavingNotice({ until, href }: { until: string; href: string }) {
  const t = life.value.end;
  return <Notice tone="attention"><p>{t.leaving(date(until))} <a href={href}>{t.see}</a></p></Notice>;
}

/** A second factor is set up: the passphrase again, the secret for the authenticator, its first code, the recovery codes. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Button, IconButton, LinkButton } from "../button.tsx";
import { CodeField, QRCode } from "../code.tsx";
import { codes, grouped, sixDigits } from "../factor.ts";
import { Check } from "../field.tsx";
import { date } from "../i18n.ts";
import { copy, Notice, toast } from "../notice.tsx";
import { Skeleton } from "../show.tsx";
import { kit } from "../words.ts";
import { kindsOf, useSecurity, type Enrolment, type Factors, type Person, type Refusal } from "./port.ts";
import { Proving } from "./proving.tsx";
import { sayOf } from "./say.ts";
import { Step } from "./step.tsx";
import { own } from "./words.ts";

type Doing = { what: "start" } | { what: "begin"; why?: string } | { what: "scan"; enrolment: Enrolment } | { what: "keep"; recovery: string[] };

/**
 * typed: a passphrase that was given a moment ago and need not be asked for again; it is used once. Without onCancel there
 * is no way out but to the end. onDone comes when the recovery codes are said to be kept.
 */
export function Enrolling({ me, factors, typed, replace, onOn, onDone, onMoved, onCancel }: {
  me: Person; typed?: string;
  /** In the place of the authenticator that there is. */
  replace?: boolean;
  /** What there is already: a passkey is asked for as well. */
  factors?: Factors | null;
  /** The second factor is on; its recovery codes are on the page still. */
  onOn?: () => void;
  onDone: () => void;
  /** There is one already: it was set up elsewhere. Or there is none any more to be replaced. */
  onMoved: () => void; onCancel?: () => void;
}) {
  const { api, refusal } = useSecurity();
  const [doing, setDoing] = useState<Doing>(typed ? { what: "start" } : { what: "begin" });
  const refused = (e: Refusal) => { if (e.code === codes.factorThere || e.code === codes.noFactor) onMoved(); };
  useEffect(() => {
    if (!typed) return;
    api.enrol({ passphrase: typed }).then((enrolment) => setDoing({ what: "scan", enrolment }), (cause: unknown) => {
      const why = refusal(cause);
      setDoing({ what: "begin", why: sayOf(why) });
      refused(why);
    });
  }, []);
  switch (doing.what) {
    case "start": return <Skeleton lines={4} />;
    case "begin":
      return (
        <Proving me={me} kinds={kindsOf(factors ?? null)} title={replace ? own.value.factor.replaceTitle : own.value.factor.beginTitle} act={own.value.factor.next} onCancel={onCancel}
          onProof={async (given) => { const enrolment = await api.enrol(given, replace); setDoing({ what: "scan", enrolment }); }} onMoved={async (e) => refused(e)}>
          {doing.why && <Notice tone="danger" live><p>{doing.why}</p></Notice>}
          {replace && <p>{own.value.factor.replaceText}</p>}
        </Proving>
      );
    case "scan": return <Scan enrolment={doing.enrolment} replace={replace} onOver={(why) => setDoing({ what: "begin", why })} onCancel={onCancel} onDone={(recovery) => { if (recovery.length === 0) { onDone(); return; } setDoing({ what: "keep", recovery }); onOn?.(); }} />;
    case "keep": return <Keep email={me.email} recovery={doing.recovery} onKept={onDone} />;
  }
}

function Scan({ enrolment, replace, onDone, onOver, onCancel }: { enrolment: Enrolment; replace?: boolean; onDone: (recovery: string[]) => void; onOver: (why: string) => void; onCancel?: () => void }) {
  const { api, refusal } = useSecurity();
  const t = own.value.factor;
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const send = async (whole: string | null) => {
    if (busy) return;
    if (!whole) { setSaid(kit.value.code.partly); field.current?.focus(); return; }
    setBusy(true);
    setSaid(null);
    try { onDone((await api.confirmEnrolment(whole)).recovery); } catch (cause) {
      const refused = refusal(cause);
      if (refused.code === codes.enrolmentOver) { onOver(sayOf(refused)); return; }
      setSaid(sayOf(refused));
      setCode("");
      setBusy(false);
      field.current?.focus();
    }
  };
  return (
    <Step title={t.scanTitle}>
      <p>{t.scanText}</p>
      <div class="enrol">
        <QRCode rows={enrolment.qr} label={t.qr} />
        <div class="stack stack--tight">
          {enrolment.uri.startsWith("otpauth://") && <div class="enrol__open"><LinkButton href={enrolment.uri}>{t.openApp}</LinkButton></div>}
          <p id="factor-secret" class="small muted">{t.byHand}</p>
          <div class="enrol__secret"><code aria-labelledby="factor-secret" role="group" data-secret>{grouped(enrolment.secret)}</code>
            <IconButton name={t.copySecret} icon="copy" onClick={() => void copied(enrolment.secret.replace(/\s/g, ""))} /></div>
        </div>
      </div>
      <form class="step" noValidate onSubmit={(e) => { e.preventDefault(); void send(sixDigits(code)); }}>
        <CodeField recovery={false} hint={t.firstCode} value={code} onValue={(v) => { setCode(v); setSaid(null); }} onWhole={(whole) => void send(whole)} error={said} innerRef={field} />
        <p class="small muted">{replace ? t.replaceEnds : t.othersEnd}</p>
        <div class="step__acts"><Button look="primary" type="submit" busy={busy}>{replace ? t.replaceAct : t.turnOn}</Button>{onCancel && <Button onClick={onCancel}>{kit.value.cancel}</Button>}</div>
      </form>
    </Step>
  );
}

async function copied(text: string): Promise<void> { if (!(await copy(text))) toast(own.value.factor.copyRefused, "circle-alert"); }

/** Shown once: the page does not let go of them by itself before the person says that they are kept. */
export function Keep({ email, recovery, onKept }: { email: string; recovery: string[]; onKept: () => void }) {
  const t = own.value.factor;
  const [kept, setKept] = useState(false);
  const [missing, setMissing] = useState(false);
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const leaving = (e: BeforeUnloadEvent) => { e.preventDefault(); };
    addEventListener("beforeunload", leaving);
    return () => removeEventListener("beforeunload", leaving);
  }, []);
  const of = t.fileHead(email, location.host, date(new Date()));
  const download = () => {
    const url = URL.createObjectURL(new Blob([[of, t.fileText, "", ...recovery, ""].join("\r\n")], { type: "text/plain;charset=utf-8" }));
    const a = document.createElement("a");
    a.href = url;
    a.download = t.fileName;
    a.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  return (
    <Step title={t.keepTitle} keep>
      <p>{t.keepText}</p>
      <p class="print-only">{of}</p>
      <ul class="codes" aria-label={t.keepTitle}>{recovery.map((c) => <li key={c}><code>{c}</code></li>)}</ul>
      <div class="step__acts">
        <Button icon="copy" onClick={() => void copied(recovery.join("\n"))}>{t.copy}</Button>
        <Button icon="download" onClick={download}>{t.download}</Button>
        <Button icon="printer" onClick={() => print()}>{t.print}</Button>
      </div>
      <Notice tone="attention"><p>{t.once}</p></Notice>
      <Check label={t.haveKept} on={kept} onChange={(on) => { setKept(on); setMissing(false); }} innerRef={box} />
      {missing && <Notice tone="danger" live><p>{t.tickFirst}</p></Notice>}
      <div class="step__acts"><Button look="primary" onClick={() => { if (kept) onKept(); else { setMissing(true); box.current?.focus(); } }}>{t.done}</Button></div>
    </Step>
  );
}

/** "My security": the second factor of one's own account is set up, its recovery codes are kept, and it is turned off again. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Badge, Button, Check, CodeField, copy, date, grouped, kit, lang, LinkButton, Notice, Passphrase, QRCode, recoveryCode, Skeleton, toast, wholeCode, sixDigits, IconButton, time } from "@huisclos/ui-kit";
import { api, codes, type Account as Me, type ApiError, type Enrolment, type Factors } from "../api/index.ts";
import { place } from "../route.ts";
import { asApiError, recoveryLeft } from "../session.ts";
import { desk } from "../words/desk.ts";
import { few, mySecurity } from "./frame.tsx";

type Doing = { what: "begin"; why?: string } | { what: "scan"; enrolment: Enrolment } | { what: "keep"; recovery: string[]; renewed: boolean } | { what: "renew" } | { what: "off" };

/** What a page says of a refusal: after too many tries, when the next one makes sense; of a recovery code not that one should wait for the next. */
export const sayOf = (e: ApiError, code?: string | null) =>
  e.until ? desk.value.signIn.wait(time(e.until)) : e.code === codes.codeWrong && code && recoveryCode(code) ? kit.value.code.recoveryWrong : e.text(lang.value);

export function Factor({ me, factors, error, onChange }: { me: Me; factors: Factors | null; error: ApiError | null; onChange: () => Promise<void> }) {
  const t = desk.value.factor;
  const [doing, setDoing] = useState<Doing | null>(null);
  const head = useRef<HTMLHeadingElement>(null);
  const there = factors !== null, meant = place.value.hash === mySecurity.slice(mySecurity.indexOf("#"));
  // Whoever came by the link to this part stands before it once it is drawn.
  useEffect(() => {
    if (!there || !meant) return;
    head.current?.scrollIntoView({ block: "center" });
    head.current?.focus({ preventScroll: true });
  }, [there, meant]);
  const over = async (said?: string) => {
    await onChange();
    setDoing(null);
    head.current?.focus();
    if (said) toast(said);
  };
  /** It was set up or turned off elsewhere meanwhile: the page shows how it is now. */
  const moved = async (e: ApiError) => { if (e.code === codes.noFactor || e.code === codes.factorThere) await over(); };
  return (
    <section class="card part" id="second-factor" aria-labelledby="part-factor">
      <h2 id="part-factor" ref={head} tabIndex={-1}>{t.title}</h2>
      {!factors ? error ? <Notice tone="danger" live><p>{error.text(lang.value)}</p></Notice> : <Skeleton lines={2} />
        : doing?.what === "begin" ? <Begin me={me} why={doing.why} onEnrolment={(enrolment) => setDoing({ what: "scan", enrolment })} onMoved={moved} onCancel={() => void over()} />
        : doing?.what === "scan" ? <Scan enrolment={doing.enrolment} onOver={(why) => setDoing({ what: "begin", why })} onCancel={() => void over()}
            onDone={(recovery) => { setDoing({ what: "keep", recovery, renewed: false }); void onChange(); }} />
        : doing?.what === "keep" ? <Keep me={me} recovery={doing.recovery} onKept={() => void over(doing.renewed ? t.renewed : t.kept)} />
        : doing?.what === "renew" ? (
          <Proof me={me} title={t.renewTitle} act={t.renewAct} recovery={false} onMoved={moved} onCancel={() => void over()}
            onProof={async (passphrase, code) => { const recovery = await api.newRecovery(passphrase, code); recoveryLeft.value = null; setDoing({ what: "keep", recovery, renewed: true }); }}>
            <p>{t.renewText}</p>
          </Proof>
        ) : doing?.what === "off" ? (
          <Proof me={me} title={t.offTitle} act={t.offAct} danger onMoved={moved} onCancel={() => void over()}
            onProof={async (passphrase, code) => { await api.removeFactor(passphrase, code); recoveryLeft.value = null; await over(t.offDone); }}>
            <p>{t.offText}</p>
          </Proof>
        ) : factors.totp ? (
          <div class="stack">
            <p class="row row--wrap"><Badge tone="accent">{t.on}</Badge><span>{t.since(date(factors.totp.since))}</span></p>
            {factors.recoveryLeft <= few ? <Notice tone="attention"><p>{t.fewLeft(factors.recoveryLeft)}</p></Notice> : <p>{t.left(factors.recoveryLeft)}</p>}
            <div class="step__acts">
              <Button look={factors.recoveryLeft <= few ? "primary" : "plain"} onClick={() => setDoing({ what: "renew" })}>{t.renew}</Button>
              <Button look="warn" onClick={() => setDoing({ what: "off" })}>{t.off}</Button>
            </div>
          </div>
        ) : (
          <div class="stack">
            <p>{t.why}</p>
            <div><Button look="primary" onClick={() => setDoing({ what: "begin" })}>{t.begin}</Button></div>
          </div>
        )}
    </section>
  );
}

/** One step: whoever cannot see it come is taken to its title. */
function Step({ title, keep, children }: { title: string; keep?: boolean; children: ComponentChildren }) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    head.current?.closest("section")?.scrollIntoView({ block: "start" });
    head.current?.focus({ preventScroll: true });
  }, []);
  return <div class={keep ? "step keep" : "step"}><h3 ref={head} tabIndex={-1}>{title}</h3>{children}</div>;
}

/** So that a password manager knows whose passphrase is asked for. */
const Whose = ({ me }: { me: Me }) => <input class="unseen" type="email" autocomplete="username" value={me.email} readOnly tabIndex={-1} aria-hidden="true" />;

function Begin({ me, why, onEnrolment, onMoved, onCancel }: { me: Me; why?: string; onEnrolment: (e: Enrolment) => void; onMoved: (e: ApiError) => Promise<void>; onCancel: () => void }) {
  const t = desk.value.factor;
  const [passphrase, setPassphrase] = useState("");
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<string | null>(why ?? null);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => { field.current?.focus(); }, []);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy) return;
    setBusy(true);
    setSaid(null);
    try { onEnrolment(await api.enrol(passphrase)); } catch (cause) {
      const refused = asApiError(cause);
      setSaid(sayOf(refused));
      setPassphrase("");
      setBusy(false);
      field.current?.focus();
      await onMoved(refused);
    }
  };
  return (
    <form class="step" onSubmit={(e) => void submit(e)}>
      <h3>{t.beginTitle}</h3>
      {said && <Notice tone="danger" live><p>{said}</p></Notice>}
      <Whose me={me} />
      <Passphrase label={t.passphrase} hint={t.beginText} autocomplete="current-password" required value={passphrase} onValue={setPassphrase} innerRef={field} />
      <div class="step__acts"><Button look="primary" type="submit" busy={busy}>{t.next}</Button><Button onClick={onCancel}>{kit.value.cancel}</Button></div>
    </form>
  );
}

function Scan({ enrolment, onDone, onOver, onCancel }: { enrolment: Enrolment; onDone: (recovery: string[]) => void; onOver: (why: string) => void; onCancel: () => void }) {
  const t = desk.value.factor;
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
      const refused = asApiError(cause);
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
        <p class="small muted">{t.othersEnd}</p>
        <div class="step__acts"><Button look="primary" type="submit" busy={busy}>{t.turnOn}</Button><Button onClick={onCancel}>{kit.value.cancel}</Button></div>
      </form>
    </Step>
  );
}

async function copied(text: string): Promise<void> { if (!(await copy(text))) toast(desk.value.factor.copyRefused, "circle-alert"); }

/** Shown once: the page does not let go of them by itself before the person says that they are kept. */
function Keep({ me, recovery, onKept }: { me: Me; recovery: string[]; onKept: () => void }) {
  const t = desk.value.factor;
  const [kept, setKept] = useState(false);
  const [missing, setMissing] = useState(false);
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const leaving = (e: BeforeUnloadEvent) => { e.preventDefault(); };
    addEventListener("beforeunload", leaving);
    return () => removeEventListener("beforeunload", leaving);
  }, []);
  const of = t.fileHead(me.email, location.host, date(new Date()));
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

/** Passphrase and code again, before something that a thief of an open session must not do. */
function Proof({ me, title, act, danger, recovery = true, children, onProof, onMoved, onCancel }: {
  me: Me; title: string; act: string; danger?: boolean; recovery?: boolean; children: ComponentChildren;
  onProof: (passphrase: string, code: string) => Promise<void>; onMoved: (e: ApiError) => Promise<void>; onCancel: () => void;
}) {
  const t = desk.value.factor;
  const [passphrase, setPassphrase] = useState("");
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<string | null>(null);
  const [partly, setPartly] = useState(false);
  const first = useRef<HTMLInputElement>(null), second = useRef<HTMLInputElement>(null);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy) return;
    const whole = recovery ? wholeCode(code) : sixDigits(code);
    setPartly(!whole);
    if (!whole) { second.current?.focus(); return; }
    setBusy(true);
    setSaid(null);
    try { await onProof(passphrase, whole); } catch (cause) {
      const refused = asApiError(cause);
      setSaid(sayOf(refused, whole));
      setCode("");
      setBusy(false);
      if (refused.code === "passphrase-wrong") { setPassphrase(""); first.current?.focus(); } else second.current?.focus();
      await onMoved(refused);
    }
  };
  return (
    <Step title={title}>
      {children}
      <form class="step" onSubmit={(e) => void submit(e)}>
        {said && <Notice tone="danger" live><p>{said}</p></Notice>}
        <Whose me={me} />
        <Passphrase label={t.passphrase} autocomplete="current-password" required value={passphrase} onValue={setPassphrase} innerRef={first} />
        <CodeField recovery={recovery} value={code} onValue={(v) => { setCode(v); setPartly(false); }} error={partly ? kit.value.code.partly : null} innerRef={second} />
        <div class="step__acts"><Button look={danger ? "danger" : "primary"} type="submit" busy={busy}>{act}</Button><Button onClick={onCancel}>{kit.value.cancel}</Button></div>
      </form>
    </Step>
  );
}

/** "My security": the second factor of one's own account is set up, its recovery codes are kept, and it is turned off again. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../button.tsx";
import { CodeField, wholeCode } from "../code.tsx";
import { codes, sixDigits } from "../factor.ts";
import { Passphrase } from "../field.tsx";
import { date } from "../i18n.ts";
import { Notice, toast } from "../notice.tsx";
import { Badge, Skeleton } from "../show.tsx";
import { kit } from "../words.ts";
import { Enrolling, Keep } from "./enrol.tsx";
import { privileged, useSecurity, type Factors, type Person, type Refusal } from "./port.ts";
import { sayOf } from "./say.ts";
import { Step, Whose } from "./step.tsx";
import { own } from "./words.ts";

/** With so few recovery codes left it is time for new ones. */
export const few = 2;
/** The part of an account page that a link names. */
export const factorPart = "second-factor";

type Doing = "enrol" | "renew" | "off" | { recovery: string[] };

export function FactorPart({ me, factors, error, meant, onChange }: {
  me: Person; factors: Factors | null; error: string | null;
  /** The person came by a link to this part. */
  meant: boolean; onChange: () => Promise<void>;
}) {
  const { api, recoveryRenewed } = useSecurity();
  const t = own.value.factor;
  const [doing, setDoing] = useState<Doing | null>(null);
  const head = useRef<HTMLHeadingElement>(null);
  const there = factors !== null;
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
  const moved = async (e: Refusal) => { if (e.code === codes.noFactor || e.code === codes.factorThere) await over(); };
  return (
    <section class="card part" id={factorPart} aria-labelledby="part-factor">
      <h2 id="part-factor" ref={head} tabIndex={-1}>{t.title}</h2>
      {!factors ? error ? <Notice tone="danger" live><p>{error}</p></Notice> : <Skeleton lines={2} />
        : doing === "enrol" ? <Enrolling email={me.email} onOn={() => void onChange()} onDone={() => void over(t.kept)} onMoved={() => void over()} onCancel={() => void over()} />
        : doing === "renew" ? (
          <Proving me={me} title={t.renewTitle} act={t.renewAct} recovery={false} onMoved={moved} onCancel={() => void over()}
            onProof={async (passphrase, code) => { const recovery = await api.newRecovery(passphrase, code); recoveryRenewed(); setDoing({ recovery }); }}>
            <p>{t.renewText}</p>
          </Proving>
        ) : doing === "off" ? (
          <Proving me={me} title={t.offTitle} act={t.offAct} danger onMoved={moved} onCancel={() => void over()}
            onProof={async (passphrase, code) => { await api.removeFactor(passphrase, code); recoveryRenewed(); await over(t.offDone); }}>
            <p>{t.offText}</p>
          </Proving>
        ) : doing ? <Keep email={me.email} recovery={doing.recovery} onKept={() => void over(t.renewed)} />
        : factors.totp ? <On factors={factors} required={factors.required ?? privileged(me.role)} onRenew={() => setDoing("renew")} onOff={() => setDoing("off")} />
        : (
          <div class="stack">
            <p>{t.why}</p>
            <div><Button look="primary" onClick={() => setDoing("enrol")}>{t.begin}</Button></div>
          </div>
        )}
    </section>
  );
}

function On({ factors, required, onRenew, onOff }: { factors: Factors; required: boolean; onRenew: () => void; onOff: () => void }) {
  const t = own.value.factor;
  const short = factors.recoveryLeft <= few;
  return (
    <div class="stack">
      <p class="row row--wrap"><Badge tone="accent">{t.on}</Badge>{factors.totp && <span>{t.since(date(factors.totp.since))}</span>}</p>
      {short ? <Notice tone="attention"><p>{t.fewLeft(factors.recoveryLeft)}</p></Notice> : <p>{t.left(factors.recoveryLeft)}</p>}
      {required && <p class="muted small">{t.required}</p>}
      <div class="step__acts">
        <Button look={short ? "primary" : "plain"} onClick={onRenew}>{t.renew}</Button>
        {!required && <Button look="warn" onClick={onOff}>{t.off}</Button>}
      </div>
    </div>
  );
}

/** Somebody who came in by a recovery code learns how many are left, and where to get new ones. */
export function RecoveryNotice({ left, href, onGone }: { left: number; href: string; onGone: () => void }) {
  const t = own.value.factor;
  return (
    <Notice tone={left <= few ? "attention" : "info"} live>
      <p>{t.usedRecovery(left)}</p>
      <p class="row row--wrap"><a href={href} onClick={onGone}>{t.mySecurity}</a><Button look="quiet" onClick={onGone}>{t.understood}</Button></p>
    </Notice>
  );
}

/** Passphrase and code again, before something that a thief of an open session must not do. */
function Proving({ me, title, act, danger, recovery = true, children, onProof, onMoved, onCancel }: {
  me: Person; title: string; act: string; danger?: boolean; recovery?: boolean; children: ComponentChildren;
  onProof: (passphrase: string, code: string) => Promise<void>; onMoved: (e: Refusal) => Promise<void>; onCancel: () => void;
}) {
  const { refusal } = useSecurity();
  const t = own.value.factor;
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
      const refused = refusal(cause);
      setSaid(sayOf(refused, whole));
      setCode("");
      setBusy(false);
      if (refused.code === codes.passphraseWrong) { setPassphrase(""); first.current?.focus(); } else second.current?.focus();
      await onMoved(refused);
    }
  };
  return (
    <Step title={title}>
      {children}
      <form class="step" onSubmit={(e) => void submit(e)}>
        {said && <Notice tone="danger" live><p>{said}</p></Notice>}
        <Whose email={me.email} />
        <Passphrase label={t.passphrase} autocomplete="current-password" required value={passphrase} onValue={setPassphrase} innerRef={first} />
        <CodeField recovery={recovery} value={code} onValue={(v) => { setCode(v); setPartly(false); }} error={partly ? kit.value.code.partly : null} innerRef={second} />
        <div class="step__acts"><Button look={danger ? "danger" : "primary"} type="submit" busy={busy}>{act}</Button><Button onClick={onCancel}>{kit.value.cancel}</Button></div>
      </form>
    </Step>
  );
}

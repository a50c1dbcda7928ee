/** "My security": the second factor of one's own account is set up, its recovery codes are kept, it moves to another phone, and it is turned off again. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../button.tsx";
import { codes } from "../factor.ts";
import { date } from "../i18n.ts";
import { Notice, toast } from "../notice.tsx";
import { Badge, Skeleton } from "../show.tsx";
import { Enrolling, Keep } from "./enrol.tsx";
import { kindsOf, privileged, useSecurity, type Factors, type Person, type Refusal } from "./port.ts";
import { keys } from "./passkey-words.ts";
import { providerName } from "./provider.tsx";
import { providerWords } from "./provider-words.ts";
import { Proving } from "./proving.tsx";
import { own } from "./words.ts";

/** With so few recovery codes left it is time for new ones. */
export const few = 2;
/** The part of an account page that a link names. */
export const factorPart = "second-factor";

type Doing = "enrol" | "replace" | "renew" | "off" | { recovery: string[] };

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
        : doing === "enrol" ? <Enrolling me={me} factors={factors} onOn={() => void onChange()} onDone={() => void over(t.kept)} onMoved={() => void over()} onCancel={() => void over()} />
        : doing === "replace" ? <Enrolling me={me} factors={factors} replace onDone={() => void over(t.replaced)} onMoved={() => void over()} onCancel={() => void over()} />
        : doing === "renew" ? (
          <Proving me={me} kinds={kindsOf(factors)} title={t.renewTitle} act={t.renewAct} recovery={false} onMoved={moved} onCancel={() => void over()}
            onProof={async (given) => { const recovery = await api.newRecovery(given); recoveryRenewed(); setDoing({ recovery }); }}>
            <p>{t.renewText}</p>
          </Proving>
        ) : doing === "off" ? (
          <Proving me={me} kinds={kindsOf(factors)} title={t.offTitle} act={t.offAct} danger onMoved={moved} onCancel={() => void over()}
            onProof={async (given) => { await api.removeFactor(given); recoveryRenewed(); await over(t.offDone); }}>
            <p>{factors.passkeys.length > 0 ? t.offTextOther : t.offText}</p>
          </Proving>
        ) : doing ? <Keep email={me.email} recovery={doing.recovery} onKept={() => void over(t.renewed)} />
        : factors.keyed ? <p>{keys.value.alone}</p>
        : factors.totp ? <On factors={factors} required={(factors.required ?? privileged(me.role)) && factors.passkeys.length === 0} onRenew={() => setDoing("renew")} onReplace={() => setDoing("replace")} onOff={() => setDoing("off")} />
        : (
          <div class="stack">
            {factors.passkeys.length > 0 ? <><Left factors={factors} /><p>{keys.value.withTotp}</p></> : <p>{me.provided ? providerWords.value.why(providerName()) : t.why}</p>}
            <div class="step__acts">{factors.passkeys.length > 0 && <Button onClick={() => setDoing("renew")}>{t.renew}</Button>}<Button look={factors.passkeys.length > 0 ? "plain" : "primary"} onClick={() => setDoing("enrol")}>{t.begin}</Button></div>
          </div>
        )}
    </section>
  );
}

function On({ factors, required, onRenew, onReplace, onOff }: { factors: Factors; required: boolean; onRenew: () => void; onReplace: () => void; onOff: () => void }) {
  const t = own.value.factor;
  const short = factors.recoveryLeft <= few;
  return (
    <div class="stack">
      <p class="row row--wrap"><Badge tone="accent">{t.on}</Badge>{factors.totp && <span>{t.since(date(factors.totp.since))}</span>}</p>
      <Left factors={factors} />
      {required && <p class="muted small">{t.required}</p>}
      <div class="step__acts">
        <Button look={short ? "primary" : "plain"} onClick={onRenew}>{t.renew}</Button>
        <Button onClick={onReplace}>{t.replace}</Button>
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

function Left({ factors: { recoveryLeft } }: { factors: Factors }) {
  const t = own.value.factor;
  return recoveryLeft <= few ? <Notice tone="attention"><p>{t.fewLeft(recoveryLeft)}</p></Notice> : <p>{t.left(recoveryLeft)}</p>;
}

/** The second factor on the page: the field for its code, the second step of a sign-in, and a QR code. */
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ComponentChildren, Ref } from "preact";
import { Button } from "./button.tsx";
import { qrPath, recoveryCode, sixDigits } from "./factor.ts";
import { Input } from "./field.tsx";
import { Notice } from "./notice.tsx";
import { kit } from "./words.ts";

/** Anything that the server could take: six digits, or a recovery code. */
export const wholeCode = (typed: string): string | null => sixDigits(typed) ?? recoveryCode(typed);

/**
 * Six digits, or by a touch a recovery code in their place. onWhole is called once the six digits stand there: nobody has
 * to look for a button while the code runs out. A recovery code is not sent by itself: it is spent by the first try.
 */
export function CodeField({ value, onValue, onWhole, error, innerRef, digits = true, recovery = true, hint }: {
  value: string; onValue: (v: string) => void; onWhole?: (code: string) => void; error?: string | null; innerRef?: Ref<HTMLInputElement>;
  /** Whether there is an application that makes six digits; without one a recovery code alone does. */
  digits?: boolean;
  /** Whether a recovery code does as well. */
  recovery?: boolean; hint?: string;
}) {
  const t = kit.value.code;
  const [byRecovery, setByRecovery] = useState(!digits);
  const own = useRef<HTMLInputElement | null>(null);
  const box = (el: HTMLInputElement | null) => {
    own.current = el;
    if (typeof innerRef === "function") innerRef(el); else if (innerRef) innerRef.current = el;
  };
  const typed = (v: string) => {
    onValue(v);
    const code = sixDigits(v);
    if (code && !byRecovery && code !== sixDigits(value)) onWhole?.(code);
  };
  const changed = useRef(false);
  const change = () => { changed.current = true; setByRecovery(!byRecovery); onValue(""); };
  useLayoutEffect(() => { if (changed.current) own.current?.focus(); }, [byRecovery]);
  return (
    <div class="code-field">
      {byRecovery
        ? <Input key="r" label={t.recovery} hint={t.recoveryHint} required autocomplete="off" autocapitalize="characters" spellcheck={false} value={value} onValue={typed} error={error} innerRef={box} />
        : <Input key="d" label={t.digits} hint={hint ?? t.digitsHint} required inputmode="numeric" autocomplete="one-time-code" autocapitalize="none" spellcheck={false} value={value} onValue={typed} error={error} innerRef={box} />}
      {recovery && digits && <Button look="quiet" onClick={change}>{byRecovery ? t.useDigits : t.useRecovery}</Button>}
    </div>
  );
}

/** After the passphrase: who signs in stays in sight, the code is asked for, and there is a way back. */
export function SecondStep({ email, said, tries, busy, act, digits = true, passkey, back, onCode, onBack }: {
  email: string; said: string | null;
  /** Counts refusals: after each the field is empty and has the focus. */
  tries: number; busy: boolean; act: string;
  /** Whether six digits do; else a recovery code, and the passkey. */
  digits?: boolean; passkey?: ComponentChildren;
  /** What the way back is called; without it, to the passphrase. */
  back?: string; onCode: (code: string) => void; onBack: () => void;
}) {
  const t = kit.value.code;
  const [value, setValue] = useState("");
  const [partly, setPartly] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => { setValue(""); field.current?.focus(); }, [tries]);
  const submit = (e: Event) => {
    e.preventDefault();
    if (busy) return;
    const code = wholeCode(value);
    setPartly(!code);
    if (code) onCode(code); else field.current?.focus();
  };
  return (
    <form class="card stack" noValidate onSubmit={submit}>
      {said && <Notice tone="danger" live><p>{said}</p></Notice>}
      <p class="step-who"><span class="muted small">{t.as}</span><span class="grow">{email}</span></p>
      {passkey}
      <CodeField digits={digits} value={value} onValue={(v) => { setValue(v); setPartly(false); }} onWhole={(code) => { if (!busy) onCode(code); }} error={partly ? t.partly : null} innerRef={field} />
      <Button look={passkey ? "plain" : "primary"} large wide type="submit" busy={busy}>{act}</Button>
      <Button look="quiet" icon="arrow-left" wide onClick={onBack}>{back ?? t.back}</Button>
    </form>
  );
}

/** Dark on light in both themes: cameras do not read the other way round. */
export function QRCode({ rows, label }: { rows: readonly string[]; label: string }) {
  const { side, path } = useMemo(() => qrPath(rows), [rows]);
  return <svg class="qr" viewBox={`0 0 ${side} ${side}`} role="img" aria-label={label} shape-rendering="crispEdges"><path d={path} /></svg>;
}

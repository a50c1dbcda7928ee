/** Passphrase and code again, or a passkey, before something that a thief of an open session must not do. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../button.tsx";
import { CodeField, wholeCode } from "../code.tsx";
import { codes, sixDigits } from "../factor.ts";
import { Passphrase } from "../field.tsx";
import { Notice } from "../notice.tsx";
import { getPasskey, passkeysUsable } from "../passkey.ts";
import { kit } from "../words.ts";
import { keys } from "./passkey-words.ts";
import { useSecurity, whyOf, type Given, type Kinds, type Person, type Refusal } from "./port.ts";
import { ProviderProof, providerName } from "./provider.tsx";
import { providerWords } from "./provider-words.ts";
import { sayOf } from "./say.ts";
import { Step, Whose } from "./step.tsx";
import { own } from "./words.ts";

/** Between two ways to the same. */
export const Or = ({ children }: { children?: ComponentChildren }) => <p class="or"><span>{children ?? keys.value.or}</span></p>;

export function Proving({ me, kinds, title, act, danger, recovery = true, children, onProof, onMoved, onCancel }: {
  me: Person; kinds: Kinds; title: string; act: string; danger?: boolean;
  /** Whether a recovery code stands for the second factor. */
  recovery?: boolean; children?: ComponentChildren;
  onProof: (given: Given) => Promise<void>; onMoved?: (e: Refusal) => Promise<void>; onCancel?: () => void;
}) {
  const { api, refusal } = useSecurity();
  const t = own.value.factor, k = keys.value;
  const [passphrase, setPassphrase] = useState("");
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState<"" | "form" | "passkey">("");
  const [said, setSaid] = useState<string | null>(null);
  const [partly, setPartly] = useState(false);
  /** Who came by the provider signed in there too long ago: it asks again before anything else. */
  const [stale, setStale] = useState(false);
  const provided = me.provided === true;
  const first = useRef<HTMLInputElement>(null), second = useRef<HTMLInputElement>(null);
  const byPasskey = kinds.passkey && passkeysUsable(), coded = kinds.totp || kinds.passkey, byForm = !kinds.keyed && (kinds.totp || recovery || !coded);
  // Where the passphrase alone is asked for, it is typed at once; else the title says first what this is about.
  useEffect(() => { if (!coded && !provided) first.current?.focus(); }, []);
  const prove = async (how: "form" | "passkey", given: () => Promise<Given>, whole?: string | null) => {
    setBusy(how);
    setSaid(null);
    try { await onProof(await given()); } catch (cause) {
      const refused = whyOf(refusal, cause);
      if (provided && refused.code === codes.proofNeeded) { setStale(true); setCode(""); setBusy(""); return; }
      setSaid(sayOf(refused, whole));
      setCode("");
      setBusy("");
      if (how === "form") {
        if (refused.code === codes.passphraseWrong || !coded) { setPassphrase(""); first.current?.focus(); } else second.current?.focus();
      }
      await onMoved?.(refused);
    }
  };
  const submit = (e: Event) => {
    e.preventDefault();
    if (busy) return;
    const whole = !coded ? null : recovery ? wholeCode(code) : sixDigits(code);
    setPartly(coded && !whole);
    if (coded && !whole) { second.current?.focus(); return; }
    void prove("form", async () => ({ ...(provided ? {} : { passphrase }), ...(whole ? { code: whole } : {}) }), whole);
  };
  const proven = () => { setStale(false); if (!coded) void prove("form", async () => ({})); };
  const look = danger ? "danger" : "primary", cancel = onCancel && <Button onClick={onCancel}>{kit.value.cancel}</Button>;
  return (
    <Step title={title} still={!coded && !provided}>
      {children}
      {said && <Notice tone="danger" live><p>{said}</p></Notice>}
      {byPasskey && <div class="step__acts"><Button look={look} icon="fingerprint-pattern" busy={busy === "passkey"} onClick={() => { if (!busy) void prove("passkey", async () => ({ passkey: await getPasskey(await api.proofOptions()) })); }}>{k.confirm}</Button>{!byForm && cancel}</div>}
      {byPasskey && byForm && <Or>{provided ? k.or : k.orPassphrase}</Or>}
      {!byPasskey && !byForm && <><Notice><p>{k.onlyHere}</p></Notice><div class="step__acts">{cancel}</div></>}
      {byForm && stale && <><ProviderProof primary={!byPasskey} said={providerWords.value.confirmFirst(providerName())} onDone={proven} /><div class="step__acts">{cancel}</div></>}
      {byForm && !stale && (
        <form class="step" onSubmit={submit}>
          {!provided && <Whose email={me.email} />}
          {!provided && <Passphrase label={t.passphrase} hint={coded ? undefined : t.beginText} autocomplete="current-password" required value={passphrase} onValue={setPassphrase} innerRef={first} />}
          {coded && <CodeField digits={kinds.totp} recovery={recovery} value={code} onValue={(v) => { setCode(v); setPartly(false); }} error={partly ? kit.value.code.partly : null} innerRef={second} />}
          <div class="step__acts"><Button look={byPasskey ? "plain" : look} type="submit" busy={busy === "form"}>{act}</Button>{cancel}</div>
        </form>
      )}
    </Step>
  );
}

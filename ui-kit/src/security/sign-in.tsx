/** The way in: the passphrase, then the second factor if the account has one. Both clients show this one form. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button } from "../button.tsx";
import { SecondStep } from "../code.tsx";
import { codes } from "../factor.ts";
import { Input, Passphrase } from "../field.tsx";
import { Notice } from "../notice.tsx";
import { passkeysUsable } from "../passkey.ts";
import { whyOf, type Kinds, type Refusal } from "./port.ts";
import { PasskeyButton, useOffer, type PasskeyDoor } from "./door.tsx";
import { Or } from "./proving.tsx";
import { keys } from "./passkey-words.ts";
import { ProviderButton, StillIn, type ProviderDoor } from "./provider.tsx";
import { provider } from "../provider.ts";
import { sayOf } from "./say.ts";
import { own } from "./words.ts";

export function SignInForm<T>({ login, door, refusal, onIn, children }: {
  /** The ways in by a passkey and by the organisation's provider, where there can be one. */
  door: PasskeyDoor<T> & ProviderDoor;
  login: (email: string, passphrase: string, code?: string) => Promise<T>;
  refusal: (e: unknown) => Refusal;
  /** The passphrase goes on to the set-up of a second factor, if the rules ask for one now, and no further. */
  onIn: (answer: T, passphrase: string) => void;
  /** Below the form of the passphrase. */
  children?: ComponentChildren;
}) {
  const t = own.value.signIn;
  const [email, setEmail] = useState("");
  const [passphrase, setPassphrase] = useState("");
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<string | null>(null);
  /** Refused codes; null while the passphrase is asked for. */
  const [tries, setTries] = useState<number | null>(null);
  const [kinds, setKinds] = useState<Kinds>({ totp: true, passkey: false });
  const field = useRef<HTMLInputElement>(null);
  const byPasskey = (answer: T) => { setPassphrase(""); onIn(answer, ""); };
  const failed = (e: unknown) => setSaid(sayOf(whyOf(refusal, e)));
  const offer = useOffer(door, byPasskey, failed), keyed = passkeysUsable(), elsewhere = provider.value !== null;
  // The passphrase is sent again with the code: it stays in this state alone, and only that long.
  const first = (why: string | null) => { setTries(null); setPassphrase(""); setSaid(why); };
  const send = async (code?: string) => {
    if (busy) return;
    setBusy(true);
    setSaid(null);
    try {
      const answer = await login(email.trim(), passphrase, code);
      setPassphrase("");
      onIn(answer, passphrase);
    } catch (cause) {
      const why = refusal(cause);
      if (why.code === codes.factorNeeded) { setKinds(why.factors ?? { totp: true, passkey: false }); setTries(0); }
      else if (tries !== null && why.code !== "bad-credentials") { setSaid(sayOf(why, code)); setTries(tries + 1); }
      else { first(sayOf(why)); field.current?.focus(); }
    } finally {
      setBusy(false);
    }
  };
  const stood = useRef(tries);
  useLayoutEffect(() => {
    if (stood.current !== null && tries === null) field.current?.focus();
    stood.current = tries;
  }, [tries]);
  if (tries !== null) {
    const key = kinds.passkey && keyed && <><PasskeyButton door={door} email={email.trim()} label={keys.value.useOne} primary onBegin={() => { offer.stop(); setSaid(null); }} onIn={byPasskey} onFailed={failed} /><Or /></>;
    return <SecondStep email={email.trim()} said={said} tries={tries} busy={busy} act={t.act} digits={kinds.totp} passkey={key} onCode={(code) => void send(code)} onBack={() => first(null)} />;
  }
  return (
    <form class="card stack" onSubmit={(e) => { e.preventDefault(); void send(); }}>
      <StillIn />
      {said && <Notice tone="danger" live><p>{said}</p></Notice>}
      {elsewhere && <ProviderButton door={door} onBegin={() => { offer.stop(); setSaid(null); }} onFailed={failed} />}
      {keyed && <PasskeyButton door={door} primary={!elsewhere} onBegin={() => { offer.stop(); setSaid(null); }} onIn={byPasskey} onFailed={failed} />}
      {(elsewhere || keyed) && <Or />}
      <Input label={t.email} type="email" name="email" autocomplete={keyed ? "username webauthn" : "username"} required value={email} onValue={setEmail} autofocus />
      <Passphrase label={t.passphrase} name="passphrase" autocomplete="current-password" required value={passphrase} onValue={setPassphrase} innerRef={field} />
      <Button look={keyed || elsewhere ? "plain" : "primary"} large wide type="submit" busy={busy}>{t.act}</Button>
      {children}
    </form>
  );
}

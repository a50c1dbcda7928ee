import { useRef, useState } from "preact/hooks";
import { Button } from "../button.tsx";
import { CodeField, wholeCode } from "../code.tsx";
import { codes } from "../factor.ts";
import { Passphrase } from "../field.tsx";
import { Notice, toast } from "../notice.tsx";
import { getPasskey, passkeysUsable } from "../passkey.ts";
import { kit } from "../words.ts";
import { keys } from "./passkey-words.ts";
import { kindsOf, useSecurity, whyOf, type Factors, type Kinds, type Person } from "./port.ts";
import { Or } from "./proving.tsx";
import { providerName } from "./provider.tsx";
import { providerWords } from "./provider-words.ts";
import { met, Rules } from "./rules.tsx";
import { sayOf } from "./say.ts";
import { Keep } from "./enrol.tsx";
import { Whose } from "./step.tsx";
import { own } from "./words.ts";

/** The passphrase is changed: the old one, and a code of the second factor where there is one. */
export function PassphrasePart({ me, factors, onChange }: { me: Person; factors: Factors | null; onChange: () => void }) {
  const { api, refusal } = useSecurity();
  const t = own.value.passphrase;
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [code, setCode] = useState("");
  /** The server asked for a code: the second factor was set up elsewhere since this page was opened. */
  const [asked, setAsked] = useState<Kinds | null>(null);
  const [partly, setPartly] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const kinds = asked ?? kindsOf(factors), coded = kinds.totp || kinds.passkey, keyed = kinds.passkey && passkeysUsable();
  const submit = async (e: Event, byPasskey = false) => {
    e.preventDefault();
    if (busy || !met(fresh, me).all || byPasskey && !old) return;
    const whole = wholeCode(code), lacking = coded && !byPasskey && !whole;
    setPartly(lacking);
    if (lacking) { field.current?.focus(); return; }
    setBusy(true);
    setError(null);
    try {
      await api.changePassphrase(old, fresh, byPasskey ? { passkey: await getPasskey(await api.proofOptions()) } : whole ? { code: whole } : undefined);
      setOld("");
      setFresh("");
      setCode("");
      toast(t.changed);
      onChange();
    } catch (cause) {
      const refused = whyOf(refusal, cause);
      if (refused.code === codes.factorNeeded) setAsked(refused.factors ?? { totp: true, passkey: false });
      setCode("");
      setError(refused.code === codes.factorNeeded ? t.codeToo : sayOf(refused, whole));
      field.current?.focus();
    } finally {
      setBusy(false);
    }
  };
  if (me.source === "oidc") return <section class="card part" aria-labelledby="part-passphrase"><h2 id="part-passphrase">{t.title}</h2><p>{providerWords.value.passphrase(providerName())}</p></section>;
  if (factors?.keyed) return <ChoosePart me={me} onChange={onChange} />;
  if (me.source && me.source !== "scim") return <section class="card part" aria-labelledby="part-passphrase"><h2 id="part-passphrase">{t.title}</h2><p>{t.elsewhere}</p></section>;
  return (
    <section class="card part" aria-labelledby="part-passphrase">
      <h2 id="part-passphrase">{t.title}</h2>
      <form class="stack" onSubmit={(e) => void submit(e)}>
        {error && <Notice tone="danger" live><p>{error}</p></Notice>}
        <Whose email={me.email} />
        <Passphrase label={t.old} autocomplete="current-password" required value={old} onValue={setOld} />
        <Passphrase label={t.fresh} autocomplete="new-password" required value={fresh} onValue={setFresh} hint={<Rules passphrase={fresh} who={me} />} />
        {keyed && <><div><Button icon="fingerprint-pattern" busy={busy} onClick={(e) => void submit(e, true)}>{keys.value.changeBy}</Button></div><Or /></>}
        {coded && <CodeField digits={kinds.totp} value={code} onValue={(v) => { setCode(v); setPartly(false); }} error={partly ? kit.value.code.partly : null} innerRef={field} />}
        <div><Button type="submit" busy={busy}>{t.change}</Button></div>
      </form>
    </section>
  );
}

/** An account without a passphrase gets one: its passkey says who asks, and recovery codes come with it. */
function ChoosePart({ me, onChange }: { me: Person; onChange: () => void }) {
  const { api, refusal } = useSecurity();
  const t = own.value.passphrase;
  const [fresh, setFresh] = useState("");
  const [recovery, setRecovery] = useState<string[] | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy || !met(fresh, me).all) return;
    setBusy(true);
    setError(null);
    try {
      setRecovery(await api.choosePassphrase(fresh, await getPasskey(await api.proofOptions())));
      setFresh("");
    } catch (cause) { setError(sayOf(whyOf(refusal, cause))); } finally { setBusy(false); }
  };
  return (
    <section class="card part" aria-labelledby="part-passphrase">
      <h2 id="part-passphrase">{t.title}</h2>
      {recovery ? <Keep email={me.email} recovery={recovery} onKept={() => { toast(t.chosen); onChange(); }} /> : (
        <form class="stack" onSubmit={(e) => void submit(e)}>
          <p>{t.none}</p>
          {error && <Notice tone="danger" live><p>{error}</p></Notice>}
          {!passkeysUsable() ? <Notice><p>{keys.value.onlyHere}</p></Notice> : (
            <>
              <Whose email={me.email} />
              <Passphrase label={t.fresh} autocomplete="new-password" required value={fresh} onValue={setFresh} hint={<Rules passphrase={fresh} who={me} />} />
              <div><Button icon="fingerprint-pattern" type="submit" busy={busy}>{t.choose}</Button></div>
            </>
          )}
        </form>
      )}
    </section>
  );
}

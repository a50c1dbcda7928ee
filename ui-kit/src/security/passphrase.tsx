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
import { met, Rules } from "./rules.tsx";
import { sayOf } from "./say.ts";
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

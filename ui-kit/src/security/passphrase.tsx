import { useRef, useState } from "preact/hooks";
import { Button } from "../button.tsx";
import { CodeField, wholeCode } from "../code.tsx";
import { codes } from "../factor.ts";
import { Passphrase } from "../field.tsx";
import { Notice, toast } from "../notice.tsx";
import { kit } from "../words.ts";
import { useSecurity, type Person } from "./port.ts";
import { met, Rules } from "./rules.tsx";
import { sayOf } from "./say.ts";
import { Whose } from "./step.tsx";
import { own } from "./words.ts";

/** The passphrase is changed: the old one, and a code of the second factor where there is one. */
export function PassphrasePart({ me, second, onChange }: { me: Person; second: boolean; onChange: () => void }) {
  const { api, refusal } = useSecurity();
  const t = own.value.passphrase;
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [code, setCode] = useState("");
  /** The server asked for a code: the second factor was set up elsewhere since this page was opened. */
  const [asked, setAsked] = useState(false);
  const [partly, setPartly] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy || !met(fresh, me).all) return;
    const whole = wholeCode(code);
    setPartly((second || asked) && !whole);
    if ((second || asked) && !whole) { field.current?.focus(); return; }
    setBusy(true);
    setError(null);
    try {
      await api.changePassphrase(old, fresh, whole ?? undefined);
      setOld("");
      setFresh("");
      setCode("");
      toast(t.changed);
      onChange();
    } catch (cause) {
      const refused = refusal(cause);
      if (refused.code === codes.factorNeeded) setAsked(true);
      setCode("");
      setError(refused.code === codes.factorNeeded ? t.codeToo : sayOf(refused, whole));
      field.current?.focus();
    } finally {
      setBusy(false);
    }
  };
  if (me.source) return <section class="card part" aria-labelledby="part-passphrase"><h2 id="part-passphrase">{t.title}</h2><p>{t.elsewhere}</p></section>;
  return (
    <section class="card part" aria-labelledby="part-passphrase">
      <h2 id="part-passphrase">{t.title}</h2>
      <form class="stack" onSubmit={(e) => void submit(e)}>
        {error && <Notice tone="danger" live><p>{error}</p></Notice>}
        <Whose email={me.email} />
        <Passphrase label={t.old} autocomplete="current-password" required value={old} onValue={setOld} />
        <Passphrase label={t.fresh} autocomplete="new-password" required value={fresh} onValue={setFresh} hint={<Rules passphrase={fresh} who={me} />} />
        {(second || asked) && <CodeField value={code} onValue={(v) => { setCode(v); setPartly(false); }} error={partly ? kit.value.code.partly : null} innerRef={field} />}
        <div><Button type="submit" busy={busy}>{t.change}</Button></div>
      </form>
    </section>
  );
}

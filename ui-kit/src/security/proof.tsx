/**
 * Some acts need a recent proof of who acts. withProof does the act; when the server asks for the proof, a dialog does, and
 * the act is done again, once. One dialog stands in each client (ProofHost); whoever asks meanwhile waits for the same.
 */
import { signal } from "@preact/signals";
import { useRef, useState } from "preact/hooks";
import { Button } from "../button.tsx";
import { CodeField, wholeCode } from "../code.tsx";
import { Dialog } from "../dialog.tsx";
import { codes } from "../factor.ts";
import { Passphrase } from "../field.tsx";
import { Notice } from "../notice.tsx";
import { getPasskey, passkeysUsable } from "../passkey.ts";
import { kit } from "../words.ts";
import { provingOnce } from "./again.ts";
import { keys } from "./passkey-words.ts";
import { whyOf, type Given, type Kinds, type Refusal } from "./port.ts";
import { Or } from "./proving.tsx";
import { ProviderProof } from "./provider.tsx";
import { sayOf } from "./say.ts";
import { Whose } from "./step.tsx";
import { own } from "./words.ts";

/** The person closed the dialog: the act was not done. */
export class NotProven extends Error implements Refusal {
  readonly code = "not-proven";
  readonly until = null;
  constructor() { super("the proof was not given"); }
  text(): string { return own.value.proof.not; }
}

const asked = signal<{ proven: () => void; left: () => void } | null>(null);
let under: Promise<void> | null = null;

function proof(): Promise<void> {
  under ??= new Promise<void>((done, fail) => {
    asked.value = { proven: done, left: () => fail(new NotProven()) };
  }).finally(() => { under = null; asked.value = null; });
  return under;
}

export const withProof = <T,>(act: () => Promise<T>): Promise<T> => provingOnce(act, proof);

export function ProofHost({ email, provided, kinds, prove, options, refusal }: {
  email: string;
  /** This session came by the provider: it asks again, in the place of passphrase and code. */
  provided?: boolean;
  /** The second factors of the account: a code of one is asked for, or a passkey in the place of passphrase and code. */
  kinds: Kinds;
  prove: (given: Given) => Promise<unknown>; options: () => Promise<unknown>; refusal: (e: unknown) => Refusal;
}) {
  const t = own.value.proof;
  const a = asked.value;
  return (
    <Dialog open={a !== null} title={t.title} onClose={() => a?.left()} small>
      <ProofForm email={email} provided={provided} kinds={kinds} prove={prove} options={options} refusal={refusal} onProven={() => a?.proven()} onLeft={() => a?.left()} />
    </Dialog>
  );
}

function ProofForm({ email, provided, kinds: had, prove, options, refusal, onProven, onLeft }: Parameters<typeof ProofHost>[0] & { onProven: () => void; onLeft: () => void }) {
  const t = own.value.proof;
  const [passphrase, setPassphrase] = useState("");
  const [code, setCode] = useState("");
  /** The server asked for a code: the second factor is newer than what this page knows. */
  const [more, setMore] = useState<Kinds | null>(null);
  const [partly, setPartly] = useState(false);
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<string | null>(null);
  const first = useRef<HTMLInputElement>(null), field = useRef<HTMLInputElement>(null);
  const kinds = more ?? had, coded = kinds.totp || kinds.passkey, keyed = kinds.passkey && passkeysUsable();
  const byPasskey = async () => {
    if (busy) return;
    setBusy(true);
    setSaid(null);
    try { await prove({ passkey: await getPasskey(await options()) }); onProven(); } catch (cause) { setSaid(sayOf(whyOf(refusal, cause))); setBusy(false); }
  };
  const submit = async (e: Event) => {
    e.preventDefault();
    e.stopPropagation();
    if (busy) return;
    const whole = wholeCode(code);
    setPartly(coded && !whole);
    if (coded && !whole) { field.current?.focus(); return; }
    setBusy(true);
    setSaid(null);
    try { await prove({ passphrase, ...(whole ? { code: whole } : {}) }); onProven(); } catch (cause) {
      const refused = refusal(cause);
      // The session is over: nothing is left to prove, and the page goes back to the door.
      if (refused.code === "not-signed-in") { onLeft(); return; }
      setBusy(false);
      setCode("");
      if (refused.code === codes.factorNeeded) { setMore(refused.factors ?? { totp: true, passkey: false }); setSaid(own.value.passphrase.codeToo); return; }
      setSaid(sayOf(refused, whole));
      if (refused.code === codes.passphraseWrong) { setPassphrase(""); first.current?.focus(); } else field.current?.focus();
    }
  };
  const byKey = keyed && <Button look="primary" icon="fingerprint-pattern" wide busy={busy} onClick={() => void byPasskey()}>{keys.value.confirm}</Button>;
  if (provided) {
    return (
      <div class="stack">
        {said && <Notice tone="danger" live><p>{said}</p></Notice>}
        {byKey && <>{byKey}<Or /></>}
        <ProviderProof primary={!keyed} onDone={onProven} />
        <div class="dialog__acts"><Button onClick={onLeft}>{kit.value.cancel}</Button></div>
      </div>
    );
  }
  return (
    <form class="stack" noValidate onSubmit={(e) => void submit(e)}>
      <p>{t.text}</p>
      {said && <Notice tone="danger" live><p>{said}</p></Notice>}
      {byKey && <>{byKey}<Or>{keys.value.orPassphrase}</Or></>}
      <Whose email={email} />
      <Passphrase label={t.passphrase} autocomplete="current-password" required value={passphrase} onValue={setPassphrase} innerRef={first} autofocus />
      {coded && <CodeField digits={kinds.totp} value={code} onValue={(v) => { setCode(v); setPartly(false); }} error={partly ? kit.value.code.partly : null} innerRef={field} />}
      <div class="dialog__acts"><Button onClick={onLeft}>{kit.value.cancel}</Button><Button look={keyed ? "plain" : "primary"} type="submit" busy={busy}>{t.act}</Button></div>
    </form>
  );
}

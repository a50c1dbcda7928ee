import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button, Input, kit, lang, LinkButton, Notice, Passphrase, recoveryCode, Seal, SecondStep, time } from "@huisclos/ui-kit";
import { api, codes, type ApiError } from "../api/index.ts";
import { asApiError, signedIn } from "../session.ts";
import { desk } from "../words/desk.ts";
import { Frame } from "./frame.tsx";

export function SignIn({ setupNeeded, toRoom }: { setupNeeded: boolean; toRoom: boolean }) {
  const t = desk.value.signIn;
  const [email, setEmail] = useState("");
  const [passphrase, setPassphrase] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  /** Refused codes; null while the passphrase is asked for. */
  const [tries, setTries] = useState<number | null>(null);
  /** Whether the last code sent was a recovery code: for it nobody has to wait for the next. */
  const [byRecovery, setByRecovery] = useState(false);
  const second = useRef<HTMLInputElement>(null);
  // The passphrase is sent again with the code: it stays in this state alone, and only that long.
  const first = (why: ApiError | null) => { setTries(null); setPassphrase(""); setError(why); };
  const send = async (code?: string) => {
    if (busy) return;
    setBusy(true);
    setError(null);
    setByRecovery(!!code && recoveryCode(code) !== null);
    try {
      const { me, recoveryLeft } = await api.login(email.trim(), passphrase, code);
      setPassphrase("");
      signedIn(me, recoveryLeft);
    } catch (cause) {
      const why = asApiError(cause);
      if (why.code === codes.factorNeeded) setTries(0);
      else if (tries !== null && why.code !== "bad-credentials") { setError(why); setTries(tries + 1); }
      else { first(why); second.current?.focus(); }
    } finally {
      setBusy(false);
    }
  };
  const stood = useRef(tries);
  useLayoutEffect(() => {
    if (stood.current !== null && tries === null) second.current?.focus();
    stood.current = tries;
  }, [tries]);
  const said = error && (error.until ? t.wait(time(error.until)) : error.code === codes.codeWrong && byRecovery ? kit.value.code.recoveryWrong : error.text(lang.value));
  return (
    <Frame>
      <div class="narrow">
        <div class="greeting">
          <Seal state="sealed" size="l" />
          <h1>{toRoom ? t.toRoom : t.title}</h1>
          <p class="muted">{t.lead}</p>
        </div>
        {setupNeeded ? (
          <div class="card stack"><p>{t.setup}</p><LinkButton href="/console/setup" look="primary" wide>{t.setupAct}</LinkButton></div>
        ) : tries !== null ? (
          <SecondStep email={email.trim()} said={said} tries={tries} busy={busy} act={t.act} onCode={(code) => void send(code)} onBack={() => first(null)} />
        ) : (
          <form class="card stack" onSubmit={(e) => { e.preventDefault(); void send(); }}>
            {said && <Notice tone="danger" live><p>{said}</p></Notice>}
            <Input label={t.email} type="email" name="email" autocomplete="username" required value={email} onValue={setEmail} autofocus />
            <Passphrase label={t.passphrase} name="passphrase" autocomplete="current-password" required value={passphrase} onValue={setPassphrase} innerRef={second} />
            <Button look="primary" large wide type="submit" busy={busy}>{t.act}</Button>
            <p class="muted small">{t.forgotten}</p>
          </form>
        )}
      </div>
    </Frame>
  );
}

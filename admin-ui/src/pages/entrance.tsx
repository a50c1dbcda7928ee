/** Set-up and sign-in. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button, Input, kit, lang, LinkButton, Notice, Passphrase, recoveryCode, Rule, Seal, SecondStep, time } from "@huisclos/ui-kit";
import { codes, login, setup, type ApiError } from "../api.ts";
import { base, go } from "../route.ts";
import { asApiError, signedIn } from "../session.ts";
import { Entrance } from "../shell.tsx";
import { words } from "../words/console.ts";

export function SignIn({ setupNeeded }: { setupNeeded: boolean }) {
  const t = words.value.signIn;
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
      const { me, recoveryLeft } = await login(email.trim(), passphrase, code);
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
    <Entrance>
      <div class="greeting"><Seal state="sealed" size="l" /><h1>{t.title}</h1></div>
      {setupNeeded ? <div class="card stack"><p>{t.setup}</p><LinkButton href={`${base}/setup`} look="primary" wide>{t.setupAct}</LinkButton></div> : tries !== null ? (
        <SecondStep email={email.trim()} said={said} tries={tries} busy={busy} act={t.act} onCode={(code) => void send(code)} onBack={() => first(null)} />
      ) : (
        <form class="card stack" onSubmit={(e) => { e.preventDefault(); void send(); }}>
          {said && <Notice tone="danger" live><p>{said}</p></Notice>}
          <Input label={t.email} type="email" name="email" autocomplete="username" required value={email} onValue={setEmail} autofocus />
          <Passphrase label={t.passphrase} name="passphrase" autocomplete="current-password" required value={passphrase} onValue={setPassphrase} innerRef={second} />
          <Button look="primary" large wide type="submit" busy={busy}>{t.act}</Button>
        </form>
      )}
    </Entrance>
  );
}

/** An administrator's passphrase has at least this many characters. */
const shortest = 15;

export function Setup({ needed }: { needed: boolean }) {
  const t = words.value.setup;
  const [o, set] = useState({ code: "", name: "", email: "", passphrase: "" });
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const put = (k: keyof typeof o) => (v: string) => set({ ...o, [k]: v });
  const long = [...o.passphrase].length >= shortest;
  const said = o.passphrase.trim().toLocaleLowerCase();
  const notYou = said !== "" && said !== o.name.trim().toLocaleLowerCase() && said !== o.email.trim().toLocaleLowerCase();
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy || !long || !notYou) return;
    setBusy(true);
    setError(null);
    try {
      const m = await setup({ code: o.code.trim(), name: o.name.trim(), email: o.email.trim(), passphrase: o.passphrase });
      go(`${base}/`, true);
      signedIn(m);
    } catch (cause) {
      setError(asApiError(cause));
    } finally {
      setBusy(false);
    }
  };
  if (!needed) {
    return (
      <Entrance>
        <div class="greeting"><Seal state="sealed" size="l" /><h1>{t.doneTitle}</h1><p class="muted">{t.done}</p></div>
        <LinkButton href={`${base}/`} look="primary" large wide>{words.value.signIn.act}</LinkButton>
      </Entrance>
    );
  }
  return (
    <Entrance>
      <div class="greeting"><Seal state="open" size="l" /><h1>{t.title}</h1><p class="muted">{t.lead}</p></div>
      <form class="card stack" onSubmit={(e) => void submit(e)}>
        {error && <Notice tone="danger" live><p>{error.text(lang.value)}</p></Notice>}
        <Input label={t.code} hint={t.codeHint} required value={o.code} onValue={put("code")} autocomplete="one-time-code" autocapitalize="none" spellcheck={false} autofocus />
        <Input label={t.name} hint={t.nameHint} required maxLength={80} autocomplete="name" value={o.name} onValue={put("name")} />
        <Input label={t.email} type="email" required autocomplete="username" value={o.email} onValue={put("email")} />
        <Passphrase label={t.passphrase} required autocomplete="new-password" value={o.passphrase} onValue={put("passphrase")}
          hint={<ul class="rules"><Rule met={long}>{t.ruleLength(shortest)}</Rule><Rule met={o.passphrase.trim().split(/[\s-]+/u).length >= 3}>{t.ruleWords}</Rule><Rule met={notYou}>{t.ruleYou}</Rule></ul>} />
        <Button look="primary" large wide type="submit" busy={busy}>{t.act}</Button>
      </form>
    </Entrance>
  );
}

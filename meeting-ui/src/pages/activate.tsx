import { useEffect, useState } from "preact/hooks";
import { Button, Input, lang, met, Notice, Passphrase, Rules, Seal, Spinner, toast, whyOf, type Chooser, type Refusal } from "@huisclos/ui-kit";
import { createPasskey } from "@huisclos/ui-kit/passkey.ts";
import { api, codes, type ApiError } from "../api/index.ts";
import { go } from "../route.ts";
import { ask, asApiError, signedIn } from "../session.ts";
import { desk } from "../words/desk.ts";
import { guestWords } from "../words/guests.ts";
import { Failed, Sentence } from "./errors.tsx";
import { Frame } from "./frame.tsx";
import { keyName, useWay, Way } from "./way.tsx";

/** The token stands in the fragment, which no server's log ever sees. */
export function Activate({ token }: { token: string }) {
  const t = desk.value;
  const [who, setWho] = useState<Chooser & { passkey: boolean } | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const look = () => { setError(null); api.activation(token).then(setWho, (e) => setError(asApiError(e))); };
  useEffect(look, [token]);
  if (error && error.code !== "offline") return <Frame><Sentence title={t.activate.badTitle} text={t.activate.bad} /></Frame>;
  if (error) return <Frame><Failed error={error} onRetry={look} /></Frame>;
  if (!who) return <Frame><Spinner label={t.loading} /></Frame>;
  return who.passkey ? <ChooseWay token={token} who={who} /> : <Choose token={token} {...who} />;
}

/** A guest's: a passkey or a passphrase. */
function ChooseWay({ token, who }: { token: string; who: Chooser }) {
  const t = desk.value.activate, g = guestWords.value;
  const way = useWay();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Refusal | null>(null);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy || !way.byKey && !met(way.passphrase, who).all) return;
    setBusy(true);
    setError(null);
    try {
      const me = await api.activate(token, way.byKey ? { credential: await createPasskey(await api.activationPasskey(token)), keyName: keyName() } : { passphrase: way.passphrase });
      go("/", true);
      signedIn(me, way.byKey ? "" : way.passphrase);
    } catch (cause) { setError(whyOf(asApiError, cause)); } finally { setBusy(false); }
  };
  return (
    <Frame>
      <div class="narrow">
        <div class="greeting"><Seal state="open" size="l" /><h1>{t.title(who.name)}</h1><p class="muted">{g.newWay(who.email)}</p></div>
        <form class="card stack" onSubmit={(e) => void submit(e)}>
          {error && <Notice tone="danger" live><p>{error.text(lang.value)}</p></Notice>}
          <input class="unseen" type="email" autocomplete="username" value={who.email} readOnly tabIndex={-1} aria-hidden="true" />
          <Way way={way} who={who} busy={busy} byKey={g.createKey} act={t.act} here={`/activate#${token}`} />
        </form>
      </div>
    </Frame>
  );
}

function Choose({ token, ...who }: { token: string } & Chooser) {
  const { name, email } = who;
  const t = desk.value.activate;
  const [passphrase, setPassphrase] = useState("");
  const [again, setAgain] = useState("");
  const [busy, setBusy] = useState(false);
  const [tried, setTried] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const differ = tried && passphrase !== again;
  const submit = async (e: Event) => {
    e.preventDefault();
    setTried(true);
    if (busy || passphrase !== again || !met(passphrase, who).all) return;
    setBusy(true);
    setError(null);
    try {
      const me = await api.activate(token, { passphrase });
      go("/", true);
      signedIn(me, passphrase);
    } catch (cause) {
      const why = asApiError(cause);
      // The passphrase is set; a link does not stand for a second factor, so that the code is asked for at the door.
      if (why.code === codes.signInWithCode) { await ask(); go("/", true); toast(t.nowSignIn); } else setError(why);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Frame>
      <div class="narrow">
        <div class="greeting"><Seal state="open" size="l" /><h1>{t.title(name)}</h1><p class="muted">{t.lead(email)}</p></div>
        <form class="card stack" onSubmit={(e) => void submit(e)}>
          {error && <Notice tone="danger" live><p>{error.text(lang.value)}</p></Notice>}
          <input class="unseen" type="email" autocomplete="username" value={email} readOnly tabIndex={-1} aria-hidden="true" />
          <Passphrase label={t.passphrase} autocomplete="new-password" required value={passphrase} onValue={setPassphrase} hint={<Rules passphrase={passphrase} who={who} />} autofocus />
          <Input label={t.again} type="password" autocomplete="new-password" required value={again} onValue={setAgain} error={differ ? t.differ : null} />
          <Button look="primary" large wide type="submit" busy={busy}>{t.act}</Button>
        </form>
      </div>
    </Frame>
  );
}

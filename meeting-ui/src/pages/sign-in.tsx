import { useRef, useState } from "preact/hooks";
import { Button, Input, lang, LinkButton, Notice, Passphrase, Seal, time } from "@huisclos/ui-kit";
import { api, type ApiError } from "../api/index.ts";
import { asApiError, signedIn } from "../session.ts";
import { desk } from "../words/desk.ts";
import { Frame } from "./frame.tsx";

export function SignIn({ setupNeeded, toRoom }: { setupNeeded: boolean; toRoom: boolean }) {
  const t = desk.value.signIn;
  const [email, setEmail] = useState("");
  const [passphrase, setPassphrase] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const second = useRef<HTMLInputElement>(null);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      signedIn(await api.login(email.trim(), passphrase));
    } catch (cause) {
      setError(asApiError(cause));
      setPassphrase("");
      second.current?.focus();
    } finally {
      setBusy(false);
    }
  };
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
        ) : (
          <form class="card stack" onSubmit={(e) => void submit(e)}>
            {error && <Notice tone="danger" live><p>{error.until ? t.wait(time(error.until)) : error.text(lang.value)}</p></Notice>}
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

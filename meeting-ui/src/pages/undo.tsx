/** The page of the link that went to an address which an account no longer has. */
import { useEffect, useState } from "preact/hooks";
import { Button, lang, life, LinkButton, Notice, Seal, Spinner } from "@huisclos/ui-kit";
import { api, type ApiError } from "../api/index.ts";
import { ask, asApiError } from "../session.ts";
import { desk } from "../words/desk.ts";
import { Failed, Sentence } from "./errors.tsx";
import { Frame } from "./frame.tsx";

/** The token stands in the fragment, which no server's log ever sees. Opening the page changes nothing: programs open links, too. */
export function Undo({ token }: { token: string }) {
  const t = life.value.undo;
  const [email, setEmail] = useState<string | null>(null);
  const [done, setDone] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const look = () => { setError(null); api.formerAddress(token).then((f) => setEmail(f.email), (e) => setError(asApiError(e))); };
  useEffect(look, [token]);
  const act = async () => {
    if (busy) return;
    setBusy(true);
    setError(null);
    // The session of this browser may be one of those that ended.
    try { await api.restoreAddress(token); setDone(true); await ask(); } catch (e) { setError(asApiError(e)); } finally { setBusy(false); }
  };
  if (error && error.status === 410) return <Frame alone><Sentence title={t.badTitle} text={error.text(lang.value)} /></Frame>;
  if (!email) return <Frame alone>{error ? <Failed error={error} onRetry={look} /> : <Spinner label={desk.value.loading} />}</Frame>;
  return (
    <Frame alone>
      <div class="narrow">
        <div class="greeting"><Seal state="open" size="l" /><h1>{done ? t.done : t.title}</h1><p class="muted any">{done ? t.doneText(email) : t.lead(email)}</p></div>
        {error && <Notice tone="danger" live><p>{error.text(lang.value)}</p></Notice>}
        {done ? <LinkButton href="/" look="primary" large wide>{t.signIn}</LinkButton> : (
          <div class="card stack">
            <p>{t.what}</p>
            <Button look="primary" large wide busy={busy} onClick={() => void act()}>{t.act}</Button>
          </div>
        )}
      </div>
    </Frame>
  );
}

/** The token with which monitoring reads the appliance's figures: shown once, replaced, revoked. */
import { useEffect, useState } from "preact/hooks";
import { Button, Confirm, copy, dateTime, Dialog, Notice, Skeleton, toast } from "@huisclos/ui-kit";
import type { ApiError } from "../api.ts";
import { asApiError } from "../session.ts";
import { watch } from "../watch.ts";
import { watchWords } from "../words/watch.ts";
import { Failed } from "./errors.tsx";

type Asked = "replace" | "revoke" | null;

export function MetricsToken() {
  const t = watchWords.value.token;
  const [state, setState] = useState<{ made: string | null; address: string } | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [token, setToken] = useState<string | null>(null);
  const [asked, setAsked] = useState<Asked>(null);
  const load = async () => {
    try { setState(await watch.token()); setError(null); } catch (e) { setError(asApiError(e)); }
  };
  useEffect(() => { void load(); }, []);
  const act = async (f: () => Promise<void>) => {
    setAsked(null);
    try { await f(); await load(); } catch (e) { setError(asApiError(e)); }
  };
  const make = () => act(async () => { setToken((await watch.makeToken()).token); });
  return (
    <section class="card stack" aria-labelledby="part-token">
      <h2 id="part-token" class="part-title">{t.title}</h2>
      <p class="muted">{t.text}</p>
      {error && <Failed error={error} onRetry={() => void load()} />}
      {!state && !error && <Skeleton lines={2} />}
      {state && (
        <>
          <dl class="facts">
            <dt>{t.address}</dt><dd class="any">{state.address}</dd>
            {state.made && <><dt>{t.made}</dt><dd>{dateTime(state.made)}</dd></>}
          </dl>
          {!state.made && <p>{t.none}</p>}
          <div class="row row--wrap">
            <Button onClick={() => (state.made ? setAsked("replace") : void make())}>{state.made ? t.again : t.make}</Button>
            {state.made && <Button onClick={() => setAsked("revoke")}>{t.revoke}</Button>}
          </div>
        </>
      )}
      <Confirm open={asked === "replace"} title={t.againTitle} act={t.again} onClose={() => setAsked(null)} onAct={make}><p>{t.againText}</p></Confirm>
      <Confirm open={asked === "revoke"} title={t.revokeTitle} act={t.revoke} onClose={() => setAsked(null)}
        onAct={() => act(async () => { await watch.revokeToken(); toast(t.revoked); })}><p>{t.revokeText}</p></Confirm>
      <Dialog open={token !== null} title={t.yours} onClose={() => setToken(null)}>
        <Notice tone="attention"><p>{t.once}</p></Notice>
        <p class="once code" tabIndex={0}>{token}</p>
        <div class="dialog__acts">
          <Button look="primary" icon="copy" onClick={() => { if (token) void copy(token); }}>{t.copy}</Button>
          <Button onClick={() => setToken(null)}>{t.done}</Button>
        </div>
      </Dialog>
    </section>
  );
}

/** Coming back from the organisation's provider: the sign-in or the proof is completed, a second factor is asked for, or the page says why not. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Button, getPasskey, keys, LinkButton, Or, own, passkeysUsable, providerName, providerWords, sayOf, SecondStep, Spinner, takeWay, tellProven, whyOf } from "@huisclos/ui-kit";
import { api } from "../api/index.ts";
import type { Arrived } from "../api/provider.ts";
import { go } from "../route.ts";
import { asApiError, session, signedIn } from "../session.ts";
import { Sentence } from "./errors.tsx";
import { Frame } from "./frame.tsx";

type At = { at: "checking" } | { at: "second"; second: Extract<Arrived, { second: unknown }>["second"] } | { at: "proven" } | { at: "failed"; why: string; back: string };

/** What the provider sent back is taken once, and out of the address bar: it counts for nothing after that. */
let taken: string | null = null;
function take(): string {
  if (location.search !== "") {
    taken = location.search.slice(1);
    history.replaceState(null, "", "/oidc/callback");
  }
  const query = taken ?? "";
  taken = null;
  return query;
}

export function Callback() {
  const t = providerWords.value;
  const [at, setAt] = useState<At>({ at: "checking" });
  const state = useRef(""), begun = useRef(false);
  const failed = (why: string) => setAt({ at: "failed", why, back: takeWay(state.current) });
  const arrived = (a: Arrived) => {
    if ("second" in a) { setAt({ at: "second", second: a.second }); return; }
    const to = takeWay(state.current);
    if ("proved" in a) {
      setAt({ at: "proven" });
      tellProven();
      close(); // where the browser lets a page close its own window
      return;
    }
    if (/^\/console(\/|$)/.test(to)) { location.replace(to); return; }
    signedIn(a.me, "", a.recoveryLeft);
    go(to, true);
  };
  useEffect(() => {
    if (begun.current) return;
    begun.current = true;
    const query = take();
    state.current = new URLSearchParams(query).get("state") ?? "";
    if (state.current === "") { failed(t.nothing); return; }
    api.providerFinish(query).then(arrived, (e: unknown) => failed(sayOf(asApiError(e))));
  }, []);
  switch (at.at) {
    case "checking": return <Frame alone><Spinner label={t.checking} /></Frame>;
    case "second": return <Frame alone><div class="narrow"><Second state={state.current} of={at.second} onIn={arrived} onOver={failed} /></div></Frame>;
    case "proven": return <Frame alone><Sentence title={t.provenTitle} text={t.proven} act={<span />} /></Frame>;
    case "failed": {
      const inside = session.value.state === "in";
      return <Frame alone={inside}><Sentence title={inside ? t.notProven : t.failed} text={at.why} act={<LinkButton href={inside ? "/account" : at.back} look="primary">{inside ? t.toAccount : t.again}</LinkButton>} /></Frame>;
    }
  }
}

/** Our own second factor, after the provider. */
function Second({ state, of, onIn, onOver }: { state: string; of: { email: string; totp: boolean; passkey: boolean; purpose: "signIn" | "prove" }; onIn: (a: Arrived) => void; onOver: (why: string) => void }) {
  const t = providerWords.value;
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<string | null>(null);
  const [tries, setTries] = useState(0);
  const send = async (given: () => Promise<{ code: string } | { passkey: object }>, code?: string) => {
    if (busy) return;
    setBusy(true);
    setSaid(null);
    try { onIn(await api.providerFactor(state, await given())); } catch (e) {
      const why = whyOf(asApiError, e);
      if (why.code === "providerOver") { onOver(sayOf(why)); return; }
      setSaid(sayOf(why, code));
      setTries(tries + 1);
    } finally { setBusy(false); }
  };
  const options = () => of.purpose === "prove" ? api.proofOptions() : api.passkeyOptions();
  const key = of.passkey && passkeysUsable() && <><Button look="primary" icon="fingerprint-pattern" wide busy={busy} onClick={() => void send(async () => ({ passkey: await getPasskey(await options()) }))}>{keys.value.useOne}</Button><Or /></>;
  return (
    <SecondStep email={of.email} said={said} tries={tries} busy={busy} act={of.purpose === "prove" ? own.value.proof.act : own.value.signIn.act} digits={of.totp} passkey={key}
      onCode={(code) => void send(async () => ({ code }), code)} onBack={() => onOver(t.left)} />
  );
}

/** Another page wants to know again that it is this person: the provider asks. */
export function Prove() {
  const t = providerWords.value;
  const [said, setSaid] = useState<string | null>(null);
  const begin = () => {
    setSaid(null);
    api.providerStart("prove").then(({ url }) => location.replace(url), (e: unknown) => setSaid(sayOf(asApiError(e))));
  };
  useEffect(begin, []);
  return (
    <Frame alone>
      {said ? <Sentence title={t.notProven} text={said} act={<Button look="primary" onClick={begin}>{t.confirm(providerName())}</Button>} /> : <Spinner label={t.going(providerName())} />}
    </Frame>
  );
}

/** Where the provider leads after it has signed somebody out. */
export function SignedOut() {
  const t = providerWords.value;
  return <Frame><Sentence title={t.signedOut} text={t.signedOutText} act={<LinkButton href="/" look="primary">{t.toSignIn}</LinkButton>} /></Frame>;
}

/**
 * What an invitation opens: address, code, name and passphrase, on one page. How far one has come is kept for this tab, so that a
 * page that a phone has put away while its owner looked at the mail goes on where it was.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Button, Input, lang, LinkButton, met, Notice, Seal, Spinner, toast, whyOf } from "@huisclos/ui-kit";
import { createPasskey } from "@huisclos/ui-kit/passkey.ts";
import { api, roomLink, type ApiError, type Invitation as Invited, type Place } from "../api/index.ts";
import { go } from "../route.ts";
import { asApiError, signedIn } from "../session.ts";
import { desk } from "../words/desk.ts";
import { guestWords } from "../words/guests.ts";
import { Failed } from "./errors.tsx";
import { Frame } from "./frame.tsx";
import { keyName, useWay, Way } from "./way.tsx";

/** The code is kept as well: it counts for minutes, and only together with the invitation. */
interface Progress { token: string; email: string; code: string; step: "email" | "code" | "name" }
const kept = "huisclos.invitation";

function recall(token: string): Progress {
  try {
    const p = JSON.parse(sessionStorage.getItem(kept) ?? "null") as Progress | null;
    if (p && p.token === token && typeof p.email === "string" && typeof p.code === "string" && ["email", "code", "name"].includes(p.step)) return p;
  } catch { /* nothing was kept, or nothing of ours */ }
  return { token, email: "", code: "", step: "email" };
}

function keep(p: Progress | null): void {
  try { if (p) sessionStorage.setItem(kept, JSON.stringify(p)); else sessionStorage.removeItem(kept); } catch { /* a browser that keeps nothing: a reload begins anew */ }
}

/** The token stands in the fragment, which no server's log ever sees. */
export function Invitation({ token }: { token: string }) {
  const t = guestWords.value;
  const [invited, setInvited] = useState<Invited | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const look = () => { setError(null); api.invitation(token).then(setInvited, (e) => setError(asApiError(e))); };
  useEffect(look, [token]);
  if (error && error.status !== 410) return <Frame alone><Failed error={error} onRetry={look} /></Frame>;
  if (error) {
    return (
      <Frame alone>
        <div class="narrow">
          <div class="greeting"><Seal state="open" size="l" /><h1>{t.badTitle}</h1><p class="muted">{error.text(lang.value)}</p></div>
          {error.code === "invitation-used" && <LinkButton href="/" look="primary" large wide>{t.signIn}</LinkButton>}
        </div>
      </Frame>
    );
  }
  if (!invited) return <Frame alone><Spinner label={desk.value.loading} /></Frame>;
  return (
    <Frame alone>
      <div class="narrow">
        <div class="greeting"><Seal state="open" size="l" /><p class="muted">{t.lead(invited.organiser)}</p><h1>{invited.room}</h1></div>
        <Steps token={token} invited={invited} onBad={setError} />
      </div>
    </Frame>
  );
}

function Steps({ token, invited, onBad }: { token: string; invited: Invited; onBad: (e: ApiError) => void }) {
  const t = guestWords.value;
  const [p, setP] = useState<Progress>(() => { const old = recall(token); return invited.email ? { ...old, email: invited.email } : old; });
  const [known, setKnown] = useState<{ guest: boolean; room: Place } | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const move = (next: Partial<Progress>) => setP((old) => { const fresh = { ...old, ...next }; keep(fresh); return fresh; });
  const run = (act: () => Promise<void>) => async (e?: Event) => {
    e?.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    try { await act(); } catch (cause) {
      const why = whyOf(asApiError, cause);
      if (why.code.startsWith("invitation-") && why.code !== "invitation-address") { keep(null); onBad(asApiError(cause)); return; }
      if (why.code === "confirmation-over") move({ step: "code", code: "" });
      setError(why.text(lang.peek()));
    } finally { setBusy(false); }
  };
  if (known) {
    return (
      <div class="card stack">
        <h2>{t.known}</h2>
        <p>{known.guest ? t.knownGuest : t.knownText}</p>
        <LinkButton href={toRoom(known.room)} look="primary" large wide>{t.signIn}</LinkButton>
      </div>
    );
  }
  if (p.step === "email") {
    return (
      <Step n={1} title={t.steps.email} error={error} onSubmit={run(async () => { await api.sendCode(token, p.email.trim(), lang.peek()); move({ step: "code", code: "" }); })}>
        <Input label={t.email} hint={invited.email ? t.emailKnown : t.emailHint} type="email" autocomplete="email" required readOnly={invited.email !== ""} value={p.email} onValue={(email) => move({ email })} />
        <Button look="primary" large wide type="submit" busy={busy}>{t.send}</Button>
      </Step>
    );
  }
  if (p.step === "code") {
    const check = run(async () => {
      const answer = await api.confirmAddress(token, p.email.trim(), p.code);
      if (answer.next === "name") { move({ step: "name" }); return; }
      keep(null);
      setKnown({ guest: answer.next === "guest", room: answer.room });
    });
    return (
      <Step n={2} title={t.steps.code} error={error} onSubmit={check}>
        <p>{t.sentTo(p.email.trim())} <span class="muted">{t.spam}</span></p>
        <Input label={t.code} autocomplete="one-time-code" inputmode="numeric" maxLength={12} required value={p.code} onValue={(code) => move({ code })} />
        <Button look="primary" large wide type="submit" busy={busy}>{t.check}</Button>
        <div class="row row--wrap">
          <Button disabled={busy} onClick={() => void run(async () => { await api.sendCode(token, p.email.trim(), lang.peek()); move({ code: "" }); toast(t.sent); })()}>{t.again}</Button>
          {!invited.email && <Button disabled={busy} onClick={() => { setError(null); move({ step: "email", code: "" }); }}>{t.other}</Button>}
        </div>
      </Step>
    );
  }
  return <Name token={token} p={p} busy={busy} error={error} run={run} />;
}

function Name({ token, p, busy, error, run }: { token: string; p: Progress; busy: boolean; error: string | null; run: (act: () => Promise<void>) => (e?: Event) => Promise<void> }) {
  const t = guestWords.value;
  const [name, setName] = useState("");
  const way = useWay();
  const email = p.email.trim(), who = { name, email, role: "guest" as const };
  const enter = run(async () => {
    const of = { token, email, code: p.code, name: name.trim() };
    if (!of.name || !way.byKey && !met(way.passphrase, who).all) return;
    const by = way.byKey ? { credential: await createPasskey(await api.guestPasskey(of)), keyName: keyName() } : { passphrase: way.passphrase };
    const { me, room } = await api.accept({ ...of, ...by });
    keep(null);
    signedIn(me, way.byKey ? "" : way.passphrase);
    go(toRoom(room), true);
  });
  return (
    <Step n={3} title={t.steps.name} error={error} onSubmit={enter}>
      <input class="unseen" type="email" autocomplete="username" value={email} readOnly tabIndex={-1} aria-hidden="true" />
      <Input label={t.name} hint={t.nameHint} autocomplete="name" maxLength={80} required value={name} onValue={setName} />
      <Way way={way} who={who} why={t.why} busy={busy} byKey={t.enterByKey} act={t.enter} here={`/i#${token}`} />
    </Step>
  );
}

const toRoom = (room: Place): string => roomLink({ id: room.id, owner: { id: room.owner, name: "" } }, "");

function Step({ n, title, error, onSubmit, children }: { n: number; title: string; error: string | null; onSubmit: (e: Event) => Promise<void>; children: ComponentChildren }) {
  return (
    <form class="card stack" aria-label={title} onSubmit={(e) => void onSubmit(e)}>
      <div><p class="muted small">{guestWords.value.step(n)}</p><h2>{title}</h2></div>
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
      {children}
    </form>
  );
}

import { useEffect, useRef, useState } from "preact/hooks";
import { ago, Badge, Button, CodeField, chooseLang, chooseTheme, dateTime, Icon, Input, kit, lang, Notice, Passphrase, Segments, Skeleton, theme, toast, wholeCode } from "@huisclos/ui-kit";
import { api, codes, type Account as Me, type ApiError, type Factors, type Session } from "../api/index.ts";
import { ask, asApiError } from "../session.ts";
import { desk } from "../words/desk.ts";
import { Factor, sayOf } from "./factor.tsx";
import { CalendarAddress } from "./calendar.tsx";
import { Presence } from "./directory.tsx";
import { Frame, langNames, themes } from "./frame.tsx";
import { met, Rules } from "./rules.tsx";

export function Account({ me }: { me: Me }) {
  const t = desk.value.me;
  const [factors, setFactors] = useState<Factors | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  /** Counts what may have ended other sessions: their list is then asked for again. */
  const [turn, setTurn] = useState(0);
  const load = () => api.factors().then(setFactors, (e) => setError(asApiError(e)));
  useEffect(() => { void load(); }, []);
  return (
    <Frame>
      <div class="page-head"><h1>{t.title}</h1></div>
      <div class="stack stack--loose">
        <Name me={me} />
        <ChangePassphrase me={me} second={!!factors?.totp} onChange={() => setTurn((n) => n + 1)} />
        <Factor me={me} factors={factors} error={error} onChange={async () => { await load(); setTurn((n) => n + 1); }} />
        <Presence />
        <CalendarAddress />
        <Look />
        <Sessions key={turn} />
      </div>
    </Frame>
  );
}

function Name({ me }: { me: Me }) {
  const t = desk.value.me;
  const [name, setName] = useState(me.name);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy || !name.trim()) return;
    setBusy(true);
    setError(null);
    try { await api.rename(name.trim()); await ask(); toast(t.saved); } catch (cause) { setError(asApiError(cause).text(lang.value)); } finally { setBusy(false); }
  };
  return (
    <section class="card part" aria-labelledby="part-who">
      <h2 id="part-who">{t.who}</h2>
      <form class="stack" onSubmit={(e) => void submit(e)}>
        <Input label={t.name} hint={t.nameHint} autocomplete="name" maxLength={80} required value={name} onValue={setName} error={error} />
        <p><span class="muted">{t.email}</span><br />{me.email}</p>
        <div><Button type="submit" busy={busy}>{t.save}</Button></div>
      </form>
    </section>
  );
}

function ChangePassphrase({ me, second, onChange }: { me: Me; second: boolean; onChange: () => void }) {
  const t = desk.value.me;
  const who = { name: me.name, email: me.email, administrator: me.role === "administrator" };
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
    if (busy || !met(fresh, who).all) return;
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
      const refused = asApiError(cause);
      if (refused.code === codes.factorNeeded) setAsked(true);
      setCode("");
      setError(refused.code === codes.factorNeeded ? desk.value.factor.codeToo : sayOf(refused, whole));
      field.current?.focus();
    } finally {
      setBusy(false);
    }
  };
  return (
    <section class="card part" aria-labelledby="part-passphrase">
      <h2 id="part-passphrase">{t.passphrase}</h2>
      <form class="stack" onSubmit={(e) => void submit(e)}>
        {error && <Notice tone="danger" live><p>{error}</p></Notice>}
        <input class="unseen" type="email" autocomplete="username" value={me.email} readOnly tabIndex={-1} aria-hidden="true" />
        <Passphrase label={t.old} autocomplete="current-password" required value={old} onValue={setOld} />
        <Passphrase label={t.fresh} autocomplete="new-password" required value={fresh} onValue={setFresh} hint={<Rules passphrase={fresh} who={who} />} />
        {(second || asked) && <CodeField value={code} onValue={(v) => { setCode(v); setPartly(false); }} error={partly ? kit.value.code.partly : null} innerRef={field} />}
        <div><Button type="submit" busy={busy}>{t.change}</Button></div>
      </form>
    </section>
  );
}

function Look() {
  return (
    <section class="card part" aria-labelledby="part-look">
      <h2 id="part-look">{desk.value.me.look}</h2>
      <div class="stack">
        <div class="choice"><span>{kit.value.language}</span><Segments label={kit.value.language} value={lang.value} options={[{ value: "fr", label: langNames.fr }, { value: "en", label: langNames.en }]} onChange={chooseLang} /></div>
        <div class="choice"><span>{kit.value.theme}</span><Segments label={kit.value.theme} value={theme.value} options={themes.map((x) => ({ value: x, label: kit.value.themes[x] }))} onChange={chooseTheme} /></div>
      </div>
    </section>
  );
}

/** "Firefox, Linux" out of a browser's long name of itself; what is not known stays unnamed. */
export function browserName(agent: string | undefined): string | null {
  if (!agent) return null;
  const browser = /Edg\//.test(agent) ? "Edge" : /Firefox\//.test(agent) ? "Firefox" : /Chrom(e|ium)\//.test(agent) ? "Chrome" : /Safari\//.test(agent) ? "Safari" : null;
  const system = /Android/.test(agent) ? "Android" : /iPhone|iPad/.test(agent) ? "iOS" : /Windows/.test(agent) ? "Windows" : /Mac OS X/.test(agent) ? "macOS" : /Linux/.test(agent) ? "Linux" : null;
  return browser && system ? `${browser}, ${system}` : browser ?? system;
}

function Sessions() {
  const t = desk.value.me;
  const [sessions, setSessions] = useState<Session[] | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const load = () => api.sessions().then(setSessions, (e) => setError(asApiError(e)));
  useEffect(() => { void load(); }, []);
  const end = async (id: string) => {
    try { await api.endSession(id); toast(t.ended); await load(); } catch (cause) { setError(asApiError(cause)); }
  };
  return (
    <section class="card part" aria-labelledby="part-sessions">
      <h2 id="part-sessions">{t.sessions}</h2>
      <div class="stack">
        {error && <Notice tone="danger" live><p>{error.text(lang.value)}</p></Notice>}
        {!sessions ? !error && <Skeleton lines={2} /> : (
          <ul class="sessions">
            {sessions.map((s) => {
              const name = browserName(s.agent) ?? t.unknownBrowser;
              return (
                <li key={s.id} class="session">
                  <Icon name="monitor" />
                  <div class="grow">
                    <p class="row row--wrap"><b>{name}</b>{s.current && <Badge tone="accent">{t.thisOne}</Badge>}</p>
                    <p class="muted small">{t.seen(ago(s.seen))}<span aria-hidden="true"> · </span>{t.opened(dateTime(s.created))}{s.address && <><span aria-hidden="true"> · </span>{s.address}</>}</p>
                  </div>
                  {!s.current && <Button aria-label={t.endNamed(name)} onClick={() => void end(s.id)}>{t.end}</Button>}
                </li>
              );
            })}
          </ul>
        )}
      </div>
    </section>
  );
}

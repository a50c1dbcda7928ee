import { useEffect, useState } from "preact/hooks";
import { AddressPart, Button, chooseLang, chooseTheme, DataPart, EndPart, FactorPart, Input, kit, lang, PasskeysPart, PassphrasePart, providerName, providerWords, Segments, SessionsPart, theme, toast, withProof } from "@huisclos/ui-kit";
import { api, type Account as Me, type ApiError, type Factors } from "../api/index.ts";
import { place } from "../route.ts";
import { ask, asApiError } from "../session.ts";
import { desk } from "../words/desk.ts";
import { CalendarAddress } from "./calendar.tsx";
import { Devices } from "./devices.tsx";
import { Presence } from "./directory.tsx";
import { Frame, langNames, mySecurity, themes } from "./frame.tsx";

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
        <AddressPart me={me} onChange={ask} />
        <PassphrasePart me={me} factors={factors} onChange={() => { void load(); setTurn((n) => n + 1); }} />
        <PasskeysPart me={me} factors={factors} onChange={async () => { await load(); setTurn((n) => n + 1); }} />
        <FactorPart me={me} factors={factors} error={error && error.text(lang.value)} meant={mySecurity.endsWith(place.value.hash || "-")} onChange={async () => { await load(); setTurn((n) => n + 1); }} />
        {me.role !== "guest" && <Presence />}
        {me.role !== "guest" && <CalendarAddress />}
        <Look />
        <SessionsPart key={turn} />
        <Devices me={me} />
        <DataPart />
        <EndPart me={me} onChange={ask} />
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
    try { await withProof(() => api.rename(name.trim())); await ask(); toast(t.saved); } catch (cause) { setError(asApiError(cause).text(lang.value)); } finally { setBusy(false); }
  };
  return (
    <section class="card part" aria-labelledby="part-who">
      <h2 id="part-who">{t.who}</h2>
      {me.source ? <div class="stack stack--tight"><p><b>{me.name}</b></p><p class="muted">{me.source === "oidc" ? providerWords.value.from(providerName()) : me.source === "scim" ? t.provisioned : t.elsewhere}</p></div> : <form class="stack" onSubmit={(e) => void submit(e)}>
        <Input label={t.name} hint={t.nameHint} autocomplete="name" maxLength={80} required value={name} onValue={setName} error={error} />
        <div><Button type="submit" busy={busy}>{t.save}</Button></div>
      </form>}
    </section>
  );
}

function Look() {
  return (
    <section class="card part" aria-labelledby="part-look">
      <h2 id="part-look">{desk.value.me.look}</h2>
      <div class="stack">
        <div class="choice"><span>{kit.value.language}</span><Segments label={kit.value.language} value={lang.value} options={[{ value: "fr", label: langNames.fr }, { value: "en", label: langNames.en }]} onChange={chooseLang} /></div>
        <p class="muted small">{desk.value.me.mailsToo}</p>
        <div class="choice"><span>{kit.value.theme}</span><Segments label={kit.value.theme} value={theme.value} options={themes.map((x) => ({ value: x, label: kit.value.themes[x] }))} onChange={chooseTheme} /></div>
      </div>
    </section>
  );
}

/** One's own account, in the console: passphrase, second factor, sessions. */
import { useEffect, useState } from "preact/hooks";
import { AddressPart, DataPart, EndPart, FactorPart, lang, PasskeysPart, PassphrasePart, SessionsPart, type Factors } from "@huisclos/ui-kit";
import { own, type ApiError, type Me } from "../api.ts";
import { mySecurity, place } from "../route.ts";
import { ask, asApiError } from "../session.ts";
import { Head } from "../shell.tsx";
import { words } from "../words/console.ts";
import { roleName, roleWords } from "../words/roles.ts";

export function Mine({ me }: { me: Me["account"] }) {
  const [factors, setFactors] = useState<Factors | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  /** Counts what may have ended other sessions: their list is then asked for again. */
  const [turn, setTurn] = useState(0);
  const load = () => own.factors().then(setFactors, (e: unknown) => setError(asApiError(e)));
  useEffect(() => { void load(); }, []);
  return (
    <>
      <Head title={words.value.account} />
      <div class="stack stack--loose mine">
        <section class="card part" aria-labelledby="part-who">
          <h2 id="part-who">{me.name}</h2>
          <div class="stack stack--tight"><p><b>{roleName(me.role)}</b><br /><span class="muted small">{roleWords.value.says[me.role]}</span></p></div>
        </section>
        <AddressPart me={me} onChange={ask} />
        <PassphrasePart me={me} factors={factors} onChange={() => setTurn((n) => n + 1)} />
        <PasskeysPart me={me} factors={factors} onChange={async () => { await load(); setTurn((n) => n + 1); }} />
        <FactorPart me={me} factors={factors} error={error && error.text(lang.value)} meant={mySecurity.endsWith(place.value.hash || "-")} onChange={async () => { await load(); setTurn((n) => n + 1); }} />
        <SessionsPart key={turn} />
        <DataPart />
        <EndPart me={me} onChange={ask} />
      </div>
    </>
  );
}

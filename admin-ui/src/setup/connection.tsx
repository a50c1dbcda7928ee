/** The step that tries, from this very browser, what a call needs; then a call. */
import { useState } from "preact/hooks";
import { Badge, Button, Icon, lang, Notice, Spinner } from "@huisclos/ui-kit";
import { tryMedia, tryMessages, tryRelay, type Tried, type Way } from "../../../meeting-ui/src/connection/path.ts";
import { conclude, toneOf, type Tries } from "../../../meeting-ui/src/connection/verdict.ts";
import { connection } from "../../../meeting-ui/src/words/connection.ts";
import { asApiError } from "../session.ts";
import { setupWords } from "../words/setup.ts";

const ways: { way: Way; run: () => Promise<Tried> }[] = [{ way: "messages", run: tryMessages }, { way: "udp", run: () => tryMedia("udp") }, { way: "tcp", run: () => tryMedia("tcp") }, { way: "relay", run: tryRelay }];

export function Connection() {
  const t = setupWords.value, w = connection.value;
  const [found, setFound] = useState<Partial<Record<Way, Tried>> | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const start = async () => {
    if (busy) return;
    setBusy(true);
    setError(null);
    setFound({});
    try { await Promise.all(ways.map(async ({ way, run }) => { const one = await run(); setFound((f) => ({ ...f, [way]: one })); })); } catch (e) { setError(asApiError(e).text(lang.value)); setFound(null); }
    setBusy(false);
  };
  const whole = found !== null && ways.every(({ way }) => found[way] !== undefined);
  return (
    <>
      <section class="card stack" aria-labelledby="try-connection">
        <h2 id="try-connection" class="part-title part-title--tight">{w.title}</h2>
        <p class="muted small">{w.lead}</p>
        <div><Button look="primary" icon="activity" busy={busy} onClick={() => void start()}>{found ? w.again : w.start}</Button></div>
        {error && <Notice tone="danger" live><p>{error}</p></Notice>}
        {found && (
          <ul class="told">
            {ways.map(({ way }) => {
              const one = found[way];
              return <li key={way} class="told__one"><span class="grow">{w.way[way]}</span>{!one ? <Spinner label={w.trying} /> : <Badge tone={one.passed ? "accent" : "danger"}><Icon name={one.passed ? "check" : "x"} size="s" />{one.passed ? w.passed : w.blocked}</Badge>}</li>;
            })}
          </ul>
        )}
        {whole && <Verdict tries={found as Tries} />}
      </section>
      <section class="card stack" aria-labelledby="try-call">
        <h2 id="try-call" class="part-title part-title--tight">{t.callTitle}</h2>
        <p class="muted small">{t.callText}</p>
        <div><a class="button" href="/" target="_blank" rel="noopener">{t.callAct}</a></div>
      </section>
    </>
  );
}

function Verdict({ tries }: { tries: Tries }) {
  const c = conclude(tries), v = connection.value.verdict[c];
  return <div role="status"><Notice tone={toneOf(c)} icon={c === "good" ? "check" : undefined} title={v.title}><p>{v.text}</p>{v.ask && <p>{v.ask}</p>}</Notice></div>;
}

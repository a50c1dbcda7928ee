/** "Test my connection": what a call needs of the network, tried before there is one. */
import { useEffect, useRef, useState } from "preact/hooks";
import { announce, Badge, browserName, Button, copy, count, Icon, Notice, Spinner } from "@huisclos/ui-kit";
import type { ApiError } from "../api/index.ts";
import { report } from "../connection/report.ts";
import { tryMedia, tryMessages, tryRelay, type Tried, type Way } from "../connection/path.ts";
import { conclude, toneOf, type Tries } from "../connection/verdict.ts";
import { asApiError, session } from "../session.ts";
import { connection } from "../words/connection.ts";
import { Failed } from "./errors.tsx";
import { Frame } from "./frame.tsx";

/** All ways are tried at once. */
const ways: { way: Way; run: () => Promise<Tried> }[] = [
  { way: "messages", run: tryMessages },
  { way: "udp", run: () => tryMedia("udp") },
  { way: "tcp", run: () => tryMedia("tcp") },
  { way: "relay", run: tryRelay },
];
type Results = Partial<Record<Way, Tried>>;
const whole = (r: Results): r is Tries => ways.every(({ way }) => r[way] !== undefined);

export function Connection() {
  const t = connection.value;
  const [results, setResults] = useState<Results | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const here = useRef(true);
  useEffect(() => () => { here.current = false; }, []);
  if (typeof RTCPeerConnection === "undefined") return <Frame><Head /><Notice tone="danger"><p>{t.noWebRTC}</p></Notice></Frame>;
  if (error) return <Frame><Failed error={error} onRetry={() => setError(null)} /></Frame>;

  const start = async () => {
    setBusy(true);
    setResults({});
    announce(t.running);
    try {
      const all: Results = {};
      await Promise.all(ways.map(async ({ way, run }) => {
        all[way] = await run();
        if (here.current) setResults({ ...all });
      }));
      if (here.current && whole(all)) announce(connection.value.verdict[conclude(all)].title, true);
    } catch (cause) {
      if (here.current) { setError(asApiError(cause)); setResults(null); }
    } finally {
      if (here.current) setBusy(false);
    }
  };
  return (
    <Frame>
      <Head />
      <div class="stack stack--loose">
        <div class="stack">
          <p>{t.lead}</p>
          <div><Button look="primary" icon="activity" busy={busy} onClick={() => void start()}>{busy ? t.running : results ? t.again : t.start}</Button></div>
        </div>
        {results && whole(results) && <Verdict tries={results} />}
        {results && (
          <section class="card stack" aria-labelledby="tried">
            <h2 id="tried">{t.results}</h2>
            <ul class="ways">{ways.map(({ way }) => <Row key={way} way={way} tried={results[way]} />)}</ul>
            <p class="muted small">{t.honest}</p>
          </section>
        )}
        {results && whole(results) && <Report tries={results} />}
      </div>
    </Frame>
  );
}

function Head() { return <div class="page-head"><h1>{connection.value.title}</h1></div>; }

function Verdict({ tries }: { tries: Tries }) {
  const c = conclude(tries), v = connection.value.verdict[c];
  return <Notice tone={toneOf(c)} icon={c === "good" ? "check" : undefined} title={v.title}><p>{v.text}</p>{v.ask && <p>{v.ask}</p>}</Notice>;
}

const ms = (n: number) => connection.value.figures.ms(count(Math.max(1, Math.round(n))));

function Row({ way, tried }: { way: Way; tried: Tried | undefined }) {
  const t = connection.value, f = t.figures;
  const figures: [string, string][] = [];
  if (tried?.passed) {
    if (tried.connectMs !== null) figures.push([f.connect, ms(tried.connectMs)]);
    if (tried.rttMs !== null) figures.push([f.rtt, ms(tried.rttMs)]);
    if (tried.spreadMs !== null) figures.push([f.spread, ms(tried.spreadMs)]);
    if (tried.lost !== null) figures.push([f.lost, f.of(count(tried.lost), count(tried.lost + tried.answered))]);
    if (tried.reached) figures.push([f.reached, tried.reached]);
  }
  return (
    <li class="way">
      <div class="way__what"><b>{t.way[way]}</b><p class="muted small">{t.hint[way]}</p></div>
      <div class="way__state">
        {!tried ? <Spinner label={t.trying} />
          : <Badge tone={tried.passed ? "accent" : "danger"}><Icon name={tried.passed ? "check" : "x"} size="s" />{tried.passed ? t.passed : t.blocked}</Badge>}
      </div>
      {figures.length > 0 && <dl class="way__figures figures small">{figures.map(([name, value]) => <div key={name}><dt class="muted">{name}</dt><dd>{value}</dd></div>)}</dl>}
    </li>
  );
}

function Report({ tries }: { tries: Tries }) {
  const t = connection.value;
  const [byHand, setByHand] = useState(false);
  const s = session.value;
  const text = report(tries, {
    words: t, when: new Date(), browser: browserName(navigator.userAgent), host: location.host, version: s.state === "in" ? s.me.version : "",
  });
  return (
    <section class="card stack" aria-labelledby="report">
      <h2 id="report">{t.report}</h2>
      <p>{t.reportLead}</p>
      <pre class="report code">{text}</pre>
      {byHand && <p role="status">{t.copyByHand}</p>}
      <div><Button icon="copy" onClick={() => void copy(text, t.copied).then((done) => setByHand(!done))}>{t.copy}</Button></div>
    </section>
  );
}

/** Where one is signed in: with what, from where, when last; each can be ended, and all others at once. */
import { useEffect, useState } from "preact/hooks";
import { Button } from "../button.tsx";
import { ago, dateTime } from "../i18n.ts";
import { Icon } from "../icon.tsx";
import { Notice, toast } from "../notice.tsx";
import { Badge, Skeleton } from "../show.tsx";
import { useSecurity, type OwnSession } from "./port.ts";
import { sayOf } from "./say.ts";
import { own } from "./words.ts";

/** "Firefox, Linux" out of a browser's long name of itself; what is not known stays unnamed. */
export function browserName(agent: string | undefined): string | null {
  if (!agent) return null;
  const browser = /Edg\//.test(agent) ? "Edge" : /Firefox\//.test(agent) ? "Firefox" : /Chrom(e|ium)\//.test(agent) ? "Chrome" : /Safari\//.test(agent) ? "Safari" : null;
  const system = /Android/.test(agent) ? "Android" : /iPhone|iPad/.test(agent) ? "iOS" : /Windows/.test(agent) ? "Windows" : /Mac OS X/.test(agent) ? "macOS" : /Linux/.test(agent) ? "Linux" : null;
  return browser && system ? `${browser}, ${system}` : browser ?? system;
}

export function SessionsPart() {
  const { api, refusal } = useSecurity();
  const t = own.value.sessions;
  const [sessions, setSessions] = useState<OwnSession[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const load = () => api.sessions().then(setSessions, (e: unknown) => setError(sayOf(refusal(e))));
  useEffect(() => { void load(); }, []);
  const end = async (act: () => Promise<unknown>, said: string) => {
    if (busy) return;
    setBusy(true);
    setError(null);
    try { await act(); toast(said); await load(); } catch (cause) { setError(sayOf(refusal(cause))); } finally { setBusy(false); }
  };
  const others = sessions?.filter((s) => !s.current).length ?? 0;
  return (
    <section class="card part" aria-labelledby="part-sessions">
      <h2 id="part-sessions">{t.title}</h2>
      <div class="stack">
        {error && <Notice tone="danger" live><p>{error}</p></Notice>}
        {!sessions ? !error && <Skeleton lines={2} /> : (
          <ul class="sessions">{sessions.map((s) => <Row key={s.id} session={s} onEnd={() => void end(() => api.endSession(s.id), t.ended)} />)}</ul>
        )}
        {sessions && (others > 0
          ? <div><Button look="warn" busy={busy} onClick={() => void end(() => api.endOtherSessions(), t.othersEnded)}>{t.endOthers}</Button></div>
          : <p class="muted small">{t.onlyThis}</p>)}
      </div>
    </section>
  );
}

function Row({ session: s, onEnd }: { session: OwnSession; onEnd: () => void }) {
  const t = own.value.sessions;
  const name = browserName(s.agent) ?? t.unknown;
  const dot = <span aria-hidden="true"> · </span>;
  return (
    <li class="session">
      <Icon name="monitor" />
      <div class="grow">
        <p class="row row--wrap"><b>{name}</b>{s.current && <Badge tone="accent">{t.thisOne}</Badge>}</p>
        <p class="muted small">{t.seen(ago(s.seen))}{s.address && <>{dot}{t.from(s.address)}</>}{dot}{t.opened(dateTime(s.created))}</p>
      </div>
      {!s.current && <Button aria-label={t.endNamed(name)} onClick={onEnd}>{t.end}</Button>}
    </li>
  );
}

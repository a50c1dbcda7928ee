/** Everybody of the organisation, found by the beginnings of words; one's own contacts; who is here now. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Avatar, Badge, Empty, Icon, IconButton, Input, lang, Notice, Skeleton, Switch, toast, withProof } from "@huisclos/ui-kit";
import { api, type ApiError, type Entry, type Group } from "../api/index.ts";
import { asApiError, session } from "../session.ts";
import { directoryWords } from "../words/directory.ts";
import { Frame } from "./frame.tsx";

const pause = 200, refresh = 30_000;

export function Directory() {
  const t = directoryWords.value;
  const [words, setWords] = useState("");
  const [found, setFound] = useState<{ people: Entry[]; groups: Group[] } | null>(null);
  const [contacts, setContacts] = useState<Entry[] | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const turn = useRef(0);
  const load = () => api.contacts().then(setContacts, (e) => setError(asApiError(e)));
  const search = async () => {
    const mine = ++turn.current, asked = words.trim();
    if (asked === "") { setFound(null); setError(null); return; }
    try {
      const answer = await api.directory(asked);
      if (mine === turn.current) { setFound(answer); setError(null); }
    } catch (e) { if (mine === turn.current) setError(asApiError(e)); }
  };
  useEffect(() => {
    void load();
    // Presence is only of use when it is true.
    const timer = setInterval(() => { if (!document.hidden) void load(); }, refresh);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => {
    const timer = setTimeout(() => void search(), pause);
    return () => clearTimeout(timer);
  }, [words]);
  const star = async (p: Entry) => {
    try {
      await api.setContact(p.id, !p.contact);
      toast(p.contact ? t.removed(p.name) : t.added(p.name));
      await Promise.all([load(), search()]);
    } catch (e) { setError(asApiError(e)); }
  };
  const searching = words.trim() !== "";
  return (
    <Frame>
      <div class="page-head"><h1>{t.title}</h1></div>
      <div class="stack stack--loose">
        <div role="search"><Input label={t.search} hint={t.hint} type="search" icon="search" autocomplete="off" value={words} onValue={setWords} /></div>
        {error && <Notice tone="danger" live><p>{error.text(lang.value)}</p></Notice>}
        {searching ? found && <Answers found={found} onStar={star} /> : (
          <section aria-labelledby="contacts">
            <h2 id="contacts" class="list-title">{t.contacts}</h2>
            {!contacts ? !error && <Skeleton lines={3} />
              : contacts.length === 0 ? <Empty title={t.noContacts} level={3}><p>{t.noContactsText}</p></Empty>
              : <People list={contacts} onStar={star} />}
          </section>
        )}
      </div>
    </Frame>
  );
}

function Answers({ found, onStar }: { found: { people: Entry[]; groups: Group[] }; onStar: (p: Entry) => Promise<void> }) {
  const t = directoryWords.value;
  if (found.people.length === 0 && found.groups.length === 0) return <div role="status"><Empty title={t.none}><p>{t.noneText}</p></Empty></div>;
  return (
    <div class="stack stack--loose" role="region" aria-label={t.found} aria-live="polite">
      {found.people.length > 0 && <section aria-labelledby="people"><h2 id="people" class="list-title">{t.people}</h2><People list={found.people} onStar={onStar} /></section>}
      {found.groups.length > 0 && (
        <section aria-labelledby="groups">
          <h2 id="groups" class="list-title">{t.groups}</h2>
          <ul class="people-list card">
            {found.groups.map((g) => <li key={g.id} class="people-list__one"><span class="finder__icon"><Icon name="users-round" /></span><span class="who__text"><b class="cut">{g.name}</b><span class="muted small">{t.members(g.members)}</span></span></li>)}
          </ul>
        </section>
      )}
    </div>
  );
}

function People({ list, onStar }: { list: Entry[]; onStar: (p: Entry) => Promise<void> }) {
  const t = directoryWords.value;
  const s = session.value;
  const me = s.state === "in" ? s.me.account.id : "";
  return (
    <ul class="people-list card">
      {list.map((p) => (
        <li key={p.id} class="people-list__one">
          <span class={p.presence ? `present present--${p.presence}` : "present"}><Avatar name={p.name} of={p.id} /></span>
          <span class="who__text">
            <b class="cut">{p.name}</b>
            {p.email && <a class="small cut" href={`mailto:${p.email}`}>{p.email}</a>}
          </span>
          {p.presence && <Badge tone={p.presence === "call" ? "attention" : "accent"} dot>{t[p.presence]}</Badge>}
          {p.id !== me && <IconButton name={p.contact ? t.remove(p.name) : t.add(p.name)} icon="star" data-on={p.contact === true} onClick={() => void onStar(p)} />}
        </li>
      ))}
    </ul>
  );
}

/** The part of the account page about presence. */
export function Presence() {
  const t = directoryWords.value;
  const [shown, setShown] = useState<boolean | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => { api.presence().then(setShown, (e) => setError(asApiError(e))); }, []);
  const change = async (on: boolean) => {
    setShown(on);
    try { await withProof(() => api.showPresence(on)); setError(null); } catch (e) { setShown(!on); setError(asApiError(e)); }
  };
  return (
    <section class="card part" aria-labelledby="part-presence">
      <h2 id="part-presence">{t.presence}</h2>
      <div class="stack">
        {error && <Notice tone="danger" live><p>{error.text(lang.value)}</p></Notice>}
        {shown === null ? !error && <Skeleton lines={1} /> : <Switch label={t.show} hint={t.showHint} on={shown} onChange={(on) => void change(on)} />}
      </div>
    </section>
  );
}

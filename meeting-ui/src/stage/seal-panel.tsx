/** "Who holds a key to this room": the state in words, the twelve words, the people and their devices, and what is not there yet. */
import { useSignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { words } from "@huisclos/e2ee/words.ts";
import { Avatar, Badge, Button, Confirm, duration, Icon, lang, list, ProfileConditions, Seal, Segments } from "@huisclos/ui-kit";
import type { Comparison, Person } from "../call/state.ts";
import { profileWords } from "../words/profile.ts";
import { sealWords } from "../words/seal.ts";
import { Fresh, isFresh } from "./fresh.tsx";
import { sealOf } from "./seal-of.ts";
import { chooseWordList, wordList, type Meeting } from "./view.ts";

export function SealPanel({ meeting }: { meeting: Meeting }) {
  const t = sealWords.value;
  const state = sealOf(meeting);
  const alone = state === "sealed" && meeting.people.value.length < 2;
  const told = alone ? t.alone : t.state[state];
  const comparison = meeting.comparison.value;
  const now = meeting.words.value;
  const shown = comparison ?? now;
  return (
    <div class="panel__body stack stack--loose">
      <div class="seal-state">
        <Seal state={state} size="m" />
        <div class="stack stack--tight"><h3>{told.title}</h3>{!comparison && <p class="muted">{told.text}</p>}</div>
      </div>
      {shown && (
        <section class="stack" aria-label={t.words}>
          {comparison ? <Comparing meeting={meeting} comparison={comparison} /> : <Start meeting={meeting} />}
        </section>
      )}
      <section class="stack" aria-label={t.who}>
        <div class="stack stack--tight"><h3>{t.who}</h3><p class="muted small">{t.whoText}</p></div>
        <ul class="people">{meeting.people.value.map((p) => <Holder key={p.key} person={p} />)}</ul>
        {meeting.people.value.some((p) => !p.me && isFresh(p)) && <p class="muted small">{t.freshText}</p>}
      </section>
      {meeting.profile.value && (
        <section class="stack stack--tight" aria-label={profileWords.value.rules}>
          <h3>{profileWords.value.rules}</h3>
          <p><Badge><Icon name="shield-check" size="s" /><span>{profileWords.value.badge(meeting.profile.value.name)}</span></Badge></p>
          <ProfileConditions profile={meeting.profile.value} />
        </section>
      )}
      <section class="stack stack--tight not-yet" aria-label={t.notYet}>
        <h3>{t.notYet}</h3>
        <ul class="stack stack--tight small">{t.notYetItems.map((s) => <li key={s}>{s}</li>)}</ul>
        <p><a href="/about" target="_blank" rel="noopener">{t.more}</a></p>
      </section>
    </div>
  );
}

function Start({ meeting }: { meeting: Meeting }) {
  const t = sealWords.value;
  const [busy, setBusy] = useState(false);
  const w = meeting.words.value;
  if (!w) return null;
  const compare = async () => {
    setBusy(true);
    try { await meeting.compare(); } finally { setBusy(false); }
  };
  return (
    <>
      <div class="stack stack--tight"><h3>{t.words}</h3><p class="muted small">{t.wordsText}</p></div>
      <WordGrid indexes={w.indexes} />
      <Button look="primary" wide busy={busy} disabled={meeting.people.value.length < 2} onClick={() => void compare()}>{t.compare}</Button>
      <p class="muted small">{t.compareHint}</p>
    </>
  );
}

function Comparing({ meeting, comparison: c }: { meeting: Meeting; comparison: Comparison }) {
  const t = sealWords.value;
  const left = useSignal(c.until - Date.now());
  const [sure, setSure] = useState(false);
  useEffect(() => {
    const tick = () => { left.value = Math.max(0, c.until - Date.now()); };
    tick();
    const timer = setInterval(tick, 1000);
    return () => clearInterval(timer);
  }, [c.until]);
  const mine = c.members.find((m) => m.me);
  const others = c.members.filter((m) => !m.me).map((m) => m.name);
  return (
    <>
      <div class="stack stack--tight">
        <h3>{mine && mine.name === c.startedBy ? t.comparingMe : t.comparing(c.startedBy)}</h3>
        <p class="muted small">{t.wordsText}</p>
      </div>
      <WordGrid indexes={c.indexes} />
      {c.answer === "same"
        ? <p class="row"><Icon name="check" /><span>{t.said}</span></p>
        : (
          <div class="row row--wrap compare-acts">
            <Button onClick={() => setSure(true)}>{t.different}</Button>
            <Button look="primary" onClick={() => meeting.answerComparison("same")}>{t.same}</Button>
          </div>
        )}
      <p class="muted small figures"><span role="timer">{t.left(duration(left.value))}</span></p>
      <p class="small"><span class="muted">{t.present} </span>{list(others)}</p>
      <Confirm open={sure} title={t.differentTitle} act={t.differentAct} onClose={() => setSure(false)} onAct={() => { setSure(false); meeting.answerComparison("different"); }}>
        <p>{t.differentText}</p>
      </Confirm>
    </>
  );
}

function WordGrid({ indexes }: { indexes: readonly number[] }) {
  const t = sealWords.value;
  const l = wordList.value ?? lang.value;
  return (
    <div class="stack stack--tight">
      <ol class="words" lang={l}>
        {words(indexes, l).map((w, i) => <li key={i}><span class="words__number figures" aria-hidden="true">{i + 1}</span><span>{w}</span></li>)}
      </ol>
      <div class="choice small"><span class="muted">{t.list}</span><Segments label={t.list} value={l} options={[{ value: "fr", label: t.fr }, { value: "en", label: t.en }]} onChange={chooseWordList} /></div>
    </div>
  );
}

/** A device's id, short enough to read aloud. */
const shortId = (id: string) => `${id.slice(0, 4)} ${id.slice(4, 8)}`;

function Holder({ person: p }: { person: Person }) {
  const t = sealWords.value;
  return (
    <li class="person">
      <Avatar name={p.name} of={p.account} />
      <span class="person__who">
        <b class="cut">{p.name}{p.me && <span class="muted"> ({t.you})</span>}</b>
        <span class="muted small row person__device"><Icon name="laptop" size="s" /><span>{p.me ? t.thisDevice : t.device("")}{!p.me && <span class="code">{shortId(p.device)}</span>}</span></span>
        {!p.me && <Fresh device={p} />}
      </span>
      {!p.me && (p.compared ? <Badge tone="accent"><Icon name="check" size="s" />{t.compared}</Badge> : <Badge>{t.notCompared}</Badge>)}
    </li>
  );
}

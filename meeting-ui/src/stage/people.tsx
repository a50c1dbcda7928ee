import { useState } from "preact/hooks";
import { Avatar, Badge, Button, compareNames, Confirm, Icon, IconButton, Menu, MenuItem, Switch, time } from "@huisclos/ui-kit";
import type { Person } from "../call/state.ts";
import { Fresh } from "./fresh.tsx";
import { callWords } from "../words/call.ts";
import { pinned, type Meeting } from "./view.ts";

/** Raised hands first, in the order in which they went up; then by name. */
function order(a: Person, b: Person): number {
  if (a.hand !== null || b.hand !== null) return (a.hand ?? Infinity) - (b.hand ?? Infinity);
  return compareNames(a.name, b.name);
}

export function People({ meeting }: { meeting: Meeting }) {
  const t = callWords.value.panel;
  const people = [...meeting.people.value].sort(order);
  const host = meeting.isHost.value;
  const [asked, setAsked] = useState<{ act: "remove" | "host"; person: Person } | null>(null);
  const done = () => setAsked(null);
  return (
    <div class="panel__body stack">
      {host && meeting.lobby.value.length > 0 && <Lobby meeting={meeting} />}
      {host && meeting.straight.value && (
        <Switch label={t.straight} hint={t.straightHint(meeting.straight.value.persons, meeting.straight.value.groups.join(", "))} on={meeting.straight.value.on} onChange={(on) => meeting.letStraightIn(on)} />
      )}
      {host && <Switch label={t.lock} hint={t.lockHint} on={meeting.locked.value} onChange={(on) => meeting.lock(on)} />}
      <h3 class="panel__title">{t.here(people.length)}</h3>
      <ul class="people">
        {people.map((p) => <Row key={p.key} person={p} host={host} onAsk={(act) => setAsked({ act, person: p })} />)}
      </ul>
      <Confirm open={asked?.act === "remove"} title={t.removeTitle(asked?.person.name ?? "")} act={t.remove} onClose={done}
        onAct={() => { if (asked) meeting.remove(asked.person.leaf); done(); }}>
        <p>{t.removeText(asked?.person.name ?? "")}</p>
      </Confirm>
      <Confirm open={asked?.act === "host"} title={t.hostTitle(asked?.person.name ?? "")} act={t.makeHost} danger={false} onClose={done}
        onAct={() => { if (asked) meeting.makeHost(asked.person.account); done(); }}>
        <p>{t.hostText}</p>
      </Confirm>
    </div>
  );
}

function Lobby({ meeting }: { meeting: Meeting }) {
  const t = callWords.value.panel;
  return (
    <section class="lobby" aria-label={t.lobby}>
      <h3 class="panel__title">{t.lobby}</h3>
      <ul class="people">
        {meeting.lobby.value.map((k) => (
          <li key={k.id} class="person">
            <Avatar name={k.name} of={k.account} />
            <span class="person__who"><span class="row person__name"><b class="cut">{k.name}</b>{k.guest && <Badge tone="attention">{t.guest}</Badge>}</span><span class="muted small cut">{k.email}</span><span class="muted small">{t.since(time(k.since))}</span><Fresh device={k} /></span>
            <span class="row lobby__acts">
              <Button aria-label={t.denyNamed(k.name)} disabled={k.busy} onClick={() => meeting.deny(k.id)}>{t.deny}</Button>
              <Button look="primary" aria-label={t.admitNamed(k.name)} busy={k.busy} onClick={() => void meeting.admit(k.id)}>{k.busy ? t.admitting : t.admit}</Button>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Row({ person: p, host, onAsk }: { person: Person; host: boolean; onAsk: (act: "remove" | "host") => void }) {
  const t = callWords.value.panel, tile = callWords.value.tile;
  const id = `${p.key}:camera`;
  const pin = pinned.value === id;
  return (
    <li class="person">
      <Avatar name={p.name} of={p.account} />
      <span class="person__who">
        <span class="row person__name"><b class="cut">{p.name}</b>{p.me && <span class="muted">({t.you.toLocaleLowerCase()})</span>}</span>
        <span class="row row--wrap person__marks">
          {p.host && <Badge tone="accent">{t.host}</Badge>}
          {p.guest && <Badge tone="attention">{t.guest}</Badge>}
          {!p.me && <Fresh device={p} />}
          {!p.connected && !p.me && <span class="muted small">{tile.reconnecting}</span>}
        </span>
      </span>
      {p.hand !== null && <span class="person__lit"><Icon name="hand" /><span class="unseen">{tile.hand}</span></span>}
      <span class="person__icon"><Icon name={p.mic ? "mic" : "mic-off"} />{!p.mic && <span class="unseen">{tile.muted}</span>}</span>
      {!p.me && (
        <Menu label={t.actions(p.name)} opener={({ props: { ref, ...rest } }) => <IconButton {...rest} innerRef={ref} name={t.actions(p.name)} icon="ellipsis" />}>
          {(close) => (
            <>
              <MenuItem icon={pin ? "pin-off" : "pin"} onClick={() => { pinned.value = pin ? null : id; close(); }}>{pin ? tile.unpin(p.name) : tile.pin(p.name)}</MenuItem>
              {host && !p.host && <MenuItem icon="crown" onClick={() => { close(); onAsk("host"); }}>{t.makeHost}</MenuItem>}
              {host && <MenuItem icon="user-x" danger onClick={() => { close(); onAsk("remove"); }}>{t.remove}</MenuItem>}
            </>
          )}
        </Menu>
      )}
    </li>
  );
}

/** One guest in the settings of a room, and what its owner can do: more time, a new way in, a full account, and the end. */
import { useState } from "preact/hooks";
import { Badge, Button, Confirm, date, Dialog, IconButton, Input, kit, lang, Menu, MenuItem, toast } from "@huisclos/ui-kit";
import { api, type Guest, type Guests } from "../api/index.ts";
import { guestWords } from "../words/guests.ts";

/** A whole number from 1 to most, or null. */
export function within(text: string, most: number): number | null {
  const n = /^\d{1,4}$/.test(text.trim()) ? Number(text) : 0;
  return n >= 1 && n <= most ? n : null;
}

export function GuestRow({ room, guest: g, all, busy, run }: { room: string; guest: Guest; all: Guests; busy: boolean; run: (what: string, act: () => Promise<void>) => Promise<void> }) {
  const t = guestWords.value.settings;
  const [asked, setAsked] = useState<"extend" | "link" | "full" | "remove" | null>(null);
  const over = new Date(g.until).getTime() <= Date.now();
  const act = async (what: string, run_: () => Promise<unknown>, said: string) => { await run(what, async () => { await run_(); toast(said); }); setAsked(null); };
  return (
    <li class="person">
      <span class="person__who">
        <b class="cut">{g.name}</b><span class="muted small cut">{g.email}</span>
        <span class="muted small">{over ? t.over(date(g.until)) : t.until(date(g.until))}</span>
        {g.asked && <span><Badge tone="accent">{t.fullAsked}</Badge></span>}
      </span>
      <Menu label={t.acts(g.name)} opener={({ props: { ref, ...rest } }) => <IconButton {...rest} innerRef={ref} name={t.acts(g.name)} icon="ellipsis" disabled={busy} />}>
        {(close) => {
          const pick = (what: typeof asked) => () => { close(); setAsked(what); };
          return (
            <>
              {all.allowed && <MenuItem icon="calendar-days" onClick={pick("extend")}>{t.extendGuest}</MenuItem>}
              {all.allowed && all.mail && !over && <MenuItem icon="link-2" onClick={pick("link")}>{t.newLink}</MenuItem>}
              {all.allowed && (g.asked
                ? <MenuItem icon="user-plus" onClick={() => { close(); void act("full", () => api.askFull(room, g.id, false), t.fullNoMore); }}>{t.fullTakeBack}</MenuItem>
                : <MenuItem icon="user-plus" onClick={pick("full")}>{t.full}</MenuItem>)}
              <MenuItem icon="user-x" danger onClick={pick("remove")}>{t.remove}</MenuItem>
            </>
          );
        }}
      </Menu>
      <Dialog open={asked === "extend"} title={t.extendTitle(g.name)} onClose={() => setAsked(null)} small>
        <Extend most={all.bounds.maxDays} usual={all.bounds.days} onClose={() => setAsked(null)}
          onDays={(days) => run("extend", async () => { const { until } = await api.extendGuest(room, g.id, days); toast(t.extended(date(until))); }).then(() => setAsked(null))} />
      </Dialog>
      <Confirm open={asked === "link"} title={t.newLinkTitle(g.name)} act={t.newLinkAct} danger={false} onClose={() => setAsked(null)} onAct={() => act("link", () => api.guestLink(room, g.id, lang.peek()), t.newLinkDone(g.email))}>
        <p>{t.newLinkText(g.email)}</p>
      </Confirm>
      <Confirm open={asked === "full"} title={t.fullTitle(g.name)} act={t.fullAct} danger={false} onClose={() => setAsked(null)} onAct={() => act("full", () => api.askFull(room, g.id, true), t.fullDone)}>
        <p>{t.fullText}</p>
      </Confirm>
      <Confirm open={asked === "remove"} title={t.removeTitle(g.name)} act={t.remove} onClose={() => setAsked(null)} onAct={() => act("remove", () => api.removeGuest(room, g.id), t.removeDone)}>
        <p>{t.removeText}</p>
      </Confirm>
    </li>
  );
}

function Extend({ most, usual, onDays, onClose }: { most: number; usual: number; onDays: (days: number) => Promise<void>; onClose: () => void }) {
  const t = guestWords.value.settings;
  const [text, setText] = useState(String(usual));
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const days = within(text, most);
  const submit = (e: Event) => {
    e.preventDefault();
    setTried(true);
    if (busy || days === null) return;
    setBusy(true);
    void onDays(days).finally(() => setBusy(false));
  };
  return (
    <form class="stack" noValidate onSubmit={submit}>
      <Input label={t.extendDays} hint={t.upTo(most)} type="number" inputmode="numeric" min={1} max={most} value={text} onValue={setText} error={tried && days === null ? t.between(most) : null} autofocus />
      <div class="dialog__acts"><Button onClick={onClose}>{kit.value.cancel}</Button><Button look="primary" type="submit" busy={busy}>{t.extend}</Button></div>
    </form>
  );
}

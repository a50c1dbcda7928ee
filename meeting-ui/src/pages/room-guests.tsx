/** People from outside, in the settings of a room: inviting them, who was invited, who came of it. */
import { useEffect, useState } from "preact/hooks";
import { Button, copy, date, Input, lang, Notice, Skeleton, toast } from "@huisclos/ui-kit";
import { api, type Guests, type Sent } from "../api/index.ts";
import { asApiError } from "../session.ts";
import { guestWords } from "../words/guests.ts";
import { GuestRow, within } from "./room-guest.tsx";

/** Days that an invitation is made to last longer: as many as a new one lasts. */
const more = 14;

export function RoomGuests({ room }: { room: string }) {
  const t = guestWords.value.settings;
  const [all, setAll] = useState<Guests | null>(null);
  const [busy, setBusy] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const load = async () => setAll(await api.guests(room));
  const run = async (what: string, act: () => Promise<void>) => {
    if (busy) return;
    setBusy(what);
    setError(null);
    try { await act(); await load(); } catch (cause) { setError(asApiError(cause).text(lang.peek())); } finally { setBusy(null); }
  };
  useEffect(() => { void run("load", async () => undefined); }, [room]);
  return (
    <section class="card part" aria-labelledby="part-guests">
      <h2 id="part-guests">{t.title}</h2>
      <div class="stack">
        <p class="muted small">{t.lead}</p>
        {error && <Notice tone="danger" live><p>{error}</p></Notice>}
        {!all ? error === null && <Skeleton lines={2} /> : !all.allowed ? <Notice tone="attention"><p>{t.notAllowed}</p></Notice> : !all.mail ? <Notice tone="attention"><p>{t.noMail}</p></Notice>
          : <Inviting room={room} bounds={all.bounds} busy={busy} run={run} />}
        {all && all.invitations.length > 0 && <h3>{t.invited}</h3>}
        {all && all.invitations.length > 0 && (
          <ul class="people">{all.invitations.map((i) => {
            const who = i.email ?? t.open;
            return (
              <li key={i.id} class="person person--wrap">
                <span class="person__who"><b class="cut">{who}</b><span class="muted small">{standing(i)}</span></span>
                <span class="row row--wrap">
                  {(waits(i) || stale(i)) && all.allowed && <Button aria-label={t.extendNamed(who)} disabled={busy !== null} onClick={() => void run("extend", async () => { await api.extendInvitation(room, i.id, more); toast(t.extended(date(after(more)))); })}>{t.extend}</Button>}
                  {waits(i) && <Button aria-label={t.withdrawNamed(who)} disabled={busy !== null} onClick={() => void run("withdraw", async () => { await api.withdraw(room, i.id); toast(t.withdrawDone); })}>{t.withdraw}</Button>}
                </span>
              </li>
            );
          })}</ul>
        )}
        {all && all.guests.length > 0 && <h3>{t.guests}</h3>}
        {all && all.guests.length > 0 && <ul class="people">{all.guests.map((g) => <GuestRow key={g.id} room={room} guest={g} all={all} busy={busy !== null} run={run} />)}</ul>}
      </div>
    </section>
  );
}

/** How long, and for how many; within what the organisation allows. */
function Inviting({ room, bounds, busy, run }: { room: string; bounds: Guests["bounds"]; busy: string | null; run: (what: string, act: () => Promise<void>) => Promise<void> }) {
  const t = guestWords.value.settings;
  const [emails, setEmails] = useState("");
  const [days, setDays] = useState(String(bounds.days));
  const [uses, setUses] = useState(String(bounds.uses));
  const [url, setURL] = useState<string | null>(null);
  const [tried, setTried] = useState(false);
  const list = emails.split(/[\s,;]+/).filter((e) => e !== "");
  const stay = within(days, bounds.maxDays), people = within(uses, bounds.maxUses);
  const send = (e: Event) => {
    e.preventDefault();
    setTried(true);
    if (list.length === 0 || stay === null) return;
    void run("send", async () => { const made = await api.invite(room, { emails: list, stay, language: lang.peek() }); setEmails(""); toast(t.sent(made.invitations.length)); });
  };
  const link = (e: Event) => {
    e.preventDefault();
    setTried(true);
    if (stay === null || people === null) return;
    void run("link", async () => setURL((await api.invite(room, { emails: [], stay, uses: people, language: lang.peek() })).url ?? null));
  };
  return (
    <>
      <div class="field--number"><Input label={t.days} hint={t.upTo(bounds.maxDays)} type="number" inputmode="numeric" min={1} max={bounds.maxDays} value={days} onValue={setDays} error={tried && stay === null ? t.between(bounds.maxDays) : null} /></div>
      <form class="stack stack--tight" noValidate onSubmit={send}>
        <Input label={t.emails} hint={t.emailsHint} inputmode="email" autocomplete="off" autocapitalize="none" spellcheck={false} value={emails} onValue={setEmails} />
        <div><Button look="primary" type="submit" busy={busy === "send"}>{t.send}</Button></div>
      </form>
      <form class="stack stack--tight" noValidate onSubmit={link}>
        <p class="muted small">{t.linkHint}</p>
        {url === null ? (
          <>
            <div class="field--number"><Input label={t.uses} hint={t.upTo(bounds.maxUses)} type="number" inputmode="numeric" min={1} max={bounds.maxUses} value={uses} onValue={setUses} error={tried && people === null ? t.between(bounds.maxUses) : null} /></div>
            <div><Button icon="link-2" type="submit" busy={busy === "link"}>{t.makeLink}</Button></div>
          </>
        ) : (
          <>
            <p class="code link-text" tabIndex={0} role="group" aria-label={t.link}>{url}</p>
            <p class="muted small">{t.linkOnce}</p>
            <div class="row row--wrap"><Button onClick={() => void copy(url).then(() => toast(t.copied))}>{t.copy}</Button><Button look="quiet" onClick={() => setURL(null)}>{t.another}</Button></div>
          </>
        )}
      </form>
    </>
  );
}

const after = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();
const over = (i: Sent): boolean => new Date(i.expires).getTime() <= Date.now();
const waits = (i: Sent): boolean => !i.withdrawn && !over(i) && i.used < i.uses;
/** Too old, and not used up: it can be made to count again. */
const stale = (i: Sent): boolean => !i.withdrawn && over(i) && i.used < i.uses;

function standing(i: Sent): string {
  const t = guestWords.value.settings;
  if (i.withdrawn) return t.withdrawn;
  const how = over(i) && i.used < i.uses ? t.expired : i.email === undefined ? t.used(i.used, i.uses) : i.used > 0 ? t.accepted : t.waiting;
  return [how, ...(waits(i) ? [t.until(date(i.expires))] : []), ...(waits(i) && i.stay ? [t.stay(i.stay)] : [])].join(", ");
}

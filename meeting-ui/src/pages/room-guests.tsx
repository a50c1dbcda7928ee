/** People from outside, in the settings of a room: inviting them, who was invited, who came of it. */
import { useEffect, useState } from "preact/hooks";
import { Button, Confirm, copy, date, Input, lang, Notice, Skeleton, toast } from "@huisclos/ui-kit";
import { api, type Guest, type Guests, type Sent } from "../api/index.ts";
import { asApiError } from "../session.ts";
import { guestWords } from "../words/guests.ts";

export function RoomGuests({ room }: { room: string }) {
  const t = guestWords.value.settings;
  const [all, setAll] = useState<Guests | null>(null);
  const [emails, setEmails] = useState("");
  const [url, setURL] = useState<string | null>(null);
  const [leaving, setLeaving] = useState<Guest | null>(null);
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
  const list = emails.split(/[\s,;]+/).filter((e) => e !== "");
  const send = (e: Event) => {
    e.preventDefault();
    if (list.length > 0) void run("send", async () => { const made = await api.invite(room, { emails: list, language: lang.peek() }); setEmails(""); toast(t.sent(made.invitations.length)); });
  };
  return (
    <section class="card part" aria-labelledby="part-guests">
      <h2 id="part-guests">{t.title}</h2>
      <div class="stack">
        <p class="muted small">{t.lead}</p>
        {error && <Notice tone="danger" live><p>{error}</p></Notice>}
        {!all ? <Skeleton lines={2} /> : !all.mail ? <Notice tone="attention"><p>{t.noMail}</p></Notice> : (
          <>
            <form class="stack stack--tight" onSubmit={send}>
              <Input label={t.emails} hint={t.emailsHint} inputmode="email" autocomplete="off" autocapitalize="none" spellcheck={false} value={emails} onValue={setEmails} />
              <div><Button look="primary" type="submit" busy={busy === "send"}>{t.send}</Button></div>
            </form>
            <div class="stack stack--tight">
              <p class="muted small">{t.linkHint}</p>
              {url === null ? <div><Button icon="link-2" busy={busy === "link"} onClick={() => void run("link", async () => setURL((await api.invite(room, { emails: [], language: lang.peek() })).url ?? null))}>{t.makeLink}</Button></div> : (
                <>
                  <p class="code link-text" tabIndex={0} role="group" aria-label={t.link}>{url}</p>
                  <p class="muted small">{t.linkOnce}</p>
                  <div><Button onClick={() => void copy(url).then(() => toast(t.copied))}>{t.copy}</Button></div>
                </>
              )}
            </div>
          </>
        )}
        {all && all.invitations.length > 0 && <h3>{t.invited}</h3>}
        {all && all.invitations.length > 0 && (
          <ul class="people">{all.invitations.map((i) => (
            <li key={i.id} class="person">
              <span class="person__who"><b class="cut">{i.email ?? t.open}</b><span class="muted small">{standing(i)}</span></span>
              {waits(i) && <Button aria-label={t.withdrawNamed(i.email ?? t.open)} disabled={busy !== null} onClick={() => void run("withdraw", async () => { await api.withdraw(room, i.id); toast(t.withdrawDone); })}>{t.withdraw}</Button>}
            </li>
          ))}</ul>
        )}
        {all && all.guests.length > 0 && <h3>{t.guests}</h3>}
        {all && all.guests.length > 0 && (
          <ul class="people">{all.guests.map((g) => (
            <li key={g.id} class="person">
              <span class="person__who"><b class="cut">{g.name}</b><span class="muted small cut">{g.email}</span><span class="muted small">{t.until(date(g.until))}</span></span>
              <Button aria-label={t.removeNamed(g.name)} disabled={busy !== null} onClick={() => setLeaving(g)}>{t.remove}</Button>
            </li>
          ))}</ul>
        )}
      </div>
      <Confirm open={leaving !== null} title={t.removeTitle(leaving?.name ?? "")} act={t.remove} onClose={() => setLeaving(null)}
        onAct={async () => { const g = leaving; if (g) await run("remove", async () => { await api.removeGuest(room, g.id); toast(t.removeDone); }); setLeaving(null); }}>
        <p>{t.removeText}</p>
      </Confirm>
    </section>
  );
}

const over = (i: Sent): boolean => new Date(i.expires).getTime() <= Date.now();
const waits = (i: Sent): boolean => !i.withdrawn && !over(i) && i.used < i.uses;

function standing(i: Sent): string {
  const t = guestWords.value.settings;
  if (i.withdrawn) return t.withdrawn;
  const how = i.email === undefined ? t.used(i.used, i.uses) : i.used > 0 ? t.accepted : over(i) ? t.expired : t.waiting;
  return waits(i) ? `${how}, ${t.until(date(i.expires))}` : how;
}

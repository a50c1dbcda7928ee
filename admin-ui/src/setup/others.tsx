/** A step: a security officer and an auditor, each with an activation link to hand over. */
import { useEffect, useState } from "preact/hooks";
import { Button, copy, dateTime, Input, lang, Notice, Skeleton } from "@huisclos/ui-kit";
import { admin, allAccounts, isProposed, type Account, type Activation } from "../api.ts";
import { mailOn, SendByMail } from "../pages/mail.tsx";
import { askStatus, asApiError } from "../session.ts";
import { mailWords } from "../words/mail.ts";
import { roleName, roleWords } from "../words/roles.ts";
import { setupWords } from "../words/setup.ts";

type Watch = "officer" | "auditor";
const watches: readonly Watch[] = ["officer", "auditor"];

export function Others({ onNext }: { onNext: (all: boolean) => void }) {
  const t = setupWords.value;
  /** Who is there already, from an earlier turn of the set-up. */
  const [there, setThere] = useState<Partial<Record<Watch, Account>> | null>(null);
  const [made, setMade] = useState<Partial<Record<Watch, boolean>>>({});
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    void askStatus(); // whether mails leave
    allAccounts().then((all) => {
      const found: Partial<Record<Watch, Account>> = {};
      for (const w of watches) found[w] = all.find((a) => a.role === w && a.state !== "disabled");
      setThere(found);
    }, (e: unknown) => setError(asApiError(e).text(lang.value)));
  }, []);
  const all = there !== null && watches.every((w) => there[w] || made[w]);
  return (
    <>
      <div class="greeting"><h1>{t.othersTitle}</h1><p class="muted">{t.othersLead}</p></div>
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
      {!there ? !error && <Skeleton lines={4} /> : (
        <div key="watches" class="stack">
          {watches.map((w) => <Other key={w} role={w} there={there[w] ?? null} onMade={() => setMade({ ...made, [w]: true })} />)}
        </div>
      )}
      <div key="acts" class="stack stack--tight others__end">
        <Button look={all ? "primary" : "plain"} large wide onClick={() => onNext(all)}>{all ? t.next : t.later}</Button>
        {!all && <p class="muted small">{t.laterHint}</p>}
      </div>
    </>
  );
}

function Other({ role, there, onMade }: { role: Watch; there: Account | null; onMade: () => void }) {
  const t = setupWords.value;
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [mail, setMail] = useState(true);
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<string | null>(null);
  const [link, setLink] = useState<{ name: string; activation: Activation } | null>(null);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy) return;
    setBusy(true);
    setSaid(null);
    try {
      const made = await admin.create({ name: name.trim(), email: email.trim(), role, mail: mail && mailOn() });
      if (isProposed(made)) setSaid(roleWords.value.proposed.text);
      else { setLink({ name: made.account.name, activation: made.activation }); onMade(); }
    } catch (cause) { setSaid(asApiError(cause).text(lang.value)); }
    setBusy(false);
  };
  return (
    <section class="card stack" aria-labelledby={`other-${role}`}>
      <div class="stack stack--tight"><h2 id={`other-${role}`} class="part-title part-title--tight">{roleName(role)}</h2><p class="muted small">{roleWords.value.says[role]}</p></div>
      {there ? <p>{t.there(there.name)}</p> : link?.activation.mailed ? (
        <div class="stack stack--tight" role="status"><p>{mailWords.value.sentTo(link.name)}</p><p class="muted small">{mailWords.value.sentHint}</p></div>
      ) : link ? (
        <div class="stack stack--tight" role="status">
          <p>{t.handOver(link.name)}</p>
          <p class="once code" tabIndex={0}>{link.activation.url}</p>
          <p class="muted small">{t.expires(dateTime(link.activation.expires))}</p>
          <div><Button icon="copy" aria-label={t.copyNamed(link.name)} onClick={() => void copy(link.activation.url ?? "")}>{t.copy}</Button></div>
        </div>
      ) : (
        <form class="stack stack--tight" onSubmit={(e) => void submit(e)}>
          {said && <Notice tone="danger" live><p>{said}</p></Notice>}
          <div class="pair">
            <Input label={t.othersName} required maxLength={80} value={name} onValue={setName} autocomplete="off" />
            <Input label={t.othersEmail} type="email" required value={email} onValue={setEmail} autocomplete="off" />
          </div>
          <SendByMail on={mail} onChange={setMail} />
          <div><Button look="primary" type="submit" busy={busy} aria-describedby={`other-${role}`}>{mail && mailOn() ? mailWords.value.createAct : t.make}</Button></div>
        </form>
      )}
    </section>
  );
}

/** One account: made, changed, ended; and the activation link, which is shown once. */
import { useState } from "preact/hooks";
import { ago, Button, Confirm, copy, date, dateTime, Dialog, Input, lang, Notice, Segments, SideSheet, toast } from "@huisclos/ui-kit";
import { admin, type Account, type Activation, type Role } from "../api.ts";
import { mySecurity } from "../route.ts";
import { asApiError } from "../session.ts";
import { words } from "../words/console.ts";
import { mailWords } from "../words/mail.ts";
import { StateBadge } from "./accounts.tsx";
import { LinkSent, mailOn, SendByMail } from "./mail.tsx";

const roles: readonly Role[] = ["member", "administrator"];

function RoleChoice({ role, onChange }: { role: Role; onChange: (r: Role) => void }) {
  const t = words.value.people;
  return (
    <div class="stack stack--tight">
      <span class="field__label">{t.role}</span>
      <Segments label={t.role} value={role} options={roles.map((r) => ({ value: r, label: t.roles[r] }))} onChange={onChange} />
      <p class="muted small">{t.roleHints[role]}</p>
    </div>
  );
}

export function Create({ open, onClose, onMade }: { open: boolean; onClose: () => void; onMade: (a: Account, l: Activation) => void }) {
  return <Dialog open={open} title={words.value.people.createTitle} onClose={onClose}><CreateForm onMade={onMade} /></Dialog>;
}

function CreateForm({ onMade }: { onMade: (a: Account, l: Activation) => void }) {
  const t = words.value.people;
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("member");
  const [mail, setMail] = useState(true);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      const made = await admin.create({ name: name.trim(), email: email.trim(), role, mail: mail && mailOn() });
      onMade(made.account, made.activation);
    } catch (cause) {
      setError(asApiError(cause).text(lang.value));
      setBusy(false);
    }
  };
  return (
    <form class="stack" onSubmit={(e) => void submit(e)}>
      <p class="muted">{t.createText}</p>
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
      <Input label={t.name} required maxLength={80} value={name} onValue={setName} autocomplete="off" autofocus />
      <Input label={t.email} type="email" required value={email} onValue={setEmail} autocomplete="off" />
      <RoleChoice role={role} onChange={setRole} />
      <SendByMail on={mail} onChange={setMail} />
      <div class="dialog__acts"><Button look="primary" type="submit" busy={busy}>{mail && mailOn() ? mailWords.value.createAct : t.createAct}</Button></div>
    </form>
  );
}

export function LinkOnce({ link, onClose }: { link: { name: string; activation: Activation } | null; onClose: () => void }) {
  const t = words.value.people;
  const url = link?.activation.url;
  if (link?.activation.mailed) return <LinkSent link={link} onClose={onClose} />;
  return (
    <Dialog open={link !== null} title={t.linkTitle} onClose={onClose}>
      <p>{t.linkFor(link?.name ?? "")}</p>
      <p class="once code" tabIndex={0}>{url}</p>
      <p class="muted small">{link && t.linkExpires(dateTime(link.activation.expires))}</p>
      <Notice tone="attention"><p>{t.linkOnce}</p></Notice>
      <div class="dialog__acts">
        <Button onClick={onClose}>{t.linkDone}</Button>
        <Button look="primary" icon="copy" onClick={() => { if (url) void copy(url); }}>{t.linkCopy}</Button>
      </div>
    </Dialog>
  );
}

export function AccountSheet({ account: a, me, onClose, onChange, onLink }: {
  account: Account; me: string; onClose: () => void; onChange: (a: Account | null) => void; onLink: (l: Activation) => void;
}) {
  const t = words.value.people;
  const own = a.id === me;
  const [name, setName] = useState(a.name);
  const [mail, setMail] = useState(true);
  const [busy, setBusy] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [asked, setAsked] = useState<"disable" | "remove" | "factor" | null>(null);
  const act = async (what: string, run: () => Promise<void>, said: string) => {
    if (busy) return;
    setBusy(what);
    setError(null);
    try { await run(); if (said) toast(said); } catch (cause) { setError(asApiError(cause).text(lang.value)); } finally { setBusy(null); setAsked(null); }
  };
  const change = (what: string, o: Parameters<typeof admin.change>[1], said: string) => act(what, async () => onChange(await admin.change(a.id, o)), said);
  const lost = a.secondFactor && (
    <div class="stack stack--tight sheet__part">
      <div><Button look="warn" onClick={() => setAsked("factor")}>{t.factorRemove}</Button></div>
      <p class="muted small">{t.factorHint}</p>
    </div>
  );
  return (
    <SideSheet open title={a.name} onClose={onClose}>
      <div class="row row--wrap"><StateBadge state={a.state} /><span class="muted any">{a.email}</span></div>
      <dl class="facts facts--tight">
        <dt>{t.created}</dt><dd>{date(a.created)}</dd>
        <dt>{t.last}</dt><dd>{a.lastLogin ? ago(a.lastLogin) : t.never}</dd>
        <dt>{t.factor}</dt><dd>{a.secondFactor ? t.factorOn : t.factorOff}{own && <> · <a href={mySecurity}>{words.value.factor.mySecurity}</a></>}</dd>
      </dl>
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
      <form class="stack stack--tight" onSubmit={(e) => { e.preventDefault(); void change("name", { name: name.trim() }, t.renamed); }}>
        <Input label={t.name} required maxLength={80} value={name} onValue={setName} />
        <div><Button type="submit" busy={busy === "name"} disabled={!name.trim() || name.trim() === a.name}>{words.value.save}</Button></div>
      </form>
      {own ? <>{lost}<Notice><p>{t.self}</p></Notice></> : (
        <>
          <RoleChoice role={a.role} onChange={(role) => void change("role", { role }, t.roleChanged)} />
          <div class="stack stack--tight sheet__part">
            {a.state !== "disabled" && <SendByMail on={mail} onChange={setMail} />}
            <div><Button icon="link-2" busy={busy === "link"} disabled={a.state === "disabled"} onClick={() => void act("link", async () => onLink(await admin.newLink(a.id, mail && mailOn())), "")}>{mail && mailOn() ? mailWords.value.newLink : t.newLink}</Button></div>
            <p class="muted small">{t.newLinkHint}</p>
          </div>
          {lost}
          <div class="stack stack--tight sheet__part sheet__acts">
            {a.state === "disabled"
              ? <Button busy={busy === "state"} onClick={() => void change("state", { disabled: false }, t.enabled)}>{t.enable}</Button>
              : <Button icon="ban" onClick={() => setAsked("disable")}>{t.disable}</Button>}
            <Button look="warn" icon="trash-2" onClick={() => setAsked("remove")}>{t.remove}</Button>
          </div>
        </>
      )}
      <Confirm open={asked === "disable"} title={t.disableTitle(a.name)} act={t.disableAct} onClose={() => setAsked(null)} onAct={() => change("state", { disabled: true }, t.disabled)}>
        <p>{t.disableText}</p>
      </Confirm>
      <Confirm open={asked === "factor"} title={t.factorTitle(a.name)} act={t.factorAct} onClose={() => setAsked(null)}
        onAct={() => act("factor", async () => { await admin.removeFactors(a.id); onChange({ ...a, secondFactor: false }); }, t.factorRemoved)}>
        <p>{own ? t.factorOwn : t.factorText}</p>
      </Confirm>
      <Confirm open={asked === "remove"} title={t.removeTitle(a.name)} act={t.removeAct} onClose={() => setAsked(null)}
        onAct={() => act("remove", async () => { await admin.remove(a.id); onChange(null); }, t.removed)}>
        <p>{t.removeText}</p>
      </Confirm>
    </SideSheet>
  );
}

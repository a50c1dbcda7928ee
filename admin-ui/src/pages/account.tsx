/** One account: made, changed, ended. */
import { useState } from "preact/hooks";
import { ago, Button, Confirm, date, Dialog, Input, lang, Notice, SideSheet, toast } from "@huisclos/ui-kit";
import { admin, isProposed, type Account, type Activation, type Proposal, type Proposed, type Role } from "../api.ts";
import { mySecurity } from "../route.ts";
import { asApiError } from "../session.ts";
import { words } from "../words/console.ts";
import { directoryWords } from "../words/directory.ts";
import { providerOfHouse } from "../words/provider.ts";
import { mailWords } from "../words/mail.ts";
import { provisioningWords } from "../words/provisioning.ts";
import { roleName, roleWords } from "../words/roles.ts";
import { StateBadge } from "./accounts.tsx";
import { mailOn, SendByMail } from "./mail.tsx";
import { RoleChoice, RoleDialog } from "./role.tsx";

export function Create({ open, role, onClose, onMade, onProposed }: {
  open: boolean;
  /** Chosen already, by a link that says who is missing. */
  role: Role; onClose: () => void; onMade: (a: Account, l: Activation) => void; onProposed: (p: Proposal) => void;
}) {
  return <Dialog open={open} title={words.value.people.createTitle} onClose={onClose}><CreateForm first={role} onMade={onMade} onProposed={onProposed} /></Dialog>;
}

function CreateForm({ first, onMade, onProposed }: { first: Role; onMade: (a: Account, l: Activation) => void; onProposed: (p: Proposal) => void }) {
  const t = words.value.people;
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>(first);
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
      if (isProposed(made)) onProposed(made.proposal); else onMade(made.account, made.activation);
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
      <RoleChoice label={t.role} role={role} onChange={setRole} />
      <SendByMail on={mail} onChange={setMail} />
      <div class="dialog__acts"><Button look="primary" type="submit" busy={busy}>{mail && mailOn() ? mailWords.value.createAct : t.createAct}</Button></div>
    </form>
  );
}

type Asked = "disable" | "remove" | "factor" | "role";

export function AccountSheet({ account: a, me, onClose, onChange, onLink, onProposed }: {
  account: Account; me: string; onClose: () => void; onChange: (a: Account | null) => void; onLink: (l: Activation) => void; onProposed: (p: Proposal) => void;
}) {
  const t = words.value.people;
  const own = a.id === me, elsewhere = !!a.source, signsInElsewhere = elsewhere && a.source !== "scim";
  const [name, setName] = useState(a.name);
  const [mail, setMail] = useState(true);
  const [busy, setBusy] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [asked, setAsked] = useState<Asked | null>(null);
  /** Does the act; what an officer has to agree to first is not done, and said to be proposed. */
  const act = async <T,>(what: string, run: () => Promise<T | Proposed>, done: (answer: T) => void, said?: string) => {
    if (busy) return;
    setBusy(what);
    setError(null);
    try {
      const answer = await run();
      if (isProposed(answer)) { onProposed(answer.proposal); return; }
      done(answer);
      if (said) toast(said);
    } catch (cause) { setError(asApiError(cause).text(lang.value)); } finally { setBusy(null); setAsked(null); }
  };
  const change = (what: string, o: Parameters<typeof admin.change>[1], said: string) => act(what, () => admin.change(a.id, o), (x: { account: Account }) => onChange(x.account), said);
  const lost = a.secondFactor && !a.keyed && (
    <div class="stack stack--tight sheet__part">
      <div><Button look="warn" onClick={() => setAsked("factor")}>{t.factorRemove}</Button></div>
      <p class="muted small">{t.factorHint}</p>
    </div>
  );
  return (
    <SideSheet open title={a.name} onClose={onClose}>
      <div class="row row--wrap"><StateBadge state={a.state} /><span class="muted any">{a.email}</span></div>
      <dl class="facts facts--tight">
        <dt>{t.role}</dt><dd>{roleName(a.role)}<br /><span class="muted small">{roleWords.value.says[a.role]}</span></dd>
        {a.guest && <><dt>{roleWords.value.guestOf}</dt><dd>{a.guest.name || roleWords.value.guestOfNobody}<br /><span class="muted small">{roleWords.value.guestUntil(date(a.guest.until), a.guest.rooms)}</span></dd></>}
        <dt>{t.created}</dt><dd>{date(a.created)}</dd>
        <dt>{t.last}</dt><dd>{a.lastLogin ? ago(a.lastLogin) : t.never}</dd>
        <dt>{t.factor}</dt><dd>{a.keyed ? roleWords.value.keyed : a.secondFactor ? t.factorOn : t.factorOff}{own && <> · <a href={mySecurity}>{words.value.mySecurity}</a></>}</dd>
      </dl>
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
      {a.guest?.asked && <Notice tone="attention"><p>{roleWords.value.fullAsked(a.guest.asked.name || roleWords.value.guestOfNobody)}</p>
        <p class="row row--wrap"><Button onClick={() => setAsked("role")}>{roleWords.value.fullAct}</Button><Button look="quiet" busy={busy === "asked"} onClick={() => void change("asked", { asked: false }, roleWords.value.fullNoDone)}>{roleWords.value.fullNo}</Button></p></Notice>}
      {elsewhere && signsInElsewhere && <Notice><p>{a.source === "oidc" ? providerOfHouse.value.of : directoryWords.value.of}</p>{a.absent && <p>{directoryWords.value.absent}</p>}</Notice>}
      {elsewhere && !signsInElsewhere && <Notice><p>{provisioningWords.value.account}</p>{a.absent && <p>{provisioningWords.value.absent}</p>}</Notice>}
      {!elsewhere && <form class="stack stack--tight" onSubmit={(e) => { e.preventDefault(); void change("name", { name: name.trim() }, t.renamed); }}>
        <Input label={t.name} required maxLength={80} value={name} onValue={setName} />
        <div><Button type="submit" busy={busy === "name"} disabled={!name.trim() || name.trim() === a.name}>{words.value.save}</Button></div>
      </form>}
      {own ? <>{lost}<Notice><p>{t.self}</p></Notice></> : (
        <>
          {!elsewhere && <div class="sheet__part"><Button onClick={() => setAsked("role")}>{a.role === "guest" ? roleWords.value.fullAct : roleWords.value.change}</Button></div>}
          {!signsInElsewhere && <div class="stack stack--tight sheet__part">
            {a.state !== "disabled" && <SendByMail on={mail} onChange={setMail} />}
            <div><Button icon="link-2" busy={busy === "link"} disabled={a.state === "disabled"} onClick={() => void act("link", () => admin.newLink(a.id, mail && mailOn()), (x) => onLink(x.activation))}>{mail && mailOn() ? mailWords.value.newLink : t.newLink}</Button></div>
            <p class="muted small">{t.newLinkHint}</p>
          </div>}
          {lost}
          <div class="stack stack--tight sheet__part sheet__acts">
            {a.state === "disabled" && a.absent ? null : a.state === "disabled"
              ? <Button busy={busy === "state"} onClick={() => void change("state", { disabled: false }, t.enabled)}>{t.enable}</Button>
              : <Button icon="ban" onClick={() => setAsked("disable")}>{t.disable}</Button>}
            {(a.source !== "ldap" || a.absent) && <Button look="warn" icon="trash-2" onClick={() => setAsked("remove")}>{t.remove}</Button>}
          </div>
        </>
      )}
      {asked === "role" && <RoleDialog account={a} onClose={() => setAsked(null)} onRole={(role) => change("role", { role }, t.roleChanged)} />}
      <Confirm open={asked === "disable"} title={t.disableTitle(a.name)} act={t.disableAct} onClose={() => setAsked(null)} onAct={() => change("state", { disabled: true }, t.disabled)}>
        <p>{t.disableText}</p>
      </Confirm>
      <Confirm open={asked === "factor"} title={t.factorTitle(a.name)} act={t.factorAct} onClose={() => setAsked(null)}
        onAct={() => act("factor", () => admin.removeFactors(a.id), () => onChange({ ...a, secondFactor: false }), t.factorRemoved)}>
        <p>{own ? t.factorOwn : t.factorText}</p>
      </Confirm>
      <Confirm open={asked === "remove"} title={t.removeTitle(a.name)} act={t.removeAct} onClose={() => setAsked(null)}
        onAct={() => act("remove", () => admin.remove(a.id), () => onChange(null), t.removed)}>
        <p>{t.removeText}</p>
      </Confirm>
    </SideSheet>
  );
}

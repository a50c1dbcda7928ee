/** "My security": one's passkeys are listed, added, named and removed; where there can be none, the page says why. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button } from "../button.tsx";
import { Input } from "../field.tsx";
import { ago, date } from "../i18n.ts";
import { Icon } from "../icon.tsx";
import { Notice, toast } from "../notice.tsx";
import { browserHasPasskeys, createPasskey, passkeysHere } from "../passkey.ts";
import { Badge, Skeleton } from "../show.tsx";
import { kit } from "../words.ts";
import { Keep } from "./enrol.tsx";
import { keys } from "./passkey-words.ts";
import { kindsOf, useSecurity, whyOf, type Factors, type Given, type Passkey, type Person } from "./port.ts";
import { withProof } from "./proof.tsx";
import { Proving } from "./proving.tsx";
import { sayOf } from "./say.ts";
import { browserName } from "./sessions.tsx";
import { Step } from "./step.tsx";
import { own } from "./words.ts";

/** Why no passkey can be made here; null where one can. */
export function passkeysNot(): string | null {
  const here = passkeysHere.value, t = keys.value.not;
  if (!here.possible) return here.reason === "otherName" ? t.otherName(here.at ?? "") : t[here.reason ?? "noName"];
  return browserHasPasskeys() ? null : t.browser;
}

/** A new passkey: who one is, a name, the browser's own question, and recovery codes with the first second factor. */
export function AddingPasskey({ me, factors, onOn, onDone, onCancel, typed }: {
  me: Person; factors: Factors | null;
  /** It is on; its recovery codes are on the page still. */
  onOn?: () => void; onDone: () => void; onCancel?: () => void;
  /** A passphrase that was given a moment ago. */
  typed?: string;
}) {
  const { api, refusal } = useSecurity();
  const t = keys.value;
  const [options, setOptions] = useState<unknown>(null);
  const [recovery, setRecovery] = useState<string[] | null>(null);
  const [name, setName] = useState(() => browserName(navigator.userAgent) ?? "");
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const begin = async (given: Given) => { setOptions(await api.beginPasskey(given)); };
  const [asking, setAsking] = useState(!!typed);
  useEffect(() => { if (typed) begin({ passphrase: typed }).catch((e: unknown) => setSaid(sayOf(whyOf(refusal, e)))).finally(() => setAsking(false)); }, []);
  useLayoutEffect(() => {
    if (!options) return;
    field.current?.focus();
    field.current?.select();
  }, [options]);
  const make = async (e: Event) => {
    e.preventDefault();
    if (busy) return;
    setBusy(true);
    setSaid(null);
    try {
      const made = await api.addPasskey(name.trim(), await createPasskey(options));
      if (made.recovery.length > 0) { setRecovery(made.recovery); onOn?.(); } else onDone();
    } catch (cause) {
      const why = whyOf(refusal, cause);
      setSaid(sayOf(why));
      // The challenge is used up, or too old: the question begins anew.
      if (why.code === "passkeyOver" || why.code === "passkeyUnusable" || why.code === "bad-passkey-name" || why.code === "passkeyThere") setOptions(null);
    } finally { setBusy(false); }
  };
  if (recovery) return <Keep email={me.email} recovery={recovery} onKept={onDone} />;
  if (asking && !options) return <Skeleton lines={3} />;
  if (!options) {
    return (
      <Proving me={me} kinds={kindsOf(factors)} title={own.value.factor.beginTitle} act={own.value.factor.next} onProof={begin} onCancel={onCancel}>
        {said && <Notice tone="danger" live><p>{said}</p></Notice>}
      </Proving>
    );
  }
  return (
    <Step title={t.nameTitle} still>
      <form class="step" onSubmit={(e) => void make(e)}>
        {said && <Notice tone="danger" live><p>{said}</p></Notice>}
        <Input label={t.name} hint={t.nameHint} required maxLength={64} autocomplete="off" value={name} onValue={setName} innerRef={field} />
        <p class="small muted">{t.addText}</p>
        <div class="step__acts"><Button look="primary" icon="fingerprint-pattern" type="submit" busy={busy}>{t.make}</Button>{onCancel && <Button onClick={onCancel}>{kit.value.cancel}</Button>}</div>
      </form>
    </Step>
  );
}

type Doing = "add" | { rename: Passkey } | { remove: Passkey };

export function PasskeysPart({ me, factors, onChange }: { me: Person; factors: Factors | null; onChange: () => Promise<void> }) {
  const { api } = useSecurity();
  const t = keys.value;
  const [doing, setDoing] = useState<Doing | null>(null);
  const head = useRef<HTMLHeadingElement>(null);
  const over = async (said?: string) => {
    await onChange();
    setDoing(null);
    head.current?.focus();
    if (said) toast(said);
  };
  const body = () => {
    if (!factors) return <Skeleton lines={2} />;
    if (doing === "add") return <AddingPasskey me={me} factors={factors} onOn={() => void onChange()} onDone={() => void over(t.added)} onCancel={() => void over()} />;
    if (doing && "rename" in doing) return <Renaming passkey={doing.rename} onDone={(said) => void over(said)} />;
    if (doing) {
      const last = !factors.totp && factors.passkeys.length === 1;
      if (last && factors.keyed) return <Step title={t.removeTitle(doing.remove.name)}><Notice tone="attention"><p>{t.onlyWay}</p></Notice><div class="step__acts"><Button onClick={() => void over()}>{kit.value.cancel}</Button></div></Step>;
      return (
        <Proving me={me} kinds={kindsOf(factors)} title={t.removeTitle(doing.remove.name)} act={t.removeAct} danger onCancel={() => void over()}
          onProof={async (given) => { await api.removePasskey(doing.remove.id, given); await over(t.removed); }}>
          <p>{t.removeText}</p>
          {last && <Notice tone="attention"><p>{t.removeLast}</p></Notice>}
        </Proving>
      );
    }
    const not = passkeysNot(), any = factors.passkeys.length > 0;
    return (
      <div class="stack">
        {any ? <ul class="sessions">{factors.passkeys.map((p) => <Row key={p.id} passkey={p} onRename={() => setDoing({ rename: p })} onRemove={() => setDoing({ remove: p })} />)}</ul> : !not && <p>{t.why}</p>}
        {not ? <Notice><p>{not}</p></Notice> : <div><Button look={any ? "plain" : "primary"} icon="plus" onClick={() => setDoing("add")}>{t.add}</Button></div>}
      </div>
    );
  };
  return (
    <section class="card part" id="passkeys" aria-labelledby="part-passkeys">
      <h2 id="part-passkeys" ref={head} tabIndex={-1}>{t.title}</h2>
      {body()}
    </section>
  );
}

function Row({ passkey: p, onRename, onRemove }: { passkey: Passkey; onRename: () => void; onRemove: () => void }) {
  const t = keys.value;
  return (
    <li class="session session--wrap">
      <Icon name="fingerprint-pattern" />
      <div class="grow">
        <p class="row row--wrap"><b class="any">{p.name}</b>{p.backedUp && <Badge>{t.synced}</Badge>}</p>
        <p class="muted small">{t.created(date(p.created))}<span aria-hidden="true"> · </span>{p.used ? t.used(ago(p.used)) : t.never}</p>
        {p.party && <p class="small">{t.otherParty(p.party)}</p>}
      </div>
      <div class="row row--wrap"><Button aria-label={t.renameNamed(p.name)} onClick={onRename}>{t.rename}</Button><Button look="warn" aria-label={t.removeNamed(p.name)} onClick={onRemove}>{t.remove}</Button></div>
    </li>
  );
}

function Renaming({ passkey, onDone }: { passkey: Passkey; onDone: (said?: string) => void }) {
  const { api, refusal } = useSecurity();
  const t = keys.value;
  const [name, setName] = useState(passkey.name);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  const save = async (e: Event) => {
    e.preventDefault();
    if (busy || !name.trim()) return;
    setBusy(true);
    try { await withProof(() => api.renamePasskey(passkey.id, name.trim())); onDone(t.renamed); } catch (cause) { setError(sayOf(whyOf(refusal, cause))); setBusy(false); }
  };
  return (
    <Step title={t.renameTitle} still>
      <form class="step" onSubmit={(e) => void save(e)}>
        <Input label={t.name} required maxLength={64} autocomplete="off" value={name} onValue={setName} error={error} innerRef={field} />
        <div class="step__acts"><Button look="primary" type="submit" busy={busy}>{t.save}</Button><Button onClick={() => onDone()}>{kit.value.cancel}</Button></div>
      </form>
    </Step>
  );
}

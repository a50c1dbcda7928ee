/** How the organisation wants its appliance to look. Each part is saved on its own and shown at once, here as for everybody. */
import { useEffect, useRef, useState } from "preact/hooks";
import { appearance, Button, Field, Input, lang, Notice, paint, readAppearance, toast, wear, type Palette } from "@huisclos/ui-kit";
import { asApiError } from "../session.ts";
import { settingsApi } from "../settings-api.ts";
import { fixed } from "../settings/field.tsx";
import { logoFrom } from "../settings/picture.ts";
import { useDrafts } from "../settings/drafts.ts";
import { Head } from "../shell.tsx";
import { lookWords } from "../words/appearance.ts";

const said = (e: unknown) => asApiError(e).text(lang.value);

export function AppearancePage() {
  const t = lookWords.value;
  useEffect(() => { void settingsApi.appearance().then((a) => wear(readAppearance(a)), asApiError); }, []);
  return (
    <>
      <Head title={t.title} />
      <p class="muted lead">{t.lead}</p>
      <div class="settings stack stack--loose">
        <section class="card stack" aria-labelledby="look-house"><h2 id="look-house" class="part-title part-title--tight">{t.organisation}</h2><OrganisationName /><LogoForm /></section>
        <AccentForm />
        <TextsForm />
      </div>
    </>
  );
}

/** The name is one of the settings; it is here because people look for it here. */
export function OrganisationName({ onSaved }: { onSaved?: () => void }) {
  const t = lookWords.value, d = useDrafts(), s = d.of("name");
  if (!s) return null;
  const draft = d.texts.name;
  if (fixed(s)) return <p>{String(s.value)} <span class="muted small">({t.nameFixed(s.file ?? "huisclos.toml")})</span></p>;
  const save = async (e: Event) => {
    e.preventDefault();
    if (!d.changed.includes("name")) { onSaved?.(); return; }
    if (!await d.save()) return;
    wear(readAppearance(await settingsApi.appearance()));
    toast(t.nameSaved);
    onSaved?.();
  };
  return (
    <form class="stack stack--tight" onSubmit={(e) => void save(e)}>
      <Input label={t.name} hint={t.nameHint} maxLength={80} value={typeof draft === "string" ? draft : String(s.value ?? "")} onValue={(v) => d.put("name", v)} error={d.wrong?.text ?? d.error} autocomplete="organization" />
      <div><Button type="submit" busy={d.busy} look={onSaved ? "primary" : "plain"}>{t.nameAct}</Button></div>
    </form>
  );
}

export function LogoForm() {
  const t = lookWords.value, a = appearance.value;
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const take = async (file: File | undefined) => {
    if (!file || busy) return;
    setBusy(true);
    setError(null);
    try {
      const picture = await logoFrom(file);
      if (picture === "unreadable") setError(t.logoBad);
      else if (picture === "small") setError(t.logoSmall);
      else { wear(readAppearance(await settingsApi.logo(picture))); toast(t.logoDone); }
    } catch (e) { setError(said(e)); }
    if (input.current) input.current.value = "";
    setBusy(false);
  };
  const remove = async () => {
    setBusy(true);
    try { wear(readAppearance(await settingsApi.noLogo())); toast(t.logoGone); } catch (e) { setError(said(e)); }
    setBusy(false);
  };
  return (
    <div class="stack stack--tight">
      {a.logo ? <img class="look__logo" src={a.logo} alt={t.logoNow} /> : <p class="muted small">{t.logoNone}</p>}
      <Field label={t.logo} hint={t.logoText} error={error}>
        {(tied) => <div class="field__box"><input {...tied} ref={input} class="input import__file" type="file" accept="image/png,image/jpeg,image/webp" disabled={busy} onChange={(e) => void take(e.currentTarget.files?.[0])} /></div>}
      </Field>
      {a.logo && <div><Button busy={busy} onClick={() => void remove()}>{t.remove}</Button></div>}
    </div>
  );
}

const product = "#0d5a66";

export function AccentForm() {
  const t = lookWords.value, a = appearance.value;
  const [colour, setColour] = useState(a.accent || product);
  const [palette, setPalette] = useState<Palette | undefined>(a.palette);
  const [proposal, setProposal] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const wanted = useRef(colour);
  useEffect(() => { if (a.accent) { setColour(a.accent); setPalette(a.palette); } }, [a.accent]);
  const refused = (cause: unknown) => {
    const e = asApiError(cause), better = e.more.proposal;
    setProposal(typeof better === "string" ? better : null);
    setError(e.text(lang.value));
  };
  const choose = (c: string) => {
    setColour(c);
    setError(null);
    setProposal(null);
    wanted.current = c;
    if (!/^#[0-9a-f]{6}$/i.test(c)) return;
    // Only what was chosen last is shown.
    setTimeout(() => { if (wanted.current === c) settingsApi.tryAccent(c).then((p) => { if (wanted.current === c) setPalette(p); }, (e: unknown) => { if (wanted.current === c) refused(e); }); }, 250);
  };
  const save = async (accent: string) => {
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      const next = readAppearance(await settingsApi.look({ accent }));
      wear(next);
      setColour(next.accent || product);
      setPalette(next.palette);
      toast(t.accentDone);
    } catch (e) { refused(e); }
    setBusy(false);
  };
  return (
    <form class="card stack" aria-labelledby="look-accent" onSubmit={(e) => { e.preventDefault(); void save(colour.trim()); }}>
      <h2 id="look-accent" class="part-title part-title--tight">{t.accent}</h2>
      <p class="muted small">{t.accentHint}</p>
      <div class="look__accent">
        <Field label={t.accent} hideLabel>{(tied) => <input {...tied} class="look__well" type="color" value={/^#[0-9a-f]{6}$/i.test(colour) ? colour : product} onInput={(e) => choose(e.currentTarget.value)} />}</Field>
        <Input label={t.accentCode} value={colour} onValue={choose} error={error} spellcheck={false} autocapitalize="none" maxLength={7} />
      </div>
      {proposal && <div><Button onClick={() => choose(proposal)}>{t.proposal(proposal)}</Button></div>}
      <div class="look__worlds" role="group" aria-label={t.preview}><World dark={false} palette={palette} /><World dark palette={palette} /></div>
      <div class="row row--wrap">
        <Button type="submit" look="primary" busy={busy} disabled={error !== null}>{t.apply}</Button>
        {a.accent && <Button onClick={() => void save("")}>{t.reset}</Button>}
      </div>
    </form>
  );
}

/** A corner of a page in one world, painted in the colour that is being chosen. */
function World({ dark, palette }: { dark: boolean; palette: Palette | undefined }) {
  const t = lookWords.value, box = useRef<HTMLDivElement>(null);
  useEffect(() => { if (box.current) paint(box.current, palette); }, [palette]);
  return (
    <div ref={box} class={dark ? "look__world look__world--dark" : "look__world"}>
      <p class="small">{dark ? t.dark : t.light}</p>
      <span class="button button--primary" aria-hidden="true">{t.sample}</span>
      <p class="look__soft">{t.sampleText}</p>
    </div>
  );
}

export function TextsForm() {
  const t = lookWords.value, a = appearance.value;
  const texts = { contact: a.contact, legalFR: a.legal.fr, legalEN: a.legal.en, privacyFR: a.privacy.fr, privacyEN: a.privacy.en };
  type Key = keyof typeof texts;
  const [drafts, setDrafts] = useState<Partial<Record<Key, string>>>({});
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const of = (k: Key) => drafts[k] ?? texts[k];
  const save = async (e: Event) => {
    e.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      wear(readAppearance(await settingsApi.look({ contact: of("contact"), legal: { fr: of("legalFR"), en: of("legalEN") }, privacy: { fr: of("privacyFR"), en: of("privacyEN") } })));
      setDrafts({});
      toast(t.saved);
    } catch (cause) { setError(said(cause)); }
    setBusy(false);
  };
  return (
    <form class="card stack" aria-labelledby="look-texts" onSubmit={(e) => void save(e)}>
      <h2 id="look-texts" class="part-title part-title--tight">{t.texts}</h2>
      <p class="muted small">{t.textsHint}</p>
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
      {(Object.keys(texts) as Key[]).map((k) => (
        <Field key={k} label={t[k]} hint={k === "contact" ? t.contactHint : undefined}>
          {(tied) => <div class="field__box"><textarea {...tied} class="input" rows={k === "contact" ? 2 : 4} maxLength={k === "contact" ? 300 : 4000} value={of(k)} onInput={(e) => setDrafts({ ...drafts, [k]: e.currentTarget.value })} /></div>}
        </Field>
      ))}
      <div><Button type="submit" look="primary" busy={busy}>{t.save}</Button></div>
    </form>
  );
}

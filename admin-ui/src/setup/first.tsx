/** Step 1: the language, the code that the server printed, and the first account. */
import { useRef, useState } from "preact/hooks";
import { Button, chooseLang, Input, lang, met, Notice, Passphrase, Rules, Seal, Segments, type Chooser } from "@huisclos/ui-kit";
import { own, type ApiError } from "../api.ts";
import { asApiError, signedIn } from "../session.ts";
import { setupWords } from "../words/setup.ts";

export function First() {
  const t = setupWords.value;
  const [o, set] = useState({ code: "", name: "", email: "", passphrase: "" });
  const [busy, setBusy] = useState(false);
  const [unmet, setUnmet] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const put = (k: keyof typeof o) => (v: string) => set({ ...o, [k]: v });
  const who: Chooser = { name: o.name, email: o.email, role: "administrator" };
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy) return;
    // What is missing stands below the field; a press that did nothing would say less.
    setUnmet(!met(o.passphrase, who).all);
    if (!met(o.passphrase, who).all) { field.current?.focus(); return; }
    setBusy(true);
    setError(null);
    try {
      const me = await own.setup({ code: o.code.trim(), name: o.name.trim(), email: o.email.trim(), passphrase: o.passphrase, wizard: true });
      signedIn(me, o.passphrase);
    } catch (cause) {
      setError(asApiError(cause));
      setBusy(false);
    }
  };
  return (
    <>
      <div class="greeting"><Seal state="open" size="l" /><h1>{t.title}</h1><p class="muted">{t.lead}</p></div>
      <div class="setup__lang"><Segments label={t.language} value={lang.value} options={[{ value: "fr", label: "Français" }, { value: "en", label: "English" }]} onChange={chooseLang} /></div>
      <form class="card stack" onSubmit={(e) => void submit(e)}>
        {error && <Notice tone="danger" live><p>{error.text(lang.value)}</p></Notice>}
        <Input label={t.code} hint={t.codeHint} required value={o.code} onValue={put("code")} autocomplete="one-time-code" autocapitalize="none" spellcheck={false} autofocus />
        <Input label={t.name} hint={t.nameHint} required maxLength={80} autocomplete="name" value={o.name} onValue={put("name")} />
        <Input label={t.email} type="email" required autocomplete="username" value={o.email} onValue={put("email")} />
        <Passphrase label={t.passphrase} required autocomplete="new-password" value={o.passphrase} onValue={(v) => { setUnmet(false); put("passphrase")(v); }} innerRef={field} error={unmet ? t.unmet : null} hint={<Rules passphrase={o.passphrase} who={who} />} />
        <Button look="primary" large wide type="submit" busy={busy}>{t.act}</Button>
      </form>
    </>
  );
}

/** One profile's name, conditions and size, in a dialog. Nothing is sent before it is right. */
import { useState } from "preact/hooks";
import { Button, Check, Dialog, Icon, Input, lang, Notice, profileConditions, profileWords as kitWords, type ProfileCondition } from "@huisclos/ui-kit";
import { admin, type Profile } from "../api.ts";
import { asApiError } from "../session.ts";
import { notBuilt, profileWords } from "../words/profiles.ts";

export function ProfileForm({ profile, onClose, onDone }: { profile: Profile | null; onClose: () => void; onDone: (answer: unknown, said: string) => void }) {
  const t = profileWords.value;
  const [name, setName] = useState(profile?.name ?? "");
  const [asked, setAsked] = useState<readonly ProfileCondition[]>(profile?.conditions ?? []);
  const [size, setSize] = useState(profile?.members ? String(profile.members) : "");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const members = size.trim() === "" ? 0 : Number(size);
  const wrong = size.trim() !== "" && !(Number.isInteger(members) && members >= 2 && members <= 1000);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy || wrong || !name.trim()) return;
    setBusy(true);
    setError(null);
    const wish = { name: name.trim(), conditions: [...asked], members };
    try {
      if (profile) onDone(await admin.changeProfile(profile.id, wish), t.edited);
      else onDone(await admin.createProfile(wish), t.added(wish.name));
    } catch (cause) {
      setError(asApiError(cause).text(lang.value));
      setBusy(false);
    }
  };
  return (
    <Dialog open title={profile ? t.editTitle(profile.name) : t.addTitle} onClose={onClose}>
      <form class="stack" onSubmit={(e) => void submit(e)}>
        {profile && <p class="muted">{t.editText}</p>}
        <Input label={t.field} hint={t.fieldHint} maxLength={64} required value={name} onValue={setName} />
        <fieldset class="stack stack--tight">
          <legend>{t.asked}</legend>
          {profileConditions.map((c) => (
            <Check key={c} label={kitWords.value.conditions[c]} on={asked.includes(c)} onChange={(on) => setAsked(on ? [...asked, c] : asked.filter((x) => x !== c))} />
          ))}
        </fieldset>
        <Input label={t.members} hint={t.membersHint} inputMode="numeric" maxLength={4} value={size} onValue={setSize} error={wrong ? t.membersWrong : null} />
        <details class="small">
          <summary>{t.later}</summary>
          <p class="muted">{t.laterText}</p>
          <ul class="conditions">{notBuilt.map((c) => <li key={c}><Icon name="x" size="s" /><span>{t.notBuilt[c]}</span></li>)}</ul>
        </details>
        {error && <Notice tone="danger" live><p>{error}</p></Notice>}
        <div class="dialog__acts"><Button look="primary" type="submit" busy={busy}>{profile ? t.editAct : t.addAct}</Button></div>
      </form>
    </Dialog>
  );
}

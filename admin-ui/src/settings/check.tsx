/** A connection of the appliance's tried for real, told step by step. */
import { useState } from "preact/hooks";
import { Button, Icon, Input, lang, Notice } from "@huisclos/ui-kit";
import { asApiError, session } from "../session.ts";
import { settingsApi, type CheckName, type Line } from "../settings-api.ts";
import { settingsWords } from "../words/settings.ts";

const printed = (s: string) => { const text = s.replaceAll("'", "’"); return text.charAt(0).toLocaleUpperCase() + text.slice(1); };

/** inner: it stands below a heading of its part. onSave: what is not saved is saved on the way, since a trial is of what is in force. */
export function Trial({ what, unsaved, inner, onWell, onSave }: { what: CheckName; unsaved: boolean; inner?: boolean; onWell?: () => void; onSave?: () => Promise<boolean> }) {
  const Title = inner ? "h3" : "h2";
  const t = settingsWords.value.check, w = t[what], me = session.value;
  const [to, setTo] = useState(me.state === "in" ? me.me.account.email : "");
  const [busy, setBusy] = useState(false);
  const [lines, setLines] = useState<Line[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const run = async (e: Event) => {
    e.preventDefault();
    if (busy || (unsaved && !onSave)) return;
    setBusy(true);
    setError(null);
    setLines(null);
    // Where a setting is wrong its field says so, above.
    if (unsaved && !await onSave?.()) { setBusy(false); return; }
    try {
      const found = await settingsApi.check(what, what === "mail" ? to.trim() : "");
      setLines(found);
      if (found.every((l) => l.state === "ok")) onWell?.();
    } catch (cause) { setError(asApiError(cause).text(lang.value)); }
    setBusy(false);
  };
  return (
    <form class="card stack" aria-labelledby={`try-${what}`} onSubmit={(e) => void run(e)}>
      <div class="stack stack--tight"><Title id={`try-${what}`} class="part-title part-title--tight">{w.title}</Title><p class="muted small">{!unsaved ? w.text : onSave ? t.savesFirst : t.unsaved}</p></div>
      {what === "mail" && <Input label={t.mail.to} type="email" required value={to} onValue={setTo} autocomplete="email" />}
      <div><Button type="submit" busy={busy} disabled={unsaved && !onSave}>{busy ? t.running : unsaved && onSave ? t.saveAnd(w.act) : w.act}</Button></div>
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
      {lines && <Told lines={lines} />}
    </form>
  );
}

function Told({ lines }: { lines: Line[] }) {
  const t = settingsWords.value.check, l = lang.value, bad = lines.find((x) => x.state !== "ok");
  return (
    <div class="stack stack--tight" role="status">
      <ul class="told">
        {lines.map((x) => (
          <li key={x.name} class={x.state === "ok" ? "told__one" : "told__one told__one--bad"}>
            <Icon name={x.state === "ok" ? "check" : "circle-alert"} size="s" />
            <span class="any">{printed(x.detail[l])}{x.state !== "ok" && x.do[l] && <><br /><b>{printed(x.do[l])}</b></>}</span>
          </li>
        ))}
      </ul>
      <p>{bad ? t.stops : t.well}</p>
    </div>
  );
}

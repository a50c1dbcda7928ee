/** One setting: what it is, what it does, its default, who fixes it, and how to undo. */
import { Badge, Button, Field, Icon, Input, lang, Passphrase, Select, Switch } from "@huisclos/ui-kit";
import type { Setting } from "../settings-api.ts";
import { settingName, settingsWords } from "../words/settings.ts";
import type { Drafts } from "./drafts.ts";
import { chosenOf, shown, written } from "./value.ts";

export const fixed = (s: Setting): boolean => !s.console || s.from === "file" || s.from === "command";

export function SettingField({ name, d }: { name: string; d: Drafts }) {
  const t = settingsWords.value, s = d.of(name);
  if (!s) return null;
  const label = settingName(name), hint = t.names[name]?.[1] ?? "", draft = d.texts[name], error = d.wrong?.name === name ? d.wrong.text : null;
  if (fixed(s)) return <Fixed s={s} label={label} hint={hint} />;
  const choice = s.kind === "choice", secret = s.kind === "secret";
  const more = secret ? (s.set ? t.secretSet : t.secretNone) : s.kind === "pem" ? "" : t.byDefault(shown(s.default, choice));
  const said = [hint, s.kind === "list" ? t.lines : "", more].filter(Boolean).join(" ");
  const text = draft === undefined ? (secret ? "" : written(chosenOf(s))) : draft === null ? written(s.default) : draft;
  const put = (v: string | boolean) => d.put(name, v);
  const touched = d.changed.includes(name);
  return (
    <div class="setting" id={`setting-${name}`}>
      <Control s={s} label={label} hint={said} error={error} text={text} put={put} />
      <div class="setting__foot">
        {!s.live && <span class="muted small">{t.restart}</span>}
        {s.chosen !== undefined && <Badge tone="attention">{t.waits}</Badge>}
        {s.why && <span class="small">{s.why[lang.value]}</span>}
        {draft === null && <span class="small">{t.willDefault}</span>}
        {touched && <Button look="quiet" aria-label={t.undoOf(label)} onClick={() => d.undo(name)}>{t.undo}</Button>}
        {!touched && (s.from === "console" || s.set === true) && <Button look="quiet" aria-label={t.toDefaultOf(label)} onClick={() => d.put(name, null)}>{t.toDefault}</Button>}
      </div>
    </div>
  );
}

function Control({ s, label, hint, error, text, put }: { s: Setting; label: string; hint: string; error: string | null; text: string | boolean; put: (v: string | boolean) => void }) {
  const t = settingsWords.value, value = String(text);
  switch (s.kind) {
    case "bool": return <Switch label={label} hint={error ?? hint} on={value === "true"} onChange={put} />;
    case "choice": {
      const role = s.name.endsWith("default_role");
      return <Select label={label} hint={hint} error={error} value={value} onValue={put} options={(s.choices ?? []).map((c) => ({ value: c, label: role && c === "none" ? t.noAccount : t.options[c] ?? c }))} />;
    }
    case "secret": return <Passphrase label={label} hint={hint} error={error} value={value} onValue={put} autocomplete="new-password" />;
    case "list": case "pem": return (
      <Field label={label} hint={hint} error={error}>
        {(tied) => <div class="field__box"><textarea {...tied} class="input" rows={s.kind === "pem" ? 4 : Math.min(4, value.split("\n").reduce((n, line) => n + Math.ceil(Math.max(line.length, 1) / 60), 1))} spellcheck={false} value={value} onInput={(e) => put(e.currentTarget.value)} /></div>}
      </Field>
    );
    default: return <Input label={label} hint={hint} error={error} value={value} onValue={put} spellcheck={false} autocapitalize="none" autocomplete="off" {...(s.kind === "number" ? { inputMode: "numeric" as const } : {})} />;
  }
}

/** What the console cannot change, and who can. */
function Fixed({ s, label, hint }: { s: Setting; label: string; hint: string }) {
  const t = settingsWords.value;
  const by = s.from === "file" ? t.fixed(s.file ?? "huisclos.toml") : s.from === "command" ? t.fixedCommand : t.fileOnly;
  return (
    <dl class="setting setting--fixed">
      <dt>{label}</dt>
      <dd class="stack stack--tight">
        <span class="any">{s.kind === "secret" || s.kind === "pem" ? (s.set ? t.yes : t.no) : shown(s.value, s.kind === "choice")}</span>
        <span class="setting__by"><Icon name="lock" size="s" /><span class="any">{by}</span></span>
        {hint && <span class="muted small">{hint}</span>}
      </dd>
    </dl>
  );
}

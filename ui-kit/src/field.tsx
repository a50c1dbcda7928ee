/** Form parts on native elements. Label, hint and error are tied to their control by id. */
import type { ComponentChildren, JSX, Ref } from "preact";
import { useId, useState } from "preact/hooks";
import { Icon, type IconName } from "./icon.tsx";
import { IconButton } from "./button.tsx";
import { kit } from "./words.ts";

interface FieldProps { label: string; hint?: ComponentChildren; error?: string | null; hideLabel?: boolean }
interface Tied { id: string; "aria-describedby": string | undefined; "aria-invalid": "true" | undefined }

export function Field({ label, hint, error, hideLabel, children }: FieldProps & { children: (tied: Tied) => ComponentChildren }) {
  const id = useId();
  const said = [hint ? `${id}-h` : "", error ? `${id}-e` : ""].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label class={hideLabel ? "unseen" : "field__label"} for={id}>{label}</label>
      {children({ id, "aria-describedby": said || undefined, "aria-invalid": error ? "true" : undefined })}
      {hint && <div class="field__hint" id={`${id}-h`}>{hint}</div>}
      {error && <div class="field__error" id={`${id}-e`} role="alert"><Icon name="circle-alert" size="s" /><span>{error}</span></div>}
    </div>
  );
}

type Native = Omit<JSX.InputHTMLAttributes<HTMLInputElement>, "value" | "onInput" | "icon" | "ref" | "label">;

interface InputProps extends FieldProps, Native {
  value: string;
  onValue: (v: string) => void;
  icon?: IconName;
  innerRef?: Ref<HTMLInputElement>;
}

export function Input({ label, hint, error, hideLabel, value, onValue, icon, innerRef, type = "text", ...rest }: InputProps) {
  return (
    <Field label={label} hint={hint} error={error} hideLabel={hideLabel}>
      {(tied) => (
        <div class="field__box">
          {icon && <Icon name={icon} />}
          <input {...rest} {...tied} ref={innerRef} class="input" type={type} value={value} onInput={(e) => onValue(e.currentTarget.value)} />
        </div>
      )}
    </Field>
  );
}

/** A passphrase can be read back by the person who types it. */
export function Passphrase({ label, hint, error, hideLabel, value, onValue, innerRef, ...rest }: InputProps) {
  const [seen, setSeen] = useState(false);
  return (
    <Field label={label} hint={hint} error={error} hideLabel={hideLabel}>
      {(tied) => (
        <div class="field__box">
          <input {...rest} {...tied} ref={innerRef} class="input" type={seen ? "text" : "password"} value={value} autocapitalize="none" spellcheck={false}
            onInput={(e) => onValue(e.currentTarget.value)} />
          <IconButton name={seen ? kit.value.hide : kit.value.show} icon={seen ? "eye-off" : "eye"} onClick={() => setSeen(!seen)} />
        </div>
      )}
    </Field>
  );
}

export interface Option { value: string; label: string }

export function Select({ label, hint, error, hideLabel, value, onValue, options, icon, disabled }: FieldProps & {
  value: string; onValue: (v: string) => void; options: readonly Option[]; icon?: IconName; disabled?: boolean;
}) {
  return (
    <Field label={label} hint={hint} error={error} hideLabel={hideLabel}>
      {(tied) => (
        <div class="field__box select">
          {icon && <Icon name={icon} />}
          <select {...tied} class="input" value={value} disabled={disabled} onChange={(e) => onValue(e.currentTarget.value)}>
            {options.map((o) => <option key={o.value} value={o.value} selected={o.value === value}>{o.label}</option>)}
          </select>
          <Icon name="chevron-down" />
        </div>
      )}
    </Field>
  );
}

/** Shows `on` and nothing else: what a touch asks for counts when the owner of `on` says so. */
export function Switch({ label, hint, on, onChange, disabled, hideLabel }: { label: string; hint?: string; on: boolean; onChange: (on: boolean) => void; disabled?: boolean; hideLabel?: boolean }) {
  const id = useId();
  return (
    <label class="switch">
      <span class={hideLabel ? "unseen" : undefined}>
        {label}
        {hint && <><br /><span class="muted small" id={id}>{hint}</span></>}
      </span>
      <input type="checkbox" role="switch" checked={on} disabled={disabled} aria-describedby={hint ? id : undefined}
        onChange={(e) => {
          const wanted = e.currentTarget.checked;
          e.currentTarget.checked = on;
          onChange(wanted);
        }} />
    </label>
  );
}

/** Something that a person confirms; nothing happens by it alone. */
export function Check({ label, on, onChange, innerRef }: { label: string; on: boolean; onChange: (on: boolean) => void; innerRef?: Ref<HTMLInputElement> }) {
  return (
    <label class="check">
      <input type="checkbox" checked={on} ref={innerRef} onChange={(e) => onChange(e.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}

/** Two to four choices side by side; radio buttons underneath, so arrows work. */
export function Segments<T extends string>({ label, value, options, onChange }: { label: string; value: T; options: readonly { value: T; label: string }[]; onChange: (v: T) => void }) {
  const id = useId();
  return (
    <fieldset class="segments">
      <legend class="unseen">{label}</legend>
      {options.map((o) => (
        <label key={o.value} class="segments__one">
          <input type="radio" name={id} checked={o.value === value} onChange={() => onChange(o.value)} />
          <span>{o.label}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** A rule that a choice has to meet; the tick and the word say it, the colour only helps. */
export function Rule({ met, children }: { met: boolean; children: ComponentChildren }) {
  return (
    <li class={met ? "rule rule--met" : "rule"}>
      {met ? <Icon name="check" size="s" /> : <span class="rule__dot" aria-hidden="true" />}
      <span>{children}</span>
    </li>
  );
}

/** The code that a room asks for before its door. Right once, it is not asked again for a day. */
import { useRef, useState } from "preact/hooks";
import { Button, Input, lang, Notice, Seal, time } from "@huisclos/ui-kit";
import { api, type Room } from "../api/index.ts";
import { Frame } from "../pages/frame.tsx";
import { asApiError } from "../session.ts";
import { rulesWords } from "../words/rules.ts";

export function AskPIN({ room, onGiven }: { room: Room; onGiven: () => void }) {
  const t = rulesWords.value.ask;
  const [pin, setPIN] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy) return;
    if (pin.trim() === "") { field.current?.focus(); return; }
    setBusy(true);
    setError(null);
    try {
      await api.givePIN(room.id, pin);
      onGiven();
    } catch (cause) {
      const refused = asApiError(cause);
      setError(refused.until ? t.wait(time(refused.until)) : refused.text(lang.value));
      setBusy(false);
      field.current?.select();
    }
  };
  return (
    <Frame>
      <div class="narrow">
        <div class="greeting">
          <Seal state="open" size="l" />
          <h1>{room.name}</h1>
          <p class="muted">{t.lead(room.owner.name)}</p>
        </div>
        <form class="card stack" onSubmit={(e) => void submit(e)}>
          {error && <Notice tone="danger" live><p>{error}</p></Notice>}
          <Input label={t.label} autocomplete="off" autocapitalize="none" spellcheck={false} value={pin} onValue={setPIN} innerRef={field} autofocus />
          <Button look="primary" wide type="submit" busy={busy}>{t.act}</Button>
        </form>
      </div>
    </Frame>
  );
}

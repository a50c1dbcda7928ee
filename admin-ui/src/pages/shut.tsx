/** The console after it was left alone: nothing of it stands on the page, and a proof opens it where it was. */
import { Button, codes, lang, Notice, NotProven, Seal, withProof } from "@huisclos/ui-kit";
import { useState } from "preact/hooks";
import { asApiError, shut, signOut } from "../session.ts";
import { Entrance } from "../shell.tsx";
import { words } from "../words/console.ts";

export function Shut() {
  const t = words.value.shut;
  const [said, setSaid] = useState<string | null>(null);
  const open = async () => {
    let proved = false;
    setSaid(null);
    try {
      // The dialog that asks before sensitive acts asks here too: the act is to come back.
      await withProof(async () => {
        if (proved) return;
        proved = true;
        throw Object.assign(new Error("the console was left alone"), { code: codes.proofNeeded });
      });
      shut.value = false;
    } catch (e) { if (!(e instanceof NotProven)) setSaid(asApiError(e).text(lang.value)); }
  };
  return (
    <Entrance>
      <div class="greeting"><Seal state="sealed" size="l" /><h1>{t.title}</h1><p class="muted">{t.text}</p></div>
      <div class="stack">
        {said && <Notice tone="danger" live><p>{said}</p></Notice>}
        <Button look="primary" large wide onClick={() => void open()}>{t.open}</Button>
        <Button look="quiet" onClick={() => void signOut()}>{words.value.signOut}</Button>
      </div>
    </Entrance>
  );
}

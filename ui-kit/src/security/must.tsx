import { useState } from "preact/hooks";
import { Button } from "../button.tsx";
import { toast } from "../notice.tsx";
import { passkeysUsable } from "../passkey.ts";
import { Seal } from "../seal.tsx";
import { Enrolling } from "./enrol.tsx";
import { keys } from "./passkey-words.ts";
import { AddingPasskey } from "./passkeys.tsx";
import type { Person } from "./port.ts";
import { StepLevel } from "./step.tsx";
import { own } from "./words.ts";

/**
 * The passphrase that somebody gave at the door a moment ago, for the set-up of a second factor that the rules ask for
 * now. It stays in the memory of this page, is taken once, and is gone with the page.
 */
let typed = "";
export function keepTyped(passphrase: string): void { typed = passphrase; }
function takeTyped(): string {
  const was = typed;
  typed = "";
  return was;
}

/** All that an account sees whose role needs a second factor and which has none: setting it up, or leaving. */
export function MustEnrol({ me, onDone, onSignOut }: { me: Person; onDone: () => Promise<void>; onSignOut: () => void }) {
  const t = own.value.must;
  return (
    <>
      <div class="greeting"><Seal state="open" size="l" /><h1>{t.title}</h1><p class="muted">{t.lead}</p></div>
      <EnrolCard me={me} onDone={onDone} onSignOut={onSignOut} />
    </>
  );
}

/** The set-up alone, where a page around it says why. Once there are recovery codes to keep, nothing leads away from them. */
export function EnrolCard({ me, onDone, onSignOut }: { me: Person; onDone: () => Promise<void>; onSignOut: () => void }) {
  const [first] = useState(takeTyped);
  // Where there can be one, a passkey does as well; the passphrase of a moment ago is for one of the two.
  const [byPasskey, setByPasskey] = useState(passkeysUsable);
  const [typed, setTyped] = useState(first);
  const [on, setOn] = useState(false);
  const other = () => { setTyped(""); setByPasskey(!byPasskey); };
  return (
    <>
      <section class="card stack" aria-label={own.value.factor.title}>
        <StepLevel.Provider value={2}>
          {byPasskey
            ? <AddingPasskey me={me} factors={null} typed={typed} onOn={() => setOn(true)} onDone={() => { toast(keys.value.added); void onDone(); }} />
            : <Enrolling me={me} typed={typed} onOn={() => setOn(true)} onMoved={() => void onDone()} onDone={() => { toast(own.value.factor.kept); void onDone(); }} />}
        </StepLevel.Provider>
        {!on && passkeysUsable() && <div><Button look="quiet" onClick={other}>{byPasskey ? keys.value.insteadCode : keys.value.instead}</Button></div>}
      </section>
      {!on && <p class="after-card"><Button look="quiet" onClick={onSignOut}>{own.value.must.signOut}</Button></p>}
    </>
  );
}

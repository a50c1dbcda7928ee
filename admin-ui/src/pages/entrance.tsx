/** The way into the console. */
import { LinkButton, MustEnrol, Seal, SignInForm } from "@huisclos/ui-kit";
import { own, type Me } from "../api.ts";
import { base } from "../route.ts";
import { ask, asApiError, signedIn, signOut } from "../session.ts";
import { Entrance } from "../shell.tsx";
import { words } from "../words/console.ts";

export function SignIn({ setupNeeded }: { setupNeeded: boolean }) {
  const t = words.value.signIn;
  return (
    <Entrance>
      <div class="greeting"><Seal state="sealed" size="l" /><h1>{t.title}</h1></div>
      {setupNeeded
        ? <div class="card stack"><p>{t.setup}</p><LinkButton href={`${base}/setup`} look="primary" wide>{t.setupAct}</LinkButton></div>
        : <SignInForm login={own.login} door={own} refusal={asApiError} onIn={(answer, passphrase) => signedIn(answer.me, passphrase, answer.recoveryLeft)} />}
    </Entrance>
  );
}

/** The rules ask for a second factor: whatever the address says, this stands in its place until it is set up. */
export function Enrol({ me }: { me: Me["account"] }) {
  return <Entrance wide><MustEnrol me={me} onDone={ask} onSignOut={() => void signOut()} /></Entrance>;
}

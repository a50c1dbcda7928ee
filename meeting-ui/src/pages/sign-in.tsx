import { LinkButton, Seal, SignInForm } from "@huisclos/ui-kit";
import { api } from "../api/index.ts";
import { asApiError, signedIn } from "../session.ts";
import { desk } from "../words/desk.ts";
import { Frame } from "./frame.tsx";

export function SignIn({ setupNeeded, toRoom }: { setupNeeded: boolean; toRoom: boolean }) {
  const t = desk.value.signIn;
  return (
    <Frame>
      <div class="narrow">
        <div class="greeting">
          <Seal state="sealed" size="l" />
          <h1>{toRoom ? t.toRoom : t.title}</h1>
          <p class="muted">{t.lead}</p>
        </div>
        {setupNeeded ? (
          <div class="card stack"><p>{t.setup}</p><LinkButton href="/console/setup" look="primary" wide>{t.setupAct}</LinkButton></div>
        ) : (
          <SignInForm login={api.login} door={api} refusal={asApiError} onIn={(answer, passphrase) => signedIn(answer.me, passphrase, answer.recoveryLeft)}>
            <p class="muted small">{t.forgotten}</p>
          </SignInForm>
        )}
      </div>
    </Frame>
  );
}

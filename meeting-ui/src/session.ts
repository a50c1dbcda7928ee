/** Who is signed in, as the server says. */
import { effect, signal } from "@preact/signals";
import { agreeOnLang, keepTyped, NotProven, type Security } from "@huisclos/ui-kit";
import { api, ApiError, codes, type Me } from "./api/index.ts";

export type Session = { state: "asking" } | { state: "out"; setupNeeded: boolean } | { state: "in"; me: Me } | { state: "failed"; error: ApiError };
export const session = signal<Session>({ state: "asking" });

/** After a sign-in by a recovery code: how many are left. Said until the person has taken note. */
export const recoveryLeft = signal<number | null>(null);

export async function ask(): Promise<void> {
  try {
    session.value = { state: "in", me: await api.me() };
  } catch (e) {
    const error = asApiError(e);
    session.value = error.code === "not-signed-in" ? { state: "out", setupNeeded: error.setupNeeded } : { state: "failed", error };
  }
}

/** passphrase: what was given at the door. A second factor that has to be set up now needs it once more; nothing else does. */
export function signedIn(me: Me, passphrase: string, left: number | null = null): void {
  if (me.must) keepTyped(passphrase);
  recoveryLeft.value = left;
  session.value = { state: "in", me };
}

/** Asks the server whether the session counts still; while somebody is there, that keeps it. */
export const stay = (): Promise<unknown> => api.me().catch(asApiError);

export async function signOut(): Promise<void> {
  await api.logout();
  recoveryLeft.value = null;
  session.value = { state: "out", setupNeeded: false };
}

/** Every failure a page shows has a sentence; one that is not the API's is a fault of the page. */
export function asApiError(e: unknown): ApiError {
  if (e instanceof NotProven) return new ApiError(0, e.code, e.text(), e.text());
  if (e instanceof ApiError) {
    if (e.code === "not-signed-in" && session.value.state === "in") session.value = { state: "out", setupNeeded: false };
    // The rules became stricter, or the factor was taken away, while the page was open: what is left is to set one up.
    if (e.code === codes.factorRequired && session.value.state === "in" && !session.value.me.must) void ask();
    return e;
  }
  return new ApiError(0, "page", "Cette page a rencontré un problème. Rechargez-la.", "Something went wrong on this page. Reload it.");
}

/** The language that is chosen here is that of mails too. One that can't be kept now is kept at the next choice or sign-in: the page has changed already. */
effect(() => {
  const s = session.value;
  if (s.state !== "in" || s.me.must) return;
  agreeOnLang(s.me.account.language, async (language) => {
    try {
      await api.keepLanguage(language);
      const now = session.peek();
      if (now.state === "in") session.value = { state: "in", me: { ...now.me, account: { ...now.me.account, language } } };
    } catch (e) { asApiError(e); }
  });
});

/** What the pages about one's own account work with. */
export const security: Security = { api, refusal: asApiError, recoveryRenewed: () => { recoveryLeft.value = null; } };

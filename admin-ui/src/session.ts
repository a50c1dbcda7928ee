/** Who administers, and how the appliance is: asked every ten seconds while the page is looked at. */
import { effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { agreeOnLang, keepTyped, NotProven, type Security } from "@huisclos/ui-kit";
import { admin, ApiError, codes, own, type Me, type Status } from "./api.ts";

export type Session = { state: "asking" } | { state: "out"; setupNeeded: boolean } | { state: "in"; me: Me } | { state: "failed"; error: ApiError };
export const session = signal<Session>({ state: "asking" });
/** After a sign-in by a recovery code: how many are left. Said until the person has taken note. */
export const recoveryLeft = signal<number | null>(null);
export const status = signal<{ last: Status | null; lost: boolean }>({ last: null, lost: false });

export async function ask(): Promise<void> {
  try {
    session.value = { state: "in", me: await own.me() };
  } catch (e) {
    const error = asApiError(e);
    session.value = error.code === "not-signed-in" ? { state: "out", setupNeeded: error.setupNeeded } : { state: "failed", error };
  }
}

/** passphrase: what was given at the door. A second factor that has to be set up now needs it once more; nothing else does. */
export function signedIn(m: Me, passphrase: string, left: number | null = null): void {
  if (m.must) keepTyped(passphrase);
  shut.value = false;
  recoveryLeft.value = left;
  session.value = { state: "in", me: m };
}

/** The console was left alone: nothing of it is shown before its owner has proved that it is them. */
export const shut = signal(false);

export async function signOut(): Promise<void> {
  await own.logout();
  recoveryLeft.value = null;
  shut.value = false;
  session.value = { state: "out", setupNeeded: false };
}

export function asApiError(e: unknown): ApiError {
  if (e instanceof NotProven) return new ApiError(0, e.code, e.text(), e.text());
  if (e instanceof ApiError) {
    // An administrator's session is short: the page goes back to the door by itself.
    if (e.code === "not-signed-in" && session.value.state === "in") session.value = { state: "out", setupNeeded: false };
    if (e.code === codes.consoleIdle && session.value.state === "in") shut.value = true;
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
      await own.keepLanguage(language);
      const now = session.peek();
      if (now.state === "in") session.value = { state: "in", me: { ...now.me, account: { ...now.me.account, language } } };
    } catch (e) { asApiError(e); }
  });
});

/** What the pages about one's own account work with. */
export const security: Security = { api: own, refusal: asApiError, recoveryRenewed: () => { recoveryLeft.value = null; } };

/** Runs now and then every so many milliseconds, not while the page is hidden, never twice at once. */
export function useEvery(ms: number, act: () => Promise<unknown>, deps: readonly unknown[] = []): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined, over = false;
    const run = async () => {
      if (!document.hidden) await act();
      if (!over) timer = setTimeout(() => void run(), ms);
    };
    void run();
    return () => { over = true; clearTimeout(timer); };
  }, deps);
}

export async function askStatus(): Promise<void> {
  try {
    status.value = { last: await admin.status(), lost: false };
  } catch (e) {
    asApiError(e);
    status.value = { ...status.value, lost: true };
  }
}

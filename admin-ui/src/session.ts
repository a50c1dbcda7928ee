/** Who administers, and how the appliance is: asked every ten seconds while the page is looked at. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { admin, ApiError, logout, me, type Status } from "./api.ts";

type Me = Awaited<ReturnType<typeof me>>;
export type Session = { state: "asking" } | { state: "out"; setupNeeded: boolean } | { state: "in"; me: Me } | { state: "failed"; error: ApiError };
export const session = signal<Session>({ state: "asking" });
/** After a sign-in by a recovery code: how many are left. Said until the person has taken note. */
export const recoveryLeft = signal<number | null>(null);
export const status = signal<{ last: Status | null; lost: boolean }>({ last: null, lost: false });

export async function ask(): Promise<void> {
  try {
    session.value = { state: "in", me: await me() };
  } catch (e) {
    const error = asApiError(e);
    session.value = error.code === "not-signed-in" ? { state: "out", setupNeeded: error.setupNeeded } : { state: "failed", error };
  }
}

export function signedIn(m: Me, left: number | null = null): void {
  recoveryLeft.value = left;
  session.value = { state: "in", me: m };
}

export async function signOut(): Promise<void> {
  await logout();
  recoveryLeft.value = null;
  session.value = { state: "out", setupNeeded: false };
}

export function asApiError(e: unknown): ApiError {
  if (e instanceof ApiError) {
    // An administrator's session is short: the page goes back to the door by itself.
    if (e.code === "not-signed-in" && session.value.state === "in") session.value = { state: "out", setupNeeded: false };
    return e;
  }
  return new ApiError(0, "page", "Cette page a rencontré un problème. Rechargez-la.", "Something went wrong on this page. Reload it.");
}

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

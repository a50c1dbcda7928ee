/** The way in by a passkey: a button, and where the browser has it, an offer in the field for the address. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../button.tsx";
import { canOffer, getPasskey, passkeysUsable, PasskeyTrouble } from "../passkey.ts";
import { keys } from "./passkey-words.ts";

/** What a client asks of the server. */
export interface PasskeyDoor<T> {
  passkeyOptions(): Promise<unknown>;
  passkeyLogin(credential: object, email?: string): Promise<T>;
}

/** A challenge counts for five minutes: an offer is made anew before. */
const anew = 4 * 60_000;

/** The offer stands while the form does. Its end is no failure: nobody chose anything. */
export function useOffer<T>(door: PasskeyDoor<T>, onIn: (answer: T) => void, onFailed: (e: unknown) => void): { stop: () => void } {
  const running = useRef<AbortController | null>(null);
  const latest = useRef({ onIn, onFailed });
  latest.current = { onIn, onFailed };
  useEffect(() => {
    if (!passkeysUsable()) return;
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const offer = async () => {
      const abort = new AbortController();
      running.current = abort;
      timer = setTimeout(() => { abort.abort(); void offer(); }, anew);
      try {
        const credential = await getPasskey(await door.passkeyOptions(), abort.signal);
        clearTimeout(timer);
        const answer = await door.passkeyLogin(credential);
        if (!over) latest.current.onIn(answer);
      } catch (e) {
        if (over || abort.signal.aborted) return;
        clearTimeout(timer);
        // Without an offer there is the button still.
        if (!(e instanceof PasskeyTrouble)) latest.current.onFailed(e);
      }
    };
    void canOffer().then((can) => { if (can && !over) void offer(); });
    return () => { over = true; clearTimeout(timer); running.current?.abort(); };
  }, []);
  return { stop: () => running.current?.abort() };
}

/** Asks for a passkey and signs in with it; email, at the second step, is whose it has to be. */
export function PasskeyButton<T>({ door, email, label, primary, onBegin, onIn, onFailed }: {
  door: PasskeyDoor<T>; email?: string; label?: string; primary?: boolean;
  /** Browsers answer one question at a time: an offer ends before. */
  onBegin?: () => void; onIn: (answer: T) => void; onFailed: (e: unknown) => void;
}) {
  const [busy, setBusy] = useState(false);
  const go = async () => {
    if (busy) return;
    setBusy(true);
    onBegin?.();
    try {
      const answer = await door.passkeyLogin(await getPasskey(await door.passkeyOptions()), email);
      onIn(answer);
    } catch (e) { onFailed(e); } finally { setBusy(false); }
  };
  return <Button look={primary ? "primary" : "plain"} icon="fingerprint-pattern" wide busy={busy} onClick={() => void go()}>{label ?? keys.value.signIn}</Button>;
}

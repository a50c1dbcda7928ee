/**
 * What somebody from outside signs in with from now on: a passkey first, where there can be one, and a passphrase else. It stands in a form,
 * whose submission is the act.
 */
import { useState } from "preact/hooks";
import { browserName, Button, Passphrase, Rules, type Chooser } from "@huisclos/ui-kit";
import { browserHasPasskeys, passkeysHere, passkeysUsable } from "@huisclos/ui-kit/passkey.ts";
import { guestWords } from "../words/guests.ts";

export interface Chosen { byKey: boolean; setByKey: (on: boolean) => void; passphrase: string; setPassphrase: (v: string) => void }

export function useWay(allowed = true): Chosen {
  const [wish, setByKey] = useState(true);
  const [passphrase, setPassphrase] = useState("");
  return { byKey: wish && allowed && passkeysUsable(), setByKey, passphrase, setPassphrase };
}

/** What a new passkey is called until its owner renames it. */
export const keyName = (): string => browserName(navigator.userAgent) ?? guestWords.peek().way.name;

export function Way({ way, who, why, byKey, act, busy, here, allowed = true }: {
  way: Chosen; who: Chooser; why?: string; busy: boolean;
  /** What the two buttons say. */
  byKey: string; act: string;
  /** This page's own address, for who can have a passkey by another host name only. */
  here: string;
  /** Whether a passkey can be chosen at all. */
  allowed?: boolean;
}) {
  const t = guestWords.value.way;
  if (way.byKey) {
    return (
      <>
        <p class="muted small">{t.key}</p>
        <Button look="primary" large wide icon="fingerprint-pattern" type="submit" busy={busy}>{byKey}</Button>
        <div><Button look="quiet" disabled={busy} onClick={() => way.setByKey(false)}>{t.instead}</Button></div>
      </>
    );
  }
  const usable = passkeysUsable(), { reason, at } = passkeysHere.value;
  const not = allowed && !usable && (!passkeysHere.value.possible ? t.not[reason ?? "noName"] : !browserHasPasskeys() ? t.not.browser : null);
  return (
    <>
      {why && <p class="muted small">{why}</p>}
      <Passphrase label={t.passphrase} autocomplete="new-password" required value={way.passphrase} onValue={way.setPassphrase} hint={<Rules passphrase={way.passphrase} who={who} />} />
      <Button look="primary" large wide type="submit" busy={busy}>{act}</Button>
      {allowed && usable && <div><Button look="quiet" disabled={busy} onClick={() => way.setByKey(true)}>{t.insteadKey}</Button></div>}
      {not && <p class="muted small">{not}{reason === "otherName" && at && <> <a href={at + here}>{t.there}</a></>}</p>}
    </>
  );
}

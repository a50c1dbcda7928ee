/** The way in by the organisation's own provider, the way out of it, and a proof by signing in there again. */
import { useEffect, useState } from "preact/hooks";
import { Button, LinkButton } from "../button.tsx";
import { Notice } from "../notice.tsx";
import { keepWay, leaving, onProven, provider } from "../provider.ts";
import { providerWords } from "./provider-words.ts";

/** What a client asks of the server. */
export interface ProviderDoor {
  providerStart(purpose: "signIn" | "prove"): Promise<{ url: string; state: string }>;
}

/** What people call it. */
export const providerName = (): string => provider.value?.name ?? "";

/** One button, where the settings name a provider; what was asked for before stays asked for. */
export function ProviderButton({ door, onBegin, onFailed }: { door: ProviderDoor; onBegin?: () => void; onFailed: (e: unknown) => void }) {
  const t = providerWords.value, p = provider.value;
  const [busy, setBusy] = useState(false);
  // Whoever comes back by the browser's own button finds the page as it was left, in its cache.
  useEffect(() => {
    const shown = () => setBusy(false);
    addEventListener("pageshow", shown);
    return () => removeEventListener("pageshow", shown);
  }, []);
  if (!p) return null;
  const here = location.pathname + location.search + location.hash;
  const go = async () => {
    if (busy) return;
    if (p.at) { location.assign(p.at + here); return; }
    setBusy(true);
    onBegin?.();
    try {
      const { url, state } = await door.providerStart("signIn");
      keepWay(state, here);
      location.assign(url);
    } catch (e) { setBusy(false); onFailed(e); }
  };
  return (
    <div class="stack stack--tight">
      {p.preset === "proconnect"
        ? <ProConnect busy={busy} onClick={() => void go()} />
        : <Button look="primary" icon="log-in" large wide busy={busy} onClick={() => void go()}>{t.signIn(p.name)}</Button>}
      {p.at && <p class="muted small any">{t.otherAddress(p.at)}</p>}
    </div>
  );
}

/** As ProConnect asks services to show it: its wording, in French, on its blue, and the link beneath. Nothing is fetched; the mark of the State is not ours to redraw. */
function ProConnect({ busy, onClick }: { busy: boolean; onClick: () => void }) {
  const t = providerWords.value;
  return (
    <div class="proconnect">
      <button type="button" class="proconnect__button" aria-busy={busy ? "true" : undefined} onClick={onClick} lang="fr">
        <span>{t.identify}</span> <b>{t.proConnect}</b>
      </button>
      <a class="small" href="https://www.proconnect.gouv.fr/" target="_blank" rel="noopener noreferrer" title={`${t.what} – ${t.newWindow}`}>{t.what}</a>
    </div>
  );
}

/** After signing out here, where the provider still knows the person. */
export function StillIn() {
  const t = providerWords.value, url = leaving.value;
  if (!url) return null;
  return <Notice live><p>{t.still(providerName())}</p><p><LinkButton href={url}>{t.leave(providerName())}</LinkButton></p></Notice>;
}

/** In the place of a passphrase that is the provider's: it asks again, in a window of its own, so that nothing that was typed here is lost. */
export function ProviderProof({ primary, said, onDone }: { primary?: boolean; said?: string; onDone: () => void }) {
  const t = providerWords.value;
  useEffect(() => onProven(onDone), [onDone]);
  return (
    <>
      <p>{said ?? t.confirmText(providerName())}</p>
      <p><a class={primary ? "button button--primary" : "button"} href="/oidc/prove" target="_blank" rel="noopener"><span>{t.confirm(providerName())}</span></a></p>
    </>
  );
}

/** The activation link, which is shown once; and what is said of an act that waits for an officer. */
import { Button, copy, dateTime, Dialog, LinkButton, Notice } from "@huisclos/ui-kit";
import type { Activation, Proposal } from "../api.ts";
import { base } from "../route.ts";
import { words } from "../words/console.ts";
import { roleWords } from "../words/roles.ts";
import { LinkSent } from "./mail.tsx";

export function LinkOnce({ link, onClose }: { link: { name: string; activation: Activation } | null; onClose: () => void }) {
  const t = words.value.people;
  const url = link?.activation.url;
  if (link?.activation.mailed) return <LinkSent link={link} onClose={onClose} />;
  return (
    <Dialog open={link !== null} title={t.linkTitle} onClose={onClose}>
      <p>{t.linkFor(link?.name ?? "")}</p>
      <p class="once code" tabIndex={0}>{url}</p>
      <p class="muted small">{link && t.linkExpires(dateTime(link.activation.expires))}</p>
      <Notice tone="attention"><p>{t.linkOnce}</p></Notice>
      <div class="dialog__acts">
        <Button onClick={onClose}>{t.linkDone}</Button>
        <Button look="primary" icon="copy" onClick={() => { if (url) void copy(url); }}>{t.linkCopy}</Button>
      </div>
    </Dialog>
  );
}

export function ProposedDialog({ proposal, onClose }: { proposal: Proposal | null; onClose: () => void }) {
  const t = roleWords.value.proposed;
  return (
    <Dialog open={proposal !== null} title={t.title} onClose={onClose} small>
      <p>{proposal?.waits ? t.waits : t.text}</p>
      <div class="dialog__acts">
        <LinkButton href={`${base}/proposals`}>{t.see}</LinkButton>
        <Button look="primary" onClick={onClose} autofocus>{words.value.understood}</Button>
      </div>
    </Dialog>
  );
}

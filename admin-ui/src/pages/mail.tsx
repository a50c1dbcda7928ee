/** Mail: whether a link is sent, what is said of one that was, and how sending goes. */
import { ago, Button, count, dateTime, Dialog, Switch } from "@huisclos/ui-kit";
import type { Activation, Mail } from "../api.ts";
import { status } from "../session.ts";
import { mailWords } from "../words/mail.ts";

/** Whether mails leave from this appliance, as far as it has said. */
export const mailOn = () => status.value.last?.mail.on === true;

/** Stands only where mails leave. */
export function SendByMail({ on, onChange }: { on: boolean; onChange: (on: boolean) => void }) {
  const t = mailWords.value;
  return mailOn() ? <Switch label={t.send} hint={t.sendHint} on={on} onChange={onChange} /> : null;
}

export function LinkSent({ link, onClose }: { link: { name: string; activation: Activation } | null; onClose: () => void }) {
  const t = mailWords.value;
  return (
    <Dialog open={link !== null} title={t.sentTitle} onClose={onClose}>
      <p>{t.sentTo(link?.name ?? "")}</p>
      <p class="muted small">{t.sentHint}</p>
      <div class="dialog__acts"><Button look="primary" onClick={onClose}>{t.done}</Button></div>
    </Dialog>
  );
}

export function MailCard({ mail }: { mail: Mail }) {
  const t = mailWords.value;
  return (
    <section class="card" aria-labelledby="part-mail">
      <h2 id="part-mail" class="part-title">{t.title}</h2>
      {mail.on ? (
        <dl class="facts">
          <dt>{t.waiting}</dt><dd>{mail.waiting === 0 ? t.none : t.waitingNow(mail.waiting)}{mail.oldest && <span class="muted"> ({t.oldest(dateTime(mail.oldest))})</span>}</dd>
          <dt>{t.sent}</dt><dd>{mail.sent ? ago(mail.sent) : t.never}</dd>
          {mail.givenUp > 0 && <><dt>{t.givenUp}</dt><dd>{count(mail.givenUp)} <span class="muted small">{t.givenUpHint}</span></dd></>}
        </dl>
      ) : <p class="muted">{t.off}</p>}
    </section>
  );
}

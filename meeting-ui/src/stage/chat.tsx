import { useEffect, useRef, useState } from "preact/hooks";
import { Avatar, Empty, Icon, IconButton, time } from "@huisclos/ui-kit";
import { maxChatBytes, type ChatMessage } from "../call/state.ts";
import { callWords } from "../words/call.ts";
import { profileWords } from "../words/profile.ts";
import type { Meeting } from "./view.ts";

const bytes = (text: string) => new TextEncoder().encode(text).length;

export function Chat({ meeting }: { meeting: Meeting }) {
  const t = callWords.value.panel;
  const messages = meeting.chat.value;
  const [text, setText] = useState("");
  const end = useRef<HTMLDivElement>(null);
  const tooLong = bytes(text) > maxChatBytes;
  useEffect(() => { end.current?.scrollIntoView({ block: "end" }); }, [messages.length]);
  const held = meeting.heldBack.value;
  const send = () => {
    const said = text.trim();
    if (!said || tooLong || held) return;
    setText("");
    void meeting.send(said);
  };
  return (
    <>
      <div class="panel__body chat" role="log" aria-label={t.chat} tabIndex={0}>
        {messages.length === 0 && <Empty title={t.chatEmpty} level={3}><p>{t.chatHint}</p></Empty>}
        {messages.map((m, i) => <Message key={m.id} message={m} follows={follows(messages[i - 1], m)} />)}
        <div ref={end} />
      </div>
      <form class="chat__form" onSubmit={(e) => { e.preventDefault(); send(); }}>
        <label class="unseen" for="chat-text">{t.write}</label>
        <div class="field__box">
          <textarea id="chat-text" class="input" rows={Math.min(5, text.split("\n").length)} value={text} placeholder={t.write} aria-invalid={tooLong ? "true" : undefined}
            onInput={(e) => setText(e.currentTarget.value)}
            onKeyDown={(e) => { if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); send(); } }} />
          <IconButton name={t.send} icon="send-horizontal" type="submit" disabled={!text.trim() || tooLong || held} />
        </div>
        {held && <p class="field__error" role="status">{profileWords.value.heldChat}</p>}
        {tooLong && <p class="field__error" role="alert">{t.tooLong}</p>}
      </form>
    </>
  );
}

/** Messages of one person within two minutes stand under one name. */
function follows(before: ChatMessage | undefined, m: ChatMessage): boolean {
  return before !== undefined && before.account === m.account && before.leaf === m.leaf && m.time - before.time < 120_000;
}

function Message({ message: m, follows }: { message: ChatMessage; follows: boolean }) {
  const t = callWords.value.panel;
  return (
    <article class={`message${m.me ? " message--me" : ""}${follows ? " message--follows" : ""}`}>
      {!follows && (
        <p class="message__head">
          <Avatar name={m.name} of={m.account} size="small" />
          <b class="cut">{m.me ? t.you : m.name}</b>
          <time class="muted small figures" dateTime={new Date(m.time).toISOString()}>{time(m.time)}</time>
        </p>
      )}
      <p class="message__text">{m.text}</p>
      {m.failed ? <p class="message__state message__state--failed"><Icon name="circle-alert" size="s" /><span>{t.failed}</span></p>
        : m.pending && <p class="message__state muted">{t.sending}</p>}
    </article>
  );
}

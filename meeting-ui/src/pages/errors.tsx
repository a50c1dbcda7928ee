import { Component, type ComponentChildren } from "preact";
import { Button, Empty, lang, LinkButton, Seal } from "@huisclos/ui-kit";
import type { ApiError } from "../api/index.ts";
import { desk } from "../words/desk.ts";

export function Sentence({ title, text, act }: { title: string; text: string; act?: ComponentChildren }) {
  return <Empty title={title} level={1} picture={<Seal state="open" size="l" />}><p>{text}</p>{act ?? <LinkButton href="/">{desk.value.notFound.act}</LinkButton>}</Empty>;
}

/** What the server said, and a way on. */
export function Failed({ error, onRetry }: { error: ApiError; onRetry: () => void }) {
  const text = error.text(lang.value);
  const i = text.indexOf(". ");
  const title = i > 0 ? text.slice(0, i) : text.replace(/\.$/, "");
  return <Sentence title={title} text={i > 0 ? text.slice(i + 2) : ""}
    act={error.status === 404 || error.status === 403 ? <LinkButton href="/">{desk.value.notFound.act}</LinkButton> : <Button look="primary" onClick={onRetry}>{desk.value.retry}</Button>} />;
}

/** A fault of the page itself. The cause goes to the browser's console, never to the server. */
export class Guard extends Component<{ children: ComponentChildren }, { broken: boolean }> {
  override state = { broken: false };
  override componentDidCatch(cause: unknown) { console.error(cause); this.setState({ broken: true }); }
  override render() {
    if (!this.state.broken) return this.props.children;
    const t = desk.value.broken;
    return <main id="main" class="desk__main"><Sentence title={t.title} text={t.text} act={<Button look="primary" onClick={() => location.reload()}>{desk.value.reload}</Button>} /></main>;
  }
}

import { Component, type ComponentChildren } from "preact";
import { Button, Empty, lang, LinkButton, Seal } from "@huisclos/ui-kit";
import type { ApiError } from "../api.ts";
import { base } from "../route.ts";
import { words } from "../words/console.ts";

export function Sentence({ title, text, act }: { title: string; text: string; act: ComponentChildren }) {
  return <Empty title={title} level={1} picture={<Seal state="open" size="l" />}><p>{text}</p>{act}</Empty>;
}

export function NotFound() {
  const t = words.value.notFound;
  return <Sentence title={t.title} text={t.text} act={<LinkButton href={`${base}/`}>{t.act}</LinkButton>} />;
}

export function Failed({ error, onRetry }: { error: ApiError; onRetry: () => void }) {
  const text = error.text(lang.value);
  const i = text.indexOf(". ");
  return <Sentence title={i > 0 ? text.slice(0, i) : text.replace(/\.$/, "")} text={i > 0 ? text.slice(i + 2) : ""} act={<Button look="primary" onClick={onRetry}>{words.value.retry}</Button>} />;
}

export class Guard extends Component<{ children: ComponentChildren }, { broken: boolean }> {
  override state = { broken: false };
  override componentDidCatch(cause: unknown) { console.error(cause); this.setState({ broken: true }); }
  override render() {
    if (!this.state.broken) return this.props.children;
    const t = words.value.broken;
    return <main id="main"><Sentence title={t.title} text={t.text} act={<Button look="primary" onClick={() => location.reload()}>{t.act}</Button>} /></main>;
  }
}

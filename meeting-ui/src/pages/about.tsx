import { Notice, Seal } from "@huisclos/ui-kit";
import { about } from "../words/about.ts";
import { Frame } from "./frame.tsx";

/** Open to everybody, signed in or not. */
export function About() {
  const t = about.value;
  return (
    <Frame>
      <article class="about">
        <Seal state="sealed" size="l" />
        <h1>{t.title}</h1>
        <p class="about__lead">{t.lead}</p>
        {t.parts.map((part) => (
          <section key={part.title}>
            <h2>{part.title}</h2>
            <ul>{part.items.map((i) => <li key={i}>{i}</li>)}</ul>
          </section>
        ))}
        <Notice title={t.standards}><p>{t.standardsText}</p></Notice>
      </article>
    </Frame>
  );
}

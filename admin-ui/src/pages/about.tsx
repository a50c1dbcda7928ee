import { status } from "../session.ts";
import { Head } from "../shell.tsx";
import { words } from "../words/console.ts";

export function About() {
  const t = words.value.info;
  return (
    <>
      <Head title={t.title} />
      <div class="stack stack--loose info">
        {t.parts.map(([title, items]) => (
          <section key={title} class="stack stack--tight"><h2>{title}</h2><ul>{items.map((i) => <li key={i}>{i}</li>)}</ul></section>
        ))}
        <p><a href="/about">{t.safety}</a></p>
        {status.value.last && <p class="muted">Huis Clos {status.value.last.version}</p>}
      </div>
    </>
  );
}

/** What the organisation says of itself at the foot of a page: whom to ask, its legal text, what happens with one's data. */
import { signal } from "@preact/signals";
import { appearance, inWords } from "./appearance.ts";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { dictionary } from "./i18n.ts";

export const houseWords = dictionary(
  { legal: "Mentions légales", privacy: "Données personnelles", contact: "Contact", close: "Fermer" },
  { legal: "Legal notice", privacy: "Personal data", contact: "Contact", close: "Close" },
);

/** What is being read, on which page. Not a part of the component: the page around it changes once it is known who has come, and whoever reads goes on. */
const reading = signal<{ text: "legal" | "privacy"; at: string } | null>(null);

export function House() {
  const t = houseWords.value, a = appearance.value;
  const open = reading.value?.at === location.pathname ? reading.value.text : null;
  const close = () => { reading.value = null; };
  const texts = (["legal", "privacy"] as const).filter((k) => inWords(a[k]) !== "");
  if (texts.length === 0 && a.contact === "") return null;
  return (
    <div class="house small">
      {a.contact && <p class="house__contact muted">{t.contact} : {a.contact.split("\n").join(" · ")}</p>}
      {texts.map((k) => <Button key={k} look="quiet" onClick={() => { reading.value = { text: k, at: location.pathname }; }}>{t[k]}</Button>)}
      <Dialog open={open !== null} title={open ? t[open] : ""} onClose={close}>
        <div class="house__text">{open ? inWords(a[open]) : ""}</div>
        <div class="dialog__acts"><Button look="primary" onClick={close}>{t.close}</Button></div>
      </Dialog>
    </div>
  );
}

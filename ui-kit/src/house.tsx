/** What the organisation says of itself at the foot of a page: whom to ask, its legal text, what happens with one's data. */
import { useState } from "preact/hooks";
import { appearance, inWords } from "./appearance.ts";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { dictionary } from "./i18n.ts";

export const houseWords = dictionary(
  { legal: "Mentions légales", privacy: "Données personnelles", contact: "Contact", close: "Fermer" },
  { legal: "Legal notice", privacy: "Personal data", contact: "Contact", close: "Close" },
);

export function House() {
  const t = houseWords.value, a = appearance.value;
  const [open, setOpen] = useState<"legal" | "privacy" | null>(null);
  const texts = (["legal", "privacy"] as const).filter((k) => inWords(a[k]) !== "");
  if (texts.length === 0 && a.contact === "") return null;
  return (
    <div class="house small">
      {a.contact && <p class="house__contact muted">{t.contact} : {a.contact.split("\n").join(" · ")}</p>}
      {texts.map((k) => <Button key={k} look="quiet" onClick={() => setOpen(k)}>{t[k]}</Button>)}
      <Dialog open={open !== null} title={open ? t[open] : ""} onClose={() => setOpen(null)}>
        <div class="house__text">{open ? inWords(a[open]) : ""}</div>
        <div class="dialog__acts"><Button look="primary" onClick={() => setOpen(null)}>{t.close}</Button></div>
      </Dialog>
    </div>
  );
}

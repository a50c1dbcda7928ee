/** The bar that names what is about to change and what that takes; while it is there nobody leaves by mistake. */
import { useEffect } from "preact/hooks";
import { Button, Confirm, Notice, toast } from "@huisclos/ui-kit";
import { go, holdBack, held } from "../route.ts";
import { settingName, settingsWords } from "../words/settings.ts";
import type { Drafts } from "./drafts.ts";

export function SaveBar({ d }: { d: Drafts }) {
  const t = settingsWords.value, names = d.changed.map(settingName);
  const unsaved = names.length > 0;
  useEffect(() => { if (unsaved) return holdBack(); }, [unsaved]);
  const later = d.changed.filter((n) => d.of(n)?.live === false).map(settingName);
  const save = async () => { if (await d.save()) toast(t.saved); };
  return (
    <>
      {unsaved && (
        <section class="save-bar" aria-labelledby="save-title">
          <div class="grow stack stack--tight">
            <h2 id="save-title" class="save-bar__title">{t.bar.title}</h2>
            <p class="small">{names.join(", ")}. {later.length > 0 ? t.bar.later(later.join(", ")) : t.bar.now}</p>
            {d.error && <Notice tone="danger" live><p>{d.error}</p></Notice>}
          </div>
          <div class="row row--wrap"><Button onClick={d.discard}>{t.bar.discard}</Button><Button look="primary" busy={d.busy} onClick={() => void save()}>{t.bar.save}</Button></div>
        </section>
      )}
      <Confirm open={held.value !== null} title={t.leave.title} act={t.leave.act} onClose={() => { held.value = null; }} onAct={() => { const to = held.value; d.discard(); held.value = null; if (to) go(to, false, true); }}>
        <p>{t.leave.text(names.join(", "))}</p>
      </Confirm>
    </>
  );
}

/** What was saved and waits for a restart. */
export function NeedsRestart({ d }: { d: Drafts }) {
  const t = settingsWords.value, list = d.all?.needsRestart ?? [];
  return list.length === 0 ? null : <Notice tone="attention"><p>{t.needsRestart(list.map(settingName).join(", "))}</p><p class="small">{t.how}</p></Notice>;
}

/** Before the owner opens: who will be a host besides. Names that this device has not seen confirmed become hosts only on a yes. */
import { useState } from "preact/hooks";
import { Button, list, Notice } from "@huisclos/ui-kit";
import type { Room } from "../api/index.ts";
import { rulesWords } from "../words/rules.ts";
import { knowCohosts, knownCohosts, knowsStraight } from "./known.ts";

export function Helpers({ room }: { room: Room }) {
  const t = rulesWords.value.helpers;
  const all = room.cohosts ?? [];
  const [known, setKnown] = useState(() => knownCohosts(room.id));
  const strange = all.filter((c) => !known.includes(c.id)), sure = all.filter((c) => known.includes(c.id));
  const confirm = () => { const ids = all.map((c) => c.id); knowCohosts(room.id, ids); setKnown(ids); };
  return (
    <>
      {strange.length > 0 && (
        <Notice tone="attention" live>
          <p>{t.strange(list(strange.map((c) => c.email ? `${c.name} (${c.email})` : c.name)), strange.length)}</p>
          <p><Button onClick={confirm}>{t.confirm}</Button></p>
        </Notice>
      )}
      {sure.length > 0 && <p class="muted small">{t.sure(list(sure.map((c) => c.name)), sure.length)}</p>}
      {room.straight && <p class="muted small">{knowsStraight(room.id, room.straight.stamp) ? t.ruleKnown : t.rule}</p>}
    </>
  );
}

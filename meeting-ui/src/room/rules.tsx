/** At the door: under which conditions the meeting is held, and whether they were stricter when this device was here last. */
import { useMemo } from "preact/hooks";
import { Badge, Icon, Notice, ProfileConditions, profileWords as kitWords } from "@huisclos/ui-kit";
import { lost, remembered, type Profile } from "../call/profile.ts";
import { profileWords } from "../words/profile.ts";

export function RoomRules({ room, profile }: { room: string; profile: Profile }) {
  const t = profileWords.value;
  const before = useMemo(() => remembered(localStorage, room), [room]);
  const gone = before ? lost(profile, before) : [];
  return (
    <>
      {(profile.conditions.length > 0 || profile.members > 0) && (
        <details class="rules-of">
          <summary><Badge><Icon name="shield-check" size="s" /><span>{t.badge(profile.name)}</span></Badge></summary>
          <ProfileConditions profile={profile} />
        </details>
      )}
      {gone.length > 0 && (
        <Notice tone="attention" icon="triangle-alert" title={t.weaker} live>
          <p>{t.weakerText}</p>
          <ul class="conditions small">{gone.map((c) => <li key={c}><Icon name="x" size="s" /><span>{c === "members" ? t.members : kitWords.value.conditions[c]}</span></li>)}</ul>
          <p>{t.weakerAsk}</p>
        </Notice>
      )}
    </>
  );
}

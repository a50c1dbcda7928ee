/** Which security profile a room's meetings are held under; its owner chooses. */
import { useEffect, useState } from "preact/hooks";
import { Button, Dialog, lang, Notice, ProfileConditions, Select, Skeleton, toast } from "@huisclos/ui-kit";
import { api, type ApiError, type Room, type RoomProfile } from "../api/index.ts";
import { asApiError } from "../session.ts";
import { profileWords } from "../words/profile.ts";

export function RoomProfileDialog({ room, onClose, onDone }: { room: Room; onClose: () => void; onDone: () => void }) {
  const t = profileWords.value;
  const [list, setList] = useState<RoomProfile[] | null>(null);
  const [chosen, setChosen] = useState(room.profile.id);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => { api.profiles().then(setList, (e) => setError(asApiError(e))); }, []);
  const profile = list?.find((p) => p.id === chosen);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy || !profile) return;
    setBusy(true);
    try {
      await api.setProfile(room.id, profile.id);
      toast(t.changed(room.name, profile.name), "shield-check");
      onDone();
    } catch (cause) {
      setError(asApiError(cause));
      setBusy(false);
    }
  };
  return (
    <Dialog open title={t.title(room.name)} onClose={onClose}>
      <form class="stack" onSubmit={(e) => void submit(e)}>
        <p class="muted">{t.lead}</p>
        {!list && !error && <Skeleton lines={3} />}
        {list && (
          <>
            <Select label={t.profile} icon="shield-check" value={chosen} onValue={setChosen} options={list.map((p) => ({ value: p.id, label: p.name }))} />
            {profile && <div aria-live="polite"><ProfileConditions profile={profile} /></div>}
          </>
        )}
        {room.live && <Notice><p>{t.later}</p></Notice>}
        {error && <Notice tone="danger" live><p>{error.text(lang.value)}</p></Notice>}
        <div class="dialog__acts"><Button look="primary" type="submit" busy={busy} disabled={!profile}>{t.save}</Button></div>
      </form>
    </Dialog>
  );
}

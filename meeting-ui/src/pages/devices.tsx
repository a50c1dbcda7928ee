/** The part of the account page about one's devices: what the key log says of them, and what to do about one that is not one's own. */
import { useEffect, useState } from "preact/hooks";
import { knownDevice } from "@huisclos/e2ee";
import { Badge, Button, dateTime, Icon, lang, Notice, Skeleton } from "@huisclos/ui-kit";
import { api, type Account, type ApiError } from "../api/index.ts";
import { asApiError } from "../session.ts";
import { desk } from "../words/desk.ts";
import { deviceRows, type DeviceRow } from "./device-rows.ts";

const first = 10;

export function Devices({ me }: { me: Account }) {
  const t = desk.value.devices;
  const [rows, setRows] = useState<DeviceRow[] | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [all, setAll] = useState(false);
  useEffect(() => {
    // A browser that keeps nothing for this site is none of those listed.
    const load = async () => deviceRows(await api.devices(), await knownDevice(me.id).catch(() => null));
    load().then(setRows, (e) => setError(asApiError(e)));
  }, []);
  return (
    <section class="card part" aria-labelledby="part-devices">
      <h2 id="part-devices">{t.title}</h2>
      <div class="stack">
        <p class="muted small">{t.text}</p>
        {error && <Notice tone="danger" live><p>{error.text(lang.value)}</p></Notice>}
        {!rows ? !error && <Skeleton lines={2} /> : rows.length === 0 ? <p>{t.none}</p> : (
          <>
            <ul class="sessions">{(all ? rows : rows.slice(0, first)).map((r) => <Row key={r.number} row={r} />)}</ul>
            {!all && rows.length > first && <div><Button onClick={() => setAll(true)}>{t.all(rows.length)}</Button></div>}
            <p class="small">{t.odd} <a href="#part-sessions">{t.oddSessions}</a>{t.oddThen}<a href="#part-passphrase">{t.oddPassphrase}</a>{t.oddEnd}</p>
          </>
        )}
      </div>
    </section>
  );
}

function Row({ row: r }: { row: DeviceRow }) {
  const t = desk.value.devices;
  return (
    <li class="session">
      <Icon name="laptop" />
      <div class="grow">
        <p class="row row--wrap"><b>{t.since(dateTime(r.time))}</b>{r.here && <Badge tone="accent">{t.here}</Badge>}</p>
        <p class="muted small row row--wrap"><span>{t.device} <span class="code">{r.id}</span></span><span>{t.key} <span class="code">{r.key}</span></span></p>
      </div>
    </li>
  );
}
